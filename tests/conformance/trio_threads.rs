//! Owns what trio's tests of its thread cache and its worker threads ask: reuse, names, contexts,
//! foreign threads.
//! Refuses limiters and threads that are abandoned: there are none.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crossbeam_channel::bounded;
use homebound::{Context, JoinError, Result, SpawnError, scope};

use crate::common::*;

#[test]
fn a_job_gives_its_value_or_its_error_from_another_thread() {
    // from: test_thread_cache_basics; pins P4
    in_scope(|s| {
        let here = thread::current().id();
        let value = s.spawn("job", "gives a value", move |_| Ok(thread::current().id() != here))?;
        assert!(value.join()?);
        let error = s.thread("job", "fails").isolated().spawn(|_| Err::<(), _>(boom("hi")))?.join();
        Ok(assert!(matches!(error, Err(JoinError::Failed(failure)) if failure.to_string().contains("hi"))))
    });
}

#[test]
fn a_jobs_closure_is_gone_before_its_value_is_delivered() {
    // from: test_thread_cache_deref; pins E5
    in_scope(|s| {
        for _ in 0..200 {
            let kept = Arc::new(());
            let held = kept.clone();
            s.spawn("job", "holds something", move |_| Ok(_ = Arc::strong_count(&held)))?.join()?;
            assert_eq!(Arc::strong_count(&kept), 1);
        }
        Ok(())
    });
}

#[test]
fn a_thread_that_has_just_ended_a_job_takes_the_next() {
    // from: test_spawning_new_thread_from_deliver_reuses_starting_thread; pins C1
    fn next(cx: &Context, left: usize) -> Result<usize> {
        let same = cx.spawn("job", "tells its thread", |_| Ok(thread::current().id()))?.join()?;
        let again = cx.spawn("job", "tells its thread", |_| Ok(thread::current().id()))?.join()?;
        Ok(usize::from(same == again) + if left > 0 { next(cx, left - 1)? } else { 0 })
    }
    in_scope(|s| Ok(assert_eq!(next(s.context(), 20)?, 21)));
}

#[test]
fn idle_threads_go_after_a_while() {
    // from: test_idle_threads_exit; pins C1
    in_scope(|s| {
        s.spawn("job", "ends at once", |_| Ok(()))?.join()?;
        assert_eq!(s.snapshot().idle.len(), 1);
        eventually("the idle thread has gone", || s.snapshot().idle.is_empty());
        Ok(s.spawn("job", "finds a new thread", |_| Ok(()))?.join()?)
    });
}

#[test]
fn a_job_that_is_given_to_a_thread_about_to_go_still_runs() {
    // from: test_race_between_idle_exit_and_job_assignment; pins C1, C2
    child_passes(|_| {
        let ran = AtomicUsize::new(0);
        scope(|s| {
            // More names than idle threads are kept: each spawn finds the oldest on their way out.
            for n in 0..4000 {
                let ran = &ran;
                let name = format!("job-{}", n * 31 % 70);
                s.spawn(name, "counts", move |_| Ok(_ = ran.fetch_add(1, Ordering::SeqCst)))?.join()?;
            }
            Ok(())
        })
        .unwrap();
        i32::from(ran.into_inner() != 4000)
    });
}

#[test]
fn what_fails_as_a_result_is_given_away_hurts_no_later_job() {
    // from: test_raise_in_deliver; pins E4
    in_scope(|s| {
        let failing = s.subscope("failing", |below| {
            below.spawn("job", "has a result that panics when dropped", |_| Ok(Bomb::new()))?;
            Ok(())
        });
        assert_eq!(failing.unwrap_err().failures().len(), 1);
        Ok(assert_eq!(s.spawn("job", "is the next", |_| Ok(7))?.join()?, 7))
    });
}

#[test]
fn the_kernel_shows_a_thread_under_the_name_of_its_job() {
    // from: test_named_thread, test_named_thread_os; pins C1, P8
    in_scope(|s| {
        for name in ["first", "second", "exactly-fifteen", "more-than-fifteen-bytes", "first"] {
            let comm =
                s.spawn(name, "reads its name", |_| Ok(std::fs::read_to_string("/proc/thread-self/comm")?))?;
            assert_eq!(comm.join()?.trim_end(), &name[..name.len().min(15)]);
        }
        Ok(())
    });
}

#[test]
fn a_worker_that_looks_is_ended_by_the_stop_and_one_that_does_not_is_waited_for() {
    // from: test_run_in_worker_thread_cancellation, test_from_thread_check_cancelled_no_abandon,
    // test_from_thread_check_cancelled_abandon_on_cancel; pins P1, S1
    in_scope(|s| {
        let (ready, is_ready) = bounded(2);
        let told = ready.clone();
        let looks = s.spawn("looks", "looks in its loop", move |cx| -> Result {
            told.send(())?;
            loop {
                cx.checkpoint()?;
                std::hint::spin_loop();
            }
        })?;
        let deaf = s.spawn("deaf", "looks at nothing", move |_| {
            ready.send(())?;
            Ok(linger(20))
        })?;
        is_ready.iter().take(2).for_each(drop);
        s.stop();
        assert!(matches!(looks.join(), Err(JoinError::Stopped(_))));
        Ok(deaf.join()?)
    });
}

#[test]
fn a_thread_that_cannot_be_started_is_an_error_of_the_spawn() {
    // from: test_run_in_worker_thread_fail_to_spawn; pins P11
    in_scope(|s| {
        let kept = Arc::new(());
        let held = kept.clone();
        let refused = s.thread("huge", "is refused").stack_size(1 << 47).spawn(move |_| Ok(drop(held)));
        let Err(SpawnError::Os(error)) = refused else { panic!("it was started") };
        assert!(error.raw_os_error().is_some(), "{error}");
        Ok(assert!(Arc::strong_count(&kept) == 1 && !s.is_stopping()))
    });
}

#[test]
fn the_context_of_a_job_is_not_the_next_ones() {
    // from: test_worker_thread_context_not_leaked; pins C1, T
    in_scope(|s| {
        let first = s.spawn("same", "is the first", |cx| Ok((thread::current().id(), cx.id())))?.join()?;
        let kept = s.spawn("same", "forgets what it opened", |cx| {
            std::mem::forget(cx.adopt("leaked", "is never given back"));
            Ok(thread::current().id())
        })?;
        assert_eq!(kept.join()?, first.0, "it is a warm thread");
        let second = s.spawn("same", "looks at its context", |cx| {
            let current = homebound::current().map(|current| current.id());
            Ok((thread::current().id(), current == Some(cx.id()), cx.id()))
        })?;
        let (os, is_own, id) = second.join()?;
        Ok(assert!(os == first.0 && is_own && id != first.1))
    });
}

#[test]
fn during_the_shutdown_a_thread_still_speaks_to_its_scope() {
    // from: test_from_thread_run_during_shutdown; pins S11, S8
    in_scope(|s| {
        let saves = s.spawn("saves", "asks for more work after the stop", |cx| {
            cx.wait_for_stop();
            let refused = cx.spawn("late", "is refused", |_| Ok(())).is_err();
            let saved = cx.shield(NEVER, |_| {
                scope(|below| Ok(below.spawn("saved", "is allowed", |_| Ok(5))?.join()?))
            });
            Ok((refused, saved?))
        })?;
        s.stop();
        Ok(assert_eq!(saves.join()?, (true, 5)))
    });
}

#[test]
fn a_foreign_thread_has_a_context_only_while_it_is_adopted() {
    // from: test_from_thread_check_cancelled_raises_in_foreign_threads; pins T
    in_scope(|s| {
        let cx = s.context().clone();
        let foreign = thread::spawn(move || {
            let before = homebound::current().is_none();
            let adopted = cx.adopt("foreign", "is a visitor");
            let inside = homebound::current().is_some_and(|own| own.id() == adopted.id())
                && adopted.checkpoint().is_ok();
            drop(adopted);
            before && inside && homebound::current().is_none()
        });
        let cx = s.context();
        Ok(assert!(cx.waiting("the visitor", || foreign.join()).is_ok_and(|all| all)))
    });
}

#[test]
fn a_worker_may_open_a_scope_and_wait_in_it_many_times_over() {
    // from: test_reentry_doesnt_deadlock; pins T, W2
    in_scope(|s| {
        for _ in 0..4 {
            s.spawn("reenters", "opens scopes again and again", |_| {
                for _ in 0..50 {
                    scope(|below| Ok(below.spawn("inner", "is waited for", |_| Ok(()))?.join()?))?;
                }
                Ok(())
            })?;
        }
        Ok(())
    });
}

#[test]
fn all_threads_can_be_waited_for_also_when_there_are_none() {
    // from: test_wait_all_threads_completed, test_wait_all_threads_completed_no_threads; pins R1,
    // E1
    thread_local!(static SEEN: Cell<u32> = const { Cell::new(0) });
    in_scope(|s| {
        s.subscope("none", |_| Ok(()))?;
        let (open, closed) = gate();
        let (to, ended) = bounded(3);
        let opens = s.spawn("opens", "opens the gate later", move |_| {
            linger(5);
            Ok(drop(open))
        })?;
        s.subscope("some", |some| {
            for _ in 0..3 {
                let (closed, to) = (closed.clone(), to.clone());
                some.spawn("waits", "waits for the gate", move |_| {
                    pass(&closed);
                    SEEN.set(SEEN.get() + 1);
                    Ok(to.send(SEEN.get())?)
                })?;
            }
            Ok(())
        })?;
        assert_eq!(ended.len(), 3, "the scope has waited for all");
        Ok(opens.join()?)
    });
}
