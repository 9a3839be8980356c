//! Owns what tokio's tests of its runtime, its blocking pool and of aborts ask of shutdowns and of
//! destructors.
//! Refuses a limit on threads: there is none here but the system's.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};

use crossbeam_channel::bounded;
use homebound::{Context, JoinError, Result, SpawnError, scope};

use crate::common::*;

#[test]
fn a_shutdown_waits_for_what_blocks_and_says_so() {
    // from: blocking_shutdown; pins R1
    in_scope(|s| {
        let ended = Arc::new(AtomicUsize::new(0));
        for _ in 0..2 {
            let ended = ended.clone();
            s.spawn("blocks", "goes on for a while after the stop", move |cx| {
                cx.wait_for_stop();
                linger(10);
                Ok(_ = ended.fetch_add(1, Ordering::SeqCst))
            })?;
        }
        let report = s.shutdown(NEVER);
        assert_eq!((report.total, report.joined, report.timeout), (2, 2, 0), "{report}");
        Ok(assert_eq!(ended.load(Ordering::SeqCst), 2))
    });
}

#[test]
fn a_spawn_that_was_taken_runs_though_another_thread_stops() {
    // from: spawn_mandatory_blocking_should_run_even_when_shutting_down_from_other_thread,
    // spawn_blocking_then_shutdown; pins S11
    within(|| {
        let (taken, ran) = (AtomicUsize::new(0), AtomicUsize::new(0));
        for round in 0..500_u32 {
            scope(|s| {
                let together = Arc::new(Barrier::new(2));
                let (other, stopper) = (together.clone(), s.stopper());
                s.spawn("stops", "stops its scope", move |_| {
                    other.wait();
                    Ok(stopper.stop())
                })?;
                together.wait();
                (0..round % 100).for_each(|_| std::hint::spin_loop());
                let spawned =
                    s.spawn("runs", "runs, whatever comes", |_| Ok(_ = ran.fetch_add(1, Ordering::SeqCst)));
                Ok(_ = taken.fetch_add(usize::from(spawned.is_ok()), Ordering::SeqCst))
            })
            .unwrap();
        }
        scope(|s| {
            s.spawn("runs", "is stopped at once", |_| Ok(_ = ran.fetch_add(1, Ordering::SeqCst)))?;
            Ok(s.stop())
        })
        .unwrap();
        assert_eq!(ran.into_inner(), taken.into_inner() + 1);
    });
}

#[test]
fn a_handle_that_races_with_a_stop_always_resolves() {
    // from: spawn_blocking_racing_shutdown_resolves; pins S11, W2
    in_scope(|s| {
        for _ in 0..300 {
            let group = s.group("group")?;
            let together = Arc::new(Barrier::new(2));
            let (other, stopper) = (together.clone(), group.stopper());
            let stops = s.spawn("stops", "stops the group", move |_| {
                other.wait();
                Ok(stopper.stop())
            })?;
            together.wait();
            match group.spawn("races", "is taken or not", |cx| Ok(cx.checkpoint()?)) {
                Ok(races) => assert!(matches!(races.join(), Ok(()) | Err(JoinError::Stopped(_)))),
                Err(refused) => assert!(matches!(refused, SpawnError::Stopped(_)), "{refused}"),
            }
            stops.join()?;
        }
        Ok(())
    });
}

#[test]
fn captures_may_take_a_lock_as_they_are_dropped() {
    // from: acquire_mutex_in_drop; pins E7
    in_scope(|s| {
        let shared = Arc::new(Mutex::new(0));
        for _ in 0..4 {
            let mine = shared.clone();
            let counts = OnDrop(move || *mine.lock().unwrap() += 1);
            s.spawn("keeps", "drops a capture that locks", move |cx| {
                let _counts = &counts;
                until_stopped(cx)
            })?;
        }
        {
            let held = shared.lock().unwrap();
            s.stop();
            linger(5);
            assert_eq!(*held, 0);
        }
        s.shutdown(NEVER);
        Ok(assert_eq!(*shared.lock().unwrap(), 4))
    });
}

#[test]
fn captures_are_dropped_in_the_context_of_their_thread() {
    // from: drop_tasks_in_context; pins E7, T
    in_scope(|s| {
        let (to, seen) = bounded(2);
        let tells = to.clone();
        let capture =
            OnDrop(move || tells.send(homebound::current().map(|cx| cx.name().to_owned())).unwrap());
        let refused = OnDrop(move || to.send(homebound::current().map(|cx| cx.name().to_owned())).unwrap());
        s.spawn("keeps", "drops its capture", move |_| {
            let _capture = &capture;
            Ok(())
        })?
        .join()?;
        assert_eq!(seen.recv()?.as_deref(), Some("keeps"));
        let by = s.context().name().to_owned();
        s.stop();
        let late = s.spawn("late", "is refused", move |_| {
            let _refused = &refused;
            Ok(())
        });
        assert!(late.is_err());
        Ok(assert_eq!(seen.try_recv()?, Some(by), "the caller drops what was refused, before it returns"))
    });
}

#[test]
fn a_destructor_may_wake_others_while_its_thread_unwinds() {
    // from: wake_in_drop_after_panic; pins E7, E4
    in_scope(|s| {
        let (to, woken) = bounded(1);
        let group = s.group("group")?;
        let (stopper, waits) =
            (group.stopper(), group.spawn("waits", "is woken by a drop", |cx| Ok(_ = cx.wait_for_stop()))?);
        let falls =
            s.thread("falls", "panics with something that wakes").isolated().spawn(move |_| -> Result {
                let _wakes = OnDrop(|| {
                    stopper.stop();
                    to.send(std::thread::panicking()).unwrap();
                });
                panic!("with a guard")
            })?;
        assert!(woken.recv()? && falls.join().is_err());
        Ok(waits.join()?)
    });
}

#[test]
fn a_body_that_panics_takes_its_threads_along() {
    // from: shutdown_on_panic; pins E2
    within(|| {
        let lender = Lender::new();
        let payload = panics(|| {
            scope(|s| -> Result {
                s.spawn("waits", "uses what is lent", lingering(&lender))?;
                s.service("serves", "uses what is lent", lingering(&lender))?;
                panic!("the body")
            })
        });
        lender.assert_unused();
        assert_eq!(text(&*payload), "the body");
    });
}

#[test]
fn roots_that_stop_at_once_do_not_wait_for_each_other() {
    // from: shutdown_all_concurrent_block_on; pins T, R1
    within(|| {
        let together = Arc::new(Barrier::new(4));
        let roots = (0..4).map(|_| {
            let together = together.clone();
            std::thread::spawn(move || {
                scope(|s| {
                    (0..8).try_for_each(|_| s.spawn("waits", "waits", until_stopped).map(drop))?;
                    together.wait();
                    Ok(s.shutdown(NEVER))
                })
            })
        });
        for root in roots.collect::<Vec<_>>() {
            let report = root.join().expect("no panic").unwrap();
            assert_eq!((report.total, report.joined, report.orphaned), (8, 8, 0));
        }
    });
}

#[test]
fn a_capture_whose_drop_panics_after_a_stop_is_a_failure_of_its_thread() {
    // from: test_abort_task_that_panics_on_drop_contained,
    // test_abort_task_that_panics_on_drop_returned; pins E4, P4
    fn stops_with(spawn_bomb: impl FnOnce(&Context, Bomb) -> Result + Send + 'static) {
        let error = scope(|s| {
            let bomb = Bomb::new();
            let waits = s.spawn("bomber", "has a bomb", move |cx| spawn_bomb(cx, bomb))?;
            s.stop();
            waits.join()?;
            Ok(())
        })
        .unwrap_err();
        let failure = error.first().expect("the bomb went off");
        assert_eq!((failure.name(), error.failures().len(), error.during_stop().len()), ("bomber", 1, 1));
        assert!(failure.to_string().contains("the bomb went off"), "{failure}");
    }
    within(|| {
        stops_with(|cx, bomb| {
            let _bomb = bomb;
            until_stopped(cx)
        });
        stops_with(|cx, bomb| {
            cx.wait_for_stop();
            let kept: Box<dyn std::any::Any> = Box::new(bomb);
            Ok(drop(kept))
        });
    });
}
