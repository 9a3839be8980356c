//! Owns what a second reading of the tree corrects in a look.
//! Refuses to read the tree: `examine` does.
//!
//! A look reads the tree first, and then asks the kernel. A thread that begins a wait of
//! homebound's in between is seen asleep by the kernel, and has no wait in the tree: its row would
//! call it blocked outside of homebound. A thread that comes home in between is gone for the
//! kernel. So the tree is read again behind the answers of the kernel, and is right.

use crate::outcome::dump::count::is_whole;
use crate::outcome::status::snapshot::{Role, ScopeStatus, ThreadState, ThreadStatus};
use crate::rt::index::Index;
use crate::sight::rows;

/// True for a row about which the kernel was asked because the thread was in no wait.
pub(super) fn is_open(row: &ThreadStatus) -> bool {
    row.wait.is_none() && row.run_state.is_some() && row.role != Role::Internal && rows::is_live(row)
}

/// Corrects the rows whose threads have begun a wait, or have come home, before `later` was read.
pub(super) fn correct(rows: &mut [&mut ThreadStatus], later: ScopeStatus) {
    // A thread whose scope could not be read may be there.
    let is_whole = is_whole(&later);
    let (mut now, mut list) = (Index::new(), vec![later]);
    while let Some(ScopeStatus { threads, scopes, .. }) = list.pop() {
        now.extend(threads.into_iter().map(|row| (row.id.0, row)));
        list.extend(scopes);
    }
    for row in rows.iter_mut().filter(|row| is_open(row)) {
        match now.remove(row.id.0) {
            // In no wait -> in a wait. The kernel's answer is of a time before the wait, or of the
            // wait itself.
            Some(waits) if waits.wait.is_some() => **row = waits,
            // In no wait -> in no wait.
            Some(_) => {}
            // In no wait -> home.
            // The answers of the kernel go, because they are about a thread on its way out.
            None if is_whole => {
                (row.run_state, row.kernel, row.cpu, row.asleep_for) = (None, None, None, None);
                row.state = ThreadState::Ended;
            }
            None => {}
        }
    }
}
