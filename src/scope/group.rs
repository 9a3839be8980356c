//! Owns a scope without a body: a subsystem in a struct's field, stopped and joined when it drops.
//! Refuses to be what safety rests on. If a group is forgotten, the scope around settles it as one
//! of its services. An owned root has nothing to settle, because its threads hold only `'static`
//! data.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::sync::Arc;

use crate::outcome::errors::error::SpawnError;
use crate::outcome::errors::failure::{Failure, JoinError, Origin, ScopeError};
use crate::outcome::reason::StopReason;
use crate::outcome::report::shutdown::ShutdownReport;
use crate::outcome::words::DROP_OF;
use crate::rt::contain::{contain, discard};
use crate::rt::erase::Lease;
use crate::rt::result::{BoxError, Result};
use crate::scope::face::Scope;
use crate::shutdown::order::{Driver, drive};
use crate::shutdown::reporting;
use crate::shutdown::settle::{self, BodyEnd};
use crate::shutdown::{left, owned};
use crate::thread::builder::ThreadBuilder;
use crate::thread::context::{Context, current};
use crate::thread::spawn::check_name;
use crate::tree::core::{Kind, Opening, ScopeCore};
use crate::tree::deadlock;
use crate::tree::pool_facts::PoolFacts;
use crate::tree::record::Label;
use crate::tree::services::Served;
use crate::tree::text::{IntoText, Text};
use crate::tree::waiting::Of;

/// A scope as a value, for a struct's field: a subsystem that owns its threads. Dereferences to its
/// [`Scope`]. A drop stops the group and joins its threads.
///
/// ```
/// use homebound::{Group, Scope, SpawnError};
///
/// struct Player<'scope> {
///     threads: Group<'scope>,
/// }
///
/// impl<'scope> Player<'scope> {
///     fn start(scope: &Scope<'scope, '_>) -> Result<Player<'scope>, SpawnError> {
///         let threads = scope.group("player")?;
///         threads.service("audio", "plays", |cx| Ok(drop(cx.wait_for_stop())))?;
///         Ok(Player { threads })
///     }
/// }
///
/// homebound::scope(|scope| {
///     let player = Player::start(scope)?;
///     assert_eq!(player.threads.active_threads().len(), 1);
///     drop(player); // stops the audio thread, and joins it
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
///
/// A group is invariant in `'scope`: with a shorter lifetime, a function that is lent the group
/// could spawn a thread that borrows locals of that function.
///
/// ```compile_fail
/// use homebound::Group;
/// fn lend(group: &Group<'_>) {
///     let local = vec![1];
///     let _ = group.spawn("late", "uses a dropped vector", |_| Ok(local.len()));
/// }
/// ```
#[must_use = "dropping a group stops it and joins its threads"]
pub struct Group<'scope> {
    scope: Scope<'scope, 'scope>,
    closed: bool,
}

/// # Groups
impl<'scope> Scope<'scope, '_> {
    /// Opens a group in this scope, for a struct's field. A drop of the group stops it and joins
    /// its threads. If the group is still there when the scope ends, the scope stops it as one of
    /// its services.
    ///
    /// ```
    /// homebound::scope(|scope| {
    ///     let group = scope.group("thumbs")?;
    ///     group.spawn("thumb", "makes a small picture", |_| Ok(()))?;
    ///     group.close()?; // stops, joins, and returns what failed
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn group(&self, name: impl IntoText) -> Result<Group<'scope>, SpawnError> {
        open_group(self.core(), self.lease(), name.into(), Location::caller())
    }
}

/// Makes a group for callers that are in no scope, to be owned by a struct or a `static`.
///
/// Inside a scope the group belongs to the calling thread's scope, as by
/// [`Context::group`](crate::Context::group), and ends with that scope. Elsewhere the group is a
/// root of its own: the value owns it, and no thread hosts it.
///
/// So a library's `Server::http(addr)` or `Watcher::new(f)` works for callers that know nothing of
/// scopes:
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
///     /// Returns what failed. A server that is only dropped logs it.
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
/// A `static` that is first touched inside a request would end with that request;
/// [`registry::group`](crate::registry::group) goes below the running root instead:
///
/// ```no_run
/// use homebound::{Group, SpawnError, registry};
/// use std::sync::LazyLock;
/// use std::time::Duration;
///
/// static CACHE: LazyLock<Result<Group<'static>, SpawnError>> = LazyLock::new(|| {
///     let threads = registry::group("cache")?;
///     threads.service("sweeper", "drops old entries", |cx| {
///         Ok(cx.ticks(Duration::from_secs(60)).for_each(sweep))
///     })?;
///     Ok(threads)
/// });
/// # fn sweep(_: std::time::Instant) {}
/// ```
///
/// # What becomes of the threads
///
/// | the group is | its threads |
/// |---|---|
/// | closed | are stopped and joined; [`close`](Group::close) returns their failures |
/// | dropped | are stopped and joined, without a limit of time; failures are logged at ERROR |
/// | dropped on one of its own threads | are stopped; they are joined when that thread is home |
/// | leaked, or in a `static` | run on until the process ends; what they hold is `'static` |
/// | dropped in a forked child | do not exist there; the value is leaked |
///
/// Threads that are late when the grace of 5 s is over are logged. If the group is dropped on one
/// of its own threads (the last clone of an `Arc` in a handler), nothing joins its last OS thread.
/// Groups that live at the end of [`registry::run`](crate::registry::run) are named in its report:
/// [`ShutdownReport::owned`](crate::ShutdownReport::owned).
///
/// # Errors
/// [`SpawnError::InvalidName`] for an empty name or one with NUL; inside a scope also as
/// [`Context::group`](crate::Context::group).
#[track_caller]
pub fn group(name: impl IntoText) -> Result<Group<'static>, SpawnError> {
    let around = current();
    open_static(around.as_ref().map(Context::core), name.into(), Location::caller())
}

/// Opens a group in `parent`, or as a root of its own. Its threads may borrow nothing.
pub(crate) fn open_static(
    parent: Option<&Arc<ScopeCore>>,
    name: Text,
    at: &'static Location<'static>,
) -> Result<Group<'static>, SpawnError> {
    let lease = Lease::promise();
    match parent {
        Some(parent) => open_group(parent, lease, name, at),
        None => {
            check_name(&name)?;
            Ok(Group { scope: Scope::of(&owned::open(name, at), lease), closed: false })
        }
    }
}

/// Opens a group with the name of the thread that `thread` configures, in its scope. No value owns
/// the group: the scope around it stops it and joins its threads; once these have come home by
/// themselves, the last of them settles it.
pub(crate) fn open_left<'scope>(
    thread: ThreadBuilder<'scope>,
) -> Result<(Scope<'scope, 'scope>, Label), SpawnError> {
    let (parent, lease, label) = thread.into_parts();
    let mut group = open_group(&parent, lease, label.name.clone(), label.at)?;
    group.closed = true;
    let core = group.scope.core();
    left::close_itself(core);
    settle::disown(core);
    Ok((Scope::of(core, lease), label))
}

pub(crate) fn open_group<'scope>(
    parent: &Arc<ScopeCore>,
    lease: Lease<'scope>,
    name: Text,
    at: &'static Location<'static>,
) -> Result<Group<'scope>, SpawnError> {
    open_as(parent, lease, name, at, None)
}

/// Opens the group of a pool, whose threads have this purpose.
pub(crate) fn open_pool<'scope>(
    parent: &Arc<ScopeCore>,
    lease: Lease<'scope>,
    label: Label,
) -> Result<(Group<'scope>, Arc<PoolFacts>), SpawnError> {
    let facts = Arc::new(PoolFacts::new(label.purpose));
    let group = open_as(parent, lease, label.name, label.at, Some(&facts))?;
    Ok((group, facts))
}

fn open_as<'scope>(
    parent: &Arc<ScopeCore>,
    lease: Lease<'scope>,
    name: Text,
    at: &'static Location<'static>,
    pool: Option<&Arc<PoolFacts>>,
) -> Result<Group<'scope>, SpawnError> {
    check_name(&name)?;
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
    if let Some(pool) = pool {
        let _set_once = core.pool.set(Arc::clone(pool));
    }
    // Under one hold of the lock: the check, and the entry that makes the scope around wait for the
    // group (E1).
    let mut state = parent.lock();
    if let Some(refusal) = parent.refusal(&state) {
        state.scopes.remove(core.id);
        return Err(refusal);
    }
    // The group is no child in the tree of stops. It is told as a service is, when the users are
    // home (E3).
    core.node.set_teller(&parent.node);
    // `attach` would do this for a node that hangs below another one.
    core.node.inherit_probe(&parent.node);
    state.services.add(core.id, Served::Group(Arc::clone(&core)));
    // Under the same lock, so that a scope which is finishing knows all of its pools.
    if pool.is_some() {
        state.pools.insert(core.id, Arc::clone(&core));
    }
    drop(state);
    Ok(Group { scope: Scope::of(&core, lease), closed: false })
}

impl<'scope> Group<'scope> {
    /// Gives up the value without a stop, and returns the face of its scope. The group stays a
    /// service of the scope around, which tells, joins and settles it.
    pub(crate) fn release(mut self) -> Scope<'scope, 'scope> {
        self.closed = true;
        Scope::of(self.scope.core(), self.scope.lease())
    }
}

impl Group<'_> {
    /// Stops the group, blocks until its threads are home, and returns what failed in it.
    ///
    /// Handles of its threads can be joined afterwards. The failure of an isolated thread is
    /// returned by its handle or, if the thread is never joined, listed by the scope around the
    /// group.
    ///
    /// ```
    /// let group = homebound::group("cache")?;
    /// group.spawn("load", "reads the cache", |_| -> homebound::Result { Err("no such file")? })?;
    /// let error = group.close().unwrap_err();
    /// assert_eq!(error.first().expect("one failure").name(), "load");
    /// # Ok::<(), homebound::BoxError>(())
    /// ```
    ///
    /// # Errors
    /// The failures of the group, which are failures of the scope around it as well, if there is
    /// one. On one of its own threads: an error that names the cycle; then the scope around joins
    /// the threads, or that thread does when it is home. In a forked child: an error that says so.
    #[track_caller]
    pub fn close(mut self) -> Result<(), ScopeError> {
        let at = Location::caller();
        if self.is_forked() {
            self.leak();
            let why = "in a forked child the threads of the group do not exist: close it in the parent";
            return Err(refusal(self.scope.core(), why.into(), ShutdownReport::default(), at));
        }
        // First, so that the drop of this value, which follows, does not shut the group again.
        self.closed = true;
        let core = self.scope.core();
        core.node.stop(StopReason::Requested { at });
        close_group(core, at)
    }

    fn is_forked(&self) -> bool {
        self.scope.core().root.is_forked()
    }

    /// Leaks the group in a forked child. The threads exist in the parent only, and one of them may
    /// have held a lock of the group when the process forked, so no part of the group is touched.
    fn leak(&mut self) {
        self.closed = true;
        std::mem::forget(Arc::clone(self.scope.core()));
    }
}

/// The error of a caller that would wait for itself.
pub(crate) fn waits_for_itself(
    core: &Arc<ScopeCore>,
    cycle: Vec<String>,
    at: &'static Location<'static>,
) -> ScopeError {
    refusal(core, JoinError::WouldDeadlock { cycle }.into(), reporting::report(core), at)
}

/// Waits until the threads of the group are home, and returns what failed in it. A cycle is an
/// error.
pub(crate) fn close_group(core: &Arc<ScopeCore>, at: &'static Location<'static>) -> Result<(), ScopeError> {
    match shut(core, "group", at) {
        Ok(result) => result,
        Err(cycle) => Err(waits_for_itself(core, cycle, at)),
    }
}

/// Joins and settles the group, unless the scope around has done so already. Its threads were told
/// to stop, or end by themselves. Returns the cycle if a join would never end.
fn shut(
    core: &Arc<ScopeCore>,
    what: &'static str,
    at: &'static Location<'static>,
) -> Result<Result<(), ScopeError>, Vec<String>> {
    let _wait = crate::tree::wait_mark::WaitMark::on(what, at, Of::Scope(Arc::clone(core)));
    if core.is_owned() {
        return owned::shut(core);
    }
    // On a cycle the group stays listed in the scope around, which will join it, and gets the
    // failures that nobody asks for now.
    let waiting = deadlock::Waiting::on_scope(core).inspect_err(|_| settle::disown(core))?;
    // Blocks here until all threads are home.
    drive(core, Driver::Exit);
    drop(waiting);
    // If another thread settles the group, the group stays in the list of the scope around.
    let left = if settle::settle(core) { core.parent.as_ref() } else { None };
    if let Some(parent) = left {
        let left = parent.lock().services.remove(core.id);
        drop(left);
        parent.wake_drivers();
    }
    // This thread no longer waits inside the root: see `owned`.
    owned::finish_if_left(&core.root);
    let verdict = settle::verdict(core, BodyEnd::Returned);
    core.vacate();
    Ok(verdict)
}

fn refusal(
    core: &Arc<ScopeCore>,
    why: BoxError,
    report: ShutdownReport,
    at: &'static Location<'static>,
) -> ScopeError {
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

impl Drop for Group<'_> {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        if self.is_forked() {
            return self.leak();
        }
        // The scope around has listed the failures already, and joins the threads if there is a
        // cycle.
        let (reason, at) = (StopReason::Custom("its group was dropped".into()), self.scope.core().at);
        self.closed = true;
        let core = self.scope.core();
        // Contained, because a panic of a drop in an unwind would end the process.
        let shut = contain(|| {
            core.node.stop(reason);
            let ended = shut(core, DROP_OF, at);
            ended.iter().filter(|_| core.is_owned()).for_each(|ended| owned::log_failures(core, ended));
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
