//! Owns the stay of a foreign thread in the tree: from `adopt` until the guard drops, or the thread ends.
//! Refuses to join it: it is not ours.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use crate::context::Context;
use crate::current::{self, Entered};
use crate::members::Entry;
use crate::owned::finish_if_left;
use crate::record::{Label, Outcome, Record};
use crate::scope_core::ScopeCore;
use crate::status::Role;
use crate::stop::{Edge, Node};

/// The calling, foreign thread in the tree, until this drops. Dereferences to its [`Context`]. If it is leaked, the end
/// of the thread ends the stay, and so does the end of a scope whose body the thread runs.
#[must_use = "the thread leaves the tree when this drops"]
pub struct Adopted {
    context: Context,
    /// `None` only while it drops.
    entered: Option<Entered>,
    /// It stands for the thread that made it.
    _not_send: PhantomData<*const ()>,
}

pub(crate) fn adopt(core: &Arc<ScopeCore>, label: Label) -> Adopted {
    let record = Record::new(label, Role::Adopted, core, Node::new(Edge::Inside));
    let record = Arc::new(record);
    record.start();
    record.life(|life| life.released = true);
    // One of our own threads below this scope is accounted for: the scope cannot wait for it a second time.
    let below = |own: &Arc<Record>| own.core.around().any(|around| Arc::ptr_eq(around, core));
    let ours = current::records().iter().any(|own| own.role != Role::Adopted && below(own));
    // Nothing would end the stay of a thread that is in its last destructors.
    let ours = ours || current::is_gone();
    let entry = Entry { record: Arc::clone(&record), task: None };
    if ours || core.admit(entry).is_err() {
        // Over, or already accounted for: it gets a context, but no place in the tree.
        record.node.attach(&core.node);
        record.end(Outcome::Finished);
        record.done.set();
    }
    let context = Context::of(&record);
    let entered = Some(current::enter(context.clone(), true));
    Adopted { context, entered, _not_send: PhantomData }
}

/// The calling thread is about to wait for all that is in this scope. It does not wait for itself: if it was adopted into one of
/// the groups, and its guard is kept somewhere, the stay ends here.
pub(crate) fn end_stays_in(core: &Arc<ScopeCore>) {
    for context in current::leave_adopted(core) {
        release(context.record());
    }
}

/// The stay is over. Called once or more.
pub(crate) fn release(record: &Arc<Record>) {
    record.node.close();
    if !record.has_ended() {
        record.end(Outcome::Finished);
        record.done.set();
        record.core.ended(record);
        record.core.release(record);
    }
}

/// The thread ends, or its job, with its guard leaked.
pub(crate) fn forsake(record: &Arc<Record>) {
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
        f.debug_struct("Adopted").field("path", &self.path()).finish_non_exhaustive()
    }
}
