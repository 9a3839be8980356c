//! Owns what a supervisor does about the end of a child, and about the requests of its handles.
//! Refuses to wait, and to choose the next step.

use std::sync::Arc;
use std::time::Instant;

use crate::outcome::errors::failure::Happened;
use crate::outcome::errors::gave_up::GaveUp;
use crate::rt::time::after;
use crate::tree::result_state::Outcome;
use crate::work::restart::decision::{Ended, Next};
use crate::work::supervisor::board::{End, Ending, History};
use crate::work::supervisor::child::Child;
use crate::work::supervisor::keeper::{Exit, Goes, Keeper};
use crate::work::supervisor::kept::{Kept, Wanted};
use crate::work::supervisor::plan::{State, Wish};
use crate::work::supervisor::request::{Reply, Request};
use crate::{BoxError, ChildError, Context, Failure, StartError, StopReason, Strategy};

impl<'scope> Keeper<'scope> {
    /// A run of a child is over, and the child is home.
    pub(super) fn came_down(&mut self, end: End, cx: &Context) -> Goes {
        let Some(place) = self.children.iter().position(|kept| kept.key == end.key) else { return Ok(()) };
        if self.leaving.is_some() {
            self.end_unanswered(end);
            return Ok(());
        }
        let kept = &mut self.children[place];
        if end.ready && matches!(kept.seat.state, State::Starting { .. }) {
            // It has said so, and has ended before the supervisor looked. Starting -> up, for the
            // callers and for readers.
            kept.set(State::Up);
            kept.came_up();
        }
        // Taken before the match: each wish is for one end.
        let wish = kept.seat.wish.take();
        // No run is on. The arms below set the state that the end leads to.
        (kept.seat.state, kept.seat.swept, kept.started) = (State::Down, false, None);
        match wish {
            None if kept.fresh => {
                let error = end.failure().cloned().map_or(StartError::NotReady, StartError::Failed);
                self.not_started(place, error, end.outcome);
            }
            None => match &mut self.first {
                // No child restarts before all are up.
                Some(first) => first.ends.push(end),
                None => return self.decide(place, end, cx),
            },
            Some(Wish::Judge) => {
                let late = StartError::TimedOut { limit: kept.limit.unwrap_or_default() };
                // A run that ends by that stop has failed by being late. A run with a failure of
                // its own has told it.
                let failure = end.failure().cloned().unwrap_or_else(|| {
                    let late = failure_of(kept, late.into(), cx);
                    kept.rerun().iter().for_each(|rerun| rerun.failed_by_verdict(&late));
                    late
                });
                return self.decide(place, End { outcome: Outcome::Failed(failure), ..end }, cx);
            }
            Some(wish) => return self.granted(place, wish, end, cx),
        }
        Ok(())
    }

    /// A child is home that was told to end, or that was to be told.
    fn granted(&mut self, place: usize, wish: Wish, end: End, cx: &Context) -> Goes {
        end.failure().into_iter().for_each(|failure| self.remember(place, failure));
        let kept = &mut self.children[place];
        match wish {
            // Told -> out of the list: the restart of a sibling ends it for good.
            Wish::Again { alone: false, .. } if kept.policy.is_never() => {
                return self.remove(place, end.outcome, cx);
            }
            // Told -> due.
            Wish::Again { at, alone } => kept.set(State::Due { at, alone }),
            // Told -> down.
            Wish::Down => {
                kept.set(State::Down);
                kept.stays_down();
            }
            // Told -> out of the list, and without a row.
            Wish::Gone | Wish::Judge => self.take_out(place, end.outcome),
        }
        Ok(())
    }

    /// All children have been started: the starter goes on, and the ends that have come meanwhile
    /// are decided.
    pub(super) fn end_first_start(&mut self, cx: &Context) -> Goes {
        // A child that is down has been up, and its end waits.
        let is_up = |kept: &Kept<'_>| matches!(kept.seat.state, State::Up | State::Down);
        if self.leaving.is_some() || !self.children.iter().all(is_up) {
            return Ok(());
        }
        let Some(first) = self.first.take() else { return Ok(()) };
        let _the_starter_left = first.starter.give(Ok(()));
        self.ends.extend(first.ends);
        self.decide_ends(cx)
    }

    /// Asks the policy about an end that nothing has asked for.
    pub(super) fn decide(&mut self, place: usize, end: End, cx: &Context) -> Goes {
        let kept = &mut self.children[place];
        let ended = end.failure().map_or(Ended::Ok, Ended::by);
        let all = Some((&self.policy, &mut self.window));
        let next = kept.policy.decide(end.at, end.lasted, &ended, &mut kept.history, all);
        if let Some(runs) = kept.rerun().and_then(|rerun| rerun.record().traits.runs.as_ref()) {
            runs.look(|runs| runs.streak = kept.history.streak);
        }
        match next {
            Next::Over => self.over(place, end, cx),
            Next::Hopeless => self.end_as(place, end),
            Next::Again(pause) => {
                self.again(place, end.failure(), after(end.at, pause), cx);
                Ok(())
            }
            Next::GiveUp { restarts, within, limit } => {
                let endless = || failure_of(kept, "it returned `Ok`, and is to run for ever".into(), cx);
                let last = end.failure().cloned().unwrap_or_else(endless);
                self.remember(place, &last);
                let kept = &mut self.children[place];
                let ids = last.ids().to_vec();
                // The error carries these failures, so a scope that lists them already does not
                // list them twice (F3).
                let gave_up = Box::new(GaveUp::new(&kept.name, restarts, within, limit, last));
                let failure = Failure::error_at(Happened::now(), cx.record().origin(), gave_up, ids);
                kept.culprit = Some(end.outcome);
                Err(Exit::Failed(failure))
            }
        }
    }

    /// A restart, together with the siblings that the strategy names: one episode.
    fn again(&mut self, place: usize, failure: Option<&Failure>, at: Instant, cx: &Context) {
        let board = Arc::clone(&self.board);
        // Until all of it is told. The text of the failure was made by the thread that failed, so
        // no code of the program's runs here.
        let mut history = board.history();
        history.restarts += 1;
        let gone = failure.map(|failure| self.remember_in(&mut history, place, failure));
        self.tell_readers(history.restarts, cx);
        let by: Arc<str> = self.children[place].path().into();
        let affected = self.strategy.affected(place, self.children.len());
        // All of them begin together, so the longest pause counts.
        let pending = |kept: &Kept<'_>| match (kept.seat.state, kept.seat.wish) {
            (State::Due { at, .. }, _) | (_, Some(Wish::Again { at, .. })) => Some(at),
            _ => None,
        };
        let at = match self.strategy {
            Strategy::OneForAll => self.children.iter().filter_map(pending).fold(at, Instant::max),
            Strategy::OneForOne | Strategy::RestForOne => at,
        };
        for (other, kept) in
            self.children.iter_mut().enumerate().filter(|(other, _)| affected.contains(other))
        {
            let at = pending(kept).map_or(at, |pending| pending.max(at));
            match (kept.seat.state, kept.seat.wish) {
                // Starting or up -> due: this is the one that has ended.
                _ if other == place => kept.set(State::Due { at, alone: false }),
                (State::Due { .. }, _) => kept.set(State::Due { at, alone: false }),
                (State::Down, _) | (_, Some(Wish::Down | Wish::Gone)) => {}
                _ => {
                    kept.seat.wish = Some(Wish::Again { at, alone: false });
                    kept.seat.swept = true;
                    kept.because = Some(Arc::clone(&by));
                    kept.limit_telling(self.grace);
                }
            }
        }
        drop(history);
        drop(gone);
    }

    /// A child has ended by itself, and does not run again.
    fn over(&mut self, place: usize, end: End, cx: &Context) -> Goes {
        let kept = &self.children[place];
        if !kept.vital {
            end.failure().into_iter().for_each(|failure| self.remember(place, failure));
            return self.remove(place, end.outcome, cx);
        }
        if end.failure().is_some() {
            return self.end_as(place, end);
        }
        let reason = StopReason::Vital { path: kept.path() };
        self.take_out(place, end.outcome);
        self.leave(reason, Exit::Over);
        Ok(())
    }

    /// The supervisor ends as this child did, which has failed.
    fn end_as(&mut self, place: usize, end: End) -> Goes {
        let Outcome::Failed(failure) = end.outcome else { return Ok(()) };
        self.remember(place, &failure);
        self.children[place].culprit = Some(Outcome::Failed(failure.clone()));
        Err(Exit::Failed(failure))
    }

    /// Takes a child that is down out of the list. Its row tells that it is over.
    fn remove(&mut self, place: usize, outcome: Outcome, cx: &Context) -> Goes {
        if self.children[place].once {
            self.take_out(place, outcome);
        } else {
            let mut kept = self.children.remove(place);
            self.end(&mut kept, outcome);
            kept.stays_down();
            let restarts = self.board.history().restarts;
            self.tell_readers(restarts, cx);
        }
        if self.ends_when_empty && self.children.is_empty() {
            let why = StopReason::Custom("all children of the supervisor are over".into());
            self.board.set_ending(Ending::Over(why));
            return Err(Exit::Over);
        }
        Ok(())
    }

    /// Takes a child that is down out of the list, with its row.
    fn take_out(&mut self, place: usize, outcome: Outcome) {
        let mut kept = self.children.remove(place);
        self.end(&mut kept, outcome);
        self.board.remove(&kept.name, false);
        kept.stays_down();
    }

    /// Says in the supervisor's own row what has happened, for dumps and reports: a child that is
    /// over has no row there.
    fn tell_readers(&self, restarts: u64, cx: &Context) {
        let plural = if restarts == 1 { "" } else { "s" };
        let over = self.board.over();
        let over = if over.is_empty() { String::new() } else { format!(", over: {over}") };
        let last = self.last_failure.iter().map(|text| format!(", last failure: {text}"));
        cx.note(format!("{}, {restarts} restart{plural}{over}{}", self.strategy, last.collect::<String>()));
    }

    /// Keeps a failure of this child in the history, and its text for readers.
    fn remember(&mut self, place: usize, failure: &Failure) {
        let board = Arc::clone(&self.board);
        let mut history = board.history();
        let gone = self.remember_in(&mut history, place, failure);
        drop(history);
        drop(gone);
    }

    /// As `remember`, in a history that is locked. Returns what the caller drops when it is free.
    fn remember_in(
        &mut self,
        history: &mut History,
        place: usize,
        failure: &Failure,
    ) -> [Option<Failure>; 2] {
        let kept = &self.children[place];
        let runs = kept.rerun().and_then(|rerun| rerun.record().traits.runs.as_ref());
        self.last_failure = runs.and_then(|runs| runs.look(|runs| runs.last_failure.clone()));
        [history.remember(failure), kept.row().and_then(|row| row.set_failure(failure))]
    }

    /// Does what a handle has asked for, or begins to.
    pub(super) fn serve(&mut self, request: Request<'scope>) {
        if self.leaving.is_some() {
            // The way back is dropped, which says that the supervisor is over.
            return self.discard(request);
        }
        let unknown = |reply: Reply| drop(reply.give(Err(ChildError::Unknown)));
        match request {
            Request::Leave { at } => {
                let reason = StopReason::Requested { at };
                self.leave(reason, Exit::Over);
            }
            Request::Add { child, reply } => self.add(child, reply),
            Request::Restart { child, by, reply } => match self.find(&child) {
                Some(place) if self.children[place].may_run_again() => self.restart(place, by, reply),
                Some(_) | None => unknown(reply),
            },
            Request::Stop { child, at, reply } => match self.find(&child) {
                Some(place) => self.stop(place, Wish::Down, StopReason::Requested { at }, reply),
                None => unknown(reply),
            },
            Request::Remove { child, at, reply } => match self.find(&child) {
                Some(place) => self.stop(place, Wish::Gone, StopReason::Requested { at }, reply),
                None if self.board.remove(&child, true) => drop(reply.give(Ok(()))),
                None => unknown(reply),
            },
        }
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.children.iter().position(|kept| kept.name == name)
    }

    fn restart(&mut self, place: usize, by: String, reply: Reply) {
        let now = Instant::now();
        let kept = &mut self.children[place];
        kept.replies.push((Wanted::Up, reply));
        match (kept.seat.state, kept.seat.wish) {
            (State::Due { .. } | State::Down, _) => kept.set(State::Due { at: now, alone: true }),
            // It begins with its siblings, or when it is home.
            (_, Some(Wish::Again { .. } | Wish::Judge)) => {}
            (State::Told { .. }, _) => kept.seat.wish = Some(Wish::Again { at: now, alone: true }),
            (State::Starting { .. } | State::Up, _) => {
                kept.seat.wish = Some(Wish::Again { at: now, alone: true });
                kept.tell(StopReason::Restarted { by }, None);
            }
        }
    }

    fn stop(&mut self, place: usize, wish: Wish, reason: StopReason, reply: Reply) {
        let kept = &mut self.children[place];
        // A closure that cannot be called again is not kept.
        let wish = if kept.may_run_again() { wish } else { Wish::Gone };
        kept.replies.push((Wanted::Down, reply));
        match kept.seat.state {
            State::Due { .. } | State::Down if wish == Wish::Gone => self.take_out(place, Outcome::Finished),
            State::Due { .. } | State::Down => {
                kept.set(State::Down);
                kept.stays_down();
            }
            State::Told { .. } => kept.seat.wish = Some(wish),
            State::Starting { .. } | State::Up => {
                kept.seat.wish = Some(wish);
                kept.seat.swept = false;
                kept.tell(reason, None);
            }
        }
    }

    fn add(&mut self, child: Child<'scope>, reply: Reply) {
        if self.find(&child.name).is_some() {
            drop(reply.give(Err(ChildError::Duplicate)));
            return self.discard(child);
        }
        self.next_key += 1;
        let mut kept = Kept::new(child, self.next_key, &self.scope, &self.policy, true);
        kept.replies.push((Wanted::Up, reply));
        if kept.vital {
            self.board.set_may_end(true);
        }
        self.children.push(kept);
    }
}

/// A failure of the child that its closure did not return.
fn failure_of(kept: &Kept<'_>, error: BoxError, cx: &Context) -> Failure {
    let record = kept.rerun().map_or(cx.record(), |rerun| rerun.record());
    Failure::error(record.origin(), error, Vec::new())
}
