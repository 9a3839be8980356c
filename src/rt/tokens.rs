//! Owns tokens that sleeping threads wait for: each token wakes one thread.
//! Refuses to know what a token stands for, and to choose the thread that it wakes.
//!
//! ```text
//! taker    sleeping += 1;   take a token if there is one, else sleep while there is none
//! giver    tokens += n;     wake up to n, if sleeping > 0
//! ```
//!
//! **No wake-up is lost.** Both sides act first and look second, with SeqCst. So a giver that finds
//! no sleeper has raised the word before the taker counts itself, and the taker finds the token. A
//! giver that finds a sleeper asks the kernel to wake one. The kernel puts a taker to sleep only if
//! the word is still without a token, and checks that in the same step. A woken taker that finds
//! its token taken by another taker sleeps again: that other taker needs no wake-up any more.

use std::sync::atomic::Ordering;

use crate::sync::{AtomicU32, Sleepers};

/// Set in the word when no token is needed any more.
const OPEN: u32 = 1 << 31;

#[derive(Default)]
pub(crate) struct Tokens {
    /// The number of tokens that nobody has taken, and `OPEN`. Raised by `give` and `open`, lowered
    /// by `take`; the word that takers sleep on.
    word: AtomicU32,
    /// Threads that are inside `take`. Written by each of them, read by `give`.
    sleeping: AtomicU32,
    sleepers: Sleepers,
}

impl Tokens {
    /// Adds `count` tokens. Each of them lets one thread through `take`. Pairs with `take`.
    pub(crate) fn give(&self, count: u32) {
        self.word.fetch_add(count, Ordering::SeqCst);
        // Ordered after `fetch_add` by SeqCst. Pairs with `take`, which counts itself before it
        // looks at the word.
        match self.sleeping.load(Ordering::SeqCst).min(count) {
            0 => {}
            count => self.sleepers.wake(&self.word, count),
        }
    }

    /// Lets every thread through `take`, now and for ever. Pairs with `take`.
    pub(crate) fn open(&self) {
        self.word.fetch_or(OPEN, Ordering::SeqCst);
        match self.sleeping.load(Ordering::SeqCst) {
            0 => {}
            count => self.sleepers.wake(&self.word, count),
        }
    }

    /// True from `open` on.
    pub(crate) fn is_open(&self) -> bool {
        self.word.load(Ordering::SeqCst) & OPEN != 0
    }

    /// Blocks until there is a token, and takes it (true), or until `open` (false). Pairs with
    /// `give` and `open`.
    pub(crate) fn take(&self) -> bool {
        self.sleeping.fetch_add(1, Ordering::SeqCst);
        let taken = loop {
            // After this thread is counted.
            let now = self.word.load(Ordering::SeqCst);
            if now & OPEN != 0 {
                break false;
            }
            if now == 0 {
                self.sleepers.sleep(&self.word, now, None);
                continue;
            }
            // Exactly one taker lowers the word for each token.
            if self.word.compare_exchange(now, now - 1, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                break true;
            }
        };
        self.sleeping.fetch_sub(1, Ordering::SeqCst);
        taken
    }
}
