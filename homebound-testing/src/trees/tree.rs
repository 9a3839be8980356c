//! Owns a program of threads as plain data: scopes, groups, threads, and the steps of each.
//! Refuses to run, to print and to make one: `run`, `print` and `bytes` do.

use std::collections::BTreeSet;

use super::work::{Mapped, Raced, Work};

/// The number of a step, by which other steps refer to it. The scope of the root is 0.
pub type Id = usize;

/// A program of threads: the steps of its root scope's body.
///
/// Each step has a number of its own. A step that refers to another (joins it, stops it) may name
/// only a step that a Rust program could name at that place; [`Tree::from_bytes`] makes only such
/// trees. A run passes over a name that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    /// The kind of the root scope.
    pub root: Root,
    /// The body of the root scope.
    pub body: Block,
}

/// The function that opens the root scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Root {
    /// The free function `scope`.
    #[default]
    Scope,
    /// `registry::run`. A process has only one run at a time, so runs of such trees wait for each
    /// other.
    Registry,
}

/// The steps of a closure, one after another, and then its end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Block {
    /// Executed in this order.
    pub steps: Vec<Step>,
    /// Not reached if a step before it passes an error on.
    pub end: End,
}

/// How a closure ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum End {
    /// With a value.
    #[default]
    Value,
    /// With an error.
    Error,
    /// With a panic.
    Panic,
    /// With `cx.checkpoint()?`: as stopped, if the closure was asked to stop.
    Stopped,
    /// With a value whose `Drop` panics, unless it is joined. Only for workers; a service has no
    /// value, so it ends like `CaptureBomb`.
    ResultBomb,
    /// With a value, but the `Drop` of a capture of the closure panics. Only for threads; other
    /// closures end with a value.
    CaptureBomb,
}

/// A step of a closure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The number of the step.
    pub id: Id,
    /// The action of the step.
    pub act: Act,
}

/// The action of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Spawns a thread and keeps its handle.
    Spawn(Thread),
    /// Opens a scope, on the calling thread.
    Open(Nested),
    /// Makes a group, executes some steps with it, lets go of it, and executes some more.
    Gather(Owned),
    /// Defers a function that ends in this way, in the innermost scope or group that can be named.
    Defer(Via, End),
    /// Starts a foreign thread, which the closure's context adopts. The thread executes these steps
    /// and leaves. The caller goes on as soon as it is adopted. If its scope is stopping, the
    /// thread leaves at once.
    Adopt(Vec<Step>),
    /// Sets work going, and keeps its handle: a pool with jobs, a `JoinSet`, a supervisor with
    /// children, a thread that restarts. It lives while the steps behind it go on.
    Employ(Work),
    /// Maps some items, on threads that live while other threads of the tree go on.
    Map(Mapped),
    /// Runs a race, which lives while other threads of the tree go on.
    Race(Raced),
    /// Registers a callback on the stop of this context, until the end of the block.
    OnStop(Callback),
    /// Executes some steps in a context with a limit.
    Within(Limit, Vec<Step>),
    /// Stops the scope or group of this number.
    Stop(Id),
    /// Calls `shutdown` on the innermost scope or group that can be named, with this grace in
    /// milliseconds.
    Shutdown(Via, u64),
    /// Asks the thread of this number to stop, through its handle; or the work of this number.
    Tell(Id),
    /// Joins the thread of this number; of work, waits for the end of all its tasks.
    Join(Id, Errors),
    /// Joins the thread of this number, in the thread's own block or in a block that it opened or
    /// spawned. No other block has the handle then. Only for threads that borrow nothing, because
    /// the handle of any other thread cannot be had there.
    JoinAround(Id, Errors),
    /// Drops the handle of this thread or work.
    Discard(Id),
    /// Leaks the handle of this thread or work.
    Leak(Id),
    /// Waits for the stop, in this way, for at most [`PATIENCE`].
    Wait(Wait),
    /// Is deaf to the stop for this many milliseconds.
    Linger(u64),
    /// Asks whether it is to stop.
    Look,
    /// Calls the user's closure.
    Call,
}

/// How long a wait for the stop lasts at most, in milliseconds.
pub const PATIENCE: u64 = 2000;

/// The value with the method that makes a thread, scope or group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// `s0.spawn(..)`: the thread may borrow.
    InScope(Id),
    /// `g4.spawn(..)`: the thread may borrow if the group may.
    InGroup(Id),
    /// `cx7.spawn(..)`: a sibling of that thread, which borrows nothing.
    Sibling(Id),
}

/// A thread to be spawned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// The value on which the method is called.
    pub via: Via,
    /// True for a service, false for a worker.
    pub service: bool,
    /// The failure of the thread stops no other thread.
    pub isolated: bool,
    /// The end of the thread stops its scope.
    pub vital: bool,
    /// The thread shares its OS thread with no other.
    pub dedicated: bool,
    /// The thread asks for more stack than a machine has: the system refuses it, and its block does
    /// not run.
    pub refused: bool,
    /// The steps of the thread.
    pub block: Block,
}

/// A scope inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nested {
    /// `s0.subscope(..)` or `g4.subscope(..)`; `None` for the free function `scope(..)`.
    pub via: Option<Via>,
    /// The steps of its body.
    pub block: Block,
    /// The fate of its error. A panic of its body always goes on.
    pub errors: Errors,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// The value on which the method is called.
    pub via: Via,
    /// Steps while the group is there. Threads are made in it, unless a step says otherwise.
    pub steps: Vec<Step>,
    /// The fate of the group after them.
    pub fate: Fate,
    /// Steps after that, in the same block. The handles of threads that were made in the group are
    /// still there.
    pub after: Vec<Step>,
}

/// The fate of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is closed.
    Close(Errors),
    /// It is dropped.
    Release,
    /// It is leaked.
    Leak,
}

/// The fate of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errors {
    /// It is ignored.
    Ignore,
    /// It is passed on with `?`.
    Pass,
    /// It is passed on in a wrapper that hides its source.
    Hide,
}

/// A callback on a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Callback {
    /// It panics.
    pub panics: bool,
    /// Its guard is leaked.
    pub forget: bool,
}

/// A limited context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Stopped after this many milliseconds.
    Deadline(u64),
    /// Not stopped until this many milliseconds after the stop.
    Shield(u64),
}

/// A kind of wait that a stop ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// `cx.sleep`
    Sleep,
    /// `cx.recv_timeout` of a channel on which nothing is sent
    Receive,
    /// `cx.ticks`, with a first tick that comes too late
    Ticks,
    /// a wait on `cx.stop_signal()`
    Signal,
    /// a loop over `cx.is_stopping()`, as in a computation
    Compute,
}

impl Act {
    /// The steps inside: steps in the same closure, then steps of closures inside.
    fn inside(&self) -> impl DoubleEndedIterator<Item = &Step> {
        let (steps, after): (&[Step], &[Step]) = match self {
            Act::Spawn(thread) => (&thread.block.steps, &[]),
            Act::Open(nested) => (&nested.block.steps, &[]),
            Act::Gather(owned) => (&owned.steps, &owned.after),
            Act::Within(_, steps) | Act::Adopt(steps) => (steps, &[]),
            Act::Map(mapped) => (mapped.body.as_deref().unwrap_or(&[]), &[]),
            _ => (&[], &[]),
        };
        steps.iter().chain(after)
    }

    /// The name that the step uses.
    fn refers(&self) -> Option<Reference> {
        match self {
            Act::JoinAround(thread, _) => Some(Reference::Given(*thread)),
            Act::Stop(scope) => Some(Reference::Stopper(*scope)),
            Act::Tell(handle) | Act::Join(handle, _) | Act::Discard(handle) | Act::Leak(handle) => {
                Some(Reference::Handle(*handle))
            }
            Act::Spawn(Thread { via: Via::Sibling(id), .. })
            | Act::Gather(Owned { via: Via::Sibling(id), .. })
            | Act::Employ(Work { via: Via::Sibling(id), .. }) => Some(Reference::Context(*id)),
            _ => None,
        }
    }
}

/// A name in a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reference {
    Handle(Id),
    Context(Id),
    Stopper(Id),
    /// The handle of a thread, given to the blocks inside of it.
    Given(Id),
}

/// All steps, also inside of others, in the order of the text.
pub(crate) fn walk(steps: &[Step]) -> Vec<&Step> {
    let mut found = Vec::new();
    let mut list: Vec<&Step> = steps.iter().rev().collect();
    while let Some(step) = list.pop() {
        found.push(step);
        list.extend(step.act.inside().rev());
    }
    found
}

/// The names that these steps use and do not make themselves.
pub(crate) fn names(steps: &[Step]) -> BTreeSet<Reference> {
    let all = walk(steps);
    let made: BTreeSet<Id> = all.iter().map(|step| step.id).collect();
    let used = all.iter().filter_map(|step| step.act.refers());
    used.filter(|name| !made.contains(&name.id())).collect()
}

/// The handles among them.
pub(crate) fn handles(steps: &[Step]) -> BTreeSet<Id> {
    let names = names(steps).into_iter();
    names.filter(|name| matches!(name, Reference::Handle(_))).map(|name| name.id()).collect()
}

/// True if the thread that does these steps is joined inside of them.
pub(crate) fn joins_around(steps: &[Step], thread: Id) -> bool {
    names(steps).contains(&Reference::Given(thread))
}

impl Reference {
    pub(crate) fn id(self) -> Id {
        match self {
            Reference::Handle(id)
            | Reference::Context(id)
            | Reference::Stopper(id)
            | Reference::Given(id) => id,
        }
    }
}

impl Tree {
    /// The number of steps, at all depths.
    pub fn len(&self) -> usize {
        walk(&self.body.steps).len()
    }

    /// True if its root's body has no steps.
    pub fn is_empty(&self) -> bool {
        self.body.steps.is_empty()
    }
}
