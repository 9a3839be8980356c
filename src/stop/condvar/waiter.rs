//! Owns the loop of a waiter at a condvar: it looks for the stop, asks the condition, and parks, until one of them ends it.
//! Refuses to know whose mutex and condvar these are, and how a stop reaches it, which is `interrupt`'s; and to run anything of the user's
//! under that mutex but the condition.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::stop::condvar::interrupt::Interrupt;
use crate::stop::node::Node;

/// How often a waiter looks for the stop if nobody would ring what is in doubt: the system refused the thread, or the waiter is
/// no thread of the context's root, which may end before it.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A mutex that is held, with the condvar at which one waits: the program's, or a model's.
pub(crate) trait Held {
    /// Frees the mutex and parks, in one step. True if notified, false at `end`. The mutex is held again.
    fn park(&mut self, end: Option<Instant>) -> bool;
    /// Runs `f` with the mutex free. It is held again, also if `f` unwinds.
    fn unlocked<R>(&mut self, f: impl FnOnce() -> R) -> R;
    fn notify_one(&self);
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    False,
    Stopped,
    TimedOut,
}

/// One wait. However it is left, nobody uses the pair any more.
pub(crate) struct Waiter<'a, H: Held> {
    node: &'a Arc<Node>,
    interrupt: Arc<Interrupt>,
    held: &'a mut H,
    /// By somebody who may have meant another.
    notified: bool,
}

impl<'a, H: Held> Waiter<'a, H> {
    pub(crate) fn new(node: &'a Arc<Node>, interrupt: Arc<Interrupt>, held: &'a mut H) -> Self {
        node.add_interrupt(&interrupt);
        Waiter { node, interrupt, held, notified: false }
    }

    /// Waits while `condition` holds. `alone`: there is nobody who would ring what is in doubt.
    pub(crate) fn wait_while(
        mut self,
        mut condition: impl FnMut(&mut H) -> bool,
        end: Option<Instant>,
        alone: bool,
    ) -> End {
        loop {
            let ended = self.park_while(&mut condition, end, alone);
            // If the mutex was given up, what was asked under it may have changed.
            if !self.see_off() || ended != End::False {
                return self.ended(ended);
            }
        }
    }

    fn park_while(
        &mut self,
        condition: &mut impl FnMut(&mut H) -> bool,
        end: Option<Instant>,
        alone: bool,
    ) -> End {
        loop {
            if is_stopping(self.node, self.held) {
                return End::Stopped;
            }
            self.notified = false;
            if !condition(self.held) {
                return End::False;
            }
            let now = Instant::now();
            if end.is_some_and(|end| now >= end) {
                return End::TimedOut;
            }
            // First it opens, then it looks, for the stop and for the end of a shield: whoever comes later rings.
            self.interrupt.arm();
            if !self.node.is_marked() {
                let look = alone.then(|| now + LOOK_AGAIN);
                let first = [end, look, self.node.limit_end()].into_iter().flatten().min();
                self.notified = self.held.park(first);
            }
            self.interrupt.disarm();
        }
    }

    /// Waits until nobody uses the pair, and nobody will. True if the mutex was given up for that: one of them may wait for it.
    fn see_off(&mut self) -> bool {
        let busy = !self.interrupt.is_empty();
        if busy {
            self.held.unlocked(|| self.interrupt.wait_until_empty());
        }
        busy
    }

    /// A notification that the stop made useless may have been meant for another.
    fn ended(&self, end: End) -> End {
        if end == End::Stopped && self.notified {
            self.held.notify_one();
        }
        end
    }
}

impl<H: Held> Drop for Waiter<'_, H> {
    fn drop(&mut self) {
        // The condition may have panicked, or the condvar.
        self.interrupt.disarm();
        self.see_off();
        self.node.remove_interrupt(&self.interrupt);
        self.interrupt.forget();
    }
}

/// If it is the first to see that a deadline has passed, it carries out that stop, with callbacks: not under the mutex.
pub(crate) fn is_stopping(node: &Arc<Node>, held: &mut impl Held) -> bool {
    if node.is_marked() {
        return true;
    }
    let past = node.limit_end().is_some_and(|end| Instant::now() >= end);
    if past {
        held.unlocked(|| node.expire());
    }
    past
}
