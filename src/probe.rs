//! Owns what a test plants into a run: at the k-th point, a stop, a panic or a refusal. A point is a wait or a checkpoint.
//! Refuses to know how runs are made and judged: the crate `homebound-testing` does. Without a test nothing of it runs: one flag of a node.

use std::io;
use std::panic::{Location, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use once_cell::sync::OnceCell;

use crate::context::Context;
use crate::error::SpawnError;
use crate::reason::StopReason;
use crate::record::Record;
use crate::stop::{LIMITED, Node, PROBED, STOPPING};

/// What is planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Seed {
    /// The run is only counted.
    Nothing,
    /// A stop of the whole root.
    Stop,
    /// A panic in the thread that meets the point.
    Panic,
    /// A spawn that fails as if the system had refused the thread.
    Refusal,
}

/// Counts the points and spawns of one run, and plants its seed at one of them.
#[derive(Debug)]
pub struct Probe {
    seed: Seed,
    /// Where: the first is 1.
    at: usize,
    points: AtomicUsize,
    spawns: AtomicUsize,
    hit: OnceCell<Hit>,
}

/// Where it was planted.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Of the thread that met the point.
    pub path: String,
    /// "recv", "checkpoint", ..
    pub what: &'static str,
    /// The source line of the wait, checkpoint or spawn.
    pub at: &'static Location<'static>,
    /// When the seed was planted.
    pub when: Instant,
}

impl Probe {
    /// Plants `seed` at the point, or at the spawn, of this number; the first is 1, and 0 is none.
    pub fn new(seed: Seed, at: usize) -> Probe {
        let (points, spawns) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Probe { seed, at, points, spawns, hit: OnceCell::new() }
    }

    /// How many waits and checkpoints were met so far.
    pub fn points(&self) -> usize {
        self.points.load(Ordering::Relaxed)
    }

    /// How many spawns were met so far.
    pub fn spawns(&self) -> usize {
        self.spawns.load(Ordering::Relaxed)
    }

    /// Where the seed was planted, if it was.
    pub fn hit(&self) -> Option<&Hit> {
        self.hit.get()
    }

    fn note(&self, record: &Record, what: &'static str, at: &'static Location<'static>) {
        let _once = self.hit.set(Hit { path: record.path().to_owned(), what, at, when: Instant::now() });
    }

    fn visit(&self, record: &Arc<Record>, what: &'static str, at: &'static Location<'static>) {
        // What unwinds already may not unwind again; it is no point.
        if std::thread::panicking() || self.points.fetch_add(1, Ordering::Relaxed) + 1 != self.at {
            return;
        }
        match self.seed {
            Seed::Nothing | Seed::Refusal => {}
            Seed::Stop => {
                self.note(record, what, at);
                if let Some(root) = record.core.around().last() {
                    root.node.stop(StopReason::Requested { at });
                }
            }
            Seed::Panic => {
                self.note(record, what, at);
                // Past the hook: there may be hundreds, and each is wanted.
                resume_unwind(Box::new(format!("planted at {at}, in {what}")));
            }
        }
    }

    fn refuse(&self, record: &Record) -> Result<(), SpawnError> {
        let number = self.spawns.fetch_add(1, Ordering::Relaxed) + 1;
        if self.seed != Seed::Refusal || number != self.at {
            return Ok(());
        }
        self.note(record, "spawn", record.label.at);
        Err(SpawnError::Os(io::Error::new(io::ErrorKind::WouldBlock, "planted refusal of a thread")))
    }
}

impl Node {
    /// Whether it is stopping; `None` if that takes more than a look: a clock, or a probe.
    #[inline]
    pub(crate) fn plainly_stopping(&self) -> Option<bool> {
        let flags = self.flags.load();
        (flags & (LIMITED | PROBED) == 0).then_some(flags & STOPPING != 0)
    }

    #[inline]
    pub(crate) fn is_probed(&self) -> bool {
        self.flags.load() & PROBED != 0
    }

    pub(crate) fn set_probed(&self) {
        self.flags.set(PROBED);
    }

    pub(crate) fn inherit_probe(&self, from: &Node) {
        if from.is_probed() {
            self.set_probed();
        }
    }
}

impl Context {
    /// Here the context waits, or asks: something may be planted here.
    #[inline]
    pub(crate) fn point(&self, what: &'static str, at: &'static Location<'static>) {
        if self.node().is_probed() {
            visit(self.record(), what, at);
        }
    }
}

#[cold]
pub(crate) fn visit(record: &Arc<Record>, what: &'static str, at: &'static Location<'static>) {
    if let Some(probe) = record.core.root.probe.get() {
        probe.visit(record, what, at);
    }
}

/// What the OS might say to the spawn of this thread.
pub(crate) fn may_spawn(record: &Record) -> Result<(), SpawnError> {
    match record.core.root.probe.get().filter(|_| record.node.is_probed()) {
        Some(probe) => probe.refuse(record),
        None => Ok(()),
    }
}
