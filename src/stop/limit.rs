//! Owns the arithmetic of deadlines and shields: when a limited context ends, and why.
//! Refuses to mark anything and to keep time: the stop tree does the one, the root's timer the other.

use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use crate::outcome::reason::{Stop, StopReason};
use crate::rt::awake;
use crate::rt::time::after;
use crate::stop::node::Node;
use crate::stop::wakeups::Calls;
use crate::sync::{Mutex, OnceCell};
use crate::sys::Event;

/// Calls `expire` on a node when its time has come.
pub(crate) trait Timer: Send + Sync {
    /// Runs no code of the program's: a refusal of the system is to be logged by the caller.
    fn arm(&self, at: Instant, key: u64, node: Weak<Node>) -> Calls;
    fn disarm(&self, at: Instant, key: u64);
}

pub(crate) struct Limit {
    kind: Kind,
    /// The context that it was made in.
    outer: Arc<Node>,
    /// The node of the thread or scope that all limits around hang below.
    base: Arc<Node>,
    /// It is a shield, or in one: then its end may become known later, or become another.
    hides: bool,
    /// The earliest deadline set here or around, by the clock of `awake`; shields move none.
    earliest: Option<Instant>,
    known: Mutex<Known>,
    alarm_clock: AlarmClock,
    /// Disconnected when the end becomes known: by dropping `alarm`.
    pub(crate) alert: OnceCell<Receiver<Infallible>>,
    pub(crate) alarm: Mutex<Option<Sender<Infallible>>>,
    /// Set when the end becomes known: for a wait for a descriptor.
    pub(crate) event: OnceCell<Event>,
}

enum Kind {
    /// Stopped at this instant, by the clock of `awake`.
    Deadline(Instant),
    /// Hides a stop for `max`, counted from the later of `entry` and the stop.
    Shield { entry: Instant, max: Duration },
}

impl Limit {
    pub(crate) fn deadline(at: Instant, outer: &Arc<Node>, timer: Arc<dyn Timer>) -> Limit {
        Limit::new(Kind::Deadline(awake::of_system(at)), outer, timer)
    }

    pub(crate) fn shield(max: Duration, outer: &Arc<Node>, timer: Arc<dyn Timer>) -> Limit {
        Limit::new(Kind::Shield { entry: awake::now(), max }, outer, timer)
    }

    fn new(kind: Kind, outer: &Arc<Node>, timer: Arc<dyn Timer>) -> Limit {
        let around = outer.limit.as_deref();
        let own = match kind {
            Kind::Deadline(at) => Some(at),
            Kind::Shield { .. } => None,
        };
        let limit = Limit {
            outer: Arc::clone(outer),
            base: Arc::clone(around.map_or(outer, |limit| &limit.base)),
            hides: own.is_none() || around.is_some_and(|limit| limit.hides),
            earliest: own.into_iter().chain(around.and_then(|limit| limit.earliest)).min(),
            kind,
            known: Mutex::default(),
            alarm_clock: AlarmClock { timer, set: Mutex::new(None) },
            alert: OnceCell::new(),
            alarm: Mutex::new(None),
            event: OnceCell::new(),
        };
        limit.learn();
        limit
    }

    pub(crate) fn is_shield(&self) -> bool {
        matches!(self.kind, Kind::Shield { .. })
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

    /// When it ends, by the clock of `awake`, as far as that is known now. `None`: not before a
    /// stop that has not come yet.
    pub(crate) fn end(&self) -> Option<Instant> {
        self.known.lock().end
    }

    /// The earliest deadline set in this context or around it; shields move none.
    pub(crate) fn deadline_set(&self) -> Option<Instant> {
        self.earliest.map(awake::system)
    }

    /// Takes over the knowledge of the node around, which may have grown. A stop changes it there,
    /// and then comes to the limits below the node and calls this (`mark`, `alert`); a limit that
    /// hangs itself below the node calls this when it is among the children (`attach`): so one of
    /// the two reads the change. Knowledge only grows, and an end moves earlier only, so the order
    /// of several calls does not matter. Called without the lock of any node.
    pub(crate) fn learn(&self) {
        let outer = match &self.outer.limit {
            Some(limit) => *limit.known.lock(),
            None => Known { end: None, stop: self.outer.since() },
        };
        let end = self.end_in(&outer);
        // A stop that is marked late has come when it was due.
        let stop = if self.is_shield() { outer.stop } else { end };
        self.known.lock().merge(Known { end, stop });
    }

    /// The stop has come to the node of this limit itself. Called under the lock of that node,
    /// before its children are collected.
    pub(crate) fn stopped(&self, at: Instant) {
        if !self.is_shield() {
            self.known.lock().merge(Known { end: None, stop: Some(at) });
        }
    }

    fn end_in(&self, outer: &Known) -> Option<Instant> {
        match self.kind {
            Kind::Deadline(at) => Some(outer.end.map_or(at, |end| end.min(at))),
            Kind::Shield { entry, max } => {
                // A shield inside a shield counts from the stop behind both, and never reaches
                // beyond the outer one.
                let own = after(entry.max(outer.stop?), max);
                let is_inside = self.outer.limit.as_ref().is_some_and(|limit| limit.hides);
                let cap = outer.end.filter(|_| is_inside);
                Some(cap.map_or(own, |end| end.min(own)))
            }
        }
    }

    /// The stop for which the node of this limit, which has this key, ends: the one behind it, or
    /// its own.
    pub(crate) fn cause(&self, key: u64) -> Stop {
        let (mut limit, mut key) = (self, key);
        loop {
            if limit.outer.since().is_some() {
                return limit.outer.cause();
            }
            let Some(around) = &limit.outer.limit else { break };
            match limit.kind {
                Kind::Deadline(at) if around.end().is_none_or(|end| at <= end) => break,
                _ => (limit, key) = (around, limit.outer.key),
            }
        }
        Stop::of(key, StopReason::Deadline)
    }

    /// Asks the timer for the end as it is known now; `None` if the timer has been asked for that
    /// before, or the end is not known. May be called by several threads at once, each with the end
    /// that it has read: the earliest stays set, since an end that is known moves earlier only.
    pub(crate) fn arm(&self, key: u64, node: Weak<Node>) -> Option<Calls> {
        self.alarm_clock.set(self.end()?, key, node)
    }
}

/// When the timer will expire a limit, and under which key.
struct AlarmClock {
    timer: Arc<dyn Timer>,
    set: Mutex<Option<(Instant, u64)>>,
}

impl AlarmClock {
    /// No lock is held while the timer is asked, which may start a thread. So the timer is asked
    /// first, and after that this looks at the moment: of two threads, the later one finds another
    /// moment than its own, or its moment is found by the other, and takes the outdated one back.
    fn set(&self, at: Instant, key: u64, node: Weak<Node>) -> Option<Calls> {
        let mut set = self.set.lock();
        if set.is_some_and(|(set, _)| set <= at) {
            return None;
        }
        let earlier = set.replace((at, key));
        drop(set);
        let calls = self.timer.arm(at, key, node);
        let outdated = Some(at).filter(|_| *self.set.lock() != Some((at, key)));
        for moment in earlier.map(|(at, _)| at).into_iter().chain(outdated) {
            self.timer.disarm(moment, key);
        }
        Some(calls)
    }
}

impl Drop for AlarmClock {
    fn drop(&mut self) {
        if let Some((at, key)) = self.set.get_mut().take() {
            self.timer.disarm(at, key);
        }
    }
}

/// With the last of a chain of limits, such as those of kept contexts, goes the chain. Iterative:
/// depth costs no stack.
pub(crate) fn drop_outwards(limit: Option<Box<Limit>>) {
    let mut next = limit;
    while let Some(limit) = next {
        let Limit { outer, .. } = *limit;
        next = Arc::into_inner(outer).and_then(|mut node| node.limit.take());
    }
}

/// The knowledge of the node of a limit. It is kept there, and not computed from the nodes around
/// each time: contexts may be nested as deep as the program likes.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// When the limit ends.
    end: Option<Instant>,
    /// When the stop that a shield in it would hide came, or is known to come.
    stop: Option<Instant>,
}

impl Known {
    fn merge(&mut self, more: Known) {
        self.end = self.end.into_iter().chain(more.end).min();
        self.stop = self.stop.into_iter().chain(more.stop).min();
    }
}
