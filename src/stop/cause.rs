//! Owns the stop of a node: the stop that it has, the stop that is on its way to it, and the proofs
//! (`Stopped`) that the node issues.
//! Refuses to mark anything, and to judge an error.

use std::sync::{Arc, Weak};

use crate::outcome::marks::{Carries, Mark};
use crate::outcome::reason::{Stop, StopReason};
use crate::outcome::stopped::Stopped;
use crate::stop::node::{Link, Node, State};

/// How far a walk outwards goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// To the nodes that hand their stop down as soon as they have it.
    ToParents,
    /// And from a service, or a group, to its scope, which tells it to stop after its users.
    ToTellers,
}

impl Node {
    /// Names the scope that will tell this node to stop. The scope does it itself, after its users,
    /// and not by handing its stop down.
    pub(crate) fn set_teller(&self, scope: &Arc<Node>) {
        self.state.lock().teller = Some(Arc::downgrade(scope));
    }

    /// The cause of this node if its parent has `cause`.
    pub(crate) fn inherited(&self, cause: &Stop) -> Stop {
        match self.link {
            Link::Inside => cause.clone(),
            Link::Scope => cause.of_parent(),
        }
    }

    /// The stop of this node, to be read once the node is marked. A node that is not marked, or was
    /// only closed, has none of its own: then it is the end of its users.
    pub(crate) fn cause(&self) -> Stop {
        self.cause_in(&self.state.lock())
    }

    fn cause_in(&self, state: &State) -> Stop {
        state.cause.clone().unwrap_or_else(|| Stop::of(self.key, StopReason::UsersDone))
    }

    /// The reason of `cause`.
    pub(crate) fn reason(&self) -> Arc<StopReason> {
        self.cause().reason
    }

    /// The proof that a wait ended for the stop of this node. A shield or deadline that ended for
    /// the stop of its thread lets the node of the thread issue it. So one look at the node of a
    /// thread tells whether any proof of its stop is alive (`has_issued`).
    pub(crate) fn stopped(&self) -> Stopped {
        let base = self.limit.as_ref().map(|limit| limit.base()).filter(|base| base.is_marked());
        let base = base.filter(|base| base.cause().id == self.cause().id);
        base.map_or_else(|| self.issue(), |base| base.issue())
    }

    fn issue(&self) -> Stopped {
        let mut state = self.state.lock();
        let known = state.issued.clone();
        let mark = known.unwrap_or_else(|| Mark::new(Carries::Stop(self.cause_in(&state))));
        // Under the lock that `mark` takes. Before the mark the cause may still become another, so
        // this proof is not shared.
        if self.is_marked() {
            state.issued = Some(Arc::clone(&mark));
        }
        drop(state);
        Stopped::issued(mark)
    }

    /// True while a `Stopped` that this node has issued is alive, on any thread.
    pub(crate) fn has_issued(&self) -> bool {
        self.state.lock().issued.as_ref().is_some_and(|mark| mark.is_carried())
    }

    /// True if the stop with this id is the stop of this node, or is on its way to it: it has
    /// reached a node around, which hands it down, or whose scope will tell this node. So the
    /// answer does not depend on how far the marking has come.
    pub(crate) fn is_stopped_by(&self, id: u64) -> bool {
        // A node that is not marked yet may get the stop of its nature, whose id is its key. If
        // there is a proof of that stop, the stop has come.
        self.outwards(Reach::ToTellers, |node, marked, _| {
            let it = if marked { node.cause().id == id } else { node.key == id };
            it.then_some(())
        })
        .is_some()
    }

    /// True if this node is stopped, or a stop has reached a node around and is on its way.
    pub(crate) fn hears_of_a_stop(&self) -> bool {
        self.outwards(Reach::ToTellers, |_, marked, _| marked.then_some(())).is_some()
    }

    /// True if an error may hold the stop of this node: a stop has come or is on its way, and a
    /// proof of it is alive.
    pub(crate) fn may_be_in_errors(&self) -> bool {
        let may = |node: &Node, marked| marked && node.cause().may_be_in_errors();
        self.outwards(Reach::ToTellers, |node, marked, _| may(node, marked).then_some(())).is_some()
    }

    /// The stop of this node, or else the stop that is on its way to it, as this node will have it.
    pub(crate) fn coming(&self) -> Option<Stop> {
        self.coming_from(Reach::ToTellers)
    }

    /// The same, but without the stop of a scope that will tell this node later: a service works on
    /// undisturbed until it is told (E1), however long its users need.
    pub(crate) fn arriving(&self) -> Option<Stop> {
        self.coming_from(Reach::ToParents)
    }

    fn coming_from(&self, reach: Reach) -> Option<Stop> {
        let as_here = |cause: Stop, scopes| (0..scopes).fold(cause, |cause, _| cause.of_parent());
        self.outwards(reach, |node, marked, scopes| marked.then(|| as_here(node.cause(), scopes)))
    }

    /// Calls `look` with this node and the nodes around it, whether each is marked, and how many
    /// scopes a stop of it has to enter on its way here, until one call has an answer. The walk
    /// does not go beyond a marked node, because its own stop is the stop that it hands down, and
    /// not beyond a shield. A work list, because depth must cost no stack (A5).
    fn outwards<R>(&self, reach: Reach, look: impl Fn(&Node, bool, usize) -> Option<R>) -> Option<R> {
        let mut list = Vec::new();
        let mut found = self.look_outwards(reach, 0, &look, &mut list);
        while found.is_none() {
            let Some((node, scopes)) = list.pop() else { break };
            found = node.look_outwards(reach, scopes, &look, &mut list);
        }
        found
    }

    /// One step: adds the nodes around to `list`, and then looks at the node.
    fn look_outwards<R>(
        &self,
        reach: Reach,
        scopes: usize,
        look: impl Fn(&Node, bool, usize) -> Option<R>,
        list: &mut Vec<(Arc<Node>, usize)>,
    ) -> Option<R> {
        // The flag is read once, and before the parents are: a stop that is handed down later has
        // marked a parent before, and is seen there.
        let marked = self.is_marked();
        if !marked && !self.is_shield() {
            let state = self.state.lock();
            let teller = state.teller.iter().filter(|_| reach == Reach::ToTellers);
            let around = state.parents.iter().flatten().chain(teller).filter_map(Weak::upgrade);
            // As `inherited` wraps the reason.
            let entered = scopes + usize::from(self.link == Link::Scope);
            list.extend(around.map(|node| (node, entered)));
        }
        look(self, marked, scopes)
    }
}
