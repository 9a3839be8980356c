//! Owns the single calls that a step makes: spawn, open, defer, stop, join, wait.
//! Refuses to know in which order: `act` goes through the steps.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crossbeam_channel::bounded;

use super::act::{Frame, Hands, Held, Place, Vessel};
use super::canary::{Canary, Capture, Loan, Value};
use super::fault::{Fault, fail_by_panic, message_of, pass};
use super::log::{Failed, Failing, Gave, How, Returned, Stop, What};
use super::run::returned_of;
use super::tree::{End, Errors, Fate, Id, Nested, Owned, Thread, Via, handles, joins_around};
use homebound::{Group, JoinError, Result, Scope, ScopeError, SpawnError, ThreadBuilder, scope};

pub(super) const PURPOSE: &str = "a step of a random tree";

/// More stack than any address space has room for.
const TOO_MUCH: usize = 1 << (usize::BITS - 3);

pub(super) fn name(letter: char, id: Id) -> String {
    format!("{letter}{id}")
}

impl<'a, 's> Frame<'a, 's> {
    pub(super) fn spawn(&mut self, id: Id, thread: &Thread) {
        let names = handles(&thread.block.steps);
        let held = match (thread.via, self.place) {
            (Via::InScope(_), Place::Scope(scope)) => {
                let hands = self.hands.take(&names);
                let builder = scope.thread(name('t', id), PURPOSE);
                self.launch(id, thread, builder, Place::Scope(scope), hands, self.loan.clone())
            }
            (Via::InGroup(_), Place::Group(group)) => {
                let hands = self.hands.take(&names);
                let builder = group.thread(name('t', id), PURPOSE);
                self.launch(id, thread, builder, Place::Nowhere, hands, self.loan.clone())
            }
            (Via::InGroup(_), Place::Static(group)) => {
                let builder = group.thread(name('t', id), PURPOSE);
                self.launch(id, thread, builder, Place::Nowhere, Hands::default(), Loan::none())
            }
            (Via::Sibling(context), _) => {
                let Some(context) = self.contexts.get(&context) else { return };
                let builder = context.thread(name('t', id), PURPOSE);
                let (give, given) = bounded(1);
                self.given.insert(id, given);
                let held = self.launch(id, thread, builder, Place::Nowhere, Hands::default(), Loan::none());
                self.given.remove(&id);
                match held {
                    Some(held) if joins_around(&thread.block.steps, id) => {
                        // The channel has room for one handle. If the thread is gone, the handle is
                        // dropped with the channel.
                        let _taken_or_not = give.send(held);
                        None
                    }
                    held => held,
                }
            }
            _ => return,
        };
        self.hands.0.extend(held.map(|held| (id, held)));
    }

    fn launch<'t>(
        &self,
        id: Id,
        thread: &Thread,
        builder: ThreadBuilder<'t>,
        place: Place<'t, 't>,
        hands: Hands<'t>,
        loan: Loan<'t>,
    ) -> Option<Held<'t>> {
        let builder = if thread.isolated { builder.isolated() } else { builder };
        let builder = if thread.vital { builder.vital() } else { builder };
        let builder = if thread.dedicated { builder.dedicated() } else { builder };
        let builder = if thread.refused { builder.stack_size(TOO_MUCH) } else { builder };
        let (world, block) = (Arc::clone(&self.world), thread.block.clone());
        let (mut contexts, stoppers) = (self.contexts.clone(), self.stoppers.clone());
        let given = self.given.clone();
        let (log, starting) = (world.log.clone(), world.threads.starting());
        let capture =
            Capture { node: id, log: log.clone(), loan: loan.clone(), panics: AtomicBool::new(false) };
        let closure = move |cx: &homebound::Context| {
            starting.begin();
            contexts.insert(id, cx.clone());
            let (base, cx) = (cx.clone(), (id, cx.clone()));
            let frame = Frame { world, node: id, place, base, cx, contexts, stoppers, hands, given, loan };
            frame.run(&block, Vessel::Thread(&capture))
        };
        log.note(id, What::Making);
        let held = if thread.service {
            builder.service(|cx| closure(cx).map(Value::defuse)).map(Held::Service)
        } else {
            builder.spawn(closure).map(Held::Worker)
        };
        log.note(id, if held.is_ok() { What::Made } else { What::Refused });
        held.ok()
    }

    pub(super) fn open(&mut self, id: Id, nested: &Nested) -> Result {
        let canary = Canary::new();
        let hands = self.hands.take(&handles(&nested.block.steps));
        let world = Arc::clone(&self.world);
        let (mut contexts, mut stoppers) = (self.contexts.clone(), self.stoppers.clone());
        let given = self.given.clone();
        self.world.log.note(id, What::Making);
        let returned = catch_unwind(AssertUnwindSafe(|| {
            enter(self.place, nested.via, name('s', id), |inner| {
                let mut frame = Frame::body(&world, id, inner, canary.lend());
                contexts.append(&mut frame.contexts);
                stoppers.append(&mut frame.stoppers);
                let frame = Frame { contexts, stoppers, hands, given, ..frame };
                frame.run(&nested.block, Vessel::Body).map(drop)
            })
        }));
        drop(canary);
        self.world.log.note(id, What::Returned(returned_of(&returned)));
        match returned {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => self.pass(nested.errors, error),
            Err(payload) => resume_unwind(payload),
        }
    }

    pub(super) fn pass(&self, errors: Errors, error: impl Into<homebound::BoxError>) -> Result {
        pass(self.node, errors, || self.base.stop_reason(), error)
    }

    pub(super) fn group(&mut self, id: Id, owned: &Owned) -> Result {
        self.world.log.note(id, What::Making);
        let name = name('g', id);
        match (owned.via, self.place) {
            (Via::InScope(_), Place::Scope(scope)) => {
                self.with_group(id, owned, scope.group(name), |group| Place::Group(group))
            }
            (Via::InGroup(_), Place::Group(group)) => {
                self.with_group(id, owned, group.group(name), |group| Place::Group(group))
            }
            (Via::InGroup(_), Place::Static(group)) => {
                self.with_group(id, owned, group.group(name), |group| Place::Static(group))
            }
            (Via::Sibling(context), _) => {
                let Some(context) = self.contexts.get(&context) else { return Ok(()) };
                let group = context.group(name);
                self.with_group(id, owned, group, |group| Place::Static(group))
            }
            _ => Ok(()),
        }
    }

    fn with_group<'g>(
        &mut self,
        id: Id,
        owned: &Owned,
        group: Result<Group<'g>, SpawnError>,
        place: impl for<'x> Fn(&'x Scope<'g, 'g>) -> Place<'x, 's>,
    ) -> Result {
        let Ok(group) = group else {
            self.world.log.note(id, What::Refused);
            return Ok(());
        };
        self.world.log.note(id, What::Made);
        self.world.stoppers.lock().push((id, group.stopper()));
        let made_before = self.hands.0.keys().copied().collect();
        let mut inside = Frame {
            world: Arc::clone(&self.world),
            node: self.node,
            place: place(&group),
            base: self.base.clone(),
            cx: self.cx.clone(),
            contexts: self.contexts.clone(),
            stoppers: self.stoppers.clone(),
            hands: mem::take(&mut self.hands),
            given: self.given.clone(),
            loan: self.loan.clone(),
        };
        inside.stoppers.insert(id, group.stopper());
        let ran = inside.steps(&owned.steps);
        self.hands = mem::take(&mut inside.hands);
        drop(inside);
        let fate = if ran.is_ok() { owned.fate } else { Fate::Release };
        self.let_go(id, group, fate).and(ran)?;
        let ran = self.steps(&owned.after);
        // Handles that were made inside end with the block.
        self.hands = self.hands.take(&made_before);
        ran
    }

    fn let_go(&self, id: Id, group: Group<'_>, fate: Fate) -> Result {
        if fate == Fate::Leak {
            mem::forget(group);
            return Ok(());
        }
        self.world.log.note(self.node, What::Stopping { target: id, how: Stop::Close });
        let closed = match fate {
            Fate::Close(_) => Some(group.close()),
            _ => {
                drop(group);
                None
            }
        };
        let returned = match &closed {
            None => Returned::Silent,
            Some(Ok(())) => Returned::Value,
            Some(Err(error)) => Returned::Error(Failed::of(error)),
        };
        self.world.log.note(id, What::Returned(returned));
        match (closed, fate) {
            (Some(Err(error)), Fate::Close(errors)) => self.pass(errors, error),
            _ => Ok(()),
        }
    }

    pub(super) fn defer(&self, id: Id, via: Via, end: End) {
        let world = Arc::clone(&self.world);
        let deferred = move || {
            world.log.note(id, What::Started { kernel: None, path: String::new() });
            if matches!(end, End::Error | End::Panic) {
                world.log.note(id, What::Fails(Failing { message: id, how: How::Own }));
            }
            match end {
                End::Error => Err(Fault { node: id }.into()),
                End::Panic => {
                    fail_by_panic(id);
                    Ok(())
                }
                _ => Ok(()),
            }
        };
        self.world.log.note(id, What::Making);
        match (via, self.place) {
            (Via::InScope(_), Place::Scope(scope)) => scope.defer(name('d', id), deferred),
            (Via::InGroup(_), Place::Group(group)) => group.defer(name('d', id), deferred),
            (Via::InGroup(_), Place::Static(group)) => group.defer(name('d', id), deferred),
            _ => return,
        }
        self.world.log.note(id, What::Made);
    }

    pub(super) fn join(&mut self, thread: Id, errors: Errors) -> Result {
        match self.hands.0.remove(&thread) {
            Some(held) => self.join_held(thread, held, errors),
            None => Ok(()),
        }
    }

    /// Joins a thread around this place. Waits, deaf to the stop, until the spawner has sent the
    /// handle, which it does at once.
    pub(super) fn join_around(&self, thread: Id, errors: Errors) -> Result {
        match self.given.get(&thread).and_then(|given| given.recv().ok()) {
            Some(held) => self.join_held(thread, held, errors),
            None => Ok(()),
        }
    }

    fn join_held(&self, thread: Id, held: Held<'_>, errors: Errors) -> Result {
        let joined = match held {
            Held::Worker(handle) => handle.join().map(Value::defuse),
            Held::Service(handle) => handle.join(),
            Held::Work(work) => {
                let ended = work.join(&self.cx.1, &|what| self.world.log.note(thread, what));
                return ended.or_else(|error| self.pass(errors, error));
            }
        };
        let gave = gave_of(&joined);
        gave.into_iter().for_each(|gave| self.note(What::Joined { thread, gave }));
        joined.or_else(|error| self.pass(errors, error))
    }
}

/// The note of a join. `None` if it was refused, because it would never end.
pub(super) fn gave_of<T>(joined: &Result<T, JoinError>) -> Option<Gave> {
    match joined {
        Ok(_) => Some(Gave::Value),
        Err(JoinError::Stopped(_)) => Some(Gave::Stopped),
        Err(JoinError::Dropped) => Some(Gave::Dropped),
        Err(JoinError::Expired) => Some(Gave::Expired),
        Err(JoinError::Failed(failure)) => Some(Gave::Failure(message_of(failure))),
        Err(_) => None,
    }
}

/// Opens a scope by the method that `via` names.
fn enter<'sub>(
    place: Place<'_, '_>,
    via: Option<Via>,
    name: String,
    body: impl for<'inner> FnOnce(&'inner Scope<'inner, 'sub>) -> Result,
) -> Result<(), ScopeError> {
    match (via, place) {
        (Some(Via::InScope(_)), Place::Scope(scope)) => scope.subscope(name, body),
        (Some(Via::InGroup(_)), Place::Group(group)) => group.subscope(name, body),
        (Some(Via::InGroup(_)), Place::Static(group)) => group.subscope(name, body),
        _ => scope(body),
    }
}
