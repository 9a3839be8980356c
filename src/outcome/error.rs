//! Owns the errors of single calls: a wait, a send, a spawn, a join.
//! Refuses to know scopes: what a scope returns is in `failure`.

use std::error::Error;
#[cfg(unix)]
use std::process::{Command, ExitStatus};
use std::{fmt, io};

use crate::outcome::stopped::Stopped;
use crate::rt::shown::Shown;

/// Why a wait ended without what it waited for.
///
/// ```
/// use homebound::WaitError;
/// use std::time::Duration;
///
/// homebound::scope(|scope| {
///     let (send, receive) = homebound::channel::bounded::<u8>(1);
///     match scope.context().recv_timeout(&receive, Duration::from_millis(1)) {
///         Ok(value) => println!("received {value}"),
///         Err(WaitError::TimedOut) => println!("nothing yet"),
///         Err(error) => Err(error)?, // the stop, or no sender is left: end with `?`
///     }
///     Ok(drop(send))
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum WaitError {
    /// The context was asked to stop.
    Stopped(Stopped),
    /// All other ends of the channel are gone.
    Disconnected,
    /// The time-out of the call passed.
    TimedOut,
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitError::Stopped(stopped) => stopped.fmt(f),
            WaitError::Disconnected => f.write_str("the channel is disconnected"),
            WaitError::TimedOut => f.write_str("timed out"),
        }
    }
}

impl Error for WaitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            WaitError::Stopped(stopped) => Some(stopped),
            WaitError::Disconnected | WaitError::TimedOut => None,
        }
    }
}

impl From<Stopped> for WaitError {
    fn from(stopped: Stopped) -> WaitError {
        WaitError::Stopped(stopped)
    }
}

/// A value that could not be sent, and why. The value is not lost.
///
/// ```
/// homebound::scope(|scope| {
///     let (send, receive) = homebound::channel::bounded(1);
///     drop(receive);
///     let error = scope.context().send(&send, String::from("precious")).unwrap_err();
///     assert_eq!(error.value, "precious");
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[non_exhaustive]
pub struct SendError<T> {
    /// What was to be sent.
    pub value: T,
    /// Why it was not.
    pub cause: WaitError,
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").field("cause", &self.cause).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not sent: {}", self.cause)
    }
}

impl<T> Error for SendError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

/// Why a thread, or a child process, was not started. Its closure has been dropped by the caller.
///
/// ```
/// use homebound::SpawnError;
///
/// homebound::scope(|scope| {
///     scope.stop();
///     let late = scope.spawn("late", "comes too late", |_| Ok(()));
///     assert!(matches!(late, Err(SpawnError::Stopped(_))));
///     let nameless = scope.spawn("", "has no name", |_| Ok(()));
///     assert!(matches!(nameless, Err(SpawnError::InvalidName)));
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum SpawnError {
    /// The scope is stopping, or over: nothing new may start.
    Stopped(Stopped),
    /// The operating system refused; the scope is as it was.
    Os(io::Error),
    /// The name is empty or holds a NUL.
    InvalidName,
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpawnError::Stopped(stopped) => write!(f, "not spawned, the scope is {stopped}"),
            SpawnError::Os(error) if NotStarted::is(error) => error.fmt(f),
            SpawnError::Os(error) => write!(
                f,
                "the system refused a thread: {error} (see `ulimit -u`, the pids limit of the cgroup, the stack size)"
            ),
            SpawnError::InvalidName => f.write_str("a thread's name may not be empty or hold a NUL"),
        }
    }
}

impl Error for SpawnError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SpawnError::Os(error) => Some(error),
            SpawnError::Stopped(stopped) => Some(stopped),
            SpawnError::InvalidName => None,
        }
    }
}

/// Why a child process was not started, with what to look at.
#[derive(Debug)]
#[cfg_attr(not(unix), allow(dead_code))]
pub(crate) struct NotStarted {
    program: String,
    folder: String,
    reason: io::Error,
}

impl NotStarted {
    /// The refusal of a fork or an exec, with the path. Of the same kind as it was.
    #[cfg(unix)]
    pub(crate) fn wrap(command: &Command, reason: io::Error) -> io::Error {
        let program = format!("{:?}", command.get_program());
        let folder = command.get_current_dir().map(|folder| format!(" in {folder:?}")).unwrap_or_default();
        io::Error::new(reason.kind(), NotStarted { program, folder, reason })
    }

    fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<NotStarted>())
    }

    fn advice(&self) -> &'static str {
        #[cfg(unix)]
        match self.reason.raw_os_error() {
            Some(libc::EPERM) => {
                return " (does its `pre_exec` call setsid though its `process_group` is set, which makes it a leader before? Then use \
                        `session()`. Or is the terminal of `controlling_terminal()` that of another session?)";
            }
            Some(libc::ENOTTY) => return " (`controlling_terminal()`: is its standard input a terminal?)",
            _ => {}
        }
        match self.reason.kind() {
            io::ErrorKind::NotFound => " (is it installed and in PATH, does its working directory exist?)",
            io::ErrorKind::PermissionDenied => " (is it executable, may this user read it?)",
            io::ErrorKind::WouldBlock => " (see `ulimit -u` and the pids limit of the cgroup)",
            io::ErrorKind::OutOfMemory => " (out of memory, or overcommit is off)",
            io::ErrorKind::Unsupported | io::ErrorKind::ResourceBusy | io::ErrorKind::InvalidInput => "",
            _ => " (see `ulimit -n` for descriptors; is it a program for this machine?)",
        }
    }
}

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NotStarted { program, folder, reason } = self;
        write!(f, "the child process {program} was not started{folder}: {reason}{}", self.advice())
    }
}

impl Error for NotStarted {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.reason)
    }
}

/// A child process ended though nobody asked it to, and not with 0. [`Failure::downcast_ref`](crate::Failure::downcast_ref)
/// gives it back.
///
/// ```
/// # #[cfg(unix)] {
/// use homebound::process::ProcessFailed;
/// use std::process::Command;
///
/// let error = homebound::scope(|scope| {
///     let mut command = Command::new("sh");
///     command.args(["-c", "exit 3"]);
///     scope.process("check", "checks the settings", command).spawn()?.wait()?;
///     Ok(())
/// })
/// .unwrap_err();
/// let failed: &ProcessFailed = error.first().unwrap().downcast_ref().unwrap();
/// assert_eq!(failed.status.code(), Some(3));
/// # }
/// ```
#[cfg(unix)]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessFailed {
    /// Its pid; it may be another's by now.
    pub pid: u32,
    /// Program and arguments, cut to 200 characters.
    pub command: String,
    /// How it ended.
    pub status: ExitStatus,
}

#[cfg(unix)]
impl ProcessFailed {
    pub(crate) fn new(pid: u32, command: &str, status: ExitStatus) -> ProcessFailed {
        ProcessFailed { pid, command: command.to_owned(), status }
    }
}

#[cfg(unix)]
impl fmt::Display for ProcessFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the child process `{}` (pid {}) ended with {}",
            Shown(&self.command),
            self.pid,
            self.status
        )
    }
}

#[cfg(unix)]
impl Error for ProcessFailed {}
