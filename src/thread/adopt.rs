//! Owns the stay of a foreign thread in the tree: from `adopt` until the guard drops, or the thread ends.
//! Refuses to join it: it is not ours.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use crate::outcome::status::Role;
use crate::shutdown::owned::finish_if_left;
use crate::stop::node::{Link, Node};
use crate::thread::context::Context;
use crate::tree::core::ScopeCore;
use crate::tree::current::{self, Entered};
use crate::tree::guest;
use crate::tree::record::{Label, Record};
use crate::tree::result_state::{self, Outcome};
use crate::tree::state::Entry;

/// The calling, foreign thread in the tree, as a worker or as a guest, until this drops. Dereferences to its [`Context`]. If it is leaked, the end
/// of the thread ends the stay, and so does the end of a scope whose body the thread runs.
#[must_use = "the thread leaves the tree when this drops"]
pub struct Adopted {
    context: Context,
    /// `None` only while it drops.
    entered: Option<Entered>,
    /// It stands for the thread that made it.
    _not_send: PhantomData<*const ()>,
}

impl Adopted {
    /// Makes the context of `record` the calling thread's.
    pub(crate) fn of(record: &Arc<Record>) -> Adopted {
        let entered = current::enter(Arc::clone(record), Arc::clone(&record.node), Some(forsake));
        Adopted { context: Context::of(record), entered: Some(entered), _not_send: PhantomData }
    }
}

/// True for one of our own threads below this scope, which is accounted for: neither can the scope wait for it a second time, nor is it
/// a guest. And for a thread that is in its last destructors: nothing would end its stay.
fn is_ours(core: &Arc<ScopeCore>) -> bool {
    let below = |own: &Arc<Record>| own.core.ancestors().any(|around| Arc::ptr_eq(around, core));
    let foreign = |own: &Arc<Record>| matches!(own.role, Role::Adopted | Role::Guest);
    current::is_gone() || current::records().iter().any(|own| !foreign(own) && below(own))
}

pub(crate) fn adopt(core: &Arc<ScopeCore>, label: Label) -> Adopted {
    let record = Record::new(label, Role::Adopted, core, Node::new(Link::Inside));
    let record = Arc::new(record);
    record.start();
    result_state::without_handle(&record);
    let entry = Entry { record: Arc::clone(&record), task: None };
    if is_ours(core) || core.admit(entry).is_err() {
        // Over, or already accounted for: it gets a context, but no place in the tree.
        record.node.attach(&core.node);
        result_state::end(&record, Outcome::Finished);
        record.done.set();
    }
    Adopted::of(&record)
}

/// Takes the calling thread in as a guest of the scope that `host` is in.
pub(crate) fn take_in(host: &Context, label: Label) -> Adopted {
    let core = host.core();
    let record = Arc::new(Record::new(label, Role::Guest, core, Node::new(Link::Inside)));
    record.start();
    result_state::without_handle(&record);
    // A service's own threads are told when the service is: as the thread of the context by which they were taken in.
    record.node.attach(&host.record().node);
    if is_ours(core) || !guest::admit(&record) {
        guest::end(&record);
    }
    Adopted::of(&record)
}

/// The calling thread is about to wait for all that is in this scope. It does not wait for itself: if it was adopted into one of
/// the groups, and its guard is kept somewhere, the stay ends here.
pub(crate) fn end_stays_in(core: &Arc<ScopeCore>) {
    current::leave_adopted(core).iter().for_each(release);
}

/// The stay is over. Called once or more.
fn release(record: &Arc<Record>) {
    if record.role == Role::Guest {
        return guest::leave(record);
    }
    record.node.close();
    if !record.has_ended() {
        result_state::end(record, Outcome::Finished);
        record.done.set();
        record.core.count_out(record);
        result_state::remove_entry(record);
    }
}

/// The thread ends, or its job, with its guard leaked.
fn forsake(record: &Arc<Record>) {
    release(record);
    finish_if_left(&record.core.root);
}

impl Drop for Adopted {
    fn drop(&mut self) {
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
