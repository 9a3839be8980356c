//! Owns what a test plants into a run: at the k-th point, a stop, a panic or a refusal. A point is a wait or a checkpoint.
//! Refuses to know how runs are made and judged: the crate `homebound-testing` does. Without a test nothing of it runs: one flag of a node.

use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use once_cell::sync::OnceCell;

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

    /// Counts a point; what is to be done there, if it is the one.
    pub(crate) fn next_point(&self) -> Option<Seed> {
        (self.points.fetch_add(1, Ordering::Relaxed) + 1 == self.at).then_some(self.seed)
    }

    /// Counts a spawn; true if it is to be refused.
    pub(crate) fn next_spawn(&self) -> bool {
        let number = self.spawns.fetch_add(1, Ordering::Relaxed) + 1;
        self.seed == Seed::Refusal && number == self.at
    }

    pub(crate) fn note(&self, path: &str, what: &'static str, at: &'static Location<'static>) {
        let _once = self.hit.set(Hit { path: path.to_owned(), what, at, when: Instant::now() });
    }
}
