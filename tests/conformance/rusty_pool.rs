//! Owns what the tests of rusty_pool and threadpool ask of a pool: joins, panics, shutdowns.
//! Refuses threads that idle beyond a core: the threads of a pool stay until it ends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use homebound::{JoinError, Pool, Result, scope};

use crate::common::*;

#[test]
fn to_wait_until_idle_is_to_wait_for_queued_jobs_too() {
    // from: test_join, test_join_enqueued_task (rusty_pool), test_repeate_join (threadpool);
    // pins PO2
    in_scope(|s| {
        let ran = Arc::new(AtomicUsize::new(0));
        let pool = s.pool("one", "runs one at a time").threads(1).start()?;
        for wave in 1..=3 {
            for _ in 0..40 {
                let ran = Arc::clone(&ran);
                pool.execute(s.context(), move |_| Ok(_ = ran.fetch_add(1, Ordering::SeqCst)))?;
            }
            pool.wait_idle(s.context())?;
            assert_eq!(ran.load(Ordering::SeqCst), 40 * wave);
        }
        Ok(())
    });
}

#[test]
fn an_idle_pool_needs_no_wait() {
    // from: test_empty_join, test_join_when_complete (rusty_pool), test_no_fun_or_joy (threadpool);
    // pins PO5
    in_scope(|s| {
        let pool = s.pool("empty", "has nothing to do").start()?;
        pool.wait_idle(s.context())?;
        pool.submit(s.context(), |_| Ok(()))?.join()?;
        pool.wait_idle(s.context())?;
        Ok(pool.close()?)
    });
}

#[test]
fn jobs_that_all_panic_leave_the_threads() {
    // from: test_panic_all (rusty_pool), test_recovery_from_subtask_panic (threadpool);
    // pins PO3, PO6
    in_scope(|s| {
        let pool = s.pool("falls", "panics").threads(3).start()?;
        let falls = (0..10).map(|_| pool.submit(s.context(), |_| -> Result { panic!("test") }));
        let falls = falls.collect::<Result<Vec<_>, _>>()?;
        let ends = falls.into_iter().map(|job| job.join());
        assert_eq!(ends.filter(|end| matches!(end, Err(JoinError::Failed(_)))).count(), 10);
        let threads = pool.status().threads;
        assert!((1..=3).contains(&threads));
        assert_eq!(pool.map(s.context(), 0..9, |_, n| Ok(n))?.len(), 9);
        Ok(assert_eq!(pool.status().failed, 10))
    });
}

#[test]
fn a_shutdown_lets_what_has_begun_and_what_is_queued_end() {
    // from: test_shutdown_join, test_shutdown_core_pool, test_empty_shutdown_join (rusty_pool);
    // pins PO5
    in_scope(|s| {
        let ran = Arc::new(AtomicUsize::new(0));
        let pool = s.pool("five", "runs five").threads(5).start()?;
        for _ in 0..7 {
            let ran = Arc::clone(&ran);
            pool.execute(s.context(), move |_| {
                linger(5);
                Ok(_ = ran.fetch_add(1, Ordering::SeqCst))
            })?;
        }
        pool.close()?;
        assert_eq!(ran.load(Ordering::SeqCst), 7);
        Ok(assert_eq!(pool.status().threads, 0))
    });
}

#[test]
fn many_wait_for_one_pool_and_all_are_woken() {
    // from: test_multi_thread_join (rusty_pool), test_multi_join (threadpool); pins PO2
    in_scope(|s| {
        let pool = s.pool("one", "is waited for").threads(1).start()?;
        let (open, gate) = gate();
        pool.execute(s.context(), move |_| Ok(pass(&gate)))?;
        let waiters = (0..4).map(|n| {
            let pool = pool.clone();
            s.thread(format!("waiter-{n}"), "waits").spawn(move |cx| Ok(pool.wait_idle(cx)?))
        });
        let waiters = waiters.collect::<Result<Vec<_>, _>>()?;
        drop(open);
        Ok(waiters.into_iter().try_for_each(|waiter| waiter.join())?)
    });
}

#[test]
fn jobs_of_one_pool_run_at_the_same_time() {
    // from: test_full_usage (rusty_pool), test_cyclic_barrier (threadpool); pins PO3
    in_scope(|s| {
        let pool = s.pool("meet", "meets").threads(8).start()?;
        let together = Arc::new(Barrier::new(8));
        let jobs = (0..8).map(|_| {
            let together = Arc::clone(&together);
            pool.submit(s.context(), move |_| Ok(together.wait().is_leader()))
        });
        jobs.collect::<Result<Vec<_>, _>>()?.into_iter().try_for_each(|job| job.join().map(|_leader| ()))?;
        Ok(assert_eq!(pool.status().threads, 8))
    });
}

#[test]
fn a_chain_of_jobs_that_submit_the_next_one_ends() {
    // from: test_massive_task_creation (threadpool), stress_test (rusty_pool); pins PO2, PO7
    within(|| {
        let ran = Arc::new(AtomicUsize::new(0));
        let last = Arc::clone(&ran);
        scope(move |s| {
            let pool: Pool<'_> = s.pool("chain", "submits the next").threads(2).queue(64).start()?;
            fn next(pool: &Pool<'_>, cx: &homebound::Context, left: usize, ran: Arc<AtomicUsize>) -> Result {
                ran.fetch_add(1, Ordering::SeqCst);
                if left > 0 {
                    let own = pool.clone();
                    pool.execute(cx, move |cx| next(&own, cx, left - 1, ran))?;
                }
                Ok(())
            }
            next(&pool, s.context(), 1_000, ran)
        })
        .unwrap();
        assert_eq!(last.load(Ordering::SeqCst), 1_001, "the scope has waited for all");
    });
}
