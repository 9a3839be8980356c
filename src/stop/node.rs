//! Owns the stop tree: who has been asked to stop, why, and who must be woken for it.
//! Refuses to know scopes and threads; they are told through [`Owner`].
//!
//! # Invariants
//!
//! 1. A node's cause, the reason and the id of its stop, is written before its `STOPPING` flag is visible, and neither ever
//!    changes again.
//! 2. `attach` looks at the parent's flag under the parent's lock, and marking sets the flag before it takes that lock
//!    to collect the children. So a child is either born stopped or collected: none is missed.
//! 3. No node's lock is held while another's is taken, nor while user code runs: marking walks a work list.
//! 4. Marking a subtree is idempotent. Whoever calls `stop` walks until all below is marked, unless `SWEPT` says that
//!    somebody has done so; hence a losing `stop` returns after the marking as well (P5).
//! 5. What a node hands down is its own cause, also where a later stop walks past it, and it is marked before its children: so
//!    whatever way a stop took to a node, it has the same id there as at the nodes between.

use std::collections::HashSet;
use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender};

use crate::outcome::marks::Mark;
use crate::outcome::reason::{Stop, next_stop_id};
use crate::rt::awake;
use crate::rt::by_id::ById;
use crate::rt::flags::Flags;
use crate::stop::callback::Callback;
use crate::stop::condvar::interrupt::Interrupt;
use crate::stop::limit::{Limit, drop_outwards};
use crate::stop::wakeups::Calls;
use crate::sync::{Mutex, OnceCell};
use crate::sys::Event;

pub(crate) const STOPPING: u32 = 1;
/// The flag alone does not tell: the clock has to be asked.
pub(crate) const LIMITED: u32 = 2;
/// Everything below has been marked.
pub(crate) const SWEPT: u32 = 4;
/// The stop behind a shield has begun, so that its end is known.
pub(crate) const ALERTED: u32 = 8;
/// Below a scope in which a test plants something (`fault_plan`).
const PROBED: u32 = 32;

/// Whose node it is. Called with no lock held, by the thread that stops.
pub(crate) trait Owner: Send + Sync {
    /// A stop of it is asked for, and nothing has been done for that. Neither locks nor allocates.
    fn announced(&self);
    /// Before the flag is visible: who ends from now on ends during the shutdown.
    fn begin(&self, at: Instant);
    /// After all below is marked and woken. `told` has those that this stop has made look again. Runs no code of the program's.
    fn marked(&self, told: &mut HashSet<u64>);
    /// Says so to the program's subscriber.
    fn log(&self);
}

/// How a stop passes from a parent to this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// A thread in its scope, a deadline in its thread: the same reason.
    Inside,
    /// A scope in the thread that opened it: `Parent(reason)`, of the same stop.
    Scope,
}

pub(crate) struct Node {
    pub(crate) key: u64,
    /// Woken when the node is marked or alerted: for those who sleep in `rest`, whose wait needs no channel.
    pub(crate) flags: Flags,
    pub(crate) edge: Link,
    pub(crate) state: Mutex<State>,
    pub(crate) signal: OnceCell<Receiver<Infallible>>,
    /// Set when the node is marked: for those who wait for descriptors.
    pub(crate) event: OnceCell<Event>,
    /// The deadline or shield that this node is, if it is one.
    pub(crate) limit: Option<Box<Limit>>,
    /// The deadline around the node it hangs below.
    pub(crate) outer_deadline: OnceCell<Instant>,
    pub(crate) owner: OnceCell<Weak<dyn Owner>>,
}

#[derive(Default)]
pub(crate) struct State {
    /// None for a node that was only closed, or was not asked yet.
    pub(crate) cause: Option<Stop>,
    /// Of all `Stopped`s that this node has issued.
    pub(crate) issued: Option<Arc<Mark>>,
    pub(crate) since: Option<Instant>,
    pub(crate) signal: Option<Sender<Infallible>>,
    /// One, or two: a scope may be stopped by its own parent and by the thread that runs it.
    pub(crate) parents: [Option<Weak<Node>>; 2],
    /// The scope of a service or a group, which has it not among its children: it tells it by name, when the users are home.
    pub(crate) teller: Option<Weak<Node>>,
    pub(crate) children: ById<Weak<Node>>,
    pub(crate) callbacks: ById<Arc<Callback>>,
    pub(crate) interrupts: ById<Arc<Interrupt>>,
}

impl Node {
    pub(crate) fn new(edge: Link) -> Arc<Node> {
        Node::make(edge, None)
    }

    pub(crate) fn limited(limit: Limit) -> Arc<Node> {
        Node::make(Link::Inside, Some(Box::new(limit)))
    }

    fn make(edge: Link, limit: Option<Box<Limit>>) -> Arc<Node> {
        Arc::new(Node {
            key: next_stop_id(),
            flags: Flags::new(if limit.is_some() { LIMITED } else { 0 }),
            edge,
            state: Mutex::default(),
            signal: OnceCell::new(),
            event: OnceCell::new(),
            limit,
            outer_deadline: OnceCell::new(),
            owner: OnceCell::new(),
        })
    }

    /// Whether it is stopping; `None` if that takes more than a look: a clock, or a probe.
    #[inline]
    pub(crate) fn plainly_stopping(&self) -> Option<bool> {
        let flags = self.flags.load();
        (flags & (LIMITED | PROBED) == 0).then_some(flags & STOPPING != 0)
    }

    #[inline]
    pub(crate) fn is_probed(&self) -> bool {
        self.flags.load() & PROBED != 0
    }

    pub(crate) fn set_probed(&self) {
        self.flags.set(PROBED);
    }

    pub(crate) fn inherit_probe(&self, from: &Node) {
        if from.is_probed() {
            self.set_probed();
        }
    }

    /// Before the node is attached; at most once.
    pub(crate) fn set_owner(&self, owner: Weak<dyn Owner>) {
        let set = self.owner.set(owner);
        debug_assert!(set.is_ok(), "a node has one owner");
    }

    /// Called before the calling thread takes a lock or memory for a stop: a thread that holds the
    /// lock may be stuck, and the process is to end in time all the same.
    pub(crate) fn announce(&self) {
        let owner = self.owner.get().filter(|_| !self.is_marked()).and_then(Weak::upgrade);
        owner.iter().for_each(|owner| owner.announced());
    }

    pub(crate) fn is_marked(&self) -> bool {
        self.flags.load() & STOPPING != 0
    }

    /// One atomic load, but for deadlines and shields.
    #[inline]
    pub(crate) fn is_stopping(self: &Arc<Node>) -> bool {
        let flags = self.flags.load();
        flags & STOPPING != 0 || (flags & LIMITED != 0 && self.is_past_limit())
    }

    #[cold]
    fn is_past_limit(self: &Arc<Node>) -> bool {
        let past = self.limit_end().is_some_and(|end| Instant::now() >= end);
        if past {
            self.expire();
        }
        past
    }

    /// When this context will be stopped by its deadline or the end of its shield, if that is known now.
    pub(crate) fn limit_end(&self) -> Option<Instant> {
        self.limit.as_ref().and_then(|limit| limit.end()).map(awake::system)
    }

    /// The earliest deadline that was set for it or around it.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let outer = self.outer_deadline.get().copied();
        let own = self.limit.as_ref().and_then(|limit| limit.deadline_set());
        own.into_iter().chain(outer).min()
    }

    /// Under the lock of `state`, after the flag is set.
    pub(crate) fn is_waited_on(&self) -> bool {
        self.flags.has_sleepers() || self.event.get().is_some()
    }

    /// Wakes those who rest on it or wait for descriptors: at the stop, or when the end of its limit becomes known.
    pub(crate) fn wake(&self) {
        self.flags.wake();
        let known = || self.limit.as_ref().and_then(|limit| limit.event.get());
        let event = if self.is_marked() { self.event.get() } else { known() };
        event.into_iter().for_each(Event::set);
    }

    pub(crate) fn is_shield(&self) -> bool {
        self.limit.as_ref().is_some_and(|limit| limit.is_shield())
    }

    /// The other end of the limit's alert; under the lock of `state`.
    pub(crate) fn take_alarm(&self) -> Option<Sender<Infallible>> {
        self.limit.as_ref().and_then(|limit| limit.alarm.lock().take())
    }

    /// Sees to it that a deadline or shield is expired in time, by the root's timer.
    pub(crate) fn arm(self: &Arc<Node>) -> Calls {
        let (mut next, mut calls) = (self, Calls::default());
        while let Some(limit) = &next.limit {
            // Where the timer has been asked before, it has been asked for the limits around as
            // well.
            let Some(asked) = limit.arm(next.key, Arc::downgrade(next)) else { break };
            calls.add(asked);
            next = limit.outer();
        }
        calls
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop_outwards(self.limit.take());
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("stopping", &self.is_marked()).finish_non_exhaustive()
    }
}
