//! Owns the single calls of a step that have to do with stopping: callbacks, limits, stops, waits.
//! Refuses to know in which order: `act` goes through the steps.

use std::mem;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, never};

use super::act::{Frame, Held, Place};
use super::fault::{Passed, fail_by_panic};
use super::log::{Failing, How, Log, Stop, Sum, What};
use super::tree::{Callback, Id, Limit, PATIENCE, Step, Via, Wait};
use homebound::{OnStop, Result};

/// Keeps a callback registered, and notes the end of that.
pub(super) struct Guard {
    id: Id,
    log: Log,
    guard: Option<OnStop>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.guard.take());
        self.log.note(self.id, What::Gone);
    }
}

/// Blocks, deaf to any stop.
pub(super) fn linger(ms: u64) {
    let _time_is_up = never::<()>().recv_timeout(Duration::from_millis(ms));
}

impl Frame<'_, '_> {
    pub(super) fn on_stop(&self, id: Id, callback: Callback) -> Option<Guard> {
        let log = self.world.log.clone();
        log.note(id, What::Making);
        let guard = self.cx.1.on_stop({
            let log = log.clone();
            move || {
                log.note(id, What::Started { kernel: None, path: String::new() });
                if callback.panics {
                    log.note(id, What::Fails(Failing { message: id, how: How::Callback }));
                    fail_by_panic(id);
                }
            }
        });
        log.note(id, What::Made);
        if callback.forget {
            mem::forget(guard);
            return None;
        }
        Some(Guard { id, log, guard: Some(guard) })
    }

    pub(super) fn limited(&mut self, id: Id, limit: Limit, steps: &[Step]) -> Result {
        let outer = self.cx.1.clone();
        self.world.log.note(id, What::Making);
        let run = |limited: &homebound::Context| self.beneath(id, limited, |frame| frame.steps(steps));
        match limit {
            Limit::Deadline(ms) => outer.with_deadline(Instant::now() + Duration::from_millis(ms), run),
            Limit::Shield(ms) => outer.shield(Duration::from_millis(ms), run),
        }
    }

    /// Executes steps in a context of this number, which is around them alone.
    pub(super) fn beneath<R>(
        &mut self,
        id: Id,
        cx: &homebound::Context,
        steps: impl FnOnce(&mut Self) -> R,
    ) -> R {
        let outer = mem::replace(&mut self.cx, (id, cx.clone()));
        self.contexts.insert(id, cx.clone());
        let made_before = self.hands.0.keys().copied().collect();
        let ran = steps(self);
        // Handles that were made inside end with the block.
        self.hands = self.hands.take(&made_before);
        self.contexts.remove(&id);
        self.cx = outer;
        ran
    }

    pub(super) fn stop(&self, id: Id, target: Id) {
        let Some(stopper) = self.stoppers.get(&target) else { return };
        self.world.log.note(id, What::Stopping { target, how: Stop::Because });
        stopper.stop_because(format!("step {id}"));
        self.world.log.note(id, What::Stopped { target });
        self.look();
    }

    pub(super) fn shutdown(&self, id: Id, via: Via, ms: u64) {
        let (Via::InScope(target) | Via::InGroup(target) | Via::Sibling(target)) = via;
        let grace = Duration::from_millis(ms);
        self.world.log.note(id, What::Stopping { target, how: Stop::Shutdown });
        let report = match self.place {
            Place::Scope(scope) => scope.shutdown(grace),
            Place::Group(group) => group.shutdown(grace),
            Place::Static(group) => group.shutdown(grace),
            Place::Nowhere => return,
        };
        self.world.log.note(id, What::Stopped { target });
        self.world.log.note(target, What::Reported(Sum::of(&report)));
        self.look();
    }

    pub(super) fn tell(&self, id: Id, thread: Id) {
        let Some(held) = self.hands.0.get(&thread) else { return };
        self.world.log.note(id, What::Stopping { target: thread, how: Stop::ThroughHandle });
        match held {
            Held::Worker(handle) => handle.stop(),
            Held::Service(handle) => handle.stop(),
            Held::Work(work) => work.stop(),
        }
        self.world.log.note(id, What::Stopped { target: thread });
    }

    pub(super) fn wait(&self, wait: Wait) {
        let (cx, patience) = (&self.cx.1, Duration::from_millis(PATIENCE));
        self.world.log.note(self.cx.0, What::Waiting);
        let end = Instant::now() + patience;
        let timed_out = match wait {
            Wait::Sleep => cx.sleep(patience).is_ok(),
            Wait::Receive => {
                matches!(cx.recv_timeout(&never::<()>(), patience), Err(homebound::WaitError::TimedOut))
            }
            Wait::Ticks => cx.ticks(patience).next().is_some(),
            Wait::Signal => {
                let signalled = cx.stop_signal().recv_timeout(patience);
                signalled == Err(RecvTimeoutError::Timeout)
            }
            Wait::Compute => loop {
                if cx.is_stopping() {
                    break false;
                }
                if Instant::now() >= end {
                    break true;
                }
                std::thread::yield_now();
            },
        };
        self.world.log.note(self.cx.0, What::Woken { timed_out });
        self.look();
    }

    pub(super) fn call(&self) -> Result {
        (self.world.code)(&self.cx.1)
            .map_err(|error| Passed { node: self.node, error, hides: false, how: How::User }.into())
    }
}
