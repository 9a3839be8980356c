//! Owns why a thread that should become ready has not.
//! Refuses to decide that: `work::ready` does.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::outcome::errors::error::SpawnError;
use crate::outcome::errors::failure::Failure;
use crate::outcome::stopped::Stopped;
use crate::outcome::words::Span;

/// Why [`ThreadBuilder::start`](crate::ThreadBuilder::start) has no thread that is ready.
///
/// ```
/// use homebound::StartError;
/// use std::net::TcpListener;
/// use std::time::Duration;
///
/// homebound::scope(|scope| {
///     let taken = TcpListener::bind("127.0.0.1:0")?;
///     let address = taken.local_addr()?;
///     let server = scope.thread("web", "serves pages");
///     let started = server.start(Duration::from_secs(5), move |cx, ready| {
///         let listener = TcpListener::bind(address)?; // is taken
///         ready.set(listener.local_addr()?);
///         Ok(drop(cx.wait_for_stop()))
///     });
///     match started {
///         Ok((_server, address)) => println!("serves {address}"),
///         Err(StartError::Failed(failure)) => println!("try another port: {failure}"),
///         Err(error) => Err(error)?,
///     }
///     Ok(()) // a failure before the thread was ready is not the scope's
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The thread failed before it was ready. The scope has not listed the failure; if this error
    /// is passed on by `?`, it is listed once.
    Failed(Failure),
    /// The thread returned, or dropped its `Ready`, without being ready.
    NotReady,
    /// The thread was not ready in time. It has been told to stop, and stays in its scope until it
    /// is home.
    TimedOut {
        /// The limit that was given to `start`.
        limit: Duration,
    },
    /// The starter was asked to stop, and so was the thread. Or the thread alone was, or its scope,
    /// which admits no thread any more.
    Stopped(Stopped),
    /// The thread was not spawned, for another reason than a stop.
    Spawn(SpawnError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Failed(failure) => failure.fmt(f),
            StartError::NotReady => f.write_str("the thread did not say that it is ready"),
            StartError::TimedOut { limit } => {
                write!(f, "the thread was not ready within {}, and has been told to stop", Span(*limit))
            }
            StartError::Stopped(stopped) => write!(f, "not started, {stopped}"),
            StartError::Spawn(error) => error.fmt(f),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            StartError::Failed(failure) => Some(failure),
            StartError::Stopped(stopped) => Some(stopped),
            StartError::Spawn(error) => Some(error),
            StartError::NotReady | StartError::TimedOut { .. } => None,
        }
    }
}

impl From<SpawnError> for StartError {
    fn from(error: SpawnError) -> StartError {
        StartError::Spawn(error)
    }
}

impl From<Stopped> for StartError {
    fn from(stopped: Stopped) -> StartError {
        StartError::Stopped(stopped)
    }
}
