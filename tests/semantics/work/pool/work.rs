//! PO2: jobs are work of their scope. PO5: the close, and the last handle.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use homebound::{Result, SubmitError};

use super::busy;
use crate::common::*;

#[test]
fn po2_a_scope_waits_for_queued_and_running_jobs() {
    // catches: a scope that is finishing while jobs are queued, and drops them
    for _ in 0..200 {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        in_scope(move |s| {
            let pool = s.pool("counters", "count").threads(2).queue(64).start()?;
            for _ in 0..20 {
                let count = Arc::clone(&counted);
                pool.execute(s.context(), move |cx| {
                    assert!(!cx.is_stopping());
                    count.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                })?;
            }
            Ok(()) // with the handle dropped, or not
        });
        assert_eq!(count.load(Ordering::Relaxed), 20);
    }
}

#[test]
fn po2_a_scope_waits_for_the_jobs_of_jobs_in_several_pools() {
    // catches: a pool that is found idle, and gets a job from another that is looked at later
    for _ in 0..200 {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        in_scope(move |s| {
            let pools = [
                s.pool("a", "counts").threads(1).queue(8).start()?,
                s.pool("b", "counts").threads(1).queue(8).start()?,
            ];
            fn step(
                pools: [homebound::Pool<'_>; 2],
                left: usize,
                count: Arc<AtomicUsize>,
                cx: &homebound::Context,
            ) -> Result {
                count.fetch_add(1, Ordering::Relaxed);
                if left > 0 {
                    let next = pools.clone();
                    pools[left % 2].clone().execute(cx, move |cx| step(next, left - 1, count, cx))?;
                }
                Ok(())
            }
            step(pools, 30, counted, s.context())
        });
        assert_eq!(count.load(Ordering::Relaxed), 31);
    }
}

#[test]
fn po2_services_are_told_after_the_last_job() {
    // catches: a service that a job uses, told while the job runs
    in_scope(|s| {
        let (asked, questions) = crossbeam_channel::bounded::<crossbeam_channel::Sender<u32>>(0);
        s.service("answers", "answers jobs", move |cx| {
            for answer in cx.iter(&questions) {
                answer.send(42)?;
            }
            Ok(())
        })?;
        let pool = s.pool("askers", "ask").threads(1).start()?;
        for _ in 0..50 {
            let asked = asked.clone();
            pool.execute(s.context(), move |cx| {
                let (answer, answered) = crossbeam_channel::bounded(1);
                cx.send(&asked, answer)?;
                assert_eq!(cx.recv(&answered)?, 42);
                Ok(())
            })?;
        }
        Ok(())
    });
}

#[test]
fn po2_a_service_that_submits_is_refused_when_the_scope_is_finishing() {
    // catches: a job that comes when nobody waits for it any more, and is dropped
    in_scope(|s| {
        let pool = s.pool("late", "is asked late").start()?;
        let dropped = pool.clone();
        s.service("late", "submits when it is told", move |cx| {
            cx.wait_for_stop();
            match dropped.try_submit(|_| Ok(())) {
                Err(SubmitError::Stopped(_)) => Ok(()),
                other => Err(format!("{other:?}"))?,
            }
        })?;
        pool.submit(s.context(), |_| Ok(()))?.join()?;
        Ok(())
    });
}

#[test]
fn po2_a_pool_without_jobs_holds_nobody_up() {
    in_scope(|s| {
        let _unused = s.pool("unused", "has no job").start()?;
        let used = s.pool("used", "has had a job").start()?;
        used.execute(s.context(), |_| Ok(()))?;
        std::mem::forget(used); // P3
        Ok(())
    });
}

#[test]
fn po5_a_close_works_off_the_queue_and_joins_the_threads() {
    // catches: jobs that are lost by a close; clones that may still submit
    in_scope(|s| {
        let pool = s.pool("mails", "sends mails").threads(2).queue(64).start()?;
        let clone = pool.clone();
        let count = Arc::new(AtomicUsize::new(0));
        for _ in 0..50 {
            let count = Arc::clone(&count);
            pool.execute(s.context(), move |_| {
                count.fetch_add(1, Ordering::Relaxed);
                Ok(())
            })?;
        }
        pool.close()?;
        assert_eq!(count.load(Ordering::Relaxed), 50);
        assert!(matches!(clone.try_submit(|_| Ok(())), Err(SubmitError::Closed)));
        assert!(matches!(clone.execute(s.context(), |_| Ok(())), Err(SubmitError::Closed)));
        let status = clone.status();
        assert_eq!((status.threads, status.dropped, status.done), (0, 0, 50));
        clone.close()?; // a second one is as good
        Ok(())
    });
}

#[test]
fn po5_a_close_returns_what_failed() {
    let listed = within(|| {
        homebound::scope(|s| {
            let pool = s.pool("bad", "fails").threads(1).start()?;
            let job = pool.submit(s.context(), |_| -> Result { Err("out of paper")? })?;
            eventually("it has failed", || job.is_finished());
            drop(job);
            let failed = pool.close().unwrap_err();
            assert_eq!(failed.failures().len(), 1);
            assert!(failed.to_string().contains("out of paper"), "{failed}");
            assert!(pool.close().is_ok(), "they are returned once");
            Ok(())
        })
    });
    assert_eq!(listed.unwrap_err().failures().len(), 1, "they are the scope's, too, once");
}

#[test]
fn po5_when_the_last_handle_is_gone_the_threads_go() {
    // catches: idle threads that wait for jobs that cannot come
    in_scope(|s| {
        let pool = s.pool("short", "is used once").threads(2).queue(8).start()?;
        let (open, gate) = gate();
        busy(&pool, s.context(), &gate)?.number();
        let last = pool.submit(s.context(), |_| Ok(5))?;
        let clone = pool.clone();
        drop(pool);
        drop(clone);
        drop(open);
        assert_eq!(last.join()?, 5, "the queue is worked off");
        eventually("its threads are gone", || {
            s.snapshot().root.scopes.iter().all(|scope| scope.threads.is_empty())
        });
        Ok(())
    });
}

#[test]
fn po5_a_scope_that_opens_pool_after_pool_stays_small() {
    // catches: pools that are over, and stay in the tree (P9)
    in_scope(|s| {
        for n in 0..300 {
            let pool = s.pool("short", "is used once").threads(1).start()?;
            assert_eq!(pool.submit(s.context(), move |_| Ok(n))?.join()?, n);
            pool.close()?;
        }
        for n in 0..300 {
            let pool = s.pool("dropped", "is used once").threads(1).start()?;
            assert_eq!(pool.submit(s.context(), move |_| Ok(n))?.join()?, n);
            drop(pool);
        }
        eventually("the pools are put away", || {
            drop(s.pool("next", "puts the others away").start());
            s.snapshot().root.scopes.len() < 10
        });
        Ok(())
    });
}
