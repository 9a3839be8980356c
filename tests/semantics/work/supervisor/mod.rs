//! SV3 to SV10: supervisors.

mod asked;
mod cycles;
mod ends;
mod over;
mod overtaken;
mod shown;
mod start;
mod strategies;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::common::*;
use homebound::work::{ChildState, Restart, Supervisor};
use homebound::{Context, Failure, GaveUp, Result, Scope, ScopeError};

const MINUTE: Duration = Duration::from_secs(60);

/// What happened, in order: `+b` when a run of b begins, `-b` when it has ended.
#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Log {
    fn add(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn text(&self) -> String {
        self.lines().join(" ")
    }

    /// Waits until the log has so many lines.
    fn await_lines(&self, count: usize) {
        eventually(&format!("{count} lines"), || self.lines().len() >= count);
    }

    /// A run that is ready at once, and ends on the stop.
    fn run(&self, name: &str, cx: &Context) -> Result {
        self.add(format!("+{name}"));
        cx.ready();
        let stopped = cx.sleep(NEVER);
        self.add(format!("-{name}"));
        Ok(stopped?)
    }
}

/// A count of how many threads are at one place, and of the most that there were.
#[derive(Default)]
struct Beside(AtomicU64, AtomicU64);

impl Beside {
    fn enter(&self) {
        let now = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.1.fetch_max(now, Ordering::SeqCst);
    }

    fn leave(&self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }

    fn most(&self) -> u64 {
        self.1.load(Ordering::SeqCst)
    }
}

fn gave_up(error: &ScopeError) -> &GaveUp {
    assert_eq!(error.failures().len(), 1, "{error}");
    error.first().and_then(Failure::downcast_ref).unwrap_or_else(|| panic!("{error}"))
}

fn state_of(sup: &Supervisor<'_>, name: &str) -> Option<ChildState> {
    sup.children().iter().find(|child| child.name == name).map(|child| child.state)
}

/// No pauses, and as many restarts as a test needs.
fn at_once() -> Restart {
    Restart::on_failure().no_backoff().intensity(100, MINUTE).give_up_after(100)
}
