//! Owns where the service manager is, and how often it wants to hear from this process: what the
//! environment says.
//! Refuses to open a socket: the run does.

use std::env;
use std::ffi::{OsStr, OsString};
use std::time::Duration;

use crate::registry::face::Registry;

/// The service manager to tell about a run, for [`Registry::notify`].
///
/// ```
/// use homebound::{Notify, Registry};
///
/// // Outside of a service manager this does nothing.
/// let exit = Registry::new("web").notify(Notify::from_env()).run(|scope| {
///     // .. start everything; then:
///     scope.context().ready();
///     Ok(())
/// });
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notify {
    /// The address of the manager's socket, as it is in `NOTIFY_SOCKET`. `None`: there is no
    /// manager to tell.
    pub(crate) socket: Option<OsString>,
    /// How often the manager wants a sign of life: half the time after which it acts. `None`: it
    /// wants none of this process.
    pub(crate) watchdog: Option<Duration>,
}

impl Notify {
    /// Reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` from the environment, and leaves
    /// them there. Without `NOTIFY_SOCKET` nothing is told, and the run opens no socket.
    ///
    /// A `WATCHDOG_USEC` that is no number, or is 0, or is meant for another process (by
    /// `WATCHDOG_PID`), counts as absent.
    ///
    /// ```
    /// // Not started by a service manager.
    /// assert_eq!(homebound::Notify::from_env(), homebound::Notify::default());
    /// ```
    pub fn from_env() -> Notify {
        let socket = env::var_os("NOTIFY_SOCKET").filter(|address| !address.is_empty());
        let number = |name: &str| number(env::var_os(name).as_deref());
        let is_ours = env::var_os("WATCHDOG_PID").is_none()
            || number("WATCHDOG_PID") == Some(u64::from(std::process::id()));
        let interval = number("WATCHDOG_USEC").filter(|micros| *micros > 0 && is_ours);
        let watchdog = interval.filter(|_| socket.is_some()).map(|micros| Duration::from_micros(micros) / 2);
        Notify { socket, watchdog }
    }
}

fn number(text: Option<&OsStr>) -> Option<u64> {
    text?.to_str()?.parse().ok()
}

impl Registry {
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
}
