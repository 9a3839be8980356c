//! Owns which stop is a node's: the one that it has, or that is on its way to it; and the proofs that it issues of it.
//! Refuses to mark anything, and to judge an error.

use std::sync::{Arc, Weak};

use crate::outcome::marks::{Carries, Mark};
use crate::outcome::reason::{Stop, StopReason};
use crate::outcome::stopped::Stopped;
use crate::stop::node::{Link, Node, State};

impl Node {
    /// The stop of `scope` will come to this node, though it is not handed down.
    pub(crate) fn set_teller(&self, scope: &Arc<Node>) {
        self.state.lock().teller = Some(Arc::downgrade(scope));
    }

    pub(crate) fn inherited(&self, cause: &Stop) -> Stop {
        match self.edge {
            Link::Inside => cause.clone(),
            Link::Scope => cause.of_parent(),
        }
    }

    /// For which stop it was asked. Meaningful once it is marked; one that was only closed outlived its users, and before that, it
    /// is the end of its users that would stop it.
    pub(crate) fn cause(&self) -> Stop {
        self.cause_in(&self.state.lock())
    }

    fn cause_in(&self, state: &State) -> Stop {
        state.cause.clone().unwrap_or_else(|| Stop::of(self.key, StopReason::UsersDone))
    }

    /// Why it was stopped.
    pub(crate) fn reason(&self) -> Arc<StopReason> {
        self.cause().reason
    }

    /// The proof that a wait ended for the stop of this node. A shield or a deadline that ended for the stop of what is around
    /// it has that one's, so that one look at the node of a thread tells of all that were issued for its own stop.
    pub(crate) fn stopped(&self) -> Stopped {
        let base = self.limit.as_ref().map(|limit| limit.base()).filter(|base| base.is_marked());
        let base = base.filter(|base| base.cause().id == self.cause().id);
        base.map_or_else(|| self.issue(), |base| base.issue())
    }

    fn issue(&self) -> Stopped {
        let mut state = self.state.lock();
        let known = state.issued.clone();
        let mark = known.unwrap_or_else(|| Mark::new(Carries::Stop(self.cause_in(&state))));
        // Before the mark its cause may still become another.
        if self.is_marked() {
            state.issued = Some(Arc::clone(&mark));
        }
        drop(state);
        Stopped::issued(mark)
    }

    /// True while a `Stopped` is alive, on any thread, that this node has issued.
    pub(crate) fn has_issued(&self) -> bool {
        self.state.lock().issued.as_ref().is_some_and(|mark| mark.is_carried())
    }

    /// True if this is the stop of this node, or will be: then it has reached a node around, from where it is handed down, or by
    /// whose scope it will be told. So the answer does not depend on how far the marking has come.
    pub(crate) fn is_stopped_by(&self, id: u64) -> bool {
        // The number of a node is that of the stop which it has by its nature: where there is a proof of that, it has come.
        self.outwards(|node, marked| {
            let it = if marked { node.cause().id == id } else { node.key == id };
            it.then_some(())
        })
        .is_some()
    }

    /// True if it is stopped, or will be by what has reached a node around.
    pub(crate) fn hears_of_a_stop(&self) -> bool {
        self.outwards(|_, marked| marked.then_some(())).is_some()
    }

    /// True if an error may hold the stop of this node: one has come, or is on its way, of which a proof is alive.
    pub(crate) fn may_be_in_errors(&self) -> bool {
        self.outwards(|node, marked| (marked && node.cause().may_be_in_errors()).then_some(())).is_some()
    }

    /// The stop that is on its way to this node, if it is not stopped yet.
    pub(crate) fn coming(&self) -> Option<Stop> {
        self.outwards(|node, marked| marked.then(|| node.cause()))
    }

    /// Looks at this node and at those around, as long as nothing has stopped them and no shield hides what is around. `look` is told
    /// whether the node is marked.
    fn outwards<R>(&self, look: impl Fn(&Node, bool) -> Option<R>) -> Option<R> {
        let mut list = Vec::new();
        let mut found = self.look_outwards(&look, &mut list);
        while found.is_none() {
            let Some(node) = list.pop() else { break };
            found = node.look_outwards(&look, &mut list);
        }
        found
    }

    fn look_outwards<R>(
        &self,
        look: impl Fn(&Node, bool) -> Option<R>,
        list: &mut Vec<Arc<Node>>,
    ) -> Option<R> {
        // Asked once: a mark that comes later is seen at the parents, which are marked before.
        let marked = self.is_marked();
        if !marked && !self.is_shield() {
            let state = self.state.lock();
            let around = state.parents.iter().flatten().chain(&state.teller);
            list.extend(around.filter_map(Weak::upgrade));
        }
        look(self, marked)
    }
}
