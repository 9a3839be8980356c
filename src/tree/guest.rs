//! Owns the stay of a guest: a foreign thread that is shown and hears the stop, and for which
//! nobody waits.
//! Refuses to count guests among the threads that come home: entries, shares and cycles have none.
//!
//! ```text
//! listed (`State::guests`) --(its guard, its thread or its scope ends)--> over
//! ```

use std::sync::{Arc, Weak};

use crate::rt::by_id::ById;
use crate::rt::index::Index;
use crate::sync::locks::Mutex;
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;
use crate::tree::result_state::Outcome;
use crate::tree::results;
use crate::tree::state::{Phase, State};
use crate::tree::state_lock::Lock;

/// Guests whose scope is over and whose guard lives, by kernel id, with their name. The audit needs
/// them: their OS threads are foreign, but not unknown. A guest leaves when its guard drops, or at
/// the latest when its thread ends.
static FORMER: Mutex<ById<(u32, String)>> = Mutex::new(ById::new());

/// Lists the guest in its scope. A scope that is stopping or finishing admits it too, because it
/// waits for no guest; a settled scope does not.
pub(crate) fn admit(record: &Arc<Record>) -> bool {
    let mut state = record.core.lock();
    let admitted = state.phase < Phase::Settled;
    if admitted {
        state.guests.insert(record.id.0, Arc::clone(record));
    }
    admitted
}

/// Ends the stay, because the guard or the thread is gone.
pub(crate) fn leave(record: &Arc<Record>) {
    // Off the list under the lock, so of this and `take_all` only one ends the stay.
    let listed = record.core.lock().guests.remove(record.id.0);
    listed.iter().for_each(|record| {
        end(record);
        count_out(record);
    });
    // Pairs with `take_all`, which moves a guest from list to list under the scope's lock: a guest
    // that is off the first list is in `FORMER`, or was never there.
    FORMER.lock().remove(record.id.0);
}

/// Takes all guests off a scope that is about to be over. Called under its lock, so that a guard
/// that drops finds its guest on one of the two lists. The caller sends them away without the lock.
pub(crate) fn take_all(state: &mut State) -> Vec<Arc<Record>> {
    if state.guests.is_empty() {
        return Vec::new();
    }
    let guests: Vec<_> = std::mem::take(&mut state.guests).into_values().collect();
    for guest in &guests {
        if let Some(kernel_id) = guest.kernel_id() {
            FORMER.lock().insert(guest.id.0, (kernel_id, guest.label.name.to_string()));
        }
    }
    guests
}

/// Ends the stays of guests whose scope is over.
pub(crate) fn send_away(guests: &[Arc<Record>]) {
    for record in guests {
        end(record);
        count_out(record);
    }
}

/// Ends a guest. Its record ends before its node closes, so that a scope which its thread opens
/// from now on is no child of the guest, and is not born stopped.
pub(crate) fn end(record: &Arc<Record>) {
    results::end(record, Outcome::Finished);
    record.node.close();
    record.done.set();
}

/// Counts the guest as left, in its scope and in the scopes around, for their reports.
fn count_out(record: &Arc<Record>) {
    for core in record.core.ancestors() {
        let mut state = core.lock();
        state.guests_left += usize::from(state.clock.began.is_some());
    }
}

/// Returns the names of former guests, by kernel id.
pub(crate) fn former() -> Index<String> {
    FORMER.lock().values().map(|(id, name)| (u64::from(*id), name.clone())).collect()
}

/// Returns how many guests were in this scope or below it since its shutdown began.
pub(crate) fn count(core: &Arc<ScopeCore>, lock: Lock) -> usize {
    // Guests that have left were counted outwards already; those still listed are counted below.
    let mut found = lock.take(core).map_or(0, |state| state.guests_left);
    let mut list = vec![Arc::clone(core)];
    while let Some(core) = list.pop() {
        let Some(state) = lock.take(&core) else { continue };
        found += state.guests.len();
        list.extend(state.scopes.values().filter_map(Weak::upgrade));
    }
    found
}
