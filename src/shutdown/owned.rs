//! Owns roots without a host thread: made for a value that is in no scope, and put away when that value is gone, by whichever
//! thread can wait for theirs.
//! Refuses to borrow: what their threads hold is `'static`, so that nothing dangles if the value is leaked.
//!
//! ```text
//! open --(dropped or closed elsewhere)--> driven there --> settled, all OS threads joined
//!   +---(dropped on a thread of its own)--> left --(a thread of its own is home)--> driven there --> settled --(the last OS
//!                                           thread leaves)--> all joined but that one
//! ```

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::outcome::failure::ScopeError;
use crate::outcome::status::{Role, ScopeStatus};
use crate::rt::contain::log_contained;
use crate::rt::shown::shown;
use crate::shutdown::order::{Driver, drive};
use crate::shutdown::settle::{self, Account, BodyEnd};
use crate::tree::core::{Kind, ScopeCore};
use crate::tree::record::{Record, Text};
use crate::tree::root::{GRACE, Root, open_root};
use crate::tree::state::Phase;
use crate::tree::{current, deadlock, snapshot};

pub(crate) fn open(name: Text, at: &'static Location<'static>) -> Arc<ScopeCore> {
    open_root(Root::new(GRACE, None), name, Kind::Group, at)
}

/// All that have not ended, as they are now.
pub(crate) fn alive() -> Vec<ScopeStatus> {
    let roots = Root::all().into_iter();
    let cores = roots.filter_map(|root| root.core()).filter(|core| core.is_owned());
    cores
        .filter(|core| core.lock().phase < Phase::Settled)
        .map(|core| snapshot::snapshot(&core).root)
        .collect()
}

/// Why the calling thread cannot wait for this root, as a cycle: it is one of its threads, or runs the body of a scope in it, or a
/// deferred function.
fn inside(core: &Arc<ScopeCore>) -> Result<(), Vec<String>> {
    let of_this =
        |record: &&Arc<Record>| record.role != Role::Guest && Arc::ptr_eq(&record.core.root, &core.root);
    match current::records().iter().find(of_this) {
        Some(record) => Err(vec![record.path().to_owned()]),
        None if settle::is_settling_in(core) => Err(vec![core.path().to_owned()]),
        None => Ok(()),
    }
}

/// Waits for all threads of a root that has been stopped, and puts it away. If that would be for ever: the cycle, and some
/// thread of the root is yet to come home, which does it.
pub(crate) fn shut(core: &Arc<ScopeCore>) -> Result<Result<Account, ScopeError>, Vec<String>> {
    let waiting = inside(core).and_then(|()| deadlock::Waiting::on_scope(core));
    let waiting = waiting.inspect_err(|_| core.root.left.left.store(true, Ordering::Release))?;
    Ok(end(core, waiting))
}

/// To be called by each thread when it has ceased to be one of `root`, that is: when it is home, when its stay is over, when
/// the scope whose body it ran is over, or the group that it closed. The first that can wait for the others does, if the value was dropped on a thread that
/// could not.
///
/// Some thread comes by: the one that dropped the value was in the root, or was waited for by a thread that is. That thread is
/// home only after the drop, and then it sees that the root was left. A thread that was offered for another job does not come by, and need
/// not: it was offered before the root was stopped, and from then on ran no code of the program's, so the value was not dropped there,
/// and no other thread was waited for.
pub(crate) fn finish_if_left(root: &Arc<Root>) {
    if !root.left.left.load(Ordering::Acquire) {
        return;
    }
    let Some(core) = root.core().filter(|core| inside(core).is_ok() && !current::is_guest()) else { return };
    // If there is a cycle, a thread in it comes by later.
    let Ok(waiting) = deadlock::Waiting::on_scope(&core) else { return };
    if root.left.claimed.swap(true, Ordering::AcqRel) {
        return;
    }
    tell(&core, &end(&core, waiting));
}

/// The exit path of a root without a body. An own OS thread cannot wait for the others to be joined, of which one may be
/// joining it: the last of them to leave does that.
fn end(core: &Arc<ScopeCore>, waiting: deadlock::Waiting) -> Result<Account, ScopeError> {
    drive(core, Driver::Exit);
    drop(waiting);
    settle::settle_at_exit(core);
    core.root.close();
    let verdict = settle::verdict(core, BodyEnd::Returned);
    core.vacate();
    verdict
}

/// Nobody is left who could be given the failures.
pub(crate) fn tell(core: &ScopeCore, ended: &Result<Account, ScopeError>) {
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
