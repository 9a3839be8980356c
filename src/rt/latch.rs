//! Owns one fact that becomes true once, and those who wait for it, by blocking or in a `select!`.
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
    set: AtomicBool,
    changes: EventCount,
    /// Made by the first who selects on it; most latches have none.
    channel: OnceCell<Box<Channel>>,
}

struct Channel {
    /// Dropped when the latch is set: that disconnects the receiver.
    sender: Mutex<Option<Sender<Infallible>>>,
    receiver: Receiver<Infallible>,
}

impl Latch {
    pub(crate) fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    /// The last thing that a dying thread does with it: the caller keeps the latch alive (an `Arc`) until it returns.
    pub(crate) fn set(&self) {
        self.set.store(true, Ordering::SeqCst);
        self.changes.notify();
        self.disconnect_if_set();
    }

    /// Called by whoever sets the latch after that, and by whoever makes the channel after that: by the fence, at least one
    /// of them sees what the other did.
    fn disconnect_if_set(&self) {
        fence(Ordering::SeqCst);
        if let Some(channel) = self.channel.get().filter(|_| self.is_set()) {
            let sender = channel.sender.lock().take();
            drop(sender);
        }
    }

    /// Blocks until it is set (true), or until `until` or `given_up` (false).
    pub(crate) fn wait(&self, until: Option<Instant>, given_up: &AtomicBool) -> bool {
        // A short thread is over before going to sleep would be.
        if spin_until(A_WAKE_UP, || self.is_set()) {
            return true;
        }
        loop {
            let seen = self.changes.epoch();
            if self.is_set() {
                return true;
            }
            if given_up.load(Ordering::Acquire) || until.is_some_and(|until| Instant::now() >= until) {
                return false;
            }
            self.changes.wait(seen, until);
        }
    }

    /// Makes one waiter give up.
    pub(crate) fn give_up(&self, flag: &AtomicBool) {
        flag.store(true, Ordering::Release);
        self.changes.notify();
    }

    /// A receiver that is disconnected once the latch is set.
    pub(crate) fn signal(&self) -> &Receiver<Infallible> {
        let channel = self.channel.get_or_init(|| {
            let (sender, receiver) = bounded(0);
            Box::new(Channel { sender: Mutex::new(Some(sender)), receiver })
        });
        self.disconnect_if_set();
        &channel.receiver
    }
}
