//! Owns the result of a search for trouble: how much was tried, or the fault and its place.
//! Refuses to know how it was found.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::leaks::Leaks;
use homebound::for_testing::{Hit, Seed};
use homebound::{ScopeError, ShutdownReport};

/// How a program was tried without trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Everywhere {
    /// Waits and checkpoints in the unchanged run.
    pub points: usize,
    /// Spawns in the unchanged run.
    pub spawns: usize,
    /// Runs with a stop.
    pub stops: usize,
    /// Runs with a panic.
    pub panics: usize,
    /// Runs with a refused spawn.
    pub refusals: usize,
}

impl fmt::Display for Everywhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Everywhere { points, spawns, stops, panics, refusals } = self;
        write!(f, "{points} points and {spawns} spawns: {stops} stops, {panics} panics, {refusals} refusals")
    }
}

/// The event that was planted into a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Planted {
    /// None: the unchanged program.
    Nothing,
    /// A stop of the whole program.
    Stop,
    /// A panic in the thread that met the point.
    Panic,
    /// A spawn that fails as if the OS had refused it.
    Refusal,
}

impl Planted {
    pub(super) fn seed(self) -> Seed {
        match self {
            Planted::Nothing => Seed::Nothing,
            Planted::Stop => Seed::Stop,
            Planted::Panic => Seed::Panic,
            Planted::Refusal => Seed::Refusal,
        }
    }
}

/// The fault of a run.
#[derive(Debug)]
#[non_exhaustive]
pub enum Wrong {
    /// The program failed, though at most a stop was planted.
    Failed(ScopeError),
    /// Its body panicked, though at most a stop was planted.
    Panicked(String),
    /// Threads did not come home within the limit.
    Overdue(ShutdownReport),
    /// Nothing happened for this long, though the unchanged program ends by itself.
    Stuck(Duration),
    /// All threads came home, but only after this time.
    Late(Duration),
    /// Threads were left behind.
    Leaked(Leaks),
}

/// The point at which a program does not stand the planted event.
pub struct Trouble(Box<Details>);

struct Details {
    planted: Planted,
    k: usize,
    hit: Option<Hit>,
    wrong: Wrong,
}

impl Trouble {
    pub(super) fn new(planted: Planted, k: usize, hit: Option<Hit>, wrong: Wrong) -> Trouble {
        Trouble(Box::new(Details { planted, k, hit, wrong }))
    }

    /// The planted event.
    pub fn planted(&self) -> Planted {
        self.0.planted
    }

    /// The number of the point, or of the spawn, from 1; 0 if nothing was planted.
    pub fn k(&self) -> usize {
        self.0.k
    }

    /// The path of the thread that met the point.
    pub fn thread(&self) -> Option<&str> {
        self.0.hit.as_ref().map(|hit| hit.path.as_str())
    }

    /// The source line of the wait, checkpoint or spawn.
    pub fn at(&self) -> Option<&'static Location<'static>> {
        self.0.hit.as_ref().map(|hit| hit.at)
    }

    /// The fault.
    pub fn wrong(&self) -> &Wrong {
        &self.0.wrong
    }
}

impl std::error::Error for Trouble {}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { planted, k, hit, wrong } = &*self.0;
        match (planted, hit) {
            (_, None) => f.write_str("with nothing planted")?,
            (Planted::Refusal, Some(hit)) => write!(f, "with spawn {k} refused, {}", place(hit))?,
            (Planted::Panic, Some(hit)) => write!(f, "with a panic at point {k}, {}", place(hit))?,
            (Planted::Stop | Planted::Nothing, Some(hit)) => {
                write!(f, "with a stop at point {k}, {}", place(hit))?;
            }
        }
        match wrong {
            Wrong::Failed(error) => write!(f, ": the program failed: {error}"),
            Wrong::Panicked(text) => write!(f, ": its body panicked: {text}"),
            Wrong::Overdue(report) => write!(f, ": not all came home in time: {report}"),
            Wrong::Stuck(quiet) => {
                write!(f, ": for {quiet:?} nothing happened any more; it had to be stopped")
            }
            Wrong::Late(took) => write!(f, ": all came home, but after {took:?}"),
            Wrong::Leaked(leaks) => write!(f, ": {leaks}"),
        }
    }
}

/// Like `Display`, because `unwrap` and a failing test print it.
impl fmt::Debug for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The point, for people.
pub(super) fn place(hit: &Hit) -> String {
    format!("{} of {} at {}", hit.what, hit.path, hit.at)
}
