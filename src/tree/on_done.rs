//! Owns what follows when a thread has ended: the note to an inbox, and the callbacks
//! (`Handle::on_done`).
//! Refuses to know how the thread ended: its handle tells.
//!
//! ```text
//! open --(close_sequel, if there are none; tell_sequel)--> closed
//! ```

use std::sync::Arc;

use crossbeam_channel::{Receiver, unbounded};

use crate::outcome::status::id::ThreadId;
use crate::stop::callback::{Callback, Caller};
use crate::tree::life::Inbox;
use crate::tree::record::Record;

/// Makes an inbox, and the receiver of the ids that come to it.
pub(crate) fn inbox() -> (Inbox, Receiver<ThreadId>) {
    let (sender, ids) = unbounded();
    let take = move |id| {
        let _the_set_may_be_gone = sender.send(id);
    };
    (Arc::new(take), ids)
}

impl Record {
    /// Sends the id of the thread to `inbox` when the thread has ended. Called before the thread is
    /// started, so no end is missed. Costs the ending thread less than a callback: the note is no
    /// code of the program's, so the OS thread may be given back before it is sent.
    pub(crate) fn tell_when_done(&self, inbox: Inbox) {
        self.life(|life| life.inbox = Some(inbox));
    }

    /// Runs `callback` when the thread has ended; if it has, at once, on the calling thread.
    pub(crate) fn on_done(&self, callback: &Arc<Callback>) {
        // Under the lock, so the callback is either in the list for `tell_sequel`, or finds it
        // closed.
        let closed = self.life(|life| {
            if !life.closed {
                life.rare().callbacks.insert(callback.key(), Arc::clone(callback));
            }
            life.closed
        });
        if closed {
            // Closed, so `done` is near: until it is set, the ending thread runs no code of the
            // program's and waits for nobody. Pairs with `Latch::set` in `come_home`.
            self.done.wait(None, &|| false);
            callback.run(Caller::Registrar);
        }
    }

    /// Takes a callback off the list, because its guard was dropped.
    pub(crate) fn forget_on_done(&self, key: u64) {
        // Dropped when the lock is free, because the closure in it is the program's.
        let _callback = self.life(|life| life.rare().callbacks.remove(key));
    }

    /// Called by the ending thread before its OS thread may be given another routine. True if there
    /// is no callback; then none is taken in from now on.
    pub(crate) fn close_sequel(&self) -> bool {
        self.life(|life| {
            // Open to closed, only if the list is empty: else the callbacks run before the next
            // routine.
            life.closed = !life.has_callbacks();
            life.closed
        })
    }

    /// Called by the ending thread after `done` is set, and before it is counted out: its scope is
    /// still there, for the failure of a callback that panics.
    pub(crate) fn tell_sequel(&self) {
        let (inbox, callbacks) = self.life(|life| {
            // Open to closed: a later callback runs on the thread that registers it.
            life.closed = true;
            (life.inbox.take(), life.take_callbacks())
        });
        if let Some(inbox) = inbox {
            // Pairs with the receiver of a `JoinSet`, which finds `done` set.
            inbox(self.id);
        }
        // With the lock free, because a callback is code of the program's.
        for callback in callbacks.into_values() {
            callback.run(Caller::Registrar);
        }
    }
}
