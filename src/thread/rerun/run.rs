//! Owns one run of a thread whose closure may run again: the pause before it, the call, the
//! judgement of its result, and what the decider makes of it.
//! Refuses to know which OS thread runs it: `hand_over` does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::outcome::errors::chain;
use crate::outcome::errors::failure::{Cause, Failure, Happened};
use crate::outcome::errors::gave_up::Streak;
use crate::outcome::marks;
use crate::outcome::reason::Stop;
use crate::rt::contain::{contain, discard};
use crate::rt::packet::Ran;
use crate::rt::time::after;
use crate::stop::node::{Link, Node};
use crate::thread::rerun::{AfterRun, EndOfRun, Rerun};
use crate::thread::spawn::{judge_run, stop_at_end};
use crate::tree::propagate::{complain, log, log_answered};
use crate::tree::readiness::Stage;
use crate::tree::result_state::Outcome;
use crate::tree::wait_mark::WaitMark;
use crate::tree::waiting::Of;
use crate::tree::{current, panic_hook};

/// Length to which the text of a failure is kept, in characters: an error may print a lot.
const LONGEST: usize = 1000;

/// What the running OS thread does next.
pub(super) enum Step {
    /// Pause, then run.
    Run(Duration),
    /// Ask for an heir, which pauses and runs.
    Heir(Duration),
    /// Pause, then ask for an heir once more.
    Retry(Duration),
    /// Leave the record to the supervisor.
    Down(Ended),
    Over(Outcome),
}

/// A run that has ended, for the thread that ran it.
pub(super) struct Ended {
    pub(super) run: u64,
    pub(super) outcome: Outcome,
    /// Of the outcome, if it is a failure that no scope has listed.
    pub(super) failure: Option<Failure>,
    pub(super) at: Instant,
    pub(super) lasted: Duration,
}

impl Rerun {
    /// The stop of the thread or of its scope, from the instant at which one of them is asked.
    pub(super) fn stop(&self) -> Option<Stop> {
        let (own, scope) = (&self.record.node, &self.record.core.node);
        [own, scope].into_iter().find(|node| node.is_marked()).map(|node| node.cause())
    }

    /// Waits for the end of the pause. Some with the stop if one has come.
    pub(super) fn pause(&self, pause: Duration) -> Option<Stop> {
        if pause.is_zero() {
            return self.stop();
        }
        // Below both, because a service is told after its scope was asked to stop.
        let node = Node::new(Link::Inside);
        node.attach(&self.record.node);
        node.attach(&self.record.core.node);
        let end = after(Instant::now(), pause);
        let next = self.runs.look(|runs| {
            runs.pause_end = Some(end);
            runs.run + 1
        });
        let mark = self.wait_mark("pause before run", Of::Run(next));
        // Pairs with `Node::wake`. The look at the mark is inside of `rest` as well.
        while !node.is_marked() && Instant::now() < end {
            node.rest(Some(end));
        }
        drop(mark);
        self.runs.look(|runs| runs.pause_end = None);
        let stop = node.is_marked().then(|| node.cause());
        node.close();
        stop
    }

    /// Shows a wait of the thread between two runs, when it has no current context.
    pub(super) fn wait_mark(&self, what: &'static str, of: Of) -> WaitMark {
        WaitMark::of(what, self.record.label.at, of, Some(Arc::clone(&self.record)))
    }

    /// Runs the closure once, and asks the decider what follows.
    pub(super) fn run(&self) -> Step {
        // The time before the run is none of the thread's.
        self.record.progress(None);
        let Some(node) = self.runs.begin(&self.record.node, self.record.expects()) else {
            // Not begun, because a stop was faster (*a stop against the decision*).
            return self.stopped(self.record.node.cause());
        };
        // Clear the note of the run before, because the new run is not at that work.
        let _earlier = self.record.life(|life| life.set_note(None));
        marks::begin_closure();
        let began = Instant::now();
        let mut step = None;
        let logged = contain(|| {
            self.scene.during(|| {
                let entered = current::enter(Arc::clone(&self.record), Arc::clone(&node), None);
                step = Some(self.judge(self.task.run(&self.record), &node, began));
                drop(entered);
            });
        });
        if let Err(payload) = logged {
            // The subscriber panicked. Before the closure began, the run has failed. After the
            // closure, what follows is known, so discard the panic.
            match step {
                Some(_) => discard(payload),
                None => step = Some(self.judge(Ran::Panicked(payload), &node, began)),
            }
        }
        // The next run must not find what the program has left on this OS thread.
        current::leave_all();
        panic_hook::forget();
        step.unwrap_or(Step::Over(Outcome::Finished))
    }

    fn judge(&self, ran: Ran, node: &Arc<Node>, began: Instant) -> Step {
        // Nothing is stopped yet, because the failure may be answered by a restart.
        let (outcome, failure) = judge_run(&self.record, node, ran, false, &|| self.record.origin());
        let (at, run) = (Instant::now(), self.runs.look(|runs| runs.run));
        let lasted = at.saturating_duration_since(began);
        let step = self.decide(Ended { run, outcome, failure, at, lasted });
        // Drops the callbacks that have not run while the thread has a current context.
        self.runs.end();
        step
    }

    /// Running -> what follows.
    pub(super) fn decide(&self, ended: Ended) -> Step {
        let stopping = self.stop().is_some();
        match self.decider.after(&self.end_of(&ended, stopping)) {
            _ if stopping => self.over(ended.outcome, ended.failure),
            AfterRun::Again(pause, streak) => {
                self.note(&ended, true, Some(streak));
                // A broken run has left its thread-locals broken, so the next one gets others.
                match ended.outcome {
                    Outcome::Failed(_) => Step::Heir(pause),
                    Outcome::Finished | Outcome::Stopped(_) => Step::Run(pause),
                }
            }
            AfterRun::Down => {
                self.note(&ended, true, None);
                Step::Down(ended)
            }
            AfterRun::Over => self.over(ended.outcome, ended.failure),
            AfterRun::GiveUp(error) => {
                self.note(&ended, false, None);
                let inside = ended.failure.iter().flat_map(Failure::ids).copied().collect();
                let failure = Failure::error_at(Happened::now(), self.record.origin(), error, inside);
                self.over(Outcome::Failed(failure.clone()), Some(failure))
            }
        }
    }

    pub(super) fn end_of<'a>(&'a self, ended: &'a Ended, stopping: bool) -> EndOfRun<'a> {
        let Ended { outcome, at, lasted, .. } = ended;
        let ready = self.record.stage() == Stage::Ready;
        EndOfRun { record: &self.record, outcome, at: *at, lasted: *lasted, ready, stopping }
    }

    /// Keeps the text of a failure that the scope does not list, and logs it at once. `restart`: a
    /// restart follows, which is counted with it, and this is the streak from now on.
    pub(super) fn note(&self, ended: &Ended, again: bool, restart: Option<Streak>) {
        match &ended.failure {
            Some(failure) => self.keep(failure, ended.run, again, restart),
            None => self.runs.look(|runs| runs.count(restart)),
        }
    }

    /// Keeps and logs what a supervisor takes for the failure of the last run, which has ended by
    /// the stop that the supervisor sent.
    pub(crate) fn failed_by_verdict(&self, failure: &Failure) {
        self.keep(failure, self.runs.look(|runs| runs.run), true, None);
    }

    fn keep(&self, failure: &Failure, run: u64, again: bool, restart: Option<Streak>) {
        // Formatted here, because the error is the program's, and views run no code of it.
        let text: Arc<str> = text_of(failure).into();
        // Before the log, so that a subscriber finds in views what it is told.
        let before = self.runs.look(|runs| {
            runs.count(restart);
            runs.failed_at = Some(Instant::now());
            runs.last_failure.replace(Arc::clone(&text))
        });
        drop(before);
        if again {
            log_answered(failure, run, &text);
        }
    }

    /// The end of the thread: stops the scope and lists the failure at once (F1), then drops the
    /// closure with all that it has captured.
    pub(super) fn over(&self, outcome: Outcome, failure: Option<Failure>) -> Step {
        self.record.end_start();
        stop_at_end(&self.record, failure.as_ref());
        self.let_go();
        failure.iter().for_each(log);
        Step::Over(outcome)
    }

    pub(super) fn stopped(&self, stop: Stop) -> Step {
        self.over(Outcome::Stopped(stop), None)
    }

    /// Drops the closure. A panic of a capture is a failure of its own.
    pub(super) fn let_go(&self) {
        let record = &self.record;
        let _entered = current::enter(Arc::clone(record), Arc::clone(&record.node), None);
        if let Some(payload) = self.task.let_go() {
            complain(&record.core, record.origin(), payload, !record.is_isolated());
        }
    }
}

/// The text of a failure, without the thread, which its readers know. If the error carries the
/// failures of another scope or thread, which are a tree of many lines, the text is of the first of
/// these, with its path. At most [`LONGEST`] characters.
fn text_of(failure: &Failure) -> String {
    let (deeper, first) = failure.last_inside();
    let path = if deeper > 0 { format!("{}: ", first.path()) } else { String::new() };
    let text = match first.cause() {
        Cause::Error(error) => chain::text(error),
        Cause::Panic { message, location } => {
            let place = location.map(|place| format!(" at {place}")).unwrap_or_default();
            format!("panicked{place}: {message}")
        }
    };
    path.chars().chain(text.chars()).take(LONGEST).collect()
}
