//! Owns the interrupt of one waiter at a condvar: by it a stop makes the waiter look again.
//! Refuses to know the waiter, and which threads deliver how often (`delivery`). The header of
//! `waiter` has the states, the invariants and the races of both.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::rt::packet::{Ran, Task};
use crate::stop::calls::Calls;
use crate::sync::{Condvar, Mutex};

/// `Relaxed`: the keys differ, and order nothing.
static NEXT_KEY: AtomicU64 = AtomicU64::new(1);

/// How long a delivering thread tries to get the mutex. The task of a pair notifies the condvar in
/// any case. It returns `Ran::Done` if it had the mutex, and `Ran::Nothing` if not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Does not block. The first delivery, by the thread that stops.
    Try,
    /// Blocks for this long at most. A later delivery, by `Rounds::go`.
    For(Duration),
}

/// The outcome of one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The interrupt was disarmed: its waiter looks for the stop before it parks again, or has
    /// left.
    Awake,
    /// Notified under the mutex: all waiters of the pair were parked, or look for the stop later.
    Heard,
    /// Notified without the mutex: a waiter between its check and its park may have missed it.
    Unconfirmed,
}

/// The addresses of condvar and mutex. A notification for one waiter of a pair reaches all of them.
/// Only compared, and never made a pointer again.
pub(super) type Pair = (usize, usize);

/// The way of a stop to one waiter. Listed at the node of the waiter.
pub(crate) struct Interrupt {
    /// The number under which the node of the waiter lists it.
    pub(crate) key: u64,
    pub(super) pair: Pair,
    /// The references to condvar and mutex, which `forget` clears.
    task: Arc<dyn Task<Effort>>,
    presence: Mutex<Presence>,
    /// Notified by `exit` of the last thread inside, waited for by `wait_until_empty`.
    empty: Condvar,
    /// Gets the interrupt when it is in doubt: the timers of the waiter's root.
    pub(super) retrier: Arc<dyn Retrier>,
}

/// Delivers the interrupts that are in doubt, by a thread of our own.
pub(crate) trait Retrier: Send + Sync {
    /// Takes interrupts that were delivered without the mutex. Runs no code of the program's: the
    /// log of a refusal by the OS is among the calls.
    fn retry_later(&self, interrupts: Vec<Arc<Interrupt>>) -> Calls;
}

#[derive(Default)]
struct Presence {
    /// The waiter is parked or about to park. Written by the waiter only.
    armed: bool,
    /// Number of delivering threads between `enter` and `exit`.
    inside: usize,
}

impl Interrupt {
    pub(crate) fn new(pair: Pair, task: Arc<dyn Task<Effort>>, retrier: Arc<dyn Retrier>) -> Arc<Interrupt> {
        Arc::new(Interrupt {
            key: NEXT_KEY.fetch_add(1, Ordering::Relaxed),
            pair,
            task,
            presence: Mutex::default(),
            empty: Condvar::new(),
            retrier,
        })
    }

    /// Disarmed to armed. The waiter holds the mutex, and will look for the stop and then park.
    /// Pairs with `enter` (invariant 1 of `waiter`).
    pub(crate) fn arm(&self) {
        self.presence.lock().armed = true;
    }

    /// Armed to disarmed. The waiter has the mutex again.
    pub(crate) fn disarm(&self) {
        self.presence.lock().armed = false;
    }

    /// True if no thread is inside. Stays true while the interrupt is disarmed.
    pub(crate) fn is_empty(&self) -> bool {
        self.presence.lock().inside == 0
    }

    /// Blocks until no thread is inside. The caller does not hold the mutex (invariant 4 of
    /// `waiter`). Pairs with `exit`.
    pub(crate) fn wait_until_empty(&self) {
        let mut presence = self.presence.lock();
        while presence.inside > 0 {
            self.empty.wait(&mut presence);
        }
    }

    /// Forgets condvar and mutex, because the waiter leaves. The interrupt is disarmed and empty.
    pub(crate) fn forget(&self) {
        let _holds_references_only = self.task.clear();
    }

    /// Notifies the condvar, under the mutex if `effort` gets it. Called after the node is marked
    /// or alerted, with no lock of ours held. Pairs with `Waiter::park_while`.
    pub(crate) fn deliver(&self, effort: Effort) -> Delivery {
        // Disarmed: the waiter will look for the stop itself (invariant 1 of `waiter`).
        if !self.enter() {
            return Delivery::Awake;
        }
        // `run` has let go of mutex and condvar when it returns. Only then may `exit` let the
        // waiter leave (invariant 1 of `rt`).
        let ran = self.task.run(&effort);
        self.exit();
        // A task that panicked or was cleared has confirmed nothing either.
        match ran {
            Ran::Done => Delivery::Heard,
            Ran::Nothing | Ran::Failed(_) | Ran::Panicked(_) => Delivery::Unconfirmed,
        }
    }

    /// Outside to inside, if the interrupt is armed. The look and the step are under one lock, so
    /// that no thread enters after the waiter has disarmed.
    fn enter(&self) -> bool {
        let mut presence = self.presence.lock();
        presence.inside += usize::from(presence.armed);
        presence.armed
    }

    /// Inside to outside. Pairs with `wait_until_empty`: the count changes under the lock under
    /// which the waiter reads it.
    fn exit(&self) {
        let mut presence = self.presence.lock();
        presence.inside -= 1;
        if presence.inside == 0 {
            self.empty.notify_all();
        }
    }
}
