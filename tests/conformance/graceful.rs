//! Owns what tokio-graceful-shutdown's tests ask of subsystems: how their ends, errors, panics and
//! late ones are told.
//! Refuses aborts and detached subsystems: a thread cannot be killed, and none is let go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::bounded;
use homebound::registry::{self, Registry};
use homebound::{Cause, Context, Ending, OnOverdue, Result, Scope, SpawnError, StopReason, scope};

use crate::common::*;

/// Long enough for all threads that listen, also on a busy machine. The deaf ones let it pass.
const GRACE: Duration = Duration::from_millis(300);

#[test]
fn all_who_listen_are_home_after_a_shutdown() {
    // from: normal_shutdown, nested_subsystem_receives_shutdown; pins R1, P5
    in_scope(|s| {
        let (ready, is_ready) = bounded(2);
        let nested = ready.clone();
        s.spawn("outer", "listens", move |_| {
            Ok(scope(|below| {
                below.spawn("inner", "listens as well", move |cx| {
                    nested.send(())?;
                    until_stopped(cx)
                })?;
                ready.send(())?;
                Ok(_ = below.context().wait_for_stop())
            })?)
        })?;
        is_ready.iter().take(2).for_each(drop);
        let report = s.shutdown(NEVER);
        assert_eq!((report.total, report.joined, report.timeout), (2, 2, 0), "{report}");
        Ok(assert!(s.active_threads().is_empty()))
    });
}

#[test]
fn who_is_late_is_named_and_still_joined() {
    // from: shutdown_timeout_causes_error, shutdown_timeout_causes_cancellation; pins R2, P1
    within(|| {
        let lender = Lender::new();
        scope(|s| {
            let (open, closed) = gate();
            let loan = lender.lend();
            s.spawn("deaf", "does not listen", move |_| {
                pass(&closed);
                Ok(loan.touch())
            })?;
            s.spawn("listens", "does", until_stopped)?;
            let report = s.shutdown(GRACE);
            assert_eq!((report.total, report.joined, report.timeout), (2, 1, 1), "{report}");
            let late: Vec<_> = report.threads.iter().filter(|row| row.ending == Ending::Overdue).collect();
            assert!(late.len() == 1 && late[0].name == "deaf" && late[0].purpose == "does not listen");
            Ok(drop(open))
        })
        .unwrap();
        lender.assert_unused();
    });
}

#[test]
fn a_subsystem_that_is_done_ends_nobody_and_one_that_fails_ends_all() {
    // from: subsystem_finishes_with_success, subsystem_finishes_with_error; pins F1
    within(|| {
        let fine = scope(|s| {
            s.spawn("done", "is done", |_| Ok(()))?.join()?;
            Ok(assert!(!s.is_stopping()))
        });
        fine.unwrap();
        let error = scope(|s| {
            s.spawn("fails", "returns an error", |_| Err::<(), _>(boom("broken")))?;
            let reason = s.context().wait_for_stop();
            Ok(assert!(
                matches!(&reason, StopReason::Failed { path } if path.ends_with("/fails")),
                "{reason:?}"
            ))
        });
        assert_eq!(error.unwrap_err().failures().len(), 1);
    });
}

#[test]
fn an_error_or_panic_deep_below_reaches_the_top() {
    // from: nested_subsystem_error_propagates, panic_gets_handled_correctly,
    // partial_shutdown_error_gets_propagated_correctly,
    // partial_shutdown_panic_gets_propagated_correctly; pins P4, F1
    within(|| {
        for panics in [false, true] {
            let error = scope(|s| {
                let group = s.group("outer")?;
                let nested = group.group("nested")?;
                nested.spawn("deep", "fails", move |_| -> Result {
                    assert!(!panics, "it broke");
                    Err(boom("it broke"))
                })?;
                s.context().wait_for_stop();
                Ok(())
            })
            .unwrap_err();
            assert!(error.to_string().contains("/outer/nested/deep"), "{error}");
            let deep = error.first().expect("listed");
            assert!(deep.name() == "deep" && deep.to_string().contains("it broke"), "{deep}");
            assert_eq!(matches!(deep.cause(), Cause::Panic { .. }), panics);
        }
    });
}

#[test]
fn a_subsystem_started_during_the_shutdown_is_refused() {
    // from: spawning_task_during_shutdown_causes_task_to_be_cancelled; pins S11
    in_scope(|s| {
        let late = s.spawn("spawns", "spawns when it is told to stop", |cx| {
            cx.wait_for_stop();
            Ok(cx.spawn("late", "never runs", |_| -> Result { panic!("it ran") }).map(drop))
        })?;
        s.stop();
        Ok(assert!(matches!(late.join()?, Err(SpawnError::Stopped(_)))))
    });
}

#[test]
fn two_panics_do_not_cut_a_shutdown_short() {
    // from: double_panic_does_not_stop_graceful_shutdown; pins E4, P1
    within(|| {
        let lender = Lender::new();
        let error = scope(|s| {
            let slow = lender.lend();
            s.spawn("slow", "takes its time to end", move |cx| {
                cx.wait_for_stop();
                linger(30);
                Ok(slow.touch())
            })?;
            for name in ["one", "two"] {
                s.spawn(name, "panics", |cx| -> Result {
                    cx.wait_for_stop();
                    panic!("twice")
                })?;
            }
            Ok(s.stop())
        })
        .unwrap_err();
        lender.assert_unused();
        assert_eq!(error.failures().len(), 2);
    });
}

#[test]
fn a_subsystem_that_is_destroyed_takes_all_below_along() {
    // from: destroying_toplevel_cancels_subsystems,
    // destroying_toplevel_cancels_nested_toplevel_subsystems; pins E3, P1
    in_scope(|s| {
        let ended = Arc::new(AtomicUsize::new(0));
        let group = s.group("top")?;
        let nested = group.group("nested")?;
        for scope in [&group, &nested] {
            let ended = ended.clone();
            scope.spawn("member", "ends when it is told", move |cx| {
                cx.wait_for_stop();
                linger(5);
                Ok(_ = ended.fetch_add(1, Ordering::SeqCst))
            })?;
        }
        std::mem::forget(nested);
        drop(group);
        Ok(assert_eq!(ended.load(Ordering::SeqCst), 2))
    });
}

#[test]
fn a_program_without_work_left_ends() {
    // from: shutdown_triggers_if_all_tasks_ended, shutdown_triggers_if_no_task_exists; pins E1, G3
    child_passes(|_| {
        let exit = registry::run(|_| Ok(()));
        assert_eq!((exit.code(), exit.shutdown.total, exit.shutdown.reason), (0, 0, None));
        let exit = registry::run(|s| {
            (0..3).try_for_each(|_| s.spawn("short", "ends", |_| Ok(())).map(drop))?;
            s.service("serves", "ends after them", |cx| Ok(_ = cx.wait_for_stop()))
                .map(drop)
                .map_err(Into::into)
        });
        assert_eq!((exit.code(), exit.shutdown.orphaned), (0, 0), "{}", exit.shutdown);
        exit.into_result().unwrap();
        0
    });
}

#[test]
fn a_part_is_shut_down_while_the_rest_goes_on() {
    // from: partial_shutdown_request_stops_nested_subsystems, request_local_shutdown,
    // cancellation_token_does_not_propagate_up; pins S2, R1
    in_scope(|s| {
        let part = s.group("part")?;
        let nested = part.group("nested")?;
        let below = nested.spawn("below", "listens", until_stopped)?;
        let local =
            part.spawn("asks", "asks for its own part to stop", |cx| Ok(cx.stopper().stop_because("local")))?;
        let rest = s.spawn("rest", "goes on", until_stopped)?;
        local.join()?;
        let report = part.shutdown(NEVER);
        assert_eq!(report.reason, Some(StopReason::Custom("local".into())));
        assert!(part.is_stopping() && nested.is_stopping() && below.is_finished());
        assert!(!s.is_stopping() && !rest.is_finished());
        Ok(rest.stop())
    });
}

#[test]
fn errors_come_back_with_their_type_also_when_others_are_late() {
    // from: subsystem_errors_get_propagated_to_user,
    // subsystem_errors_get_propagated_to_user_when_timeout; pins P4, R2
    #[derive(Debug, PartialEq, thiserror::Error)]
    #[error("number {0}")]
    struct Numbered(u8);
    fn some_fail(s: &Scope<'_, '_>, late: bool) -> Result {
        let (open, closed) = gate();
        s.spawn("deaf", "may be late", move |_| {
            Ok(if late {
                pass(&closed)
            })
        })?;
        for n in 1..=2 {
            let fails = s.thread(format!("fails-{n}"), "fails").isolated();
            let fails = fails.spawn(move |_| Err::<(), _>(Numbered(n).into()))?;
            let _ended = fails.done().recv();
        }
        let report = s.shutdown(GRACE);
        assert_eq!(report.timeout, usize::from(late), "{report}");
        Ok(drop(open))
    }
    within(|| {
        for late in [false, true] {
            let error = scope(|s| some_fail(s, late)).unwrap_err();
            let typed: Vec<_> =
                error.failures().iter().filter_map(|f| f.downcast_ref::<Numbered>()).collect();
            assert_eq!(typed, [&Numbered(1), &Numbered(2)]);
        }
    });
}

#[test]
fn a_signal_shuts_all_down() {
    // from: shutdown_through_signal; pins G1
    fn scenario(_: &str) -> i32 {
        let exit = Registry::new("signalled").on_overdue(OnOverdue::Wait).run(|s| {
            s.spawn("worker", "listens", until_stopped)?;
            s.service("service", "listens", |cx| Ok(_ = cx.wait_for_stop()))?;
            say("ready");
            Ok(s.context().wait_for_stop())
        });
        let told = matches!(exit.result, Ok(StopReason::Signal(libc::SIGTERM)));
        i32::from(!told || exit.shutdown.joined != 2) + i32::from(exit.code())
    }
    let mut child = child("", scenario);
    child.until("ready").signal(libc::SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}

#[test]
fn a_thread_knows_its_name_and_path() {
    // from: access_name_from_within_subsystem; pins P8
    in_scope(|s| {
        let tell = |cx: &Context| Ok((cx.name().to_owned(), cx.path().to_owned(), cx.purpose().to_owned()));
        let group = s.group("outer")?;
        let (name, path, purpose) = group.spawn("inner", "tells who it is", tell)?.join()?;
        assert_eq!((name.as_str(), purpose.as_str()), ("inner", "tells who it is"));
        let above = s.context().path().to_owned();
        Ok(assert!(path.starts_with(&above) && path.ends_with("/outer/inner"), "{path} below {above}"))
    });
}

#[test]
fn who_is_alive_can_be_asked_at_every_level() {
    // from: query_subsystem_alive, query_multidepth_subsystem_alive,
    // subsystem_finished_works_correctly, wait_for_children; pins P8, E6
    in_scope(|s| {
        let (open, closed) = gate();
        let outer = s.group("outer")?;
        let inner = outer.group("inner")?;
        let deep = inner.spawn("deep", "is alive until the gate opens", move |_| Ok(pass(&closed)))?;
        let alive = |scope: &Scope<'_, '_>| scope.active_threads().len();
        assert_eq!((alive(s), alive(&outer), alive(&inner), deep.is_finished()), (1, 1, 1, false));
        let waits = outer.spawn("waits", "waits for the deep one", {
            let done = deep.done().clone();
            move |_| Ok(assert!(done.recv().is_err()))
        })?;
        assert_eq!((alive(s), alive(&outer), alive(&inner)), (2, 2, 1));
        drop(open);
        waits.join()?;
        deep.join()?;
        Ok(assert_eq!((alive(s), alive(&outer), alive(&inner)), (0, 0, 0)))
    });
}

#[test]
fn to_ask_again_for_a_stop_is_to_ask_once() {
    // from: multiple_abort_works; pins S1, S3
    in_scope(|s| {
        let waits = s.spawn("waits", "waits", until_stopped)?;
        (0..100).for_each(|_| waits.stop());
        assert!(matches!(waits.join(), Err(homebound::JoinError::Stopped(_))));
        s.stop();
        let first = s.context().stop_reason();
        (0..100).for_each(|_| s.stop());
        Ok(assert!(s.is_stopping() && s.context().stop_reason() == first))
    });
}
