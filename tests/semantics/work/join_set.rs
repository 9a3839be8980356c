//! JO1 to JO3: a set of threads, whose ends are taken as they happen; failures, stops and drops.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::collections::HashSet;

use crate::common::*;
use crossbeam_channel::bounded;
use homebound::{Cause, JoinError, JoinSet, Result, StopReason, scope};

#[test]
fn jo1_ends_come_as_they_happen_each_once_and_then_none() {
    // catches: ends in the order of the spawns; an end that is told twice; a `next` of an empty set
    // that hangs
    in_scope(|s| {
        let cx = s.context();
        let mut set = JoinSet::new();
        assert!(set.next(cx)?.is_none() && set.is_empty());
        let (mut ids, mut gates) = (Vec::new(), Vec::new());
        for number in 0..5 {
            let (open, closed) = gate();
            gates.push(open);
            ids.push(set.spawn(s, "member", "ends when it may", move |_| {
                pass(&closed);
                Ok(number)
            })?);
        }
        assert_eq!(set.len(), 5);
        while let Some(open) = gates.pop() {
            drop(open);
            let (id, value) = set.next(cx)?.expect("one has ended");
            let last = gates.len();
            assert_eq!((id, value?), (ids[last], last));
            assert_eq!(set.len(), last);
        }
        assert!(set.next(cx)?.is_none() && set.is_empty());
        // It can be used again.
        let id = set.spawn(s, "later", "ends at once", |_| Ok(7))?;
        let (ended, value) = set.next_timeout(cx, NEVER)?.expect("one");
        assert_eq!((ended, value?), (id, 7));
        Ok(assert!(set.next_timeout(cx, NEVER)?.is_none()))
    });
}

#[test]
fn jo1_no_end_is_missed_while_members_end_as_they_are_added() {
    // catches: an end between the spawn and the registration
    in_scope(|s| {
        let cx = s.context();
        let mut set = JoinSet::new();
        let (mut added, mut ended) = (HashSet::new(), HashSet::new());
        for round in 0..2_000 {
            added.insert(set.spawn(s, "short", "ends at once", |_| Ok(()))?);
            if round % 3 == 0 {
                ended.insert(set.next(cx)?.expect("at least one").0);
            }
        }
        while let Some((id, result)) = set.next(cx)? {
            result?;
            assert!(ended.insert(id), "told twice");
        }
        Ok(assert_eq!(added, ended))
    });
}

#[test]
fn jo2_a_failure_is_returned_and_stops_nothing() {
    // catches: a member that is no isolated thread; a failure that is listed although it was taken
    in_scope(|s| {
        let cx = s.context();
        let mut set = JoinSet::new();
        let (open, closed) = gate();
        let good = set.spawn(s, "good", "goes on", move |_| Ok(pass(&closed)))?;
        let fails = set.spawn(s, "fails", "fails", |_| Err(boom("no paper")))?;
        let (id, failed) = set.next(cx)?.expect("two");
        assert!(id == fails && matches!(&failed, Err(JoinError::Failed(f)) if f.name() == "fails"));
        let line = line!() + 1;
        let panics = set.spawn(s, "panics", "panics", |_| panic!("no ink"))?;
        let (id, panicked) = set.next(cx)?.expect("two");
        let Err(JoinError::Failed(failure)) = panicked else { panic!("{panicked:?}") };
        let Cause::Panic { message, location } = failure.cause() else { panic!("{failure:?}") };
        assert!(id == panics && message == "no ink");
        assert!(location.expect("it is known").contains(&format!("join_set.rs:{line}")));
        assert_eq!(failure.spawned_from().line(), line);
        assert!(!s.is_stopping());
        drop(open);
        Ok(assert_eq!(set.next(cx)?.expect("one").0, good))
    });
}

#[test]
fn jo2_a_failure_that_nobody_asks_for_is_the_scopes() {
    // catches: a set that takes failures along: P4
    within(|| {
        let error = scope(|s| {
            let mut set = JoinSet::new();
            set.spawn(s, "fails", "fails", |_| -> Result { Err(boom("no paper")) })?;
            while s.active_threads().iter().any(|row| row.name == "fails") {
                linger(1);
            }
            assert!(!s.is_stopping(), "its failure stops nothing");
            Ok(drop(set))
        })
        .unwrap_err();
        let failed: Vec<_> = error.failures().iter().map(|failure| failure.name().to_owned()).collect();
        assert_eq!(failed, ["fails"]);
    });
}

#[test]
fn jo2_a_failure_after_the_drop_of_the_set_is_the_scopes_too() {
    // catches: a handle that is forgotten with the set
    within(|| {
        let error = scope(|s| {
            let mut set = JoinSet::new();
            set.spawn(s, "late", "fails when it is told to stop", |cx| -> Result {
                cx.wait_for_stop();
                Err(boom("could not clean up"))
            })?;
            Ok(drop(set))
        })
        .unwrap_err();
        assert_eq!(error.failures().len(), 1, "{error}");
    });
}

#[test]
fn jo3_stop_all_tells_each_member_and_the_set_goes_on() {
    // catches: a stop that reaches some members only, or that is a failure of the scope
    in_scope(|s| {
        let cx = s.context();
        let mut set = JoinSet::new();
        for _ in 0..8 {
            set.spawn(s, "waiter", "waits for the stop", until_stopped)?;
        }
        set.stop_all();
        let line = line!() - 1;
        let mut stopped = 0;
        while let Some((_, result)) = set.next(cx)? {
            let Err(JoinError::Stopped(stop)) = result else { panic!("{result:?}") };
            let StopReason::Requested { at } = stop.reason() else { panic!("{stop}") };
            assert_eq!((at.file(), at.line()), (file!(), line));
            stopped += 1;
        }
        assert!(!cx.is_stopping());
        set.spawn(s, "later", "is not stopped", |cx| Ok(cx.checkpoint()?))?;
        set.next(cx)?.expect("one").1?;
        Ok(assert_eq!(stopped, 8))
    });
}

#[test]
fn jo3_the_drop_of_a_set_stops_its_members_and_does_not_wait() {
    // catches: a drop that joins; a drop that leaves threads running
    in_scope(|s| {
        let (open, closed) = gate();
        let (tell, told) = bounded(1);
        let mut set = JoinSet::new();
        set.spawn(s, "deaf", "is home late", move |cx| {
            let reason = cx.wait_for_stop();
            tell.send(reason.to_string())?;
            pass(&closed); // the drop would wait for ever here
            Ok(())
        })?;
        drop(set);
        assert_eq!(told.recv()?, "its join set was dropped");
        assert_eq!(s.active_threads().len(), 1);
        assert!(!s.is_stopping());
        Ok(drop(open))
    });
}

#[test]
fn jo3_a_forgotten_set_stops_nothing_and_its_members_come_home() {
    // catches: safety that rests on a drop (P3)
    within(|| {
        let lender = Lender::new();
        let error = scope(|s| {
            let mut set = JoinSet::new();
            let loan = lender.lend();
            set.spawn(s, "borrows", "borrows, and fails", move |_| -> Result {
                loan.touch();
                Err(boom("no paper"))
            })?;
            Ok(std::mem::forget(set))
        })
        .unwrap_err();
        lender.assert_unused();
        assert_eq!(error.failures().len(), 1, "{error}");
    });
}

#[test]
fn jo3_what_the_drop_of_a_member_raises_is_a_failure() {
    // catches: a panic of a result's `Drop` that unwinds through the drop of the set
    within(|| {
        let error = scope(|s| {
            let mut set = JoinSet::new();
            set.spawn(s, "result", "returns what panics when it is dropped", |_| Ok(Bomb::new()))?;
            while !s.active_threads().is_empty() {
                linger(1);
            }
            Ok(drop(set))
        })
        .unwrap_err();
        assert_eq!(error.first().expect("one").name(), "result");
    });
}
