//! Owns the questions of Kotlin's tests of supervisors and coroutine scopes: isolation, which
//! thread stops which, which cause is reported.
//! Refuses dispatchers and flows.

use crossbeam_channel::bounded;
use homebound::{Cause, JoinError, Result, StopReason, scope};

use crate::common::*;

fn fails(text: &'static str) -> impl FnOnce(&homebound::Context) -> Result + Send {
    move |_| Err(boom(text))
}

#[test]
fn an_isolated_child_that_fails_leaves_its_siblings_alone() {
    // from: SupervisorTest.testSupervisorScopeIsolation; pins F2
    in_scope(|s| {
        let sibling = s.spawn("sibling", "goes on", |cx| Ok(cx.wait_for_stop()))?;
        for _ in 0..3 {
            let failed = s.thread("child", "fails").isolated().spawn(fails("alone"))?.join();
            assert!(matches!(failed, Err(JoinError::Failed(_))));
        }
        assert!(!s.is_stopping() && !sibling.is_finished());
        Ok(sibling.stop())
    });
}

#[test]
fn a_supervisor_whose_body_throws_stops_its_children_and_throws_its_own() {
    // from: SupervisorTest.testThrowingSupervisorScope,
    // SupervisorTest.testSupervisorThrowsWithFailingChild; pins E2, P4
    within(|| {
        for child_fails in [false, true] {
            let error = scope(|s| -> Result {
                if child_fails {
                    let child = s.thread("child", "fails").isolated().spawn(fails("the child"))?;
                    assert!(matches!(child.join(), Err(JoinError::Failed(_))));
                }
                s.spawn("sibling", "is stopped by the body's error", until_stopped)?;
                Err(boom("the body"))
            })
            .unwrap_err();
            assert_eq!(error.failures().len(), 1, "a joined isolated failure is its joiner's");
            assert!(matches!(error.failures()[0].cause(), Cause::Error(e) if e.to_string() == "the body"));
        }
    });
}

#[test]
fn an_isolated_child_is_stopped_from_outside_like_any_other() {
    // from: SupervisorTest.testSupervisorScopeExternalCancellation,
    // SupervisorTest.testSupervisorWithParentCancelNormally; pins P5, F2
    in_scope(|s| {
        s.subscope("supervisor", |supervisor| {
            let children: Result<Vec<_>, _> =
                (0..3).map(|_| supervisor.thread("child", "waits").isolated().spawn(until_stopped)).collect();
            s.stopper().stop_because("from outside");
            for child in children? {
                let Err(JoinError::Stopped(why)) = child.join() else { panic!("it was not stopped") };
                assert_eq!(origin(why.reason()), &StopReason::Custom("from outside".into()));
            }
            Ok(())
        })?;
        Ok(())
    });
}

#[test]
fn a_failure_outside_is_the_reason_inside_and_is_told_outside_only() {
    // from: SupervisorTest.testSupervisorWithParentCancelException,
    // SupervisorTest.testSupervisorScopeCancellationVsException; pins S3, F3
    within(|| {
        let error = scope(|s| {
            let inner = s.subscope("inner", |inner| {
                inner.thread("child", "waits").isolated().spawn(until_stopped)?;
                s.spawn("outside", "fails", fails("outside"))?;
                Ok(inner.context().sleep(NEVER)?)
            });
            let stopped = inner.unwrap_err();
            assert!(stopped.failures().is_empty(), "{stopped}");
            let reason = stopped.stop_reason().expect("it was stopped");
            assert!(matches!(origin(reason), StopReason::Failed { path } if path.ends_with("/outside")));
            Err::<(), _>(stopped.into())
        })
        .unwrap_err();
        assert_eq!((error.failures().len(), error.failures()[0].name()), (1, "outside"));
    });
}

#[test]
fn a_scope_may_stop_itself_and_still_give_a_value() {
    // from: CoroutineScopeTest.testScopeCancelledFromWithin; pins S4
    within(|| {
        let value = scope(|s| {
            s.spawn("child", "is stopped", until_stopped)?;
            s.stop();
            Ok(42)
        });
        assert_eq!(value.unwrap(), 42);
        let error = scope(|s| {
            s.stop();
            Ok(s.context().checkpoint()?)
        })
        .unwrap_err();
        assert!(error.failures().is_empty() && error.stop_reason().is_some(), "{error}");
    });
}

#[test]
fn an_error_from_within_a_child_or_the_block_ends_the_scope_only() {
    // from: CoroutineScopeTest.testExceptionFromWithin, CoroutineScopeTest.testScopeBlockThrows;
    // pins F1, S2
    in_scope(|s| {
        let by_child = s.subscope("inner", |inner| {
            inner.spawn("child", "fails", fails("the child"))?;
            Ok(_ = inner.context().wait_for_stop())
        });
        assert_eq!(by_child.unwrap_err().failures().len(), 1);
        let by_block = s.subscope("inner", |inner| -> Result {
            inner.spawn("child", "is stopped", until_stopped)?;
            Err(boom("the block"))
        });
        assert_eq!(by_block.unwrap_err().failures().len(), 1);
        Ok(assert!(!s.is_stopping(), "who has the error decides what becomes of it"))
    });
}

#[test]
fn a_scope_inside_ends_when_the_one_around_it_is_stopped() {
    // from: CoroutineScopeTest.testOuterJobIsCancelled; pins P5
    in_scope(|s| {
        let (ready, is_ready) = bounded(1);
        let outer = s.spawn("outer", "has a scope inside", move |_| {
            Ok(scope(|inner| {
                inner.spawn("child", "waits", until_stopped)?;
                ready.send(())?;
                Ok(inner.context().sleep(NEVER)?)
            })?)
        })?;
        is_ready.recv()?;
        outer.stop();
        Ok(assert!(matches!(outer.join(), Err(JoinError::Stopped(_)))))
    });
}

#[test]
fn a_real_error_beats_the_stop_that_came_with_it() {
    // from: CoroutineScopeTest.testCoroutineScopeCancellationVsException; pins S3
    within(|| {
        let error = scope(|s| {
            let child = s.spawn("child", "fails in its clean-up", |cx| -> Result {
                cx.wait_for_stop();
                Err(boom("the clean-up"))
            })?;
            s.stop();
            s.context().checkpoint()?;
            Ok(drop(child))
        })
        .unwrap_err();
        assert!(error.stop_reason().is_none(), "{error}");
        assert_eq!((error.failures().len(), error.during_stop().len()), (1, 1));
    });
}

#[test]
fn which_children_stop_their_parent() {
    // from: ParentCancellationTest; pins F1, F2
    type Spawns = fn(&homebound::Scope<'_, '_>) -> Result;
    let kinds: [(&str, bool, Spawns); 9] = [
        ("worker", true, |s| Ok(drop(s.spawn("x", "fails", fails("it"))?))),
        ("service", true, |s| Ok(drop(s.service("x", "fails", fails("it"))?))),
        ("vital", true, |s| Ok(drop(s.thread("x", "ends").vital().spawn(|_| Ok(()))?))),
        ("from inside", true, |s| Ok(drop(s.context().spawn("x", "fails", fails("it"))?))),
        ("in a group", true, |s| Ok(drop(s.group("g")?.spawn("x", "fails", fails("it"))?))),
        ("isolated", false, |s| Ok(drop(s.thread("x", "fails").isolated().spawn(fails("it"))?))),
        ("isolated service", false, |s| Ok(drop(s.thread("x", "fails").isolated().service(fails("it"))?))),
        ("fine", false, |s| Ok(drop(s.spawn("x", "is fine", |_| Ok(()))?))),
        ("handled scope", false, |s| {
            Ok(drop(s.subscope("i", |i| Ok(drop(i.spawn("x", "fails", fails("it"))?)))))
        }),
    ];
    within(move || {
        for (kind, stops, spawns) in kinds {
            let mut stopped = false;
            let _told_elsewhere = scope(|s| {
                spawns(s)?;
                if stops {
                    s.context().wait_for_stop();
                }
                eventually("the child has ended", || s.active_threads().is_empty());
                Ok(stopped = s.is_stopping())
            });
            assert_eq!(stopped, stops, "{kind}");
        }
    });
}

#[test]
fn nothing_is_attached_to_a_stopped_parent() {
    // from: CancelledParentAttachTest, JobExceptionHandlingTest.testAttachToCancelledJob; pins S11
    in_scope(|s| {
        s.stop();
        let cx = s.context();
        let never = |_: &homebound::Context| -> Result { panic!("it ran") };
        let refusals = [
            s.spawn("x", "is refused", never).is_err(),
            s.service("x", "is refused", never).is_err(),
            s.thread("x", "is refused").isolated().spawn(never).is_err(),
            s.thread("x", "is refused").vital().service(never).is_err(),
            s.group("x").is_err(),
            cx.spawn("x", "is refused", never).is_err(),
            cx.service("x", "is refused", never).is_err(),
            cx.thread("x", "is refused").dedicated().spawn(never).is_err(),
            cx.group("x").is_err(),
        ];
        assert_eq!(refusals, [true; 9]);
        Ok(assert_eq!(s.shutdown(NEVER).total, 0))
    });
}
