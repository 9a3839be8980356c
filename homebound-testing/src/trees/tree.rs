//! Owns a program of threads as plain data: scopes, groups, threads, and what each of them does.
//! Refuses to run, to print and to make one: `run`, `print` and `bytes` do.

use std::collections::BTreeSet;

/// The number of a step, by which others refer to it. The root's scope is 0.
pub type Id = usize;

/// A program of threads: what the body of its root scope does.
///
/// Each step has a number of its own. A step that refers to another (joins it, stops it) may name only what a Rust program
/// could name at that place; [`Tree::from_bytes`] makes only such trees. In a run, a name that is not there is passed over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    /// What its root scope is.
    pub root: Root,
    /// The body of the root scope.
    pub body: Block,
}

/// What opens the root scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Root {
    /// The free function `scope`.
    #[default]
    Scope,
    /// `registry::run`. There may be one in a process: runs of such trees wait for each other.
    Registry,
}

/// What a closure does: its steps, one after another, and then its end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Block {
    /// In this order.
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
    /// With `cx.checkpoint()?`: as stopped, if it was asked to stop.
    Stopped,
    /// With a value whose `Drop` panics, unless somebody joins it. A thread that is no worker has none: see `CaptureBomb`.
    ResultBomb,
    /// With a value, but the `Drop` of what the closure has captured panics. Only for threads; others end with a value.
    CaptureBomb,
}

/// One thing that a closure does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its number.
    pub id: Id,
    /// What it is.
    pub act: Act,
}

/// What a step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Spawns a thread and keeps its handle.
    Spawn(Thread),
    /// Opens a scope, on the calling thread.
    Open(Nested),
    /// Makes a group, does some steps with it, lets go of it, and does some more.
    Gather(Owned),
    /// Defers a function that ends in this way, in the innermost scope or group that can be named.
    Defer(Via, End),
    /// A foreign thread, started for it, is adopted by the closure's context, does these steps, and leaves. The caller goes on
    /// as soon as it is adopted. One that finds its scope stopping leaves at once.
    Adopt(Vec<Step>),
    /// Registers a callback on the stop of this context, until the end of the block.
    OnStop(Callback),
    /// Does some steps in a context with a limit.
    Within(Limit, Vec<Step>),
    /// Stops the scope or group of this number.
    Stop(Id),
    /// Calls `shutdown` on the innermost scope or group that can be named, with this grace in milliseconds.
    Shutdown(Via, u64),
    /// Asks the thread of this number to stop, through its handle.
    Tell(Id),
    /// Joins the thread of this number.
    Join(Id, Errors),
    /// Joins the thread of this number, in whose block this stands, or in what that opened or spawned. Nobody else has the
    /// handle then. Only of one that borrows nothing: no other's handle can be had there.
    JoinAround(Id, Errors),
    /// Drops the handle of this thread.
    Discard(Id),
    /// Leaks the handle of this thread.
    Leak(Id),
    /// Waits for the stop, in this way, but not for ever: at most [`PATIENCE`].
    Wait(Wait),
    /// Is deaf to the stop for so many milliseconds.
    Linger(u64),
    /// Looks whether it is to stop.
    Look,
    /// Calls the user's closure.
    Call,
}

/// How long a wait for the stop lasts at most, in milliseconds.
pub const PATIENCE: u64 = 2000;

/// Where something is made: whose method is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// `s0.spawn(..)`: what is made may borrow.
    InScope(Id),
    /// `g4.spawn(..)`: what is made may borrow if the group may.
    InGroup(Id),
    /// `cx7.spawn(..)`: a sibling of that thread, which borrows nothing.
    Sibling(Id),
}

/// A thread to be spawned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// In which scope, and how.
    pub via: Via,
    /// A service, and not a worker.
    pub service: bool,
    /// Its failure stops nobody.
    pub isolated: bool,
    /// When it ends, its scope is stopped.
    pub vital: bool,
    /// It shares its OS thread with nobody.
    pub dedicated: bool,
    /// It asks for more stack than a machine has: the system refuses it, and its block does not run.
    pub refused: bool,
    /// What it does.
    pub block: Block,
}

/// A scope inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nested {
    /// `s0.subscope(..)` or `g4.subscope(..)`; `None` for the free function `scope(..)`.
    pub via: Option<Via>,
    /// What its body does.
    pub block: Block,
    /// What becomes of its error. A panic of its body always goes on.
    pub errors: Errors,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// In which scope, and how.
    pub via: Via,
    /// What is done while it is there; made in it, where nothing else is said.
    pub steps: Vec<Step>,
    /// What then becomes of it.
    pub fate: Fate,
    /// What is done after that, in the same block: the handles of what was made in it are still there.
    pub after: Vec<Step>,
}

/// What becomes of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is closed.
    Close(Errors),
    /// It is dropped.
    Release,
    /// It is leaked.
    Leak,
}

/// What becomes of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errors {
    /// It is ignored.
    Ignore,
    /// It is passed on with `?`.
    Pass,
    /// It is passed on in a wrapper that does not show what it holds.
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
    /// Stopped after so many milliseconds.
    Deadline(u64),
    /// Not stopped until so many milliseconds after the stop.
    Shield(u64),
}

/// A kind of wait that a stop ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// `cx.sleep`
    Sleep,
    /// `cx.recv_timeout` of a channel on which nothing is sent
    Receive,
    /// `cx.ticks`, whose first comes too late
    Ticks,
    /// a wait on `cx.stop_signal()`
    Signal,
    /// a loop over `cx.is_stopping()`, as a computation has it
    Compute,
}

impl Act {
    /// The steps inside: what runs in the same closure, and what in one of its own.
    fn inside(&self) -> impl DoubleEndedIterator<Item = &Step> {
        let (steps, after): (&[Step], &[Step]) = match self {
            Act::Spawn(thread) => (&thread.block.steps, &[]),
            Act::Open(nested) => (&nested.block.steps, &[]),
            Act::Gather(owned) => (&owned.steps, &owned.after),
            Act::Within(_, steps) | Act::Adopt(steps) => (steps, &[]),
            _ => (&[], &[]),
        };
        steps.iter().chain(after)
    }

    /// What it refers to.
    fn refers(&self) -> Option<Reference> {
        match self {
            Act::JoinAround(thread, _) => Some(Reference::Given(*thread)),
            Act::Stop(scope) => Some(Reference::Stopper(*scope)),
            Act::Tell(handle) | Act::Join(handle, _) | Act::Discard(handle) | Act::Leak(handle) => {
                Some(Reference::Handle(*handle))
            }
            Act::Spawn(Thread { via: Via::Sibling(id), .. })
            | Act::Gather(Owned { via: Via::Sibling(id), .. }) => Some(Reference::Context(*id)),
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
    /// The handle of a thread, given to what is inside of it.
    Given(Id),
}

/// All steps, those inside others too, in the order of the text.
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
    /// How many steps it has, at all depths.
    pub fn len(&self) -> usize {
        walk(&self.body.steps).len()
    }

    /// True if its root's body does nothing but end.
    pub fn is_empty(&self) -> bool {
        self.body.steps.is_empty()
    }
}
