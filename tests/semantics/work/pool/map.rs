//! PO9: a map on the threads of a pool, all results at once.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::bounded;
use homebound::{Context, Pool, Result, SubmitError, ThreadState, scope};

use super::busy;
use crate::common::*;
use crate::work::waits_of;

#[test]
fn po9_results_come_in_order_and_the_width_is_the_pools() {
    // catches: results in the order of the ends; a caller that works beside the pool's threads
    in_scope(|s| {
        let pool = s.pool("sort", "takes 30, 20, 10 ms").threads(2).start()?;
        let (now, most, names) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(HashSet::new()));
        let turns = pool.map(s.context(), [30, 20, 10, 5, 5], |cx, ms| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            names.lock().unwrap().insert((cx.name().to_owned(), cx.id()));
            linger(ms);
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(ms * 2)
        })?;
        assert_eq!(turns, [60, 40, 20, 10, 10]);
        assert_eq!(most.into_inner(), 2);
        let names = names.into_inner().unwrap();
        assert!(names.len() <= 2 && names.iter().all(|(name, _)| name.starts_with("sort-")), "{names:?}");
        assert_eq!(pool.status().running + pool.status().queued, 0);
        let many = pool.map(s.context(), 0..10_000_usize, |_, n| Ok(n))?;
        Ok(assert!(many.into_iter().eq(0..10_000)))
    });
}

#[test]
fn po9_all_threads_of_the_pool_work() {
    // catches: a map whose first helper makes no other
    in_scope(|s| {
        let pool = s.pool("meet", "meets the others").threads(3).start()?;
        let barrier = std::sync::Barrier::new(3);
        let met = pool.map(s.context(), 0..3, |_, n| {
            barrier.wait();
            Ok(n)
        })?;
        Ok(assert_eq!(met, [0, 1, 2]))
    });
}

#[test]
fn po9_items_results_and_closure_may_borrow_locals_of_the_caller() {
    // catches: items that must live as long as the pool; a thread that uses a local after the map
    in_scope(|s| {
        let pool = s.pool("words", "measures words").threads(2).start()?;
        for round in 0..50 {
            let lender = Lender::new();
            let words: Vec<String> = ["to", "be", "or", "not"].map(str::to_owned).to_vec();
            let mut sum = 0;
            {
                let loans = (0..4).map(|_| lender.lend());
                let suffix = format!("{round}");
                let source = words.iter().zip(loans).inspect(|_| sum += 1);
                let all = pool.map(s.context(), source, |_, (word, loan)| {
                    loan.touch();
                    Ok((word.as_str(), loan, suffix.len()))
                })?;
                assert!(all.iter().map(|(word, ..)| *word).eq(["to", "be", "or", "not"]));
                assert_eq!(lender.in_use(), 4, "the results have them");
            }
            lender.assert_unused();
            assert_eq!(sum, 4);
        }
        Ok(())
    });
}

#[test]
fn po9_no_item_needs_no_job() {
    // catches: a job that finds nothing; a closed pool that refuses nothing
    in_scope(|s| {
        let pool = s.pool("none", "has nothing to do").start()?;
        let none = pool.map(s.context(), std::iter::empty::<u8>(), |_, n| Ok(n))?;
        assert!(none.is_empty());
        assert_eq!((pool.status().threads, pool.status().done), (0, 0));
        pool.close()?;
        Ok(assert!(pool.map(s.context(), None::<u8>, |_, n| Ok(n))?.is_empty()))
    });
}

#[test]
fn po9_a_map_waits_for_a_place_and_for_a_thread_but_for_no_job_in_the_queue() {
    // catches: a map that is refused by a full queue; one that ends when its last helper has begun
    in_scope(|s| {
        let pool = s.pool("small", "is full").threads(2).queue(1).start()?;
        let ((open_first, first), (open, second)) = (gate(), gate());
        let _first = busy(&pool, s.context(), &first)?;
        let _second = busy(&pool, s.context(), &second)?;
        let _queued = pool.try_submit(|_| Ok(()))?;
        let inner = pool.clone();
        let caller = s.thread("caller", "maps").spawn(move |cx| Ok(inner.map(cx, 0..9, |_, n| Ok(n))?))?;
        waits_of(s, "caller", "a place in");
        drop(open_first);
        // The second thread is busy until the gate opens: a helper for it is queued, and withdrawn.
        assert_eq!(caller.join()?, (0..9).collect::<Vec<_>>());
        assert_eq!(pool.status().queued, 0);
        drop(open);
        Ok(())
    });
}

#[test]
fn po9_a_map_in_a_job_ends_however_few_threads_there_are() {
    // catches: a job that waits for its own thread; helpers that are left in the queue
    in_scope(|s| {
        for (threads, places) in [(1, 0), (1, 8), (2, 0), (2, 8), (3, 1)] {
            let pool = s.pool("deep", "maps in maps").threads(threads).queue(places).start()?;
            fn squares(pool: &Pool<'_>, cx: &Context, depth: usize) -> Result<usize> {
                if depth == 0 {
                    return Ok(1);
                }
                Ok(pool.map(cx, 0..3, |cx, _| squares(pool, cx, depth - 1))?.into_iter().sum())
            }
            let inner = pool.clone();
            assert_eq!(pool.submit(s.context(), move |cx| squares(&inner, cx, 4))?.join()?, 81);
            assert_eq!(squares(&pool, s.context(), 4)?, 81);
            pool.wait_idle(s.context())?;
            assert_eq!(pool.status().failed, 0);
            pool.close()?;
        }
        Ok(())
    });
}

#[test]
fn po9_a_thread_below_a_job_works_itself() {
    // catches: a caller that is no thread of the pool, and for which a thread of the pool waits
    in_scope(|s| {
        let pool = s.pool("below", "opens a scope").threads(1).start()?;
        let inner = pool.clone();
        let sum = pool.submit(s.context(), move |cx| {
            Ok(cx.subscope("inside", |inside| {
                let mapped = inside.spawn("mapper", "maps", |cx| Ok(inner.map(cx, 1..=3, |_, n| Ok(n))?));
                Ok(mapped?.join()?.into_iter().sum::<i32>())
            })?)
        })?;
        Ok(assert_eq!(sum.join()?, 6))
    });
}

#[test]
fn po9_a_job_is_at_what_it_was_at_before_the_map() {
    // catches: a nested map that takes the item and the note of the outer one along
    within(|| {
        scope(|s| {
            let pool = s.pool("notes", "fails after a map").threads(1).start()?;
            let error = pool.map(s.context(), 0..3, |cx, n| {
                cx.note("outer");
                pool.map(cx, 0..9, |cx, _| Ok(cx.note("inner")))?;
                if n == 2 { Err("no paper")? } else { Ok(()) }
            });
            assert_eq!(error.expect_err("it failed").first().expect("one").notes(), ["outer", "item 2"]);
            // The next job is at no item.
            let failed = pool.submit(s.context(), |_| -> Result { Err("no ink")? })?.join();
            let Err(homebound::JoinError::Failed(failure)) = failed else { panic!("{failed:?}") };
            Ok(assert!(failure.notes().is_empty(), "{:?}", failure.notes()))
        })
        .unwrap();
    });
}

#[test]
fn po9_the_dump_shows_job_and_item_and_what_the_caller_waits_for() {
    // catches: a helper that nobody sees
    in_scope(|s| {
        let pool = s.pool("seen", "is seen").threads(1).start()?;
        let (tell, begun) = bounded(1);
        let (open, gate) = gate();
        let inner = pool.clone();
        let caller = s.thread("caller", "maps").spawn(move |cx| {
            Ok(inner.map(cx, 7..9, |_, _| {
                tell.send(()).expect("it listens");
                pass(&gate);
                Ok(())
            })?)
        })?;
        begun.recv()?;
        let row = waits_of(s, "caller", "map");
        let ThreadState::Waiting { .. } = row.state else { panic!("{row:?}") };
        let helper = all_threads(&s.snapshot()).into_iter().find(|row| row.name == "seen-1").expect("works");
        assert_eq!((helper.job.map(|job| job.number), helper.note.as_deref()), (Some(1), Some("item 0")));
        assert_eq!(pool.status().running, 1);
        drop(open);
        begun.recv()?;
        caller.join()?;
        let after = all_threads(&s.snapshot()).into_iter().find(|row| row.name == "seen-1").expect("idle");
        assert_eq!((after.job.map(|job| job.number), after.note.as_deref()), (None, None));
        Ok(assert_eq!(pool.status().done, 1))
    });
}

#[test]
fn po9_a_pool_that_takes_no_jobs_says_why() {
    in_scope(|s| {
        let pool = s.pool("closed", "is closed").start()?;
        pool.close()?;
        let error = pool.map(s.context(), 0..2, |_, n| Ok(n)).expect_err("it is closed");
        let cause = error.first().expect("one").downcast_ref::<SubmitError>();
        assert!(matches!(cause, Some(SubmitError::Closed)), "{error}");
        let pool = s.pool("stopped", "is stopped").start()?;
        pool.stop();
        let error = pool.map(s.context(), 0..2, |_, n| Ok(n)).expect_err("it is stopped");
        Ok(assert!(error.stop_reason().is_some(), "{error}"))
    });
}
