//! Owns the marking of nodes: the walk that marks a node and all below it and wakes the waiters
//! there, the hanging of a node below another, which may be marked, and the end of a node.
//! Refuses to run any of the program's code: what is to be called when all is marked is handed
//! back, as [`Calls`].

use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::outcome::reason::{Stop, StopReason};
use crate::rt::awake;
use crate::stop::condvar::interrupt::deliver_all;
use crate::stop::listen::Keeper;
use crate::stop::node::{ALERTED, Node, STOPPING, SWEPT};
use crate::stop::wakeups::{Aftermath, Calls};

impl Node {
    /// Its time has come: marks it for the stop that it hid, or for its own.
    pub(crate) fn mark_expired(self: &Arc<Node>) -> Calls {
        // The walk that has marked this node goes on below it: where many limits in each other end
        // at one moment, one walk is enough.
        let limit = self.limit.as_ref().filter(|_| !self.is_marked());
        limit.map(|limit| self.mark_unswept(limit.cause(self.key), limit.is_shield())).unwrap_or_default()
    }

    /// The same, and calls what is to be called.
    pub(crate) fn expire(self: &Arc<Node>) {
        self.mark_expired().run();
    }

    /// A new stop, of this node and all below it. Announced before `Stop::new` allocates.
    pub(crate) fn stop(self: &Arc<Node>, reason: StopReason) {
        self.announce();
        self.mark_for(Stop::new(reason)).run();
    }

    /// Marks this node and all below it for a stop that other nodes may have as well. Returns the
    /// calls that are left to be made.
    pub(crate) fn mark_for(self: &Arc<Node>, cause: Stop) -> Calls {
        self.mark_unswept(cause, false)
    }

    /// Ends every shield below as well: the thread is overdue. `cause` is for a node to which the stop is still on its way.
    pub(crate) fn mark_through_shields(self: &Arc<Node>, cause: Stop) -> Calls {
        let own = self.state.lock().cause.clone();
        self.mark_below(own.unwrap_or(cause), awake::now(), true)
    }

    fn mark_unswept(self: &Arc<Node>, cause: Stop, through: bool) -> Calls {
        if self.flags.load() & SWEPT == 0 {
            self.announce();
            return self.mark_below(cause, awake::now(), through);
        }
        Calls::default()
    }

    pub(crate) fn mark_below(self: &Arc<Node>, cause: Stop, at: Instant, through: bool) -> Calls {
        let mut after = Aftermath::default();
        let mut list = vec![(Arc::clone(self), cause, false)];
        while let Some((node, cause, hidden)) = list.pop() {
            let shield = !through && !Arc::ptr_eq(&node, self) && node.is_shield();
            let hidden = hidden || shield;
            let (children, cause) =
                if hidden { (node.alert(&mut after), cause) } else { node.mark(cause, at, &mut after) };
            for child in children {
                // What hangs below a shield and is no limit itself waits for the shield to end.
                if !hidden || child.limit.is_some() {
                    let inherited = child.inherited(&cause);
                    list.push((child, inherited, hidden));
                }
            }
        }
        self.flags.set(SWEPT);
        after.wake_all()
    }

    /// Marks one node; returns its children, and the cause that they are to have (invariant 5 of `node`).
    fn mark(self: &Arc<Node>, cause: Stop, at: Instant, after: &mut Aftermath) -> (Vec<Arc<Node>>, Stop) {
        self.learn();
        if let Some(owner) = self.owner.get().filter(|_| !self.is_marked()).and_then(Weak::upgrade) {
            owner.begin(at);
        }
        let mut state = self.state.lock();
        if !self.is_marked() {
            state.cause = Some(cause.clone());
            state.since = Some(at);
            self.tell_limit(at);
            self.flags.set(STOPPING);
            after.owners.extend(self.owner.get().cloned());
        }
        after.wake.extend(state.signal.take());
        after.wake.extend(self.take_alarm());
        after.ring.extend(self.is_waited_on().then(|| Arc::clone(self)));
        after.interrupts.extend(state.interrupts.values().cloned());
        // They stay listed: whoever closes the node waits for one that runs elsewhere.
        after.callbacks.extend(state.callbacks.values().cloned());
        let children = state.children.values().filter_map(Weak::upgrade).collect();
        (children, state.cause.clone().unwrap_or(cause))
    }

    /// The stop behind this shield has begun: those who wait in it must learn when it ends.
    fn alert(self: &Arc<Node>, after: &mut Aftermath) -> Vec<Arc<Node>> {
        // Before the children are collected: a limit that hangs itself below this one later reads
        // it.
        self.learn();
        let state = self.state.lock();
        self.flags.set(ALERTED);
        after.wake.extend(self.take_alarm());
        after.ring.extend(self.is_waited_on().then(|| Arc::clone(self)));
        after.interrupts.extend(state.interrupts.values().cloned());
        let watched = state.signal.is_some() || self.event.get().is_some() || !state.callbacks.is_empty();
        let children: Vec<_> = state.children.values().filter_map(Weak::upgrade).collect();
        drop(state);
        if watched || children.iter().any(|child| child.limit.is_none()) {
            after.arm.push(Arc::clone(self));
        }
        children
    }

    /// The knowledge of the node around may have grown, and with it that of the end of this one.
    fn learn(&self) {
        self.limit.iter().for_each(|limit| limit.learn());
    }

    /// Under the lock of `state`, in which the children are collected after that.
    fn tell_limit(&self, at: Instant) {
        self.limit.iter().for_each(|limit| limit.stopped(at));
    }

    /// Hangs `self` below `parent`; born stopped if the parent is stopping (S2).
    pub(crate) fn attach(self: &Arc<Node>, parent: &Arc<Node>) {
        self.inherit_probe(parent);
        let mut state = self.state.lock();
        let free = state.parents.iter_mut().find(|place| place.is_none());
        debug_assert!(free.is_some(), "a node has two parents at most");
        if let Some(place) = free {
            *place = Some(Arc::downgrade(parent));
        }
        drop(state);
        if let Some(deadline) = parent.deadline() {
            let _the_first_parent_decides = self.outer_deadline.set(deadline);
        }
        // Whoever hangs below a deadline or a shield sees its end as a mark, so somebody has to set that in time; a limit is armed
        // for itself when it is listened to.
        let keeper = if self.limit.is_none() { Keeper::Timer } else { Keeper::Listener };
        let marked = parent.listen(keeper, |state, marked| {
            if !marked || self.is_shield() {
                state.children.insert(self.key, Arc::downgrade(self));
            }
            marked
        });
        // It is among the children: a stop that comes from now on comes here, too. What came before
        // is read.
        self.learn();
        if !marked {
            return;
        }
        if self.is_shield() {
            // The stop that it hides has come: only its end is to be waited for.
            self.flags.set(ALERTED);
        } else {
            let cause = self.inherited(&parent.cause());
            self.mark_below(cause, parent.since().unwrap_or_else(awake::now), false).run();
        }
    }

    /// The thread or scope has ended: whatever outlives it is stopped; callbacks not run are dropped, those that run are
    /// waited for.
    pub(crate) fn close(self: &Arc<Node>) {
        let mut state = self.state.lock();
        let callbacks = std::mem::take(&mut state.callbacks);
        let parents = std::mem::take(&mut state.parents);
        let since = *state.since.get_or_insert_with(awake::now);
        self.tell_limit(since);
        let wake = (state.signal.take(), self.take_alarm());
        let interrupts = state.interrupts.values().cloned().collect();
        let children: Vec<_> = state.children.values().filter_map(Weak::upgrade).collect();
        self.flags.set(STOPPING);
        drop(state);
        drop(wake);
        self.wake();
        let mut calls = deliver_all(interrupts);
        for parent in parents.iter().flatten().filter_map(Weak::upgrade) {
            // Where a stop has been, thousands may leave at once, and nothing is added any more but shields: what is left
            // behind there is a weak reference that goes with the parent.
            if self.is_shield() || !parent.is_marked() {
                parent.state.lock().children.remove(self.key);
            }
        }
        for callback in callbacks.into_values() {
            callback.abandon();
        }
        children.iter().for_each(|child| calls.add(child.mark_for(self.cause())));
        calls.run();
        // A deep tree ends level by level, from below: no level walks again what those below it have.
        self.flags.set(SWEPT);
    }
}
