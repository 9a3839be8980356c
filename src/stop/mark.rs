//! Owns the marking of nodes: the walk that marks a node and all below it and wakes the waiters
//! there, the hanging of a node below another, which may be marked, and the end of a node.
//! Refuses to run code of the program's: the calls of a stop are handed back as [`Calls`], and run
//! when all is marked.
//!
//! # Named races
//!
//! - **The late listener.** A child or listener is added while its node is marked. `mark` sets the
//!   flag and collects the lists under one lock. `listen` takes the same lock to read the flag and
//!   add the entry. Listener first: `mark` finds the entry, and wakes it. Mark first: the listener
//!   reads the flag and does not wait, or is born stopped.
//! - **Two stops.** Thread A stops a node and is in the middle of the walk when thread B stops the
//!   same node. B must not return before all below is marked (P5), and cannot know how far A has
//!   come. So B walks as well. `SWEPT` saves that walk only when A has finished its own. At each
//!   node the first of the two writes the cause, and the other hands that cause down.
//! - **Stop against close.** A thread ends and closes its node while a stop walks over it. Either
//!   may set the flag first, and each goes on below the node for itself, until all there is marked.
//!   `close` takes the callbacks out of the node; if the stop had copied one before, both try to
//!   begin it, and one of them finds it begun (*the callback in progress*, in `callback`).

use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::outcome::reason::{Stop, StopReason};
use crate::rt::awake;
use crate::stop::calls::Calls;
use crate::stop::condvar::delivery::deliver_all;
use crate::stop::listen::Keeper;
use crate::stop::node::{ALERTED, CLOSED, Node, STOPPING, SWEPT};
use crate::stop::wakeups::Aftermath;

impl Node {
    /// Marks a limit whose end has come: a shield for the stop that it hid, a deadline for its own
    /// stop, or for the stop of a node around.
    pub(crate) fn mark_expired(self: &Arc<Node>) -> Calls {
        // If the node is marked already, the walk that has marked it goes on below it. So one walk
        // is enough if many nested limits end at one moment.
        let limit = self.limit.as_ref().filter(|_| !self.is_marked());
        limit.map(|limit| self.mark_unswept(limit.cause(self.key), limit.is_shield())).unwrap_or_default()
    }

    /// As `mark_expired`, and runs the calls.
    pub(crate) fn expire(self: &Arc<Node>) {
        self.mark_expired().run();
    }

    /// Stops this node and all below it, by a new stop. Returns when all is marked and woken, and
    /// the calls have run.
    pub(crate) fn stop(self: &Arc<Node>, reason: StopReason) {
        // Before `Stop::new`, which allocates.
        self.announce();
        self.mark_for(Stop::new(reason)).run();
    }

    /// Marks this node and all below it for a stop that other nodes may have as well. Returns the
    /// calls, for the caller to run. If the node may be a root's, the caller has called `announce`
    /// before. This function does not, because `announce` must come before the caller's first lock
    /// and allocation.
    pub(crate) fn mark_for(self: &Arc<Node>, cause: Stop) -> Calls {
        self.mark_unswept(cause, false)
    }

    /// Marks this node and all below it, the shields as well, because the thread is overdue.
    /// `cause` is used if the stop has not reached the node yet.
    pub(crate) fn mark_through_shields(self: &Arc<Node>, cause: Stop) -> Calls {
        let own = self.state.lock().cause.clone();
        // `SWEPT` is not asked: it is set also if shields below were only alerted.
        self.mark_below(own.unwrap_or(cause), awake::now(), true)
    }

    /// Walks, unless another walk from here has finished (*two stops*).
    fn mark_unswept(self: &Arc<Node>, cause: Stop, through: bool) -> Calls {
        if self.is_swept() { Calls::default() } else { self.mark_below(cause, awake::now(), through) }
    }

    /// The walk: marks this node and all below it, and alerts what a shield hides. `through`:
    /// shields hide nothing. `at` is the moment of the stop, by the clock of `awake`.
    pub(crate) fn mark_below(self: &Arc<Node>, cause: Stop, at: Instant, through: bool) -> Calls {
        let mut after = Aftermath::default();
        // Nodes to visit, each with the cause that its parent hands down, and whether a shield
        // hides it. A work list, because depth must cost no stack (A5).
        let mut list = vec![(Arc::clone(self), cause, false)];
        while let Some((node, cause, hidden)) = list.pop() {
            // The top of the walk may be a shield that ends now, which hides nothing any more.
            let shield = !through && !Arc::ptr_eq(&node, self) && node.is_shield();
            let hidden = hidden || shield;
            let (children, cause) =
                if hidden { (node.alert(&mut after), cause) } else { node.mark(cause, at, &mut after) };
            for child in children {
                // A limit below the shield must learn the end of the shield. Any other child hears
                // nothing until the shield ends and is marked.
                if !hidden || child.limit.is_some() {
                    let inherited = child.inherited(&cause);
                    list.push((child, inherited, hidden));
                }
            }
        }
        // Stopping to swept. Only now, because a second stop that reads it returns at once.
        self.flags.set(SWEPT);
        after.wake_all()
    }

    /// Marks one node. Returns its children, and the cause that the node hands down to them
    /// (invariant 5 of `node`).
    fn mark(self: &Arc<Node>, cause: Stop, at: Instant, after: &mut Aftermath) -> (Vec<Arc<Node>>, Stop) {
        // Without the lock, because it may take the lock of the node around.
        self.learn();
        if let Some(owner) = self.owner.as_ref().filter(|_| !self.is_marked()).and_then(Weak::upgrade) {
            // Before the flag, so that a thread that ends because of the flag is counted.
            owner.begin(at);
        }
        // From here to the end of the function in one hold of the lock (*the late listener*).
        let mut state = self.state.lock();
        if !self.is_marked() {
            // Open to stopping. The cause first: a thread that sees the flag finds the cause (S3).
            state.cause = Some(cause.clone());
            state.since = Some(at);
            self.tell_limit(at);
            self.flags.set(STOPPING);
            after.owners.extend(self.owner.clone());
        }
        // Pairs with `listen`: each listener that is in a list now is woken after the walk. This
        // runs also if another stop marked the node, because that stop may not have come to its
        // wake-ups.
        after.senders.extend(state.signal.take());
        after.add_waiters(self, &state);
        // Callbacks stay listed, so that `close` finds them and waits for a running one.
        after.callbacks.extend(state.callbacks().cloned());
        let children = state.children();
        // A node that was only closed has no cause of its own, and passes on the cause of the walk.
        (children, state.cause.clone().unwrap_or(cause))
    }

    /// Updates what this limit knows of its end by what the node around knows. Called with no lock
    /// of a node held.
    pub(super) fn learn(&self) {
        self.limit.iter().for_each(|limit| limit.learn());
    }

    /// Notes the stop in the limit of this node. Called under the lock of `state`, before the
    /// children are collected: a limit that is attached later reads it.
    fn tell_limit(&self, at: Instant) {
        self.limit.iter().for_each(|limit| limit.stopped(at));
    }

    /// Hangs this node below `parent`. If the parent is stopping, the node is born stopped (S2),
    /// or, if it is a shield, alerted.
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
            // The first parent decides.
            self.state.lock().rare().outer_deadline.get_or_insert(deadline);
        }
        // A node below a deadline or a shield sees the end of that as a mark, so the timer must set
        // the mark in time. A limit knows the end itself, and is armed when it gets a listener.
        let keeper = if self.limit.is_none() { Keeper::Timer } else { Keeper::Listener };
        // Pairs with `mark`, `alert` and `close` of the parent (*the late listener*).
        let marked = parent.listen(keeper, |state, marked| {
            // Below a marked parent a shield is listed as well, so that `mark_through_shields` of
            // the parent finds it.
            if !marked || self.is_shield() {
                state.children.get_or_insert_default().insert(self.key, Arc::downgrade(self));
            }
            marked
        });
        // After the node is listed. A stop that comes later walks to this node, and calls `learn`
        // here. A stop that came before has left the moment in the parent, where this reads it.
        self.learn();
        if !marked {
            return;
        }
        if self.is_shield() {
            // Open to alerted: the stop that this shield hides has begun already, and no walk will
            // tell it again.
            self.flags.set(ALERTED);
        } else {
            self.follow(parent).run();
        }
    }

    /// Marks this node if a parent is marked, and the walk of that stop is still on its way here.
    /// For a thread that may have heard of the stop by the node of the parent.
    pub(crate) fn catch_up(self: &Arc<Node>) -> Calls {
        if self.is_marked() {
            return Calls::default();
        }
        let parents = self.state.lock().parents.clone();
        let mut marked =
            parents.iter().flatten().filter_map(Weak::upgrade).filter(|parent| parent.is_marked());
        marked.next().map(|parent| self.follow(&parent)).unwrap_or_default()
    }

    /// Marks this node, and all below it, for the stop of `parent`.
    fn follow(self: &Arc<Node>, parent: &Arc<Node>) -> Calls {
        let cause = self.inherited(&parent.cause());
        self.mark_below(cause, parent.since().unwrap_or_else(awake::now), false)
    }

    /// Ends the node, because its thread or scope has ended. Stops all that outlives it, drops the
    /// callbacks that have not run, and blocks until a callback that runs on another thread is
    /// over.
    pub(crate) fn close(self: &Arc<Node>) {
        // The lists and the flag in one hold of the lock (*the late listener*): a callback or a
        // child that comes later reads the flag.
        let mut state = self.state.lock();
        let callbacks = state.take_callbacks();
        let parents = std::mem::take(&mut state.parents);
        let since = *state.since.get_or_insert_with(awake::now);
        self.tell_limit(since);
        let alert = self.limit.as_ref().and_then(|limit| limit.alert.take_sender());
        let wake = (state.signal.take(), alert);
        let interrupts = state.interrupts().cloned().collect();
        let mut children = state.children();
        // Open to stopping, without a cause, or a second time. Not swept yet: a stop that comes now
        // must walk below, because the children are not marked.
        self.flags.set(STOPPING | CLOSED);
        drop(state);
        // The same wake-ups as in `Aftermath::wake_all`, with the lock free.
        drop(wake);
        self.wake();
        let mut calls = deliver_all(interrupts);
        for parent in parents.iter().flatten().filter_map(Weak::upgrade) {
            // After a stop thousands of nodes may leave a parent at once, so they do not take its
            // lock. The parent gets no new children but shields, and the weak references that stay
            // behind are freed with the parent.
            if self.is_shield() || !parent.is_marked() {
                parent.state.lock().children.as_mut().and_then(|children| children.remove(self.key));
            }
        }
        // Pairs with `Callback::finish`. With no lock held, because this may block.
        for callback in callbacks.into_values() {
            callback.abandon(|| ());
        }
        // After a stop all children but shields are swept, and a cause is allocated.
        children.retain(|child| !child.is_swept());
        if !children.is_empty() {
            let cause = self.cause();
            children.iter().for_each(|child| calls.add(child.mark_for(child.inherited(&cause))));
        }
        calls.run();
        // Stopping to swept: all below is marked. A deep tree ends level by level from below, and
        // no level walks again over the levels below it.
        self.flags.set(SWEPT);
    }
}
