//! Owns a thread whose closure may run again: each run, the pause before it, and the hand-over from
//! the OS thread of one run to that of the next.
//! Refuses to decide whether there is another run: a [`Decider`] does, which is the policy of the
//! thread, or its supervisor.
//!
//! ```text
//!            +--------------------(Again, after an Ok: the same OS thread)-----------+
//!            v                                                                       |
//!   paused --+--(stop)--> over                                                       |
//!      |                                                                             |
//!      +--(the pause is over)--> running --(the closure returned: the decider is asked)
//!      ^                                      |              |                       |
//!      |  heir started: joins the OS thread   |              |                       |
//!      |  of the run before, and goes on      |              v                       v
//!      +---------- handing over <--(Again, after a failure)  |                      over
//!                    |      ^                                |
//!     (the OS refuses: a failed run, the decider is asked)   +--(Down)--> down --(end)--> over
//!                    v      |                                              |
//!              paused here -+                                          (next_run)
//!                    |                                                     v
//!                    +--(stop, or the decider: over)--> over         heir, as above
//! ```
//!
//! One record, path and id serve all runs. The record is counted out of its scope only once it is
//! over, so the scope waits over all runs (invariant 5 of `rt`), and a restart is no admission.
//!
//! # Named races
//!
//! - **A stop against the decision.** The dying thread looks for a stop after the judgement of its
//!   run. A stop before that look: the failure stands, and nothing restarts. A stop after it: the
//!   restart is decided, and its pause ends at once, because the pause is a node below the thread's
//!   node and below the scope's. A stop after the pause: the run's node is born stopped, or the
//!   scope is seen to be stopping, and the closure is not called.
//! - **The heir against the dying thread.** The heir joins the OS thread of the run before, as its
//!   first step. So two runs never overlap, not even with the destructors of thread-locals. The
//!   dying thread says that it is bequeathed before its heir is asked for, so no other thread takes
//!   its join handle. The heir is live until it has joined, so the root waits for both.
//! - **Down against the supervisor.** The dying thread tells its supervisor as its very last step
//!   (`Decider::down`), when the record says *down* already. From then on the supervisor alone
//!   acts: it starts the next run, or ends the thread.
//! - **A thread that does not come home.** The pause and the joining are waits of the record, so an
//!   overdue thread is named with what it waits for.
//!
//! Read `run` first, then `hand_over`.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::outcome::errors::error::SpawnError;
use crate::outcome::errors::gave_up::Streak;
use crate::rt::options::ThreadOptions;
use crate::rt::packet::Task;
use crate::rt::result::BoxError;
use crate::thread::rerun::hand_over::Begin;
use crate::thread::spawn::{Scene, launch_as};
use crate::tree::record::Record;
use crate::tree::result_state::Outcome;
use crate::tree::runs::Runs;

mod hand_over;
mod run;

/// The step that follows a run.
pub(crate) enum AfterRun {
    /// Another run, after this pause.
    Again(Duration, Streak),
    /// A supervisor will say. The failure of the run is not listed.
    Down,
    /// Nothing: the end of the run is the end of the thread.
    Over,
    /// Nothing: the thread has failed too often, and this is its failure.
    GiveUp(BoxError),
}

/// A run that has ended.
pub(crate) struct EndOfRun<'a> {
    pub(crate) record: &'a Arc<Record>,
    pub(crate) outcome: &'a Outcome,
    /// When it ended, and how long it lasted, by the clock of the system.
    pub(crate) at: Instant,
    pub(crate) lasted: Duration,
    /// False if a starter waits for the thread, and the thread has not said that it is ready.
    pub(crate) ready: bool,
    /// The thread or its scope was told to stop, so nothing restarts: the answer is taken for
    /// `Over`.
    pub(crate) stopping: bool,
}

/// Decides what follows after a run. Called by the thread that ran, with no lock held.
pub(crate) trait Decider: Send + Sync {
    fn after(&self, end: &EndOfRun<'_>) -> AfterRun;

    /// After the answer `Down`: the thread is down now. From here on the supervisor calls
    /// [`Rerun::next_run`] or [`Rerun::end`], once. False if there is no supervisor any more: then
    /// the thread is over, as after the answer `Over`.
    fn down(&self, end: &EndOfRun<'_>) -> bool {
        let _a_policy_never_says_down = end;
        false
    }
}

/// A thread whose closure may run again.
pub(crate) struct Rerun {
    record: Arc<Record>,
    runs: Arc<Runs>,
    task: Arc<dyn Task<Arc<Record>>>,
    scene: Scene,
    decider: Arc<dyn Decider>,
}

/// Admits the thread to its scope, and asks the OS for it, as `spawn::launch` does. The record has
/// its `runs`, and the closure of `task` may run again.
pub(crate) fn launch(
    record: &Arc<Record>,
    task: Arc<dyn Task<Arc<Record>>>,
    make: ThreadOptions,
    decider: Arc<dyn Decider>,
) -> Result<Arc<Rerun>, SpawnError> {
    let runs = record.traits.runs.clone().unwrap_or_default();
    let (mut made, held) = (None, Arc::clone(&task));
    launch_as(record, &held, make, |scene| {
        let rerun = Arc::new(Rerun { record: Arc::clone(record), runs, task, scene, decider });
        made = Some(Arc::clone(&rerun));
        rerun.routine(Begin { before: None, pause: Duration::ZERO })
    })?;
    made.ok_or(SpawnError::Os(io::ErrorKind::Other.into()))
}

impl Rerun {
    pub(crate) fn record(&self) -> &Arc<Record> {
        &self.record
    }
}
