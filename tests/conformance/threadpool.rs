//! Owns what the tests of threadpool and of bastion's executor ask of many jobs, panics, and waves
//! of waiting.
//! Refuses a number of threads: a scope has as many as are spawned.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Instant;

use crossbeam_channel::unbounded;
use homebound::{Ending, JoinError, Result, scope};

use crate::common::*;

#[test]
fn after_jobs_that_panic_there_are_threads_for_new_ones() {
    // from: test_recovery_from_subtask_panic; pins F2, C1
    in_scope(|s| {
        for _ in 0..4 {
            let falls =
                s.thread("job", "panics").isolated().spawn(|_| -> Result { panic!("ignore this") })?;
            assert!(matches!(falls.join(), Err(JoinError::Failed(_))));
        }
        let (to, sums) = unbounded();
        for n in 0..4 {
            let to = to.clone();
            s.spawn("job", "sends its number", move |_| Ok(to.send(n)?))?;
        }
        Ok(assert_eq!(sums.iter().take(4).sum::<i32>(), 6))
    });
}

#[test]
fn a_drop_does_not_panic_because_of_what_panics_later() {
    // from: test_should_not_panic_on_drop_if_subtasks_panic_after_drop; pins E4, F1
    within(|| {
        let error = scope(|s| {
            let group = s.group("pool")?;
            let together = Arc::new(Barrier::new(5));
            for _ in 0..4 {
                let together = together.clone();
                group.spawn("job", "panics after the drop has begun", move |cx| -> Result {
                    together.wait();
                    cx.wait_for_stop();
                    panic!("ignore this")
                })?;
            }
            together.wait();
            Ok(drop(group))
        })
        .unwrap_err();
        assert_eq!((error.failures().len(), error.failures()[3].name()), (4, "job"));
    });
}

#[test]
fn ten_thousand_jobs_all_run() {
    // from: test_massive_task_creation; pins P9
    within(|| {
        let (to, done) = unbounded();
        scope(|s| {
            for n in 0..10_000_u32 {
                let to = &to;
                let job = s.spawn("job", "is one of many", move |_| Ok(to.send(n)?))?;
                if n.is_multiple_of(8) {
                    job.join()?;
                }
            }
            Ok(())
        })
        .unwrap();
        let mut done: Vec<u32> = done.try_iter().collect();
        done.sort_unstable();
        assert!(done.into_iter().eq(0..10_000));
    });
}

#[test]
fn to_wait_again_is_to_wait_for_what_came_since() {
    // from: test_repeate_join; pins E1
    in_scope(|s| {
        let ran = Arc::new(AtomicUsize::new(0));
        for wave in 1..=3 {
            s.subscope("wave", |wave| {
                for _ in 0..8 {
                    let ran = ran.clone();
                    wave.spawn("job", "counts", move |_| Ok(_ = ran.fetch_add(1, Ordering::SeqCst)))?;
                }
                Ok(())
            })?;
            assert_eq!(ran.load(Ordering::SeqCst), 8 * wave);
        }
        Ok(())
    });
}

#[test]
fn waves_of_one_root_do_not_wait_for_each_other() {
    // from: test_multi_join; pins E1, T
    in_scope(|s| {
        let (open, closed) = gate();
        let held = s.spawn("first-wave", "is held back", move |_| {
            Ok(scope(|wave| {
                let closed = closed.clone();
                wave.spawn("job", "waits for the gate", move |_| Ok(pass(&closed)))?;
                Ok(())
            })?)
        })?;
        let quick = s.spawn("second-wave", "is quick", |_| {
            Ok(scope(|wave| Ok(drop(wave.spawn("job", "ends at once", |_| Ok(()))?)))?)
        })?;
        quick.join()?;
        assert!(!held.is_finished());
        drop(open);
        Ok(held.join()?)
    });
}

#[test]
fn to_wait_for_no_jobs_is_no_wait() {
    // from: test_no_fun_or_joy; pins E1
    in_scope(|s| {
        s.group("empty")?.close()?;
        Ok(s.subscope("empty", |_| Ok(()))?)
    });
}

#[test]
fn every_job_runs_under_its_own_name() {
    // from: test_name; pins P8, C1
    in_scope(|s| {
        for round in 0..3 {
            for name in ["alpha", "beta", "gamma"] {
                let seen = s.spawn(name, "tells its name", |_| {
                    Ok(std::thread::current().name().map(str::to_owned))
                })?;
                assert_eq!(seen.join()?.as_deref(), Some(name), "round {round}");
            }
        }
        Ok(())
    });
}

#[test]
fn slow_jobs_that_nobody_joins_are_all_waited_for() {
    // from: bastion: slow_join, longhauling_task_join; pins E1
    within(|| {
        let ended = AtomicUsize::new(0);
        scope(|s| {
            for n in 0..50_u64 {
                let ended = &ended;
                s.spawn("slow", "takes its time", move |_| {
                    linger(n % 7);
                    Ok(_ = ended.fetch_add(1, Ordering::SeqCst))
                })?;
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(ended.into_inner(), 50);
    });
}

#[test]
fn slow_jobs_that_are_interrupted_end_at_once() {
    // from: bastion: slow_join_interrupted; pins P5, R4
    in_scope(|s| {
        for _ in 0..50 {
            s.spawn("slow", "sleeps for an hour", until_stopped)?;
        }
        let start = Instant::now();
        let report = s.shutdown(NEVER);
        assert!((report.total, report.joined) == (50, 50) && start.elapsed() < LIMIT, "{report}");
        Ok(assert!(report.threads.iter().all(|row| row.ending == Ending::Stopped)))
    });
}
