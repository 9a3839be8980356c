//! Owns the stay of a guest: a foreign thread that is shown and hears the stop, and for which nobody waits.
//! Refuses to count it among those that come home: it stays outside of entries, shares and cycles.
//!
//! ```text
//! listed (`State::guests`) --(taken off: by its guard, its thread's end, or its scope's)--> over
//! ```

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use crate::rt::by_id::ById;
use crate::sync::locks::Mutex;
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;
use crate::tree::result_state::{self, Outcome};
use crate::tree::state::{Phase, State};
use crate::tree::state_lock::Lock;

/// Guests whose scope is over and whose guard is alive, by kernel id: their OS threads are foreign, but not unknown. Each leaves when its guard
/// drops, at the latest when its thread ends.
static FORMER: Mutex<ById<(u32, String)>> = Mutex::new(ById::new());

/// Also into a scope that is stopping or finishing, which waits for no guest; not when it is over.
pub(crate) fn admit(record: &Arc<Record>) -> bool {
    let mut state = record.core.lock();
    let admitted = state.phase < Phase::Settled;
    if admitted {
        state.guests.insert(record.id.0, Arc::clone(record));
    }
    admitted
}

/// The guard is gone, or the thread. Whoever takes the guest off the list ends its stay.
pub(crate) fn leave(record: &Arc<Record>) {
    let listed = record.core.lock().guests.remove(record.id.0);
    listed.iter().for_each(|record| {
        end(record);
        count_out(record);
    });
    // Pairs with `take_all`: off the one list, it is on the other, or has never been there.
    FORMER.lock().remove(record.id.0);
}

/// The scope is about to be over. Under its lock, so that a guard that drops finds its guest on one of the two lists; to be sent away
/// when the lock is free.
pub(crate) fn take_all(state: &mut State) -> Vec<Arc<Record>> {
    let guests: Vec<_> = std::mem::take(&mut state.guests).into_values().collect();
    for guest in &guests {
        if let Some(kernel_id) = guest.kernel_id() {
            FORMER.lock().insert(guest.id.0, (kernel_id, guest.label.name.to_string()));
        }
    }
    guests
}

/// The scope is over: these are guests of nobody.
pub(crate) fn send_away(guests: &[Arc<Record>]) {
    for record in guests {
        end(record);
        count_out(record);
    }
}

/// Ended first, so that its context is no longer that of its thread: what is opened there from now on is born free.
pub(crate) fn end(record: &Arc<Record>) {
    result_state::end(record, Outcome::Finished);
    record.node.close();
    record.done.set();
}

/// Its stay is over, in the books of the scopes around.
fn count_out(record: &Arc<Record>) {
    for core in record.core.ancestors() {
        let mut state = core.lock();
        state.guests_left += usize::from(state.clock.began.is_some());
    }
}

/// The names of former guests, by kernel id.
pub(crate) fn former() -> HashMap<u32, String> {
    FORMER.lock().values().cloned().collect()
}

/// How many were in this scope or below it since its shutdown began.
pub(crate) fn count(core: &Arc<ScopeCore>, lock: Lock) -> usize {
    let mut found = lock.take(core).map_or(0, |state| state.guests_left);
    let mut list = vec![Arc::clone(core)];
    while let Some(core) = list.pop() {
        let Some(state) = lock.take(&core) else { continue };
        found += state.guests.len();
        list.extend(state.scopes.values().filter_map(Weak::upgrade));
    }
    found
}
