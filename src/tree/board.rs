//! Owns the findings of the health looks of a registry, on a board for views.
//! Refuses to look at a thread, and to judge it: `sight::health` does.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::outcome::status::id::ThreadId;
use crate::outcome::status::pulse::{Alarm, AlarmLevel, Pulse};
use crate::outcome::status::snapshot::Role;
use crate::rt::index::Index;
use crate::sync::locks;

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

/// Number of threads that dumps remember as asleep. If there are more, all are forgotten.
const REMEMBERED: usize = 4096;

/// The findings of the last look, for views. Written by *stopper* after each look.
#[derive(Default)]
pub(crate) struct Board {
    /// True if the program has asked for looks at all threads, and the kernel can be read. Only
    /// then does a thread have a pulse. Written by `put_up`, read by `of`.
    seeing: AtomicBool,
    /// Set when a thread is started that has said what to expect of it; cleared by the looks.
    news: AtomicBool,
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
        let is_stuck =
            |finding: &&Finding| finding.alarm.as_ref().is_some_and(|alarm| alarm.level == AlarmLevel::Stuck);
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

    /// The finding that views show of a thread. `waits`: the thread is in a wait of homebound's
    /// now.
    pub(crate) fn of(&self, id: ThreadId, role: Role, waits: bool) -> Finding {
        let mut finding = self.found.lock().get(id.0).cloned().unwrap_or_default();
        let hosted = matches!(role, Role::Adopted | Role::Guest);
        if waits && !hosted && self.seeing.load(Ordering::Acquire) {
            // The caller has read the wait after the last look, so the wait is newer than the
            // finding.
            finding.pulse = Some(Pulse::Waits);
        }
        finding
    }

    /// The earliest moment since which a thread is known to have slept. The thread is asleep `now`,
    /// and `ran` is what the kernel has counted of it. It has slept since the first look that found
    /// the same numbers: a health look, or an earlier view.
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
