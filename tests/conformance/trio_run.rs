//! Owns the questions of trio's tests of `run` and of nurseries: failures of bodies and children,
//! lives, names, the tree.
//! Refuses features that only trio has: exception groups, coroutines, checkpoints without a wait.

use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::bounded;
use homebound::registry::{self, Registry};
use homebound::{
    Context, JoinError, Result, Role, Scope, ScopeError, SpawnError, StopReason, ThreadState, scope,
};

use crate::common::*;

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("number {0}")]
struct Numbered(u8);

/// The numbers of the errors that are listed, in the order in which they happened.
fn numbers(error: &ScopeError) -> Vec<u8> {
    error.failures().iter().filter_map(|f| f.downcast_ref::<Numbered>()).map(|n| n.0).collect()
}

#[test]
fn a_scope_gives_its_bodys_value_or_its_bodys_error() {
    // from: test_basic, test_initial_task_error; pins E1, P4
    within(|| {
        assert_eq!(scope(|_| Ok("value")).unwrap(), "value");
        let error = scope(|_| Err::<(), _>(Numbered(1).into())).unwrap_err();
        assert_eq!(error.downcast::<Numbered>().unwrap(), Numbered(1));
    });
}

#[test]
fn a_run_inside_a_run_is_refused() {
    // from: test_run_nesting; pins G4
    child_passes(|_| {
        let exit = registry::run(|_| {
            let inner = registry::run(|_| -> Result { panic!("the inner body ran") });
            Ok((inner.code(), inner.into_result().is_err()))
        });
        i32::from(!matches!(exit.result, Ok((1, true))))
    });
}

#[test]
fn an_error_of_the_body_stops_the_children() {
    // from: test_nursery_main_block_error_basic; pins E2
    within(|| {
        let told = AtomicBool::new(false);
        let error = scope(|s| -> Result {
            s.spawn("child", "waits", |cx| {
                let reason = cx.wait_for_stop();
                Ok(told.store(matches!(origin(&reason), StopReason::Failed { .. }), Ordering::SeqCst))
            })?;
            Err(Numbered(1).into())
        })
        .unwrap_err();
        assert_eq!(numbers(&error), [1]);
        assert!(told.into_inner());
    });
}

#[test]
fn an_error_of_a_child_stops_its_siblings_and_reaches_the_top() {
    // from: test_child_crash_basic, test_task_crash_propagation; pins F1, P4
    within(|| {
        let error = scope(|s| {
            s.spawn("looper", "waits for ever", until_stopped)?;
            s.spawn("crasher", "fails", |_| Err::<(), _>(Numbered(1).into()))?;
            Ok(())
        })
        .unwrap_err();
        assert_eq!((numbers(&error), error.stop_reason().is_none()), (vec![1], true));
    });
}

#[test]
fn when_body_and_child_both_fail_both_are_told() {
    // from: test_main_and_task_both_crash; pins P4
    within(|| {
        let error = scope(|s| -> Result {
            let crasher = s.spawn("crasher", "fails", |_| Err::<(), _>(Numbered(1).into()))?;
            assert!(crasher.done().recv().is_err());
            Err(Numbered(2).into())
        })
        .unwrap_err();
        assert_eq!(numbers(&error), [1, 2]);
    });
}

#[test]
fn when_two_children_fail_both_are_told() {
    // from: test_two_child_crashes; pins P4
    within(|| {
        let error = scope(|s| {
            for n in [1, 2] {
                s.spawn("crasher", "fails after the stop", move |cx| -> Result {
                    cx.wait_for_stop();
                    Err(Numbered(n).into())
                })?;
            }
            Ok(s.stop())
        })
        .unwrap_err();
        let mut numbers = numbers(&error);
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2]);
    });
}

#[test]
fn a_body_that_waits_is_woken_by_the_failure_of_a_child() {
    // from: test_child_crash_wakes_parent; pins F1, P6
    within(|| {
        let error = scope(|s| {
            let (_keep, never) = gate();
            s.spawn("crasher", "fails", |_| Err::<(), _>(Numbered(1).into()))?;
            Ok(s.context().recv(&never)?)
        })
        .unwrap_err();
        assert_eq!(numbers(&error), [1]);
        assert_eq!(error.failures().len(), 1, "that the body was stopped is no failure");
    });
}

#[test]
fn a_scope_that_is_over_takes_no_arrivals() {
    // from: test_nursery_closure; pins E1, S11
    in_scope(|s| {
        let (to, tried) = bounded(1);
        let leaked = s.subscope("closing", |closing| {
            let cx = closing.context().clone();
            let late = cx.clone();
            closing
                .defer("tries", move || Ok(to.send(late.spawn("late", "is refused", |_| Ok(())).is_err())?));
            Ok(cx)
        })?;
        assert!(tried.recv()?, "not even while the deferred run");
        Ok(assert!(matches!(leaked.spawn("late", "is refused", |_| Ok(())), Err(SpawnError::Stopped(_)))))
    });
}

#[test]
fn a_name_is_what_was_given_borrowed_or_owned() {
    // from: test_spawn_name; pins P8
    in_scope(|s| {
        let (open, closed) = gate();
        for name in ["static".into(), format!("made-{}", 1).into(), std::borrow::Cow::Borrowed("cow")] {
            let closed = closed.clone();
            let named = s.spawn(name, "waits", move |cx| {
                pass(&closed);
                Ok(cx.name().to_owned())
            })?;
            assert!(s.active_threads().iter().any(|thread| thread.name == named.name()));
        }
        let names: Vec<_> = s.active_threads().into_iter().map(|thread| thread.name).collect();
        assert_eq!(names, ["static", "made-1", "cow"]);
        Ok(drop(open))
    });
}

#[test]
fn the_tree_can_be_walked_from_the_root_to_every_child() {
    // from: test_task_tree_introspection, test_current_statistics; pins P8, T
    fn names(scope: &homebound::ScopeStatus) -> Vec<(&str, Role)> {
        scope.threads.iter().map(|thread| (thread.name.as_str(), thread.role)).collect()
    }
    in_scope(|s| {
        let (open, closed) = gate();
        let (there, is_there) = bounded(0);
        s.service("serves", "is a service", |cx| Ok(_ = cx.wait_for_stop()))?;
        s.spawn("worker", "has a scope below", move |_| {
            Ok(scope(|below| {
                below.spawn("deep", "waits", move |_| {
                    there.send(())?;
                    Ok(pass(&closed))
                })?;
                Ok(())
            })?)
        })?;
        is_there.recv()?;
        let snapshot = s.snapshot();
        let top = &snapshot.root;
        assert!(names(top).ends_with(&[("serves", Role::Service), ("worker", Role::Worker)]), "{snapshot}");
        let worker = top.threads.iter().find(|thread| thread.name == "worker").expect("listed");
        let [below] = &top.scopes[..] else { panic!("{snapshot}") };
        assert_eq!(below.opened_by, Some(worker.id));
        assert!(names(below).contains(&("deep", Role::Worker)), "{snapshot}");
        assert!(
            below
                .threads
                .iter()
                .all(|thread| thread.path.starts_with(&worker.path) || thread.path.starts_with(&below.path))
        );
        assert_eq!(s.active_threads().len(), 3);
        Ok(drop(open))
    });
}

#[test]
fn every_thread_finds_itself_as_the_current_one() {
    // from: test_current_task; pins T
    in_scope(|s| {
        let itself = |cx: &Context| Ok(homebound::current().is_some_and(|current| current.id() == cx.id()));
        assert!(itself(s.context())?);
        assert!(s.spawn("child", "looks for itself", itself)?.join()?);
        assert!(s.subscope("below", |below| itself(below.context()))?);
        Ok(assert!(itself(s.context())?, "and the outer one comes back"))
    });
}

#[test]
fn the_root_is_the_registrys_and_has_its_name() {
    // from: test_root_task; pins T, P10
    child_passes(|_| {
        let exit = Registry::new("whole").run(|s| {
            let snapshot = registry::snapshot().expect("it runs");
            let root = &snapshot.root;
            assert_eq!((root.path.as_str(), s.context().path()), ("/whole", "/whole"));
            let body = root.threads.iter().find(|thread| thread.role == Role::Body).expect("the body");
            assert_eq!(body.id, s.context().id());
            Ok(assert_eq!(root.threads.iter().filter(|thread| thread.role == Role::Internal).count(), 2))
        });
        i32::from(exit.code())
    });
}

#[test]
fn outside_there_is_no_context_and_no_snapshot() {
    // from: test_out_of_context; pins T
    child_passes(|_| {
        let nothing = || homebound::current().is_none() && registry::snapshot().is_none();
        let before = nothing();
        let exit = registry::run(|_| {
            Ok(std::thread::spawn(|| homebound::current().is_none()).join().is_ok_and(|n| n))
        });
        i32::from(!(before && nothing() && matches!(exit.result, Ok(true))))
    });
}

#[test]
fn a_thread_that_waits_is_seen_to_wait_and_one_that_ended_is_not_seen() {
    // from: test_current_statistics; pins P8, W1
    fn waiting(s: &Scope<'_, '_>) -> usize {
        let waits = |state| matches!(state, ThreadState::Waiting { .. });
        s.active_threads().iter().filter(|thread| waits(thread.state)).count()
    }
    in_scope(|s| {
        let handles: Result<Vec<_>, _> = (0..3).map(|_| s.spawn("waits", "waits", until_stopped)).collect();
        eventually("all three wait", || waiting(s) == 3);
        for (n, handle) in (0..3).rev().zip(handles?) {
            handle.stop();
            assert!(matches!(handle.join(), Err(JoinError::Stopped(_))));
            assert_eq!(waiting(s), n);
        }
        Ok(())
    });
}
