//! Owns a relay: the way by which a wait of ours that sleeps on no node hears of a stop. It is told
//! with the waiters, before any code of the program's that the stop calls.
//! Refuses to hold values of the program's, and to wait until it is told.
//!
//! A relay is a node below the node that it listens to, so it is marked with that node, or at once
//! if that is marked already. Its owner is the function that it calls. A relay that is dropped
//! while a stop is about to tell it may be told a moment later: the function owns all that it uses.

use std::sync::{Arc, Weak};

use crate::rt::index::Index;
use crate::stop::calls::{Calls, Owner};
use crate::stop::node::{Link, Node};

/// Runs no code of the program's, and does not block, because it runs on the thread that stops,
/// before other waits are told. The closure returns the calls that the stop needs.
type Hear = Box<dyn Fn() -> Calls + Send + Sync>;

/// Listens while it lives.
pub(crate) struct Relay {
    node: Arc<Node>,
    _hearer: Arc<Hearer>,
}

struct Hearer(Hear);

impl Relay {
    /// Calls `hear` when `around` is stopped, or here if that has happened.
    pub(crate) fn new(around: &Arc<Node>, hear: Hear) -> Relay {
        let hearer = Arc::new(Hearer(hear));
        let node = Node::owned(Link::Inside, Arc::downgrade(&hearer) as Weak<dyn Owner>);
        node.attach(around);
        Relay { node, _hearer: hearer }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.node.close();
    }
}

impl Owner for Hearer {
    fn marked(&self, _told: &mut Index<()>, calls: &mut Calls) {
        calls.add((self.0)());
    }
}
