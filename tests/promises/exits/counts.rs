//! A thread counts as home only after its results and captures are dropped, and one failed join
//! ends no wait.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::*;
use homebound::{JoinError, Result, scope};

#[test]
fn x3_results_are_dropped_before_the_scope_returns() {
    // catches: rust#94644: the owner wakes before the result's slow drop is through
    within(|| {
        for _ in 0..50 {
            let dropped = AtomicUsize::new(0);
            let slow = || {
                OnDrop(|| {
                    linger(1);
                    dropped.fetch_add(1, Ordering::SeqCst);
                })
            };
            let result = scope(|s| {
                let (capture, result) = (slow(), slow());
                s.spawn("worker", "drops slowly", move |_| {
                    let _capture = capture;
                    Ok(result)
                })?;
                Ok(())
            });
            assert!(result.is_ok());
            assert_eq!(dropped.load(Ordering::SeqCst), 2);
        }
    });
}

#[test]
fn x3_done_is_told_after_the_captures_are_dropped() {
    // catches: `done`, `is_finished` or `join` that come before the captures' drop
    within(|| {
        let result = scope(|s| {
            for how in 0..3 {
                let dropped = Arc::new(AtomicUsize::new(0));
                let count = dropped.clone();
                let capture = OnDrop(move || {
                    linger(5);
                    count.fetch_add(1, Ordering::SeqCst);
                });
                let worker = s.spawn("worker", "drops slowly", move |_| {
                    let _unused = &capture;
                    Ok(())
                })?;
                match how {
                    0 => eventually("it is finished", || worker.is_finished()),
                    1 => assert!(worker.done().recv().is_err()),
                    _ => worker.join()?,
                }
                assert_eq!(dropped.load(Ordering::SeqCst), 1, "by way {how}");
            }
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn x4_every_order_of_failures_waits_for_all() {
    // catches: a `?` in the join loop: the first, a middle or the last one fails or panics
    within(|| {
        for bad in 0..6_usize {
            let lender = Lender::new();
            let result: Result<(), _> = scope(|s| {
                let mut handles = Vec::new();
                for i in 0..3 {
                    let slow = lingering(&lender);
                    handles.push(s.spawn(format!("worker-{i}"), "may fail", move |cx| {
                        if i != bad % 3 {
                            return slow(cx);
                        }
                        if bad < 3 { Err(boom("it fails")) } else { panic!("it panics") }
                    })?);
                }
                for handle in handles {
                    match handle.join() {
                        Err(JoinError::Stopped(_)) => {}
                        other => other?,
                    }
                }
                Ok(())
            });
            lender.assert_unused();
            assert_eq!(result.unwrap_err().failures().len(), 1, "number {bad}");
        }
    });
}
