//! Owns the errors of single calls: a wait, a send, a spawn; and the errors of child processes.
//! Refuses to know the errors of scopes and joins: see `failure`.

use std::error::Error;
#[cfg(unix)]
use std::process::{Command, ExitStatus};
use std::time::Duration;
use std::{fmt, io};

use crate::outcome::stopped::Stopped;
use crate::outcome::words::Span;
use crate::rt::shown::Shown;

/// Why a wait ended without its result.
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
    /// The context was asked to stop. Every later wait of the context ends at once.
    Stopped(Stopped),
    /// All other ends of the channel are gone, so no value can come or be taken any more.
    Disconnected,
    /// The time-out of the call has passed. The same wait may be tried again.
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

/// A value that could not be sent, and the reason. The value is not lost (S6).
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
    /// The value that the receiver did not get.
    pub value: T,
    /// Why it was not sent.
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

/// Why a thread or a child process was not started. The closure has been dropped on the calling
/// thread, and the scope is as it was.
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
    /// The scope is stopping, or over, so it admits no new thread.
    Stopped(Stopped),
    /// The operating system refused the thread, or the fork or the execution of the child. The text
    /// names limits to look at.
    Os(io::Error),
    /// The name is empty, or holds a NUL character. Or two children of a supervisor that is to be
    /// started have the same name.
    InvalidName,
    /// A policy of restarts would never do what was asked of it. Its intensity is out of reach,
    /// because the pauses before it alone take longer than its period. Or it is
    /// [`Restart::always`](crate::work::Restart::always) for a thread that is to return a value:
    /// then `needs` is [`Duration::MAX`].
    InvalidPolicy {
        /// The time from the first failure to the one that would give up, if each run fails at
        /// once.
        needs: Duration,
        /// The period of the intensity.
        within: Duration,
    },
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpawnError::Stopped(stopped) => write!(f, "not spawned, the scope is {stopped}"),
            // `NotStarted` names the program, the reason and the advice already.
            SpawnError::Os(error) if NotStarted::is(error) => error.fmt(f),
            SpawnError::Os(error) => write!(
                f,
                "the system refused a thread: {error} (see `ulimit -u`, the pids limit of the cgroup, the stack size)"
            ),
            SpawnError::InvalidName => f.write_str(
                "a thread's name may not be empty or hold a NUL, and children of a supervisor may not share one",
            ),
            SpawnError::InvalidPolicy { needs: Duration::MAX, .. } => f.write_str(
                "a thread that is restarted always never returns its value (use `Restart::on_failure()`, or a service)",
            ),
            SpawnError::InvalidPolicy { needs, within } => write!(
                f,
                "this policy would never give up by its intensity: the pauses before it take {}, its period is {} \
                 (ask for a longer period, fewer restarts or shorter pauses)",
                Span(*needs),
                Span(*within)
            ),
        }
    }
}

impl Error for SpawnError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SpawnError::Os(error) => Some(error),
            SpawnError::Stopped(stopped) => Some(stopped),
            SpawnError::InvalidName | SpawnError::InvalidPolicy { .. } => None,
        }
    }
}

/// Why a child process was not started, with advice. The content of the `io::Error` in
/// [`SpawnError::Os`].
#[derive(Debug)]
#[cfg_attr(not(unix), allow(dead_code))]
pub(crate) struct NotStarted {
    /// In quotes, as `Debug` prints it.
    program: String,
    /// Empty, or ` in "/working/directory"`.
    folder: String,
    /// The refusal of the system, or of homebound.
    reason: io::Error,
}

impl NotStarted {
    /// Adds the program and its working directory to a refusal. The new error is of the same kind.
    #[cfg(unix)]
    pub(crate) fn wrap(command: &Command, reason: io::Error) -> io::Error {
        let program = format!("{:?}", command.get_program());
        let folder = command.get_current_dir().map(|folder| format!(" in {folder:?}")).unwrap_or_default();
        io::Error::new(reason.kind(), NotStarted { program, folder, reason })
    }

    /// True if `wrap` has made this error.
    fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<NotStarted>())
    }

    /// What the user can look at, in parentheses; empty if the reason says it.
    fn advice(&self) -> &'static str {
        // By number first, because the kinds do not tell these two apart from other refusals.
        #[cfg(unix)]
        match self.reason.raw_os_error() {
            Some(libc::EPERM) => {
                return " (does `pre_exec` call setsid, and is `process_group` set? Then the child leads a group already: \
                        use `session()`. Or does the terminal of `controlling_terminal()` belong to another session?)";
            }
            Some(libc::ENOTTY) => return " (`controlling_terminal()`: is its standard input a terminal?)",
            _ => {}
        }
        match self.reason.kind() {
            io::ErrorKind::NotFound => " (is it installed and in PATH, does its working directory exist?)",
            io::ErrorKind::PermissionDenied => " (is it executable, may this user read it?)",
            io::ErrorKind::WouldBlock => " (see `ulimit -u` and the pids limit of the cgroup)",
            io::ErrorKind::OutOfMemory => " (out of memory, or overcommit is off)",
            // Refusals of homebound's own, which say what to do.
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

/// The failure of a child process: it ended without having been asked to, and not with code 0.
/// [`Failure::downcast_ref`](crate::Failure::downcast_ref) finds it in the failures of the scope.
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
    /// The pid that the child had. Another process may have it by now.
    pub pid: u32,
    /// The program and its arguments, cut to 200 characters.
    pub command: String,
    /// How the child ended: its exit code, or the signal that ended it.
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
