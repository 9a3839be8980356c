//! Owns the fault that a test plants into a run: at the k-th point, a stop, a panic or a refusal. A
//! point is a wait or a checkpoint.
//! Refuses to know how runs are made and judged: the crate `homebound-testing` does. Without a test
//! none of this runs; one flag of a node says so.

use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use once_cell::sync::OnceCell;

/// The fault that is planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Seed {
    /// No fault: the run is only counted.
    Nothing,
    /// A stop of the whole root, when the point is met.
    Stop,
    /// A panic in the thread that meets the point.
    Panic,
    /// A refusal of the spawn, as if the OS had refused the thread.
    Refusal,
}

/// Counts the points and spawns of one run, and plants its seed at one of them.
#[derive(Debug)]
pub struct Probe {
    seed: Seed,
    /// Number of the point or spawn at which the fault is planted; the first is 1.
    at: usize,
    /// Number of points met so far. Raised by each thread that meets one.
    points: AtomicUsize,
    /// Number of spawns met so far.
    spawns: AtomicUsize,
    /// Set once, by the thread that met the planted point.
    hit: OnceCell<Hit>,
}

/// The place at which the fault was planted.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The path of the thread that met the point.
    pub path: String,
    /// The kind of the wait: "recv", "checkpoint", ..
    pub what: &'static str,
    /// The source line of the wait, checkpoint or spawn.
    pub at: &'static Location<'static>,
    /// When the fault was planted.
    pub when: Instant,
}

impl Probe {
    /// Plants `seed` at the point, or at the spawn, of this number. The first is 1; 0 is none.
    pub fn new(seed: Seed, at: usize) -> Probe {
        let (points, spawns) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Probe { seed, at, points, spawns, hit: OnceCell::new() }
    }

    /// Returns how many waits and checkpoints were met so far.
    pub fn points(&self) -> usize {
        self.points.load(Ordering::Relaxed)
    }

    /// Returns how many spawns were met so far.
    pub fn spawns(&self) -> usize {
        self.spawns.load(Ordering::Relaxed)
    }

    /// Returns where the fault was planted, if it was.
    pub fn hit(&self) -> Option<&Hit> {
        self.hit.get()
    }

    /// Counts a point. Returns the fault if it is planted at this point.
    pub(crate) fn next_point(&self) -> Option<Seed> {
        // Relaxed: the number only has to be different for each point.
        (self.points.fetch_add(1, Ordering::Relaxed) + 1 == self.at).then_some(self.seed)
    }

    /// Counts a spawn. True if this spawn is to be refused.
    pub(crate) fn next_spawn(&self) -> bool {
        let number = self.spawns.fetch_add(1, Ordering::Relaxed) + 1;
        self.seed == Seed::Refusal && number == self.at
    }

    /// Notes the place of the fault.
    pub(crate) fn note(&self, path: &str, what: &'static str, at: &'static Location<'static>) {
        let _once = self.hit.set(Hit { path: path.to_owned(), what, at, when: Instant::now() });
    }
}
