//! Owns the handle of a supervisor: what a program may ask of it, and what it may look at.
//! Refuses to decide and to act: the supervisor's thread does.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::outcome::reason::{Stop, StopReason};
use crate::rt::time::after;
use crate::shutdown::long_wait::For;
use crate::thread::blocking::{self, until_done};
use crate::thread::context::current;
use crate::tree::core::ScopeCore;
use crate::tree::deadlock::{Joining, Waiting};
use crate::tree::record::Record;
use crate::tree::users;
use crate::tree::wait_mark::WaitMark;
use crate::tree::waiting::Of;
use crate::work::supervisor::board::{Board, Ending};
use crate::work::supervisor::needs::Needs;
use crate::work::supervisor::reply::Awaited;
use crate::work::supervisor::request::{Reply, Request, Requests};
use crate::{Child, ChildError, ChildStatus, Failure, JoinError, StartError, Stopped, WaitError};

/// The handle of a running supervisor. Clones are the same supervisor; a drop stops nothing, and
/// never blocks. From [`SupervisorBuilder::start`](crate::work::SupervisorBuilder::start).
///
/// ```
/// use homebound::work::{Child, ChildState};
///
/// homebound::scope(|scope| {
///     let sup = scope.supervisor("ingest", "keeps the feed").start()?;
///     sup.add(Child::new("feed", "reads", |cx| Ok(drop(cx.wait_for_stop()))))?;
///     sup.stop_child("feed")?;
///     assert_eq!(sup.children()[0].state, ChildState::Stopped);
///     sup.restart("feed")?;
///     sup.remove("feed")?;
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Clone)]
pub struct Supervisor<'scope> {
    shared: Arc<Shared<'scope>>,
}

struct Shared<'scope> {
    /// The group of the children.
    core: Arc<ScopeCore>,
    /// The supervisor's own thread.
    record: Arc<Record>,
    board: Arc<Board>,
    requests: Arc<Requests<'scope>>,
    grace: Duration,
}

impl<'scope> Supervisor<'scope> {
    pub(super) fn new(
        core: Arc<ScopeCore>,
        record: Arc<Record>,
        board: Arc<Board>,
        requests: Arc<Requests<'scope>>,
        grace: Duration,
    ) -> Self {
        Supervisor { shared: Arc::new(Shared { core, record, board, requests, grace }) }
    }

    /// The number of restarts that were decided. Siblings that are restarted with a child, and
    /// restarts on purpose, do not count.
    pub fn restarts(&self) -> u64 {
        self.shared.board.history().restarts
    }

    /// The last 16 failures of children that the supervisor has answered, the oldest first.
    pub fn failures(&self) -> Vec<Failure> {
        self.shared.board.failures()
    }

    /// The children, in the order of their first starts.
    pub fn children(&self) -> Vec<ChildStatus> {
        self.shared.board.children()
    }

    /// Restarts a child on purpose, and returns when its next run is up. Counts for nothing. A
    /// child that was stopped, or that pauses, starts at once.
    ///
    /// # Errors
    /// [`ChildError::Unknown`] for a name that no child has, for a child that is over, and for
    /// [`Child::once`]. [`ChildError::Overdue`], if the child is not up again within the
    /// supervisor's `child_grace`; then it restarts when it comes home.
    /// [`ChildError::WouldDeadlock`] on a thread of one of the supervisor's own children.
    #[track_caller]
    pub fn restart(&self, child: &str) -> Result<(), ChildError> {
        // The sibling that asks, for the stop reason of the run that ends. A caller outside of all
        // scopes has no path.
        let by = current().map_or_else(|| self.shared.record.path().to_owned(), |cx| cx.path().to_owned());
        let request = |reply| Request::Restart { child: child.to_owned(), by, reply };
        self.ask_about(child, true, "restart of a child", Location::caller(), request)
    }

    /// Stops a child, and returns when it is home. It stays down until
    /// [`restart`](Self::restart). A child made by [`Child::once`] is over.
    ///
    /// # Errors
    /// As [`restart`](Self::restart).
    #[track_caller]
    pub fn stop_child(&self, child: &str) -> Result<(), ChildError> {
        let at = Location::caller();
        let request = |reply| Request::Stop { child: child.to_owned(), at, reply };
        self.ask_about(child, false, "stop of a child", at, request)
    }

    /// Adds a child at the end of the list, and returns when its first run is up.
    ///
    /// # Errors
    /// [`ChildError::Duplicate`], if a child of this name is not over. [`ChildError::Start`], if it
    /// failed before it was ready, or was late, or the system refused it: then it is not added.
    #[track_caller]
    pub fn add(&self, child: Child<'scope>) -> Result<(), ChildError> {
        if let Some(Err(error)) = child.policy.as_ref().map(crate::Restart::check) {
            return Err(ChildError::Start(error.into()));
        }
        // A join in the cycle is woken with the error. Without a join, the limit of the child ends
        // this wait, as it ends the wait of a start.
        let _edge = child.ready_within.map(|_| {
            let (core, name) = (Arc::clone(&self.shared.core), child.name.clone());
            Waiting::on_needs(Arc::new(Needs::Start { core, child: Some(name) }))
        });
        self.ask("start of a child", Location::caller(), None, |reply| Request::Add { child, reply })
    }

    /// Stops a child, and takes it out of the list.
    ///
    /// # Errors
    /// As [`restart`](Self::restart).
    #[track_caller]
    pub fn remove(&self, child: &str) -> Result<(), ChildError> {
        let at = Location::caller();
        let request = |reply| Request::Remove { child: child.to_owned(), at, reply };
        self.ask_about(child, false, "stop of a child", at, request)
    }

    /// Asks the supervisor to stop its children, the last one first, and to end. Does not wait.
    #[track_caller]
    pub fn stop(&self) {
        let at = Location::caller();
        // Before the request, so that a join which looks at the flag from now on waits for no child
        // (`Needs::End`).
        self.shared.board.set_left();
        let _nobody_waits = self.shared.requests.post(|_| Request::Leave { at });
    }

    /// Blocks until the supervisor is over: all of its children are, or a vital one, or it was
    /// stopped, or it has given up.
    ///
    /// # Errors
    /// [`JoinError::Failed`] with its [`GaveUp`](crate::work::GaveUp), or the failure of a vital
    /// child. [`JoinError::Stopped`], if it ended because its scope was stopped.
    /// [`JoinError::WouldDeadlock`] on a thread of one of its own children; and in the body or a
    /// worker of its scope, unless it has a vital child or all of its children are made by
    /// [`Child::once`], because it ends only after them.
    #[track_caller]
    #[must_use = "dropped, it takes the supervisor's failure or its stop along: pass it on with `?`"]
    pub fn join(&self) -> Result<(), JoinError> {
        let Shared { core, record, board, .. } = &*self.shared;
        let at = Location::caller();
        self.point("join", at);
        // A supervisor that is over is joined from anywhere, as a thread is.
        if !record.done.is_set() {
            // Two waits that no other thread can end: of a child for its own supervisor, and of a
            // user of this service, which is told only after its users (E1).
            let for_ever = users::is_caller_in(core)
                || (!board.may_end() && !board.is_left() && users::is_untold_group_of_caller(core));
            if for_ever {
                let caller = current().map(|cx| cx.path().to_owned()).unwrap_or_default();
                return Err(JoinError::WouldDeadlock { cycle: vec![caller, record.path().to_owned()] });
            }
            let _wait = WaitMark::on("join", at, Of::Thread(Arc::clone(record)));
            // What this join needs is looked up at each search, because children come and go while
            // it waits.
            let needs = Needs::End { core: Arc::clone(core), board: Arc::clone(board) };
            let joining = Joining::begin_with(record, Arc::new(needs))?;
            if !until_done(record, None, &|| joining.is_given_up()) {
                return Err(joining.refusal());
            }
        }
        // The ending was written for the last time before the thread was done.
        match board.ending() {
            Some(Ending::Over(_)) => Ok(()),
            // Marked here, on the thread that gets it.
            Some(Ending::Failed(failure)) => Err(JoinError::Failed(failure.marked())),
            Some(Ending::Stopped(stop)) => Err(JoinError::Stopped(Stopped::new(stop))),
            None => Err(JoinError::Stopped(core.node.stopped())),
        }
    }

    /// Blocks until all children are up. Called once, by the builder.
    pub(super) fn wait_for_start(
        &self,
        started: Awaited<Result<(), StartError>>,
        at: &'static Location<'static>,
    ) -> Result<(), StartError> {
        self.point("start", at);
        let core = Arc::clone(&self.shared.core);
        // As in `add`.
        let _edge = Waiting::on_needs(Arc::new(Needs::Start { core, child: None }));
        match self.receive("start", at, None, started) {
            Ok(Err(StartError::Failed(failure))) => Err(StartError::Failed(failure.marked())),
            Ok(started) => started,
            // It ended without an answer, so its scope is stopping.
            Err(WaitError::TimedOut | WaitError::Disconnected) => {
                Err(StartError::Stopped(self.shared.core.node.stopped()))
            }
            Err(WaitError::Stopped(stopped)) => {
                let _nobody_waits = self.shared.requests.post(|_| Request::Leave { at });
                Err(StartError::Stopped(stopped))
            }
        }
    }

    /// For a request about a child, for which the caller waits until the child is home. Refused if
    /// the child waits for the caller. `up`: the caller waits for the next run as well.
    fn ask_about(
        &self,
        child: &str,
        up: bool,
        what: &'static str,
        at: &'static Location<'static>,
        request: impl FnOnce(Reply) -> Request<'scope>,
    ) -> Result<(), ChildError> {
        let Shared { core, board, grace, .. } = &*self.shared;
        // At once, whatever the child does: it is told to end by the supervisor, and cannot before
        // its own call returns.
        if users::is_caller_in(core) {
            return Err(ChildError::WouldDeadlock);
        }
        let needs = Needs::run(board, child, up);
        let waiting = needs.map(|needs| Waiting::on_needs(Arc::new(needs))).transpose();
        // Entered before the request is posted. The table holds both this edge and the joins of the
        // child, so the later of two waits finds the earlier.
        let _edge = waiting.map_err(|_cycle| ChildError::WouldDeadlock)?;
        self.ask(what, at, Some(after(Instant::now(), *grace)), request)
    }

    /// Posts a request, and waits for the answer.
    fn ask(
        &self,
        what: &'static str,
        at: &'static Location<'static>,
        end: Option<Instant>,
        request: impl FnOnce(Reply) -> Request<'scope>,
    ) -> Result<(), ChildError> {
        self.point(what, at);
        let over = || Err(ChildError::Stopped(self.why_over()));
        let Some(answer) = self.shared.requests.post(request) else { return over() };
        match self.receive(what, at, end, answer) {
            Ok(Err(ChildError::Start(StartError::Failed(failure)))) => {
                Err(ChildError::Start(StartError::Failed(failure.marked())))
            }
            Ok(answer) => answer,
            Err(WaitError::Disconnected) => over(),
            Err(WaitError::TimedOut) => Err(ChildError::Overdue),
            Err(WaitError::Stopped(stopped)) => Err(ChildError::Stopped(stopped)),
        }
    }

    /// Waits for an answer of the supervisor: until the stop of the calling thread, or else of the
    /// scope. `Disconnected`: the supervisor is over, and has given none.
    fn receive<T>(
        &self,
        what: &'static str,
        at: &'static Location<'static>,
        end: Option<Instant>,
        from: Awaited<T>,
    ) -> Result<T, WaitError> {
        let Shared { core, record, .. } = &*self.shared;
        let own = current().map(|cx| Arc::clone(cx.node()));
        // A caller outside of all scopes hears the stop of the scope around the supervisor, as a
        // starter does (RE5).
        let node = own.unwrap_or_else(|| Arc::clone(&core.parent.as_ref().unwrap_or(core).node));
        let _mark = WaitMark::on(what, at, Of::Thread(Arc::clone(record)));
        let waited = blocking::receive(For::Thread(record), &node, end, &from.given);
        // An answer that is there is taken though a stop has come.
        let none = waited.err().unwrap_or(WaitError::Disconnected);
        // Closes the slot: an answer that comes later is handed back to the supervisor
        // (`Reply::give`), which tells a failure to the scope.
        from.leave().ok_or(none)
    }

    /// Why the supervisor takes no more requests.
    fn why_over(&self) -> Stopped {
        let Shared { core, board, .. } = &*self.shared;
        match board.ending() {
            Some(Ending::Over(reason)) => Stopped::new(Stop::new(reason)),
            Some(Ending::Failed(failure)) => {
                Stopped::new(Stop::new(StopReason::Failed { path: failure.path().to_owned() }))
            }
            Some(Ending::Stopped(stop)) => Stopped::new(stop),
            // It is about to end.
            None => core.node.stopped(),
        }
    }

    fn point(&self, what: &'static str, at: &'static Location<'static>) {
        current().iter().for_each(|cx| cx.point(what, at));
    }
}

impl fmt::Debug for Supervisor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor")
            .field("path", &self.shared.record.path())
            .field("restarts", &self.restarts())
            .finish_non_exhaustive()
    }
}
