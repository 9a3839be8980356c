//! Owns the tests of the bridges between stops and tokens, and of the futures of threads and tasks.
//! Refuses to know how a runtime ends: see `runtime`.

#![cfg(unix)]
#![allow(clippy::incompatible_msrv)] // tests are built with a newer Rust than the library asks for
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

#[path = "../../tests/common/mod.rs"]
mod common;

use std::time::Duration;

use common::*;
use crossbeam_channel::bounded;
use homebound::{Cause, JoinError, Result, scope};
use homebound_tokio::{CancellationToken, block_on_tokio, cancel_on_stop, joined, reported, stop_on_cancel};

const LONG: Duration = Duration::from_secs(60);

#[test]
fn in7_a_stop_cancels_the_token_twice_and_without_a_thread() {
    child_passes(|_| {
        let before = os_threads();
        scope(|s| {
            let token = CancellationToken::new();
            let early = cancel_on_stop(s.context(), &token);
            assert!(!token.is_cancelled());
            s.stop();
            assert!(token.is_cancelled());
            // The stop has come already; and it comes again.
            let late = CancellationToken::new();
            let _bridge = cancel_on_stop(s.context(), &late);
            assert!(late.is_cancelled());
            s.stop();
            assert_eq!(os_threads(), before);
            Ok(drop(early))
        })
        .unwrap();
        0
    });
}

#[test]
fn in7_a_cancelled_token_stops_the_scope_twice_and_without_a_thread() {
    child_passes(|_| {
        let before = os_threads();
        scope(|s| {
            let token = CancellationToken::new();
            let early = stop_on_cancel(token.clone(), s.stopper());
            assert!(!s.is_stopping());
            token.cancel();
            assert!(s.is_stopping());
            token.cancel();
            assert_eq!(s.context().wait_for_stop().to_string(), "a CancellationToken was cancelled");
            assert_eq!(os_threads(), before);
            Ok(drop(early))
        })
        .unwrap();
        scope(|s| {
            // It was cancelled already.
            let token = CancellationToken::new();
            token.cancel();
            let _bridge = stop_on_cancel(token, s.stopper());
            assert!(s.is_stopping());
            Ok(())
        })
        .unwrap();
        0
    });
}

#[test]
fn in7_both_bridges_between_the_same_two_end_each_other() {
    // catches: a lock of the token that is held while the scope stops; a circle without an end
    for token_first in [true, false] {
        within(move || {
            scope(|s| {
                let token = CancellationToken::new();
                let child = token.child_token();
                let _there = cancel_on_stop(s.context(), &token);
                let _back = stop_on_cancel(token.clone(), s.stopper());
                if token_first {
                    token.cancel()
                } else {
                    s.stop()
                }
                assert!(token.is_cancelled() && child.is_cancelled() && s.is_stopping());
                Ok(())
            })
            .unwrap();
        });
    }
}

#[test]
fn in7_a_bridge_that_is_dropped_is_gone() {
    within(|| {
        scope(|s| {
            let token = CancellationToken::new();
            drop(stop_on_cancel(token.clone(), s.stopper()));
            token.cancel();
            assert!(!s.is_stopping());
            let token = CancellationToken::new();
            drop(cancel_on_stop(s.context(), &token));
            s.stop();
            assert!(!token.is_cancelled());
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn a_thread_is_awaited_from_async_code() {
    // catches: a task that nobody wakes; a result that is lost
    within(|| {
        scope(|s| {
            let (give, given) = bounded::<u32>(1);
            let slow = s.spawn("slow", "waits for a number", move |cx| Ok(cx.recv(&given)? + 1))?;
            let quick = s.spawn("quick", "is home first", |_| Ok("home"))?;
            let broken = s.thread("broken", "fails").isolated().spawn(|_| -> Result { panic!("oh") })?;
            let _home = quick.done().recv();
            block_on_tokio(s.context(), 0, LONG, |_| async move {
                assert_eq!(joined(quick).await?, "home");
                let (sum, ()) = tokio::join!(joined(slow), async move {
                    tokio::task::yield_now().await; // the thread is awaited by now
                    give.send(41).expect("the thread waits");
                });
                assert_eq!(sum?, 42);
                let failed = joined(broken).await;
                assert!(matches!(&failed, Err(JoinError::Failed(failure)) if failure.name() == "broken"));
                Ok(())
            })
        })
        .unwrap();
    });
}

#[test]
fn a_job_of_a_pool_is_awaited_and_a_dropped_future_leaves_the_result_to_the_scope() {
    within(|| {
        let error = scope(|s| {
            let pool = s.pool("sums", "adds").threads(1).start()?;
            let job = pool.submit(s.context(), |_| Ok(1 + 2))?;
            let (open, opened) = gate();
            let failing = s.thread("failing", "fails later").isolated().spawn(move |_| -> Result {
                pass(&opened);
                Err("nobody awaited it")?
            })?;
            block_on_tokio(s.context(), 0, LONG, |_| async move {
                assert_eq!(joined(job).await?, 3);
                let mut failing = joined(failing);
                let waited = tokio::time::timeout(Duration::from_millis(1), &mut failing).await;
                assert!(waited.is_err());
                Ok(())
            })?;
            Ok(drop(open))
        });
        assert!(error.unwrap_err().to_string().contains("nobody awaited it"));
    });
}

#[test]
fn what_fails_in_a_reported_task_is_a_failure_of_the_scope() {
    within(|| {
        let error = scope(|s| {
            s.service("tokio", "runs tasks", |cx| {
                let cx = cx.clone();
                block_on_tokio(&cx.clone(), 2, LONG, |token| async move {
                    assert_eq!(tokio::spawn(reported(&cx, async { Ok(5) })).await?, Some(5));
                    let failed =
                        tokio::spawn(reported(&cx, async { Result::<()>::Err("no such host".into()) }));
                    assert_eq!(failed.await?, None);
                    let broken = tokio::spawn(reported(&cx, async { panic!("the task broke") as Result }));
                    assert_eq!(broken.await?, None);
                    token.cancelled().await; // the failure has stopped the scope
                    // The stop of the thread is no failure.
                    let own = cx.clone();
                    tokio::spawn(reported(&cx, async move { Ok(own.checkpoint()?) })).await?;
                    Ok(())
                })
            })?;
            Ok(drop(s.context().wait_for_stop()))
        });
        let error = error.unwrap_err();
        assert_eq!(error.failures().len(), 2, "{error}");
        assert_eq!(error.failures()[0].name(), "tokio");
        match error.failures()[1].cause() {
            Cause::Panic { message: "the task broke", location: Some(place) } => {
                assert!(place.contains("bridges.rs:"), "{place}");
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn in7_a_stop_and_a_cancellation_at_once_end_each_other() {
    // catches: two callbacks that wait for each other, a bridge that is dropped while it is crossed
    within(|| {
        for round in 0..500 {
            let token = CancellationToken::new();
            scope(|s| {
                let there = cancel_on_stop(s.context(), &token);
                let back = stop_on_cancel(token.clone(), s.stopper());
                let (go, gone) = gate();
                let (cancels, stopper) = (token.clone(), s.stopper());
                let other = gone.clone();
                s.spawn("canceller", "cancels", move |_| Ok((pass(&other), cancels.cancel()).1))?;
                s.spawn("stopper", "stops", move |_| Ok((pass(&gone), stopper.stop()).1))?;
                drop(go);
                if round % 2 == 0 {
                    drop((there, back)); // while they are crossed
                }
                s.context().wait_for_stop();
                Ok(())
            })
            .unwrap();
            assert!(token.is_cancelled());
        }
    });
}

#[test]
fn a_future_that_moves_to_another_task_wakes_that_task() {
    // catches: the waker of the first poll, kept for ever
    within(|| {
        scope(|s| {
            let (open, opened) = gate();
            let slow = s.context().spawn("slow", "waits for the gate", move |_| Ok(pass(&opened)))?;
            block_on_tokio(s.context(), 0, LONG, |_| async move {
                let mut slow = joined(slow);
                let polled = tokio::time::timeout(Duration::from_millis(1), &mut slow).await;
                assert!(polled.is_err(), "the gate is shut");
                let other = tokio::spawn(slow);
                tokio::task::yield_now().await; // the other task has polled it
                drop(open);
                Ok(other.await??)
            })
        })
        .unwrap();
    });
}

#[test]
fn threads_that_end_while_they_are_awaited_are_all_heard() {
    // catches: an end between the look and the waker, an end that wakes a future that is gone
    within(|| {
        const THREADS: u64 = 1_500;
        let sum = scope(|s| {
            let service = s.spawn("tokio", "awaits threads", |cx| {
                let cx = cx.clone();
                block_on_tokio(&cx.clone(), 3, LONG, |_| async move {
                    let mut all = tokio::task::JoinSet::new();
                    for n in 0..THREADS {
                        let busy = move |_: &homebound::Context| {
                            (0..n % 50).for_each(|_| std::hint::spin_loop());
                            Ok(n)
                        };
                        let awaited = joined(cx.spawn("worker", "ends at once", busy)?);
                        let short = Duration::from_micros(n % 100);
                        all.spawn(async move {
                            match n % 3 {
                                // Its future is dropped about when the thread ends.
                                0 => tokio::time::timeout(short, awaited)
                                    .await
                                    .map_or(n, |done| done.expect("it ends")),
                                _ => awaited.await.expect("it ends"),
                            }
                        });
                    }
                    Ok(all.join_all().await.into_iter().sum::<u64>())
                })
            })?;
            Ok(service.join()?)
        });
        assert_eq!(sum.unwrap(), THREADS * (THREADS - 1) / 2);
    });
}
