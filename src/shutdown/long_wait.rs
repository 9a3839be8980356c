//! Owns what a wait says that takes long: one warning, and one dump if the environment asks for it.
//! Refuses to wait, and to end a wait.
//!
//! A hang in a test or a library would otherwise say nothing: no registry is there to ask. The
//! waiting thread itself wakes up, and speaks, so that no other thread is needed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use once_cell::sync::Lazy;

use crate::outcome::dump::Dump;
use crate::outcome::words::Span;
use crate::rt::contain::log_contained;
use crate::rt::shown::{Shown, shown};
use crate::rt::time::after;
use crate::sight::examine::{self, Files};
use crate::sys;
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;

/// The time after which a wait outside of a registry is warned of.
const WARN_AFTER: Duration = Duration::from_secs(5);
/// The time that stderr has to take the dump.
const PATIENCE: Duration = Duration::from_secs(1);
/// Number of threads that the warning names.
const NAMED: usize = 3;

/// The environment's wish for a dump: `10s`, `500ms`, `2m`, or a number of seconds.
const DUMP_AFTER: &str = "HOMEBOUND_DUMP_AFTER";

/// Read once, by the first wait that takes more than a moment.
static ASKED: Lazy<Option<Duration>> = Lazy::new(asked);

fn asked() -> Option<Duration> {
    let text = std::env::var(DUMP_AFTER).ok()?;
    let parsed = parse(&text);
    if parsed.is_none() {
        log_contained(|| {
            let value = &*shown(&text);
            tracing::warn!(target: "homebound::wait", value, "{DUMP_AFTER} is no time such as 10s or 500ms");
        });
    }
    parsed
}

fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = digits.parse().ok()?;
    match unit.trim() {
        "ms" => Some(Duration::from_millis(number)),
        "" | "s" => Some(Duration::from_secs(number)),
        "m" | "min" => Some(Duration::from_secs(number.checked_mul(60)?)),
        _ => None,
    }
}

/// What the wait is for.
#[derive(Clone, Copy)]
pub(crate) enum For<'a> {
    /// All threads of this scope.
    Scope(&'a Arc<ScopeCore>),
    Thread(&'a Arc<Record>),
}

impl<'a> For<'a> {
    fn core(self) -> &'a Arc<ScopeCore> {
        match self {
            For::Scope(core) => core,
            For::Thread(record) => &record.core,
        }
    }

    /// `/app/feed`, or `/app (3: a, b, c)`.
    fn text(self) -> String {
        let core = match self {
            For::Thread(record) => return Shown(record.path()).to_string(),
            For::Scope(core) => core,
        };
        let live = core.live();
        let names: Vec<_> =
            live.iter().take(NAMED).map(|record| Shown(&*record.label.name).to_string()).collect();
        let more = if live.len() > NAMED { ", .." } else { "" };
        format!("{} ({}: {}{more})", Shown(core.path()), live.len(), names.join(", "))
    }
}

/// A wait, from its beginning on. The moments are of the clock of `awake`.
pub(crate) struct LongWait<'a> {
    of: For<'a>,
    began: Instant,
    /// `None` when it is done, and under a registry, which warns of overdue threads itself.
    warn_at: Option<Instant>,
    /// `None` when it is done, or if the environment does not ask for it.
    dump_at: Option<Instant>,
}

impl<'a> LongWait<'a> {
    pub(crate) fn new(of: For<'a>, now: Instant) -> LongWait<'a> {
        let is_registry = of.core().root.is_registry();
        LongWait {
            of,
            began: now,
            warn_at: (!is_registry).then(|| after(now, WARN_AFTER)),
            dump_at: (*ASKED).map(|limit| after(now, limit)),
        }
    }

    /// When the waiting thread has to call `attend`.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.warn_at.into_iter().chain(self.dump_at).min()
    }

    /// Says what is due. Runs the program's subscriber, so the caller holds no lock.
    pub(crate) fn attend(&mut self, now: Instant) {
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
                "a wait takes long; {DUMP_AFTER}=10s in the environment prints what the threads do"
            );
        });
    }

    /// Once for a root, because scopes inside of scopes wait as long as each other.
    fn dump(&self, now: Instant) {
        let Some(root) = self.of.core().root.core() else { return };
        if root.root.was_dumped.swap(true, Ordering::AcqRel) {
            return;
        }
        let cause = format!("a wait for {} takes {} ({DUMP_AFTER})", self.of.text(), Span(now - self.began));
        let dump = Dump { snapshot: &examine::dump(&root, Files::All), cause: &cause, report: None };
        let _missing_is_said = sys::write_stderr(dump.to_string().as_bytes(), PATIENCE);
    }
}
