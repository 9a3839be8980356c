//! Owns how one learns of a node's stop: by asking, by a channel, by resting on it, by a callback.
//! Refuses to mark anything: `mark` does, and both ends of each wake-up name the other.
//!
//! A node that is a deadline or a shield is stopped when its time has come, and that time may become known, or become an
//! earlier one, while somebody begins to listen. So every listener first is where marking finds it, and asks for the time
//! after that: [`Node::listen`]. A stop that comes before the listener is there has left its traces in the nodes around, and
//! the listener computes the time from them; one that comes later finds the listener, and sees to the time itself (`alert`).

use std::convert::Infallible;
#[cfg(unix)]
use std::io;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, bounded};

use crate::stop::callback::Callback;
use crate::stop::condvar::interrupt::Interrupt;
use crate::stop::node::{ALERTED, LIMITED, Node, STOPPING, State};
#[cfg(unix)]
use crate::sys::Event;

/// Who keeps the time for a listener: who sees that a deadline, or a shield, has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeper {
    /// The listener itself, by a time-out that it computes after it is registered: [`Node::limit_end`].
    Listener,
    /// The root's timer, which marks the node.
    Timer,
}

impl Node {
    pub(crate) fn since(&self) -> Option<Instant> {
        self.state.lock().since
    }

    /// When it was asked to stop; `None` for one that was only closed.
    pub(crate) fn asked_at(&self) -> Option<Instant> {
        let state = self.state.lock();
        state.since.filter(|_| state.cause.is_some())
    }

    /// Makes somebody a listener: `register` gets the lists of the node, under the lock that marking takes, and whether marking
    /// has been there. First the entry, then the time: pairs with `mark`, which takes out of the lists what it wakes, and with
    /// `alert`, which arms for what it finds there.
    pub(crate) fn listen<R>(
        self: &Arc<Node>,
        keeper: Keeper,
        register: impl FnOnce(&mut State, bool) -> R,
    ) -> R {
        let mut state = self.state.lock();
        let registered = register(&mut state, self.is_marked());
        drop(state);
        self.arm_for(keeper);
        registered
    }

    /// To be called by a listener that is there.
    fn arm_for(self: &Arc<Node>, keeper: Keeper) {
        if keeper == Keeper::Timer && !self.is_marked() {
            self.arm().run();
        }
    }

    /// Disconnected by the stop.
    pub(crate) fn signal(self: &Arc<Node>, keeper: Keeper) -> &Receiver<Infallible> {
        if let Some(signal) = self.signal.get() {
            self.arm_for(keeper);
            return signal;
        }
        let (sender, receiver) = bounded(0);
        let mut sender = Some(sender);
        self.listen(keeper, |state, marked| {
            self.signal.get_or_init(|| {
                state.signal = sender.take().filter(|_| !marked);
                receiver
            })
        })
    }

    /// Set by the stop: readable from then on.
    #[cfg(unix)]
    pub(crate) fn event(self: &Arc<Node>, keeper: Keeper) -> io::Result<&Event> {
        if let Some(event) = self.event.get() {
            self.arm_for(keeper);
            return Ok(event);
        }
        let event = Event::new()?;
        let (event, marked) = self.listen(keeper, |_, marked| (self.event.get_or_init(|| event), marked));
        // Who marked before did not see it; who marks now does.
        if marked {
            event.set();
        }
        Ok(event)
    }

    /// Disconnected when the end of a shield becomes known; `None` where there is nothing to be learnt.
    pub(crate) fn alert_signal(self: &Arc<Node>) -> Option<&Receiver<Infallible>> {
        if self.knows_its_end() {
            return None;
        }
        let limit = self.limit.as_ref()?;
        if let Some(alert) = limit.alert.get() {
            return Some(alert);
        }
        let (sender, receiver) = bounded(0);
        let mut sender = Some(sender);
        Some(self.listen(Keeper::Listener, |_, _| {
            limit.alert.get_or_init(|| {
                *limit.alarm.lock() = sender.take().filter(|_| !self.knows_its_end());
                receiver
            })
        }))
    }

    /// The same for a wait for a descriptor: readable when the end of a shield becomes known.
    #[cfg(unix)]
    pub(crate) fn alert_event(self: &Arc<Node>) -> io::Result<Option<&Event>> {
        let Some(limit) = self.limit.as_ref().filter(|limit| !self.knows_its_end() && limit.hides()) else {
            return Ok(None);
        };
        if limit.event.get().is_none() {
            let event = Event::new()?;
            // Who marks after this sees it; who did before is seen by the look below.
            self.listen(Keeper::Listener, |_, _| limit.event.get_or_init(|| event));
        }
        Ok(limit.event.get().filter(|_| !self.knows_its_end()))
    }

    /// True if nothing more will be learnt of it, but that it has come.
    fn knows_its_end(&self) -> bool {
        self.flags.load() & (LIMITED | STOPPING | ALERTED) != LIMITED
    }

    /// Blocks until the node is marked (false: not yet, look again), or until `end` or the end of a shield becomes
    /// known. Uses neither a channel nor `thread::park`, whose token is the user's (W4).
    pub(crate) fn rest(&self, end: Option<Instant>) {
        // It is in no list: `sleep_while` counts it, and does not sleep if the flags are not those that were seen here. First
        // the flags, then the end: one that becomes known in between changes the flags. Pairs with `wake`.
        let before = self.flags.load() & (STOPPING | ALERTED);
        let end = end.into_iter().chain(self.limit_end()).min();
        if before & STOPPING == 0 {
            self.flags.sleep_while(STOPPING | ALERTED, before, end);
        }
    }

    /// Registers a callback; false if the stop has come already: then the caller runs it.
    pub(crate) fn on_stop(self: &Arc<Node>, callback: &Arc<Callback>) -> bool {
        self.listen(Keeper::Timer, |state, marked| {
            if !marked {
                state.callbacks.insert(callback.key(), Arc::clone(callback));
            }
            !marked
        })
    }

    pub(crate) fn forget_callback(&self, key: u64) {
        // Dropped after the lock is free: the closure in it is the user's.
        let _callback = self.state.lock().callbacks.remove(key);
    }

    /// A stop, the beginning of one behind a shield, and the end of the node ring it. Whoever comes too late for that sees the
    /// mark, since it has yet to look.
    /// The waiter asks for the end of a limit after that.
    pub(crate) fn add_interrupt(self: &Arc<Node>, interrupt: &Arc<Interrupt>) {
        self.listen(Keeper::Listener, |state, _| {
            state.interrupts.insert(interrupt.key, Arc::clone(interrupt))
        });
    }

    pub(crate) fn remove_interrupt(&self, interrupt: &Interrupt) {
        let _bell = self.state.lock().interrupts.remove(interrupt.key);
    }
}
