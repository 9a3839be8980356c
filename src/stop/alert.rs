//! Owns the alert of a limit: the notice to its waiters that its end has become known, because the
//! stop behind a shield has begun.
//! Refuses to compute that end (`limit` does), and to mark anything (`mark` does).
//!
//! A waiter in a shield wants to sleep until the shield ends, and that end is not known until the
//! stop comes that the shield hides. The walk of that stop *alerts* the shield, and each limit
//! inside it, where it would mark another node:
//!
//! ```text
//! open --alert, or attach below a marked node--> alerted --mark--> stopping
//! ```
//!
//! A waiter hears the alert as it hears the mark, each by its own way: a select by a channel, a
//! wait for a descriptor by an event, a rest by the flag, a waiter at a condvar by its interrupt.
//! Then it computes its time-out anew. A listener without a time-out hears nothing: the timer marks
//! the limit for it.
//!
//! # The end learned late
//!
//! A listener of a shield wants to sleep until the shield ends, and that end becomes known, or an
//! earlier one, just then. The listener first adds its entry and then reads the end. A stop first
//! stores the end and then collects the entries (`alert`). Stop first: the listener reads the end.
//! Listener first: the stop finds the entry, and wakes the listener, which then computes a new
//! time-out, or arms the timer for it.

use std::convert::Infallible;
#[cfg(unix)]
use std::io;
use std::sync::Arc;

use crossbeam_channel::{Receiver, bounded};

use crate::stop::listen::Keeper;
use crate::stop::node::{ALERTED, LIMITED, Node, STOPPING};
use crate::stop::wakeups::Aftermath;
use crate::sys::Event;

impl Node {
    /// Tells a shield, or a limit inside it, that the stop which the shield hides has begun. Its
    /// end is known from now on, and its waiters must learn it. Returns the children.
    pub(super) fn alert(self: &Arc<Node>, after: &mut Aftermath) -> Vec<Arc<Node>> {
        // Before the children are collected, so that a limit that is attached here later reads it.
        // Pairs with `attach`.
        self.learn();
        let state = self.state.lock();
        // Open to alerted. The end is known before the flag, because a listener that reads the flag
        // asks for the end once and sleeps until then.
        self.flags.set(ALERTED);
        // These waiters wake, and compute a new time-out.
        after.add_waiters(self, &state);
        // Other listeners have no time-out. Pairs with `Keeper::Timer` in `listen`: a listener that
        // comes later finds the end known, and asks the timer itself.
        let called = state.callbacks().next().is_some();
        let watched = called || state.signal.is_some() || self.event.get().is_some();
        let children = state.children();
        drop(state);
        if watched || children.iter().any(|child| child.limit.is_none()) {
            after.arm.push(Arc::clone(self));
        }
        children
    }

    /// The channel that is disconnected when the end of a shield becomes known. `None` if the node
    /// is no limit, or the stop behind it has begun. Pairs with `take_sender`.
    pub(crate) fn alert_signal(self: &Arc<Node>) -> Option<&Receiver<Infallible>> {
        if self.knows_its_end() {
            return None;
        }
        let limit = self.limit.as_ref()?;
        if let Some(alert) = limit.alert.signal.get() {
            return Some(alert);
        }
        let (sender, receiver) = bounded(0);
        let mut sender = Some(sender);
        Some(self.listen(Keeper::Listener, |_, _| {
            limit.alert.signal.get_or_init(|| {
                // Under the lock of the node: an `alert` that ran before has set the flag, and
                // could not take the sender.
                *limit.alert.sender.lock() = sender.take().filter(|_| !self.knows_its_end());
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
        if limit.alert.event.get().is_none() {
            let event = Event::new()?;
            // An `alert` after this finds the event. An `alert` before this has set the flag that
            // is read below.
            self.listen(Keeper::Listener, |_, _| limit.alert.event.get_or_init(|| event));
        }
        Ok(limit.alert.event.get().filter(|_| !self.knows_its_end()))
    }

    /// True if no alert will come any more: the node is no limit, is marked, or was alerted.
    fn knows_its_end(&self) -> bool {
        self.flags.load() & (LIMITED | STOPPING | ALERTED) != LIMITED
    }
}
