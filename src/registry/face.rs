//! Owns the application's root: one at a time, with the OS's signals and the audit. Its end is an
//! `Exit`, which decides the exit code (`exit`).
//! Refuses to know how a scope works: it opens one, and puts the process back as it was.

use std::panic::{Location, resume_unwind};
use std::sync::{Arc, Weak};

use crate::outcome::errors::error::SpawnError;
use crate::outcome::errors::failure::ScopeError;
use crate::outcome::report::shutdown::ShutdownReport;
use crate::outcome::status::snapshot::Snapshot;
use crate::registry::builder::Registry;
use crate::registry::exit::{Exit, assemble, refused};
use crate::registry::history::History;
use crate::registry::installed::Installed;
use crate::registry::{audit, platform};
use crate::rt::result::Result;
use crate::scope::face::Scope;
use crate::scope::group::{Group, open_static};
use crate::scope::run::live;
use crate::sight::examine;
use crate::sight::files::Files;
use crate::sync::locks::Mutex;
use crate::sys;
use crate::sys::last;
use crate::thread::context::current;
use crate::tree::core::ScopeCore;
use crate::tree::text::IntoText;

/// Runs the application: `Registry::new(<the executable's name>).run(main)`.
///
/// ```no_run
/// fn main() -> homebound::registry::Exit<()> {
///     homebound::registry::run(|scope| {
///         scope.service("ticker", "says that it is alive", |cx| {
///             cx.ticks(std::time::Duration::from_secs(1)).for_each(|_| println!("alive"));
///             Ok(())
///         })?;
///         scope.context().wait_for_stop();
///         Ok(())
///     })
/// }
/// ```
///
/// # Panics
/// With the body's own payload, if the body panicked; everything is put back before.
#[track_caller]
pub fn run<'env, T, F>(main: F) -> Exit<T>
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> Result<T>,
{
    let executable = std::env::current_exe().ok();
    let name = executable.as_deref().and_then(|path| path.file_stem()?.to_str().map(str::to_owned));
    Registry::new(name.unwrap_or_else(|| "main".to_owned())).run(main)
}

/// The core of the running registry. `Some(dangling)` while a run is being set up or put away;
/// `None` if there is no run.
static RUNNING: Mutex<Option<Weak<ScopeCore>>> = Mutex::new(None);

impl Registry {
    /// Runs `main` in the root scope, and returns when every thread of it has been joined.
    ///
    /// Refused, with an error and without running `main`: while another run is under way, from
    /// inside a scope, and when the system refuses the two internal threads or a signal handler.
    ///
    /// ```
    /// fn main() -> homebound::Exit<()> {
    ///     let names = vec!["a", "b"]; // threads may borrow it
    ///     homebound::Registry::new("tool").run(|scope| {
    ///         for name in &names {
    ///             scope.spawn(*name, "prints its name", |cx| Ok(println!("{}", cx.name())))?;
    ///         }
    ///         Ok(())
    ///     })
    /// }
    /// ```
    ///
    /// # Panics
    /// With the body's own payload, if the body panicked; everything is put back before.
    #[track_caller]
    pub fn run<'env, T, F>(self, main: F) -> Exit<T>
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> Result<T>,
    {
        let (installed, _slot) = match set_up(self, Location::caller()) {
            Ok(started) => started,
            Err(refusal) => return Exit::of_refusal(refusal),
        };
        // Blocks until all threads are home. Returns also if the body panicked.
        let lived = live(installed.core(), main);
        // Joins the OS threads (P2), and after that the audit counts the threads that are left.
        installed.close_root();
        // Code of the program's that runs here (`Drop`, `Display`, a subscriber) may hang, so it
        // runs while *watch* is still there.
        installed.tell_refusal();
        let settings = installed.settings();
        let remember = |report: &ShutdownReport| {
            settings.history.iter().for_each(|history| history.add(report, settings.kill_after));
        };
        let ended = assemble(installed.core(), lived, audit::orphans(), &remember);
        // While the clock of this run is there.
        let (last_moment, how) = (last::due(), installed.settings().end());
        // After the last code of the program's: from here on *watch* is gone.
        installed.put_back();
        // Last: the process is as it was before the run when the panic of the body goes on.
        ended.unwrap_or_else(|payload| resume_unwind(payload)).guarded(last_moment, how)
    }
}

/// Sets up everything that is around the root's body. The error is for the `Exit` of the run.
fn set_up(registry: Registry, at: &'static Location<'static>) -> Result<(Installed, OnlyRun), ScopeError> {
    let Registry { name, mut settings } = registry;
    // Read once, because a library may set a handler meanwhile. The run puts back exactly the
    // handlers that it has installed.
    settings.taken = settings.signals.wanted();
    settings.history.iter_mut().for_each(History::open);
    let started = claim().and_then(|slot| Ok((Installed::open(name.clone(), settings, at)?, slot)));
    let (installed, slot) = started.map_err(|why| refused(name, at, why))?;
    // Claimed -> running: from here on `snapshot` and `group` find the root.
    *RUNNING.lock() = Some(Arc::downgrade(installed.core()));
    platform::compare(installed.settings());
    Ok((installed, slot))
}

/// The right to run as the registry of the process. Its drop lets the next run begin.
struct OnlyRun;

impl Drop for OnlyRun {
    fn drop(&mut self) {
        *RUNNING.lock() = None;
    }
}

fn claim() -> Result<OnlyRun> {
    // The registry runs the one root of the process, so it is inside of no other root.
    if let Some(context) = current() {
        let path = context.path();
        return Err(format!("registry::run was called inside a scope, {path}: use a subscope there").into());
    }
    let mut running = RUNNING.lock();
    if running.is_some() {
        return Err("registry::run is running in this process already, and it owns the signals".into());
    }
    // Free -> claimed, under the lock, so that one of two calls is refused.
    *running = Some(Weak::new());
    Ok(OnlyRun)
}

/// Runs `f` with the signals unblocked that a registry blocks in the calling thread: for code that
/// starts child processes without homebound.
///
/// While a registry runs on the process's main thread, that thread blocks the signals that the
/// registry takes, so that none of them ends a system call of the body. A child process inherits
/// the blocked signals, and std's `Command` leaves them blocked: a child that the body starts by
/// `Command` alone hears no SIGTERM and no Ctrl-C. [`Scope::process`](crate::Scope::process)
/// unblocks them for its children, and threads of a scope block nothing. While `f` runs, a signal
/// may end a system call of this thread with `EINTR`.
///
/// ```
/// use std::process::Command;
/// use homebound::registry;
///
/// let exit = registry::run(|_| {
///     let mut shell = registry::unblocked(|| Command::new("sh").args(["-c", "exit 3"]).spawn())?;
///     assert_eq!(shell.wait()?.code(), Some(3));
///     Ok(())
/// });
/// assert_eq!(exit.code(), 0);
/// ```
pub fn unblocked<R>(f: impl FnOnce() -> R) -> R {
    sys::unblocked(f)
}

/// Opens a group below the running root instead of the caller's scope: for a `static` that is first
/// touched inside a request, as in the second example of [`homebound::group`](crate::group()).
/// Where no registry runs, the group is a root of its own. When the run is over, the threads of the
/// group are over too, and the group refuses to spawn.
///
/// # Errors
/// As [`Scope::group`].
#[track_caller]
pub fn group(name: impl IntoText) -> Result<Group<'static>, SpawnError> {
    open_static(running().as_ref(), name.into(), Location::caller())
}

/// The scope of the running root; `None` if no registry runs.
pub(crate) fn running() -> Option<Arc<ScopeCore>> {
    RUNNING.lock().as_ref().and_then(Weak::upgrade)
}

/// Returns the tree of the running root as data, from any thread; `None` if no registry runs.
///
/// ```no_run
/// // In a handler of a web server, on any thread.
/// fn health() -> String {
///     match homebound::registry::snapshot() {
///         Some(snapshot) => format!("{} threads", snapshot.root.threads.len()),
///         None => "not running".to_owned(),
///     }
/// }
/// ```
pub fn snapshot() -> Option<Snapshot> {
    running().map(|core| examine::snapshot(&core))
}

/// Returns the tree of the running root as text, for people.
///
/// ```no_run
/// // In a handler of a debug console, on any thread.
/// fn status() -> String {
///     homebound::registry::dump_status()
/// }
/// ```
pub fn dump_status() -> String {
    match running() {
        Some(core) => examine::dump(&core, Files::All).to_string(),
        None => "homebound: no registry is running\n".to_owned(),
    }
}
