//! Owns what a wait for threads says that takes long: one warning, and one dump if the environment
//! asks for it.
//! Refuses to know how the wait blocks, and to end it.
//!
//! A hang in a test or a library would otherwise say nothing: no registry is there to ask. The
//! waiting thread itself wakes up, and speaks, so that no other thread is needed. Each wait of
//! homebound's that ends when threads do something goes through [`wait`], or drives a scope.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvError, RecvTimeoutError};

use crate::outcome::errors::error::WaitError;
use crate::outcome::words::Span;
use crate::rt::awake;
use crate::rt::contain::log_contained;
use crate::rt::shown::Shown;
use crate::rt::time::after;
use crate::shutdown::hangs;
use crate::stop::calls::Calls;
use crate::stop::node::Node;
use crate::stop::relay::Relay;
use crate::stop::select::until_stopped;
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

/// Blocks by calling `wait` again and again, until it has an answer. `wait` returns `None` at the
/// moment that it is given, or earlier. Says meanwhile what is due. `None` at `end`.
///
/// Runs the program's subscriber, so the caller holds no lock.
pub(crate) fn wait<R>(
    of: For<'_>,
    end: Option<Instant>,
    mut wait: impl FnMut(Option<Instant>) -> Option<R>,
) -> Option<R> {
    // Counted once, from the beginning: how long the caller is ready to wait decides about the
    // warning.
    let left = end.map(|end| end.saturating_duration_since(Instant::now()));
    let mut long = LongWait::new(of, left, awake::now());
    loop {
        // Until the caller's time is over, or until there is something to say, by the clock of the
        // system, which `wait` goes by.
        let answer = wait(end.into_iter().chain(long.next().map(awake::system)).min());
        // An answer at the last moment is an answer: so it comes before the look at the clock.
        if answer.is_some() || end.is_some_and(|end| Instant::now() >= end) {
            return answer;
        }
        long.attend(awake::now());
    }
}

/// Blocks until a thread has ended (true), or until `end` or `gives_up` (false). Pairs with
/// `come_home`, which sets `done` when the result is in its slot.
pub(crate) fn until_done(record: &Arc<Record>, end: Option<Instant>, gives_up: &dyn Fn() -> bool) -> bool {
    let done = wait(For::Thread(record), end, |until| {
        let done = record.done.wait(until, gives_up);
        // Not done, and not given up: the time until the next words is over, and the wait goes on.
        (done || gives_up()).then_some(done)
    });
    done.unwrap_or(false)
}

/// While it lives, a stop of `node` makes the waits of `until_done` for `record` ask again whether
/// they give up.
pub(crate) fn wake_on_stop(record: &Arc<Record>, node: &Arc<Node>) -> Relay {
    let record = Arc::clone(record);
    Relay::new(
        node,
        Box::new(move || {
            // Pairs with `until_done`: each thread that waits at the latch wakes, and asks
            // `gives_up`.
            record.done.look_again();
            Calls::default()
        }),
    )
}

/// Blocks until a message comes from the threads that the caller waits for, or until they have
/// dropped the other end. An error for the stop of `node`, and for `end`.
pub(crate) fn receive<T>(
    of: For<'_>,
    node: &Arc<Node>,
    end: Option<Instant>,
    from: &Receiver<T>,
) -> Result<Result<T, RecvError>, WaitError> {
    let received = wait(of, end, |until| {
        match until_stopped(node, until, |select| select.recv(from), |chosen| chosen.recv(from)) {
            // Of this round. `wait` knows whether the caller's time is over as well.
            Err(WaitError::TimedOut) => None,
            received => Some(received),
        }
    });
    received.unwrap_or(Err(WaitError::TimedOut))
}

/// Blocks until the threads that the caller waits for have dropped the other end.
pub(crate) fn until_gone(of: For<'_>, end: &Receiver<Infallible>) {
    wait(of, None, |until| match until.map(|until| end.recv_deadline(until)) {
        Some(Err(RecvTimeoutError::Timeout)) => None,
        Some(_) => Some(()),
        None => end.recv().err().map(drop),
    });
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
