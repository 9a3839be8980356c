//! Owns the question whether the calling thread is a user of a service, or belongs to a group: then
//! the service ends after it, and the group waits for it.
//! Refuses to look at what other threads wait for: `deadlock` does.

use std::sync::Arc;

use crate::outcome::status::snapshot::Role;
use crate::tree::core::{Kind, ScopeCore};
use crate::tree::current;
use crate::tree::record::Record;

/// A service that was not told ends after the users of its scope. So if the caller is one of them,
/// or runs below one, the service would wait for the caller.
pub(crate) fn is_untold_service_of_caller(service: &Arc<Record>) -> bool {
    let is_untold = service.ends_only_when_told() && !service.node.is_stopping();
    is_untold && ends_after_caller(&service.core, service.id.0)
}

/// The same of a group, which is a service of the scope that it is in.
pub(crate) fn is_untold_group_of_caller(group: &Arc<ScopeCore>) -> bool {
    let parent = group.parent.as_ref().filter(|_| !group.node.is_stopping());
    parent.is_some_and(|parent| ends_after_caller(parent, group.id))
}

/// True if the service `id` of the scope `around` is told only after the caller has ended.
fn ends_after_caller(around: &Arc<ScopeCore>, id: u64) -> bool {
    // Services are told the youngest first, and ids grow, so the younger one ends first.
    let made_later = |other: u64| other > id;
    any_outwards(|step, core| {
        if Arc::ptr_eq(core, around) {
            // A worker or the body is a user of each service; a service, of the older ones.
            return Some(step.role != Role::Service || made_later(step.id.0));
        }
        // A member of a group ends when its group does, which is told by its age as well.
        let in_it =
            core.kind == Kind::Group && core.parent.as_ref().is_some_and(|it| Arc::ptr_eq(it, around));
        in_it.then(|| made_later(core.id))
    })
}

/// True if the group waits for the calling thread: it is in the group, or below a thread of it.
pub(crate) fn is_caller_in(group: &Arc<ScopeCore>) -> bool {
    any_outwards(|_, core| Arc::ptr_eq(core, group).then_some(true))
}

/// True if the calling thread belongs to a pool, or runs below a thread of one.
pub(crate) fn is_caller_in_a_pool() -> bool {
    let in_pool = |record: &Arc<Record>| record.core.ancestors().any(|core| core.pool.get().is_some());
    current::records().iter().any(in_pool)
}

/// Asks about each thread that the calling thread is or runs below, and the scope and the groups
/// that it is in, from the inside out, until there is an answer.
fn any_outwards(ask: impl Fn(&Record, &Arc<ScopeCore>) -> Option<bool>) -> bool {
    current::records().iter().any(|own| {
        let mut record = Some(Arc::clone(own));
        while let Some(step) = record {
            // Nobody waits for a guest.
            if step.role == Role::Guest {
                return false;
            }
            let mut core = Arc::clone(&step.core);
            loop {
                if let Some(answer) = ask(&step, &core) {
                    return answer;
                }
                match core.parent.clone().filter(|_| core.kind == Kind::Group) {
                    Some(parent) => core = parent,
                    None => break,
                }
            }
            record = core.runner.clone();
        }
        false
    })
}
