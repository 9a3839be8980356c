//! Owns one run of a tree: its root on a thread of its own, somebody who stops what nobody else stops, and the look at the
//! kernel's list when it is over.
//! Refuses to know what the steps do: `act` does them.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use parking_lot::Mutex;

use super::act::{self, Frame};
use super::canary::Canary;
use super::guest::Guests;
use super::log::{Event, Failed, Log, Observed, Returned, Stop, Sum, What};
use super::tree::{Id, Root, Tree};
use homebound::registry::{OnOverdue, Registry, Signals};
use homebound::{Context, Result, Scope, Stopper, scope};

/// How long a run may take before it counts as hung.
pub const LIMIT: Duration = Duration::from_secs(20);

/// How often a run is looked at, and how many times in a row nothing may happen before its root is stopped.
const LOOK: Duration = Duration::from_millis(1);
const QUIET: usize = 5;

/// What all steps of a run share.
pub(super) struct World {
    pub(super) log: Log,
    pub(super) code: Box<dyn Fn(&Context) -> Result + Send + Sync>,
    /// Of the root and of the groups: a group is told only when those who may wait for it are home.
    pub(super) stoppers: Mutex<Vec<(Id, Stopper)>>,
    pub(super) guests: Guests,
}

impl Tree {
    /// Runs it on real threads, and tells what was seen. A tree comes to an end by itself: where all wait for a stop and
    /// nobody asks for one, the root is stopped.
    pub fn run(&self) -> Observed {
        self.run_with(|_| Ok(()))
    }

    /// As [`run`](Self::run), with code of yours at each [`Act::Call`](super::Act::Call): whatever the tree around it
    /// does, stops, panics, deadlines, the properties must hold, and what your own code asserts.
    ///
    /// ```
    /// use homebound_testing::Tree;
    ///
    /// # fn my_code(cx: &homebound::Context) -> homebound::Result {
    /// #     Ok(cx.checkpoint()?)
    /// # }
    /// let tree = Tree::from_bytes(&[31, 0, 0, 0]);
    /// let observed = tree.run_with(|cx| my_code(cx));
    /// assert!(observed.check().is_ok());
    /// ```
    pub fn run_with(&self, code: impl Fn(&Context) -> Result + Send + Sync + 'static) -> Observed {
        // Those of others than trees are refused, or refuse the tree's: that is noted.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _others_wait = (self.root == Root::Registry).then(|| ONE_AT_A_TIME.lock());
        let world = Arc::new(World {
            log: Log::default(),
            code: Box::new(code),
            stoppers: Mutex::default(),
            guests: Guests::default(),
        });
        let (done, returned) = bounded::<()>(0);
        let root = thread::Builder::new().name("root".to_owned()).spawn({
            let (world, tree) = (Arc::clone(&world), self.clone());
            move || {
                root(&world, &tree);
                drop(done);
            }
        });
        let hung = root.is_ok() && !watch(&world, &returned);
        if !hung {
            world.guests.join();
        }
        let events = world.log.all();
        let alive = if hung { Vec::new() } else { alive(&events) };
        Observed { tree: self.clone(), events, alive, hung }
    }
}

/// Waits for the end; stops what nobody stops. False if it does not come.
fn watch(world: &World, returned: &Receiver<()>) -> bool {
    let (start, mut quiet, mut seen, mut rescued) = (Instant::now(), 0, 0, false);
    // Looks now and then: to be told of everything that may end a standstill, all of it would have to be known.
    while returned.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        let now = world.log.len();
        quiet = if now == seen { quiet + 1 } else { 0 };
        seen = now;
        if quiet == QUIET && !rescued {
            rescued = true;
            let stoppers = world.stoppers.lock().clone();
            for (target, stopper) in stoppers {
                world.log.note(0, What::Stopping { target, how: Stop::Because });
                // Stops of two are told apart by their words, when it is asked whose an error is.
                stopper.stop_because(format!("step 0: nobody else did, for {target}"));
                world.log.note(0, What::Stopped { target });
            }
        }
        if start.elapsed() > LIMIT {
            return false;
        }
    }
    true
}

fn root(world: &Arc<World>, tree: &Tree) {
    let (canary, began, mut exited) = (Canary::new(), Cell::new(false), None);
    world.log.note(0, What::Making);
    let returned = catch_unwind(AssertUnwindSafe(|| match tree.root {
        Root::Scope => scope(|root| body(world, tree, root, &canary, &began)),
        Root::Registry => {
            // What is tried may not end the process that tries it, nor take the signals from it.
            let registry = Registry::new("root").on_overdue(OnOverdue::Wait).signals(Signals::none());
            let exit = registry.run(|root| body(world, tree, root, &canary, &began));
            exited = Some(What::Exited { code: exit.code(), sum: Sum::of(&exit.shutdown) });
            exit.result
        }
    }));
    drop(canary);
    if tree.root == Root::Registry && !began.get() {
        world.log.note(0, What::Refused);
    } else {
        world.log.note(0, What::Returned(returned_of(&returned)));
        exited.into_iter().for_each(|exited| world.log.note(0, exited));
    }
    // What is left of it is the user's.
    std::mem::forget(returned);
}

fn body<'s>(
    world: &Arc<World>,
    tree: &Tree,
    root: &'s Scope<'s, '_>,
    canary: &'s Canary,
    began: &Cell<bool>,
) -> Result {
    began.set(true);
    world.stoppers.lock().push((0, root.stopper()));
    Frame::body(world, 0, root, canary.lend()).run(&tree.body, act::Vessel::Body).map(drop)
}

/// What is noted of a scope's return.
pub(super) fn returned_of(result: &thread::Result<Result<(), homebound::ScopeError>>) -> Returned {
    match result {
        Ok(Ok(())) => Returned::Value,
        Ok(Err(error)) => Returned::Error(Failed::of(error)),
        Err(_) => Returned::Panic,
    }
}

/// Whose OS threads are still there. Bodies run on the threads of others.
fn alive(events: &[Event]) -> Vec<Id> {
    let started = events.iter().filter_map(|event| match &event.what {
        What::Started { kernel: Some(kernel), .. } => Some((event.node, kernel)),
        _ => None,
    });
    started.filter(|(_, kernel)| kernel.is_alive()).map(|(node, _)| node).collect()
}
