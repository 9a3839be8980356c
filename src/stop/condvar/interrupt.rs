//! Owns the interrupt of one waiter at a condvar: a stop rings it, none is missed, and nobody touches mutex and condvar any more
//! when the waiter has left.
//! Refuses to know what mutex and condvar are, and to wait for a mutex: whoever rings later does (`retry`).
//!
//! # The race
//!
//! A waiter looks for the stop and then parks, all under its mutex, which is the program's. Whoever stops may come between the two:
//! a notification without the mutex is lost then. He may not lock the mutex either: he may hold it already, or someone who
//! waits for him. So he *tries*. If he gets it, the waiter is parked and hears the notification, or it has yet to look. If not,
//! it is in doubt: the notification is given all the same (most are parked, and hear it), and the interrupt goes to a thread of our own,
//! which takes the mutex when it can be had, and rings again.
//!
//! # States
//!
//! ```text
//! waiter      awake --open--> parking --shut--> awake                 holds the mutex at each arrow
//! who rings   outside --enter, if open--> inside --exit--> outside    is inside only for as long as he uses the pair
//! ```
//!
//! # Invariants
//!
//! 1. The waiter opens before it looks for the stop, and whoever rings has marked before he enters. Both go through the lock of
//!    `stage`. So who finds the interrupt shut need not ring: the waiter opens later, and sees the mark.
//! 2. The mutex is held by the waiter from `open` until it is parked. So whoever has entered and then gets the mutex finds the waiter
//!    parked, or already woken.
//! 3. Whoever uses the pair is inside; while a interrupt is shut, nobody comes in. So a waiter that has shut its interrupt, and has
//!    seen nobody inside, may leave: the pair is used no more (invariant 2 of `rt`).
//! 4. Who waits for those inside does not hold the mutex, since one of them may be waiting for it.
//! 5. None of our locks is held while the mutex is tried, waited for or freed.
//!
//! # Named races
//!
//! - **Between the look and the wait.** See above: by 2 whoever cannot get the mutex hands the interrupt on, and whoever gets it is heard.
//! - **The waiter that leaves.** It was woken by somebody else, while the thread that rings later waits for its mutex: it frees the
//!   mutex, waits until that one is outside (3, 4), and takes it again.
//! - **The interrupt of one who left.** It is still in a list: it is shut, so nobody enters. If a new waiter has the same addresses,
//!   ringing for that one rings for the old, which needs none.
//! - **The notification that was meant for another.** A waiter that was notified, and then ends by the stop without asking its
//!   condition, notifies the next (`condvar`).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::rt::packet::{Ran, Task};
use crate::stop::wakeups::Calls;
use crate::sync::{Condvar, Mutex};

static NEXT_KEY: AtomicU64 = AtomicU64::new(1);

/// How long one tries for the mutex. As a task, the pair of mutex and condvar is done if it was got, and nothing if not;
/// in both cases the condvar was notified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    Try,
    For(Duration),
}

/// Gets the interrupts that could not be rung under their mutex.
pub(crate) trait Retrier: Send + Sync {
    /// Runs no code of the program's: a refusal of the system is to be logged by the caller.
    fn retry_later(&self, interrupts: Vec<Arc<Interrupt>>) -> Calls;
}

/// What became of one ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The waiter looks for the stop before it parks again, or it has left.
    Awake,
    /// Under the mutex.
    Heard,
    /// Without it.
    Unconfirmed,
}

/// The addresses of condvar and mutex: who was rung for one of several waiters was rung for all. Never made a pointer again.
pub(crate) type Pair = (usize, usize);

pub(crate) struct Interrupt {
    pub(crate) key: u64,
    pair: Pair,
    task: Arc<dyn Task<Effort>>,
    stage: Mutex<Stage>,
    /// Notified when the last one has gone outside.
    empty: Condvar,
    ringer: Arc<dyn Retrier>,
}

#[derive(Default)]
struct Stage {
    open: bool,
    inside: usize,
}

impl Interrupt {
    pub(crate) fn new(pair: Pair, task: Arc<dyn Task<Effort>>, ringer: Arc<dyn Retrier>) -> Arc<Interrupt> {
        Arc::new(Interrupt {
            key: NEXT_KEY.fetch_add(1, Ordering::Relaxed),
            pair,
            task,
            stage: Mutex::default(),
            empty: Condvar::new(),
            ringer,
        })
    }

    /// The waiter is about to look for the stop, and then to park.
    pub(crate) fn arm(&self) {
        self.stage.lock().open = true;
    }

    /// It has the mutex again.
    pub(crate) fn disarm(&self) {
        self.stage.lock().open = false;
    }

    /// Once it is shut, this stays true.
    pub(crate) fn is_empty(&self) -> bool {
        self.stage.lock().inside == 0
    }

    /// Blocks until nobody is inside. Pairs with `exit`.
    pub(crate) fn wait_until_empty(&self) {
        let mut stage = self.stage.lock();
        while stage.inside > 0 {
            self.empty.wait(&mut stage);
        }
    }

    /// The waiter leaves: condvar and mutex are forgotten. It is shut and empty.
    pub(crate) fn forget(&self) {
        let _holds_references_only = self.task.clear();
    }

    pub(crate) fn deliver(&self, effort: Effort) -> Delivery {
        if !self.enter() {
            return Delivery::Awake;
        }
        // It has let go of mutex and condvar when it returns: only then may `exit` let the waiter go (invariant 1 of `rt`).
        let ran = self.task.run(&effort);
        self.exit();
        match ran {
            Ran::Done => Delivery::Heard,
            Ran::Nothing | Ran::Failed(_) | Ran::Panicked(_) => Delivery::Unconfirmed,
        }
    }

    fn enter(&self) -> bool {
        let mut stage = self.stage.lock();
        stage.inside += usize::from(stage.open);
        stage.open
    }

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

/// Tries each pair once. Returns those that are in doubt.
pub(crate) fn deliver_each(interrupts: impl IntoIterator<Item = Arc<Interrupt>>) -> Vec<Arc<Interrupt>> {
    let (mut tried, mut in_doubt) = (HashMap::new(), Vec::new());
    for interrupt in interrupts {
        let rung = tried.get(&interrupt.pair).copied().unwrap_or_else(|| interrupt.deliver(Effort::Try));
        // That one waiter is awake says nothing of the others of its pair.
        if rung != Delivery::Awake {
            tried.insert(interrupt.pair, rung);
        }
        if rung == Delivery::Unconfirmed {
            in_doubt.push(interrupt);
        }
    }
    in_doubt
}

/// Rings all that hang at nodes which have been marked, and hands on what is in doubt. Called with no lock of ours held.
pub(crate) fn deliver_all(interrupts: Vec<Arc<Interrupt>>) -> Calls {
    let (mut in_doubt, mut calls) = (deliver_each(interrupts), Calls::default());
    // Nearly always of one root.
    while let Some(first) = in_doubt.first() {
        let ringer = Arc::clone(&first.ringer);
        let (own, others) =
            in_doubt.into_iter().partition(|interrupt| Arc::ptr_eq(&interrupt.ringer, &ringer));
        calls.add(ringer.retry_later(own));
        in_doubt = others;
    }
    calls
}
