//! PO1 to PO5 with many jobs in the queue: then jobs come by the intake, and each rule holds as it
//! does for a few.

use std::sync::atomic::{AtomicUsize, Ordering};

use homebound::{AtStop, JoinError, SubmitError};
use parking_lot::Mutex;

use super::busy;

/// More than the number of waiting jobs from which the intake is open.
const MANY: usize = 200;

/// What a job does that is counted.
fn count(ran: &AtomicUsize) {
    let _before = ran.fetch_add(1, Ordering::Relaxed);
}

/// The queue has as many places as it was given, also by the intake, and not one less.
#[test]
fn po1_many_jobs_have_exactly_the_places_of_the_queue() {
    homebound::scope(|scope| {
        let cx = scope.context();
        let (open, gate) = crossbeam_channel::bounded::<()>(0);
        let pool = scope.pool("counters", "count").threads(2).queue(MANY).start()?;
        let running = [busy(&pool, cx, &gate)?, busy(&pool, cx, &gate)?];
        for _ in 0..MANY {
            pool.execute(cx, |_| Ok(()))?;
        }
        assert!(matches!(pool.try_submit(|_| Ok(())), Err(SubmitError::Full)));
        assert_eq!((pool.status().queued, pool.status().running), (MANY, 2));
        drop(open);
        running.into_iter().try_for_each(|job| job.join())?;
        pool.wait_idle(cx)?;
        assert_eq!((pool.status().queued, pool.status().done), (0, MANY as u64 + 2));
        Ok(())
    })
    .unwrap();
}

/// One thread runs jobs in the order in which they came, with and without handles.
#[test]
fn po1_many_jobs_run_in_the_order_in_which_they_came() {
    let ran = Mutex::new(Vec::new());
    homebound::scope(|scope| {
        let cx = scope.context();
        let (open, gate) = crossbeam_channel::bounded::<()>(0);
        let pool = scope.pool("writers", "write").threads(1).queue(MANY).start()?;
        let first = busy(&pool, cx, &gate)?;
        let mut kept = Vec::new();
        for number in 0..MANY {
            let ran = &ran;
            if number % 3 == 0 {
                kept.push(pool.submit(cx, move |_| Ok(ran.lock().push(number)))?);
                assert_eq!(kept.last().expect("one").number(), number as u64 + 2);
            } else {
                pool.execute(cx, move |_| Ok(ran.lock().push(number)))?;
            }
        }
        drop(open);
        first.join()?;
        pool.wait_idle(cx)?;
        kept.into_iter().try_for_each(|job| job.join())?;
        Ok(())
    })
    .unwrap();
    assert_eq!(ran.into_inner(), (0..MANY).collect::<Vec<_>>());
}

/// A job among many is stopped before it has begun: it is never begun, and its place is free.
#[test]
fn po4_one_of_many_jobs_is_stopped_before_it_begins() {
    let ran = AtomicUsize::new(0);
    homebound::scope(|scope| {
        let cx = scope.context();
        let (open, gate) = crossbeam_channel::bounded::<()>(0);
        let pool = scope.pool("players", "play").threads(1).queue(MANY).start()?;
        let first = busy(&pool, cx, &gate)?;
        let ran = &ran;
        let play = move |_: &homebound::Context| Ok(count(ran));
        let mut jobs = (0..MANY).map(|_| pool.try_submit(play)).collect::<Result<Vec<_>, _>>()?;
        let stopped = jobs.pop().expect("one of them");
        stopped.stop();
        assert!(matches!(stopped.join(), Err(JoinError::Stopped(_))));
        let last = pool.try_submit(play)?;
        assert!(matches!(pool.try_submit(play), Err(SubmitError::Full)));
        drop(open);
        first.join()?;
        jobs.into_iter().chain([last]).try_for_each(|job| job.join())?;
        Ok(())
    })
    .unwrap();
    assert_eq!(ran.into_inner(), MANY);
}

/// A stop drops all queued jobs, also those that came by the intake, and counts each.
#[test]
fn po4_a_stop_drops_many_jobs_and_counts_them() {
    homebound::scope(|scope| {
        let cx = scope.context();
        let (_never, gate) = crossbeam_channel::bounded::<()>(0);
        let pool = scope.pool("thumbs", "draw").threads(1).queue(MANY).at_stop(AtStop::Drop).start()?;
        let running = busy(&pool, cx, &gate)?;
        for _ in 0..MANY {
            pool.execute(cx, |_| unreachable!("the pool is told before"))?;
        }
        pool.stop();
        assert!(matches!(pool.try_submit(|_| Ok(())), Err(SubmitError::Stopped(_))));
        running.join()?;
        pool.close()?;
        assert_eq!((pool.status().dropped, pool.status().done), (MANY as u64, 1));
        Ok(())
    })
    .unwrap();
}

/// A close with many queued jobs: no job comes any more, and all that came are run.
#[test]
fn po5_a_close_runs_many_jobs_and_takes_no_more() {
    homebound::scope(|scope| {
        let cx = scope.context();
        let (open, gate) = crossbeam_channel::bounded::<()>(0);
        let pool = scope.pool("mails", "send").threads(1).queue(MANY).start()?;
        let first = busy(&pool, cx, &gate)?;
        for _ in 1..MANY {
            pool.execute(cx, |_| Ok(()))?;
        }
        let closer = scope.spawn("closer", "closes the pool", {
            let pool = pool.clone();
            move |_| Ok(pool.close()?)
        })?;
        while !matches!(pool.try_submit(|_| Ok(())), Err(SubmitError::Closed | SubmitError::Full)) {}
        drop(open);
        first.join()?;
        closer.join()?;
        assert!(matches!(pool.try_submit(|_| Ok(())), Err(SubmitError::Closed)));
        let status = pool.status();
        assert_eq!((status.queued, status.running, status.dropped), (0, 0, 0));
        assert!(status.done >= MANY as u64);
        Ok(())
    })
    .unwrap();
}

/// Four threads submit at once to two threads: each job runs once, and the pool is idle afterwards.
#[test]
fn po1_many_submitters_lose_no_job() {
    let ran = AtomicUsize::new(0);
    homebound::scope(|scope| {
        let cx = scope.context();
        for places in [8, 64, 10_000] {
            let pool = scope.pool("counters", "count").threads(2).queue(places).start()?;
            let before = ran.load(Ordering::Relaxed);
            for round in 1..=5 {
                scope.subscope("submitters", |inner| {
                    for _ in 0..4 {
                        let (pool, ran) = (&pool, &ran);
                        inner.spawn("submitter", "submits", move |cx| {
                            for _ in 0..500 {
                                pool.execute(cx, |_| Ok(count(ran)))?;
                            }
                            Ok(())
                        })?;
                    }
                    Ok(())
                })?;
                pool.wait_idle(cx)?;
                assert_eq!(ran.load(Ordering::Relaxed) - before, 2_000 * round);
            }
        }
        Ok(())
    })
    .unwrap();
}
