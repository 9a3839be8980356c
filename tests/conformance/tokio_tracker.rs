//! Owns what tokio-util's tests of a task tracker, a join map and abort-on-drop ask of closing,
//! waiting and names.
//! Refuses keys: a handle is the key of its thread.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::bounded;
use homebound::{JoinError, ScopeState, SpawnError, StopReason, scope};

use crate::common::*;

#[test]
fn an_empty_scope_is_over_at_once_again_and_again() {
    // from: open_close, notify_immediately, notify_immediately_on_reopen; pins R1, E1
    in_scope(|s| {
        for _ in 0..100 {
            s.subscope("empty", |_| Ok(()))?;
            s.group("empty")?.close()?;
        }
        let report = s.shutdown(NEVER);
        Ok(assert!(report.total == 0 && !report.repeated && s.shutdown(NEVER).repeated))
    });
}

#[test]
fn a_scope_ends_with_the_last_thread_even_if_the_one_before_spawned_it() {
    // from: notify_on_last_task, notify_on_last_task_respawn, notify_on_close,
    // notify_on_close_reopen; pins E1
    within(|| {
        let ended = AtomicUsize::new(0);
        scope(|s| {
            let ended = &ended;
            s.spawn("first", "spawns its successor as it ends", move |_| {
                s.spawn("second", "spawns its successor as it ends", move |_| {
                    s.spawn("third", "is the last", move |_| {
                        linger(5);
                        Ok(_ = ended.fetch_add(1, Ordering::SeqCst))
                    })?;
                    Ok(_ = ended.fetch_add(1, Ordering::SeqCst))
                })?;
                Ok(_ = ended.fetch_add(1, Ordering::SeqCst))
            })?;
            Ok(())
        })
        .unwrap();
        assert_eq!(ended.into_inner(), 3);
    });
}

#[test]
fn a_scope_without_threads_stays_open_while_its_body_runs() {
    // from: no_notify_on_respawn_if_open; pins E1
    in_scope(|s| {
        for _ in 0..50 {
            s.spawn("only", "is the only one", |_| Ok(()))?.join()?;
            assert_eq!(s.snapshot().root.state, ScopeState::Open);
            assert!(!s.is_stopping() && s.active_threads().is_empty());
        }
        Ok(())
    });
}

#[test]
fn a_body_that_returns_as_its_last_thread_ends_loses_neither() {
    // from: close_during_exit; pins E1, P1
    within(|| {
        let ended = AtomicUsize::new(0);
        for round in 0..1000_u32 {
            scope(|s| {
                s.spawn("ends", "ends while the body returns", |_| {
                    Ok(_ = ended.fetch_add(1, Ordering::SeqCst))
                })?;
                Ok((0..round % 100).for_each(|_| std::hint::spin_loop()))
            })
            .unwrap();
        }
        assert_eq!(ended.into_inner(), 1000);
    });
}

#[test]
fn many_wait_for_the_end_of_one() {
    // from: notify_many; pins P6
    in_scope(|s| {
        let (open, closed) = gate();
        let one = s.spawn("one", "is waited for", move |_| Ok(pass(&closed)))?;
        let waiters: Result<Vec<_>, _> = (0..8)
            .map(|_| {
                let done = one.done().clone();
                s.spawn("waits", "waits for the one", move |_| Ok(done.recv().is_err()))
            })
            .collect();
        let waiters = waiters?;
        assert!(waiters.iter().all(|waits| !waits.is_finished()));
        drop(open);
        for waits in waiters {
            assert!(waits.join()?);
        }
        Ok(one.join()?)
    });
}

#[test]
fn once_its_users_are_done_a_scope_takes_nobody() {
    // from: spawn_after_close; pins E1, S11
    in_scope(|s| {
        let (tell, told) = bounded(1);
        s.subscope("closes", |closing| {
            closing.service("last", "spawns when it is told to stop", move |cx| {
                cx.wait_for_stop();
                Ok(tell.send(cx.spawn("late", "is refused", |_| Ok(())))?)
            })?;
            Ok(())
        })?;
        let Err(SpawnError::Stopped(why)) = told.recv()? else { panic!("it was not refused") };
        Ok(assert_eq!(*why.reason(), StopReason::UsersDone))
    });
}

#[test]
fn after_its_body_a_scope_takes_what_its_workers_spawn() {
    // from: close_then_spawn; pins E1
    within(|| {
        let ran = AtomicBool::new(false);
        scope(|s| {
            let (over, is_over) = gate();
            let ran = &ran;
            s.spawn("worker", "spawns after the body", move |_| {
                pass(&is_over);
                linger(5);
                s.spawn("late", "is taken", move |_| Ok(ran.store(true, Ordering::SeqCst)))?;
                Ok(())
            })?;
            Ok(drop(over))
        })
        .unwrap();
        assert!(ran.into_inner());
    });
}

#[test]
fn one_of_many_is_stopped_by_its_name() {
    // from: abort_by_key, abort_by_predicate; pins S2
    in_scope(|s| {
        let names = ["apple", "avocado", "banana", "blueberry", "cherry"];
        let handles: Result<Vec<_>, _> =
            names.iter().map(|name| s.spawn(*name, "waits", until_stopped)).collect();
        let handles = handles?;
        handles.iter().filter(|handle| handle.name().starts_with('a')).for_each(|handle| handle.stop());
        for handle in handles {
            let meant = handle.name().starts_with('a');
            if meant {
                assert!(matches!(handle.join(), Err(JoinError::Stopped(_))));
            } else {
                let Err(running) = handle.join_timeout(Duration::ZERO) else { panic!("it was stopped, too") };
                running.stop();
            }
        }
        Ok(assert!(!s.is_stopping()))
    });
}

#[test]
fn threads_of_one_name_are_told_apart() {
    // from: duplicate_keys, duplicate_keys2, duplicate_keys_drop; pins T
    in_scope(|s| {
        let first = s.spawn("same", "waits", until_stopped)?;
        let second = s.spawn("same", "waits", until_stopped)?;
        assert!(first.name() == second.name() && first.path() == second.path() && first.id() != second.id());
        first.stop();
        assert!(matches!(first.join(), Err(JoinError::Stopped(_))));
        let left: Vec<_> = s.active_threads().iter().map(|thread| thread.id).collect();
        assert_eq!(left, [second.id()]);
        Ok(second.stop())
    });
}

#[test]
fn a_group_that_is_dropped_stops_its_threads_and_a_handle_does_not() {
    // from: abort_on_drop.rs; pins P3, S2
    in_scope(|s| {
        let group = s.group("group")?;
        let (to, ended) = bounded(2);
        let tells = to.clone();
        group.spawn("member", "waits", move |cx| Ok(tells.send(("member", cx.wait_for_stop()))?))?;
        let (open, closed) = gate();
        drop(s.spawn("worker", "waits for the gate", move |cx| {
            pass(&closed);
            assert!(!cx.is_stopping());
            Ok(to.send(("worker", StopReason::UsersDone))?)
        })?);
        drop(group);
        assert_eq!(ended.try_recv()?.0, "member", "the drop has joined it");
        drop(open);
        Ok(assert_eq!(ended.recv()?.0, "worker"))
    });
}
