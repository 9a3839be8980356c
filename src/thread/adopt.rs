//! Owns the stay of a foreign thread in the tree: from `adopt` until the guard drops, or the thread
//! ends.
//! Refuses to join the thread, because homebound did not start it.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use crate::outcome::status::snapshot::Role;
use crate::shutdown::owned::finish_if_left;
use crate::stop::node::{Link, Node};
use crate::thread::context::Context;
use crate::tree::core::ScopeCore;
use crate::tree::current::{self, Entered};
use crate::tree::record::{Label, Record};
use crate::tree::result_state::Outcome;
use crate::tree::state::Entry;
use crate::tree::traits::Traits;
use crate::tree::{guest, results};

/// The stay of a foreign thread in the tree, as a worker or as a guest, until this drops.
/// Dereferences to the thread's [`Context`].
///
/// If the guard is leaked, the stay ends with the thread. If the thread runs the body of a scope,
/// the stay ends with that scope.
///
/// ```
/// homebound::scope(|scope| {
///     let cx = scope.context().clone();
///     let library = std::thread::spawn(move || {
///         let stay = cx.adopt("callback", "runs in a thread of a library");
///         stay.is_stopping()
///     });
///     assert_eq!(library.join().expect("it does not panic"), false);
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[must_use = "the thread leaves the tree when this drops"]
pub struct Adopted {
    context: Context,
    /// Makes the context current on this thread. Set by `of`; `None` only while the guard drops.
    entered: Option<Entered>,
    /// The guard stands for the thread that made it, so it may not move to another.
    _not_send: PhantomData<*const ()>,
}

impl Adopted {
    /// Makes the context of `record` the calling thread's.
    pub(crate) fn of(record: &Arc<Record>) -> Adopted {
        let entered = current::enter(Arc::clone(record), Arc::clone(&record.node), Some(forsake));
        Adopted { context: Context::of(record), entered: Some(entered), _not_send: PhantomData }
    }
}

/// Returns true if the calling thread may not be taken into this scope, for one of two reasons. It
/// is a thread of ours below the scope: the scope waits for it already, and it is no guest. Or it
/// is in its last destructors, after which nothing would end its stay.
fn is_ours(core: &Arc<ScopeCore>) -> bool {
    let below = |own: &Arc<Record>| own.core.ancestors().any(|around| Arc::ptr_eq(around, core));
    let foreign = |own: &Arc<Record>| matches!(own.role, Role::Adopted | Role::Guest);
    current::is_gone() || current::records().iter().any(|own| !foreign(own) && below(own))
}

pub(crate) fn adopt(core: &Arc<ScopeCore>, label: Label) -> Adopted {
    let record = Record::new(label, Role::Adopted, core, Node::new(Link::Inside), Traits::default());
    record.start(None);
    // No handle will ask for a result, so the entry goes when the stay ends.
    results::without_handle(&record);
    let entry = Entry { record: Arc::clone(&record), task: None };
    if is_ours(core) || core.admit(entry).is_err() {
        // The scope is over, or waits for this thread already: the thread gets a context, and no
        // place in the tree.
        record.node.attach(&core.node);
        results::end(&record, Outcome::Finished);
        record.done.set();
    }
    Adopted::of(&record)
}

/// Takes the calling thread into the scope of `host`, as a guest.
pub(crate) fn take_in(host: &Context, label: Label) -> Adopted {
    let core = host.core();
    let record = Record::new(label, Role::Guest, core, Node::new(Link::Inside), Traits::default());
    record.start(None);
    results::without_handle(&record);
    // The threads of a service are told to stop when the service is, so attach to the thread of
    // `host`, not to its scope.
    record.node.attach(&host.record().node);
    // As in `adopt`: a context without a place in the tree.
    if is_ours(core) || !guest::admit(&record) {
        guest::end(&record);
    }
    Adopted::of(&record)
}

/// Ends the stays of the calling thread in this scope and in its groups. The calling thread is
/// about to wait for the scope, and would wait for itself if it was adopted and the guard is still
/// kept.
pub(crate) fn end_stays_in(core: &Arc<ScopeCore>) {
    current::leave_adopted(core).iter().for_each(release);
}

/// Ends the stay of a thread. May be called again.
fn release(record: &Arc<Record>) {
    if record.role == Role::Guest {
        return guest::leave(record);
    }
    // First, because this blocks until the callbacks of the stay are over. Then outcome, *done* and
    // count in the order of `come_home`.
    record.node.close();
    if !record.has_ended() {
        results::end(record, Outcome::Finished);
        record.done.set();
        record.core.count_out(record);
        results::remove_entry(record);
    }
}

/// Ends the stay of a thread whose guard was leaked. Called when the thread ends, or when the
/// closure that leaked the guard is over.
fn forsake(record: &Arc<Record>) {
    release(record);
    finish_if_left(&record.core.root);
}

impl Drop for Adopted {
    fn drop(&mut self) {
        // The stay ends while the context is still the current one, so that a callback which
        // `close` waits for finds it.
        release(self.context.record());
        drop(self.entered.take());
        finish_if_left(&self.context.core().root);
    }
}

impl Deref for Adopted {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.context
    }
}

impl fmt::Debug for Adopted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adopted").field("path", &self.context.record().path()).finish_non_exhaustive()
    }
}
