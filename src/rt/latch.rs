//! Owns one fact that becomes true once, and the threads that wait for it, by blocking or in a
//! `select!`.
//! Refuses to know what the fact is.

use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::event_count::EventCount;
use super::spin::{A_WAKE_UP, spin_until};
use crate::sync::{AtomicBool, Mutex, OnceCell, fence};

#[derive(Default)]
pub(crate) struct Latch {
    /// The fact. Stored once, by `set`; read by all.
    set: AtomicBool,
    /// Counts the setting, and each `look_again`. Threads in `wait` sleep on it.
    changes: EventCount,
    /// For waiters in a `select!`. Made by the first of them, in `signal`; most latches have none.
    channel: OnceCell<Box<Channel>>,
}

struct Channel {
    /// `None` from the setting of the latch on. Its drop disconnects the receiver.
    sender: Mutex<Option<Sender<Infallible>>>,
    /// Lent to each waiter by `signal`. It never receives a value, it only disconnects.
    receiver: Receiver<Infallible>,
}

impl Latch {
    pub(crate) fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    /// Sets the latch and wakes all waiters. Pairs with `wait` and `signal`. An ending thread calls
    /// this last, and a waiter may then drop its own reference to the latch: so the caller keeps
    /// the latch alive (by an `Arc`) until this returns (X6).
    ///
    /// In this order: the fact first, then the note, because a waiter that sees the note looks at
    /// the fact.
    pub(crate) fn set(&self) {
        self.set.store(true, Ordering::SeqCst);
        self.changes.notify();
        self.disconnect_if_set();
    }

    /// Called by `set` after it has set the fact, and by `signal` after it has made the channel.
    /// Each acts before the fence and looks after it. So at least one of the two sees what the
    /// other did, and drops the sender.
    fn disconnect_if_set(&self) {
        fence(Ordering::SeqCst);
        if let Some(channel) = self.channel.get().filter(|_| self.is_set()) {
            let sender = channel.sender.lock().take();
            drop(sender);
        }
    }

    /// Blocks until the latch is set (true), or until `until` or `gives_up` (false). Pairs with
    /// `set`, and with `look_again` for what `gives_up` reads.
    pub(crate) fn wait(&self, until: Option<Instant>, gives_up: &dyn Fn() -> bool) -> bool {
        // The end of a short thread comes sooner than this thread could fall asleep and be woken.
        if spin_until(A_WAKE_UP, || self.is_set()) {
            return true;
        }
        loop {
            // Before the looks below: a change after this ends the wait at once.
            let seen = self.changes.epoch();
            if self.is_set() {
                return true;
            }
            if gives_up() || until.is_some_and(|until| Instant::now() >= until) {
                return false;
            }
            self.changes.wait(seen, until);
        }
    }

    /// Makes the waiters ask again whether they give up. Called after the change that one of them
    /// reads. Pairs with `wait`.
    pub(crate) fn look_again(&self) {
        self.changes.notify();
    }

    /// Returns a receiver that is disconnected once the latch is set. Pairs with `set`.
    pub(crate) fn signal(&self) -> &Receiver<Infallible> {
        let channel = self.channel.get_or_init(|| {
            let (sender, receiver) = bounded(0);
            Box::new(Channel { sender: Mutex::new(Some(sender)), receiver })
        });
        // After the channel is there: a `set` that looked for one before found none, and left the
        // disconnecting to this thread.
        self.disconnect_if_set();
        &channel.receiver
    }
}
