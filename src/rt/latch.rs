//! Owns one fact that becomes true once, and those who wait for it, by blocking or in a `select!`.
//! Refuses to know what the fact is.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};
use once_cell::sync::OnceCell;
use parking_lot::{Condvar, Mutex};

use super::look::{A_WAKE_UP, look_for};

#[derive(Debug, Default)]
pub(crate) struct Latch {
    set: AtomicBool,
    /// Guards the change of `set`, and holds the end of `signal` that is dropped by it.
    sender: Mutex<Option<Sender<Infallible>>>,
    changed: Condvar,
    signal: OnceCell<Receiver<Infallible>>,
}

impl Latch {
    pub(crate) fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    /// The last thing that a dying thread does with it: the caller keeps the latch alive (an `Arc`) until it returns.
    pub(crate) fn set(&self) {
        let mut sender = self.sender.lock();
        self.set.store(true, Ordering::Release);
        let sender = sender.take();
        // Pairs with `wait`: it looks at `set` under the lock that we held while setting it, so it cannot miss this.
        self.changed.notify_all();
        drop(sender);
    }

    /// Blocks until it is set (true), or until `until` or `given_up` (false).
    pub(crate) fn wait(&self, until: Option<Instant>, given_up: &AtomicBool) -> bool {
        // A short thread is over before going to sleep would be.
        if look_for(A_WAKE_UP, || self.is_set()) {
            return true;
        }
        let mut guard = self.sender.lock();
        loop {
            if self.is_set() {
                return true;
            }
            if given_up.load(Ordering::Acquire) {
                return false;
            }
            match until {
                None => self.changed.wait(&mut guard),
                Some(at) if Instant::now() >= at => return false,
                Some(at) => drop(self.changed.wait_until(&mut guard, at)),
            }
        }
    }

    /// Makes one waiter give up. Pairs with `wait`: the flag is set under its lock.
    pub(crate) fn give_up(&self, flag: &AtomicBool) {
        let _guard = self.sender.lock();
        flag.store(true, Ordering::Release);
        self.changed.notify_all();
    }

    /// A receiver that is disconnected once the latch is set; the channel is made by the first who asks.
    pub(crate) fn signal(&self) -> &Receiver<Infallible> {
        self.signal.get_or_init(|| {
            let (sender, receiver) = bounded(0);
            let mut slot = self.sender.lock();
            if !self.is_set() {
                *slot = Some(sender);
            }
            receiver
        })
    }
}
