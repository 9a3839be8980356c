//! Owns the models of wake-ups that are not sent to each sleeper: they are coalesced, or left to
//! the thread that acts second.
//! Refuses to know a real pipe: a counter with a condvar stands for it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use loom::thread::spawn;

use super::explore;
use crate::rt::coalesced::Coalesced;
use crate::sync::{AtomicU32, Condvar, Mutex};
use crate::tree::drain::Drain;

/// A pipe that does not know what its messages mean.
#[derive(Default)]
struct Pipe {
    messages: Mutex<u32>,
    came: Condvar,
}

impl Pipe {
    fn write(&self) {
        *self.messages.lock() += 1;
        self.came.notify_one();
    }

    fn wait(&self) {
        let mut messages = self.messages.lock();
        while *messages == 0 {
            self.came.wait(&mut messages);
        }
    }

    fn read(&self) {
        *self.messages.lock() = 0;
    }
}

struct Shared {
    wakes: Coalesced,
    pipe: Pipe,
    /// What the sleeper looks at: each waker adds its own bit. Relaxed, so that only the flag
    /// orders the change before the look.
    changes: AtomicU32,
}

impl Shared {
    fn change(&self, bit: u32) {
        self.changes.fetch_or(bit, Ordering::Relaxed);
        self.wakes.wake(|| self.pipe.write());
    }

    /// Sleeps and looks in turn, until all of `bits` are there.
    fn sleep_until(&self, bits: u32) {
        while self.changes.load(Ordering::Relaxed) & bits != bits {
            self.wakes.sleep(|| self.pipe.wait(), || self.pipe.read());
        }
    }
}

/// Two threads wake a third one, one of them twice. The sleeper sees all changes: it does not sleep
/// for ever, however the messages and the flag interleave.
#[test]
fn coalesced_wake_ups_are_not_lost() {
    explore("coalesced_wake_ups_are_not_lost", 3, || {
        let shared =
            Arc::new(Shared { wakes: Coalesced::new(), pipe: Pipe::default(), changes: AtomicU32::new(0) });
        let own = Arc::clone(&shared);
        let twice = spawn(move || [1, 2].into_iter().for_each(|bit| own.change(bit)));
        let own = Arc::clone(&shared);
        let once = spawn(move || own.change(4));
        shared.sleep_until(7);
        twice.join().unwrap();
        once.join().unwrap();
        // A message that came late ends one more sleep for nothing, and the flag is not left up.
        shared.change(8);
        shared.sleep_until(15);
    });
}

/// The notice begins while a thread comes to wait for it: the node that it waits on is marked.
#[test]
fn drain_reaches_a_late_listener() {
    explore("drain_reaches_a_late_listener", 4, || {
        let drain = Arc::new(Drain::default());
        let own = Arc::clone(&drain);
        let listener = spawn(move || Arc::clone(own.node()));
        drain.begin();
        drain.finish().run();
        let node = listener.join().unwrap();
        assert!(node.is_marked(), "one of the two threads has marked it");
    });
}
