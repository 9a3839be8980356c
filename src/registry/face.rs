//! Owns the application's root: one at a time, with the OS's signals, the audit and the exit code.
//! Refuses to know how a scope works: it opens one, and puts the process back as it was.

use std::borrow::Cow;
use std::panic::{Location, resume_unwind};
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::outcome::error::SpawnError;
use crate::outcome::report::ShutdownReport;
use crate::outcome::stack::Stacks;
use crate::outcome::status::Snapshot;
use crate::registry::audit;
use crate::registry::exit::{Exit, OnOverdue, assemble, refused};
use crate::registry::history::{History, remember};
use crate::registry::installed::Installed;
use crate::registry::settings::Settings;
use crate::registry::signal::{SecondSignal, Signals};
use crate::rt::result::Result;
use crate::scope::face::Scope;
use crate::scope::group::{Group, open_static};
use crate::scope::run::live;
use crate::sight::examine::{self, Files};
use crate::sync::locks::Mutex;
use crate::sys;
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

/// Configuration of an application run: grace, signals, and what becomes of the process when
/// threads do not come home.
///
/// ```no_run
/// use homebound::{Exit, Registry};
/// use std::time::Duration;
///
/// fn main() -> Exit<()> {
///     Registry::new("studio").grace(Duration::from_secs(20)).run(|scope| {
///         scope.service("clock", "waits to be told", |cx| Ok(drop(cx.wait_for_stop())))?;
///         scope.context().wait_for_stop(); // Ctrl-C, SIGTERM, or a failure
///         Ok(())
///     })
/// }
/// ```
#[derive(Debug)]
#[must_use = "a registry does nothing until .run(main)"]
pub struct Registry {
    name: Cow<'static, str>,
    /// What the methods here and in the files beside this one set.
    pub(crate) settings: Settings,
}

/// The core of the running registry. `Some(dangling)` while a run is being set up or put away;
/// `None` if there is no run.
static RUNNING: Mutex<Option<Weak<ScopeCore>>> = Mutex::new(None);

impl Registry {
    /// The defaults: a grace of 5 s, 2 s more until the process ends, [`Signals::default`].
    ///
    /// They fit into the 10 s that `docker stop` leaves between SIGTERM and SIGKILL, together with
    /// the 2 s that the kernel's timer waits if *watch* itself hangs, and the time to print which
    /// threads were late. The last 2 s before the end are also the time that deferred functions
    /// have if some thread needs the whole grace. Kubernetes leaves 30 s
    /// (`terminationGracePeriodSeconds`), systemd 90 s (`TimeoutStopSec`): there `.grace(20
    /// s).kill_after(5 s)`, or `.grace(75 s).kill_after(10 s)`, use the whole time.
    ///
    /// ```
    /// let exit = homebound::Registry::new("studio").run(|scope| {
    ///     assert_eq!(scope.context().path(), "/studio");
    ///     Ok(())
    /// });
    /// ```
    pub fn new(name: impl IntoText) -> Registry {
        Registry { name: name.into(), settings: Settings::default() }
    }

    /// Sets how long threads have to come home after the first stop request, or after the last
    /// worker came home.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// // Kubernetes leaves 30 s.
    /// let registry = homebound::Registry::new("web").grace(Duration::from_secs(20));
    /// registry.kill_after(Duration::from_secs(5)).run(|_| Ok(())).into_result()?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn grace(mut self, grace: Duration) -> Registry {
        self.settings.grace = grace;
        self
    }

    /// Sets how much longer the process may live past the grace.
    pub fn kill_after(mut self, more: Duration) -> Registry {
        self.settings.kill_after = more;
        self
    }

    /// Sets what becomes of the process when `grace` and `kill_after` are over and threads are not
    /// home.
    pub fn on_overdue(mut self, what: OnOverdue) -> Registry {
        self.settings.on_overdue = what;
        self
    }

    /// Sets what a second signal that asks for a stop prints before it ends the process.
    pub fn second_signal(mut self, what: SecondSignal) -> Registry {
        self.settings.second_signal = what;
        self
    }

    /// Sets which signals the registry takes.
    ///
    /// ```
    /// use homebound::{Registry, Signals};
    ///
    /// // Ctrl-C belongs to an editor that runs inside this program.
    /// let signals = Signals::default().without(libc::SIGINT);
    /// Registry::new("shell").signals(signals).run(|_| Ok(())).into_result()?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn signals(mut self, signals: Signals) -> Registry {
        self.settings.signals = signals;
        self
    }

    /// Sets of which threads dumps, the report of an overdue thread and the last words have the
    /// stacks (Linux, with the feature `stacks`).
    ///
    /// By default a dump has the stacks of threads that sleep, for which no thread gets a signal
    /// ([`Stacks::Asleep`]); overdue threads and the last words have all ([`Stacks::All`]).
    ///
    /// ```
    /// use homebound::{Registry, Stacks};
    ///
    /// // A program with a profiler that sends signals of its own: no other signal, ever.
    /// let registry = Registry::new("profiled").stacks(Stacks::Asleep);
    /// registry.run(|_| Ok(())).into_result()?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn stacks(mut self, stacks: Stacks) -> Registry {
        self.settings.stacks = Some(stacks);
        self
    }

    /// Reaps orphan processes during the run (Linux): for a program that is the first process of a
    /// container, and so the parent of every process in it whose own parent has ended. No other
    /// process takes these out of the kernel's list when they end.
    ///
    /// *stopper* looks for ended processes every five seconds. A process is taken for an orphan if
    /// neither [`Scope::process`](crate::Scope::process) nor a thread that is still alive has
    /// started it, and nothing has waited for it for ten seconds after its end. A child that the
    /// main thread, or a thread that has ended since, has started by [`std::process::Command`]
    /// alone cannot be told from an orphan: a `wait` for it after that time fails (`ECHILD`).
    pub fn reap_orphans(mut self) -> Registry {
        self.settings.reap_orphans = true;
        self
    }

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
        let at = Location::caller();
        let Registry { name, mut settings } = self;
        // Read once, because a library may set a handler meanwhile: the handlers that are
        // installed, and those that are put back, must be the same ones.
        settings.taken = settings.signals.wanted();
        settings.history.iter_mut().for_each(History::open);
        let started = claim().and_then(|slot| Ok((Installed::open(name.clone(), settings, at)?, slot)));
        let (installed, _slot) = match started {
            Ok(started) => started,
            Err(refusal) => return refused(name, at, refusal),
        };
        let core = Arc::clone(installed.core());
        // Claimed -> running: from here on `snapshot` and `group` find the root.
        *RUNNING.lock() = Some(Arc::downgrade(&core));
        // Blocks until all threads are home. Returns also if the body panicked.
        let lived = live(&core, main);
        // Joins the OS threads (P2), and after that the audit counts the threads that are left.
        installed.close_root();
        // Code of the program's that runs here (`Drop`, `Display`, a subscriber) may hang, so it
        // runs while *watch* is still there.
        let remember = |report: &ShutdownReport| remember(installed.settings(), report);
        let ended = assemble(&core, lived, audit::orphans(), &remember);
        // After the last code of the program's: from here on *watch* is gone.
        installed.put_back();
        // Last: the process is as it was before the run when the panic of the body goes on.
        ended.unwrap_or_else(|payload| resume_unwind(payload))
    }
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
