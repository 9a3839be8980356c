//! Owns what trio's tests of cancel scopes ask: nesting, deadlines, shields and the reason of a
//! stop.
//! Refuses a deadline or a shield that is moved after it was set: both are fixed at their
//! beginning.

use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use homebound::{Context, StopReason, scope};

use crate::common::*;

const SOON: Duration = Duration::from_millis(20);

#[test]
fn a_stop_counts_once_and_before_and_after_the_end_alike() {
    // from: test_cancel_edge_cases; pins S1
    in_scope(|s| {
        let stopper = s.subscope("inner", |inner| {
            inner.stop();
            inner.stop();
            assert!(inner.context().checkpoint().is_err());
            Ok(inner.stopper())
        })?;
        stopper.stop();
        assert!(stopper.is_stopping() && !s.is_stopping());
        let group = s.group("never-used")?;
        group.stop();
        Ok(group.close()?)
    });
}

#[test]
fn what_is_stopped_before_it_begins_ends_at_its_first_wait() {
    // from: test_precancelled_task; pins S1, S2
    in_scope(|s| {
        let (open, closed) = gate();
        let late = s.spawn("late", "is stopped before it waits", move |cx| {
            pass(&closed);
            let before = cx.is_stopping();
            Ok(before && cx.sleep(NEVER).is_err())
        })?;
        late.stop();
        drop(open);
        Ok(assert!(late.join()?))
    });
}

#[test]
fn a_child_inherits_the_stop_of_the_scope_that_it_is_in() {
    // from: test_cancel_inheritance; pins P5
    in_scope(|s| {
        let inherits = s.subscope("stopped", |inner| {
            let inherits = inner.spawn("inherits", "is told by its scope", |cx| Ok(cx.wait_for_stop()))?;
            inner.stopper().stop_because("inherited");
            Ok(inherits.join()?)
        })?;
        assert_eq!(*origin(&inherits), StopReason::Custom("inherited".into()));
        let outside = s.spawn("outside", "is not told", |cx| Ok(cx.is_stopping()))?;
        Ok(assert!(!outside.join()?))
    });
}

#[test]
fn a_stop_of_an_outer_scope_ends_the_inner_and_one_of_the_inner_only_that() {
    // from: test_cancel_scope_nesting; pins S2
    in_scope(|s| {
        s.subscope("one", |one| {
            one.subscope("two", |two| {
                two.stop();
                assert!(two.context().checkpoint().is_err() && one.context().checkpoint().is_ok());
                Ok(())
            })?;
            one.subscope("three", |three| {
                one.stop();
                assert!(three.context().checkpoint().is_err() && one.context().checkpoint().is_err());
                Ok(())
            })?;
            Ok(assert!(s.context().checkpoint().is_ok()))
        })?;
        Ok(())
    });
}

#[test]
fn many_deadlines_around_each_other_end_at_the_nearest() {
    // from: test_very_deep_cancel_scope_nesting; pins S10
    fn nest(cx: &Context, left: u64, near: Instant) -> usize {
        if left == 0 {
            return usize::from(
                cx.deadline() == Some(near) && cx.sleep(NEVER).is_err() && Instant::now() >= near,
            );
        }
        let at = if left == 250 { near } else { near + NEVER };
        cx.with_deadline(at, |inner| nest(inner, left - 1, near))
    }
    in_scope(|s| {
        let near = Instant::now() + SOON;
        Ok(assert_eq!(nest(s.context(), 500, near), 1))
    });
}

#[test]
fn many_contexts_may_share_one_deadline() {
    // from: test_cancel_scope_deadline_duplicates; pins S10
    in_scope(|s| {
        let at = Instant::now() + SOON;
        for _ in 0..10 {
            s.spawn("timed", "has the same deadline as the others", move |cx| {
                cx.with_deadline(at, |timed| {
                    assert!(timed.stop_signal().recv().is_err());
                    Ok(assert!(Instant::now() >= at))
                })
            })?;
        }
        Ok(())
    });
}

#[test]
fn the_deadline_that_counts_can_be_asked() {
    // from: test_current_effective_deadline; pins S10
    in_scope(|s| {
        let (cx, now) = (s.context(), Instant::now());
        let (near, far) = (now + NEVER, now + NEVER * 2);
        assert_eq!(cx.deadline(), None);
        cx.with_deadline(far, |outer| {
            assert_eq!(outer.deadline(), Some(far));
            outer.with_deadline(near, |inner| assert_eq!(inner.deadline(), Some(near)));
            outer.with_deadline(far, |inner| assert_eq!(inner.deadline(), Some(far)));
            assert_eq!(homebound::current().and_then(|current| current.deadline()), Some(far));
        });
        Ok(assert_eq!(cx.deadline(), None))
    });
}

#[test]
fn a_time_out_ends_a_wait_when_it_has_passed_and_not_before() {
    // from: test_basic_timeout; pins S10
    in_scope(|s| {
        let at = Instant::now() + SOON;
        let reason = s.context().with_deadline(at, |timed| timed.wait_for_stop());
        assert!(Instant::now() >= at && reason == StopReason::Deadline);
        let in_time = s.context().with_deadline(Instant::now() + NEVER, |timed| timed.checkpoint());
        Ok(assert!(in_time.is_ok() && s.context().checkpoint().is_ok()))
    });
}

#[test]
fn a_deadline_that_passed_unnoticed_is_no_error() {
    // from: test_cancel_scope_no_cancellederror; pins S10, S4
    within(|| {
        let value = scope(|s| Ok(s.context().with_deadline(Instant::now(), |timed| timed.is_stopping())));
        assert!(value.unwrap());
    });
}

#[test]
fn a_shield_holds_back_the_stop_from_outside_and_not_its_own_scopes() {
    // from: test_cancel_shielding, test_cancel_shield_abort; pins S8
    in_scope(|s| {
        s.stop();
        assert!(s.context().checkpoint().is_err());
        s.context().shield(NEVER, |hidden| {
            hidden.checkpoint()?;
            let inner = scope(|below| {
                below.spawn("works", "runs below the shield", |cx| Ok(cx.checkpoint()?))?.join()?;
                below.stop();
                Ok(below.context().checkpoint().is_err())
            })?;
            assert!(inner && hidden.checkpoint().is_ok());
            homebound::Result::<()>::Ok(())
        })?;
        Ok(assert!(s.context().checkpoint().is_err()))
    });
}

#[test]
fn a_shield_that_ends_while_the_stop_waits_lets_it_through() {
    // from: test_unshield_while_cancel_propagating; pins S8
    in_scope(|s| {
        let (entered, is_in) = bounded(1);
        let shielded = s.spawn("shielded", "waits below a shield of limited time", move |cx| {
            let start = Instant::now();
            let ended = cx.shield(SOON, |hidden| {
                entered.send(()).expect("somebody asks");
                hidden.sleep(NEVER)
            });
            Ok(ended.is_err() && start.elapsed() >= SOON && cx.is_stopping())
        })?;
        is_in.recv()?;
        s.stop();
        Ok(assert!(shielded.join()?))
    });
}

#[test]
fn a_stop_carries_its_reason_to_every_wait() {
    // from: test_cancel_reason; pins S3
    in_scope(|s| {
        s.stopper().stop_because("hello");
        let hello = StopReason::Custom("hello".into());
        assert_eq!(s.context().checkpoint().unwrap_err().reason(), &hello);
        assert_eq!(s.context().sleep(NEVER).unwrap_err().reason(), &hello);
        let (_keep, never) = gate();
        let received = s.context().recv(&never).unwrap_err();
        Ok(assert!(received.to_string().contains("hello"), "{received}"))
    });
}

#[test]
fn a_failure_is_the_reason_for_the_siblings_and_names_the_one_that_failed() {
    // from: test_cancel_reason_nursery, test_cancel_reason_nursery2, test_cancel_reason_nursery3;
    // pins S3, F1
    within(|| {
        for in_body in [false, true] {
            let (to, reasons) = bounded(1);
            let error = scope(|s| -> homebound::Result {
                let waits =
                    s.spawn("waits", "tells why it was stopped", move |cx| Ok(to.send(cx.wait_for_stop())?))?;
                if in_body {
                    return Err(boom("the body"));
                }
                s.spawn("fails", "fails", |_| Err::<(), _>(boom("the child")))?;
                waits.join()?;
                Ok(())
            })
            .unwrap_err();
            let failed = error.first().expect("listed").path().to_owned();
            let reason = reasons.recv().unwrap();
            assert_eq!(origin(&reason), &StopReason::Failed { path: failed });
        }
    });
}

#[test]
fn a_reason_is_not_replaced_by_a_later_one() {
    // from: test_cancel_reason_not_overwritten, test_cancel_reason_not_overwritten_2,
    // test_nested_child_source; pins S3
    within(|| {
        let error = scope(|s| {
            let first = StopReason::Custom("first".into());
            s.stopper().stop_because("first");
            s.stopper().stop_because("second");
            assert_eq!(s.context().stop_reason(), Some(first.clone()));
            s.context().with_deadline(Instant::now(), |timed| {
                assert_eq!(origin(&timed.wait_for_stop()), &first, "the stop was there before the deadline");
            });
            s.subscope("below", |below| {
                below.stop();
                Ok(assert_eq!(below.context().stop_reason().as_ref().map(origin), Some(&first)))
            })?;
            Err::<(), _>(boom("and a failure after that"))
        })
        .unwrap_err();
        assert_eq!(error.report().reason, Some(StopReason::Custom("first".into())));
    });
}

#[test]
fn a_signal_that_comes_during_another_stop_is_not_its_reason() {
    // from: test_reason_delayed_ki; pins S3, G1
    fn scenario(_: &str) -> i32 {
        let exit = homebound::registry::run(|s| {
            s.stopper().stop_because("first");
            say("stopping");
            linger(200);
            Ok(s.context().wait_for_stop())
        });
        i32::from(!matches!(&exit.result, Ok(StopReason::Custom(why)) if why == "first"))
    }
    let mut child = child("", scenario);
    child.until("stopping").signal(libc::SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}
