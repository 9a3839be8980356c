//! Owns the settings of a child process as its thread gets them, and the thread's one answer to the
//! spawner.
//! Refuses to act on either: `builder` makes the settings, `supervise` follows them.

use std::borrow::Cow;
use std::io;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::process::leader::ChildState;
use crate::process::lines::LineQueue;
use crate::sys::child::{Leads, Pipes};

/// Number of characters of a command that are shown.
const SHOWN: usize = 200;

/// What it means that a child ends without having been asked to.
///
/// A child was asked to end if its scope or [`Process::stop`](crate::Process::stop) stopped it, or
/// if it ended by a signal that [`Process::signal`](crate::Process::signal) sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnExit {
    /// An exit code other than 0, or an end by a signal, is a failure of the scope: a
    /// [`ProcessFailed`](crate::ProcessFailed).
    #[default]
    Fail,
    /// Nothing. [`Process::wait`](crate::Process::wait) returns the status.
    Ignore,
    /// As `Fail`. In addition, every end of the child, also with code 0, stops the scope, with
    /// [`StopReason::Vital`](crate::StopReason::Vital).
    StopScope,
}

/// The settings of a child, as its thread gets them from the builder.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) command: Command,
    /// The command as dumps and errors show it.
    pub(crate) text: String,
    pub(crate) leads: Leads,
    /// Time from SIGTERM to SIGKILL.
    pub(crate) grace: Duration,
    pub(crate) on_exit: OnExit,
    /// For output and errors, if they are read as lines. Otherwise the spawner gets the pipes.
    pub(crate) lines: Option<[LineQueue; 2]>,
    pub(crate) shared: Arc<ChildState>,
}

/// The one answer to the spawner: the pipes of the child, or why there is no child.
pub(crate) type Started = std::result::Result<Pipes, Refusal>;

/// Why there is no child.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The thread was asked to stop before it forked.
    Stopped,
    /// The system refused the fork, the program, or a descriptor.
    Os(io::Error),
}

/// The program and its arguments in one line, for dumps and errors. The environment is left out,
/// because it may hold secrets.
pub(crate) fn describe(command: &Command) -> String {
    let mut text = String::new();
    for word in std::iter::once(command.get_program()).chain(command.get_args()) {
        let word = word.to_string_lossy();
        let plain = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_./:=+,@%".contains(c));
        text.push_str(if text.is_empty() { "" } else { " " });
        text.push_str(&if plain { word } else { Cow::Owned(format!("{word:?}")) });
    }
    // Cut between two characters, because a slice within one would panic.
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}..", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
