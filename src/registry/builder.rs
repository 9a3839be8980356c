//! Owns the settings of a run as the program sets them: one method of [`Registry`] for each.
//! Refuses to act on any: `face` begins the run, and both internal threads read the settings.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::outcome::status::stack::Stacks;
use crate::registry::dump_to::DumpTo;
use crate::registry::exit::OnOverdue;
use crate::registry::history::History;
use crate::registry::notify::setting::Notify;
use crate::registry::settings::Settings;
use crate::registry::signal_settings::{SecondSignal, Signals};
use crate::sight::health::looks::Looks;
use crate::sight::health::settings::Health;
use crate::tree::text::IntoText;

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
    pub(super) name: Cow<'static, str>,
    pub(super) settings: Settings,
}

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

    /// Sets where dumps go besides stderr: those on SIGQUIT, at a second signal, and at the end of
    /// the grace. For a program whose stderr goes nowhere.
    ///
    /// ```
    /// # let path = std::env::temp_dir().join(format!("homebound-doc-{}", std::process::id()));
    /// use homebound::{DumpTo, Registry};
    ///
    /// let exit = Registry::new("shop").dump_to(DumpTo::File(path.clone())).run(|_| Ok(()));
    /// assert_eq!(exit.code(), 0);
    /// assert_eq!(std::fs::read_to_string(&path)?, ""); // there was no reason for a dump
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn dump_to(mut self, to: DumpTo) -> Registry {
        self.settings.dump_to = to;
        self
    }

    /// Looks for threads that are stuck, and says so (Linux; on other systems only what threads
    /// have said to [expect](crate::ThreadBuilder::expect_every) of them is looked at).
    ///
    /// Once in [`look_every`](Health::look_every), *stopper* looks at the threads that are in no
    /// wait of homebound's, and at the kernel's counters of them. The threads write nothing for
    /// these looks. [`ThreadStatus::pulse`](crate::status::ThreadStatus::pulse) has what it found:
    ///
    /// | between two looks | the thread | it is |
    /// |---|---|---|
    /// | it was in a wait of homebound's | waits | idle: never an alarm |
    /// | it used CPU time | works | well |
    /// | it could run and got no processor | is starved | not hung |
    /// | it slept all the time | is blocked outside, in a function of the kernel | an alarm |
    ///
    /// Each episode is logged once, with the target `homebound::health`: at WARN after
    /// [`warn_after`](Health::warn_after), at ERROR after [`stuck_after`](Health::stuck_after), and
    /// at INFO when the thread runs again. A wait that homebound does not see, such as the events
    /// of a window, is to be marked with [`Context::waiting`](crate::Context::waiting): an unmarked
    /// wait that lasts is taken for a thread that is blocked. A `select!` or a poll of a thread
    /// that has asked for its stop as a channel or a descriptor is known by itself. Adopted threads
    /// and guests are not looked at. A look that comes late (the process was suspended, the machine
    /// is busy) says nothing, and starts anew. Without `/proc`, no pulse is claimed.
    ///
    /// ```
    /// use homebound::registry::{Health, Registry};
    ///
    /// let exit = Registry::new("studio").health(Health::new()).run(|scope| {
    ///     scope.service("clock", "waits for an hour", |cx| {
    ///         let _a_stop = cx.sleep(std::time::Duration::from_secs(3600)); // idle
    ///         Ok(())
    ///     })?;
    ///     Ok(())
    /// });
    /// assert_eq!(exit.code(), 0);
    /// ```
    pub fn health(mut self, health: Health) -> Registry {
        self.settings.health = Some(health);
        self.settings.looks = Some(Looks::at_all);
        self
    }

    /// Lets `notice` pass between SIGTERM and the stop, in which
    /// [`Context::is_draining`](crate::Context::is_draining) is true and everything goes on: for
    /// Kubernetes and load balancers, which go on to send requests for a while after they have
    /// decided to end the process.
    ///
    /// A program that is done earlier returns from its body, or stops its scope. Any other stop
    /// does not wait for the end of the notice. Any signal that asks for a stop, a second SIGTERM
    /// for example, ends the notice and stops at once, and counts as the first signal from there. A
    /// launcher that sends SIGTERM twice so takes the notice away. SIGINT and SIGHUP have no
    /// notice. The grace begins with the stop, so the process is gone within `notice` + `grace` +
    /// `kill_after`: `terminationGracePeriodSeconds` has to be longer.
    ///
    /// ```no_run
    /// use homebound::{Exit, Registry};
    /// use std::time::Duration;
    ///
    /// fn main() -> Exit<()> {
    ///     let registry = Registry::new("web").drain_notice(Duration::from_secs(5));
    ///     registry.grace(Duration::from_secs(20)).run(|scope| {
    ///         let cx = scope.context();
    ///         cx.wait_for_drain()?; // .. SIGTERM: answer "Connection: close" from here on
    ///         cx.wait_for_stop(); // .. 5 s later
    ///         Ok(())
    ///     })
    /// }
    /// ```
    pub fn drain_notice(mut self, notice: Duration) -> Registry {
        self.settings.drain_notice = notice;
        self
    }

    /// Tells the service manager how the run goes: systemd with `Type=notify` or
    /// `Type=notify-reload`, or another manager that speaks sd_notify(3).
    ///
    /// - `READY=1`: the body calls [`Context::ready`](crate::Context::ready), the first time.
    /// - `STOPPING=1`: the stop begins, or the [notice](Self::drain_notice) before it; no service
    ///   has been told then.
    /// - `EXTEND_TIMEOUT_USEC=..`: a thread was told to stop, or is overdue. The value is the time
    ///   until the process ends by force.
    /// - `STATUS=..`: the text of [`Context::status`](crate::Context::status); during the stop, the
    ///   threads that are waited for.
    /// - `WATCHDOG=1`: at half of `WATCHDOG_USEC`, while no thread is stuck.
    ///   [`health`](Self::health) finds out which threads are; without it, a sign of life says that
    ///   homebound's own *watch* runs.
    /// - `RELOADING=1`: around [`reloading`](crate::registry::reloading).
    ///
    /// The manager must exist, and need not read: nothing here waits for it. If its queue is full,
    /// a `WATCHDOG=1` is dropped, and the rest is sent as soon as there is room. An address that
    /// cannot be used (`vsock:`, say) is logged as a warning, and the run goes on.
    ///
    /// Children by [`Scope::process`](crate::Scope::process) do not inherit the address.
    ///
    /// ```no_run
    /// use homebound::{Exit, Notify, Registry};
    ///
    /// fn main() -> Exit<()> {
    ///     Registry::new("clock").notify(Notify::from_env()).run(|scope| {
    ///         scope.service("clock", "ticks", |cx| Ok(drop(cx.wait_for_stop())))?;
    ///         scope.context().ready(); // systemd starts what comes after this unit
    ///         scope.context().wait_for_stop();
    ///         Ok(())
    ///     })
    /// }
    /// ```
    pub fn notify(mut self, notify: Notify) -> Registry {
        self.settings.notify = notify;
        self
    }

    /// Makes an empty file at `path` when the body calls [`Context::ready`](crate::Context::ready),
    /// and removes it when the program is not ready any more: for a probe that only asks whether
    /// there is a file (`test -f`), in Kubernetes or Docker, without a server in the program.
    ///
    /// The file goes when the stop begins, or the [notice](Self::drain_notice) before it, and is
    /// not made again. A thread of homebound's own removes it, so that a file system that hangs
    /// holds up nothing else, and the process ends within the grace all the same. The file goes at
    /// the latest on the way out, also if that is the end of the grace, a second signal, an abort
    /// of homebound's or [`std::process::exit`]. SIGKILL and a crash leave it behind: the next run
    /// with this path removes it when it begins.
    ///
    /// Use it for readiness and for startup. A *liveness* probe would fail during the stop, and
    /// Kubernetes would kill the program before its grace is over.
    ///
    /// A `path` whose folder does not exist, or that cannot be removed, refuses the run; so does a
    /// path to anything but a regular file, such as `/dev/null`. If the file cannot be made later,
    /// that is logged as an error, and the run goes on.
    ///
    /// ```
    /// let path = std::env::temp_dir().join(format!("homebound-ready-{}", std::process::id()));
    /// let exit = homebound::Registry::new("web").probe_file(&path).run(|scope| {
    ///     assert!(!path.exists());
    ///     scope.context().ready();
    ///     assert!(path.exists());
    ///     Ok(())
    /// });
    /// assert_eq!(exit.code(), 0);
    /// assert!(!path.exists());
    /// ```
    pub fn probe_file(mut self, path: impl Into<PathBuf>) -> Registry {
        self.settings.probe_file = Some(path.into());
        self
    }

    /// Adds a line to this file at the end of the run: how long the stop took, and how long each
    /// thread of it. `cargo homebound graces FILE` shows, over all runs, what part of the grace
    /// each thread needs, and suggests a grace. No deadline changes by itself.
    ///
    /// The file is opened when the run begins, made if it is not there, and is for the user alone
    /// (mode 0600) from then on. A link and a file of another user are refused. Several processes
    /// may add to one file, because each adds its line by a single write to the end. A run that is
    /// ended by force adds its line as well, unless the file hangs, or unless the end is silent
    /// ([`Quiet`](crate::registry::SecondSignal::Quiet)). If the file cannot be opened or written,
    /// that is logged, and the run goes on.
    ///
    /// A line is JSON of at most 64 KiB. Nothing shortens the file.
    ///
    /// ```
    /// use homebound::Registry;
    ///
    /// let path = std::env::temp_dir().join(format!("history-{}.jsonl", std::process::id()));
    /// let exit = Registry::new("web").history(&path).run(|scope| {
    ///     scope.service("clock", "waits to be told", |cx| Ok(drop(cx.wait_for_stop())))?;
    ///     Ok(())
    /// });
    /// let history = std::fs::read_to_string(&path)?;
    /// assert!(history.starts_with("{\"version\":1,") && history.contains("/web/clock"));
    /// # std::fs::remove_file(&path)?;
    /// # exit.into_result()?;
    /// # Ok::<(), homebound::BoxError>(())
    /// ```
    pub fn history(mut self, path: impl AsRef<Path>) -> Registry {
        self.settings.history = Some(History::at(path.as_ref()));
        self
    }
}
