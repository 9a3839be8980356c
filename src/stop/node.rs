//! Owns one node of the stop tree: its flags, the cause of its stop, the lists of its listeners.
//! Refuses to know scopes and threads: a scope hears of its stop through [`Owner`].
//!
//! ```text
//! open --mark--> stopping --(all below is marked)--> swept      cause: the stop
//! open --close-> stopping --(all below is marked)--> swept      no cause: the end of its users
//!
//! open --alert--> alerted --mark--> stopping                    a shield, and the limits inside it
//! ```
//!
//! # Invariants
//!
//! 1. The cause of a node (reason and id of the stop) is written before its `STOPPING` flag is
//!    visible, and neither ever changes again (S3).
//! 2. `attach` reads the parent's flag and lists the child in one hold of the parent's lock. `mark`
//!    sets the flag and collects the children in one hold of the same lock. So a child either reads
//!    the flag, and is born stopped, or is collected.
//! 3. No lock of a node is held while another node's lock is taken, or while code of the program's
//!    runs. So marking walks a work list.
//! 4. Marking a subtree is idempotent. Each `stop` walks until all below is marked, unless `SWEPT`
//!    says that another walk has done so. So also a `stop` that finds the node marked returns after
//!    the marking (P5).
//! 5. A node is marked before its children and hands down its own cause, also when the walk of a
//!    later stop passes it. So a stop has the same id at a node as at the nodes that it passed on
//!    its way.

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
use crate::stop::calls::{Calls, Owner};
use crate::stop::condvar::interrupt::Interrupt;
use crate::stop::limit::{Limit, drop_outwards};
use crate::sync::{Mutex, OnceCell};
use crate::sys::{self, Event};

/// The node is marked. Set by `mark`, by `close`, and never taken back.
pub(crate) const STOPPING: u32 = 1;
/// The node is a deadline or a shield, so a reader of the flags must also ask the clock. Set when
/// the node is made.
pub(crate) const LIMITED: u32 = 2;
/// All nodes below are marked, or hidden by a shield. Set at the end of a walk, read before one.
pub(crate) const SWEPT: u32 = 4;
/// The stop behind a shield has begun, so that the end of this limit is known. Set by `alert`, and
/// by `attach` below a marked node.
pub(crate) const ALERTED: u32 = 8;
/// The thread, run, job or scope of the node has ended. Set by `close`.
pub(crate) const CLOSED: u32 = 16;
/// The node is the scope's for which a test has a fault plan (`fault_plan`), or is below it. Set by
/// the test there, inherited when a node below is made.
const PROBED: u32 = 32;
/// The node is that of a thread that has said what to expect of it (`tree::vitals`), of one of its
/// runs, or of a limit inside of it. Set before the thread starts, or when the node is made.
const NOTED: u32 = 64;
/// The program has asked for the channel or the descriptor of a stop, by a context of the thread or
/// scope of this node, so it may wait for the stop in a `select!` or a poll of its own.
const LENT: u32 = 128;

/// How a stop passes from a parent to this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// A thread in its scope, a deadline in its thread: the reason is handed down as it is.
    Inside,
    /// A scope in the thread that opened it: the reason is wrapped as `Parent(reason)`. The stop
    /// has the same id.
    Scope,
}

pub(crate) struct Node {
    /// The number of the node. It is also the id of the stop that the node has by its nature: the
    /// end of its users, or its own deadline.
    pub(crate) key: u64,
    /// Only ever set. Threads in `rest` sleep on it, and `wake` wakes them when the node is marked
    /// or alerted.
    pub(crate) flags: Flags,
    pub(crate) link: Link,
    pub(crate) state: Mutex<State>,
    /// The receiver of `State::signal`: made by the first `signal`, disconnected by the mark.
    pub(crate) signal: OnceCell<Receiver<Infallible>>,
    /// For waits for a descriptor: made by the first `event`, set when the node is marked.
    pub(crate) event: OnceCell<Event>,
    /// The deadline or shield that this node is, if it is one.
    pub(crate) limit: Option<Box<Limit>>,
    /// The scope, if the node is a scope's; the function, if it is a relay's.
    pub(crate) owner: Option<Weak<dyn Owner>>,
}

/// What the lock of a node guards. `mark` and `close` take out of it what they wake.
#[derive(Default)]
pub(crate) struct State {
    /// The stop of the node. Written once, by the first `mark`, before `STOPPING`. `None` until
    /// then, and for a node that was only closed.
    pub(crate) cause: Option<Stop>,
    /// The mark that all `Stopped`s of this node share. Written by `issue` once the node is marked.
    pub(crate) issued: Option<Arc<Mark>>,
    /// The moment of the mark or of the close, by the clock of `awake`. Written by the first.
    pub(crate) since: Option<Instant>,
    /// The sender of `Node::signal`. Dropped by the stop, which disconnects the receiver.
    pub(crate) signal: Option<Sender<Infallible>>,
    /// The nodes that this node hangs below: one, or two for a scope that is stopped by its own
    /// parent and by the thread that runs it. Written by `attach`, taken out by `close`.
    pub(crate) parents: [Option<Weak<Node>>; 2],
    /// The scope of a service or a group. It does not list this node as a child, because it tells
    /// the node itself, when the users are home (E3). Read to see which stop is on its way.
    pub(crate) teller: Option<Weak<Node>>,
    /// Added to by `attach` of the child, removed from by `close` of the child. Made for the first
    /// child, because the nodes of most threads have none: a program may have ten thousand nodes.
    pub(super) children: Option<Box<ById<Weak<Node>>>>,
    /// Made for the first of these facts, for the same reason.
    pub(super) rare: Option<Box<Rare>>,
}

/// The facts that few nodes have.
#[derive(Default)]
pub(crate) struct Rare {
    /// The earliest deadline of the first parent that has one, by the clock of the system. Written
    /// by `attach`.
    pub(super) outer_deadline: Option<Instant>,
    /// Added to by `on_stop`. A callback stays listed while it runs, so that `close` waits for it.
    pub(crate) callbacks: ById<Arc<Callback>>,
    /// Added to and removed from by the waiter at the condvar. A stop copies them.
    pub(crate) interrupts: ById<Arc<Interrupt>>,
}

impl Node {
    pub(crate) fn new(link: Link) -> Arc<Node> {
        Node::make(link, None, None)
    }

    /// A node whose stop its owner hears.
    pub(crate) fn owned(link: Link, owner: Weak<dyn Owner>) -> Arc<Node> {
        Node::make(link, None, Some(owner))
    }

    pub(crate) fn limited(limit: Limit) -> Arc<Node> {
        Node::make(Link::Inside, Some(Box::new(limit)), None)
    }

    fn make(link: Link, limit: Option<Box<Limit>>, owner: Option<Weak<dyn Owner>>) -> Arc<Node> {
        Arc::new(Node {
            key: next_stop_id(),
            flags: Flags::new(if limit.is_some() { LIMITED } else { 0 }),
            link,
            state: Mutex::default(),
            signal: OnceCell::new(),
            event: OnceCell::new(),
            limit,
            owner,
        })
    }

    /// Whether the node is stopping, by its flags alone. `None` if the flags do not tell, because
    /// the node is limited, probed or noted.
    #[inline]
    pub(crate) fn plainly_stopping(&self) -> Option<bool> {
        let flags = self.flags.load();
        (flags & (LIMITED | PROBED | NOTED) == 0).then_some(flags & STOPPING != 0)
    }

    #[inline]
    pub(crate) fn is_probed(&self) -> bool {
        self.flags.load() & PROBED != 0
    }

    pub(crate) fn set_probed(&self) {
        self.flags.set(PROBED);
    }

    pub(crate) fn inherit_probe(&self, from: &Node) {
        // A limit is inside of a thread, whose progress is noted there as well.
        let inherited = if self.limit.is_some() { PROBED | NOTED } else { PROBED };
        let flags = from.flags.load() & inherited;
        if flags != 0 {
            self.flags.set(flags);
        }
    }

    /// True if each point is a sign of progress, or may have a planted fault.
    #[inline]
    pub(crate) fn is_pointed(&self) -> bool {
        self.flags.load() & (PROBED | NOTED) != 0
    }

    pub(crate) fn set_noted(&self) {
        self.flags.set(NOTED);
    }

    /// Notes that the program may wait for the stop by itself.
    #[inline]
    pub(crate) fn lend(&self) {
        // As before a wait of ours: the stop may be a signal that this thread has raised.
        sys::hand_on_raised();
        // Stored once: a loop of selects asks for the channel in each round.
        if !self.is_lent() {
            self.flags.set(LENT);
        }
    }

    pub(crate) fn is_lent(&self) -> bool {
        self.flags.load() & LENT != 0
    }

    /// Tells the owner that a stop will come. Called before the stopping thread takes a lock or
    /// memory, because a thread that holds the lock may be stuck, and the process must end in time
    /// all the same (P7).
    pub(crate) fn announce(&self) {
        let owner = self.owner.as_ref().filter(|_| !self.is_marked()).and_then(Weak::upgrade);
        owner.iter().for_each(|owner| owner.announced());
    }

    /// True if the node is as it was made, but for its parent: not stopped, and listened to by
    /// nothing that could be lent to the program's code.
    pub(crate) fn is_unused(&self) -> bool {
        self.flags.load() & STOPPING == 0 && self.signal.get().is_none() && self.event.get().is_none()
    }

    pub(crate) fn is_marked(&self) -> bool {
        self.flags.load() & STOPPING != 0
    }

    /// True if all below is marked, but for shields and the nodes that they hide.
    pub(crate) fn is_swept(&self) -> bool {
        self.flags.load() & SWEPT != 0
    }

    /// True if the node is stopped. One atomic load, but for a deadline or shield: if the end of
    /// that has passed and is not marked yet, the calling thread carries out the stop here,
    /// callbacks included.
    #[inline]
    pub(crate) fn is_stopping(self: &Arc<Node>) -> bool {
        let flags = self.flags.load();
        flags & STOPPING != 0 || (flags & LIMITED != 0 && self.is_past_limit())
    }

    #[cold]
    fn is_past_limit(self: &Arc<Node>) -> bool {
        // The timer may be late, or not armed: a listener that keeps its own time needs none.
        let past = self.limit_end().is_some_and(|end| Instant::now() >= end);
        if past {
            self.expire();
        }
        past
    }

    /// True once the thread, run, job or scope of the node has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.flags.load() & CLOSED != 0
    }

    /// When the deadline or shield ends, by the clock of the system, if that is known now. The
    /// caller is a listener already, see `listen`.
    pub(crate) fn limit_end(&self) -> Option<Instant> {
        self.limit.as_ref().and_then(|limit| limit.end()).map(awake::system)
    }

    /// The node of the thread or of its run, if this node is a limit inside it; else this node.
    pub(crate) fn base(self: &Arc<Node>) -> &Arc<Node> {
        self.limit.as_ref().map_or(self, |limit| limit.base())
    }

    /// The earliest deadline that was set for this node or around it.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let outer = self.state.lock().rare.as_ref().and_then(|rare| rare.outer_deadline);
        let own = self.limit.as_ref().and_then(|limit| limit.deadline_set());
        own.into_iter().chain(outer).min()
    }

    /// True if `wake` has something to wake. Called under the lock of `state`, after the flag is
    /// set.
    ///
    /// No sleeper is missed, because `rest` counts itself in the word of the flags: if the count
    /// comes after the flag, `rest` reads the flag and does not sleep. No wait for a descriptor is
    /// missed, because it makes its events under the same lock. In a limit it makes two: `event`
    /// first, and then the event of the limit. So a look at `event` finds both kinds of waits.
    pub(crate) fn is_waited_on(&self) -> bool {
        self.flags.has_sleepers() || self.event.get().is_some()
    }

    /// Wakes the threads that rest on the node or wait for a descriptor: at the stop, or when the
    /// end of a limit becomes known. Called after the flag is set, with no lock held. Pairs with
    /// `rest`, `event` and `alert_event`.
    pub(crate) fn wake(&self) {
        self.flags.wake();
        // A wait for a descriptor polls both events. The event of the limit tells that the end
        // became known, which is of no use any more once the node is marked.
        let known = || self.limit.as_ref().and_then(|limit| limit.alert.event());
        let event = if self.is_marked() { self.event.get() } else { known() };
        event.into_iter().for_each(Event::set);
    }

    pub(crate) fn is_shield(&self) -> bool {
        self.limit.as_ref().is_some_and(|limit| limit.is_shield())
    }

    /// Asks the root's timer to expire this deadline or shield when its end comes, and the limits
    /// around it as well.
    pub(crate) fn arm(self: &Arc<Node>) -> Calls {
        let (mut next, mut calls) = (self, Calls::default());
        while let Some(limit) = &next.limit {
            // `None` if the timer was asked before: then it was asked for the limits around as
            // well. Or if the end is not known: then no end further out is known either, because a
            // deadline or an ended shield there would make this one known.
            let Some(asked) = limit.arm(next.key, Arc::downgrade(next)) else { break };
            calls.add(asked);
            next = limit.outer();
        }
        calls
    }
}

impl Drop for Node {
    /// Frees a chain of limits without recursion.
    fn drop(&mut self) {
        drop_outwards(self.limit.take());
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("stopping", &self.is_marked()).finish_non_exhaustive()
    }
}
