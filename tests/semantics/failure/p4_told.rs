//! P4: a failure has a name, a cause and a place, and failures are listed in the order of their
//! times.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::fmt;
use std::sync::Arc;

use super::{fails, names};
use crate::common::*;
use crossbeam_channel::unbounded;
use homebound::{Cause, Failure, JoinError, Result, scope};

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("code {0}")]
struct Coded(u32);

#[test]
fn p4_a_failure_says_who_why_and_from_where() {
    // catches: a failure without its name, purpose, path, spawn site or typed error
    within(|| {
        let line = line!() + 2;
        let result = scope(|s| {
            s.spawn("culprit", "shows itself", |_| -> Result { Err(Coded(7).into()) })?;
            Ok(())
        });
        let error = result.unwrap_err();
        let failure = error.first().expect("one");
        assert_eq!((failure.name(), failure.purpose()), ("culprit", "shows itself"));
        assert!(failure.path().ends_with("/culprit") && failure.path().starts_with('/'));
        assert_eq!(failure.spawned_from().line(), line);
        assert!(failure.spawned_from().file().ends_with(file!()));
        assert_eq!(failure.downcast_ref::<Coded>(), Some(&Coded(7)));
        assert!(failure.downcast_ref::<fmt::Error>().is_none() && failure.take_payload().is_none());
        assert!(matches!(failure.cause(), Cause::Error(e) if e.is::<Coded>()));
        assert!(error.stop_reason().is_none() && error.omitted() == 0);
        let shown = error.to_string();
        for part in ["culprit", "shows itself", "code 7"] {
            assert!(shown.contains(part), "no {part:?} in\n{shown}");
        }
        assert_eq!(format!("{error:?}"), shown, "main prints Debug");
        assert_eq!(error.downcast::<Coded>().expect("its type comes back"), Coded(7));
    });
}

#[test]
fn p4_a_bodys_failure_has_the_path_of_its_scope() {
    // catches: a body that fails without a name, or under its last thread's
    within(|| {
        let result = scope(|s| {
            let inner: Result<(), _> = s.subscope("sub", |_| Err(Coded(1).into()));
            let error = inner.unwrap_err();
            let path = error.first().expect("one").path();
            assert_eq!(path, format!("{}/sub", s.context().path()));
            let wrong = error.downcast::<fmt::Error>().expect_err("of another type");
            assert_eq!(wrong.failures().len(), 1, "a downcast that misses gives the error back");
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn p4_failures_are_in_the_order_in_which_they_happened_with_the_tail_during_stop() {
    // catches: an order by name or by join; a tail that holds the cause of the stop
    within(|| {
        let result: Result<(), _> = scope(|s| {
            s.spawn("third", "fails in its clean-up", |cx| -> Result {
                cx.wait_for_stop();
                linger(60);
                Err(boom("late"))
            })?;
            s.spawn("second", "fails in its clean-up", |cx| -> Result {
                cx.wait_for_stop();
                linger(20);
                Err(boom("soon"))
            })?;
            s.spawn("first", "fails", fails)?;
            Ok(())
        });
        let error = result.unwrap_err();
        assert_eq!(names(&error), ["first", "second", "third"]);
        let tail: Vec<&str> = error.during_stop().iter().map(Failure::name).collect();
        assert_eq!(tail, ["second", "third"]);
    });
}

#[test]
fn p4_a_timed_out_join_keeps_the_handle_and_the_failure() {
    // catches: a result lost by a join that gave up
    within(|| {
        let result = scope(|s| {
            let (open, gate) = gate();
            let alone = s.thread("alone", "fails later").isolated().spawn(move |_| {
                pass(&gate);
                fails_with(9)
            })?;
            let alone = alone.join_timeout(std::time::Duration::from_millis(5)).unwrap_err();
            assert!(!alone.is_finished());
            drop(open);
            let Ok(Err(JoinError::Failed(failure))) = alone.join_timeout(LIMIT) else {
                panic!("it failed");
            };
            assert_eq!(failure.downcast_ref::<Coded>(), Some(&Coded(9)));
            Ok(())
        });
        assert!(result.is_ok());
    });
}

fn fails_with(code: u32) -> Result {
    Err(Coded(code).into())
}

#[test]
fn p4_a_failure_outlives_its_scope_and_is_shared() {
    // catches: a failure that points into the scope
    within(|| {
        let result = scope(|s| {
            s.spawn("culprit", "fails", |_| fails_with(3))?;
            Ok(())
        });
        let error = result.unwrap_err();
        let copies: Vec<Failure> = (0..4).map(|_| error.first().unwrap().clone()).collect();
        drop(error);
        let threads =
            copies.into_iter().map(|f| std::thread::spawn(move || f.downcast_ref::<Coded>().map(|c| c.0)));
        for thread in threads {
            assert_eq!(thread.join().unwrap(), Some(3));
        }
    });
}

#[test]
fn p4_many_threads_that_fail_at_once_are_all_told() {
    // catches: a lost update of the list; a failure dropped because the scope is stopping already
    within(|| {
        let (tell, told) = unbounded();
        let result = scope(|s| {
            let go = Arc::new(std::sync::Barrier::new(20));
            for i in 0..20 {
                let (go, tell) = (go.clone(), tell.clone());
                s.spawn(format!("culprit-{i}"), "fails", move |_| -> Result {
                    tell.send(())?;
                    go.wait();
                    if i % 2 == 0 { Err(boom("no")) } else { panic!("no") }
                })?;
            }
            Ok(())
        });
        let error = result.unwrap_err();
        assert_eq!((error.failures().len(), told.len(), error.omitted()), (20, 20, 0));
    });
}

#[test]
fn p4_the_sources_of_an_error_are_still_there() {
    // catches: an error flattened to its text
    within(|| {
        let result = scope(|s| {
            s.spawn("culprit", "fails", |_| -> Result {
                Err(anyhow::Error::from(Coded(4)).context("outer").into())
            })?;
            Ok(())
        });
        let error = result.unwrap_err();
        let Cause::Error(cause) = error.first().unwrap().cause() else { panic!("{error}") };
        assert_eq!(cause.to_string(), "outer");
        assert_eq!(cause.source().map(ToString::to_string).as_deref(), Some("code 4"));
    });
}
