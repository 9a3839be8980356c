//! Owns what the tests of Java's executors (JSR 166 TCK: `ThreadPoolExecutorTest`,
//! `AbstractExecutorServiceTest`) ask of pools, their queues, counts and shutdowns.
//! Refuses core sizes and keep-alive times: a pool has one number of threads.

use crossbeam_channel::{Receiver, bounded};
use homebound::{AtStop, Context, Job, JoinError, Pool, Result, SubmitError, scope};

use crate::common::*;

/// A pool of one thread that is busy until the gate opens.
fn held<'s>(pool: &Pool<'s>, cx: &Context, gate: &Receiver<()>) -> Result<Job<'s, ()>> {
    let (tell, begun) = bounded(1);
    let gate = gate.clone();
    let job = pool.submit(cx, move |_| {
        tell.send(())?;
        Ok(pass(&gate))
    })?;
    begun.recv()?;
    Ok(job)
}

#[test]
fn the_counts_add_up_while_jobs_wait() {
    // from: testGetQueue, testGetActiveCount, testGetTaskCount; pins PO8
    in_scope(|s| {
        let (open, gate) = gate();
        let pool = s.pool("one", "runs one").threads(1).queue(10).start()?;
        let first = held(&pool, s.context(), &gate)?;
        let others = (0..4).map(|_| pool.try_submit(|_| Ok(()))).collect::<Result<Vec<_>, _>>()?;
        let status = pool.status();
        assert_eq!((status.running, status.queued, status.done, status.threads), (1, 4, 0, 1));
        drop(open);
        first.join()?;
        others.into_iter().try_for_each(Job::join)?;
        let status = pool.status();
        Ok(assert_eq!((status.running, status.queued, status.done), (0, 0, 5)))
    });
}

#[test]
fn a_queued_job_can_be_taken_back_and_a_running_one_cannot() {
    // from: testRemove, testPurge; pins PO4
    in_scope(|s| {
        let (open, gate) = gate();
        let pool = s.pool("one", "runs one").threads(1).queue(10).start()?;
        let running = held(&pool, s.context(), &gate)?;
        let mut queued: Vec<_> = (0..5).map(|n| pool.try_submit(move |_| Ok(n))).collect::<Result<_, _>>()?;
        running.stop();
        queued[4].stop();
        queued[3].stop();
        assert_eq!((pool.status().queued, pool.status().stopped, pool.status().running), (3, 2, 1));
        drop(open);
        running.join()?; // it was begun, and has not looked
        for stopped in queued.split_off(3) {
            assert!(matches!(stopped.join(), Err(JoinError::Stopped(_))));
        }
        let rest = queued.into_iter().map(Job::join).collect::<Result<Vec<_>, _>>()?;
        Ok(assert_eq!(rest, [0, 1, 2]))
    });
}

#[test]
fn a_stop_drops_the_queue_and_says_so_to_each_job() {
    // from: testShutdownNow; pins PO4
    in_scope(|s| {
        let pool = s.pool("two", "runs two").threads(2).queue(10).at_stop(AtStop::Drop).start()?;
        let (tell, begun) = bounded(2);
        let waiters: Vec<_> = (0..5)
            .map(|_| {
                let tell = tell.clone();
                pool.try_submit(move |cx| {
                    tell.send(())?;
                    Ok(drop(cx.wait_for_stop()))
                })
            })
            .collect::<Result<_, _>>()?;
        begun.iter().take(2).for_each(drop);
        pool.stop();
        let ends: Vec<_> = waiters.into_iter().map(Job::join).collect();
        assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 2);
        assert_eq!(ends.iter().filter(|end| matches!(end, Err(JoinError::Dropped))).count(), 3);
        let status = pool.status();
        Ok(assert_eq!((status.queued, status.dropped, status.done), (0, 3, 2)))
    });
}

#[test]
fn a_shutdown_runs_the_queue_and_takes_no_more() {
    // from: testIsTerminated, testIsShutdown, testRejectedExecutionExceptionAfterShutdown; pins PO5
    in_scope(|s| {
        let (open, gate) = gate();
        let pool = s.pool("one", "runs one").threads(1).queue(10).start()?;
        let _running = held(&pool, s.context(), &gate)?;
        let queued = pool.try_submit(|_| Ok("ran"))?;
        let closing = pool.clone();
        let closer = s.spawn("closer", "closes", move |_| Ok(closing.close()?))?;
        eventually("closed", || matches!(pool.try_submit(|_| Ok(())), Err(SubmitError::Closed)));
        drop(open);
        closer.join()?;
        assert_eq!(queued.join()?, "ran");
        Ok(assert_eq!(pool.status().threads, 0))
    });
}

#[test]
fn a_saturated_pool_lets_the_caller_choose() {
    // from: testSaturatedExecute1, testSaturatedExecute2, testSaturatedExecute3; pins PO1
    in_scope(|s| {
        let (open, gate) = gate();
        let pool = s.pool("one", "runs one").threads(1).queue(1).start()?;
        let _running = held(&pool, s.context(), &gate)?;
        let _queued = pool.try_submit(|_| Ok(()))?;
        // Refused; discarded; run by the caller.
        assert!(matches!(pool.try_submit(|_| Ok(())), Err(SubmitError::Full)));
        let here = std::thread::current().id();
        let refused = pool.offer(move |_: &Context| Ok(std::thread::current().id() == here));
        let refused = refused.expect_err("it is full");
        assert!((refused.job)(s.context())?);
        drop(open);
        Ok(())
    });
}

#[test]
fn a_caller_that_waits_for_a_place_can_be_stopped() {
    // from: testInterruptedSubmit; pins PO1
    in_scope(|s| {
        let (open, gate) = gate();
        let pool = s.pool("one", "runs one").threads(1).queue(0).start()?;
        let _running = held(&pool, s.context(), &gate)?;
        let inner = pool.clone();
        let caller =
            s.thread("caller", "submits").isolated().spawn(move |cx| Ok(inner.execute(cx, |_| Ok(()))?))?;
        caller.stop();
        assert!(matches!(caller.join(), Err(JoinError::Stopped(_))));
        drop(open);
        Ok(())
    });
}

#[test]
fn all_of_an_empty_list_is_an_empty_list() {
    // from: testInvokeAll2 (empty collection); pins PO9
    in_scope(|s| {
        let pool = s.pool("all", "runs all").start()?;
        Ok(assert!(pool.map(s.context(), Vec::<u8>::new(), |_, n| Ok(n))?.is_empty()))
    });
}

#[test]
fn all_of_a_list_comes_in_its_order_and_one_failure_is_told() {
    // from: testInvokeAll4, testInvokeAll5; pins PO9, PO10
    in_scope(|s| {
        let pool = s.pool("all", "runs all").threads(2).start()?;
        assert_eq!(pool.map(s.context(), ["a", "b"], |_, text| Ok(text.to_owned()))?, ["a", "b"]);
        let error = pool
            .map(s.context(), [1, 0], |_, n: i32| n.checked_sub(1).filter(|n| *n >= 0).ok_or("no".into()));
        Ok(assert!(error.expect_err("one failed").to_string().contains("no")))
    });
}

#[test]
fn threads_that_the_system_refuses_are_told_and_nothing_is_lost() {
    // from: testFailingThreadFactory; pins PO3
    within(|| {
        scope(|s| {
            let pool =
                s.pool("huge", "has stacks that no system gives").stack_size(usize::MAX / 2).start()?;
            assert!(matches!(pool.submit(s.context(), |_| Ok(())), Err(SubmitError::Spawn(_))));
            let status = pool.status();
            Ok(assert_eq!((status.threads, status.queued, status.running), (0, 0, 0)))
        })
        .unwrap();
    });
}

#[test]
fn the_number_of_threads_can_change_while_they_work() {
    // from: testSetMaximumPoolSize, testPoolSizeInvariants; pins PO3
    in_scope(|s| {
        let (open, gate) = gate();
        let pool = s.pool("grows", "grows").threads(1).queue(10).start()?;
        let _first = held(&pool, s.context(), &gate)?;
        let meets = pool.try_submit(|_| Ok(()))?;
        pool.resize(2);
        meets.join()?;
        assert_eq!(pool.status().threads, 2);
        pool.resize(1);
        eventually("one has gone", || pool.status().threads == 1);
        drop(open);
        Ok(())
    });
}
