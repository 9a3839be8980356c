//! Owns the present wait of a thread, as data: what the thread waits for, since when, and where.
//! Refuses to wait, and to enter a wait: `wait_mark` does.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use crate::outcome::report::shutdown::HeldBy;
use crate::outcome::status::id::ScopeId;
use crate::outcome::words::ITS_THREADS;
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;

/// What a thread waits on, from when, and at which source line.
#[derive(Clone)]
pub(crate) struct Wait {
    pub(crate) what: &'static str,
    pub(crate) at: &'static Location<'static>,
    pub(crate) since: Instant,
    pub(crate) of: Of,
}

/// What the wait is for.
#[derive(Clone)]
pub(crate) enum Of {
    /// For no thread: a message, a moment, a descriptor.
    Nobody,
    /// For something that homebound does not see. The program has described it.
    Outside,
    Thread(Arc<Record>),
    /// For the first end among this many threads.
    Any(usize),
    Scope(Arc<ScopeCore>),
    /// For the moment at which this run of the waiting thread begins.
    Run(u64),
}

impl Of {
    /// The thread or the scope, as a report shows it after the wait is over.
    pub(crate) fn held_by(&self) -> Option<HeldBy> {
        match self {
            Of::Thread(record) => {
                Some(HeldBy { thread: Some(record.id), scope: None, path: record.path().to_owned() })
            }
            Of::Scope(core) => {
                Some(HeldBy { thread: None, scope: Some(ScopeId(core.id)), path: core.path().to_owned() })
            }
            Of::Nobody | Of::Outside | Of::Any(_) | Of::Run(_) => None,
        }
    }
}

impl fmt::Display for Wait {
    /// Takes no lock, because a report is made under the lock of a scope.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        match &self.of {
            Of::Thread(record) => write!(f, " of {}", record.path())?,
            Of::Any(count) => write!(f, " of {count} threads")?,
            Of::Scope(core) if self.what != ITS_THREADS => write!(f, " {}", core.path())?,
            Of::Run(number) => write!(f, " {number}")?,
            Of::Scope(_) | Of::Nobody | Of::Outside => {}
        }
        write!(f, " at {}", self.at)
    }
}

/// The wait of a thread. Under a lock of the record.
#[derive(Default)]
pub(super) struct Waits {
    /// Kind and line of the present wait, or else of the wait that ended last.
    pub(super) line: Option<Line>,
    /// Since when the thread waits, and what for; `None` if it does not wait.
    now: Option<(Instant, Of)>,
}

/// The kind of a wait, and its line.
pub(crate) type Line = (&'static str, &'static Location<'static>);

impl Waits {
    /// Begins a wait, or goes back to an outer one, or to none. Returns the wait before.
    pub(super) fn set(&mut self, wait: Option<Wait>) -> Option<Wait> {
        let before = self.line.zip(self.now.take());
        if let Some(Wait { what, at, since, of }) = wait {
            (self.line, self.now) = (Some((what, at)), Some((since, of)));
        }
        before.map(|((what, at), (since, of))| Wait { what, at, since, of })
    }

    pub(super) fn now(&self) -> Option<Wait> {
        let ((what, at), (since, of)) = self.line.zip(self.now.clone())?;
        Some(Wait { what, at, since, of })
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.now.is_some()
    }
}
