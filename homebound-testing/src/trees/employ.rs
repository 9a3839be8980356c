//! Owns the calls that set work going and wait for it: pools, sets, supervisors, threads that
//! restart, maps and races.
//! Refuses to know what a task does: `task` does it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::act::{Frame, Held, Place};
use super::calls::{PURPOSE, gave_of, name};
use super::canary::Loan;
use super::log::{Decided, Failing, Finish, How, TaskEvent, What};
use super::run::returned_of;
use super::task::{Errand, Told};
use super::tree::{Id, Via};
use super::work::{Care, GIVES_UP_AT, Mapped, Raced, Task, Trade, WAITS, Work};
use homebound::work::{Child, PoolBuilder, RaceError, SupervisorBuilder};
use homebound::{
    BoxError, Context, Handle, Job, JoinSet, Pool, Race, Restart, Result, Scope, Supervisor, ThreadBuilder,
};

/// Work that is going on, behind the handle that a hand-written program would have.
pub(super) trait Employed {
    fn stop(&self);

    /// Waits for the end of all tasks, and says what each gave.
    fn join(self: Box<Self>, cx: &Context, note: &dyn Fn(What)) -> Result<(), BoxError>;
}

/// A pool, and the handles of every second job.
struct Crew<'t> {
    pool: Pool<'t>,
    jobs: Vec<(usize, Job<'t, usize>)>,
}

impl Employed for Crew<'_> {
    fn stop(&self) {
        self.pool.stop();
    }

    fn join(self: Box<Self>, _: &Context, note: &dyn Fn(What)) -> Result<(), BoxError> {
        for (place, job) in self.jobs {
            let gave = gave_of(&job.join());
            gave.into_iter().for_each(|gave| note(What::Task(place, TaskEvent::Answered(gave))));
        }
        Ok(self.pool.close()?)
    }
}

/// A set, and the ids of its members.
struct Members<'t> {
    set: JoinSet<'t, usize>,
    ids: Vec<(usize, homebound::ThreadId)>,
}

impl Employed for Members<'_> {
    fn stop(&self) {
        self.set.stop_all();
    }

    fn join(mut self: Box<Self>, cx: &Context, note: &dyn Fn(What)) -> Result<(), BoxError> {
        // A stop of the caller leaves the others to the scope.
        while let Ok(next) = self.set.next(cx) {
            let Some((id, joined)) = next else {
                note(What::Drained);
                break;
            };
            let known = self.ids.iter().find(|(_, known)| *known == id);
            let place = known.map_or(usize::MAX, |(place, _)| *place);
            // A value of another member is noted for that member.
            let place = *joined.as_ref().unwrap_or(&place);
            let gave = gave_of(&joined);
            gave.into_iter().for_each(|gave| note(What::Task(place, TaskEvent::Answered(gave))));
        }
        Ok(())
    }
}

impl Employed for Supervisor<'_> {
    fn stop(&self) {
        Supervisor::stop(self);
    }

    fn join(self: Box<Self>, _: &Context, note: &dyn Fn(What)) -> Result<(), BoxError> {
        let joined = Supervisor::join(&self);
        // If the join was refused, the supervisor goes on, and so does its count.
        if !matches!(joined, Err(homebound::JoinError::WouldDeadlock { .. })) {
            note(What::Restarts(self.restarts()));
        }
        note_of_all(&joined, note);
        Ok(joined?)
    }
}

impl Employed for Handle<'_, usize> {
    fn stop(&self) {
        Handle::stop(self);
    }

    fn join(self: Box<Self>, _: &Context, note: &dyn Fn(What)) -> Result<(), BoxError> {
        let joined = Handle::join(*self).map(drop);
        note_of_all(&joined, note);
        Ok(joined?)
    }
}

/// The end of a supervisor or of a restarting thread is that of its first task, for the log.
fn note_of_all(joined: &Result<(), homebound::JoinError>, note: &dyn Fn(What)) {
    gave_of(joined).into_iter().for_each(|gave| note(What::Task(0, TaskEvent::Answered(gave))));
}

/// A scope, a group or a context: the value on which a step calls a method.
trait Site<'t> {
    fn pool(&self, name: String) -> PoolBuilder<'t>;
    fn supervisor(&self, name: String) -> SupervisorBuilder<'t>;
    fn thread(&self, name: String) -> ThreadBuilder<'t>;
    /// Spawns a member of a set, or submits it to a pool where there is no scope.
    fn join_set(&self, cx: &Context, name: String, errands: Vec<Errand<'t>>) -> Members<'t>;
}

impl<'t> Site<'t> for Scope<'t, '_> {
    fn pool(&self, name: String) -> PoolBuilder<'t> {
        Scope::pool(self, name, PURPOSE)
    }

    fn supervisor(&self, name: String) -> SupervisorBuilder<'t> {
        Scope::supervisor(self, name, PURPOSE)
    }

    fn thread(&self, name: String) -> ThreadBuilder<'t> {
        Scope::thread(self, name, PURPOSE)
    }

    fn join_set(&self, _: &Context, name: String, errands: Vec<Errand<'t>>) -> Members<'t> {
        let mut set = JoinSet::new();
        let ids = errands.into_iter().filter_map(|errand| {
            let (place, heard) = (errand.place, errand.witness());
            let spawned = set.spawn(self, name.clone(), PURPOSE, move |cx: &Context| errand.run(cx));
            heard(spawned.is_ok());
            Some((place, spawned.ok()?))
        });
        let ids = ids.collect();
        Members { set, ids }
    }
}

impl Site<'static> for Context {
    fn pool(&self, name: String) -> PoolBuilder<'static> {
        Context::pool(self, name, PURPOSE)
    }

    fn supervisor(&self, name: String) -> SupervisorBuilder<'static> {
        Context::supervisor(self, name, PURPOSE)
    }

    fn thread(&self, name: String) -> ThreadBuilder<'static> {
        Context::thread(self, name, PURPOSE)
    }

    fn join_set(&self, cx: &Context, name: String, errands: Vec<Errand<'static>>) -> Members<'static> {
        let mut set = JoinSet::new();
        let Ok(pool) = Context::pool(self, name, PURPOSE).threads(2).queue(1).start() else {
            return Members { set, ids: Vec::new() };
        };
        let ids = errands.into_iter().filter_map(|errand| {
            let (place, heard) = (errand.place, errand.witness());
            let submitted = set.submit(&pool, cx, move |cx: &Context| errand.run(cx));
            heard(submitted.is_ok());
            Some((place, submitted.ok()?))
        });
        let ids = ids.collect();
        Members { set, ids }
    }
}

impl<'t> Errand<'t> {
    /// Notes, when the errand has been given away, whether it was taken.
    fn witness(&self) -> impl Fn(bool) + use<> {
        let (log, node, place) = (self.world.log.clone(), self.node, self.place);
        move |taken| {
            let event = if taken { TaskEvent::Taken } else { TaskEvent::Refused };
            log.note(node, What::Task(place, event));
        }
    }
}

impl<'s> Frame<'_, 's> {
    pub(super) fn employ(&mut self, id: Id, work: &Work) {
        let held = match (work.via, self.place) {
            (Via::InScope(_), Place::Scope(scope)) => self.hire(id, work, scope, self.loan.clone()),
            (Via::InGroup(_), Place::Group(group)) => self.hire(id, work, group, self.loan.clone()),
            (Via::InGroup(_), Place::Static(group)) => self.hire(id, work, group, Loan::none()),
            (Via::Sibling(context), _) => match self.contexts.get(&context) {
                Some(context) => self.hire(id, work, context, Loan::none()),
                None => return,
            },
            _ => return,
        };
        self.hands.0.extend(held.map(|held| (id, held)));
    }

    fn hire<'t>(&self, id: Id, work: &Work, site: &dyn Site<'t>, loan: Loan<'t>) -> Option<Held<'t>> {
        let errand = |place, task, told| self.errand(id, place, task, told, loan.clone());
        let held: Box<dyn Employed + Send + 't> = match work.trade {
            Trade::Pool(at_stop) => {
                let pool = site.pool(name('w', id)).at_stop(at_stop);
                Box::new(self.pool(work, pool, errand)?)
            }
            Trade::JoinSet => {
                let errands = work.staff().map(|(place, task)| errand(place, task, Told::Joiner));
                Box::new(site.join_set(&self.cx.1, name('w', id), errands.collect()))
            }
            Trade::Supervisor(care) => {
                if care.hasty {
                    // A failure of the supervisor itself, if a sibling is late.
                    self.world.log.note(id, What::Fails(Failing { message: id, how: How::Answered }));
                }
                Box::new(supervisor(work, care, site.supervisor(name('w', id)), errand)?)
            }
            Trade::Restart => {
                let (place, task) = work.staff().next()?;
                let errand = errand(place, task, Told::AtLast);
                let heard = errand.witness();
                let thread = site.thread(name('w', id)).restart(policy());
                let started = thread.spawn(move |cx| errand.run(cx));
                heard(started.is_ok());
                Box::new(started.ok()?)
            }
        };
        Some(Held::Work(held))
    }

    fn errand<'t>(&self, node: Id, place: usize, task: Task, told: Told, loan: Loan<'t>) -> Errand<'t> {
        Errand { world: Arc::clone(&self.world), node, place, task, told, patience: WAITS, loan }
    }

    fn pool<'t>(
        &self,
        work: &Work,
        pool: PoolBuilder<'t>,
        errand: impl Fn(usize, Task, Told) -> Errand<'t>,
    ) -> Option<Crew<'t>> {
        let pool = pool.threads(work.width).queue(1).start().ok()?;
        let mut jobs = Vec::new();
        for (place, task) in work.staff() {
            let by_handle = place % 2 == 1;
            let errand = errand(place, task, if by_handle { Told::Joiner } else { Told::Scope });
            let heard = errand.witness();
            let run = move |cx: &Context| errand.run(cx);
            let taken = match (by_handle, work.begin_within(place)) {
                (true, None) => pool.submit(&self.cx.1, run).map(|job| jobs.push((place, job))),
                (true, Some(limit)) => {
                    pool.submit_within(&self.cx.1, limit, run).map(|job| jobs.push((place, job)))
                }
                (false, _) => pool.execute(&self.cx.1, move |cx| run(cx).map(drop)),
            };
            heard(taken.is_ok());
        }
        Some(Crew { pool, jobs })
    }

    pub(super) fn map(&mut self, id: Id, mapped: &Mapped) -> Result {
        let cx = self.cx.1.clone();
        let told = if mapped.body.is_some() { Told::Perhaps } else { Told::Scope };
        let errands = mapped.tasks.iter().enumerate();
        let errands: Vec<_> =
            errands.map(|(place, task)| self.errand(id, place, *task, told, self.loan.clone())).collect();
        let world = Arc::clone(&self.world);
        world.log.note(id, What::Making);
        let run = |cx: &Context, errand: Errand<'s>| errand.run(cx);
        let (title, width) = (name('w', id), mapped.width);
        let returned = catch_unwind(AssertUnwindSafe(|| match &mapped.body {
            None => cx.map(title, PURPOSE, width, errands, run),
            Some(steps) => cx.map_stream(title, PURPOSE, width, errands, run, |cx, results| {
                let mut collected = Vec::new();
                collected.extend(results.next().and_then(Result::ok));
                self.beneath(id, cx, |frame| {
                    let _ignored = frame.steps(steps);
                });
                collected.extend(results.map_while(Result::ok));
                Ok(collected)
            }),
        }));
        if let Ok(Ok(collected)) = &returned {
            world.log.note(id, What::Collected(collected.clone()));
        }
        let returned = returned.map(|result| result.map(drop));
        // A map that ends without a failure has heard a stop, as a body that returns it has.
        if matches!(&returned, Ok(Err(error)) if error.failures().is_empty()) {
            world.log.note(id, What::Ends(Finish::Stopped));
        }
        world.log.note(id, What::Returned(returned_of(&returned)));
        match returned {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => self.pass(mapped.errors, error),
            Err(payload) => resume_unwind(payload),
        }
    }

    pub(super) fn race(&self, id: Id, raced: &Raced) -> Result {
        let mut race = Race::new();
        for (place, task) in raced.tasks.iter().enumerate() {
            let mut errand = self.errand(id, place, *task, Told::Caller, self.loan.clone());
            errand.patience = raced.patience();
            race = race.add(name('e', place), PURPOSE, move |cx: &Context| errand.run(cx));
        }
        let ended = match raced.wanted {
            1 => self.cx.1.race(name('w', id), race).map(|winner| vec![winner]),
            wanted => self.cx.1.quorum(name('w', id), wanted, race),
        };
        let decided = match &ended {
            Ok(winners) => Decided::Won(winners.clone()),
            Err(RaceError::TooFew { failures, .. }) => Decided::Lost(failures.len()),
            Err(RaceError::Stopped(_)) => Decided::Stopped,
            Err(_) => Decided::Refused,
        };
        self.world.log.note(id, What::Decided(decided));
        ended.map(drop).or_else(|error| self.pass(raced.errors, error))
    }
}

fn supervisor<'t>(
    work: &Work,
    care: Care,
    mut supervisor: SupervisorBuilder<'t>,
    errand: impl Fn(usize, Task, Told) -> Errand<'t>,
) -> Option<Supervisor<'t>> {
    let told = if work.is_alone() { Told::AtLast } else { Told::Perhaps };
    let mut heard = Vec::new();
    for (place, task) in work.staff() {
        let mut errand = errand(place, task, told);
        errand.patience = work.patience();
        heard.push(errand.witness());
        let child = Child::new(name('c', place), PURPOSE, move |cx| errand.run(cx).map(drop));
        supervisor = supervisor.add(if care.vital && place == 0 { child.vital() } else { child });
    }
    if care.hasty {
        supervisor = supervisor.child_grace(Duration::from_millis(1));
    }
    let started = supervisor.strategy(care.strategy).restart(policy()).start();
    heard.into_iter().for_each(|heard| heard(started.is_ok()));
    started.ok()
}

/// Restarts at once, and gives up at the third failure in a row.
fn policy() -> Restart {
    Restart::on_failure().no_backoff().intensity(100, Duration::from_secs(60)).give_up_after(GIVES_UP_AT)
}
