//! Owns what Kotlin's tests of jobs ask: states, handlers, failures that come together, and races
//! of ends with stops.
//! Refuses to complete a job by hand: a thread ends when its closure does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use crossbeam_channel::{bounded, select_biased, unbounded};
use homebound::{Cause, Context, JoinError, Result, ScopeState, SpawnError, StopReason, WaitError, scope};

use crate::common::*;

#[test]
fn to_stop_and_join_a_parent_is_to_wait_for_its_children() {
    // from: JobTest.testCancelAndJoinParentWaitChildren; pins P1, E3
    in_scope(|s| {
        let (to, ended) = bounded(1);
        let (ready, is_ready) = bounded(1);
        let parent = s.spawn("parent", "has a child that takes its time", move |_| {
            Ok(scope(|below| {
                below.spawn("child", "takes its time", move |cx| {
                    ready.send(())?;
                    cx.wait_for_stop();
                    linger(10);
                    Ok(to.send(())?)
                })?;
                Ok(())
            })?)
        })?;
        is_ready.recv()?;
        parent.stop();
        parent.join()?;
        Ok(assert_eq!(ended.try_recv(), Ok(())))
    });
}

#[test]
fn of_many_handlers_those_that_are_left_run_once() {
    // from: JobTest.testManyHandlersWithUnregister; pins S9
    in_scope(|s| {
        let counts: Arc<Vec<AtomicUsize>> = Arc::new((0..100).map(|_| AtomicUsize::new(0)).collect());
        let mut guards: Vec<_> = (0..100)
            .map(|n| {
                let counts = counts.clone();
                s.context().on_stop(move || _ = counts[n].fetch_add(1, Ordering::SeqCst))
            })
            .map(Some)
            .collect();
        guards.iter_mut().step_by(2).for_each(|guard| drop(guard.take()));
        s.stop();
        s.stop();
        for (n, count) in counts.iter().enumerate() {
            assert_eq!(count.load(Ordering::SeqCst), n % 2, "number {n}");
        }
        Ok(())
    });
}

#[test]
fn handlers_that_panic_keep_no_other_from_running() {
    // from: JobTest.testExceptionsInHandler; pins S9
    within(|| {
        let ran = Arc::new(AtomicUsize::new(0));
        let counts = ran.clone();
        let error = scope(|s| {
            let guards = (0..10).map(|n| {
                let counts = counts.clone();
                s.context().on_stop(move || {
                    counts.fetch_add(1, Ordering::SeqCst);
                    assert!(n % 2 == 0, "handler {n}");
                })
            });
            let _guards: Vec<_> = guards.collect();
            Ok(s.stop())
        })
        .unwrap_err();
        assert_eq!((ran.load(Ordering::SeqCst), error.failures().len()), (10, 5));
        assert!(error.failures().iter().all(|f| matches!(f.cause(), Cause::Panic { .. })));
    });
}

#[test]
fn a_child_of_a_parent_that_is_stopped_is_stopped() {
    // from: JobTest.testCancelledParent; pins S2
    in_scope(|s| {
        s.stop();
        let child = s.subscope("child", |child| Ok((child.is_stopping(), child.context().stop_reason())));
        let (stopping, reason) = child?;
        Ok(assert!(stopping && matches!(reason, Some(StopReason::Parent(_)))))
    });
}

#[test]
fn the_states_of_a_scope_are_what_its_methods_say() {
    // from: JobStatesTest, FailedJobTest; pins P8, E1
    within(|| {
        let (to, last) = bounded(1);
        let failed = scope(|s| {
            let state = || s.snapshot().root.state;
            assert_eq!(
                (state(), s.is_stopping(), s.context().stop_reason()),
                (ScopeState::Open, false, None)
            );
            let child = s.spawn("child", "waits for its own stop", until_stopped)?;
            child.stop();
            assert!(child.done().recv().is_err());
            assert_eq!(
                (state(), s.is_stopping()),
                (ScopeState::Open, false),
                "a stopped child is no failure"
            );
            s.spawn("fails", "fails", |_| Err::<(), _>(boom("broken")))?;
            s.context().wait_for_stop();
            assert_eq!((state(), s.is_stopping()), (ScopeState::Stopping, true));
            let cx = s.context().clone();
            s.defer("looks", move || Ok(to.send(cx.is_stopping())?));
            Ok(())
        });
        assert!(last.recv().unwrap() && failed.is_err());
    });
}

#[test]
fn between_a_channel_and_a_stop_nothing_is_lost() {
    // from: AtomicCancellationTest; pins S6, S7
    in_scope(|s| {
        for round in 0..300_u64 {
            let group = s.group("round")?;
            let (to, from) = bounded(0);
            let sends = group.spawn("sends", "sends one", move |cx| {
                Ok(match cx.send(&to, round) {
                    Ok(()) => None,
                    Err(back) => Some((
                        back.value,
                        matches!(back.cause, WaitError::Disconnected | WaitError::Stopped(_)),
                    )),
                })
            })?;
            let takes = group.spawn("takes", "takes one, or the stop", move |cx| {
                Ok(if round % 2 == 0 {
                    cx.recv(&from).ok()
                } else {
                    select_biased! {
                        recv(cx.stop_signal()) -> _ => None,
                        recv(from) -> message => message.ok(),
                    }
                })
            })?;
            (0..(round % 30) * 20).for_each(|_| std::hint::spin_loop());
            group.stop();
            match (sends.join()?, takes.join()?) {
                (None, Some(taken)) | (Some((taken, true)), None) => assert_eq!(taken, round),
                other => panic!("lost or doubled: {other:?}"),
            }
        }
        Ok(())
    });
}

#[test]
fn to_attach_while_the_last_child_ends_is_to_be_waited_for_or_refused() {
    // from: JobChildStressTest (attach against the end of the last child); pins E1, S11
    within(|| {
        let (ran, mut taken) = (Arc::new(AtomicUsize::new(0)), 0);
        for round in 0..300_u64 {
            let ((lend, lent), counts) = (bounded::<Context>(1), ran.clone());
            let attaches = std::thread::spawn(move || {
                let cx = lent.recv().expect("it is lent");
                (0..(round % 60) * 20).for_each(|_| std::hint::spin_loop());
                let late =
                    cx.spawn("late", "is waited for", move |_| Ok(_ = counts.fetch_add(1, Ordering::SeqCst)));
                late.map(drop)
            });
            scope(|s| {
                s.spawn("last", "ends now", |_| Ok(()))?;
                Ok(lend.send(s.context().clone())?)
            })
            .unwrap();
            let at_the_end = ran.load(Ordering::SeqCst);
            match attaches.join().expect("no panic") {
                Ok(()) => taken += 1,
                Err(refused) => assert!(matches!(refused, SpawnError::Stopped(_)), "{refused}"),
            }
            assert_eq!(at_the_end, taken, "round {round}");
        }
    });
}

#[test]
fn to_attach_while_the_parent_is_stopped_is_to_be_stopped_or_refused() {
    // from: JobChildStressTest (attach against the stop); pins S11
    in_scope(|s| {
        for round in 0..300_u64 {
            let group = s.group("parent")?;
            let together = Arc::new(Barrier::new(2));
            let (other, stopper) = (together.clone(), group.stopper());
            let stops = s.spawn("stops", "stops the parent", move |_| {
                other.wait();
                Ok(stopper.stop())
            })?;
            together.wait();
            (0..(round % 40) * 5).for_each(|_| std::hint::spin_loop());
            match group.spawn("child", "waits for the stop", until_stopped) {
                Ok(child) => assert!(matches!(child.join(), Err(JoinError::Stopped(_)))),
                Err(refused) => assert!(matches!(refused, SpawnError::Stopped(_))),
            }
            stops.join()?;
        }
        Ok(())
    });
}

#[test]
fn a_parent_ends_after_children_that_end_at_any_moment() {
    // from: JobStructuredJoinStressTest, JoinStressTest; pins P1, P5
    within(|| {
        for round in 0..200_u64 {
            let lender = Lender::new();
            scope(|s| {
                let loan = lender.lend();
                let child = s.spawn("child", "ends by itself or by the stop", move |cx| {
                    let _ended = cx.sleep(Duration::from_micros(round));
                    Ok(loan.touch())
                })?;
                (0..round * 10).for_each(|_| std::hint::spin_loop());
                child.stop();
                Ok(if round % 2 == 0 { child.join()? } else { drop(child) })
            })
            .unwrap();
            lender.assert_unused();
        }
    });
}

#[test]
fn an_error_after_the_stop_is_told() {
    // from: JobExceptionHandlingTest.testExceptionDuringCancellation; pins S3, P4
    within(|| {
        let error = scope(|s| {
            s.spawn("child", "fails as it ends", |cx| -> Result {
                cx.wait_for_stop();
                Err(std::io::Error::other("as it ends").into())
            })?;
            Ok(s.stop())
        })
        .unwrap_err();
        assert_eq!(error.downcast::<std::io::Error>().unwrap().to_string(), "as it ends");
    });
}

#[test]
fn children_that_fail_together_are_each_told_once() {
    // from: JobExceptionHandlingTest.testMultipleChildrenThrowAtomically,
    // JobExceptionHandlingTest.testExceptionIsHandledOnce, JobExceptionsStressTest; pins P4, F3
    within(|| {
        for _ in 0..100 {
            let (told, all) = unbounded();
            let error = scope(|s| -> Result {
                let together = Arc::new(Barrier::new(5));
                let mut handles = Vec::new();
                for n in 0..4 {
                    let (together, told) = (together.clone(), told.clone());
                    handles.push(s.spawn(
                        format!("child-{n}"),
                        "fails with the others",
                        move |_| -> Result {
                            together.wait();
                            told.send(n)?;
                            Err(boom("together"))
                        },
                    )?);
                }
                together.wait();
                Ok(handles.into_iter().try_for_each(|handle| handle.join())?)
            })
            .unwrap_err();
            let mut names: Vec<_> = error.failures().iter().map(|f| f.name().to_owned()).collect();
            names.sort_unstable();
            assert_eq!(names, ["child-0", "child-1", "child-2", "child-3"], "{error}");
            assert_eq!((all.try_iter().count(), error.omitted()), (4, 0));
        }
    });
}
