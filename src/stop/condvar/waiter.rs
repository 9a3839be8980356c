//! Owns the loop of a waiter at a condvar: it looks for the stop, asks the condition, and parks,
//! until one of them ends the wait.
//! Refuses to know the types of mutex and condvar, and how a stop wakes it (`interrupt` does). Of
//! the program's code only the condition runs under the mutex.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::stop::condvar::interrupt::Interrupt;
use crate::stop::node::Node;

/// How often a waiter looks for the stop by itself, if no thread would deliver an interrupt that is
/// in doubt: the OS refused that thread, or the waiter is no thread of the context's root, which
/// may end before it.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A mutex that is held, with the condvar to wait at: the program's, or a model's.
pub(crate) trait Held {
    /// Frees the mutex and parks, in one step. True if notified, false at `end`. The mutex is held
    /// again when it returns.
    fn park(&mut self, end: Option<Instant>) -> bool;
    /// Runs `f` with the mutex free. The mutex is held again when it returns, also if `f` unwinds.
    fn unlocked<R>(&mut self, f: impl FnOnce() -> R) -> R;
    fn notify_one(&self);
}

/// The end of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The condition is false.
    False,
    Stopped,
    TimedOut,
}

/// One wait. When it is gone, by a return or by an unwind, no thread uses the pair any more.
pub(crate) struct Waiter<'a, H: Held> {
    node: &'a Arc<Node>,
    interrupt: Arc<Interrupt>,
    held: &'a mut H,
    /// The last park ended by a notification, and the condition was not asked since. The
    /// notification may have been for another waiter.
    notified: bool,
}

impl<'a, H: Held> Waiter<'a, H> {
    pub(crate) fn new(node: &'a Arc<Node>, interrupt: Arc<Interrupt>, held: &'a mut H) -> Self {
        node.add_interrupt(&interrupt);
        Waiter { node, interrupt, held, notified: false }
    }

    /// Waits while `condition` is true. `alone`: no thread would deliver the interrupt in doubt.
    pub(crate) fn wait_while(
        mut self,
        mut condition: impl FnMut(&mut H) -> bool,
        end: Option<Instant>,
        alone: bool,
    ) -> End {
        loop {
            let ended = self.park_while(&mut condition, end, alone);
            // If the mutex was freed meanwhile, the condition may have become true again.
            if !self.see_off() || ended != End::False {
                return self.ended(ended);
            }
        }
    }

    /// Looks, asks and parks in turn. Returns with the interrupt disarmed. Pairs with
    /// `Interrupt::deliver`.
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
            // Arm first, then look for the stop and for the end of a shield: a stop or an alert
            // that comes later finds the interrupt armed, and delivers it (*between the check and
            // the park*).
            self.interrupt.arm();
            if !self.node.is_marked() {
                let look = alone.then(|| now + LOOK_AGAIN);
                let first = [end, look, self.node.limit_end()].into_iter().flatten().min();
                self.notified = self.held.park(first);
            }
            // With the mutex held again, so the next round looks for the stop before it parks.
            self.interrupt.disarm();
        }
    }

    /// Blocks until no thread uses the pair. None will, because the interrupt is disarmed. True if
    /// the mutex was freed for that, because a delivering thread may be waiting for it (*the
    /// leaving waiter*). Pairs with `Interrupt::exit`.
    fn see_off(&mut self) -> bool {
        let busy = !self.interrupt.is_empty();
        if busy {
            self.held.unlocked(|| self.interrupt.wait_until_empty());
        }
        busy
    }

    /// Passes on a notification that is useless to this waiter, because the stop ended its wait
    /// (*the wasted notification*).
    fn ended(&self, end: End) -> End {
        if end == End::Stopped && self.notified {
            self.held.notify_one();
        }
        end
    }
}

impl<H: Held> Drop for Waiter<'_, H> {
    fn drop(&mut self) {
        // Also after a panic of the condition or of the condvar, which may have left it armed.
        self.interrupt.disarm();
        self.see_off();
        // After that no thread uses the pair, so the references to it may go.
        self.node.remove_interrupt(&self.interrupt);
        self.interrupt.forget();
    }
}

/// True if the node is stopped. If this thread is the first to see that a deadline has passed, it
/// carries out that stop, callbacks included. So it frees the mutex for that.
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
