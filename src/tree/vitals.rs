//! Owns what the health looks of a registry need of a thread: what the thread has said to expect of
//! it, its last sign of progress, and the patience that it has asked for.
//! Refuses to look at a thread, and to judge it: `sight::health` does.

use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::rt::time::after;
use crate::sync::Mutex;

/// What one thread has told of itself. A thread that has told nothing has none.
#[derive(Default)]
pub(crate) struct Vitals {
    /// A sign of progress is to be expected this often. Never changes.
    every: Option<Duration>,
    told: Mutex<Told>,
}

/// Written by the thread (or through a context of it), read by the looks.
#[derive(Default)]
struct Told {
    /// The last sign of progress, and its line if it has one. `None` before the first.
    progress: Option<(Instant, Option<&'static Location<'static>>)>,
    /// The patience, if the thread is inside of one.
    patience: Option<Patience>,
}

/// A time in which a thread need give no sign of progress: from the beginning of the outermost
/// patience to the latest end.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    began: Instant,
    end: Instant,
}

impl Patience {
    /// When it is over. A suspension of the process that has ended at `awake_since`, after the
    /// beginning, has taken an unknown part of the time, so the time begins anew.
    pub(crate) fn end(self, awake_since: Option<Instant>) -> Instant {
        let whole = self.end.saturating_duration_since(self.began);
        let awake_since = awake_since.filter(|at| *at > self.began);
        awake_since.map_or(self.end, |at| after(at, whole).max(self.end))
    }
}

impl Vitals {
    pub(crate) fn expecting(every: Duration) -> Arc<Vitals> {
        Arc::new(Vitals { every: Some(every), told: Mutex::default() })
    }

    pub(crate) fn every(&self) -> Option<Duration> {
        self.every
    }

    /// Notes a sign of progress.
    pub(super) fn progress(&self, at: Option<&'static Location<'static>>) {
        let now = Instant::now();
        let mut told = self.told.lock();
        let line = at.or(told.progress.and_then(|(_, line)| line));
        told.progress = Some((now, line));
    }

    /// The moment of the last sign of progress, and its line.
    pub(crate) fn last(&self) -> Option<(Instant, Option<&'static Location<'static>>)> {
        self.told.lock().progress
    }

    /// The patience that the thread has asked for.
    pub(crate) fn patience(&self) -> Option<Patience> {
        self.told.lock().patience
    }

    /// Runs `f` inside of a patience of `max`.
    pub(super) fn patiently<R>(&self, max: Duration, f: impl FnOnce() -> R) -> R {
        let outer = self.be_patient(max);
        // On every way out, a panic of `f` included.
        let _end = scopeguard::guard(outer, |outer| {
            self.told.lock().patience = outer;
            self.progress(None);
        });
        f()
    }

    /// Begins a patience of `max`. An outer patience that ends later
    /// holds. Returns the outer patience, to put back.
    fn be_patient(&self, max: Duration) -> Option<Patience> {
        let now = Instant::now();
        let end = after(now, max);
        let mut told = self.told.lock();
        let outer = told.patience;
        told.patience = Some(match outer {
            Some(outer) => Patience { end: end.max(outer.end), ..outer },
            None => Patience { began: now, end },
        });
        // A thread that asks for it runs.
        told.progress = Some((now, told.progress.and_then(|(_, line)| line)));
        outer
    }
}
