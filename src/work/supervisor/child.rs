//! Owns the description of a supervisor's child: its closure, and what its ends mean.
//! Refuses to run it.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::time::Duration;

use crate::{Context, IntoText, Priority, Restart, Result};

/// The closure of a child, which may be called again.
pub(super) type Closure<'scope> = Box<dyn FnMut(&Context) -> Result + Send + 'scope>;

/// A child of a supervisor, with all that [`SupervisorBuilder::child`] leaves at its default.
///
/// The closure is called once for each run, on the same captures: what it makes inside is new in
/// each run, what it has captured stays.
///
/// | | when it ends | when a sibling takes it along |
/// |---|---|---|
/// | [`new`](Self::new) | after a failure it runs again, as the policy says | it runs again |
/// | [`always`](Self::always) | it runs again, also after `Ok` | it runs again |
/// | [`never`](Self::never), [`once`](Self::once) | it is over; a failure is history | it is over |
/// | [`vital`](Self::vital) too | if it is over, the supervisor ends as it did | no effect |
///
/// ```
/// use homebound::work::Child;
/// use std::time::Duration;
///
/// homebound::scope(|scope| {
///     let server = Child::new("server", "answers", |cx| {
///         cx.ready(); // its socket listens
///         Ok(drop(cx.wait_for_stop()))
///     });
///     let sup = scope.supervisor("web", "keeps the server");
///     let sup = sup.add(server.ready_within(Duration::from_secs(5)).vital()).start()?;
///     assert_eq!(sup.children()[0].name, "server");
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
///
/// [`SupervisorBuilder::child`]: crate::work::SupervisorBuilder::child
#[must_use = "a child runs when a supervisor has it: SupervisorBuilder::add, Supervisor::add"]
pub struct Child<'scope> {
    pub(super) name: String,
    pub(super) purpose: String,
    pub(super) at: &'static Location<'static>,
    pub(super) run: Closure<'scope>,
    /// Its closure can be called once.
    pub(super) once: bool,
    pub(super) when: When,
    pub(super) vital: bool,
    /// How long it may take to say that it is ready. `None`: nobody waits for that.
    pub(super) ready_within: Option<Duration>,
    /// Its own policy; `None` for the supervisor's.
    pub(super) policy: Option<Restart>,
    /// In bytes.
    pub(super) stack_size: Option<usize>,
    /// Of the OS threads of all its runs.
    pub(super) priority: Priority,
    /// How often each run makes progress, if the child has said so.
    pub(super) expect_every: Option<Duration>,
    /// Invariant, as all that a supervisor takes.
    _scope: PhantomData<fn(&'scope ()) -> &'scope ()>,
}

/// What was said about the ends of a child beside its policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Policy,
    Always,
    Never,
}

impl<'scope> Child<'scope> {
    /// A child whose closure may be called again.
    #[track_caller]
    pub fn new<F>(name: impl IntoText, purpose: impl IntoText, f: F) -> Self
    where
        F: FnMut(&Context) -> Result + Send + 'scope,
    {
        Child {
            name: name.into().into_owned(),
            purpose: purpose.into().into_owned(),
            at: Location::caller(),
            run: Box::new(f),
            once: false,
            when: When::Policy,
            vital: false,
            ready_within: None,
            policy: None,
            stack_size: None,
            priority: Priority::Normal,
            expect_every: None,
            _scope: PhantomData,
        }
    }

    /// A child that runs once and is never restarted, for a closure that gives away what it has
    /// captured: a connection.
    ///
    /// ```
    /// use homebound::work::Child;
    ///
    /// homebound::scope(|scope| {
    ///     let sup = scope.supervisor("connections", "keeps those that are open").start()?;
    ///     let line = String::from("hello"); // in real life, a TcpStream
    ///     sup.add(Child::once("conn-1", "answers one peer", move |_| Ok(drop(line))))?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn once<F>(name: impl IntoText, purpose: impl IntoText, f: F) -> Self
    where
        F: FnOnce(&Context) -> Result + Send + 'scope,
    {
        // Called once, because the policy of this child is `never`. A second call would find
        // nothing to do.
        let mut f = Some(f);
        let run = move |cx: &Context| f.take().map_or(Ok(()), |f| f(cx));
        Child { once: true, when: When::Never, ..Child::new(name, purpose, run) }
    }

    /// Runs it again after every end, `Ok` included. No effect on [`once`](Self::once).
    pub fn always(mut self) -> Self {
        // A closure that gives away what it has captured cannot be called again, whatever is asked
        // for.
        self.when = if self.once { When::Never } else { When::Always };
        self
    }

    /// Never runs it again. A failure of the child is in the supervisor's history, and fails
    /// nothing else.
    pub fn never(mut self) -> Self {
        self.when = When::Never;
        self
    }

    /// Ends the supervisor with this child: when it ends and does not run again, its siblings are
    /// stopped in reverse, and the supervisor ends as it did. A stop of this child by the
    /// supervisor is no such end.
    pub fn vital(mut self) -> Self {
        self.vital = true;
        self
    }

    /// Expects each run to call [`Context::ready`](crate::Context::ready) within `limit`. The next
    /// child starts only then. In a restart, a run that is not ready in time is told to stop, and
    /// has failed.
    pub fn ready_within(mut self, limit: Duration) -> Self {
        self.ready_within = Some(limit);
        self
    }

    /// A policy of its own. Its intensity, if it has one, counts this child alone; its restarts
    /// count for the supervisor's as well.
    pub fn restart(mut self, policy: Restart) -> Self {
        self.policy = Some(policy);
        self.when = if self.once { When::Never } else { When::Policy };
        self
    }

    /// As [`ThreadBuilder::stack_size`](crate::ThreadBuilder::stack_size).
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// The priority of the OS thread of each run, as
    /// [`ThreadBuilder::priority`](crate::ThreadBuilder::priority).
    ///
    /// ```
    /// use homebound::{Child, Priority};
    ///
    /// homebound::scope(|scope| {
    ///     let index = Child::new("index", "reads files when nothing else does", |cx| {
    ///         Ok(drop(cx.wait_for_stop()))
    ///     });
    ///     let index = index.priority(Priority::Background);
    ///     scope.supervisor("desk", "keeps the index").add(index).start()?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Says that each run makes progress at least this often, as
    /// [`ThreadBuilder::expect_every`](crate::ThreadBuilder::expect_every). The pause before a run
    /// does not count.
    ///
    /// ```
    /// use homebound::Child;
    /// use std::time::Duration;
    ///
    /// homebound::scope(|scope| {
    ///     let feed = Child::new("feed", "reads prices", |cx| {
    ///         while cx.sleep(Duration::from_secs(1)).is_ok() {}
    ///         Ok(())
    ///     });
    ///     let feed = feed.expect_every(Duration::from_secs(20));
    ///     scope.supervisor("ingest", "keeps the feed").add(feed).start()?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn expect_every(mut self, progress: Duration) -> Self {
        self.expect_every = Some(progress);
        self
    }

    /// Its policy, below a supervisor with the policy `default`.
    pub(super) fn resolved(&self, default: &Restart) -> Restart {
        // `always` and `never` say when, and keep pauses and limits of the policy.
        let policy = self.policy.as_ref().unwrap_or(default).clone();
        match self.when {
            When::Policy => policy,
            When::Always => policy.and_always(),
            When::Never => policy.and_never(),
        }
    }
}

impl fmt::Debug for Child<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child").field("name", &self.name).field("vital", &self.vital).finish_non_exhaustive()
    }
}
