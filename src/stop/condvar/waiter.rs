//! Owns one wait at a condvar: the loop of the waiter, which looks for the stop, asks the
//! condition, and parks. A stop makes the waiter look again by its `interrupt`.
//! Refuses to know the types of condvar and mutex, and which threads deliver how often: `delivery`
//! does. Of the program's code only the condition runs under the mutex.
//!
//! A *pair* is the condvar and the mutex of the program's at which a thread waits. To *deliver* an
//! interrupt is to notify the condvar, under the mutex if possible. The *delivering thread* is a
//! thread that stops, or later a thread of our own that keeps the time of the root.
//!
//! # States
//!
//! ```text
//! waiter             disarmed --arm--> armed --disarm--> disarmed    holds the mutex at each arrow
//! delivering thread  outside --enter, if armed--> inside --exit--> outside
//! ```
//!
//! # Invariants
//!
//! 1. The waiter arms before it looks for the stop. A delivering thread has marked or alerted the
//!    node before it enters. Arming and entering take the lock of `presence`. So a delivering
//!    thread that finds the interrupt disarmed need not deliver, because the waiter arms later, and
//!    then sees the mark, or the end of the shield.
//! 2. The waiter holds the mutex from `arm` until it is parked. So a delivering thread that has
//!    entered and then gets the mutex finds the waiter parked, or already woken.
//! 3. A thread that uses the pair is inside, and no thread enters a disarmed interrupt. So a waiter
//!    that has disarmed, and then has seen nobody inside, may leave: no thread will use the pair
//!    (invariant 2 of `rt`).
//! 4. A waiter that blocks until all threads are outside does not hold the mutex, because one of
//!    them may be waiting for it.
//! 5. No lock of ours is held while the mutex is tried, waited for or freed.
//!
//! # Named races
//!
//! - **Between the check and the park.** The waiter looks for the stop, finds none, and then parks,
//!   all under the mutex. A stop may come between the two: a notification finds nobody parked, and
//!   is lost. If the stopping thread held the mutex for its notification, it could not come
//!   between. But it may not lock the mutex, because it may hold the mutex already, or a thread
//!   that waits for it may. So it *tries* the mutex. If it gets the mutex, the waiter is parked and
//!   hears the notification, or has yet to look (2). If not, the interrupt is *in doubt*. The
//!   stopping thread notifies all the same, because most waiters are parked and hear it, and hands
//!   the interrupt to a thread of our own. That thread waits for the mutex, and delivers again
//!   (`delivery`).
//! - **The leaving waiter.** Another thread has woken the waiter, and the waiter wants to return
//!   and to free condvar and mutex, while a delivering thread is inside and waits for the mutex.
//!   The waiter disarms, frees the mutex, blocks until all threads are outside, and takes the mutex
//!   again (3, 4). The condition may have changed meanwhile, so the waiter asks it again.
//! - **The stale interrupt.** A waiter has left, and its interrupt is still in the list of a stop
//!   or of `delivery`. The interrupt is disarmed, so no thread enters. If a new waiter has a pair
//!   at the same addresses, a delivery to the new one counts for the old one as well, which needs
//!   none.
//! - **The wasted notification.** The program notifies one waiter, and the stop comes before that
//!   waiter has asked its condition. The waiter ends by the stop, and another waiter, for which the
//!   notification would have been of use, sleeps on. So a stopped waiter that was notified notifies
//!   the next (`Waiter::ended`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::stop::condvar::interrupt::Interrupt;
use crate::stop::listen::Keeper;
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
pub(crate) enum WaitEnd {
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
    ) -> WaitEnd {
        loop {
            let ended = self.park_while(&mut condition, end, alone);
            // If the mutex was freed meanwhile, the condition may have become true again.
            if !self.see_off() || ended != WaitEnd::False {
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
    ) -> WaitEnd {
        loop {
            if is_stopping(self.node, self.held) {
                return WaitEnd::Stopped;
            }
            self.notified = false;
            if !condition(self.held) {
                return WaitEnd::False;
            }
            let now = Instant::now();
            if end.is_some_and(|end| now >= end) {
                return WaitEnd::TimedOut;
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

    /// Blocks until no thread uses the pair. No further thread will use the pair, because the
    /// interrupt is disarmed. True if the mutex was freed for that, because a delivering thread may
    /// be waiting for it (*the leaving waiter*). Pairs with `Interrupt::exit`.
    fn see_off(&mut self) -> bool {
        let busy = !self.interrupt.is_empty();
        if busy {
            self.held.unlocked(|| self.interrupt.wait_until_empty());
        }
        busy
    }

    /// Passes on a notification that is useless to this waiter, because the stop ended its wait
    /// (*the wasted notification*).
    fn ended(&self, end: WaitEnd) -> WaitEnd {
        if end == WaitEnd::Stopped && self.notified {
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

impl Node {
    /// Registers the interrupt of a waiter at a condvar. It is delivered by a stop, by an alert and
    /// by the close of the node. A waiter that registers too late for these reads the mark, or the
    /// end of the limit, before it parks. Pairs with `mark`, `alert` and `close`.
    fn add_interrupt(self: &Arc<Node>, interrupt: &Arc<Interrupt>) {
        self.listen(Keeper::Listener, |state, _| {
            state.rare().interrupts.insert(interrupt.key, Arc::clone(interrupt))
        });
    }

    /// Takes an interrupt out of the list. A stop that has copied it finds it disarmed (*the stale
    /// interrupt*, above).
    fn remove_interrupt(&self, interrupt: &Interrupt) {
        // Dropped after the lock is free.
        let _interrupt = self.state.lock().rare().interrupts.remove(interrupt.key);
    }
}
