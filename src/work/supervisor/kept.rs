//! Owns one child of a supervisor, on the supervisor's thread: its runs, what the policy remembers
//! of it, and the callers that wait for it.
//! Refuses to decide: `keeper` does.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::outcome::reason::Stop;
use crate::rt::time::after;
use crate::thread::rerun::Rerun;
use crate::tree::readiness::Word;
use crate::tree::record::Of;
use crate::tree::result_state::Outcome;
use crate::tree::wait_mark::WaitMark;
use crate::work::restart::decision::History;
use crate::work::supervisor::board::{Board, ChildState, Post, Row};
use crate::work::supervisor::child::{Child, Closure};
use crate::work::supervisor::plan::{Seat, State};
use crate::work::supervisor::request::{Answer, Reply, answer};
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
    /// The path of the sibling because of which it is swept.
    pub(super) because: Option<Arc<str>>,
    pub(super) replies: Vec<Reply>,
    /// Disconnected when the present run is ready. `None` if nobody waits for that.
    pub(super) started: Option<Receiver<Infallible>>,
    work: Work<'scope>,
    /// Shows the pause in the row of the child.
    pause: Option<WaitMark>,
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
                let word = self.limit.map_or(Word::None, |_| Word::Context);
                let begun = thread.rerun(Role::Service, word, closure, Arc::new(post))?;
                let row = Row::new(begun.rerun.record());
                self.started = begun.started;
                // The name may be that of a child that is over.
                board.remove(&self.name, true);
                board.add(&row);
                self.work = Work::Given(begun.rerun, row);
            }
            Work::Given(rerun, row) => {
                let record = rerun.record();
                // No run is on, so this number does not change.
                let last = record.runs.as_ref().map_or(0, |runs| runs.look(|runs| runs.run));
                // The state first, so that no reader takes the old pause for one before this run.
                row.set(ChildState::Starting, None);
                row.set_run(last + 1);
                self.started = self.limit.map(|_| record.begin_start());
                let begun = rerun.next_run();
                self.work = Work::Given(rerun, row);
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
        if let Some(runs) = self.rerun().and_then(|rerun| rerun.record().runs.clone()) {
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
            let next = record.runs.as_ref().map(|runs| {
                runs.look(|runs| {
                    runs.pause_end = until;
                    runs.run + 1
                })
            });
            let what = match state {
                State::Due { .. } => Some(("pause before run", Of::Run(next.unwrap_or_default()))),
                State::Down => Some(("a restart, since it was stopped on purpose", Of::Nobody)),
                State::Starting { .. } | State::Up | State::Told { .. } => None,
            };
            self.pause = what
                .map(|(what, of)| WaitMark::of(what, record.label.at, of, [Some(Arc::clone(record)), None]));
        }
    }

    /// Ends a child that is down, for good: drops its closure with all that it has captured.
    pub(super) fn end(&mut self, outcome: Outcome) {
        self.pause = None;
        if let Work::Given(rerun, row) = std::mem::replace(&mut self.work, Work::Gone) {
            row.set(ChildState::Ended, None);
            // If it was not ready, nobody waits for that any more, and its failure is nobody's.
            rerun.record().give_up_start();
            rerun.end(outcome);
        }
    }

    /// Leaves a child that does not come home to its scope.
    pub(super) fn leave(&mut self) -> Option<Arc<Rerun>> {
        match std::mem::replace(&mut self.work, Work::Gone) {
            Work::Given(rerun, _) => Some(rerun),
            Work::Held(..) | Work::Gone => None,
        }
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

    /// Answers all callers that wait for the child: it is where they wanted it.
    pub(super) fn settled(&mut self) {
        self.fresh = false;
        self.replies.drain(..).for_each(|reply| answer(&reply, Ok(())));
    }

    /// Answers the callers that wait for its start with `error`. Without one, hands it back.
    pub(super) fn not_started(&mut self, error: StartError) -> Option<StartError> {
        let refused: Answer = Err(ChildError::Start(error));
        match self.replies.pop() {
            Some(reply) => {
                answer(&reply, refused);
                // The others learn that the supervisor has done with it.
                self.replies.clear();
                None
            }
            None => match refused {
                Err(ChildError::Start(error)) => Some(error),
                _ => None,
            },
        }
    }
}
