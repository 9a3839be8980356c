//! Owns one child of a supervisor, on the supervisor's thread: its runs, what the policy remembers
//! of it, and the callers that wait for it.
//! Refuses to decide: `keeper` does.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::outcome::reason::Stop;
use crate::rt::contain::{Payload, drop_contained};
use crate::rt::time::after;
use crate::thread::rerun::Rerun;
use crate::tree::readiness::Word;
use crate::tree::result_state::Outcome;
use crate::tree::wait_mark::WaitMark;
use crate::tree::waiting::Of;
use crate::work::restart::decision::History;
use crate::work::supervisor::board::Board;
use crate::work::supervisor::child::{Child, Closure};
use crate::work::supervisor::plan::{Seat, State, Wish};
use crate::work::supervisor::post::Post;
use crate::work::supervisor::request::Reply;
use crate::work::supervisor::row::{ChildState, Row};
use crate::{ChildError, Restart, Role, Scope, SpawnError, StartError, StopReason, ThreadBuilder};

/// A child, and all that its supervisor knows of it.
pub(super) struct Kept<'scope> {
    pub(super) key: u64,
    pub(super) name: String,
    pub(super) policy: Restart,
    pub(super) vital: bool,
    /// It leaves no row when it is over.
    pub(super) once: bool,
    pub(super) limit: Option<Duration>,
    pub(super) seat: Seat,
    pub(super) history: History,
    /// True until its first run is up: a failure before that is its starter's.
    pub(super) fresh: bool,
    /// How its last run ended, if the supervisor ends because of it.
    pub(super) culprit: Option<Outcome>,
    /// The path of the sibling because of which it is swept.
    pub(super) because: Option<Arc<str>>,
    pub(super) replies: Vec<(Wanted, Reply)>,
    /// Disconnected when the present run is ready. `None` if nobody waits for that.
    pub(super) started: Option<Receiver<Infallible>>,
    work: Work<'scope>,
    /// Shows the pause in the row of the child.
    pause: Option<WaitMark>,
}

/// The state of the child for which a caller waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Up,
    Down,
}

/// The closure of a child, before and after its thread is there.
enum Work<'scope> {
    /// Not begun.
    Held(ThreadBuilder<'scope>, Closure<'scope>),
    /// In the thread, which has a row.
    Given(Arc<Rerun>, Arc<Row>),
    /// Refused by the system, and dropped.
    Gone,
}

impl AsRef<Seat> for Kept<'_> {
    fn as_ref(&self) -> &Seat {
        &self.seat
    }
}

impl<'scope> Kept<'scope> {
    /// A child whose first run begins in `scope`.
    pub(super) fn new(
        child: Child<'scope>,
        key: u64,
        scope: &Scope<'scope, 'scope>,
        default: &Restart,
        alone: bool,
    ) -> Kept<'scope> {
        let policy = child.resolved(default);
        let mut thread =
            scope.thread(child.name.clone(), child.purpose).spawned_at(child.at).priority(child.priority);
        if let Some(bytes) = child.stack_size {
            thread = thread.stack_size(bytes);
        }
        if let Some(every) = child.expect_every {
            thread = thread.expect_every(every);
        }
        Kept {
            key,
            name: child.name,
            policy,
            vital: child.vital,
            once: child.once,
            limit: child.ready_within,
            seat: Seat::new(Instant::now(), alone),
            history: History::default(),
            fresh: true,
            culprit: None,
            because: None,
            replies: Vec::new(),
            started: None,
            work: Work::Held(thread, child.run),
            pause: None,
        }
    }

    /// Begins a run. The error says that the system has refused it.
    pub(super) fn begin(&mut self, board: &Arc<Board>) -> Result<(), SpawnError> {
        self.pause = None;
        match std::mem::replace(&mut self.work, Work::Gone) {
            Work::Held(thread, closure) => {
                let post = Post { key: self.key, board: Arc::clone(board) };
                // Without a limit nobody waits for the word of a child, so it needs none.
                let word = self.limit.map_or(Word::None, |_| Word::Context);
                // Due -> a thread: its closure goes with it, and comes back to be called again
                // (`thread::rerun`). A refusal drops the closure, so the work is `Gone`.
                let begun = thread.rerun(Role::Service, word, closure, Arc::new(post))?;
                let row = Row::new(begun.rerun.record(), self.vital);
                self.started = begun.started;
                board.add(&row);
                self.work = Work::Given(begun.rerun, row);
            }
            Work::Given(rerun, row) => {
                let record = rerun.record();
                // No run is on, so this number does not change.
                let last = record.traits.runs.as_ref().map_or(0, |runs| runs.look(|runs| runs.run));
                row.begin(last + 1);
                // Before the run begins, because the run may say at once that it is ready.
                self.started = self.limit.map(|_| record.begin_start());
                let begun = rerun.next_run();
                self.work = Work::Given(rerun, row);
                // Refused: no run will say that it is ready. The closure is there for the next try.
                begun.inspect_err(|_| self.started = None)?;
            }
            Work::Gone => {}
        }
        Ok(())
    }

    /// Tells the present run to end.
    pub(super) fn tell(&mut self, reason: StopReason, until: Option<Instant>) {
        // Starting, up or told -> told.
        self.set(State::Told { until });
        self.started = None;
        if let Some(runs) = self.rerun().and_then(|rerun| rerun.record().traits.runs.clone()) {
            // Marks the node of the run that is on. A run that has ended meanwhile hears nothing,
            // and the next run does not inherit this stop (`Runs::stop_run`).
            runs.stop_run(Stop::new(reason));
        }
    }

    /// A child that was told to end without a limit has one from now on.
    pub(super) fn limit_telling(&mut self, grace: Duration) {
        if let State::Told { until: until @ None } = &mut self.seat.state {
            *until = Some(after(Instant::now(), grace));
        }
    }

    /// Moves to `state`, and shows it.
    pub(super) fn set(&mut self, state: State) {
        self.seat.state = state;
        let (shown, until) = match state {
            State::Due { at, .. } => (ChildState::Pausing, Some(at)),
            State::Starting { .. } => (ChildState::Starting, None),
            State::Up => (ChildState::Running, None),
            State::Told { .. } => (ChildState::Stopping, None),
            State::Down => (ChildState::Stopped, None),
        };
        // The old mark first, because it puts back what was shown before it.
        self.pause = None;
        if let Work::Given(rerun, row) = &self.work {
            row.set(shown, until);
            let record = rerun.record();
            let next = record.traits.runs.as_ref().map_or(0, |runs| runs.look(|runs| runs.run + 1));
            let what = match state {
                State::Due { .. } => Some(("pause before run", Of::Run(next))),
                State::Down => Some(("a restart, since it was stopped on purpose", Of::Nobody)),
                State::Starting { .. } | State::Up | State::Told { .. } => None,
            };
            self.pause =
                what.map(|(what, of)| WaitMark::of(what, record.label.at, of, Some(Arc::clone(record))));
        }
    }

    /// Ends a child that is down, for good: drops its closure with all that it has captured.
    /// Returns the payload if that panicked in a child that never ran.
    pub(super) fn end(&mut self, outcome: Outcome) -> Option<Payload> {
        self.pause = None;
        match std::mem::replace(&mut self.work, Work::Gone) {
            Work::Given(rerun, row) => {
                row.set(ChildState::Ended, None);
                // If it was not ready, nobody waits for that any more, and its failure is nobody's.
                rerun.record().give_up_start();
                // The thread is counted out, and its closure dropped. Its row says how the last run
                // ended.
                rerun.end(outcome);
                None
            }
            never_ran => drop_contained(never_ran),
        }
    }

    /// False for a closure that can be called once, and for a child that was taken out of the list
    /// and is not home yet.
    pub(super) fn may_run_again(&self) -> bool {
        !self.once && self.seat.wish != Some(Wish::Gone)
    }

    /// Gives up waiting for a child that was told to end and does not come home, while the
    /// supervisor ends. The child stays in the list: as long as the board is open, a child that
    /// comes home posts its end and goes down, and only the supervisor ends a child that is down.
    /// Once the board is closed the child ends by itself, as a service of the group.
    pub(super) fn give_up(&mut self) {
        // Told -> told, without a limit: no instant makes it late once more.
        self.seat.state = State::Told { until: None };
        // The siblings before it are told now.
        self.seat.swept = false;
        // The callers that wait for this child learn from the drop that the supervisor is over.
        self.replies.clear();
    }

    /// True for a child that was given up, if the supervisor is ending: each other child that was
    /// told to end has a limit then (`limit_telling`).
    pub(super) fn is_given_up(&self) -> bool {
        matches!(self.seat.state, State::Told { until: None })
    }

    pub(super) fn rerun(&self) -> Option<&Arc<Rerun>> {
        match &self.work {
            Work::Given(rerun, _) => Some(rerun),
            Work::Held(..) | Work::Gone => None,
        }
    }

    pub(super) fn row(&self) -> Option<&Arc<Row>> {
        match &self.work {
            Work::Given(_, row) => Some(row),
            Work::Held(..) | Work::Gone => None,
        }
    }

    pub(super) fn path(&self) -> String {
        self.rerun().map(|rerun| rerun.record().path().to_owned()).unwrap_or_default()
    }

    /// A run is up. Answers all callers: one that wanted the child down has overslept that.
    pub(super) fn came_up(&mut self) {
        self.fresh = false;
        self.replies.drain(..).for_each(|(_, reply)| drop(reply.give(Ok(()))));
    }

    /// The child is down, and stays so. A caller that wanted it up was overtaken by another one.
    pub(super) fn stays_down(&mut self) {
        self.fresh = false;
        for (wanted, reply) in self.replies.drain(..) {
            // Of several requests about one child the last one counts (SV9).
            let overtaken = || Err(ChildError::Start(StartError::NotReady));
            drop(reply.give(if wanted == Wanted::Down { Ok(()) } else { overtaken() }));
        }
    }

    /// The supervisor ends, and the child is down. A caller that wanted it up learns from the drop
    /// of its way back that the supervisor is over.
    pub(super) fn is_put_away(&mut self) {
        // A reply that is dropped disconnects its caller, which then asks the board why the
        // supervisor is over.
        self.replies.retain(|(wanted, _)| *wanted == Wanted::Down);
        self.stays_down();
    }

    /// The way back to the caller of `add`, which came first, while its child is not up. `None` in
    /// the first start of all.
    pub(super) fn adder(&mut self) -> Option<Reply> {
        (self.fresh && !self.replies.is_empty()).then(|| self.replies.remove(0).1)
    }
}
