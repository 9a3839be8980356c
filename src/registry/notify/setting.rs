//! Owns where the service manager is, and how often it wants to hear from this process: what the
//! environment says.
//! Refuses to open a socket: the run does.

use std::env;
use std::ffi::{OsStr, OsString};
use std::time::Duration;

/// The shortest pause between two signs of life: for an interval that no manager means, such as one
/// of a microsecond, *watch* would do nothing else.
const SHORTEST: Duration = Duration::from_millis(1);

/// The service manager to tell about a run, for [`Registry::notify`](crate::Registry::notify).
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
    /// `WATCHDOG_PID`), counts as absent. Signs of life are at least a millisecond apart.
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
        let half = |micros| (Duration::from_micros(micros) / 2).max(SHORTEST);
        let watchdog = interval.filter(|_| socket.is_some()).map(half);
        Notify { socket, watchdog }
    }
}

fn number(text: Option<&OsStr>) -> Option<u64> {
    text?.to_str()?.parse().ok()
}
