//! PO1: places in the queue, and the ways to submit.

use std::time::{Duration, Instant};

use homebound::work::{OfferError, SubmitError};
use homebound::{JoinError, Result};

use super::busy;
use crate::common::*;

#[test]
fn po1_a_queue_of_one_holds_one_job_besides_the_one_that_runs() {
    // catches: the job of an idle thread counted as queued; a place too many
    in_scope(|s| {
        let pool = s.pool("one", "has a place").threads(1).queue(1).start()?;
        let (open, gate) = gate();
        // Both are taken at once, whether the thread has begun or not.
        let first = pool.try_submit(move |cx| Ok(drop(cx.recv(&gate))))?;
        let second = pool.try_submit(|_| Ok(2))?;
        assert!(matches!(pool.try_submit(|_| Ok(3)), Err(SubmitError::Full)));
        drop(open);
        first.join()?;
        assert_eq!(second.join()?, 2);
        assert_eq!(pool.try_submit(|_| Ok(3))?.join()?, 3);
        Ok(())
    });
}

#[test]
fn po1_a_join_frees_the_place_before_it_returns() {
    // catches: a job told as done before its thread is idle
    in_scope(|s| {
        let pool = s.pool("hand", "hands over").threads(1).queue(0).start()?;
        for n in 0..2_000 {
            assert_eq!(pool.try_submit(move |_| Ok(n))?.join()?, n);
        }
        Ok(())
    });
}

#[test]
fn po1_a_queue_of_none_hands_over_or_waits() {
    // catches: a job that is queued behind a busy thread
    in_scope(|s| {
        let pool = s.pool("hand", "hands over").threads(2).queue(0).start()?;
        let (open, gate) = gate();
        let _first = busy(&pool, s.context(), &gate)?;
        let _second = busy(&pool, s.context(), &gate)?;
        assert!(matches!(pool.try_submit(|_| Ok(())), Err(SubmitError::Full)));
        let waits = pool.clone();
        let submitter =
            s.spawn("submitter", "waits for a thread", move |cx| Ok(waits.submit(cx, |_| Ok(7))?.join()?))?;
        eventually("it waits for a place", || pool.status().waiting == 1);
        drop(open);
        assert_eq!(submitter.join()?, 7);
        Ok(())
    });
}

#[test]
fn po1_a_stop_ends_the_wait_for_a_place() {
    // catches: a submitter that sleeps through the stop of its own thread
    in_scope(|s| {
        let pool = s.pool("full", "is full").threads(1).queue(1).start()?;
        let (_open, gate) = gate();
        let running = busy(&pool, s.context(), &gate)?;
        let _queued = pool.try_submit(|_| Ok(()))?;
        let waits = pool.clone();
        let submitter = s.thread("submitter", "waits for a place").isolated().spawn(move |cx| match waits
            .submit(cx, |_| Ok(()))
        {
            Err(SubmitError::Stopped(stopped)) => Ok(stopped.reason().to_string()),
            other => Err(format!("{other:?}"))?,
        })?;
        eventually("it waits for a place", || pool.status().waiting == 1);
        let stopped = Instant::now();
        submitter.stop();
        assert!(submitter.join()?.starts_with("requested at"));
        assert!(stopped.elapsed() < Duration::from_secs(20));
        eventually("it is off the list", || pool.status().waiting == 0);
        running.stop();
        Ok(())
    });
}

#[test]
fn po1_the_stop_of_the_pool_and_its_close_end_the_wait_for_a_place() {
    // catches: waiting callers that are forgotten when the pool ends
    for closes in [false, true] {
        in_scope(move |s| {
            let pool = s.pool("full", "is full").threads(1).queue(0).start()?;
            let (open, gate) = gate();
            let _running = busy(&pool, s.context(), &gate)?;
            let waits = pool.clone();
            let submitter = s.spawn("submitter", "waits", move |cx| {
                Ok(format!("{:?}", waits.submit(cx, |_| Ok(())).map(drop)))
            })?;
            eventually("it waits for a place", || pool.status().waiting == 1);
            if closes {
                let closing = pool.clone();
                let closer = s.spawn("closer", "closes", move |_| Ok(closing.close()?))?;
                assert_eq!(submitter.join()?, "Err(Closed)");
                drop(open);
                closer.join()?;
            } else {
                pool.stop();
                assert!(submitter.join()?.starts_with("Err(Stopped("));
            }
            Ok(())
        });
    }
}

#[test]
fn po1_places_are_given_in_the_order_of_the_waiting_callers() {
    // catches: a waiting caller that is overtaken by a later one
    in_scope(|s| {
        let pool = s.pool("one", "at a time").threads(1).queue(0).start()?;
        let (open, gate) = gate();
        let _running = busy(&pool, s.context(), &gate)?;
        let (order, came) = crossbeam_channel::unbounded();
        for n in 0..5 {
            let (pool, order) = (pool.clone(), order.clone());
            let waiting = pool.status().waiting;
            s.spawn(format!("submitter-{n}"), "waits", {
                let pool = pool.clone();
                move |cx| Ok(pool.submit(cx, move |_| Ok(order.send(n)?))?.join()?)
            })?;
            eventually("it waits", || pool.status().waiting > waiting);
        }
        drop((open, order));
        assert_eq!(came.iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        Ok(())
    });
}

#[test]
fn po1_a_job_that_has_not_begun_in_time_is_never_begun() {
    // catches: a late job that is run all the same; one that is decided only when its turn comes
    in_scope(|s| {
        let pool = s.pool("slow", "is busy").threads(1).queue(8).start()?;
        let (open, gate) = gate();
        let running = busy(&pool, s.context(), &gate)?;
        let soon = Duration::from_millis(2);
        // Joined while its turn has not come.
        let late = pool.submit_within(s.context(), soon, |_| -> Result { panic!("begun") })?;
        assert!(matches!(late.join(), Err(JoinError::Expired)));
        // Its turn comes when it is late.
        let unasked = pool.submit_within(s.context(), soon, |_| -> Result { panic!("begun") })?;
        linger(4);
        drop(open);
        running.join()?;
        eventually("its turn came", || unasked.is_finished());
        assert!(matches!(unasked.join(), Err(JoinError::Expired)));
        // In time.
        assert_eq!(pool.submit_within(s.context(), NEVER, |_| Ok(1))?.join()?, 1);
        let status = pool.status();
        assert_eq!((status.expired, status.done, status.failed), (2, 2, 0));
        Ok(())
    });
}

#[test]
fn po1_no_place_in_time_is_full() {
    in_scope(|s| {
        let pool = s.pool("full", "is full").threads(1).queue(0).start()?;
        let (_open, gate) = gate();
        let running = busy(&pool, s.context(), &gate)?;
        let late = pool.submit_within(s.context(), Duration::from_millis(2), |_| Ok(()));
        assert!(matches!(late, Err(SubmitError::Full)));
        assert_eq!(pool.status().waiting, 0);
        running.stop();
        Ok(())
    });
}

#[test]
fn po1_an_offer_gives_the_job_back_whatever_it_borrows() {
    // catches: a bound on the closure of the error; a job that is dropped instead of given back
    let text = String::from("borrowed");
    homebound::scope(|s| {
        let pool = s.pool("full", "is full").threads(1).queue(0).start()?;
        let (_open, gate) = gate();
        let running = busy(&pool, s.context(), &gate)?;
        let refused: OfferError<_> = pool.offer(|_| Ok(text.len())).map(drop).unwrap_err();
        assert_eq!(format!("{refused}"), "the queue of the pool is full");
        assert!(format!("{refused:?}").contains("Full"));
        assert!(std::error::Error::source(&refused).is_some());
        assert_eq!((refused.job)(s.context())?, 8);
        running.stop();
        running.join()?;
        assert_eq!(pool.offer(|_| Ok(text.len())).map_err(|refused| refused.cause)?.join()?, 8);
        Ok(())
    })
    .unwrap();
}

#[test]
fn po1_a_stopped_caller_submits_nothing() {
    // catches: a job that is taken from a caller whose waits all end (S1)
    in_scope(|s| {
        let pool = s.pool("free", "has places").start()?;
        let caller = s.thread("caller", "is stopped").isolated().spawn({
            let pool = pool.clone();
            move |cx| {
                cx.wait_for_stop();
                assert!(matches!(pool.submit(cx, |_| Ok(())), Err(SubmitError::Stopped(_))));
                assert!(matches!(pool.execute(cx, |_| Ok(())), Err(SubmitError::Stopped(_))));
                assert!(matches!(pool.wait_idle(cx), Err(SubmitError::Stopped(_))));
                let job = pool.try_submit(|_| Ok(1))?; // without a context it is asked of the pool
                // A join of a stopped caller would tell the job, which may not have begun.
                let _disconnected = job.done().recv();
                Ok(job.join()?)
            }
        })?;
        caller.stop();
        assert_eq!(caller.join()?, 1);
        assert_eq!(pool.status().done, 1);
        Ok(())
    });
}

#[test]
fn po1_a_huge_queue_takes_no_memory_before_its_jobs() {
    in_scope(|s| {
        let pool = s.pool("huge", "has no bound to speak of").threads(1).queue(usize::MAX).start()?;
        for _ in 0..1_000 {
            pool.execute(s.context(), |_| Ok(()))?;
        }
        pool.wait_idle(s.context())?;
        assert_eq!(pool.status().done, 1_000);
        Ok(())
    });
}
