//! Owns what is done by others when a thread has ended: the callbacks that were registered for it.
//! Refuses to know how it ended: its handle tells.

use std::sync::Arc;

use crate::stop::callback::{Callback, Caller};
use crate::sync::AtomicBool;
use crate::tree::record::Record;

impl Record {
    /// Runs it when the thread has ended; at once if it has.
    pub(crate) fn on_done(&self, callback: &Arc<Callback>) {
        let closed = self.life(|life| {
            let sequel = &mut life.sequel;
            if !sequel.closed {
                sequel.callbacks.insert(callback.key(), Arc::clone(callback));
            }
            sequel.closed
        });
        if closed {
            // From the closing to `done` the ending thread runs no code of the program's and waits for nobody.
            self.done.wait(None, &AtomicBool::new(false));
            callback.run(Caller::Registrar);
        }
    }

    pub(crate) fn forget_on_done(&self, key: u64) {
        // Dropped after the lock is free: the closure in it is the user's.
        let _callback = self.life(|life| life.sequel.callbacks.remove(key));
    }

    /// Called by the ending thread before it may be given another job: true if it has nobody's callbacks to run, from now on.
    pub(crate) fn close_sequel(&self) -> bool {
        self.life(|life| {
            life.sequel.closed = life.sequel.callbacks.is_empty();
            life.sequel.closed
        })
    }

    /// Called by the ending thread, when `done` is set and before the thread is counted out: so its scope is there to be told of what a
    /// callback raises.
    pub(crate) fn tell_sequel(&self) {
        let callbacks = self.life(|life| {
            life.sequel.closed = true;
            std::mem::take(&mut life.sequel.callbacks)
        });
        for callback in callbacks.into_values() {
            callback.run(Caller::Registrar);
        }
    }
}
