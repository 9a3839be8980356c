//! Owns a running task: what its closure does, and the notes of it.
//! Refuses to know whether a pool, a set, a supervisor, a map or a race has called it.

use std::sync::Arc;
use std::time::Duration;

use super::canary::Loan;
use super::fault::{Fault, fail_by_panic};
use super::log::{Failing, Finish, How, TaskEvent, What};
use super::run::World;
use super::stops::linger;
use super::tree::Id;
use super::work::{GIVES_UP_AT, Task};
use homebound::{Context, Result};

/// How long a deaf task is deaf, in milliseconds.
pub(super) const DEAF: u64 = 3;

/// The receiver that must be told of a failure of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Its scope, at once.
    Scope,
    /// Its joiner; its scope if there is none.
    Joiner,
    /// Nobody, if a restart answers it or no body asks for it.
    Perhaps,
    /// Nobody if a restart answers it, and the scope for the failure at which that ends.
    AtLast,
    /// The caller of the race.
    Caller,
}

/// The closure of a task, with all that it captures. Its drop is noted.
pub(super) struct Errand<'t> {
    pub(super) world: Arc<World>,
    /// The step of the work.
    pub(super) node: Id,
    /// The number of the task in the work, from 0.
    pub(super) place: usize,
    pub(super) task: Task,
    pub(super) told: Told,
    /// How long the task waits for its stop at most, in milliseconds.
    pub(super) patience: u64,
    pub(super) loan: Loan<'t>,
}

impl Errand<'_> {
    /// One run. Its value is the number of the task.
    pub(super) fn run(&self, cx: &Context) -> Result<usize> {
        self.world.threads.starting().begin();
        let run = cx.run_number();
        self.note(TaskEvent::Begun { run });
        self.loan.check(self.node, &self.world.log);
        if self.task.fails(run) {
            return self.fail(run);
        }
        let ended = match self.task {
            Task::Wait => cx.sleep(Duration::from_millis(self.patience)),
            Task::Linger => {
                linger(DEAF);
                Ok(())
            }
            _ => Ok(()),
        };
        self.note(TaskEvent::Over(if ended.is_ok() { Finish::Value } else { Finish::Stopped }));
        ended?;
        Ok(self.place)
    }

    fn fail(&self, run: u64) -> Result<usize> {
        let how = match self.told {
            Told::Scope => Some(How::Own),
            Told::Joiner => Some(How::Handed(self.place)),
            Told::AtLast if run >= u64::from(GIVES_UP_AT) => Some(How::Own),
            Told::AtLast | Told::Perhaps => Some(How::Answered),
            Told::Caller => None,
        };
        if let Some(how) = how {
            self.world.log.note(self.node, What::Fails(Failing { message: self.node, how }));
        }
        self.note(TaskEvent::Over(Finish::Failing));
        if self.task == Task::Panic {
            fail_by_panic(self.node);
        }
        Err(Box::new(Fault { node: self.node }))
    }

    pub(super) fn note(&self, event: TaskEvent) {
        self.world.log.note(self.node, What::Task(self.place, event));
    }
}

impl Drop for Errand<'_> {
    fn drop(&mut self) {
        self.loan.check(self.node, &self.world.log);
        self.note(TaskEvent::Gone);
    }
}
