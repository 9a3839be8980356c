//! PO10: failures and stops of a map on the threads of a pool.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use homebound::{AtStop, Cause, Context, Failure, Pool, Result, ScopeError, StopReason, scope};

use super::{busy, stubborn};
use crate::common::*;
use crate::work::waits_of;

/// A map in which one item is bad, while the others wait for the stop. The scope goes on.
fn fails(f: impl Fn(&Context, usize) -> Result<()> + Sync + Send + 'static) -> ScopeError {
    within(move || {
        scope(|s| {
            let pool = s.pool("fails", "fails at one").threads(4).start()?;
            let error = pool.map(s.context(), 0..100, |cx, n| f(cx, n)).expect_err("one failed");
            assert!(!s.is_stopping(), "it is the caller's to pass on");
            assert_eq!(pool.map(s.context(), 0..4, |_, n| Ok(n))?, [0, 1, 2, 3], "the pool goes on");
            Ok(error)
        })
        .unwrap()
    })
}

#[test]
fn po10_the_first_failure_stops_the_rest_and_has_pool_job_and_item() {
    // catches: siblings that sleep on; a failure of the scope; a wrapped error
    let start = Instant::now();
    let error =
        fails(
            |cx, n| {
                if n == 2 { "x".parse::<u8>().map(|_| ()).map_err(Into::into) } else { Ok(cx.sleep(NEVER)?) }
            },
        );
    assert!(start.elapsed() < NEVER);
    assert_eq!(error.failures().len(), 1, "{error}");
    let failure = error.first().expect("one");
    assert_eq!(failure.notes(), ["item 2"]);
    assert!(
        failure.path().contains("/fails/fails-") && failure.path().contains("/job "),
        "{}",
        failure.path()
    );
    assert!(failure.downcast_ref::<std::num::ParseIntError>().is_some());
}

#[test]
fn po10_a_panic_keeps_its_place() {
    let line = line!() + 3;
    let error = fails(|cx, n| {
        if n == 3 {
            panic!("no ink");
        }
        Ok(cx.sleep(NEVER)?)
    });
    let failure = error.first().expect("one");
    let Cause::Panic { message: "no ink", location: Some(at) } = failure.cause() else { panic!("{error}") };
    assert!(at.contains(&format!("map_ends.rs:{line}")), "{at}");
    assert_eq!(failure.notes(), ["item 3"]);
}

#[test]
fn po10_a_panic_of_the_source_is_a_failure_of_the_item_that_it_was_to_give() {
    // catches: a panic that unwinds the caller, or that ends the thread of the pool
    in_scope(|s| {
        let pool = s.pool("source", "reads").threads(2).start()?;
        for bad in [0, 1, 7] {
            let mut next = 0;
            let source = iter::from_fn(move || {
                assert!(next <= bad, "it is asked again");
                next += 1;
                if next > bad { panic!("no more") } else { Some(next) }
            });
            let error = pool.map(s.context(), source, |_, n| Ok(n)).expect_err("it panicked");
            let failure = error.first().expect("one");
            assert_eq!(failure.notes(), [format!("item {bad}")]);
            assert!(matches!(failure.cause(), Cause::Panic { message: "no more", location: Some(_) }));
        }
        Ok(assert!(pool.status().threads <= 2))
    });
}

#[test]
fn po10_a_failure_that_is_passed_on_is_the_callers() {
    // catches: a failure that is listed twice, or lost
    let error = within(|| {
        scope(|s| {
            let pool = s.pool("pass", "fails").threads(2).start()?;
            Ok(pool.map(s.context(), 0..3, |_, n| if n == 1 { Err("no paper")? } else { Ok(n) })?)
        })
        .unwrap_err()
    });
    assert_eq!(error.failures().len(), 1, "{error}");
    assert!(error.to_string().contains("no paper") && error.to_string().contains("item 1"), "{error}");
}

#[test]
fn po10_what_is_not_handed_out_is_dropped_on_the_callers_thread_contained() {
    // catches: a `Drop` that unwinds out of the map, or during an unwinding
    in_scope(|s| {
        let pool = s.pool("results", "fails at the end").threads(1).start()?;
        let error =
            pool.map(s.context(), 0..3, |_, n| if n == 2 { Err(boom("no paper")) } else { Ok(Bomb::new()) });
        let error = error.map(std::mem::forget).expect_err("one failed");
        assert_eq!(error.failures().len(), 3, "the error, and two bombs: {error}");
        // A source whose `next` and `Drop` both panic.
        let bomb = Bomb::new();
        let source = iter::from_fn(move || -> Option<u8> {
            let _owned = &bomb;
            panic!("no more")
        });
        let error = pool.map(s.context(), source, |_, n| Ok(n)).expect_err("it panicked");
        let messages: Vec<_> = error.failures().iter().map(Failure::to_string).collect();
        assert!(messages.len() == 2 && messages[1].contains("the bomb went off"), "{error}");
        Ok(assert!(!s.is_stopping()))
    });
}

/// Maps in a thread of its own, with a loan in each item, until something ends the map. Returns
/// how many items began.
fn map_loans(pool: &Pool<'_>, cx: &Context, began: &AtomicUsize) -> Result<Vec<()>, ScopeError> {
    let lender = Lender::new();
    let loans = (0..100).map(|_| lender.lend());
    let mapped = pool.map(cx, loans, |cx, loan| {
        began.fetch_add(1, Ordering::SeqCst);
        let stopped = cx.sleep(NEVER);
        linger(20);
        loan.touch();
        Ok(stopped?)
    });
    lender.assert_unused();
    mapped
}

#[test]
fn po10_a_stop_of_the_caller_ends_the_map_when_no_thread_uses_its_locals() {
    // catches: a helper that works on when the frame of its caller is gone
    in_scope(|s| {
        let pool = s.pool("slow", "waits").threads(3).start()?;
        let began = AtomicUsize::new(0);
        let error = s.context().with_deadline(Instant::now() + Duration::from_millis(50), |cx| {
            map_loans(&pool, cx, &began).expect_err("it was stopped")
        });
        assert!(matches!(error.stop_reason(), Some(StopReason::Deadline)), "{error}");
        assert_eq!(began.into_inner(), 3);
        assert!(!s.is_stopping());
        Ok(assert_eq!(pool.map(s.context(), 0..2, |_, n| Ok(n))?, [0, 1]))
    });
}

#[test]
fn po10_a_caller_that_is_stopped_waits_for_no_thread_that_is_busy_with_another_job() {
    // catches: a helper in the queue for which the caller waits
    in_scope(|s| {
        let pool = s.pool("busy", "is busy").threads(1).start()?;
        let (open, gate) = gate();
        let _running = stubborn(&pool, s.context(), &gate)?;
        let inner = pool.clone();
        let caller = s.thread("caller", "maps").isolated().spawn(move |cx| {
            let (error, began) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let mapped = map_loans(&inner, cx, &began);
            error.store(usize::from(mapped.is_err()), Ordering::SeqCst);
            Ok((error.into_inner(), began.into_inner()))
        })?;
        waits_of(s, "caller", "map");
        assert_eq!(pool.status().queued, 1);
        caller.stop();
        assert_eq!(caller.join()?, (1, 0));
        assert_eq!((pool.status().queued, pool.status().running), (0, 1));
        drop(open);
        Ok(())
    });
}

#[test]
fn po10_a_stop_of_the_pool_ends_the_map_with_that_stop() {
    // catches: a map that waits for helpers which the pool has dropped
    in_scope(|s| {
        for queued in [false, true] {
            let pool = s.pool("told", "is told").threads(1).start()?;
            let (_open, gate) = gate();
            let other = if queued { Some(busy(&pool, s.context(), &gate)?) } else { None };
            let inner = pool.clone();
            let caller = s.thread("caller", "maps").isolated().spawn(move |cx| {
                let began = AtomicUsize::new(0);
                let error = map_loans(&inner, cx, &began).expect_err("it was stopped");
                assert!(!cx.is_stopping());
                let reason =
                    error.stop_reason().map(|reason| matches!(origin(reason), StopReason::Requested { .. }));
                Ok((reason, began.into_inner()))
            })?;
            eventually("the helper is there", || pool.status().queued == usize::from(queued));
            waits_of(s, "caller", "map");
            if !queued {
                eventually("it runs", || pool.status().running == 1);
            }
            pool.stop();
            let (reason, began) = caller.join()?;
            assert_eq!(reason, Some(true));
            assert!(began <= usize::from(!queued));
            drop(other);
        }
        Ok(())
    });
}

#[test]
fn po10_a_pool_that_drains_works_a_queued_map_off() {
    // catches: a helper that is queued and hears the stop from which its pool shields it
    in_scope(|s| {
        let pool = s.pool("drains", "drains").threads(1).at_stop(AtStop::Drain).start()?;
        let (open, gate) = gate();
        let _running = stubborn(&pool, s.context(), &gate)?;
        let inner = pool.clone();
        let caller = s.spawn("caller", "maps", move |cx| {
            Ok(inner.map(cx, 0..9, |cx, n| {
                cx.checkpoint()?;
                Ok(n)
            })?)
        })?;
        waits_of(s, "caller", "map");
        pool.stop();
        drop(open);
        Ok(assert_eq!(caller.join()?, (0..9).collect::<Vec<_>>()))
    });
}

#[test]
fn po10_what_an_item_kept_of_its_context_is_stopped_when_the_map_is_over() {
    // catches: a context that outlives its map and hears nothing any more
    in_scope(|s| {
        let pool = s.pool("keep", "keeps contexts").threads(2).start()?;
        let kept = pool.map(s.context(), 0..4, |cx, _| Ok(cx.clone()))?;
        assert!(kept.iter().all(Context::is_stopping));
        let inner = pool.clone();
        let kept = pool.submit(s.context(), move |cx| {
            let kept = inner.map(cx, 0..4, |cx, _| Ok(cx.clone()))?;
            assert!(!cx.is_stopping());
            Ok(kept)
        })?;
        Ok(assert!(kept.join()?.iter().all(Context::is_stopping)))
    });
}

#[test]
fn po10_maps_of_many_callers_share_the_threads() {
    // catches: two maps that wait for each other's helpers; a helper that is counted twice
    in_scope(|s| {
        let pool = s.pool("share", "is shared").threads(2).queue(2).start()?;
        let callers = (0..4).map(|caller| {
            let pool = pool.clone();
            s.thread(format!("caller-{caller}"), "maps").spawn(move |cx| {
                let mut sum = 0;
                for _ in 0..100 {
                    let lender = Lender::new();
                    let loan = lender.lend();
                    let all = pool.map(cx, 0..8_usize, |_, n| Ok(loan.touch()).map(|()| n))?;
                    sum += all.into_iter().sum::<usize>();
                }
                Ok(sum)
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            assert_eq!(caller?.join()?, 2_800);
        }
        Ok(assert_eq!((pool.status().queued, pool.status().running, pool.status().failed), (0, 0, 0)))
    });
}
