//! Owns the ways to hear of a node's stop: a channel, a descriptor, a rest on the flags, a
//! callback, an interrupt.
//! Refuses to mark anything: `mark` does, and both ends of each wake-up name the other.
//!
//! # Named races
//!
//! - **The late listener.** A node is marked while a listener comes. The listener reads the flag
//!   and adds its entry under the lock under which `mark` sets the flag and collects the entries.
//!   So the listener reads the flag, or `mark` finds the entry.
//! - **The sleeper on its way.** A thread that rests is in no list. It reads the flags, decides,
//!   and sleeps; a mark may come in between. `Flags::sleep_while` counts the sleeper in the word of
//!   the flags, and the kernel lets it sleep only while the word has the value that it has read.
//!   Mark first: the word is another, and the thread does not sleep. Count first: the mark sees the
//!   count (`is_waited_on`), and wakes the thread.

use std::convert::Infallible;
#[cfg(unix)]
use std::io;
use std::sync::{Arc, Weak};
use std::time::Instant;

use crossbeam_channel::{Receiver, bounded};

use crate::rt::by_id::ById;
use crate::stop::callback::Callback;
use crate::stop::condvar::interrupt::Interrupt;
use crate::stop::node::{ALERTED, Node, Rare, STOPPING, State};
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

impl State {
    pub(crate) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Returns the children that live.
    pub(super) fn children(&self) -> Vec<Arc<Node>> {
        let Some(children) = &self.children else { return Vec::new() };
        // All at once, because a scope may have ten thousand of them.
        let mut live = Vec::with_capacity(children.len());
        live.extend(children.values().filter_map(Weak::upgrade));
        live
    }

    pub(crate) fn callbacks(&self) -> impl Iterator<Item = &Arc<Callback>> {
        self.rare.iter().flat_map(|rare| rare.callbacks.values())
    }

    pub(crate) fn interrupts(&self) -> impl Iterator<Item = &Arc<Interrupt>> {
        self.rare.iter().flat_map(|rare| rare.interrupts.values())
    }

    /// For a node that ends: nothing is listed afterwards.
    pub(crate) fn take_callbacks(&mut self) -> ById<Arc<Callback>> {
        self.rare.as_mut().map(|rare| std::mem::take(&mut rare.callbacks)).unwrap_or_default()
    }
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
                state.rare().callbacks.insert(callback.key(), Arc::clone(callback));
            }
            !marked
        })
    }

    /// Takes a callback out of the list. A stop that has copied it may still run it, see
    /// `Callback::abandon`.
    pub(crate) fn forget_callback(&self, key: u64) {
        // Dropped after the lock is free, because the closure is the program's (E7).
        let _callback = self.state.lock().rare().callbacks.remove(key);
    }
}
