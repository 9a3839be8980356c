//! Owns the execution of a tree's steps, through the public interface, and the notes of their
//! observations.
//! Refuses to know whether an observation is right.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::Receiver;

use super::canary::{Capture, Loan, Value};
use super::employ::Employed;
use super::fault::{Fault, Passed, fail_by_panic, is_stop, message_in};
use super::kernel::KernelThread;
use super::log::{Failing, Finish, How, What};
use super::run::World;
use super::tree::{Act, Block, End, Id, Step};
use homebound::{BoxError, Context, Handle, Result, Scope, Stopper};

/// The state of a running closure: the variables that a hand-written closure would have there.
pub(super) struct Frame<'a, 's> {
    pub(super) world: Arc<World>,
    /// The thread or scope whose closure it is.
    pub(super) node: Id,
    /// The innermost scope or group.
    pub(super) place: Place<'a, 's>,
    /// The closure's own context, the context of the limit around the step, and the contexts around
    /// those.
    pub(super) base: Context,
    pub(super) cx: (Id, Context),
    pub(super) contexts: BTreeMap<Id, Context>,
    pub(super) stoppers: BTreeMap<Id, Stopper>,
    pub(super) hands: Hands<'s>,
    /// Channels with the handles of threads around this place.
    pub(super) given: BTreeMap<Id, Receiver<Held<'static>>>,
    pub(super) loan: Loan<'s>,
}

/// The value on which a step can call a method.
#[derive(Clone, Copy)]
pub(super) enum Place<'a, 's> {
    Scope(&'s Scope<'s, 's>),
    Group(&'a Scope<'s, 's>),
    /// A group that borrows nothing.
    Static(&'a Scope<'static, 'static>),
    Nowhere,
}

/// Handles of threads.
#[derive(Default)]
pub(super) struct Hands<'s>(pub(super) BTreeMap<Id, Held<'s>>);

pub(super) enum Held<'s> {
    Worker(Handle<'s, Value>),
    Service(Handle<'s, ()>),
    Work(Box<dyn Employed + Send + 's>),
}

impl<'s> Hands<'s> {
    /// Takes the handles that a closure names, because they move into it.
    pub(super) fn take(&mut self, names: &BTreeSet<Id>) -> Hands<'s> {
        Hands(names.iter().filter_map(|id| Some((*id, self.0.remove(id)?))).collect())
    }
}

/// The caller of a block.
pub(super) enum Vessel<'c, 's> {
    Body,
    Thread(&'c Capture<'s>),
}

impl<'a, 's> Frame<'a, 's> {
    /// The frame of a scope's body, at the outermost.
    pub(super) fn body(
        world: &Arc<World>,
        node: Id,
        scope: &'s Scope<'s, '_>,
        loan: Loan<'s>,
    ) -> Frame<'a, 's> {
        let base = scope.context().clone();
        Frame {
            world: Arc::clone(world),
            node,
            place: Place::Scope(scope),
            cx: (node, base.clone()),
            contexts: BTreeMap::from([(node, base.clone())]),
            base,
            stoppers: BTreeMap::from([(node, scope.stopper())]),
            hands: Hands::default(),
            given: BTreeMap::new(),
            loan,
        }
    }

    /// Runs the block of a thread or of a scope's body, and notes how it ends.
    pub(super) fn run(mut self, block: &Block, vessel: Vessel<'_, 's>) -> Result<Value> {
        let kernel = matches!(vessel, Vessel::Thread(_)).then(KernelThread::current).flatten();
        self.note(What::Started { kernel, path: self.base.path().to_owned() });
        self.look();
        let (world, node) = (Arc::clone(&self.world), self.node);
        let ran = catch_unwind(AssertUnwindSafe(|| {
            self.steps(&block.steps)?;
            self.end(block.end, &vessel)
        }));
        // The closure's captures are dropped later. The frame is dropped here, as the locals of a
        // closure are.
        let frame_dropped = catch_unwind(AssertUnwindSafe(|| drop(self)));
        debug_assert!(frame_dropped.is_ok(), "handles and guards contain what they drop");
        match ran {
            Ok(Ok(value)) => {
                world.log.note(node, What::Ends(Finish::Value));
                Ok(value)
            }
            Ok(Err(error)) => {
                note_error(&world, node, &error);
                Err(error)
            }
            Err(payload) => {
                let message = message_in(&*payload).unwrap_or(node);
                world.log.note(node, What::Fails(Failing { message, how: How::Own }));
                world.log.note(node, What::Ends(Finish::Failing));
                resume_unwind(payload)
            }
        }
    }

    pub(super) fn note(&self, what: What) {
        self.world.log.note(self.node, what);
    }

    /// Reads the stop of the context, and checks the borrowed value.
    pub(super) fn look(&self) {
        let since = self.world.log.len();
        let reason = self.cx.1.stop_reason();
        self.world.log.note(self.cx.0, What::Looked { since, reason });
        self.loan.check(self.node, &self.world.log);
    }

    pub(super) fn steps(&mut self, steps: &[Step]) -> Result {
        // Dropped at the end of the block, the last first.
        let mut guards = Vec::new();
        let ran = steps.iter().try_for_each(|step| self.step(step, &mut guards));
        while let Some(guard) = guards.pop() {
            drop(guard);
        }
        ran
    }

    fn step(&mut self, step: &Step, guards: &mut Vec<super::stops::Guard>) -> Result {
        let id = step.id;
        match &step.act {
            Act::Spawn(thread) => self.spawn(id, thread),
            Act::Open(nested) => return self.open(id, nested),
            Act::Gather(owned) => return self.group(id, owned),
            Act::Defer(via, end) => self.defer(id, *via, *end),
            Act::Adopt(steps) => self.adopt(id, steps),
            Act::Employ(work) => self.employ(id, work),
            Act::Map(mapped) => return self.map(id, mapped),
            Act::Race(raced) => return self.race(id, raced),
            Act::OnStop(callback) => guards.extend(self.on_stop(id, *callback)),
            Act::Within(limit, steps) => return self.limited(id, *limit, steps),
            Act::Stop(target) => self.stop(id, *target),
            Act::Shutdown(via, ms) => self.shutdown(id, *via, *ms),
            Act::Tell(thread) => self.tell(id, *thread),
            Act::Join(thread, errors) => return self.join(*thread, *errors),
            Act::JoinAround(thread, errors) => return self.join_around(*thread, *errors),
            Act::Discard(thread) => drop(self.hands.0.remove(thread)),
            Act::Leak(thread) => std::mem::forget(self.hands.0.remove(thread)),
            Act::Wait(wait) => self.wait(*wait),
            Act::Linger(ms) => super::stops::linger(*ms),
            Act::Look => self.look(),
            Act::Call => return self.call(),
        }
        Ok(())
    }

    fn end(&self, end: End, vessel: &Vessel<'_, 's>) -> Result<Value> {
        let value =
            |panics| Value { node: self.node, log: self.world.log.clone(), watch: self.loan.watch(), panics };
        match (end, vessel) {
            (End::Error, _) => return Err(Box::new(Fault { node: self.node })),
            (End::Panic, _) => fail_by_panic(self.node),
            (End::Stopped, _) => self.base.checkpoint()?,
            (End::ResultBomb, Vessel::Thread(_)) => return Ok(value(true)),
            (End::CaptureBomb, Vessel::Thread(capture)) => capture.panics.store(true, Ordering::SeqCst),
            (End::Value | End::ResultBomb | End::CaptureBomb, _) => {}
        }
        Ok(value(false))
    }
}

fn note_error(world: &World, node: Id, error: &BoxError) {
    if is_stop(&**error) {
        world.log.note(node, What::Ends(Finish::Stopped));
        return;
    }
    let how = error.downcast_ref::<Passed>().map_or(How::Own, |passed| passed.how.clone());
    world.log.note(node, What::Fails(Failing { message: node, how }));
    world.log.note(node, What::Ends(Finish::Failing));
}
