//! PO7: what a job may do with its own pool.

use homebound::{JoinError, JoinSet, Result, SubmitError};

use crate::common::*;

#[test]
fn po7_a_full_queue_is_a_deadlock_for_a_job_of_the_same_pool() {
    // catches: a job that waits for a place which only its own end can free
    in_scope(|s| {
        let pool = s.pool("self", "submits to itself").threads(1).queue(1).start()?;
        let inner = pool.clone();
        let paths = pool.submit(s.context(), move |cx| {
            let _fills = inner.try_submit(|_| Ok(()))?;
            let Err(SubmitError::WouldDeadlock { cycle }) = inner.submit(cx, |_| Ok(())) else {
                Err("it waited")?
            };
            assert!(matches!(inner.execute(cx, |_| Ok(())), Err(SubmitError::WouldDeadlock { .. })));
            assert!(matches!(inner.wait_idle(cx), Err(SubmitError::WouldDeadlock { .. })));
            assert!(inner.close().is_err());
            Ok(cycle)
        })?;
        let paths = paths.join()?;
        assert!(paths[0].ends_with("/self/self-1/job 1") && paths[1].ends_with("/self"), "{paths:?}");
        Ok(())
    });
}

#[test]
fn po7_a_join_of_a_queued_job_runs_it_in_place() {
    // catches: a pool of one thread whose job waits for its own part
    in_scope(|s| {
        let pool = s.pool("parts", "adds").threads(1).queue(64).start()?;
        fn sum(pool: &homebound::Pool<'_>, cx: &homebound::Context, n: u64) -> Result<u64> {
            if n == 0 {
                return Ok(0);
            }
            let part = {
                let inner = pool.clone();
                pool.submit(cx, move |cx| sum(&inner, cx, n - 1))?
            };
            cx.note("joins");
            Ok(n + part.join()?)
        }
        let outer = pool.clone();
        assert_eq!(pool.submit(s.context(), move |cx| sum(&outer, cx, 10))?.join()?, 55);
        assert_eq!(pool.status().done, 11);
        Ok(())
    });
}

#[test]
fn po7_no_other_job_runs_inside_of_a_wait() {
    // catches: a join that works off the queue until its job is done
    in_scope(|s| {
        let pool = s.pool("one", "joins").threads(1).queue(8).start()?;
        let inner = pool.clone();
        let (order, came) = crossbeam_channel::unbounded();
        pool.execute(s.context(), move |cx| {
            let (first, second) = (order.clone(), order.clone());
            let _first = inner.submit(cx, move |_| Ok(first.send("first")?))?;
            let second = inner.submit(cx, move |_| Ok(second.send("second")?))?;
            second.join()?;
            Ok(order.send("outer")?)
        })?;
        pool.wait_idle(s.context())?;
        assert_eq!(came.try_iter().collect::<Vec<_>>(), ["second", "outer", "first"]);
        Ok(())
    });
}

#[test]
fn po7_the_depth_has_a_bound() {
    in_scope(|s| {
        let pool = s.pool("deep", "descends").threads(1).queue(64).start()?;
        fn descend(pool: &homebound::Pool<'_>, cx: &homebound::Context, depth: usize) -> Result<usize> {
            let inner = {
                let inner = pool.clone();
                pool.submit(cx, move |cx| descend(&inner, cx, depth + 1))?
            };
            match inner.join() {
                Ok(deepest) => Ok(deepest),
                Err(JoinError::WouldDeadlock { .. }) => Ok(depth),
                Err(other) => Err(other)?,
            }
        }
        let outer = pool.clone();
        let first = pool.submit(s.context(), move |cx| descend(&outer, cx, 0))?;
        let deepest = first.join()?;
        assert!((8..=64).contains(&deepest), "{deepest}");
        pool.stop(); // the job that was not joined goes on to submit
        Ok(())
    });
}

#[test]
fn po7_jobs_that_join_each_other_are_a_cycle() {
    // catches: a join of a running job that is no edge (W2)
    in_scope(|s| {
        let pool = s.pool("two", "join each other").threads(2).start()?;
        let (handles, other) = crossbeam_channel::bounded::<homebound::Job<'_, ()>>(2);
        let (back, own) = crossbeam_channel::bounded::<homebound::Job<'_, bool>>(1);
        let first = pool.submit(s.context(), move |_| match other.recv()?.join() {
            Err(JoinError::WouldDeadlock { cycle }) => Ok(!cycle.is_empty()),
            _ => Ok(false),
        })?;
        let second = pool.submit(s.context(), move |_| {
            let _either_of_them_is_refused = own.recv()?.join();
            Ok(())
        })?;
        handles.send(second).unwrap();
        back.send(first).unwrap();
        pool.wait_idle(s.context())?;
        assert_eq!(pool.status().done, 2);
        Ok(())
    });
}

#[test]
fn po7_a_stop_of_the_outer_job_reaches_the_job_in_place() {
    in_scope(|s| {
        let pool = s.pool("one", "joins").threads(1).queue(8).start()?;
        let inner = pool.clone();
        let (begun, begins) = crossbeam_channel::bounded(1);
        let outer = pool.submit(s.context(), move |cx| {
            let part = inner.submit(cx, move |cx| {
                begun.send(())?;
                Ok(cx.sleep(NEVER)?)
            })?;
            Ok(part.join()?)
        })?;
        begins.recv()?;
        outer.stop();
        assert!(matches!(outer.join(), Err(JoinError::Stopped(_))));
        Ok(())
    });
}

#[test]
fn po7_a_thread_below_a_job_runs_what_it_joins_in_place_as_well() {
    // catches: a pool of one thread whose job waits for a thread that waits for the pool
    in_scope(|s| {
        let pool = s.pool("one", "joins").threads(1).start()?;
        let inner = pool.clone();
        let sum = pool.submit(s.context(), move |cx| {
            let parts = cx.map("parts", "asks for parts", 2, 1..=4, |cx, n| {
                let part = inner.submit(cx, move |_| Ok(n * n))?;
                Ok(part.join()?)
            })?;
            Ok(parts.into_iter().sum::<u64>())
        })?;
        assert_eq!(sum.join()?, 30);
        assert_eq!(pool.status().done, 5);
        Ok(())
    });
}

#[test]
fn po7_a_job_that_runs_in_place_below_a_job_is_named_and_stopped_as_one() {
    // catches: a failure without the number of its job; a job that does not hear its own stop
    in_scope(|s| {
        let pool = s.pool("one", "joins").threads(1).start()?;
        let inner = pool.clone();
        let path = pool.submit(s.context(), move |cx| {
            let failing = inner.submit(cx, |_| Err::<(), _>(boom("no luck")))?;
            let stopped = inner.submit(cx, |cx| Ok(cx.sleep(NEVER)?))?;
            let stopper = stopped.stopper();
            Ok(cx.subscope("below", |below| {
                let worker = below.spawn("worker", "joins both", move |_| {
                    let Err(JoinError::Failed(failure)) = failing.join() else { Err("it ran")? };
                    assert!(matches!(stopped.join(), Err(JoinError::Stopped(_))));
                    Ok(failure.path().to_owned())
                })?;
                eventually("the second one sleeps", || {
                    let rows = all_threads(&below.snapshot());
                    rows.iter().any(|row| row.wait.is_some_and(|wait| wait.what == "sleep"))
                });
                stopper.stop();
                Ok(worker.join()?)
            })?)
        })?;
        let path = path.join()?;
        assert!(path.ends_with("/below/worker/job 2"), "{path}");
        let status = pool.status();
        assert_eq!((status.done, status.failed, status.stopped), (1, 1, 1));
        Ok(())
    });
}

#[test]
fn po7_a_set_of_jobs_in_a_job_ends_however_few_threads_there_are() {
    // catches: a `next` that waits for jobs which only the calling thread could run
    in_scope(|s| {
        for threads in [1, 2] {
            let pool = s.pool("few", "sums").threads(threads).start()?;
            let inner = pool.clone();
            let sums = pool.submit(s.context(), move |cx| {
                let mut set = JoinSet::new();
                for n in 1..=10 {
                    set.submit(&inner, cx, move |_| Ok(n))?;
                }
                let mut sum = 0;
                while let Some((_, n)) = set.next(cx)? {
                    sum += n?;
                }
                for n in 1..=10 {
                    set.submit(&inner, cx, move |_| Ok(n))?;
                }
                let all = cx.subscope("below", |below| {
                    Ok(below.spawn("worker", "joins all", |cx| Ok(set.join_all(cx)?))?.join()?)
                })?;
                Ok((sum, all))
            })?;
            assert_eq!(sums.join()?, (55, (1..=10).collect()));
            assert_eq!(pool.status().done, 21);
        }
        Ok(())
    });
}

#[test]
fn po7_a_callback_of_a_job_runs_what_it_joins_in_place() {
    // catches: a thread of the pool that waits in a callback for the job that comes next
    in_scope(|s| {
        let cx = s.context();
        let pool = cx.pool("one", "tells").threads(1).start()?;
        let (open, closed) = gate();
        let first = pool.submit(cx, move |_| Ok(pass(&closed)))?;
        let second = pool.submit(cx, |_| Ok(2))?;
        let (tell, told) = crossbeam_channel::bounded(1);
        let _guard = first.on_done(move || tell.send(second.join().ok()).unwrap());
        drop(open);
        assert_eq!(cx.recv(&told)?, Some(2));
        Ok(())
    });
}

#[test]
fn po7_a_job_is_at_what_it_was_at_before_the_job_in_place() {
    // catches: the note of one job at another
    in_scope(|s| {
        let pool = s.pool("one", "joins").threads(1).start()?;
        let inner = pool.clone();
        let outer = pool.submit(s.context(), move |cx| {
            cx.note("the outer");
            inner.submit(cx, |cx| Ok(cx.note("the inner")))?.join()?;
            Err::<(), _>(boom("no luck"))
        })?;
        let Err(JoinError::Failed(failure)) = outer.join() else { Err("it failed")? };
        assert_eq!(failure.notes(), ["the outer"]);
        Ok(())
    });
}
