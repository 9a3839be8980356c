//! Owns the arithmetic of deadlines and shields: when a limited context ends, and why.
//! Refuses to mark anything and to keep time: the stop tree does the one, the root's timer the other.

use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use crate::outcome::reason::{Stop, StopReason};
use crate::rt::awake;
use crate::rt::time::far;
use crate::stop::node::Node;
use crate::sync::{Mutex, OnceCell};
use crate::sys::Event;

/// Calls `expire` on a node when its time has come.
pub(crate) trait Timer: Send + Sync {
    fn arm(&self, at: Instant, key: u64, node: Weak<Node>);
    fn disarm(&self, at: Instant, key: u64);
}

pub(crate) struct Limit {
    kind: Kind,
    /// The context that it was made in.
    outer: Arc<Node>,
    timer: Arc<dyn Timer>,
    /// When the timer will call, and under which key.
    armed: Mutex<Option<(Instant, u64)>>,
    /// Disconnected when the end becomes known: by dropping `alarm`.
    pub(crate) alert: OnceCell<Receiver<Infallible>>,
    pub(crate) alarm: Mutex<Option<Sender<Infallible>>>,
    /// Set when the end becomes known: for who waits for a descriptor.
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
        Limit {
            kind,
            outer: Arc::clone(outer),
            timer,
            armed: Mutex::new(None),
            alert: OnceCell::new(),
            alarm: Mutex::new(None),
            event: OnceCell::new(),
        }
    }

    pub(crate) fn is_shield(&self) -> bool {
        matches!(self.kind, Kind::Shield { .. })
    }

    /// True if it is a shield or in one: then its end may become known later, or become another.
    #[cfg(unix)]
    pub(crate) fn hides(&self) -> bool {
        std::iter::successors(Some(self), |limit| limit.outer.limit.as_deref()).any(Limit::is_shield)
    }

    pub(crate) fn outer(&self) -> &Arc<Node> {
        &self.outer
    }

    /// When it ends, by the clock of `awake`, as far as that is known now. `None`: not before a stop that has not come yet.
    pub(crate) fn end(&self) -> Option<Instant> {
        self.end_in(&Known::of(&self.outer))
    }

    fn end_in(&self, outer: &Known) -> Option<Instant> {
        match self.kind {
            Kind::Deadline(at) => Some(outer.end.map_or(at, |end| end.min(at))),
            Kind::Shield { entry, max } => {
                // A shield inside a shield counts from the stop behind both, and never reaches beyond the outer one.
                let own = far(entry.max(outer.stop?), max);
                let cap = outer.end.filter(|_| outer.shielded);
                Some(cap.map_or(own, |end| end.min(own)))
            }
        }
    }

    /// The earliest deadline set in this context or around it; shields move none.
    pub(crate) fn deadline_set(&self) -> Option<Instant> {
        let outer = self.outer.limit.as_ref().and_then(|limit| limit.deadline_set());
        match self.kind {
            Kind::Deadline(at) => {
                let at = awake::system(at);
                Some(outer.map_or(at, |end| end.min(at)))
            }
            Kind::Shield { .. } => outer,
        }
    }

    /// The stop for which the node of this limit, which has this key, ends: the one behind it, or its own.
    pub(crate) fn cause(&self, key: u64) -> Stop {
        if self.outer.since().is_some() {
            return self.outer.cause();
        }
        match (&self.kind, &self.outer.limit) {
            (Kind::Deadline(at), Some(limit)) if limit.end().is_none_or(|end| *at <= end) => {
                Stop::of(key, StopReason::Deadline)
            }
            (_, Some(limit)) => limit.cause(self.outer.key),
            (_, None) => Stop::of(key, StopReason::Deadline),
        }
    }

    /// Asks the timer for the end as it is known now. May be called by several at once, each with the end that it has computed: the
    /// earliest stays armed, since an end that is known moves earlier only.
    ///
    /// No lock is held while the timer is asked, which may start a thread. So the timer is asked first, and after that the
    /// limit is looked at: of two, the one that comes later sees that its moment is not the one that counts, or was seen by the
    /// other, and takes it back.
    pub(crate) fn arm(&self, key: u64, node: Weak<Node>) {
        let Some(at) = self.end() else { return };
        let mut armed = self.armed.lock();
        if armed.is_some_and(|(set, _)| set <= at) {
            return;
        }
        let earlier = armed.replace((at, key));
        drop(armed);
        self.timer.arm(at, key, node);
        let outdated = Some(at).filter(|_| *self.armed.lock() != Some((at, key)));
        for moment in earlier.map(|(at, _)| at).into_iter().chain(outdated) {
            self.timer.disarm(moment, key);
        }
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        if let Some((at, key)) = self.armed.get_mut().take() {
            self.timer.disarm(at, key);
        }
    }
}

/// What is known of a node now. All at once, in one walk outwards: each part needs the others of the node around.
struct Known {
    /// When its limit ends.
    end: Option<Instant>,
    /// When the stop that a shield in it would hide came, or is known to come.
    stop: Option<Instant>,
    /// It is a shield, or in one.
    shielded: bool,
}

impl Known {
    fn of(node: &Node) -> Known {
        let Some(limit) = &node.limit else {
            return Known { end: None, stop: node.since(), shielded: false };
        };
        let outer = Known::of(&limit.outer);
        let end = limit.end_in(&outer);
        match limit.kind {
            // A stop that is marked late has come when it was due: so what is known of an end never moves later.
            Kind::Deadline(_) => {
                let stop = node.since().into_iter().chain(end).min();
                Known { end, stop, shielded: outer.shielded }
            }
            Kind::Shield { .. } => Known { end, stop: outer.stop, shielded: true },
        }
    }
}
