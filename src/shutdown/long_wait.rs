//! Owns the words about a wait for threads that takes long: one warning, and one dump if the
//! environment asks for it.
//! Refuses to know how the wait blocks, and to end it: `thread::blocking` does, or `order` for the
//! end of a scope.
//!
//! Without these words a program that hangs without a registry, such as a test, would say nothing.
//! The waiting thread wakes up and writes them itself, so that no other thread is needed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::outcome::words::Span;
use crate::rt::contain::log_contained;
use crate::rt::shown::Shown;
use crate::rt::time::after;
use crate::shutdown::hangs;
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;

/// The time after which a wait outside of a registry is warned of.
const WARN_AFTER: Duration = Duration::from_secs(5);
/// A wait with a time-out of so much or less is not warned of, because its caller expects it to
/// take long, and hears of its end.
const BOUNDED: Duration = Duration::from_secs(60);
/// Number of threads that the warning names.
const NAMED: usize = 3;

/// What the wait is for.
#[derive(Clone, Copy)]
pub(crate) enum For<'a> {
    /// The threads of this scope.
    Scope(&'a Arc<ScopeCore>),
    Thread(&'a Arc<Record>),
    /// The first end among threads and jobs with these names, by a thread of this scope. The names
    /// are asked for when they are needed, because there may be many.
    First(&'a Arc<ScopeCore>, &'a dyn Fn() -> Vec<String>),
}

impl<'a> For<'a> {
    fn core(self) -> &'a Arc<ScopeCore> {
        match self {
            For::Scope(core) | For::First(core, _) => core,
            For::Thread(record) => &record.core,
        }
    }

    /// `/app/feed`, or `/app (3: a, b, c)`, or `the first of (3: a, b, c)`.
    fn text(self) -> String {
        let (whose, names) = match self {
            For::Thread(record) => return Shown(record.path()).to_string(),
            For::Scope(core) => {
                let live = core.live();
                (core.path(), live.iter().map(|record| record.label.name.to_string()).collect())
            }
            For::First(_, names) => ("the first of", names()),
        };
        let first: Vec<_> = names.iter().take(NAMED).map(|name| Shown(name).to_string()).collect();
        let more = if names.len() > NAMED { ", .." } else { "" };
        format!("{} ({}: {}{more})", Shown(whose), names.len(), first.join(", "))
    }
}

/// A wait, from its beginning on. The moments are of the clock of `awake`.
pub(crate) struct LongWait<'a> {
    of: For<'a>,
    began: Instant,
    /// `None` when it is done; for a wait whose end is near, see [`BOUNDED`]; and under a registry,
    /// which warns of overdue threads itself.
    warn_at: Option<Instant>,
    /// `None` when it is done, or if the environment does not ask for it.
    dump_at: Option<Instant>,
}

impl<'a> LongWait<'a> {
    /// `left`: the time-out of the wait, if it has one.
    pub(crate) fn new(of: For<'a>, left: Option<Duration>, now: Instant) -> LongWait<'a> {
        let is_bounded = left.is_some_and(|left| left <= BOUNDED);
        let warns = !is_bounded && !of.core().root.is_registry();
        LongWait {
            of,
            began: now,
            warn_at: warns.then(|| after(now, WARN_AFTER)),
            dump_at: hangs::limit().map(|limit| after(now, limit)),
        }
    }

    /// When the waiting thread has to call `attend`.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.warn_at.into_iter().chain(self.dump_at).min()
    }

    /// Says what is due. Runs the program's subscriber, so the caller holds no lock.
    pub(crate) fn attend(&mut self, now: Instant) {
        // Each is said once. Taken away before it is said, because a subscriber that panics or
        // takes long must not hear it again.
        if self.warn_at.is_some_and(|at| now >= at) {
            self.warn_at = None;
            self.warn(now);
        }
        if self.dump_at.is_some_and(|at| now >= at) {
            self.dump_at = None;
            self.dump(now);
        }
    }

    fn warn(&self, now: Instant) {
        let (waits_for, waited) = (self.of.text(), Span(now - self.began));
        log_contained(|| {
            tracing::warn!(
                target: "homebound::wait",
                waits_for,
                %waited,
                "a wait takes long; {}",
                hangs::HINT
            );
        });
    }

    fn dump(&self, now: Instant) {
        let cause = || format!("a wait for {} takes {}", self.of.text(), Span(now - self.began));
        hangs::dump(self.of.core(), cause);
    }
}
