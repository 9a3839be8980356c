//! Owns the errors of single calls: a wait, a send, a spawn, a join.
//! Refuses to know scopes: what a scope returns is in `failure`.

use std::error::Error;
use std::{fmt, io};

use crate::failure::Failure;
use crate::reason::Stopped;

/// Why a wait ended without what it waited for.
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

impl Error for WaitError {}

impl From<Stopped> for WaitError {
    fn from(stopped: Stopped) -> WaitError {
        WaitError::Stopped(stopped)
    }
}

/// A value that could not be sent, and why. The value is not lost.
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

impl<T> Error for SendError<T> {}

/// Why a thread was not started. Its closure has been dropped by the caller.
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
            SpawnError::Stopped(_) | SpawnError::InvalidName => None,
        }
    }
}

/// Why a join has no value to return.
#[derive(Debug)]
#[non_exhaustive]
pub enum JoinError {
    /// The thread returned an error or panicked.
    Failed(Failure),
    /// The thread ended because it was asked to.
    Stopped(Stopped),
    /// The thread cannot end before the caller does.
    WouldDeadlock {
        /// The paths of those who would wait for each other, the caller first.
        cycle: Vec<String>,
    },
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Failed(failure) => failure.fmt(f),
            JoinError::Stopped(stopped) => write!(f, "the thread ended early, {stopped}"),
            JoinError::WouldDeadlock { cycle } => {
                write!(f, "joining would wait for ever: {}", cycle.join(" waits for "))
            }
        }
    }
}

impl Error for JoinError {}
