//! RA2, RA5, RA6: failures of entrants, stops, refused threads.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::error::Error;
use std::time::{Duration, Instant};

use homebound::{
    BoxError, Cause, Failure, Race, RaceError, Result, SpawnError, StopReason, is_stop, scope, scope_named,
};

use super::slow;
use crate::common::*;

#[derive(Debug, thiserror::Error)]
#[error("mirror {0} is down")]
struct Down(u8);

fn losers() -> Race<'static, u8> {
    Race::new()
        .add("a", "fails", |_| Err(Down(1))?)
        .add_after(NEVER, "b", "panics when a has failed", |_| panic!("out of luck"))
}

#[test]
fn ra2_if_none_has_won_the_error_has_all_failures_in_their_order() {
    // catches: the last failure only, or a panic that unwinds
    within(|| {
        scope_named("app", |s| {
            let error = s.race("mirrors", losers()).unwrap_err();
            let RaceError::TooFew { wanted: 1, failures } = &error else { panic!("{error}") };
            let paths: Vec<_> = failures.iter().map(Failure::path).collect();
            assert_eq!(paths, ["/app/mirrors/a", "/app/mirrors/b"]);
            assert!(failures[0].downcast_ref::<Down>().is_some());
            let Cause::Panic { message, location } = failures[1].cause() else { panic!("{error}") };
            assert_eq!(message, "out of luck");
            assert!(location.is_some_and(|at| at.contains("failed.rs:")));
            assert!(error.source().is_none(), "there are two");
            let text = error.to_string();
            assert!(text.contains("├─ /app/mirrors/a failed: mirror 1 is down"), "{text}");
            assert!(text.contains("└─ /app/mirrors/b panicked at "), "{text}");
            Ok(assert!(!s.is_stopping()))
        })
        .unwrap();
    });
}

#[test]
fn ra2_passed_on_they_are_one_failure_with_all_of_them_inside() {
    // catches: failures that are listed beside the body's, or lost in it
    within(|| {
        let error = scope(|s| Ok(s.race("mirrors", losers())?)).unwrap_err();
        assert_eq!(error.failures().len(), 1, "{error}");
        assert_eq!(
            error.first().and_then(|failure| failure.downcast_ref::<Down>()).map(|down| down.0),
            Some(1)
        );
        assert!(error.to_string().contains("mirror 1 is down") && error.to_string().contains("out of luck"));
        let error = scope(|s| {
            let worker = s.spawn("worker", "races", |cx| Ok(cx.race("mirrors", losers())?))?;
            Ok(worker.join()?)
        })
        .unwrap_err();
        assert_eq!(error.failures().len(), 1, "{error}");
    });
}

#[test]
fn ra2_failures_of_losers_are_not_the_scopes() {
    // catches: a won race that fails the scope, because an entrant failed before or after
    in_scope(|s| {
        let race = Race::new()
            .add("early", "fails", |_| Err(Down(1))?)
            .add_after(NEVER, "winner", "wins when the first has failed", |_| Ok(2))
            .add("late", "fails when it is stopped", |cx| {
                cx.wait_for_stop();
                Err(Down(3))?
            });
        assert_eq!(s.race("mirrors", race)?, 2);
        Ok(assert!(!s.is_stopping()))
    });
}

#[test]
fn ra2_a_failure_beside_the_entrants_is_told() {
    // catches: a drop that panics, or a sibling's failure, that the won race hides
    in_scope(|s| {
        let race = Race::new().add("winner", "wins", |_| Ok(None)).add("loser", "returns a bomb", |cx| {
            cx.wait_for_stop();
            Ok(Some(Bomb::new()))
        });
        let Err(error) = s.race("bombs", race) else { panic!("the drop of the bomb has failed") };
        let RaceError::TooFew { failures, .. } = &error else { panic!("{error}") };
        assert!(failures.len() == 1 && error.to_string().contains("the bomb went off"), "{error}");
        let race = Race::new().add("parent", "spawns one that fails", |cx| {
            cx.spawn("sibling", "fails", |_| -> Result { Err(Down(4))? })?;
            slow::<u8>(cx)
        });
        let error = s.race("siblings", race).unwrap_err();
        let RaceError::TooFew { failures, .. } = &error else { panic!("{error}") };
        assert!(failures.iter().any(|failure| failure.name() == "sibling"), "{error}");
        Ok(assert!(!s.is_stopping()))
    });
}

#[test]
fn ra5_a_stop_ends_the_race_as_stopped() {
    // catches: a stop that is told as a lost race, so that a clean SIGTERM is a failure
    within(|| {
        let result = scope(|s| {
            let stopper = s.stopper();
            let race = Race::new().add("a", "has failed before", |_| Err(Down(1))?).add_after(
                NEVER,
                "b",
                "stops the scope, and hears it",
                move |cx| {
                    stopper.stop_because("enough");
                    slow::<u8>(cx)
                },
            );
            let error = s.race("mirrors", race).unwrap_err();
            assert!(matches!(&error, RaceError::Stopped(_)) && is_stop(&error), "{error}");
            Err::<(), BoxError>(error.into())
        });
        let error = result.unwrap_err();
        assert!(error.failures().is_empty(), "{error}");
        assert_eq!(error.stop_reason().map(ToString::to_string).as_deref(), Some("enough"));
    });
}

#[test]
fn ra5_what_fails_because_of_the_stop_is_told() {
    // catches: a clean-up that fails in a stopped race, and that nobody hears of
    within(|| {
        let result = scope(|s| {
            let stopper = s.stopper();
            let race = Race::new().add("a", "cannot clean up", move |cx| {
                stopper.stop();
                cx.wait_for_stop();
                linger(2);
                Err::<u8, _>(boom("could not clean up"))
            });
            Ok(s.race("mirrors", race)?)
        });
        let error = result.unwrap_err();
        assert!(error.to_string().contains("could not clean up"), "{error}");
        assert_eq!(error.failures().len(), 1, "{error}");
    });
}

#[test]
fn ra5_a_deadline_ends_it_and_a_stopped_caller_starts_nothing() {
    // catches: a race that only knows the stop of the scope
    in_scope(|s| {
        let soon = Instant::now() + Duration::from_millis(20);
        let race = || Race::new().add("a", "is slow", slow::<u8>);
        let error = s.context().with_deadline(soon, |cx| cx.race("mirrors", race())).unwrap_err();
        let RaceError::Stopped(stopped) = &error else { panic!("{error}") };
        assert_eq!(*origin(stopped.reason()), StopReason::Deadline);
        let ran = std::sync::Mutex::new(false);
        let race = Race::new().add("late", "is not started", |_| Ok(*ran.lock().unwrap() = true));
        let error = s.context().with_deadline(Instant::now(), |cx| cx.race("late", race)).unwrap_err();
        assert!(matches!(error, RaceError::Stopped(_)), "{error}");
        Ok(assert!(!*ran.lock().unwrap()))
    });
}

#[test]
fn ra6_a_name_that_is_refused_is_told_and_the_others_are_home() {
    // catches: an entrant that silently never runs
    in_scope(|s| {
        let race = Race::new().add("a", "is slow", slow::<u8>).add("", "has no name", |_| Ok(1));
        let error = s.race("mirrors", race).unwrap_err();
        assert!(matches!(error, RaceError::Spawn(SpawnError::InvalidName)), "{error}");
        Ok(assert!(s.active_threads().is_empty()))
    });
}
