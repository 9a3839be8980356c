//! Owns the ways to hear of a node's stop: a channel, a descriptor, a rest on the flags, a
//! callback, an interrupt.
//! Refuses to mark anything: `mark` does, and both ends of each wake-up name the other.
//!
//! # Named races
//!
//! - **The late listener.** A node is marked while a listener comes. The listener reads the flag
//!   and adds its entry under the lock under which `mark` sets the flag and collects the entries.
//!   So the listener reads the flag, or `mark` finds the entry.
//! - **The end learned late.** A listener of a shield wants to sleep until the shield ends, and
//!   that end becomes known, or an earlier one, just then. The listener first adds its entry and
//!   then reads the end. A stop first stores the end and then collects the entries (`alert`). Stop
//!   first: the listener reads the end. Listener first: the stop finds the entry, and wakes the
//!   listener, which then computes a new time-out, or arms the timer for it.
//! - **The sleeper on its way.** A thread that rests is in no list. It reads the flags, decides,
//!   and sleeps; a mark may come in between. `Flags::sleep_while` counts the sleeper in the word of
//!   the flags, and the kernel lets it sleep only while the word has the value that it has read.
//!   Mark first: the word is another, and the thread does not sleep. Count first: the mark sees the
//!   count (`is_waited_on`), and wakes the thread.

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

/// The keeper of the time for a listener: it acts when a deadline or shield has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeper {
    /// The listener itself, by a time-out that it computes after it is registered:
    /// [`Node::limit_end`].
    Listener,
    /// The root's timer, which marks the node, because the listener has no time-out: a channel in a
    /// `select!` of the program's, a callback, a child node.
    Timer,
}

impl Node {
    /// When the node was marked or closed, by the clock of `awake`.
    pub(crate) fn since(&self) -> Option<Instant> {
        self.state.lock().since
    }

    /// When the node was asked to stop. `None` if it was not, or was only closed.
    pub(crate) fn asked_at(&self) -> Option<Instant> {
        let state = self.state.lock();
        state.since.filter(|_| state.cause.is_some())
    }

    /// Adds a listener. `register` gets the lists of the node, and whether the node is marked,
    /// under the lock that `mark` takes. Pairs with `mark` and `close`, which wake what they find
    /// in the lists, and with `alert`, which arms the timer for it.
    pub(crate) fn listen<R>(
        self: &Arc<Node>,
        keeper: Keeper,
        register: impl FnOnce(&mut State, bool) -> R,
    ) -> R {
        let mut state = self.state.lock();
        // The flag is read under the lock (*the late listener*).
        let registered = register(&mut state, self.is_marked());
        drop(state);
        // The entry first, then the time (*the end learned late*).
        self.arm_for(keeper);
        registered
    }

    /// Arms the timer if it is the keeper. Called by a listener that is in the lists already.
    fn arm_for(self: &Arc<Node>, keeper: Keeper) {
        if keeper == Keeper::Timer && !self.is_marked() {
            self.arm().run();
        }
    }

    /// The channel that the stop disconnects. Pairs with `mark` and `close`, which take out the
    /// sender to be dropped.
    pub(crate) fn signal(self: &Arc<Node>, keeper: Keeper) -> &Receiver<Infallible> {
        if let Some(signal) = self.signal.get() {
            // The caller that made the channel may have kept its time itself.
            self.arm_for(keeper);
            return signal;
        }
        let (sender, receiver) = bounded(0);
        let mut sender = Some(sender);
        self.listen(keeper, |state, marked| {
            self.signal.get_or_init(|| {
                // If the node is marked, the sender goes at once, and the channel is disconnected.
                state.signal = sender.take().filter(|_| !marked);
                receiver
            })
        })
    }

    /// The descriptor that the stop makes readable, for good. Pairs with `wake`.
    #[cfg(unix)]
    pub(crate) fn event(self: &Arc<Node>, keeper: Keeper) -> io::Result<&Event> {
        if let Some(event) = self.event.get() {
            self.arm_for(keeper);
            return Ok(event);
        }
        let event = Event::new()?;
        let (event, marked) = self.listen(keeper, |_, marked| (self.event.get_or_init(|| event), marked));
        // A `mark` that ran before the event was stored could not set it, so set it here. A later
        // `mark` finds the event.
        if marked {
            event.set();
        }
        Ok(event)
    }

    /// The channel that is disconnected when the end of a shield becomes known. `None` if the node
    /// is no limit, or the stop behind it has begun. Pairs with `take_alarm`.
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
                // Under the lock of the node: an `alert` that ran before has set the flag, and
                // could not take the sender.
                *limit.alarm.lock() = sender.take().filter(|_| !self.knows_its_end());
                receiver
            })
        }))
    }

    /// The descriptor that becomes readable when the end of a shield becomes known. `None` if there
    /// is no shield around, or the stop behind it has begun. Pairs with `wake`.
    #[cfg(unix)]
    pub(crate) fn alert_event(self: &Arc<Node>) -> io::Result<Option<&Event>> {
        let Some(limit) = self.limit.as_ref().filter(|limit| !self.knows_its_end() && limit.hides()) else {
            return Ok(None);
        };
        if limit.event.get().is_none() {
            let event = Event::new()?;
            // An `alert` after this finds the event. An `alert` before this has set the flag that
            // is read below.
            self.listen(Keeper::Listener, |_, _| limit.event.get_or_init(|| event));
        }
        Ok(limit.event.get().filter(|_| !self.knows_its_end()))
    }

    /// True if no alert will come any more: the node is no limit, is marked, or was alerted.
    fn knows_its_end(&self) -> bool {
        self.flags.load() & (LIMITED | STOPPING | ALERTED) != LIMITED
    }

    /// Blocks until the node is marked, until `end`, until the end of the limit, or until that end
    /// becomes known. The caller looks again. Uses neither a channel nor `thread::park`, whose
    /// token is the program's (W4). Pairs with `wake`.
    pub(crate) fn rest(&self, end: Option<Instant>) {
        // The flags first, then the end: an end that becomes known in between changes the flags,
        // and `sleep_while` does not sleep (*the end learned late*, *the sleeper on its way*).
        let before = self.flags.load() & (STOPPING | ALERTED);
        let end = end.into_iter().chain(self.limit_end()).min();
        if before & STOPPING == 0 {
            self.flags.sleep_while(STOPPING | ALERTED, before, end);
        }
    }

    /// Registers a callback. False if the stop has come already: then the caller runs it. Pairs
    /// with `mark`, which copies the list, and `close`, which takes it out.
    pub(crate) fn on_stop(self: &Arc<Node>, callback: &Arc<Callback>) -> bool {
        self.listen(Keeper::Timer, |state, marked| {
            if !marked {
                state.callbacks.insert(callback.key(), Arc::clone(callback));
            }
            !marked
        })
    }

    /// Takes a callback out of the list. A stop that has copied it may still run it, see
    /// `Callback::abandon`.
    pub(crate) fn forget_callback(&self, key: u64) {
        // Dropped after the lock is free, because the closure is the program's (E7).
        let _callback = self.state.lock().callbacks.remove(key);
    }

    /// Registers the interrupt of a waiter at a condvar. It is delivered by a stop, by an alert and
    /// by the close of the node. A waiter that registers too late for these reads the mark, or the
    /// end of the limit, before it parks. Pairs with `mark`, `alert` and `close`.
    pub(crate) fn add_interrupt(self: &Arc<Node>, interrupt: &Arc<Interrupt>) {
        self.listen(Keeper::Listener, |state, _| {
            state.interrupts.insert(interrupt.key, Arc::clone(interrupt))
        });
    }

    /// Takes an interrupt out of the list. A stop that has copied it finds it disarmed (*the stale
    /// interrupt*, in `condvar::interrupt`).
    pub(crate) fn remove_interrupt(&self, interrupt: &Interrupt) {
        // Dropped after the lock is free.
        let _interrupt = self.state.lock().interrupts.remove(interrupt.key);
    }
}
