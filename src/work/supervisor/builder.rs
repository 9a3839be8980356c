//! Owns the configuration of a supervisor, and its start.
//! Refuses to look after the children: `keeper` does, on a thread of its own.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::Child;
use crate::Context;
use crate::IntoText;
use crate::Restart;
use crate::Result;
use crate::Scope;
use crate::SpawnError;
use crate::StartError;
use crate::Strategy;
use crate::ThreadBuilder;
use crate::outcome::errors::failure::Origin;
use crate::rt::contain::drop_each;
use crate::scope::group::open_left;
use crate::shutdown::left::settle_if_empty;
use crate::tree::core::ScopeCore;
use crate::tree::propagate::complain;
use crate::tree::record::Label;
use crate::work::restart::decision::Window;
use crate::work::supervisor::board::Board;
use crate::work::supervisor::handle::Supervisor;
use crate::work::supervisor::keeper::{First, Keeper};
use crate::work::supervisor::kept::Kept;
use crate::work::supervisor::reply::way;
use crate::work::supervisor::request::Requests;

/// # Supervisors
impl<'scope> Scope<'scope, '_> {
    /// Configures a supervisor: a thread that looks after others, and restarts them.
    ///
    /// A supervisor is one service of this scope. In the tree it is a group of its name, with a
    /// thread that has the path of the group, and the children below it.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// let lines = AtomicU32::new(0);
    /// homebound::scope(|scope| {
    ///     let sup = scope.supervisor("ingest", "keeps the feed");
    ///     let sup = sup.child("feed", "reads the feed", |cx| {
    ///         if lines.fetch_add(1, Ordering::Relaxed) == 2 {
    ///             Err("the line went dead")?; // and on, in the next run
    ///         }
    ///         Ok(drop(cx.wait_for_stop()))
    ///     });
    ///     let sup = sup.start()?;
    ///     sup.restart("feed")?; // on purpose
    ///     assert_eq!(sup.children()[0].run, 2);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn supervisor(&self, name: impl IntoText, purpose: impl IntoText) -> SupervisorBuilder<'scope> {
        SupervisorBuilder::new(self.thread(name, purpose))
    }
}

/// # Supervisors
impl Context {
    /// Configures a supervisor in the scope that this thread is in. Its children borrow nothing.
    ///
    /// A supervisor that gives up fails that scope. To put a supervisor below another one, open a
    /// scope in a child, and the supervisor in there: then the child fails, and its supervisor
    /// decides.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let sup = scope.context().supervisor("ingest", "keeps the feed");
    ///     sup.child("feed", "reads the feed", |cx| Ok(drop(cx.wait_for_stop()))).start()?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn supervisor(&self, name: impl IntoText, purpose: impl IntoText) -> SupervisorBuilder<'static> {
        SupervisorBuilder::new(self.thread(name, purpose))
    }
}

/// A supervisor before it is started. From [`Scope::supervisor`](crate::Scope::supervisor).
///
/// ```
/// use homebound::work::{Child, Restart, Strategy};
/// use std::time::Duration;
///
/// homebound::scope(|scope| {
///     let sup = scope.supervisor("ingest", "keeps the feed and its parser");
///     let policy = Restart::on_failure().give_up_after(5);
///     let sup = sup.strategy(Strategy::RestForOne).restart(policy);
///     let feed = Child::new("feed", "reads", |cx| {
///         cx.ready();
///         Ok(drop(cx.wait_for_stop()))
///     });
///     let sup = sup.add(feed.ready_within(Duration::from_secs(5)));
///     // Starts when the feed is ready.
///     sup.child("parser", "parses", |cx| Ok(drop(cx.wait_for_stop()))).start()?;
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[must_use = "a builder starts nothing until .start()"]
pub struct SupervisorBuilder<'scope> {
    thread: ThreadBuilder<'scope>,
    strategy: Strategy,
    policy: Restart,
    grace: Duration,
    children: Vec<Child<'scope>>,
}

impl<'scope> SupervisorBuilder<'scope> {
    fn new(thread: ThreadBuilder<'scope>) -> Self {
        let grace = Duration::from_secs(5);
        let (strategy, policy) = (Strategy::default(), Restart::on_failure());
        SupervisorBuilder { thread, strategy, policy, grace, children: Vec::new() }
    }

    /// Sets which children are restarted together. Unless set, each alone.
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// Sets the policy of all children that have none of their own; unless set,
    /// [`Restart::on_failure`](crate::work::Restart::on_failure). Its intensity counts the restarts
    /// of all children together; failures in a row are each child's.
    pub fn restart(mut self, policy: Restart) -> Self {
        self.policy = policy;
        self
    }

    /// Sets how long a sibling has to come home before it is restarted: 5 s unless set. A
    /// sibling that is late ends the supervisor with an error that names it, because there are
    /// never two runs of one child. [`Supervisor::restart`] and its siblings wait so long as well.
    pub fn child_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Adds a child that runs again as the supervisor's policy says.
    #[track_caller]
    pub fn child<F>(self, name: impl IntoText, purpose: impl IntoText, f: F) -> Self
    where
        F: FnMut(&Context) -> Result + Send + 'scope,
    {
        self.add(Child::new(name, purpose, f))
    }

    /// Adds a child.
    #[allow(clippy::should_implement_trait)] // The name is that of `Supervisor::add`; nothing is summed up.
    pub fn add(mut self, child: Child<'scope>) -> Self {
        self.children.push(child);
        self
    }

    /// Starts the children in their order, each when the one before it is ready, if that one has a
    /// limit; and returns when all are up. No child restarts before that.
    ///
    /// # Errors
    /// If a child fails before it is ready, or is late, those before it are stopped in reverse, and
    /// the error says why. [`StartError::Spawn`] also for a refusal by the system, for a name that
    /// is invalid or that two children have, and for a policy whose intensity is out of reach.
    /// [`StartError::Stopped`], if the calling thread is asked to stop.
    #[track_caller]
    pub fn start(self) -> std::result::Result<Supervisor<'scope>, StartError> {
        let at = std::panic::Location::caller();
        // Kept for a refusal, after which the builder of the thread is gone.
        let (around, _, label) = self.thread.place();
        let (around, label) = (Arc::clone(around), label.clone());
        let checked = self.check();
        // Opens the group of the children, which is a service of the scope. Refused like a spawn.
        let opened = checked.and_then(|()| open_left(self.thread));
        let (scope, label) = match opened {
            Ok(opened) => opened,
            Err(refusal) => {
                drop_unstarted(&around, &label, self.children);
                return Err(refusal.into());
            }
        };
        let core = Arc::clone(scope.core());
        let board = Board::new();
        let requests = Arc::new(Requests::new(&board));
        // `starter` goes to the thread of the supervisor, and is answered once: when all children
        // are up (`end_first_start`), or when that has failed (`tell_starter`).
        let (starter, started) = way();
        let (policy, grace, strategy) = (self.policy, self.grace, self.strategy);
        let kept = (0..).zip(self.children).map(|(key, child)| Kept::new(child, key, &scope, &policy, false));
        let children: Vec<_> = kept.collect();
        let vital = children.iter().any(|kept| kept.vital);
        // Facts for a join (A18): a supervisor that may end by itself is worth waiting for. Written
        // before its thread begins.
        let once = !children.is_empty() && children.iter().all(|kept| kept.once);
        board.set_may_end(vital || once);
        let thread = scope.thread(label.name, label.purpose).spawned_at(label.at);
        let keeper = Keeper {
            scope,
            board: Arc::clone(&board),
            requests: Arc::clone(&requests),
            strategy,
            policy,
            window: Window::default(),
            last_failure: None,
            grace,
            // Keys are never used again: the end of a child that has left the list is told from
            // that of a later child of its name.
            next_key: children.len() as u64,
            // Decided once, by the start: see the field.
            ends_when_empty: !children.is_empty(),
            children,
            ends: VecDeque::new(),
            first: Some(First { starter, ends: Vec::new() }),
            leaving: None,
        };
        // The thread is a worker of the group, so a stop of the group reaches it before the
        // children (E1).
        let spawned = thread.head(move |cx| keeper.run(cx));
        // A group without a thread would have none to settle it, so that is done here.
        let handle = spawned.inspect_err(|_| settle_if_empty(&core))?;
        let supervisor = Supervisor::new(core, Arc::clone(handle.record()), board, requests, grace);
        // No code asks the handle for a result, so drop the handle, and the record keeps none.
        drop(handle);
        // An error drops this handle. The supervisor ends by itself then, because its start has
        // failed or was given up.
        supervisor.wait_for_start(started, at)?;
        Ok(supervisor)
    }

    /// Refuses what would only be found out later, or never.
    fn check(&self) -> std::result::Result<(), SpawnError> {
        self.policy.check()?;
        for (place, child) in self.children.iter().enumerate() {
            // The policy of a `never` or `once` child is checked as well: a policy that is out of
            // reach is an error of the program.
            child.policy.as_ref().map_or(Ok(()), Restart::check)?;
            if self.children[..place].iter().any(|other| other.name == child.name) {
                return Err(SpawnError::InvalidName);
            }
        }
        Ok(())
    }
}

/// Drops children of a supervisor that was refused, each for itself. A panic is a failure of the
/// scope around it (E4).
fn drop_unstarted(around: &Arc<ScopeCore>, label: &Label, children: Vec<Child<'_>>) {
    drop_each(children, |payload| {
        let (name, purpose, notes) = (label.name.clone(), label.purpose.clone(), Vec::new());
        let path = format!("{}/{name}", around.path());
        let origin = Origin { id: None, path, name, purpose, spawned_from: label.at, notes };
        complain(around, origin, payload, true);
    });
}

impl fmt::Debug for SupervisorBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SupervisorBuilder")
            .field("thread", &self.thread)
            .field("strategy", &self.strategy)
            .field("policy", &self.policy)
            .field("children", &self.children)
            .finish_non_exhaustive()
    }
}
