//! Owns a scope without a body: a subsystem in a struct's field, stopped and joined when it drops.
//! Refuses to be the safety: if it is forgotten, the scope that it is in settles it as one of its services.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::sync::Arc;

use crate::error::{JoinError, SpawnError};
use crate::exit::{Driver, drive};
use crate::failure::{Failure, Origin, ScopeError};
use crate::members::{Served, Service};
use crate::reason::StopReason;
use crate::record::{Of, Text};
use crate::rt::contain::{contain, discard};
use crate::rt::erase::Lease;
use crate::scope::Scope;
use crate::scope_core::{Kind, Opening, ScopeCore};
use crate::settle::{self, Account, BodyEnd};
use crate::{Result, graph};

/// An owned subsystem: a scope as a value, for a struct's field. Dereferences to its [`Scope`]. Dropping it stops it and
/// joins its threads.
///
/// Invariant in `'scope`: with a shorter one, a function that is lent the group could spawn what borrows its locals.
///
/// ```compile_fail
/// use homebound::Group;
/// fn lend(group: &Group<'_>) {
///     let local = vec![1];
///     let _ = group.spawn("late", "uses what is gone", |_| Ok(local.len()));
/// }
/// ```
#[must_use = "dropping a group stops it and joins its threads"]
pub struct Group<'scope> {
    scope: Scope<'scope, 'scope>,
    closed: bool,
}

pub(crate) fn open_group<'scope>(
    parent: &Arc<ScopeCore>,
    lease: Lease<'scope>,
    name: Text,
    at: &'static Location<'static>,
) -> Result<Group<'scope>, SpawnError> {
    if name.is_empty() || name.contains('\0') {
        return Err(SpawnError::InvalidName);
    }
    let root = Arc::clone(&parent.root);
    let kind = Kind::Group;
    let core = ScopeCore::new(Opening {
        name,
        kind,
        at,
        root,
        parent: Some(Arc::clone(parent)),
        opener: None,
        runner: None,
    });
    let mut state = parent.lock();
    if let Some(refusal) = parent.refusal(&state) {
        state.scopes.remove(&core.id);
        return Err(refusal);
    }
    core.node.set_teller(&parent.node);
    state.services.insert(core.id, Service::new(Served::Group(Arc::clone(&core))));
    drop(state);
    Ok(Group { scope: Scope::of(&core, lease), closed: false })
}

impl Group<'_> {
    /// Stops the group, blocks until its threads are home, and returns what failed in it. Handles of its threads can be joined
    /// afterwards: what an isolated one failed with is told by its handle, or, if nobody joins it, by the scope around.
    ///
    /// # Errors
    /// Its failures. They are failures of the scope around it as well. From one of its own threads: an error that names
    /// the cycle; the scope around it does the joining then.
    #[track_caller]
    pub fn close(mut self) -> Result<(), ScopeError> {
        let at = Location::caller();
        match self.shut(StopReason::Requested { at }, at) {
            Ok(result) => result.map(drop),
            Err(cycle) => Err(self.would_deadlock(cycle, at)),
        }
    }

    /// Stops, joins and settles, as far as the scope around it has not done so; the cycle if joining would be for ever.
    fn shut(
        &mut self,
        reason: StopReason,
        at: &'static Location<'static>,
    ) -> Result<Result<Account, ScopeError>, Vec<String>> {
        self.closed = true;
        let core = self.scope.core();
        core.node.stop(reason);
        let _wait = crate::wait::Mark::on("group", at, Of::Scope(Arc::clone(core)));
        let waiting = graph::Waiting::on_scope(core).inspect_err(|_| settle::disown(core))?;
        drive(core, Driver::Exit);
        drop(waiting);
        // If that is for another to finish, it stays in the scope around.
        if settle::settle(core)
            && let Some(parent) = &core.parent
        {
            let left = parent.lock().services.remove(&core.id);
            drop(left);
            parent.touch();
        }
        Ok(settle::verdict(core, BodyEnd::Returned))
    }

    fn would_deadlock(&self, cycle: Vec<String>, at: &'static Location<'static>) -> ScopeError {
        let core = self.scope.core();
        let origin = Origin {
            id: None,
            path: core.path().to_owned(),
            name: core.name.clone(),
            purpose: "close".into(),
            spawned_from: at,
            notes: Vec::new(),
        };
        let error = Box::new(JoinError::WouldDeadlock { cycle });
        ScopeError::of_one(Failure::error(origin, error, Vec::new()), settle::report(core))
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        // Its failures are the surrounding scope's already; a cycle leaves the joining to that scope.
        let (reason, at) = (StopReason::Custom("its group was dropped".into()), self.scope.core().at);
        let shut = contain(|| self.shut(reason, at).map(drop));
        discard(shut.err());
    }
}

impl<'scope> Deref for Group<'scope> {
    type Target = Scope<'scope, 'scope>;

    fn deref(&self) -> &Scope<'scope, 'scope> {
        &self.scope
    }
}

impl fmt::Debug for Group<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("scope", &self.scope).finish()
    }
}
