//! Owns what the health looks of a registry need of a thread: what the thread has said to expect of
//! it, its last sign of progress, and the patience that it has asked for. Owns the board, too, on
//! which the looks leave their findings for views.
//! Refuses to look at a thread, and to judge it: `sight::health` does.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::outcome::status::id::ThreadId;
use crate::outcome::status::pulse::{Alarm, Pulse};
use crate::outcome::status::snapshot::Role;
use crate::rt::index::Index;
use crate::rt::time::after;
use crate::stop::wakeups::Calls;
use crate::sync::{Mutex, OnceCell, locks};
use crate::tree::core::ScopeCore;
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

    /// The patience that the thread has asked for.
    pub(crate) fn patience(&self) -> Option<Patience> {
        self.told.lock().patience
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

impl Record {
    /// Notes a sign of progress, if the thread has said what to expect of it.
    #[inline]
    pub(crate) fn progress(&self, at: Option<&'static Location<'static>>) {
        if let Some(vitals) = self.vitals() {
            vitals.progress(at);
        }
    }

    /// True if the thread has said what to expect of it.
    pub(crate) fn expects(&self) -> bool {
        self.vitals().is_some_and(|vitals| vitals.every.is_some())
    }

    /// Says what to expect of the thread. Called before another thread knows the record.
    pub(crate) fn set_vitals(&self, vitals: Arc<Vitals>) {
        let _set_once = self.extras().vitals.set(vitals);
        self.node.set_noted();
    }

    /// Runs `f`, which may take `max` without a sign of progress. Its beginning and its end are
    /// such signs.
    pub(crate) fn patience<R>(&self, max: Duration, f: impl FnOnce() -> R) -> R {
        let vitals = Arc::clone(self.extras().vitals.get_or_init(Arc::default));
        let outer = vitals.be_patient(max);
        // On every way out, a panic of `f` included.
        let _end = scopeguard::guard((vitals, outer), |(vitals, outer)| {
            vitals.told.lock().patience = outer;
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
    pub(crate) still: Option<Still>,
}

/// What the kernel has counted of a thread: its processor time, and how often it came to a
/// processor. And the first look that has found these numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Still {
    pub(crate) ran: (Duration, u64),
    pub(crate) since: Instant,
}

/// The health looks of a registry, in the hands of *stopper*. They are behind a pointer, so that a
/// program that asks for none has no code of them.
pub(crate) trait Looking {
    /// Looks at the tree below `core`, if a look is due. Returns when the next is. Lines join
    /// `calls`. `end` is called for a thread whose state ends the process with this code, before
    /// the line about it is added; what it returns is to follow the line.
    fn attend(
        &mut self,
        core: &Arc<ScopeCore>,
        now: Instant,
        end: &dyn Fn(&Record, u8) -> Calls,
        calls: &mut Calls,
    ) -> Option<Instant>;
}

/// Makes the looks at threads that have said what to expect of them.
pub(crate) type MakeLooks = fn() -> Box<dyn Looking>;

/// Number of threads that dumps remember as asleep. If there are more, all are forgotten.
const REMEMBERED: usize = 4096;

/// The findings of the last look, for views. Written by *stopper* after each look.
#[derive(Default)]
pub(crate) struct Board {
    /// The looks read the kernel, so a wait of homebound's may be called one.
    seeing: AtomicBool,
    /// Set when a thread is started that has said what to expect of it; cleared by the looks.
    news: AtomicBool,
    /// Set by the first thread that says what to expect of it, before `news`; read by *stopper*.
    pub(crate) looks: OnceCell<MakeLooks>,
    /// Number of threads that are stuck.
    stuck: AtomicUsize,
    found: locks::Mutex<Index<Finding>>,
    /// What dumps and other views have found of threads that slept.
    asleep: locks::Mutex<Index<Still>>,
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

    /// Since when a thread has been asleep at least, which is asleep `now`, and of which the kernel
    /// has counted `ran`: the first look that has found the same, a health look or an earlier view.
    pub(crate) fn asleep_since(&self, id: ThreadId, ran: (Duration, u64), now: Instant) -> Instant {
        let of_looks = self.found.lock().get(id.0).and_then(|finding| finding.still);
        let mut asleep = self.asleep.lock();
        if asleep.len() >= REMEMBERED {
            *asleep = Index::new();
        }
        let still = asleep.get_or_insert_with(id.0, || Still { ran, since: now });
        if still.ran != ran {
            *still = Still { ran, since: now };
        }
        let known = of_looks.filter(|known| known.ran == ran).map(|known| known.since);
        known.into_iter().chain([still.since]).min().unwrap_or(now)
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
