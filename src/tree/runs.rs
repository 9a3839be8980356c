//! Owns what is known of the runs of a thread whose closure may run again: which run it is at, the
//! node of that run, and how the last one failed.
//! Refuses to start a run, and to decide whether there is another: `thread::rerun` does.
//!
//! ```text
//! between --begin--> running --end--> between ..
//! ```
//!
//! Each run has a node of its own below the thread's. It is closed when the run ends, so what
//! belongs to that run (contexts, receivers, callbacks) is stopped for ever, and a stop of the
//! thread ends the run, the pause after it, and the restarting.

use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::outcome::errors::gave_up::Streak;
use crate::outcome::reason::Stop;
use crate::rt::os_thread::OsThread;
use crate::stop::node::{Link, Node};
use crate::sync::Mutex;

/// Of a thread that may run again. Most threads have none.
#[derive(Default)]
pub(crate) struct Runs(Mutex<State>);

#[derive(Default)]
pub(crate) struct State {
    /// The number of the present or the last run; 0 before the first. A run that the OS refused
    /// has a number as well. Written by the thread.
    pub(crate) run: u64,
    /// The number of restarts that were decided. Restarts that the OS refused count. Written by the
    /// thread or by its supervisor, whichever decides.
    pub(crate) restarts: u64,
    /// The text of the last failure that did not end the thread. Formatted when it happened,
    /// because to format it is code of the program's, and views run none.
    pub(crate) last_failure: Option<Arc<str>>,
    /// When `last_failure` was written, by the thread.
    pub(crate) failed_at: Option<Instant>,
    /// Written after each run, by the thread or by its supervisor, whichever asks the policy.
    pub(crate) streak: Streak,
    /// The end of the pause that the thread is in, by the clock of the system.
    pub(crate) pause_end: Option<Instant>,
    /// Some while the thread is *down*: no OS thread runs it, and none will before a supervisor
    /// says so. The OS thread of the run before, which the next one joins. Written by
    /// `thread::rerun`.
    pub(crate) before: Option<Arc<OsThread>>,
    /// The node of the present run. `None` between two runs.
    node: Option<Arc<Node>>,
    /// A stop for the next run, because it came when no run had a node. Written by `stop_run`,
    /// taken by `begin`.
    stop_next: Option<Stop>,
    /// The nodes of earlier runs of which something is alive, with the numbers of these runs, and
    /// that of the present one.
    known: Vec<(Weak<Node>, u64)>,
}

/// What views and reports show of the runs of a thread.
pub(crate) struct Seen {
    pub(crate) run: u64,
    pub(crate) restarts: u64,
    pub(crate) last_failure: Option<String>,
    pub(crate) failed_at: Option<Instant>,
    pub(crate) streak: Streak,
    pub(crate) pause_end: Option<Instant>,
    pub(crate) down: bool,
}

impl Seen {
    /// Of a thread that runs once.
    pub(crate) fn once() -> Seen {
        Seen {
            run: 1,
            restarts: 0,
            last_failure: None,
            failed_at: None,
            streak: Streak::default(),
            pause_end: None,
            down: false,
        }
    }
}

impl State {
    /// Counts a restart, if there is one, with its streak.
    pub(crate) fn count(&mut self, restart: Option<Streak>) {
        if let Some(streak) = restart {
            self.restarts += 1;
            self.streak = streak;
        }
    }

    /// To be called before the next run is asked for. The run before may have ended by itself, and
    /// then a stop of it has come too late for it.
    pub(crate) fn forget_stop(&mut self) {
        self.stop_next = None;
    }
}

impl Runs {
    pub(crate) fn look<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        look(&mut self.0.lock())
    }

    /// What views and reports show.
    pub(crate) fn seen(&self) -> Seen {
        let (seen, last) = self.look(|runs| {
            let State { run, restarts, failed_at, streak, pause_end, .. } = *runs;
            let (run, down) = (run.max(1), runs.before.is_some());
            let seen = Seen { run, restarts, last_failure: None, failed_at, streak, pause_end, down };
            (seen, runs.last_failure.clone())
        });
        // The text is copied with the lock free.
        Seen { last_failure: last.map(|text| text.to_string()), ..seen }
    }

    /// Between -> running: counts the run, and makes its node, below that of the thread, `own`. If
    /// the thread was told to stop, the node is born stopped, and a run after the first does not
    /// begin. `is_noted`: a look at the stop is a sign of progress, as it is at `own`.
    pub(crate) fn begin(&self, own: &Arc<Node>, is_noted: bool) -> Option<Arc<Node>> {
        let node = Node::new(Link::Inside);
        node.attach(own);
        if is_noted {
            node.set_noted();
        }
        let mut stop = None;
        let begins = self.look(|state| {
            if state.run > 0 && node.is_marked() {
                return false;
            }
            stop = state.stop_next.take();
            state.run += 1;
            state.node = Some(Arc::clone(&node));
            // A context of an earlier run may be kept for long. The node and the number of its run
            // are all that is remembered of such a context.
            state.known.retain(|(node, _)| node.strong_count() > 0);
            state.known.push((Arc::downgrade(&node), state.run));
            true
        });
        // Pairs with `stop_run`.
        stop.iter().for_each(|stop| node.mark_for(stop.clone()).run());
        begins.then_some(node)
    }

    /// Stops the present run. If the next one has been asked for and has not begun, it is born
    /// stopped. Neither of the two ends the thread.
    pub(crate) fn stop_run(&self, stop: Stop) {
        let node = self.look(|state| {
            let node = state.node.clone();
            if node.is_none() {
                state.stop_next = Some(stop.clone());
            }
            node
        });
        // With the lock free, because a stop calls code of the program's.
        node.iter().for_each(|node| node.mark_for(stop.clone()).run());
    }

    /// Running -> between: drops the callbacks of the run that have not run, and stops all that
    /// outlives it. Blocks until a callback that runs is over.
    pub(crate) fn end(&self) {
        let node = self.look(|state| state.node.take());
        // With the lock free, because it may block.
        node.iter().for_each(Node::close);
    }

    /// The node of the present run.
    pub(crate) fn node(&self) -> Option<Arc<Node>> {
        self.look(|state| state.node.clone())
    }

    /// The number of the run that `node` belongs to.
    pub(crate) fn number_of(&self, node: &Arc<Node>) -> Option<u64> {
        let is_it = |known: &&(Weak<Node>, u64)| known.0.as_ptr() == Arc::as_ptr(node);
        // By address, which tells these nodes apart as long as the list holds them.
        self.look(|state| state.known.iter().find(is_it).map(|(_, number)| *number))
    }
}
