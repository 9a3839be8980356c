//! Owns the steps of a stop after the marking: wake the waiters, tell the scopes, arm the timer,
//! run the calls. In this order, and with no lock held.
//! Refuses to mark anything.

use std::convert::Infallible;
use std::sync::{Arc, Weak};

use crossbeam_channel::Sender;
use tracing::level_filters::LevelFilter;

use crate::rt::index::Index;
use crate::stop::callback::Callback;
use crate::stop::calls::{Calls, Owner};
use crate::stop::condvar::delivery::deliver_all;
use crate::stop::condvar::interrupt::Interrupt;
use crate::stop::node::{Node, State};

/// The listeners that one walk collected, in the order of the walk. Filled by `mark` and `alert`
/// under the lock of each node, emptied by `wake_all` after the walk.
#[derive(Default)]
pub(crate) struct Aftermath {
    /// Senders of signals and alerts. To drop one wakes the waits on its channel.
    pub(crate) senders: Vec<Sender<Infallible>>,
    /// Nodes with threads that rest on them or wait for a descriptor.
    pub(crate) sleepers: Vec<Arc<Node>>,
    /// Interrupts of waiters at condvars.
    pub(crate) interrupts: Vec<Arc<Interrupt>>,
    /// Scopes that this walk was the first to mark.
    pub(crate) owners: Vec<Weak<dyn Owner>>,
    /// Shields whose end became known, with listeners that keep no time themselves.
    pub(crate) arm: Vec<Arc<Node>>,
    pub(crate) callbacks: Vec<Arc<Callback>>,
}

impl Aftermath {
    /// Adds the waiters that compute their own time-out: they look again after a mark, and after an
    /// alert as well. Called under the lock of the node, after the flag is set. Pairs with
    /// `alert_signal`, `rest`, `event`, `alert_event` and `Waiter::park_while`.
    pub(super) fn add_waiters(&mut self, node: &Arc<Node>, state: &State) {
        self.senders.extend(node.limit.as_ref().and_then(|limit| limit.alert.take_sender()));
        self.sleepers.extend(node.is_waited_on().then(|| Arc::clone(node)));
        self.interrupts.extend(state.interrupts().cloned());
    }

    /// Wakes the waiters and tells the scopes. Runs no code of the program's, but returns the calls
    /// of it.
    pub(crate) fn wake_all(self) -> Calls {
        // Pairs with `signal` and `alert_signal`: a wait on the receiver ends.
        drop(self.senders);
        // Pairs with `rest`, `event` and `alert_event`. A node comes after the nodes below it.
        for node in self.sleepers.into_iter().rev() {
            node.wake();
        }
        // Pairs with `Waiter::park_while`.
        let mut calls = deliver_all(self.interrupts);
        // The drivers of a scope look again now, and find all of its threads marked and woken.
        // Pairs with `Relay::new`: a wait that sleeps on no node is woken as well.
        let mut told = Index::new();
        for owner in self.owners.iter().filter_map(Weak::upgrade) {
            owner.marked(&mut told, &mut calls);
        }
        // Pairs with `Keeper::Timer`: such a listener waits for the mark that the timer sets.
        for node in self.arm {
            calls.add(node.arm());
        }
        // Most programs have no subscriber, so do not keep the scopes for nothing.
        let owners = if LevelFilter::current() >= LevelFilter::INFO { self.owners } else { Vec::new() };
        calls.call_back(self.callbacks);
        calls.log_of(owners);
        calls
    }
}
