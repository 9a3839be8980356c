//! Owns the OS threads of a thread whose closure may run again: the routine of each, and how one
//! hands over to the next.
//! Refuses to know what a run is: `run` does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::outcome::errors::error::SpawnError;
use crate::outcome::errors::failure::Failure;
use crate::rt::os_thread::{OsThread, Routine};
use crate::thread::failpoint;
use crate::thread::rerun::Rerun;
use crate::thread::rerun::run::{Ended, Step};
use crate::thread::spawn::come_home;
use crate::tree::result_state::Outcome;
use crate::tree::waiting::Of;

/// What an OS thread does before its first run.
pub(super) struct Begin {
    /// Joins this one.
    pub(super) before: Option<Arc<OsThread>>,
    /// Pauses.
    pub(super) pause: Duration,
}

impl Rerun {
    pub(super) fn routine(self: &Arc<Self>, begin: Begin) -> Routine {
        let rerun = Arc::clone(self);
        Box::new(move |os_thread: &Arc<OsThread>| do_runs(&rerun, begin, os_thread))
    }

    /// Starts the next run of a thread that is down. Called by its supervisor, which has counted
    /// the restart. If the OS refuses, the thread is down as before.
    pub(crate) fn next_run(self: &Arc<Self>) -> Result<(), SpawnError> {
        let before = self.runs.look(|runs| {
            debug_assert!(runs.before.is_some(), "only a thread that is down is started again");
            // Down -> handing over.
            runs.forget_stop();
            runs.before.take()
        });
        let Some(before) = before else { return Ok(()) };
        self.ask_for_heir(&before, Duration::ZERO).inspect_err(|_| {
            // Back to down.
            self.runs.look(|runs| runs.before = Some(before));
        })
    }

    /// A run of a thread that is down was refused by the OS: a failed run, which has a number. Logs
    /// the failure, and returns it.
    pub(crate) fn refused_run(&self, refusal: SpawnError) -> Failure {
        let (ended, failure) = self.no_run(refusal);
        self.note(&ended, true, None);
        failure
    }

    /// Ends a thread that is down. Called by its supervisor, once. A failure in `outcome` is not
    /// listed.
    pub(crate) fn end(&self, outcome: Outcome) {
        self.let_go();
        // Down -> over.
        let before = self.runs.look(|runs| runs.before.take());
        // No heir will join it.
        before.iter().for_each(|before| self.record.core.root.cache.disinherit(before));
        come_home(&self.record, outcome, None);
    }

    /// Asks the OS for the thread of the next run, which joins `before` first.
    fn ask_for_heir(self: &Arc<Self>, before: &Arc<OsThread>, pause: Duration) -> Result<(), SpawnError> {
        failpoint::may_spawn(&self.record)?;
        let routine = self.routine(Begin { before: Some(Arc::clone(before)), pause });
        self.record.core.root.cache.launch_heir(before, routine).map_err(SpawnError::Os)
    }

    /// A refusal of the OS is a failed run.
    fn refused(&self, refusal: SpawnError) -> Step {
        match self.decide(self.no_run(refusal).0) {
            Step::Heir(pause) => Step::Retry(pause),
            step => step,
        }
    }

    /// The end of a run that the OS refused, and its failure.
    fn no_run(&self, refusal: SpawnError) -> (Ended, Failure) {
        let run = self.runs.look(|runs| {
            runs.run += 1;
            runs.run
        });
        let failure = Failure::error(self.record.origin(), Box::new(refusal), Vec::new());
        let (outcome, at) = (Outcome::Failed(failure.clone()), Instant::now());
        (Ended { run, outcome, failure: Some(failure.clone()), at, lasted: Duration::ZERO }, failure)
    }

    /// Blocks until the OS thread of the run before is gone, its thread-locals' destructors
    /// included.
    fn join(&self, before: &Arc<OsThread>) {
        let _mark = self.wait_mark("end of the OS thread of the run before", Of::Nobody);
        self.record.core.root.cache.join_bequeathed(before);
    }

    /// Running -> down. Returns the end of the thread if no supervisor takes it.
    fn go_down(&self, ended: Ended, os_thread: &Arc<OsThread>) -> Option<Outcome> {
        // The views show the OS thread as ending from here on.
        os_thread.set_over();
        os_thread.set_bequeathed(true);
        // Down, and only then without an OS thread: otherwise views would show a thread that is
        // starting.
        self.runs.look(|runs| runs.before = Some(Arc::clone(os_thread)));
        self.record.set_down();
        // Last: from here on the supervisor acts (*down against the supervisor*).
        if self.decider.down(&self.end_of(&ended, false)) {
            return None;
        }
        // Back from down, and over.
        self.record.start(os_thread.setting());
        self.runs.look(|runs| runs.before = None);
        os_thread.set_bequeathed(false);
        match self.over(ended.outcome, ended.failure) {
            Step::Over(outcome) => Some(outcome),
            _ => None,
        }
    }
}

/// The routine of an OS thread: one run, or several. Nothing of `'scope` is in this frame
/// (invariant 1): `task` has forgotten its types. The closure is called and dropped in `Task`.
fn do_runs(rerun: &Arc<Rerun>, begin: Begin, os_thread: &Arc<OsThread>) {
    let record = &rerun.record;
    record.start(os_thread.setting());
    os_thread.title().set(&record.label.purpose, record.core.place());
    begin.before.iter().for_each(|before| rerun.join(before));
    let mut step = Step::Run(begin.pause);
    let outcome = loop {
        step = match step {
            Step::Run(pause) => rerun.pause(pause).map_or_else(|| rerun.run(), |stop| rerun.stopped(stop)),
            Step::Heir(pause) => {
                // Before the heir is asked for (*the heir against the dying thread*).
                os_thread.set_bequeathed(true);
                match rerun.ask_for_heir(os_thread, pause) {
                    Ok(()) => break None,
                    Err(refusal) => {
                        os_thread.set_bequeathed(false);
                        rerun.refused(refusal)
                    }
                }
            }
            Step::Retry(pause) => {
                let stop = rerun.pause(pause);
                stop.map_or(Step::Heir(Duration::ZERO), |stop| rerun.stopped(stop))
            }
            Step::Down(ended) => break rerun.go_down(ended, os_thread),
            Step::Over(outcome) => break Some(outcome),
        };
    };
    match outcome {
        Some(outcome) => come_home(record, outcome, Some(os_thread)),
        None => os_thread.set_over(),
    }
}
