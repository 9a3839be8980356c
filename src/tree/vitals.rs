//! Owns what the health looks of a registry need of a thread: what the thread has said to expect of
//! it, its last sign of progress, and the patience that it has asked for. Owns the board, too, on
//! which the looks leave their findings for views.
//! Refuses to look at a thread, and to judge it: `registry::health` does.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::outcome::status::pulse::{Alarm, Pulse};
use crate::outcome::status::snapshot::Role;
use crate::rt::index::Index;
use crate::rt::time::after;
use crate::sync::{Mutex, locks};
use crate::tree::record::{Record, Wait};

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
    /// The end of the patience, if the thread is inside of one.
    until: Option<Instant>,
}

impl Vitals {
    pub(crate) fn expecting(every: Duration) -> Arc<Vitals> {
        Arc::new(Vitals { every: Some(every), told: Mutex::default() })
    }

    pub(crate) fn every(&self) -> Option<Duration> {
        self.every
    }

    /// Notes a sign of progress.
    fn progress(&self, at: Option<&'static Location<'static>>) {
        let now = Instant::now();
        let mut told = self.told.lock();
        let line = at.or(told.progress.and_then(|(_, line)| line));
        told.progress = Some((now, line));
    }

    /// The moment of the last sign of progress, and its line.
    pub(crate) fn last(&self) -> Option<(Instant, Option<&'static Location<'static>>)> {
        self.told.lock().progress
    }

    /// The end of the patience that the thread has asked for.
    pub(crate) fn patience(&self) -> Option<Instant> {
        self.told.lock().until
    }

    /// Begins a patience of `max`. An outer patience that ends later
    /// holds. Returns the end of the outer patience, to put back.
    fn be_patient(&self, max: Duration) -> Option<Instant> {
        let until = after(Instant::now(), max);
        let mut told = self.told.lock();
        let outer = told.until;
        told.until = outer.into_iter().chain([until]).max();
        // A thread that asks for it runs.
        told.progress = Some((Instant::now(), told.progress.and_then(|(_, line)| line)));
        outer
    }
}

impl Record {
    /// Notes a sign of progress, if the thread has said what to expect of it.
    #[inline]
    pub(crate) fn progress(&self, at: Option<&'static Location<'static>>) {
        if let Some(vitals) = self.vitals.get() {
            vitals.progress(at);
        }
    }

    /// True if the thread has said what to expect of it.
    pub(crate) fn expects(&self) -> bool {
        self.vitals.get().is_some_and(|vitals| vitals.every.is_some())
    }

    /// Says what to expect of the thread. Called before another thread knows the record.
    pub(crate) fn set_vitals(&self, vitals: Arc<Vitals>) {
        let _set_once = self.vitals.set(vitals);
        self.node.set_noted();
    }

    /// Runs `f`, which may take `max` without a sign of progress. Its beginning and its end are
    /// such signs.
    pub(crate) fn patience<R>(&self, max: Duration, f: impl FnOnce() -> R) -> R {
        let vitals = Arc::clone(self.vitals.get_or_init(Arc::default));
        let outer = vitals.be_patient(max);
        // On every way out, a panic of `f` included.
        let _end = scopeguard::guard((vitals, outer), |(vitals, outer)| {
            vitals.told.lock().until = outer;
            vitals.progress(None);
        });
        f()
    }
}

/// What the looks have found about a thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct Finding {
    pub(crate) pulse: Option<Pulse>,
    pub(crate) alarm: Option<Alarm>,
}

/// The findings of the last look, for views. Written by *stopper* after each look.
#[derive(Default)]
pub(crate) struct Board {
    /// The looks read the kernel, so a wait of homebound's may be called one.
    seeing: AtomicBool,
    /// Set when a thread is started that has said what to expect of it; cleared by the looks.
    news: AtomicBool,
    /// Number of threads that are stuck.
    stuck: AtomicUsize,
    found: locks::Mutex<Index<Finding>>,
    /// Why the kernel cannot be read, if that is so.
    blind: locks::Mutex<Option<String>>,
}

impl Board {
    /// Puts up the findings of a look, in the place of the old ones. `blind` says why the kernel
    /// could not be read; `None` if it was read.
    pub(crate) fn put_up(&self, found: Index<Finding>, sees: bool, blind: Option<String>) {
        let stuck = crate::outcome::status::pulse::AlarmLevel::Stuck;
        let is_stuck = |finding: &&Finding| finding.alarm.as_ref().is_some_and(|alarm| alarm.level == stuck);
        self.stuck.store(found.values().filter(is_stuck).count(), Ordering::Release);
        let before = std::mem::replace(&mut *self.found.lock(), found);
        drop(before);
        self.seeing.store(sees, Ordering::Release);
        *self.blind.lock() = blind;
    }

    /// True if a thread of the root is stuck, by the last look.
    pub(crate) fn is_any_stuck(&self) -> bool {
        self.stuck.load(Ordering::Acquire) > 0
    }

    /// What views show of a thread, whose present wait is `wait`.
    pub(crate) fn of(&self, record: &Record, wait: Option<&Wait>) -> Finding {
        let mut finding = self.found.lock().get(record.id.0).cloned().unwrap_or_default();
        let hosted = matches!(record.role, Role::Adopted | Role::Guest);
        if wait.is_some() && !hosted && self.seeing.load(Ordering::Acquire) {
            // Newer than the look.
            finding.pulse = Some(Pulse::Waits);
        }
        finding
    }

    /// Why the looks cannot read the kernel.
    pub(crate) fn blind(&self) -> Option<String> {
        self.blind.lock().clone()
    }

    /// Called after a thread was started that has said what to expect of it. The caller wakes
    /// *stopper* next. Pairs with `take_news`.
    pub(crate) fn has_news(&self) {
        self.news.store(true, Ordering::Release);
    }

    /// For the looks: true once after `has_news`.
    pub(crate) fn take_news(&self) -> bool {
        self.news.load(Ordering::Acquire) && self.news.swap(false, Ordering::AcqRel)
    }
}
