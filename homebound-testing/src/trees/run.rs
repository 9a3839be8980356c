//! Owns one run of a tree: its root on a thread of its own, a watcher that stops a tree in which
//! all wait, and a reading of the kernel's list at the end.
//! Refuses to know the steps: `act` executes them.

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
use super::standstill::{Standstill, Threads};
use super::tree::{Id, Root, Tree};
use homebound::registry::{OnOverdue, Registry, Signals};
use homebound::{Context, Result, Scope, Stopper, scope};

/// How long a run may take before it counts as hung.
pub const LIMIT: Duration = Duration::from_secs(60);

/// How often the watcher looks at a run.
const LOOK: Duration = Duration::from_millis(1);

/// The part of a run that all steps share.
pub(super) struct World {
    pub(super) log: Log,
    pub(super) code: Box<dyn Fn(&Context) -> Result + Send + Sync>,
    /// Stoppers of the root and of the groups. A group is told to stop only when the threads that
    /// may wait for it are home.
    pub(super) stoppers: Mutex<Vec<(Id, Stopper)>>,
    pub(super) guests: Guests,
    pub(super) threads: Arc<Threads>,
}

impl Tree {
    /// Runs the tree on real threads, and returns the observations. A run ends by itself: if all
    /// threads wait for a stop and no step asks for one, the root is stopped.
    pub fn run(&self) -> Observed {
        self.run_with(|_| Ok(()))
    }

    /// Like [`run`](Self::run), with your code at each [`Act::Call`](super::Act::Call). The
    /// properties must hold, and so must the assertions of your own code, whatever stops, panics
    /// and deadlines the tree around it has.
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
        // A registry run of other code than trees is refused, or refuses the tree's. The latter is
        // noted.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _others_wait = (self.root == Root::Registry).then(|| ONE_AT_A_TIME.lock());
        let world = Arc::new(World {
            log: Log::default(),
            code: Box::new(code),
            stoppers: Mutex::default(),
            guests: Guests::default(),
            threads: Arc::default(),
        });
        let (done, returned) = bounded::<()>(0);
        let root = thread::Builder::new().name("root".to_owned()).spawn({
            let (world, tree, starting) = (Arc::clone(&world), self.clone(), world.threads.starting());
            move || {
                starting.begin();
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

/// Waits for the end, and stops a tree in which all threads wait. Returns false if the end does not
/// come.
fn watch(world: &World, returned: &Receiver<()>) -> bool {
    let (start, mut standstill, mut rescued) = (Instant::now(), Standstill::default(), false);
    // The watcher polls. To be woken instead, it would have to know every event that may end a
    // standstill.
    while returned.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        if !rescued && standstill.look(world.log.len(), &world.threads) {
            let stoppers = world.stoppers.lock().clone();
            // There is none while a registry begins, which may take long on a busy machine.
            rescued = !stoppers.is_empty();
            for (target, stopper) in stoppers {
                world.log.note(0, What::Stopping { target, how: Stop::Because });
                // Each stop has words of its own, so that the owner of an error can be told from
                // them.
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
            // The tree under test may not end the process that tests it, nor take its signals.
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
    // The rest of the result belongs to the user's code.
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

/// The note of a scope's return.
pub(super) fn returned_of(result: &thread::Result<Result<(), homebound::ScopeError>>) -> Returned {
    match result {
        Ok(Ok(())) => Returned::Value,
        Ok(Err(error)) => Returned::Error(Failed::of(error)),
        Err(_) => Returned::Panic,
    }
}

/// The steps with OS threads that are still there. A body runs on the thread of its caller, so it
/// has none.
fn alive(events: &[Event]) -> Vec<Id> {
    let started = events.iter().filter_map(|event| match &event.what {
        What::Started { kernel: Some(kernel), .. } => Some((event.node, kernel)),
        _ => None,
    });
    started.filter(|(_, kernel)| kernel.is_alive()).map(|(node, _)| node).collect()
}
