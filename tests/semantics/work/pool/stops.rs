//! PO4: what a stop does with a pool, and with one job.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use homebound::{AtStop, JoinError, Result, StopReason};

use super::{busy, stubborn};
use crate::common::*;

#[test]
fn po4_at_a_stop_queued_jobs_are_dropped_counted_and_told() {
    // catches: a queued job that runs after the stop, or hangs its joiner
    in_scope(|s| {
        let pool = s.pool("drops", "drops").threads(1).queue(16).start()?;
        let (open, gate) = gate();
        let running = stubborn(&pool, s.context(), &gate)?;
        let jobs: Vec<_> = (0..9)
            .map(|_| pool.submit(s.context(), |_| -> Result { panic!("begun") }))
            .collect::<Result<_, _>>()?;
        pool.stop();
        drop(open);
        running.join()?;
        for job in jobs {
            assert!(matches!(job.join(), Err(JoinError::Dropped)));
        }
        let status = pool.status();
        assert_eq!((status.done, status.dropped, status.queued), (1, 9, 0));
        Ok(())
    });
}

#[test]
fn po4_a_draining_pool_runs_its_queue_shielded_from_the_stop() {
    // catches: a drained job that sees the stop; a job that is dropped in time
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    in_scope(move |s| {
        let pool = s.pool("drains", "drains").threads(1).queue(16).at_stop(AtStop::Drain).start()?;
        let (_open, gate) = gate();
        let first = busy(&pool, s.context(), &gate)?; // hears the stop, and ends
        let jobs: Vec<_> = (0..9)
            .map(|_| {
                let count = Arc::clone(&count);
                pool.submit(s.context(), move |cx| {
                    cx.sleep(Duration::from_millis(1))?;
                    assert!(!cx.is_stopping() && !homebound::current().unwrap().is_stopping());
                    count.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                })
            })
            .collect::<Result<_, _>>()?;
        s.stop();
        drop((first, jobs));
        Ok(())
    });
    assert_eq!(seen.load(Ordering::Relaxed), 9);
}

#[test]
fn po4_a_drain_ends_with_the_share_of_the_grace_and_says_how_many_it_dropped() {
    // catches: a drain without an end; dropped jobs that are not counted
    let text = within(|| {
        let mut text = String::new();
        homebound::scope(|s| {
            let pool = s.pool("drains", "drains").threads(1).queue(16).at_stop(AtStop::Drain).start()?;
            let (_open, gate) = gate();
            let _first = busy(&pool, s.context(), &gate)?;
            // Sleeps until its shield ends.
            let long = pool.submit(s.context(), |cx| Ok(cx.sleep(NEVER)?))?;
            let jobs: Vec<_> =
                (0..12).map(|_| pool.submit(s.context(), |_| Ok(()))).collect::<Result<_, _>>()?;
            let report = s.shutdown(Duration::from_millis(100));
            text = report.to_string();
            assert!(matches!(long.join(), Err(JoinError::Stopped(_))));
            for job in jobs {
                assert!(matches!(job.join(), Err(JoinError::Dropped)));
            }
            assert_eq!(pool.status().dropped, 12);
            text = s.shutdown(Duration::from_secs(1)).to_string();
            Ok(())
        })
        .unwrap();
        text
    });
    assert!(text.contains("dropped 12"), "{text}");
}

#[test]
fn po4_running_jobs_hear_the_stop_all_at_once() {
    // catches: threads of a pool that are told one after the other
    in_scope(|s| {
        let pool = s.pool("four", "listen").threads(4).start()?;
        let (never, gate) = gate();
        let jobs: Vec<_> = (0..4).map(|_| busy(&pool, s.context(), &gate)).collect::<Result<_, _>>()?;
        let (open, stuck) = super::super::super::common::gate();
        let last = {
            pool.resize(5);
            stubborn(&pool, s.context(), &stuck)?
        };
        pool.stop();
        for job in jobs {
            job.join()?; // although the youngest thread is stuck
        }
        drop((open, never));
        last.join()?;
        Ok(())
    });
}

#[test]
fn po4_a_job_that_is_joined_hears_the_stop_of_its_joiner() {
    // catches: a body that waits for a job which is told only when the body is home
    let shut = || {
        let begun = Instant::now();
        let ended = homebound::scope(|s| {
            let pool = s.pool("long", "waits").threads(1).queue(4).start()?;
            let (_open, gate) = gate();
            let stopper = s.stopper();
            let running = busy(&pool, s.context(), &gate)?;
            let queued = pool.submit(s.context(), |_| Ok(1))?;
            s.spawn("stopper", "stops the scope when the body waits", move |_| {
                linger(20);
                Ok(stopper.stop())
            })?;
            assert!(matches!(queued.join(), Err(JoinError::Stopped(_))));
            running.join()?;
            Ok(())
        });
        ended.unwrap();
        begun.elapsed() < Duration::from_secs(4)
    };
    // A busy machine may be slow, but not each time.
    within(move || eventually("it does not wait for the grace", shut));
}

#[test]
fn po4_a_stopped_job_that_has_not_begun_is_never_begun() {
    // catches: a stop that is forgotten between the queue and the thread
    in_scope(|s| {
        let pool = s.pool("one", "works").threads(1).queue(8).start()?;
        let (open, gate) = gate();
        let running = busy(&pool, s.context(), &gate)?;
        let by_handle = pool.submit(s.context(), |_| -> Result { panic!("begun") })?;
        let by_stopper = pool.submit(s.context(), |_| -> Result { panic!("begun") })?;
        let blocked = pool.submit(s.context(), |_| -> Result { panic!("begun") })?;
        let turn = pool.submit(s.context(), |_| -> Result { panic!("begun") })?;
        by_handle.stop();
        assert!(by_handle.is_finished());
        assert!(matches!(by_handle.join(), Err(JoinError::Stopped(_))));
        by_stopper.stopper().stop_because("not needed");
        match by_stopper.join() {
            Err(JoinError::Stopped(stopped)) => {
                assert_eq!(stopped.reason(), &StopReason::Custom("not needed".into()))
            }
            other => panic!("{other:?}"),
        }
        // A joiner that blocks already.
        let stopper = blocked.stopper();
        let joiner =
            s.spawn("joiner", "joins", move |_| Ok(matches!(blocked.join(), Err(JoinError::Stopped(_)))))?;
        eventually("it joins", || format!("{:?}", s.snapshot()).contains("\"join\""));
        stopper.stop();
        assert!(joiner.join()?);
        // Without a joiner it shows when its turn comes.
        turn.stopper().stop();
        drop(open);
        running.join()?;
        assert!(matches!(turn.join(), Err(JoinError::Stopped(_))));
        assert_eq!(pool.status().stopped, 4);
        Ok(())
    });
}

#[test]
fn po4_a_running_job_has_a_stop_of_its_own() {
    // catches: a stop that reaches the next job of the same thread
    in_scope(|s| {
        let pool = s.pool("one", "works").threads(1).start()?;
        for n in 0..100 {
            let (begun, begins) = crossbeam_channel::bounded(1);
            let job = pool.submit(s.context(), move |cx| {
                assert!(!cx.is_stopping());
                begun.send(cx.clone())?;
                cx.sleep(NEVER)?;
                Ok(())
            })?;
            let kept = begins.recv()?;
            if n % 2 == 0 {
                job.stop()
            } else {
                job.stopper().stop()
            }
            assert!(matches!(job.join(), Err(JoinError::Stopped(_))));
            assert!(kept.is_stopping(), "a context that outlives its job is stopped (S1)");
        }
        let status = pool.status();
        assert_eq!((status.stopped, status.threads), (100, 1));
        Ok(())
    });
}

#[test]
fn po4_what_a_job_has_kept_ends_with_the_job() {
    // catches: a node that serves the next job, and keeps a channel or a context of the last alive
    in_scope(|s| {
        let pool = s.pool("one", "works").threads(1).start()?;
        for _ in 0..50 {
            let (kept, signal) =
                pool.submit(s.context(), |cx| Ok((cx.clone(), cx.stop_signal().clone())))?.join()?;
            assert!(kept.is_stopping());
            assert!(signal.recv().is_err());
            pool.submit(s.context(), |cx| {
                assert!(!cx.is_stopping());
                std::mem::forget(cx.on_stop(|| ()));
                std::mem::forget(cx.adopt("leaked", "is left by the thread"));
                cx.note("a note of this job");
                Ok(())
            })?
            .join()?;
            let named = pool.submit(s.context(), |cx| Ok(cx.path().to_owned()))?.join()?;
            assert!(named.ends_with("/one/one-1"), "{named}");
        }
        Ok(())
    });
}

#[test]
fn po4_the_failure_of_a_job_stops_the_scope_and_tells_the_pool_after_its_users() {
    let ended = within(|| {
        homebound::scope(|s| {
            let pool = s.pool("bad", "fails").threads(1).queue(8).start()?;
            let later = pool.clone();
            s.spawn("user", "submits until the end", move |cx| {
                cx.wait_for_stop();
                assert_eq!(later.try_submit(|_| Ok(3))?.join()?, 3);
                Ok(())
            })?;
            pool.execute(s.context(), |_| Err("out of paper")?)?;
            s.context().wait_for_stop();
            Ok(())
        })
    });
    let error = ended.unwrap_err();
    assert_eq!(error.failures().len(), 1, "{error}");
}
