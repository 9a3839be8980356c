//! Owns what Kotlin's tests of its scheduler ask of OS threads that are kept warm: none starves,
//! none is lost, all end.
//! Refuses a parallelism: a scope has as many threads as are spawned.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use crossbeam_channel::{bounded, unbounded};
use homebound::{SpawnError, scope};

use crate::common::*;

#[test]
fn jobs_that_wait_for_each_other_all_have_a_thread() {
    // from: BlockingCoroutineDispatcherTest.testNoCpuStarvation, CoroutineScheduler liveness and
    // oversubscription tests; pins C2
    in_scope(|s| {
        let together = Arc::new(Barrier::new(100));
        for _ in 0..100 {
            let together = together.clone();
            s.spawn("job", "waits for ninety-nine others", move |_| Ok(_ = together.wait()))?;
        }
        Ok(())
    });
}

#[test]
fn jobs_one_after_another_make_no_threads_beyond_need() {
    // from: BlockingCoroutineDispatcherTest.testNoExcessThreadsCreated; pins C1, P9
    child_passes(|_| {
        scope(|s| {
            let before = os_threads();
            for _ in 0..2000 {
                s.spawn("job", "ends at once", |_| Ok(()))?.join()?;
            }
            let more = os_threads() - before;
            Ok(assert!(more <= 1, "{more} threads for one job at a time"))
        })
        .unwrap();
        0
    });
}

#[test]
fn jobs_of_a_name_run_in_any_number_and_each_once() {
    // from: CoroutineSchedulerTest, CoroutineSchedulerStressTest; pins C1, C2
    within(|| {
        let counts: Vec<_> = (0..2000).map(|_| AtomicUsize::new(0)).collect();
        scope(|s| {
            for fours in counts.chunks(4) {
                let four: Result<Vec<_>, _> = fours
                    .iter()
                    .map(|count| {
                        s.spawn("job", "counts", move |_| Ok(_ = count.fetch_add(1, Ordering::SeqCst)))
                    })
                    .collect();
                four?.into_iter().try_for_each(|job| job.join())?;
            }
            Ok(())
        })
        .unwrap();
        assert!(counts.into_iter().all(|count| count.into_inner() == 1));
    });
}

#[test]
fn a_root_closes_while_its_jobs_spawn_more() {
    // from: CoroutineSchedulerCloseStressTest, ExecutorsTest.testShutdownExecutorService; pins P2,
    // S11
    within(|| {
        for _ in 0..50 {
            let (started, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let report = scope(|s| {
                let (started, ended) = (&started, &ended);
                for _ in 0..4 {
                    s.spawn("spawner", "spawns until it is refused", move |_| {
                        while s
                            .spawn("job", "counts", move |_| Ok(_ = ended.fetch_add(1, Ordering::SeqCst)))
                            .map(|_| started.fetch_add(1, Ordering::SeqCst))
                            .is_ok()
                        {
                            std::thread::yield_now();
                        }
                        Ok(())
                    })?;
                }
                linger(1);
                Ok(s.shutdown(NEVER))
            })
            .unwrap();
            assert_eq!(started.into_inner(), ended.into_inner());
            assert_eq!((report.total, report.timeout), (report.joined, 0), "{report}");
        }
    });
}

#[test]
fn roots_that_open_and_close_leave_no_threads() {
    // from: CoroutineSchedulerTerminationStressTest; pins P2
    child_passes(|_| {
        let before = os_threads();
        for n in 0..200 {
            scope(|s| {
                for _ in 0..n % 5 {
                    s.spawn(format!("job-{n}"), "ends", |_| Ok(()))?;
                }
                Ok(())
            })
            .unwrap();
        }
        // A joined thread stays in the kernel's list for a moment.
        eventually("the kernel has forgotten them", || os_threads() == before);
        0
    });
}

#[test]
fn work_that_is_refused_half_way_still_ends_its_first_half() {
    // from: RejectedExecutionTest; pins S11, P1
    in_scope(|s| {
        let (to, halves) = unbounded();
        let (half, is_half) = bounded(0);
        let (go, gone) = gate();
        let works = s.spawn("works", "has two halves", move |cx| {
            let first = to.clone();
            let begun = cx.spawn("first", "is taken", move |_| Ok(first.send(1)?))?;
            half.send(())?;
            pass(&gone);
            let refused = cx.spawn("second", "is refused", move |_| Ok(to.send(2)?));
            assert!(matches!(refused, Err(SpawnError::Stopped(_))));
            Ok(begun.join()?)
        })?;
        is_half.recv()?;
        s.stop();
        drop(go);
        works.join()?;
        Ok(assert!(halves.iter().eq([1])))
    });
}
