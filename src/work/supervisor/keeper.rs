//! Owns the thread of a supervisor: it takes in the ends of its children and the requests of its
//! handles, decides, and acts. No other thread decides, so there is one decision at a time.
//! Refuses to choose what is next (`plan` does), and to know when a policy gives up.
//!
//! The thread is a worker of the group whose services its children are, so a stop of the group
//! reaches it first (E1). Then it ends its children that are down, and returns; the group tells the
//! others, the last made first, each with its share of the grace (E3).
//!
//! # Named races
//!
//! - **An end against the end of the supervisor.** A child posts its end, and the supervisor closes
//!   its board, under one lock (`board`). So the supervisor finds the end and puts the child away,
//!   or the child finds the board closed and ends for good.
//! - **A telling against an end.** A child ends by itself just when it is told to end. The stop of
//!   its run comes too late, and is forgotten before the next run (`Runs::stop_run`). Its wish says
//!   what follows, since it is home in both cases.
//! - **An end against a request.** A caller asks the supervisor to end, and a run ends after that.
//!   The supervisor takes the ends from the board before it takes the requests: each end that it
//!   decides was posted before a request that it has not seen, so no run that ended after
//!   `Supervisor::stop` had returned is restarted.
//! - **A child that is late against the end of the supervisor.** A child that does not come home in
//!   time is given up, and stays in the list until the board is closed: its end may come until then
//!   (`Kept::give_up`).
//! - **A stop against a start.** A run that begins in a group that is stopping is not called
//!   (`thread::rerun`).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Select;

use crate::outcome::words::{END_OF_CHILD, START_OF_CHILD};
use crate::rt::time::after;
use crate::stop::listen::Keeper as Listening;
use crate::tree::propagate;
use crate::tree::readiness::Stage;
use crate::tree::result_state::Outcome;
use crate::tree::wait_mark::WaitMark;
use crate::tree::waiting::Of;
use crate::work::restart::decision::Window;
use crate::work::supervisor::board::{Board, End, Ending};
use crate::work::supervisor::error::Deaf;
use crate::work::supervisor::kept::Kept;
use crate::work::supervisor::plan::{self, State, Step, Wish};
use crate::work::supervisor::reply::Reply;
use crate::work::supervisor::request::Requests;
use crate::{Context, Failure, Restart, Result, Scope, SpawnError, StartError, StopReason, Strategy};

pub(super) struct Keeper<'scope> {
    /// The group of the children.
    pub(super) scope: Scope<'scope, 'scope>,
    pub(super) board: Arc<Board>,
    pub(super) requests: Arc<Requests<'scope>>,
    pub(super) strategy: Strategy,
    pub(super) policy: Restart,
    /// The restarts of all children together.
    pub(super) window: Window,
    /// The text of the last failure of a child, for readers.
    pub(super) last_failure: Option<Arc<str>>,
    pub(super) grace: Duration,
    /// In the order in which they start.
    pub(super) children: Vec<Kept<'scope>>,
    pub(super) next_key: u64,
    /// Ends that were taken from the board, and are not decided.
    pub(super) ends: VecDeque<End>,
    /// True if the supervisor was started with children: it ends with the last of them. Started
    /// without any, it waits for children that come and go.
    pub(super) ends_when_empty: bool,
    /// Some until all children have been started for the first time.
    pub(super) first: Option<First>,
    /// Some once it is about to end.
    pub(super) leaving: Option<Leaving>,
}

/// The first start, in which nothing restarts.
pub(super) struct First {
    pub(super) starter: Reply<std::result::Result<(), StartError>>,
    /// Ends of children that were up. Taken in when all are up.
    pub(super) ends: Vec<End>,
}

/// The end of the supervisor while its children are put away.
pub(super) struct Leaving {
    /// What the children are told.
    pub(super) reason: StopReason,
    pub(super) then: Exit,
}

/// How the supervisor ends.
pub(super) enum Exit {
    /// All children are over, or a vital one, or it was asked to leave. The board has the reason.
    Over,
    /// The group is told to stop.
    Stopped,
    /// With this failure, which stops the group and the scope around it (F1).
    Failed(Failure),
    /// It has not started.
    NotStarted(StartError),
}

/// Goes on, or ends the supervisor.
pub(super) type Goes = std::result::Result<(), Exit>;

impl<'scope> Keeper<'scope> {
    /// The whole life of the supervisor's thread.
    pub(super) fn run(mut self, cx: &Context) -> Result {
        let exit = loop {
            if let Err(exit) = self.step(cx) {
                break exit;
            }
        };
        match exit {
            Exit::Over => {
                self.put_away();
                Ok(())
            }
            // The ending before the requests are refused, because a refusal tells it.
            Exit::Stopped => {
                self.board.set_ending(Ending::Stopped(cx.node().cause()));
                self.put_away();
                if let Some(Leaving { then: Exit::NotStarted(error), .. }) = self.leaving.take() {
                    self.tell_starter(error);
                }
                Err(cx.stopped().into())
            }
            Exit::Failed(failure) => {
                // At once, before any closure of the program's is dropped (F1).
                cx.core().fail(&failure, true);
                propagate::log(&failure);
                self.board.set_ending(Ending::Failed(failure.clone()));
                self.put_away();
                // It is listed already, so this adds no entry (F3).
                Err(Box::new(failure.marked()))
            }
            Exit::NotStarted(error) => {
                self.put_away();
                self.tell_starter(error);
                Ok(())
            }
        }
    }

    /// One turn: takes in what has come, and does one thing.
    fn step(&mut self, cx: &Context) -> Goes {
        if cx.node().is_stopping() {
            return Err(Exit::Stopped);
        }
        // The ends before the requests: an end that is posted between these two lines waits for the
        // next turn, which sees each request that was made before it.
        self.ends.extend(self.board.take_ends());
        // Requests are served before ends are decided, so that a supervisor that was asked to leave
        // restarts nothing.
        for request in self.requests.take() {
            // The ways back in a request are answered on this thread alone.
            self.serve(request);
        }
        self.decide_ends(cx)?;
        self.look_who_is_ready();
        self.end_first_start(cx)?;
        if self.children.iter().all(Kept::is_given_up) {
            if let Some(leaving) = self.leaving.take() {
                return Err(leaving.then);
            }
        }
        let now = Instant::now();
        let ordered = self.first.is_some() || self.strategy.is_ordered();
        match plan::next(&self.children, ordered, now) {
            Step::Tell(place) => self.tell_swept(place, now),
            Step::Start(place) => self.start(place, now, cx)?,
            Step::Late(place) => self.late(place, cx)?,
            Step::NotReady(place) => self.not_ready(place, now, cx),
            Step::Wait(until) => self.wait(until, cx),
        }
        Ok(())
    }

    /// Decides about the ends that were taken from the board, in their order.
    pub(super) fn decide_ends(&mut self, cx: &Context) -> Goes {
        while let Some(end) = self.ends.pop_front() {
            self.came_down(end, cx)?;
        }
        Ok(())
    }

    /// Blocks until something is posted, a child is ready, the stop comes, or until `until`. Pairs
    /// with `Board::ring` and `Record::set_ready`.
    fn wait(&self, until: Option<Instant>, cx: &Context) {
        let (what, of) = self.awaited();
        let _mark = WaitMark::on(what, cx.record().label.at, of);
        let mut select = Select::new();
        select.recv(cx.node().signal(Listening::Listener));
        select.recv(&self.board.rung);
        self.children.iter().filter_map(|kept| kept.started.as_ref()).for_each(|started| {
            select.recv(started);
        });
        match until {
            Some(until) => drop(select.ready_deadline(until)),
            None => drop(select.ready()),
        }
        // Before the next look at what is posted: a ring after this wakes the next wait.
        let _rung_or_not = self.board.rung.try_recv();
    }

    /// The reason that a dump shows for the wait: the end of a child that was told comes before the
    /// start of another child.
    fn awaited(&self) -> (&'static str, Of) {
        let last = |is: fn(&State) -> bool| {
            let kept = self.children.iter().rev().find(|kept| is(&kept.seat.state))?;
            Some(Of::Thread(Arc::clone(kept.rerun()?.record())))
        };
        let told = last(|state| matches!(state, State::Told { .. })).map(|of| (END_OF_CHILD, of));
        let starting =
            || last(|state| matches!(state, State::Starting { .. })).map(|of| (START_OF_CHILD, of));
        told.or_else(starting).unwrap_or(("its children", Of::Nobody))
    }

    /// Starting -> up, for each child that has said that it is ready.
    fn look_who_is_ready(&mut self) {
        for kept in &mut self.children {
            let Some(stage) = kept.rerun().map(|rerun| rerun.record().stage()) else { continue };
            if matches!(kept.seat.state, State::Starting { .. }) && stage == Stage::Ready {
                kept.started = None;
                kept.set(State::Up);
                kept.came_up();
            } else if stage != Stage::Starting {
                // It says no more. Its end is posted.
                kept.started = None;
            }
        }
    }

    /// Due -> starting or up.
    fn start(&mut self, place: usize, now: Instant, cx: &Context) -> Goes {
        let kept = &mut self.children[place];
        match (kept.begin(&self.board), kept.limit) {
            (Ok(()), Some(limit)) => kept.set(State::Starting { until: after(now, limit) }),
            (Ok(()), None) => {
                kept.set(State::Up);
                kept.came_up();
            }
            (Err(refusal), _) => return self.refused(place, refusal, cx),
        }
        Ok(())
    }

    /// The system has refused the thread of a run.
    fn refused(&mut self, place: usize, refusal: SpawnError, cx: &Context) -> Goes {
        let kept = &mut self.children[place];
        // Due -> down: no run is on.
        kept.seat.state = State::Down;
        match kept.rerun() {
            // A failed run, which has a number.
            Some(rerun) => {
                let outcome = Outcome::Failed(rerun.refused_run(refusal));
                let (at, lasted) = (Instant::now(), Duration::ZERO);
                let key = kept.key;
                self.decide(place, End { key, outcome, ready: false, at, lasted }, cx)
            }
            None => {
                self.not_started(place, StartError::Spawn(refusal), Outcome::Finished);
                Ok(())
            }
        }
    }

    /// A child whose first run did not come up: it leaves the list, and the caller that wanted it
    /// learns why.
    pub(super) fn not_started(&mut self, place: usize, error: StartError, outcome: Outcome) {
        let mut kept = self.children.remove(place);
        self.end(&mut kept, outcome);
        self.board.remove(&kept.name, false);
        let (adder, reason) = (kept.adder(), StopReason::Failed { path: self.path(&kept.name) });
        kept.stays_down();
        self.tell_not_started(adder, error, reason);
    }

    fn path(&self, child: &str) -> String {
        format!("{}/{child}", self.scope.core().path())
    }

    /// Swept -> told, in its turn.
    fn tell_swept(&mut self, place: usize, now: Instant) {
        let until = Some(after(now, self.grace));
        let kept = &mut self.children[place];
        let reason = match (&self.leaving, &kept.because) {
            (Some(leaving), _) => leaving.reason.clone(),
            (None, by) => StopReason::Restarted { by: by.as_deref().unwrap_or_default().to_owned() },
        };
        kept.tell(reason, until);
    }

    /// A child that is starting did not say in time that it is ready.
    fn not_ready(&mut self, place: usize, now: Instant, cx: &Context) {
        let kept = &mut self.children[place];
        let Some(rerun) = kept.rerun() else { return };
        if rerun.record().give_up_start() == Stage::Ready {
            // It was faster.
            return self.look_who_is_ready();
        }
        let limit = kept.limit.unwrap_or_default();
        let late = StopReason::Custom(format!("not ready within {limit:?}").into());
        // Starting -> told. When it is home, the policy decides as about a failed run.
        kept.seat.wish = Some(Wish::Judge);
        kept.tell(late, Some(after(now, self.grace)));
        if kept.fresh {
            // No child restarts in a first start. The caller need not wait until the child is home.
            let error = StartError::TimedOut { limit };
            kept.seat.wish = Some(Wish::Gone);
            let (adder, reason) = (kept.adder(), StopReason::Failed { path: cx.path().to_owned() });
            self.tell_not_started(adder, error, reason);
        }
    }

    /// A child that was told to end has not come home. Never a second run beside it.
    fn late(&mut self, place: usize, cx: &Context) -> Goes {
        if self.leaving.is_some() {
            self.children[place].give_up();
            return Ok(());
        }
        let kept = &mut self.children[place];
        if kept.seat.wish == Some(Wish::Gone) && !kept.seat.swept {
            // Nothing waits for it. Its row says that it is told to stop.
            kept.seat.state = State::Told { until: None };
            return Ok(());
        }
        let deaf = Deaf { child: kept.name.clone(), grace: self.grace };
        Err(Exit::Failed(Failure::error(cx.record().origin(), Box::new(deaf), Vec::new())))
    }
}

impl Drop for Keeper<'_> {
    /// On every way out, a panic included.
    fn drop(&mut self) {
        self.put_away();
    }
}
