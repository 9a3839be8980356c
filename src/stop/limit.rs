//! Owns the arithmetic of deadlines and shields: when a limited context ends, and why.
//! Refuses to mark anything, which `mark` does, and to keep time, which the root's timer does.
//!
//! A *limit* is a deadline or a shield. The end of a deadline is known when it is made. The end of
//! a shield is known when the stop that it hides has begun, or is known to begin, at a deadline.
//! The *alert* tells that to the listeners of the limit: see `alert`.

use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use crate::outcome::reason::{Stop, StopReason};
use crate::rt::awake;
use crate::rt::time::after;
use crate::stop::calls::Calls;
use crate::stop::node::Node;
use crate::sync::{Mutex, OnceCell};
use crate::sys::Event;

/// Marks a limited node when its end has come.
pub(crate) trait Timer: Send + Sync {
    /// Notes that `node` ends `at`, by the clock of `awake`. May start a thread. Runs no code of
    /// the program's: the log of a refusal by the OS is among the calls.
    fn arm(&self, at: Instant, key: u64, node: Weak<Node>) -> Calls;
    /// Takes back what `arm` noted for the same moment and key, if it is still there.
    fn disarm(&self, at: Instant, key: u64);
}

/// A field without a lock and without a cell is fixed when the limit is made.
pub(crate) struct Limit {
    kind: LimitKind,
    /// The node of the context that the limit was made in.
    outer: Arc<Node>,
    /// The node of the thread or scope that this limit and all limits around are in.
    base: Arc<Node>,
    /// The limit is a shield or inside a shield, so its end may become known later, or become an
    /// earlier one.
    hides: bool,
    /// The earliest deadline set here or around, by the clock of `awake`. A shield moves none.
    earliest: Option<Instant>,
    /// Written by `learn` and `stopped`, read by listeners and by limits inside.
    known: Mutex<Known>,
    alarm_clock: AlarmClock,
    /// The ways by which waiters hear that the end became known.
    pub(super) alert: Alert,
}

enum LimitKind {
    /// Ends at this instant, by the clock of `awake`.
    Deadline(Instant),
    /// Hides a stop for `max`, counted from the later of `entry` and the stop. `entry` is a moment
    /// by the clock of `awake`.
    Shield { entry: Instant, max: Duration },
}

impl Limit {
    pub(crate) fn deadline(at: Instant, outer: &Arc<Node>, timer: Arc<dyn Timer>) -> Limit {
        Limit::new(LimitKind::Deadline(awake::of_system(at)), outer, timer)
    }

    pub(crate) fn shield(max: Duration, outer: &Arc<Node>, timer: Arc<dyn Timer>) -> Limit {
        Limit::new(LimitKind::Shield { entry: awake::now(), max }, outer, timer)
    }

    fn new(kind: LimitKind, outer: &Arc<Node>, timer: Arc<dyn Timer>) -> Limit {
        // `base`, `hides` and `earliest` sum up the limits around, so that no reader walks
        // outwards.
        let around = outer.limit.as_deref();
        let own = match kind {
            LimitKind::Deadline(at) => Some(at),
            LimitKind::Shield { .. } => None,
        };
        let limit = Limit {
            outer: Arc::clone(outer),
            base: Arc::clone(around.map_or(outer, |limit| &limit.base)),
            hides: own.is_none() || around.is_some_and(|limit| limit.hides),
            earliest: own.into_iter().chain(around.and_then(|limit| limit.earliest)).min(),
            kind,
            known: Mutex::default(),
            alarm_clock: AlarmClock { timer, set: Mutex::new(None) },
            alert: Alert::new(),
        };
        // A shield that is made in a stopped context knows its end from the beginning.
        limit.learn();
        limit
    }

    pub(crate) fn is_shield(&self) -> bool {
        matches!(self.kind, LimitKind::Shield { .. })
    }

    #[cfg(unix)]
    pub(crate) fn hides(&self) -> bool {
        self.hides
    }

    pub(crate) fn outer(&self) -> &Arc<Node> {
        &self.outer
    }

    pub(crate) fn base(&self) -> &Arc<Node> {
        &self.base
    }

    /// When the limit ends, by the clock of `awake`, as far as that is known now. `None` for a
    /// shield while no stop behind it is known. A known end only moves earlier.
    pub(crate) fn end(&self) -> Option<Instant> {
        self.known.lock().end
    }

    /// The earliest deadline set in this context or around it, by the clock of the system. A shield
    /// moves none.
    pub(crate) fn deadline_set(&self) -> Option<Instant> {
        self.earliest.map(awake::system)
    }

    /// Updates `known` by what the node around knows, which a stop may have changed.
    ///
    /// No change is missed. A stop changes `known` of the node around, then collects the children
    /// of that node and calls `learn` for each (`mark`, `alert`). A limit that is attached
    /// meanwhile is first listed as a child, and then calls `learn` itself (`attach`). So the stop
    /// finds the limit among the children, or the limit reads the change.
    ///
    /// Calls may come in any order, because `known` only grows, and an end only moves earlier.
    /// Called with no lock of a node held, because it may take the lock of the node around.
    pub(crate) fn learn(&self) {
        let outer = match &self.outer.limit {
            Some(limit) => *limit.known.lock(),
            None => Known { end: None, stop: self.outer.since() },
        };
        let end = self.end_in(&outer);
        // The end of a deadline is a stop for the shields inside it, also before it is marked, and
        // also if it is marked late.
        let stop = if self.is_shield() { outer.stop } else { end };
        self.known.lock().merge(Known { end, stop });
    }

    /// Notes that the node of this limit was itself stopped or closed `at`. Called under the lock
    /// of that node, before its children are collected. Pairs with `learn` of a limit inside.
    pub(crate) fn stopped(&self, at: Instant) {
        if !self.is_shield() {
            self.known.lock().merge(Known { end: None, stop: Some(at) });
        }
    }

    fn end_in(&self, outer: &Known) -> Option<Instant> {
        match self.kind {
            LimitKind::Deadline(at) => Some(outer.end.map_or(at, |end| end.min(at))),
            LimitKind::Shield { entry, max } => {
                // A shield inside a shield counts from the stop behind both, and ends with the
                // outer one at the latest.
                let own = after(entry.max(outer.stop?), max);
                let is_inside = self.outer.limit.as_ref().is_some_and(|limit| limit.hides);
                let cap = outer.end.filter(|_| is_inside);
                Some(cap.map_or(own, |end| end.min(own)))
            }
        }
    }

    /// The stop to mark the node of this limit with when the limit has ended. `key` is the key of
    /// that node. Walks outwards, to the first node around that is marked, and returns the stop of
    /// that; or to the first deadline that ends no later than the limit around it, and returns the
    /// stop which that deadline has by its nature.
    pub(crate) fn cause(&self, key: u64) -> Stop {
        let (mut limit, mut key) = (self, key);
        loop {
            // The stop of the node around wins: this shield has hidden it, or it is on its way
            // here.
            if limit.outer.since().is_some() {
                return limit.outer.cause();
            }
            let Some(around) = &limit.outer.limit else { break };
            match limit.kind {
                // This deadline is the first to end.
                LimitKind::Deadline(at) if around.end().is_none_or(|end| at <= end) => break,
                _ => (limit, key) = (around, limit.outer.key),
            }
        }
        Stop::of(key, StopReason::Deadline)
    }

    /// Asks the timer to mark `node` at the end as it is known now. `None` if the timer was asked
    /// for that moment or an earlier one before, or if the end is not known. Several threads may
    /// call it at once, each with the end that it has read (*the earlier end*, below).
    pub(crate) fn arm(&self, key: u64, node: Weak<Node>) -> Option<Calls> {
        self.alarm_clock.set(self.end()?, key, node)
    }
}

/// The request of one limit to the timer. At most one is left when all calls are over: the
/// earliest.
struct AlarmClock {
    timer: Arc<dyn Timer>,
    /// The moment, by the clock of `awake`, and the key of the request. Written by `set`, to an
    /// earlier moment only; taken out by `drop`.
    set: Mutex<Option<(Instant, u64)>>,
}

impl AlarmClock {
    /// Asks the timer for `at`, unless it was asked for that moment or an earlier one.
    ///
    /// The race of *the earlier end*: thread A has read the end 10 of a shield, counted from a
    /// deadline around. Then a stop comes before that deadline, and thread B reads the end 5. No
    /// lock is held while the timer is asked, since the timer may start a thread. So A's request
    /// may reach the timer after B's request, and even after B has taken the 10 back. Therefore
    /// each thread writes its moment, then asks the timer, then reads the moment again. If A wrote
    /// first, B replaces the 10, and disarms it after its own request. If the request of A came
    /// later than that, A now reads 5, and disarms its 10. If B wrote first, A finds the 5 and asks
    /// for nothing. To disarm a moment twice is harmless.
    fn set(&self, at: Instant, key: u64, node: Weak<Node>) -> Option<Calls> {
        let mut set = self.set.lock();
        // An end that is known moves earlier only, so a later moment is an old one.
        if set.is_some_and(|(set, _)| set <= at) {
            return None;
        }
        let earlier = set.replace((at, key));
        drop(set);
        // The request first, then the look at the moment, because the other thread may have
        // replaced it meanwhile.
        let calls = self.timer.arm(at, key, node);
        let outdated = Some(at).filter(|_| *self.set.lock() != Some((at, key)));
        for moment in earlier.map(|(at, _)| at).into_iter().chain(outdated) {
            self.timer.disarm(moment, key);
        }
        Some(calls)
    }
}

impl Drop for AlarmClock {
    /// Takes back the last request, because its node is gone.
    fn drop(&mut self) {
        if let Some((at, key)) = self.set.get_mut().take() {
            self.timer.disarm(at, key);
        }
    }
}

/// Frees a chain of limits, such as the limits of contexts that were kept, with its last member.
/// Iterative, because depth must cost no stack (A5).
pub(crate) fn drop_outwards(limit: Option<Box<Limit>>) {
    let mut next = limit;
    while let Some(limit) = next {
        let Limit { outer, .. } = *limit;
        next = Arc::into_inner(outer).and_then(|mut node| node.limit.take());
    }
}

/// What the node of a limit knows. It is kept there, and not computed from the nodes around each
/// time, because contexts may be nested as deep as the program likes. Moments are by the clock of
/// `awake`.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// When the limit ends: `None` until that is known.
    end: Option<Instant>,
    /// When the stop that a shield inside this limit would hide came, or is known to come.
    stop: Option<Instant>,
}

impl Known {
    /// Takes over new knowledge: of two moments the earlier one.
    fn merge(&mut self, more: Known) {
        self.end = self.end.into_iter().chain(more.end).min();
        self.stop = self.stop.into_iter().chain(more.stop).min();
    }
}

/// The ways of one limit to the waiters that cannot sleep on the flags.
pub(crate) struct Alert {
    /// Made by the first `alert_signal`, disconnected when `sender` is dropped.
    pub(super) signal: OnceCell<Receiver<Infallible>>,
    /// The sender of `signal`. Taken out by `mark`, `alert` and `close`.
    pub(super) sender: Mutex<Option<Sender<Infallible>>>,
    /// Made by the first `alert_event`, set when the end becomes known.
    pub(super) event: OnceCell<Event>,
}

impl Alert {
    pub(super) fn new() -> Alert {
        Alert { signal: OnceCell::new(), sender: Mutex::new(None), event: OnceCell::new() }
    }

    pub(super) fn event(&self) -> Option<&Event> {
        self.event.get()
    }

    /// Takes out the sender; to drop it wakes the waiters. Called under the lock of the node, after
    /// the flag is set. Pairs with `alert_signal`.
    pub(super) fn take_sender(&self) -> Option<Sender<Infallible>> {
        self.sender.lock().take()
    }
}
