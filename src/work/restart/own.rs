//! Owns the start of a thread that restarts itself by a policy.
//! Refuses to run it: `thread::rerun` does, and asks the policy after each run.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::outcome::errors::gave_up::GaveUp;
use crate::sync::Mutex;
use crate::thread::builder::Rerunning;
use crate::thread::rerun::{AfterRun, Decider, EndOfRun};
use crate::tree::readiness::Word;
use crate::tree::result_state::Outcome;
use crate::work::ready::Starter;
use crate::work::restart::decision::{Ended, History, Next};
use crate::{Context, Failure, Handle, Restart, Result, Role, SpawnError, StartError, ThreadBuilder};

/// A thread with a policy of restarts, before it is started. From
/// [`ThreadBuilder::restart`](crate::ThreadBuilder::restart).
///
/// ```
/// use homebound::Restart;
///
/// let mut seen = 0; // lives outside of the scope, and survives the restarts
/// homebound::scope(|scope| {
///     let feed = scope.thread("feed", "reads the feed").restart(Restart::on_failure());
///     feed.spawn(|cx| {
///         seen += 1;
///         if cx.run_number() < 3 { Err("the line went dead")? } else { Ok(()) }
///     })?;
///     Ok(())
/// })?;
/// assert_eq!(seen, 3);
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[must_use = "a builder starts nothing until .service(f), .spawn(f) or .start(limit, f)"]
pub struct RestartBuilder<'scope> {
    thread: ThreadBuilder<'scope>,
    policy: Restart,
}

/// # Restarts
impl<'scope> ThreadBuilder<'scope> {
    /// Lets the thread run again after its end, as `policy` says. Its closure is called once for
    /// each *run*, on the same captures: what it makes inside is new in each run, what it has
    /// captured stays.
    ///
    /// All runs are one thread: one handle, one path, one id, one row in the dump. After a failure
    /// the next run has a new OS thread, which first joins that of the run before, so that the
    /// destructors of its thread-locals have run. A failure that a restart answers does not fail
    /// the scope. It is logged as an error at once, and views show it.
    ///
    /// From the instant at which the thread or its scope is asked to stop, nothing restarts.
    /// [`vital`](Self::vital) and [`isolated`](Self::isolated) are about the last end.
    ///
    /// ```
    /// use homebound::Restart;
    ///
    /// homebound::scope(|scope| {
    ///     let policy = Restart::on_failure().no_backoff();
    ///     let feed = scope.thread("feed", "reads the feed").restart(policy);
    ///     let lines = feed.spawn(|cx| match cx.run_number() {
    ///         1 => panic!("a bug"),
    ///         2 => Err("the line went dead")?,
    ///         _ => Ok(12),
    ///     })?;
    ///     assert_eq!(lines.join()?, 12);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn restart(self, policy: Restart) -> RestartBuilder<'scope> {
        RestartBuilder { thread: self, policy }
    }
}

impl<'scope> RestartBuilder<'scope> {
    /// Starts the thread as a service: it ends when it is told to stop, after the workers, or by
    /// its policy.
    ///
    /// ```
    /// use homebound::Restart;
    ///
    /// homebound::scope(|scope| {
    ///     let (ask, asked) = homebound::channel::bounded::<&str>(0);
    ///     scope.thread("oracle", "answers").restart(Restart::on_failure()).service(move |cx| {
    ///         for question in cx.iter(&asked) {
    ///             match question {
    ///                 "the bug" => Err("no answer")?, // and on, with the next question
    ///                 question => println!("in run {}: {question}", cx.run_number()),
    ///             }
    ///         }
    ///         Ok(())
    ///     })?;
    ///     for question in ["the sky", "the bug", "the sea"] {
    ///         ask.send(question)?;
    ///     }
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// [`SpawnError::InvalidPolicy`] if the intensity of the policy is out of reach; else as
    /// [`Scope::spawn`](crate::Scope::spawn). A later run that the system refuses is a failed run.
    pub fn service<F>(self, f: F) -> Result<Handle<'scope, ()>, SpawnError>
    where
        F: FnMut(&Context) -> Result + Send + 'scope,
    {
        self.policy.check()?;
        Ok(self.begin(Role::Service, Word::None, f)?.handle)
    }

    /// Starts the thread as a worker, which runs until a run returns `Ok`.
    ///
    /// ```
    /// use homebound::Restart;
    ///
    /// homebound::scope(|scope| {
    ///     let dice = scope.thread("dice", "throws a 3").restart(Restart::on_failure());
    ///     let mut face = 0;
    ///     let thrown = dice.spawn(move |_| {
    ///         face += 1;
    ///         if face < 3 { Err(format!("a {face}"))? } else { Ok(face) }
    ///     })?;
    ///     assert_eq!(thrown.join()?, 3);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`service`](Self::service); and [`SpawnError::InvalidPolicy`] for
    /// [`Restart::always`](crate::work::Restart::always), which would never return the value.
    pub fn spawn<T, F>(self, f: F) -> Result<Handle<'scope, T>, SpawnError>
    where
        F: FnMut(&Context) -> Result<T> + Send + 'scope,
        T: Send + 'scope,
    {
        self.policy.check_for_value()?;
        Ok(self.begin(Role::Worker, Word::None, f)?.handle)
    }

    /// Starts the thread as a service, and returns when it calls
    /// [`cx.ready()`](crate::Context::ready). `limit` is the time for that.
    ///
    /// Until then the first run is the starter's: its failure is returned here, and restarts
    /// nothing, because a service that cannot begin at all is better known at once. From then on
    /// the policy decides. Later runs may call `ready` as well, which changes nothing. The rest is
    /// as with [`ThreadBuilder::start`](crate::ThreadBuilder::start).
    ///
    /// ```
    /// use homebound::Restart;
    /// use std::net::{TcpListener, TcpStream};
    /// use std::time::Duration;
    ///
    /// let address = "127.0.0.1:0".parse::<std::net::SocketAddr>()?;
    /// let listener = TcpListener::bind(address)?;
    /// let address = listener.local_addr()?;
    /// homebound::scope(|scope| {
    ///     let web = scope.thread("web", "serves pages").restart(Restart::on_failure());
    ///     web.start(Duration::from_secs(5), |cx| {
    ///         cx.ready(); // each run begins with the listener that was captured
    ///         loop {
    ///             cx.accept(&listener)?;
    ///         }
    ///     })?;
    ///     TcpStream::connect(address)?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::BoxError>(())
    /// ```
    ///
    /// # Errors
    /// [`StartError`], as of [`ThreadBuilder::start`](crate::ThreadBuilder::start); in it a policy
    /// that is refused, as of [`service`](Self::service).
    #[track_caller]
    #[must_use = "it says why the service is not ready: pass the error on with `?`"]
    pub fn start<F>(self, limit: Duration, f: F) -> Result<Handle<'scope, ()>, StartError>
    where
        F: FnMut(&Context) -> Result + Send + 'scope,
    {
        let starter = Starter::new(limit, Location::caller())?;
        self.policy.check()?;
        // `Word::Context`: the first run says by `Context::ready` that it is ready, and the starter
        // waits for that.
        let Rerunning { handle, started, .. } = self.begin(Role::Service, Word::Context, f)?;
        match started {
            Some(woken) => starter.wait(handle, &woken),
            None => Ok(handle),
        }
    }

    fn begin<T, F>(self, role: Role, word: Word, f: F) -> Result<Rerunning<'scope, T>, SpawnError>
    where
        F: FnMut(&Context) -> Result<T> + Send + 'scope,
        T: Send + 'scope,
    {
        let decider = Own { policy: self.policy, history: Mutex::default() };
        self.thread.rerun(role, word, f, Arc::new(decider))
    }
}

impl fmt::Debug for RestartBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestartBuilder").field("thread", &self.thread).field("policy", &self.policy).finish()
    }
}

/// The policy of one thread, and what it remembers.
struct Own {
    policy: Restart,
    /// Used by one OS thread at a time, the one that runs the thread.
    history: Mutex<History>,
}

impl Decider for Own {
    fn after(&self, end: &EndOfRun<'_>) -> AfterRun {
        let ended = match end.outcome {
            Outcome::Finished => Ended::Ok,
            Outcome::Failed(failure) => Ended::by(failure),
            // Nothing restarts after a stop (RS4).
            Outcome::Stopped(_) => return AfterRun::Over,
        };
        // A run that was not ready in time is its starter's.
        if end.stopping || !end.ready {
            return AfterRun::Over;
        }
        // Taken out, because the predicates of `unless` are the program's code.
        let mut history = std::mem::take(&mut *self.history.lock());
        let next = self.policy.decide(end.at, end.lasted, &ended, &mut history, None);
        // For views: how near the thread is to being given up.
        let streak = history.streak;
        // Put back. No other thread has looked meanwhile, because the runs of one thread never
        // overlap.
        *self.history.lock() = history;
        match next {
            Next::Over | Next::Hopeless => AfterRun::Over,
            Next::Again(pause) => AfterRun::Again(pause, streak),
            Next::GiveUp { restarts, within, limit } => {
                let last = last(end);
                let name = &end.record.label.name;
                AfterRun::GiveUp(Box::new(GaveUp::new(name, restarts, within, limit, last)))
            }
        }
    }
}

/// The failure of the run; a run of `always` that has returned `Ok` once too often has failed so.
fn last(end: &EndOfRun<'_>) -> Failure {
    match end.outcome {
        Outcome::Failed(failure) => failure.clone(),
        Outcome::Finished | Outcome::Stopped(_) => {
            let error = "it returned `Ok`, and is to run for ever";
            Failure::error(end.record.origin(), error.into(), Vec::new())
        }
    }
}
