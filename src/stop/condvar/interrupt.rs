//! Owns the interrupt of one waiter at a condvar: it makes the waiter look for the stop, and no
//! thread uses condvar and mutex any more when the waiter has left.
//! Refuses to know what condvar and mutex are, and to decide how long to wait for a mutex: `retry`
//! does.
//!
//! A *pair* is the condvar and the mutex of the program's at which a thread waits. To *deliver* an
//! interrupt is to notify the condvar, under the mutex if possible. The *delivering thread* is a
//! thread that stops, or later a thread of our own that keeps the time of the root.
//!
//! # States
//!
//! ```text
//! waiter             disarmed --arm--> armed --disarm--> disarmed    holds the mutex at each arrow
//! delivering thread  outside --enter, if armed--> inside --exit--> outside
//! ```
//!
//! # Invariants
//!
//! 1. The waiter arms before it looks for the stop. A delivering thread has marked or alerted the
//!    node before it enters. Arming and entering take the lock of `stage`. So a delivering thread
//!    that finds the interrupt disarmed need not deliver, because the waiter arms later, and then
//!    sees the mark, or the end of the shield.
//! 2. The waiter holds the mutex from `arm` until it is parked. So a delivering thread that has
//!    entered and then gets the mutex finds the waiter parked, or already woken.
//! 3. A thread that uses the pair is inside, and no thread enters a disarmed interrupt. So a waiter
//!    that has disarmed, and then has seen nobody inside, may leave: no thread will use the pair
//!    (invariant 2 of `rt`).
//! 4. A waiter that blocks until all threads are outside does not hold the mutex, because one of
//!    them may be waiting for it.
//! 5. No lock of ours is held while the mutex is tried, waited for or freed.
//!
//! # Named races
//!
//! - **Between the check and the park.** The waiter looks for the stop, finds none, and then parks,
//!   all under the mutex. A stop may come between the two: a notification finds nobody parked, and
//!   is lost. If the stopping thread held the mutex for its notification, it could not come
//!   between. But it may not lock the mutex, because it may hold the mutex already, or a thread
//!   that waits for it may. So it *tries* the mutex. If it gets the mutex, the waiter is parked and
//!   hears the notification, or has yet to look (2). If not, the interrupt is *in doubt*. The
//!   stopping thread notifies all the same, because most waiters are parked and hear it, and hands
//!   the interrupt to a thread of our own. That thread waits for the mutex, and delivers again
//!   (`retry`).
//! - **The leaving waiter.** Another thread has woken the waiter, and the waiter wants to return
//!   and to free condvar and mutex, while a delivering thread is inside and waits for the mutex.
//!   The waiter disarms, frees the mutex, blocks until all threads are outside, and takes the mutex
//!   again (3, 4). The condition may have changed meanwhile, so the waiter asks it again.
//! - **The stale interrupt.** A waiter has left, and its interrupt is still in the list of a stop
//!   or of `retry`. The interrupt is disarmed, so no thread enters. If a new waiter has a pair at
//!   the same addresses, a delivery to the new one counts for the old one as well, which needs
//!   none.
//! - **The wasted notification.** The program notifies one waiter, and the stop comes before that
//!   waiter has asked its condition. The waiter ends by the stop, and another waiter, for which the
//!   notification would have been of use, sleeps on. So a stopped waiter that was notified notifies
//!   the next (`Waiter::ended`).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::rt::packet::{Ran, Task};
use crate::stop::wakeups::Calls;
use crate::sync::{Condvar, Mutex};

/// `Relaxed`: the keys differ, and order nothing.
static NEXT_KEY: AtomicU64 = AtomicU64::new(1);

/// How long a delivering thread tries to get the mutex. The task of a pair notifies the condvar in
/// any case. It returns `Ran::Done` if it had the mutex, and `Ran::Nothing` if not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Does not block. The first delivery, by the thread that stops.
    Try,
    /// Blocks for this long at most. A later delivery, by `retry`.
    For(Duration),
}

/// Delivers the interrupts that are in doubt, by a thread of our own.
pub(crate) trait Retrier: Send + Sync {
    /// Takes interrupts that were delivered without the mutex. Runs no code of the program's: the
    /// log of a refusal by the OS is among the calls.
    fn retry_later(&self, interrupts: Vec<Arc<Interrupt>>) -> Calls;
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
pub(crate) type Pair = (usize, usize);

pub(crate) struct Interrupt {
    /// The number under which the node of the waiter lists it.
    pub(crate) key: u64,
    pair: Pair,
    /// The references to condvar and mutex, which `forget` clears.
    task: Arc<dyn Task<Effort>>,
    stage: Mutex<Stage>,
    /// Notified by `exit` of the last thread inside, waited for by `wait_until_empty`.
    empty: Condvar,
    /// Gets the interrupt when it is in doubt: the timers of the waiter's root.
    retrier: Arc<dyn Retrier>,
}

#[derive(Default)]
struct Stage {
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
            stage: Mutex::default(),
            empty: Condvar::new(),
            retrier,
        })
    }

    /// Disarmed to armed. The waiter holds the mutex, and will look for the stop and then park.
    /// Pairs with `enter` (invariant 1).
    pub(crate) fn arm(&self) {
        self.stage.lock().armed = true;
    }

    /// Armed to disarmed. The waiter has the mutex again.
    pub(crate) fn disarm(&self) {
        self.stage.lock().armed = false;
    }

    /// True if no thread is inside. Stays true while the interrupt is disarmed.
    pub(crate) fn is_empty(&self) -> bool {
        self.stage.lock().inside == 0
    }

    /// Blocks until no thread is inside. The caller does not hold the mutex (invariant 4). Pairs
    /// with `exit`.
    pub(crate) fn wait_until_empty(&self) {
        let mut stage = self.stage.lock();
        while stage.inside > 0 {
            self.empty.wait(&mut stage);
        }
    }

    /// Forgets condvar and mutex, because the waiter leaves. The interrupt is disarmed and empty.
    pub(crate) fn forget(&self) {
        let _holds_references_only = self.task.clear();
    }

    /// Notifies the condvar, under the mutex if `effort` gets it. Called after the node is marked
    /// or alerted, with no lock of ours held. Pairs with `Waiter::park_while`.
    pub(crate) fn deliver(&self, effort: Effort) -> Delivery {
        // Disarmed: the waiter will look for the stop itself (invariant 1).
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
        let mut stage = self.stage.lock();
        stage.inside += usize::from(stage.armed);
        stage.armed
    }

    /// Inside to outside. Pairs with `wait_until_empty`: the count changes under the lock under
    /// which the waiter reads it.
    fn exit(&self) {
        let mut stage = self.stage.lock();
        stage.inside -= 1;
        if stage.inside == 0 {
            self.empty.notify_all();
        }
    }

    pub(crate) fn pair(&self) -> Pair {
        self.pair
    }
}

/// Delivers each pair once, without blocking. Returns the interrupts that are in doubt.
pub(crate) fn deliver_each(interrupts: impl IntoIterator<Item = Arc<Interrupt>>) -> Vec<Arc<Interrupt>> {
    let (mut tried, mut in_doubt) = (HashMap::new(), Vec::new());
    for interrupt in interrupts {
        // The waiters of one pair share one delivery, because a notification reaches all of them.
        let outcome = tried.get(&interrupt.pair).copied().unwrap_or_else(|| interrupt.deliver(Effort::Try));
        // A disarmed interrupt says nothing of the other waiters of its pair, so try the next one
        // of the pair as well.
        if outcome != Delivery::Awake {
            tried.insert(interrupt.pair, outcome);
        }
        if outcome == Delivery::Unconfirmed {
            in_doubt.push(interrupt);
        }
    }
    in_doubt
}

/// Delivers the interrupts of nodes that have been marked or alerted, and hands on those in doubt.
/// Called by the stopping thread, with no lock of ours held.
pub(crate) fn deliver_all(interrupts: Vec<Arc<Interrupt>>) -> Calls {
    let (mut in_doubt, mut calls) = (deliver_each(interrupts), Calls::default());
    // One turn for each root that has waiters here, and that is nearly always one.
    while let Some(first) = in_doubt.first() {
        let retrier = Arc::clone(&first.retrier);
        let (own, others) =
            in_doubt.into_iter().partition(|interrupt| Arc::ptr_eq(&interrupt.retrier, &retrier));
        calls.add(retrier.retry_later(own));
        in_doubt = others;
    }
    calls
}
