//! Owns a scope without a body: a subsystem in a struct's field, stopped and joined when it drops.
//! Refuses to be the safety: if it is forgotten, the scope that it is in settles it as one of its services; an owned root has
//! nothing to settle, since what its threads hold is `'static`.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::sync::Arc;

use crate::outcome::error::SpawnError;
use crate::outcome::failure::{Failure, JoinError, Origin, ScopeError};
use crate::outcome::reason::StopReason;
use crate::outcome::report::ShutdownReport;
use crate::rt::contain::{contain, discard};
use crate::rt::erase::Lease;
use crate::rt::result::{BoxError, Result};
use crate::scope::face::Scope;
use crate::shutdown::order::{Driver, drive};
use crate::shutdown::owned;
use crate::shutdown::settle::{self, Account, BodyEnd};
use crate::thread::context::{Context, current};
use crate::tree::core::{Kind, Opening, ScopeCore};
use crate::tree::deadlock;
use crate::tree::record::{Of, Text};
use crate::tree::services::Served;
use crate::tree::text::IntoText;

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

/// Makes a group for whoever is in no scope, to be owned by a struct or a `static`. Inside a scope it dies with that scope: it is a
/// group of the calling thread's scope, as by [`Context::group`](crate::Context::group). Elsewhere it is a root of its own, which the value
/// owns; no thread hosts it.
///
/// So a library's `Server::http(addr)` or `Watcher::new(f)` works for callers who know nothing of scopes:
///
/// ```
/// use homebound::{BoxError, Group, ScopeError};
/// use std::net::{SocketAddr, TcpListener, TcpStream};
///
/// pub struct Server {
///     address: SocketAddr,
///     threads: Group<'static>,
/// }
///
/// impl Server {
///     pub fn http(address: &str) -> Result<Server, BoxError> {
///         let listener = TcpListener::bind(address)?;
///         let address = listener.local_addr()?;
///         let threads = homebound::group("http")?;
///         threads.service("accept", "takes connections", move |cx| {
///             // From the stop on, `accept` says so at once, and for ever: `?` ends the loop.
///             loop {
///                 let (stream, _peer) = cx.accept(&listener)?;
///                 cx.spawn("conn", "answers one request", move |_| answer(stream))?;
///             }
///         })?;
///         Ok(Server { address, threads })
///     }
///
///     /// What failed is told here; a server that is only dropped logs it.
///     pub fn close(self) -> Result<(), ScopeError> {
///         self.threads.close()
///     }
/// }
/// # fn answer(_: TcpStream) -> homebound::Result { Ok(()) }
///
/// let server = Server::http("127.0.0.1:0")?;
/// println!("listens on {}", server.address);
/// server.close()?;
/// # Ok::<(), BoxError>(())
/// ```
///
/// A `static` that is first touched inside a request would end with that request; [`registry::group`](crate::registry::group) goes
/// below the running root instead:
///
/// ```no_run
/// use homebound::{Group, SpawnError, registry};
/// use std::sync::LazyLock;
/// use std::time::Duration;
///
/// static CACHE: LazyLock<Result<Group<'static>, SpawnError>> = LazyLock::new(|| {
///     let threads = registry::group("cache")?;
///     threads.service("sweeper", "forgets what is old", |cx| Ok(cx.ticks(Duration::from_secs(60)).for_each(sweep)))?;
///     Ok(threads)
/// });
/// # fn sweep(_: std::time::Instant) {}
/// ```
///
/// **Dropping** it stops its threads and blocks until they are joined by the OS; there is no limit to that, and those that are late are
/// logged when its grace of 5 s is over. Failures are returned by [`close`](Group::close); after a drop they are logged at ERROR, since
/// nobody can be given them. Dropped on a thread of its own (the last clone of an `Arc` in a handler), it cannot wait for itself: it stops, and
/// the rest is joined when that thread is home; its last OS thread is then joined by nobody.
///
/// **Leaked**, it leaks its threads: they run on, and what they hold is `'static`. A `static` is never dropped, so its threads
/// end with the process; at the end of [`registry::run`](crate::registry::run) those that live are named in its report
/// ([`ShutdownReport::owned`](crate::ShutdownReport::owned)). In a forked child, where its threads do not exist, it is leaked by its drop.
///
/// # Errors
/// [`SpawnError::InvalidName`] for an empty name or one with NUL; inside a scope also as [`Context::group`](crate::Context::group).
#[track_caller]
pub fn group(name: impl IntoText) -> Result<Group<'static>, SpawnError> {
    let around = current();
    open_static(around.as_ref().map(Context::core), name.into(), Location::caller())
}

/// A group in `parent`, or one that is a root of its own; for what borrows nothing.
pub(crate) fn open_static(
    parent: Option<&Arc<ScopeCore>>,
    name: Text,
    at: &'static Location<'static>,
) -> Result<Group<'static>, SpawnError> {
    let lease = Lease::promise();
    match parent {
        Some(parent) => open_group(parent, lease, name, at),
        None if is_invalid(&name) => Err(SpawnError::InvalidName),
        None => Ok(Group { scope: Scope::of(&owned::open(name, at), lease), closed: false }),
    }
}

fn is_invalid(name: &str) -> bool {
    name.is_empty() || name.contains('\0')
}

pub(crate) fn open_group<'scope>(
    parent: &Arc<ScopeCore>,
    lease: Lease<'scope>,
    name: Text,
    at: &'static Location<'static>,
) -> Result<Group<'scope>, SpawnError> {
    if is_invalid(&name) {
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
        state.scopes.remove(core.id);
        return Err(refusal);
    }
    core.node.set_teller(&parent.node);
    state.services.add(core.id, Served::Group(Arc::clone(&core)));
    drop(state);
    Ok(Group { scope: Scope::of(&core, lease), closed: false })
}

impl<'scope> Scope<'scope, '_> {
    /// An owned subsystem, for a struct's field: stopped and joined when it drops; as one service of this scope, if it
    /// is still there when the scope ends.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn group(&self, name: impl IntoText) -> Result<Group<'scope>, SpawnError> {
        open_group(self.core(), self.lease(), name.into(), Location::caller())
    }
}

impl Context {
    /// A group in the scope that this thread is in; a plain struct can own it.
    ///
    /// # Errors
    /// As [`Scope::group`](crate::Scope::group).
    #[track_caller]
    pub fn group(&self, name: impl IntoText) -> Result<Group<'static>, SpawnError> {
        open_static(Some(self.core()), name.into(), Location::caller())
    }
}

impl Group<'_> {
    /// Stops the group, blocks until its threads are home, and returns what failed in it. Handles of its threads can be joined
    /// afterwards: what an isolated one failed with is told by its handle, or, if nobody joins it, by the scope around.
    ///
    /// # Errors
    /// Its failures. They are failures of the scope around it as well, if there is one. From one of its own threads: an error that
    /// names the cycle; the scope around it does the joining then, or that thread when it is home. In a forked child: an error that
    /// says so.
    #[track_caller]
    pub fn close(mut self) -> Result<(), ScopeError> {
        let at = Location::caller();
        if self.is_forked() {
            self.leak();
            let why = "in a forked child the threads of the group do not exist: close it in the parent";
            return Err(self.refusal(why.into(), ShutdownReport::default(), at));
        }
        match self.shut(StopReason::Requested { at }, at) {
            Ok(result) => result.map(drop),
            Err(cycle) => {
                let report = settle::report(self.scope.core());
                Err(self.refusal(JoinError::WouldDeadlock { cycle }.into(), report, at))
            }
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
        let _wait = crate::tree::wait_mark::WaitMark::on("group", at, Of::Scope(Arc::clone(core)));
        if core.is_owned() {
            return owned::shut(core);
        }
        let waiting = deadlock::Waiting::on_scope(core).inspect_err(|_| settle::disown(core))?;
        drive(core, Driver::Exit);
        drop(waiting);
        // If that is for another to finish, it stays in the scope around.
        let left = if settle::settle(core) { core.parent.as_ref() } else { None };
        if let Some(parent) = left {
            let left = parent.lock().services.remove(core.id);
            drop(left);
            parent.wake_drivers();
        }
        owned::finish_if_left(&core.root);
        Ok(settle::verdict(core, BodyEnd::Returned))
    }

    fn is_forked(&self) -> bool {
        self.scope.core().root.is_forked()
    }

    /// Its threads exist in the parent only: nothing of it is touched here, not even its locks, which one of them may have held.
    fn leak(&mut self) {
        self.closed = true;
        std::mem::forget(Arc::clone(self.scope.core()));
    }

    fn refusal(&self, why: BoxError, report: ShutdownReport, at: &'static Location<'static>) -> ScopeError {
        let core = self.scope.core();
        let origin = Origin {
            id: None,
            path: core.path().to_owned(),
            name: core.name.clone(),
            purpose: "close".into(),
            spawned_from: at,
            notes: Vec::new(),
        };
        ScopeError::of_one(Failure::error(origin, why, Vec::new()), report)
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        if self.is_forked() {
            return self.leak();
        }
        // Its failures are the surrounding scope's already; a cycle leaves the joining to that scope.
        let (reason, at) = (StopReason::Custom("its group was dropped".into()), self.scope.core().at);
        let shut = contain(|| {
            let ended = self.shut(reason, at);
            let core = self.scope.core();
            ended.iter().filter(|_| core.is_owned()).for_each(|ended| owned::tell(core, ended));
        });
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
