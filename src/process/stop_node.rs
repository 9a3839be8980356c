//! Owns the descriptor by which the thread of a child hears its stop.
//! Refuses to know what follows from the stop: `supervise` does.

use std::io;
use std::sync::Arc;

use crate::stop::listen::Keeper;
use crate::stop::node::{Link, Node};
use crate::sys::Event;

/// A node below the node of the child's thread. A stop sets its descriptor with the other wake-ups,
/// before it calls the program, so a callback that hangs keeps no child alive. The descriptor of
/// the thread's own node would stay open for as long as the record; this one is closed when the
/// child is home.
pub(crate) struct StopNode(Arc<Node>);

impl StopNode {
    pub(crate) fn below(node: &Arc<Node>) -> StopNode {
        let own = Node::new(Link::Inside);
        own.attach(node);
        StopNode(own)
    }

    /// Returns the descriptor, which is readable from the stop on. The first call makes it. Pairs
    /// with `Node::wake`.
    pub(crate) fn event(&self) -> io::Result<&Event> {
        self.0.event(Keeper::Listener)
    }
}

impl Drop for StopNode {
    fn drop(&mut self) {
        self.0.close();
    }
}
