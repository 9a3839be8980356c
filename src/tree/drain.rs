//! Owns the notice of a root: that the program is to take in no more work, because its stop is
//! near.
//! Refuses to stop anything, and to know when the stop comes.
//!
//! ```text
//! open --begin--> draining      for good; `finish` wakes the threads that wait for it
//! ```
//! `begin` sets a flag, and so neither locks nor allocates: *watch* calls it. A thread that waits
//! makes the node first and looks at the flag then; `finish` runs after `begin` and looks for the
//! node. Each has a SeqCst fence between the two, so at least one of them sees what the other did,
//! and marks the node.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::outcome::reason::{Stop, StopReason};
use crate::stop::calls::Calls;
use crate::stop::node::{Link, Node};
use crate::sync::{AtomicBool, OnceCell, fence};

/// Whether a root is draining, and what wakes the threads that wait for it.
#[derive(Default)]
pub(crate) struct Drain {
    /// Set by `begin`, never cleared.
    begun: AtomicBool,
    /// A node outside of the stop tree: its mark is the notice. Made by the first thread that
    /// listens.
    node: OnceCell<Arc<Node>>,
}

impl Drain {
    pub(crate) fn has_begun(&self) -> bool {
        // Acquire, for the release in `begin`.
        self.begun.load(Ordering::Acquire)
    }

    /// Open -> draining. Called by *watch*.
    pub(crate) fn begin(&self) {
        // Release, for the acquire in `has_begun`.
        self.begun.store(true, Ordering::Release);
    }

    /// Wakes the threads that wait, after `begin`. Called by *stopper*. Pairs with `node`.
    pub(crate) fn finish(&self) -> Calls {
        // Orders the look below after the flag. Pairs with the fence in `node`.
        fence(Ordering::SeqCst);
        self.node.get().map(Self::mark).unwrap_or_default()
    }

    /// The node that the notice marks. Pairs with `finish`.
    pub(crate) fn node(&self) -> &Arc<Node> {
        let node = self.node.get_or_init(|| Node::new(Link::Inside));
        // Orders the look below after the node is there. Pairs with the fence in `finish`.
        fence(Ordering::SeqCst);
        if self.has_begun() {
            // No callback is ever added to this node, so there is nothing to run.
            Self::mark(node).run();
        }
        node
    }

    fn mark(node: &Arc<Node>) -> Calls {
        node.mark_for(Stop::new(StopReason::Signal(DRAINS)))
    }
}

/// SIGTERM, the one signal with a notice.
const DRAINS: i32 = 15;
