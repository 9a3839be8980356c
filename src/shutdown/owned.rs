//! Owns the end of owned roots. An owned root belongs to a value that is in no scope, and no thread
//! runs its body. When the value is gone, the first thread that can wait for the root's threads
//! puts the root away.
//! Refuses to borrow: the threads of an owned root hold only `'static` values, so that nothing
//! dangles if the value is leaked.
//!
//! ```text
//! open --(dropped or closed elsewhere)--> driven there --> settled, all OS threads joined
//!   +---(dropped on a thread of its own)--> left
//! left --(a thread of its own is home)--> driven there --> settled
//!        --(the last OS thread leaves)--> all OS threads joined but that one
//! ```

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::outcome::errors::failure::ScopeError;
use crate::outcome::status::snapshot::{Role, ScopeStatus};
use crate::rt::contain::log_contained;
use crate::rt::shown::shown;
use crate::shutdown::order::{Driver, drive};
use crate::shutdown::settle::{self, BodyEnd};
use crate::sight::examine;
use crate::tree::core::{Kind, ScopeCore};
use crate::tree::record::Record;
use crate::tree::root::{GRACE, Root, open_root};
use crate::tree::state::Phase;
use crate::tree::text::Text;
use crate::tree::{current, deadlock};

/// A new owned root. No thread runs yet.
pub(crate) fn open(name: Text, at: &'static Location<'static>) -> Arc<ScopeCore> {
    open_root(Root::new(GRACE, None), name, Kind::Group, at)
}

/// The owned roots that are not settled, as they are now.
pub(crate) fn alive() -> Vec<ScopeStatus> {
    let roots = Root::all().into_iter();
    let cores = roots.filter_map(|root| root.core()).filter(|core| core.is_owned());
    cores
        .filter(|core| core.lock().phase < Phase::Settled)
        .map(|core| examine::snapshot(&core).root)
        .collect()
}

/// `Err` with the cycle if the calling thread cannot wait for this root, because it is one of the
/// root's threads, runs the body of a scope inside, or runs a deferred function there.
fn inside(core: &Arc<ScopeCore>) -> Result<(), Vec<String>> {
    let of_this =
        |record: &&Arc<Record>| record.role != Role::Guest && Arc::ptr_eq(&record.core.root, &core.root);
    match current::records().iter().find(of_this) {
        Some(record) => Err(vec![record.path().to_owned()]),
        None if settle::is_settling_in(core) => Err(vec![core.path().to_owned()]),
        None => Ok(()),
    }
}

/// Waits for all threads of a root that has been stopped, and puts the root away. `Err` with the
/// cycle if the wait would never end: then the root is left, and one of its threads puts it away
/// when it is home.
pub(crate) fn shut(core: &Arc<ScopeCore>) -> Result<Result<(), ScopeError>, Vec<String>> {
    let waiting = inside(core).and_then(|()| deadlock::Waiting::on_scope(core));
    let waiting = waiting.inspect_err(|_| core.root.left.left.store(true, Ordering::Release))?;
    Ok(end(core, waiting))
}

/// To be called by each thread that has ceased to be one of `root`: when it is home, when its stay
/// is over, and when the scope whose body it ran, or the group that it closed, is over. If the
/// value was dropped on a thread that could not wait for the root, the first caller that can wait
/// does so, and puts the root away.
///
/// Some thread calls this after the drop. The thread that dropped the value was in the root, or a
/// thread of the root waited for it. That thread of the root is home only after the drop, and then
/// sees that the root was left. A thread that was kept warm for another routine does not call this,
/// and need not: it was kept warm before the root was stopped, and has run no code of the program's
/// since, so it neither dropped the value nor waited for a thread that did.
pub(crate) fn finish_if_left(root: &Arc<Root>) {
    // Pairs with the store in `shut`.
    if !root.left.left.load(Ordering::Acquire) {
        return;
    }
    // Also in a callback, as the drop of the value would wait there: the calling thread may not
    // come by again. The search for cycles knows a callback that the root waits for.
    let Some(core) = root.core().filter(|core| inside(core).is_ok()) else { return };
    // If there is a cycle, a thread of the cycle calls this later.
    let Ok(waiting) = deadlock::Waiting::on_scope(&core) else { return };
    // Left to driven, once: the first thread that swaps puts the root away.
    if root.left.claimed.swap(true, Ordering::AcqRel) {
        return;
    }
    log_failures(&core, &end(&core, waiting));
}

/// The exit path of a root without a body. If the calling thread is an OS thread of the root, it
/// cannot wait until the others are joined, because one of them may be joining it. Then the last OS
/// thread that leaves joins the rest.
fn end(core: &Arc<ScopeCore>, waiting: deadlock::Waiting) -> Result<(), ScopeError> {
    drive(core, Driver::Exit);
    drop(waiting);
    settle::settle_at_exit(core);
    core.root.close();
    let verdict = settle::verdict(core, BodyEnd::Returned);
    core.vacate();
    verdict
}

/// Logs the failures of an owned root that was dropped, because no caller is left who could be
/// given them.
pub(crate) fn log_failures(core: &ScopeCore, ended: &Result<(), ScopeError>) {
    if let Err(error) = ended {
        log_contained(|| {
            tracing::error!(
                target: "homebound::scope",
                scope = &*shown(core.path()),
                failures = %error,
                "an owned group was dropped, and some of it had failed"
            );
        });
    }
}
