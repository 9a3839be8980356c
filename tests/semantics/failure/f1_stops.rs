//! F1: a failure stops its scope at once.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::Duration;

use super::{Held, fails, falls, names};
use crate::common::*;
use homebound::{JoinError, Result, StopReason, scope};

#[test]
fn f1_the_first_failure_stops_the_scope_at_once() {
    // catches: a stop that waits for a join, while the body and the siblings wait for the stop
    within(|| {
        for fail in [fails, falls] {
            let result = scope(|s| {
                let sibling = s.spawn("sibling", "waits", until_stopped)?;
                s.spawn("culprit", "fails", fail)?;
                let reason = s.context().wait_for_stop();
                let StopReason::Failed { path } = origin(&reason) else { panic!("{reason:?}") };
                assert!(path.ends_with("/culprit"), "{path}");
                assert!(matches!(sibling.join(), Err(JoinError::Stopped(_))));
                Ok(())
            });
            assert_eq!(names(&result.unwrap_err()), ["culprit"]);
        }
    });
}

#[test]
fn f1_joining_the_handle_does_not_hide_the_failure() {
    // catches: a scope that is Ok because somebody looked at the error
    within(|| {
        for fail in [fails, falls] {
            let result = scope(|s| {
                let culprit = s.spawn("culprit", "fails", fail)?;
                let Err(JoinError::Failed(failure)) = culprit.join() else { panic!("it failed") };
                assert_eq!(failure.name(), "culprit");
                Ok(())
            });
            assert_eq!(names(&result.unwrap_err()), ["culprit"]);
        }
    });
}

#[test]
fn f1_a_failing_service_is_a_failure_like_any_other() {
    // catches: services whose errors nobody hears
    within(|| {
        let result = scope(|s| {
            s.service("culprit", "fails", fails)?;
            s.context().wait_for_stop();
            Ok(())
        });
        assert_eq!(names(&result.unwrap_err()), ["culprit"]);
        let late = scope(|s| {
            s.service("culprit", "fails when it is told to stop", |cx| {
                cx.wait_for_stop();
                Err(boom("at the end"))
            })?;
            Ok(())
        });
        assert_eq!(names(&late.unwrap_err()), ["culprit"]);
    });
}

#[test]
fn f1_a_groups_failure_stops_the_group_and_is_at_once_a_failure_of_its_scope() {
    // catches: a group that hides its failure until it is closed, or lists it twice
    within(|| {
        let result = scope(|s| {
            let group = s.group("group")?;
            let member = group.spawn("member", "waits", until_stopped)?;
            group.spawn("culprit", "fails", fails)?;
            let reason = s.context().wait_for_stop();
            assert!(matches!(origin(&reason), StopReason::Failed { .. }), "{reason:?}");
            assert!(group.is_stopping());
            assert!(matches!(member.join(), Err(JoinError::Stopped(_))));
            let error = group.close().unwrap_err();
            assert_eq!(names(&error), ["culprit"]);
            Ok(())
        });
        assert_eq!(names(&result.unwrap_err()), ["culprit"]);
    });
}

#[test]
fn f1_a_group_says_what_failed_in_it_even_if_its_scope_was_faster() {
    // catches: `Ok` from the `close` of a group that the scope around it has settled, since its
    // closer was overdue
    within(|| {
        let (ready, is_ready) = gate();
        let (open, gate) = gate();
        let result = scope(|s| {
            s.spawn("closer", "is overdue before it closes its group", move |cx| {
                let group = cx.group("group")?;
                group.spawn("culprit", "comes home when its scope waits for it", move |_| -> Result {
                    pass(&gate);
                    Err(boom("late"))
                })?;
                drop(ready);
                eventually("the scope has settled the group", || s.snapshot().root.scopes.is_empty());
                let error = group.close().unwrap_err();
                Ok(assert_eq!(names(&error), ["culprit"]))
            })?;
            pass(&is_ready);
            s.shutdown(Duration::ZERO);
            // Not earlier: what comes home during `shutdown` is settled when all are home.
            Ok(drop(open))
        });
        assert_eq!(names(&result.unwrap_err()), ["culprit"]);
    });
}

#[test]
fn f1_a_failure_after_a_stop_of_its_own_waits_for_no_code_of_the_programs() {
    // catches: an error that is asked whether it is the stop that has come to a group, or to one
    // thread, though it cannot be that: the scope around is not stopped for it until the error has
    // answered
    type Fail = fn(&homebound::Scope<'_, '_>, crossbeam_channel::Receiver<()>) -> Result;
    let ways: [(&str, Fail); 3] = [
        ("a deferred function of a group that is closed", |s, gate| {
            let group = s.context().group("group")?;
            group.defer("held", move || Err(Held(gate).into()));
            Ok(drop(group.close().expect_err("its failure")))
        }),
        ("a thread of a group that is closed", |s, gate| {
            let group = s.context().group("group")?;
            let held = group.spawn("held", "fails when it is stopped", move |cx| {
                cx.wait_for_stop();
                Err::<(), _>(Held(gate).into())
            });
            drop(held?);
            Ok(drop(group.close().expect_err("its failure")))
        }),
        ("a thread that was stopped alone", |s, gate| {
            let held = s.spawn("held", "fails when it is stopped", move |cx| {
                drop(cx.checkpoint().and_then(|()| cx.sleep(NEVER)).expect_err("stopped"));
                Err::<(), _>(Held(gate).into())
            })?;
            held.stop();
            Ok(drop(held))
        }),
    ];
    for (name, fail) in ways {
        let error = within(move || {
            scope(|s| {
                let (open, gate) = gate();
                s.spawn("sibling", "opens when it is stopped", move |cx| {
                    cx.wait_for_stop();
                    Ok(drop(open))
                })?;
                fail(s, gate)
            })
        });
        assert_eq!(error.unwrap_err().failures().len(), 1, "{name}");
    }
}

#[test]
fn f1_an_error_that_is_the_stop_of_a_group_stops_nothing_else() {
    // catches: a stop for an error that turns out to be none
    within(|| {
        scope(|s| {
            let group = s.context().group("group")?;
            let cx = group.context().clone();
            group.defer("stopped", move || Ok(cx.checkpoint()?));
            let sleeper = group.spawn("sleeps", "until it is stopped", |cx| Ok(cx.sleep(NEVER)?))?;
            group.close()?;
            assert!(!s.is_stopping(), "neither of the two has failed");
            Ok(assert!(sleeper.join().is_err()))
        })
        .unwrap();
    });
}
