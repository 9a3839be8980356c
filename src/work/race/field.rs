//! Owns a race that is under way: which entrants run, which have won, when it is over.
//! Refuses to open its scope, and to know where its result goes.
//!
//! ```text
//! entrant   waiting --(its delay is over, or another one failed)--> running --> won
//!              |                                                       +--> failed
//!              +--(the race is over)--> never started                  +--> stopped
//! ```
//!
//! The body of the scope decides, on the calling thread: it starts entrants, takes their ends from
//! an inbox in the order in which they happen, and stops the scope when the race is over. Then it
//! waits until all entrants are home, because they may borrow from the caller.

use std::collections::VecDeque;
use std::panic::Location;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::entrants::Entrant;
use crate::outcome::errors::failure::Failure;
use crate::rt::awake;
use crate::rt::by_id::ById;
use crate::rt::contain::{drop_contained, log_contained};
use crate::rt::order::sort_by_key;
use crate::rt::shown::shown;
use crate::rt::time::after;
use crate::shutdown::long_wait::For;
use crate::thread::blocking::{self, until_done};
use crate::tree::life::Inbox;
use crate::tree::on_done;
use crate::tree::propagate::complain;
use crate::tree::wait_mark::WaitMark;
use crate::tree::waiting::Of;
use crate::{Handle, JoinError, RaceError, Scope, SpawnError, Stopped, ThreadId, WaitError};

/// Time after which a loser that is not home yet is worth a line in the log.
const SLOW: Duration = Duration::from_millis(100);

/// A race that is under way.
pub(super) struct Field<'scope, 'a, T> {
    scope: &'scope Scope<'scope, 'a>,
    /// The line of the call, for views.
    at: &'static Location<'static>,
    began: Instant,
    /// Sorted by their delays.
    waiting: VecDeque<Entrant<'a, T>>,
    running: ById<Handle<'scope, T>>,
    /// Given to each thread, which sends its id when it has ended.
    inbox: Inbox,
    ends: Receiver<ThreadId>,
    won: Vec<T>,
    failures: Vec<Failure>,
    /// The first refusal of a thread by the system.
    refusal: Option<SpawnError>,
}

/// Why a race cannot go on.
enum Broken {
    Stopped(Stopped),
    Spawn(SpawnError),
}

impl<'scope, 'a, T: Send + 'a> Field<'scope, 'a, T> {
    pub(super) fn new(
        scope: &'scope Scope<'scope, 'a>,
        mut entrants: Vec<Entrant<'a, T>>,
        at: &'static Location<'static>,
    ) -> Self {
        // Stable: of two with one delay, the first to be added is the first.
        sort_by_key(&mut entrants, |entrant| entrant.delay);
        let (inbox, ends) = on_done::inbox();
        Field {
            scope,
            at,
            began: Instant::now(),
            waiting: entrants.into(),
            running: ById::new(),
            inbox,
            ends,
            won: Vec::new(),
            failures: Vec::new(),
            refusal: None,
        }
    }

    /// Runs the race to its end. The error is the stop of the scope.
    pub(super) fn run(mut self, wanted: usize) -> Result<Result<Vec<T>, RaceError>, Stopped> {
        let decided = self.decide(wanted);
        let late = self.send_home();
        if decided.is_ok() && self.won.len() >= wanted {
            return Ok(Ok(self.won));
        }
        // Values that are not handed out.
        std::mem::take(&mut self.won).into_iter().for_each(|value| self.drop_value(value));
        match decided {
            Err(Broken::Spawn(error)) => Ok(Err(RaceError::Spawn(error))),
            // A stopped race was not lost. But if entrants failed because of the stop, the caller
            // gets these failures.
            Err(Broken::Stopped(stopped)) if late.is_empty() => Err(stopped),
            Err(Broken::Stopped(_)) => Ok(Err(RaceError::TooFew { wanted, failures: late })),
            Ok(()) => Ok(Err(match self.refusal {
                Some(refusal) if self.failures.is_empty() => RaceError::Spawn(refusal),
                _ => RaceError::TooFew { wanted, failures: self.failures },
            })),
        }
    }

    /// Starts entrants and takes their ends, until enough have succeeded or too few can.
    fn decide(&mut self, wanted: usize) -> Result<(), Broken> {
        loop {
            while self.due().is_some_and(|due| due <= Instant::now()) {
                self.start_next()?;
            }
            let possible = self.won.len() + self.running.len() + self.waiting.len();
            if self.won.len() >= wanted || possible < wanted {
                return Ok(());
            }
            // Without a thread that runs, no end will start the next one.
            match self.next_end() {
                Ok(id) => self.take(id)?,
                // It is time for the next entrant.
                Err(WaitError::TimedOut | WaitError::Disconnected) => {}
                Err(WaitError::Stopped(stopped)) => return Err(Broken::Stopped(stopped)),
            }
        }
    }

    /// When the next entrant that waits is to be started.
    fn due(&self) -> Option<Instant> {
        self.waiting.front().map(|entrant| after(self.began, entrant.delay))
    }

    /// Waiting -> running, for the first that waits. If the system refuses the thread, the race
    /// goes on with fewer, and the next one takes its place.
    fn start_next(&mut self) -> Result<(), Broken> {
        while let Some(Entrant { name, purpose, at, run, .. }) = self.waiting.pop_front() {
            let thread = self.scope.thread(name.clone(), purpose).isolated().spawned_at(at);
            match thread.competing().telling(self.inbox.clone()).spawn(run) {
                Ok(handle) => {
                    self.running.insert(handle.id().0, handle);
                    return Ok(());
                }
                Err(SpawnError::Os(refusal)) => {
                    log_contained(|| {
                        tracing::warn!(
                            target: "homebound::thread",
                            scope = &*shown(self.scope.context().path()),
                            thread.name = &*shown(&name),
                            %refusal,
                            "an entrant of a race was not started"
                        );
                    });
                    self.refusal.get_or_insert(SpawnError::Os(refusal));
                }
                Err(SpawnError::Stopped(stopped)) => return Err(Broken::Stopped(stopped)),
                Err(error) => return Err(Broken::Spawn(error)),
            }
        }
        Ok(())
    }

    /// Blocks until an entrant has ended, the next one is due, or the scope is stopped.
    fn next_end(&self) -> Result<ThreadId, WaitError> {
        let core = self.scope.core();
        let _mark = WaitMark::on("race", self.at, Of::Scope(core.clone()));
        let ended = blocking::receive(For::Scope(core), &core.node, self.due(), &self.ends);
        // `self` has a sender, so the channel is connected.
        ended?.map_err(|_| WaitError::Disconnected)
    }

    /// Running -> won or failed. A failure starts the next entrant.
    fn take(&mut self, id: ThreadId) -> Result<(), Broken> {
        match self.running.remove(id.0).and_then(|mut handle| handle.try_join()) {
            Some(Ok(value)) => {
                self.won.push(value);
                return Ok(());
            }
            Some(Err(JoinError::Failed(failure))) => self.failures.push(failure),
            // It was stopped, by itself or by a thread that has a stopper of it.
            Some(Err(_)) | None => {}
        }
        self.start_next()
    }

    /// The race is over: stops all entrants, and blocks until they are home. Returns what has
    /// failed since a stop from outside.
    fn send_home(&mut self) -> Vec<Failure> {
        let core = self.scope.core();
        std::mem::take(&mut self.waiting).into_iter().for_each(|entrant| self.drop_value(entrant));
        let (asked, told) = (core.node.asked_at(), awake::now());
        self.scope.stopper().stop_because("the race is over");
        let _mark = WaitMark::on("end of race", self.at, Of::Scope(core.clone()));
        let mut late = Vec::new();
        for mut handle in std::mem::take(&mut self.running).into_values() {
            until_done(handle.record(), None, &|| false);
            log_if_slow(&handle, told);
            match handle.try_join() {
                Some(Ok(value)) => self.drop_value(value),
                // The thread has logged the failure.
                Some(Err(JoinError::Failed(failure))) => late.push(failure),
                Some(Err(_)) | None => {}
            }
        }
        late.retain(|failure| asked.is_some_and(|asked| failure.at() > asked));
        late
    }

    /// Drops a closure or a value that nobody wants. A panic is a failure of the race's scope (E4).
    fn drop_value<V>(&self, value: V) {
        if let Some(payload) = drop_contained(value) {
            complain(self.scope.core(), self.scope.context().record().origin(), payload, true);
        }
    }
}

/// Logs a loser that took its time to hear the stop: the caller waited for it.
fn log_if_slow<T>(loser: &Handle<'_, T>, told: Instant) {
    let ended = loser.record().life(|life| life.ended_at);
    let took = ended.map_or(Duration::ZERO, |ended| ended.saturating_duration_since(told));
    if took > SLOW {
        log_contained(|| {
            tracing::debug!(
                target: "homebound::thread",
                path = &*shown(loser.path()),
                ?took,
                "a loser of a race was slow to come home"
            );
        });
    }
}
