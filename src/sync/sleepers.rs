//! Owns the sleep on a word where there is no futex: in models, and on systems other than Linux.
//! Refuses to wake a thread too many: a model must see the wake-ups that the kernel would give.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::{AtomicU32, Condvar, Mutex};

/// The sleepers on a word, as a kernel with futexes keeps them: it checks the word and lists the
/// sleeper in one step, and wakes as many sleepers as it is told to.
#[derive(Debug, Default)]
pub(crate) struct Sleepers {
    lock: Mutex<()>,
    woken: Condvar,
}

impl Sleepers {
    /// Goes to sleep if the word is as expected. May return early: the caller looks.
    pub(crate) fn sleep(&self, word: &AtomicU32, expected: u32, end: Option<Instant>) {
        let mut guard = self.lock.lock();
        if word.load(Ordering::SeqCst) != expected {
            return;
        }
        match end {
            None => self.woken.wait(&mut guard),
            Some(end) => {
                let _the_caller_looks = self.woken.wait_until(&mut guard, end);
            }
        }
    }

    /// Wakes `count` sleepers. The caller has changed the word before, so that a thread which comes
    /// to `sleep` later sees the change under the lock.
    pub(crate) fn wake(&self, _word: &AtomicU32, count: u32) {
        let _in_one_step = self.lock.lock();
        (0..count).for_each(|_| self.woken.notify_one());
    }
}
