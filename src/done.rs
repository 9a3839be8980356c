//! Owns what is done by others when a thread has ended: the callbacks that were registered for it.
//! Refuses to know how it ended: its handle tells.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::callback::{Callback, Caller};
use crate::record::Record;

/// Under the lock of a record's life.
#[derive(Default)]
pub(crate) struct Sequel {
    /// The end has been told: whoever comes now is called at once.
    told: bool,
    callbacks: BTreeMap<u64, Arc<Callback>>,
}

impl Record {
    /// Runs it when the thread has ended; at once if it has.
    pub(crate) fn on_done(&self, callback: &Arc<Callback>) {
        let ended = self.life(|life| {
            let sequel = &mut life.sequel;
            if !sequel.told {
                sequel.callbacks.insert(callback.key(), Arc::clone(callback));
            }
            sequel.told
        });
        if ended {
            callback.run(Caller::Registrar);
        }
    }

    pub(crate) fn forget_on_done(&self, key: u64) {
        // Dropped after the lock is free: the closure in it is the user's.
        let _callback = self.life(|life| life.sequel.callbacks.remove(&key));
    }

    pub(crate) fn has_sequel(&self) -> bool {
        self.life(|life| !life.sequel.callbacks.is_empty())
    }

    /// Called by the ending thread, when `done` is set and before the thread is counted out: so its scope is there to be told of what a
    /// callback raises.
    pub(crate) fn tell_sequel(&self) {
        let callbacks = self.life(|life| {
            life.sequel.told = true;
            std::mem::take(&mut life.sequel.callbacks)
        });
        for callback in callbacks.into_values() {
            callback.run(Caller::Registrar);
        }
    }
}
