//! Owns the delivery of interrupts: first by the thread that stops, without blocking; then the
//! interrupts in doubt, by a thread of our own, in rounds, until it has had the mutex of each.
//! Refuses to know the waiter (`waiter` does), and to wait long for one mutex while others are
//! free, or while the thread has other duties.
//!
//! # Rounds
//!
//! A thread can wait in the queue of one mutex at a time. So a round tries all of them, then waits
//! for the first one for a slice of time, and puts that one last. If there is one mutex, the thread
//! is in its queue nearly all the time, and gets it as soon as it is freed. If several are held for
//! long, the thread sees at the end of a slice that one was freed. This delays only a waiter that
//! was between its check and its park. A waiter that was parked was moved into the queue of its
//! mutex by the first notification.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::rt::index::Index;
use crate::stop::calls::Calls;
use crate::stop::condvar::interrupt::{Delivery, Effort, Interrupt};

/// Delivers the interrupts of nodes that have been marked or alerted, and hands on those in doubt.
/// Called by the stopping thread, with no lock of ours held.
pub(crate) fn deliver_all(interrupts: Vec<Arc<Interrupt>>) -> Calls {
    // As of most nodes: each thread closes one at its end.
    if interrupts.is_empty() {
        return Calls::default();
    }
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

/// Delivers each pair once, without blocking. Returns the interrupts that are in doubt.
pub(crate) fn deliver_each(interrupts: impl IntoIterator<Item = Arc<Interrupt>>) -> Vec<Arc<Interrupt>> {
    // By the address of the condvar, at which all waiters use one mutex.
    let (mut tried, mut in_doubt) = (Index::new(), Vec::new());
    for interrupt in interrupts {
        let key = interrupt.pair.0 as u64;
        // The waiters of one pair share one delivery, because a notification reaches all of them.
        let outcome = tried.get(key).filter(|(pair, _)| *pair == interrupt.pair).map(|(_, outcome)| *outcome);
        let outcome = outcome.unwrap_or_else(|| interrupt.deliver(Effort::Try));
        // A disarmed interrupt says nothing of the other waiters of its pair, so try the next one
        // of the pair as well.
        if outcome != Delivery::Awake {
            tried.insert(key, (interrupt.pair, outcome));
        }
        if outcome == Delivery::Unconfirmed {
            in_doubt.push(interrupt);
        }
    }
    in_doubt
}

/// The first and the longest slice. Slices double, because a mutex that was held for long is likely
/// to be held for longer.
const SLICES: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(8)];

/// The interrupts of one delivering thread.
pub(crate) struct Rounds {
    /// In doubt, in the order in which their mutexes are waited for.
    interrupts: Vec<Arc<Interrupt>>,
    /// The length of the next wait for a mutex.
    slice: Duration,
}

impl Default for Rounds {
    fn default() -> Self {
        Rounds { interrupts: Vec::new(), slice: SLICES[0] }
    }
}

impl Rounds {
    /// Adds interrupts, and begins with short slices again.
    pub(crate) fn add(&mut self, interrupts: Vec<Arc<Interrupt>>) {
        if !interrupts.is_empty() {
            self.slice = SLICES[0];
            self.interrupts.extend(interrupts);
        }
    }

    /// One round: delivers what it can, and waits for one mutex for a slice, or until `until`. True
    /// if interrupts are left.
    pub(crate) fn go(&mut self, until: Option<Instant>) -> bool {
        self.interrupts = deliver_each(std::mem::take(&mut self.interrupts));
        // All mutexes that are free now are done. The rest needs a wait.
        let Some(first) = self.interrupts.first().map(Arc::clone) else { return false };
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let slice = left.map_or(self.slice, |left| left.min(self.slice));
        match first.deliver(Effort::For(slice)) {
            // Under the mutex of the pair, so it counts for all waiters of the pair.
            Delivery::Heard => self.interrupts.retain(|interrupt| interrupt.pair != first.pair),
            // Its waiter alone is done: another waiter of the pair may still be armed.
            Delivery::Awake => drop(self.interrupts.remove(0)),
            // Put all of this pair last, because they need the same mutex.
            Delivery::Unconfirmed => {
                let all = std::mem::take(&mut self.interrupts).into_iter();
                let (last, others): (Vec<_>, _) = all.partition(|interrupt| interrupt.pair == first.pair);
                self.interrupts = others;
                self.interrupts.extend(last);
            }
        }
        self.slice = (self.slice * 2).min(SLICES[1]);
        !self.interrupts.is_empty()
    }
}

/// Makes rounds for as long as `patience` lasts. Returns the interrupts that are left.
pub(crate) fn retry_for(patience: Duration, interrupts: Vec<Arc<Interrupt>>) -> Vec<Arc<Interrupt>> {
    let end = Instant::now() + patience;
    let mut rounds = Rounds { interrupts, ..Rounds::default() };
    while rounds.go(Some(end)) && Instant::now() < end {}
    rounds.interrupts
}
