//! PO3: which threads a pool has.

use std::collections::HashSet;
use std::sync::{Arc, Barrier, Mutex};

use homebound::{Result, SubmitError};

use super::{busy, stubborn};
use crate::common::*;

#[test]
fn po3_one_job_at_a_time_needs_one_thread() {
    // catches: a second thread that is started although the first is free
    in_scope(|s| {
        let pool = s.pool("four", "may have four").threads(4).start()?;
        assert_eq!(pool.status().threads, 0);
        for n in 0..1_000 {
            match n % 4 {
                0 => pool.submit(s.context(), |_| Ok(()))?.join()?,
                1 => {
                    let job = pool.submit(s.context(), |_| Ok(()))?;
                    let _disconnected = job.done().recv();
                }
                2 => {
                    let (ended, tell) = crossbeam_channel::bounded(1);
                    let job = pool.submit(s.context(), |_| Ok(()))?;
                    let _guard = job.on_done(move || ended.send(()).unwrap());
                    tell.recv()?;
                }
                _ => {
                    pool.execute(s.context(), |_| Ok(()))?;
                    pool.wait_idle(s.context())?;
                }
            }
        }
        assert_eq!(pool.status().threads, 1);
        Ok(())
    });
}

#[test]
fn po3_jobs_that_wait_for_each_other_run_at_the_same_time() {
    // catches: a job queued for a thread that is about to begin another; a lost wake-up
    for _ in 0..100 {
        in_scope(|s| {
            let pool = s.pool("four", "meet").threads(4).queue(0).start()?;
            for _ in 0..5 {
                let meeting = Arc::new(Barrier::new(4));
                let jobs: Vec<_> = (0..4)
                    .map(|_| {
                        let meeting = Arc::clone(&meeting);
                        pool.submit(s.context(), move |_| {
                            meeting.wait();
                            Ok(())
                        })
                    })
                    .collect::<Result<_, _>>()?;
                jobs.into_iter().try_for_each(|job| job.join())?;
            }
            assert_eq!(pool.status().threads, 4);
            Ok(())
        });
    }
}

#[test]
fn po3_threads_are_named_after_the_pool_and_kept_after_failures() {
    // catches: a thread that ends with the panic of a job; names that grow
    in_scope(|s| {
        let pool = s.pool("thumbs", "makes small pictures").threads(2).start()?;
        let seen = Arc::new(Mutex::new(HashSet::new()));
        for n in 0..40 {
            let seen = Arc::clone(&seen);
            let job = pool.submit(s.context(), move |cx| {
                assert_eq!(cx.purpose(), "makes small pictures");
                seen.lock().unwrap().insert((cx.name().to_owned(), std::thread::current().id()));
                if n % 3 == 0 {
                    panic!("odd")
                } else if n % 3 == 1 {
                    Err("bad")?
                } else {
                    Ok(())
                }
            })?;
            assert_eq!(job.join().is_ok(), n % 3 == 2);
        }
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert!(seen.iter().all(|(name, _)| name == "thumbs-1"));
        Ok(())
    });
}

#[test]
fn po3_a_smaller_pool_interrupts_nobody() {
    // catches: a resize that stops running jobs, or keeps threads while there is a queue
    in_scope(|s| {
        let pool = s.pool("four", "shrinks").threads(4).queue(8).start()?;
        let (open, gate) = gate();
        let jobs: Vec<_> = (0..4).map(|_| stubborn(&pool, s.context(), &gate)).collect::<Result<_, _>>()?;
        let queued = pool.submit(s.context(), |cx| Ok(cx.is_stopping()))?;
        pool.resize(1);
        assert_eq!(pool.status().threads, 4);
        assert!(jobs.iter().all(|job| !job.is_finished()));
        drop(open);
        jobs.into_iter().try_for_each(|job| job.join())?;
        assert!(!queued.join()?);
        eventually("three retire", || pool.status().threads == 1);
        assert_eq!(pool.submit(s.context(), |_| Ok(1))?.join()?, 1);
        Ok(())
    });
}

#[test]
fn po3_a_larger_pool_takes_the_queue_up() {
    // catches: queued jobs that wait for the next submit
    in_scope(|s| {
        let pool = s.pool("grows", "grows").threads(1).queue(8).start()?;
        let (open, gate) = gate();
        let _first = busy(&pool, s.context(), &gate)?;
        let meeting = Arc::new(Barrier::new(3));
        let jobs: Vec<_> = (0..3)
            .map(|_| {
                let meeting = Arc::clone(&meeting);
                pool.submit(s.context(), move |_| {
                    meeting.wait();
                    Ok(())
                })
            })
            .collect::<Result<_, _>>()?;
        pool.resize(4);
        jobs.into_iter().try_for_each(|job| job.join())?;
        assert_eq!(pool.status().threads, 4);
        pool.resize(0); // counts as 1
        eventually("the others go", || pool.status().threads == 1);
        drop(open);
        Ok(())
    });
}

#[test]
fn po3_a_pool_whose_only_thread_is_refused_gives_the_job_back() {
    // catches: a job that is queued for a thread that never was
    in_scope(|s| {
        let pool = s.pool("huge", "asks for too much").stack_size(usize::MAX / 4).start()?;
        let me = std::thread::current().id();
        let (dropped, drops) = crossbeam_channel::bounded(1);
        let capture = OnDrop(move || dropped.send(std::thread::current().id()).unwrap());
        let refused = pool.submit(s.context(), move |_| Ok(drop(capture)));
        assert!(matches!(refused, Err(SubmitError::Spawn(_))), "{refused:?}");
        assert_eq!(drops.try_recv()?, me);
        let offered = pool.offer(|_| Ok(4)).map(drop).unwrap_err();
        assert_eq!((offered.job)(s.context())?, 4);
        assert!(pool.execute(s.context(), |_| Ok(())).is_err());
        let status = pool.status();
        assert_eq!((status.threads, status.queued, status.running, status.done), (0, 0, 0, 0));
        pool.close()?;
        Ok(())
    });
}

#[test]
fn po3_a_pool_whose_scope_is_over_takes_nothing() {
    in_scope(|s| {
        let pool = s.pool("late", "is stopped").start()?;
        s.stop();
        // The pool is told after its users, and the body is one of them.
        let job = pool.try_submit(|_| Ok(1))?;
        // A join of a caller that is told to stop would tell the job, which may not have begun.
        let _disconnected = job.done().recv();
        assert_eq!(job.join()?, 1);
        pool.stop();
        assert!(matches!(pool.try_submit(|_| Ok(())), Err(SubmitError::Stopped(_))));
        assert!(s.pool("later", "is refused").start().is_err());
        Ok(())
    });
}
