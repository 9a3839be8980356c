//! P1: nothing borrowed is used after the scope returned, on every exit.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::panic::panic_any;
use std::time::{Duration, Instant};

use super::ABSURD_STACK;
use crate::common::*;
use homebound::{Cause, Result, scope};

#[test]
fn p1_return() {
    // catches: a scope that does not wait for a worker it has no handle of
    within(|| {
        let lender = Lender::new();
        let result = scope(|s| {
            let (_open, gate) = gate();
            let loan = lender.lend();
            s.spawn("slow", "outlives the body", move |_| {
                pass(&gate);
                linger(30);
                loan.touch();
                Ok(())
            })?;
            Ok(7)
        });
        lender.assert_unused();
        assert_eq!(result.unwrap(), 7);
    });
}

#[test]
fn p1_err() {
    // catches: an early return on Err past the join
    within(|| {
        let lender = Lender::new();
        let result: Result<(), _> = scope(|s| {
            s.spawn("slow", "uses its loan", lingering(&lender))?;
            Err(boom("the body gives up"))
        });
        lender.assert_unused();
        assert_eq!(result.unwrap_err().failures().len(), 1);
    });
}

#[test]
fn p1_body_panics() {
    // catches: unwinding out of the scope without waiting, or without stopping first
    within(|| {
        let lender = Lender::new();
        let payload = panics(|| {
            scope(|s| {
                s.spawn("slow", "uses its loan", lingering(&lender))?;
                if true {
                    panic!("the body falls");
                }
                Ok(())
            })
        });
        lender.assert_unused();
        assert_eq!(text(&*payload), "the body falls");
    });
}

#[test]
fn p1_thread_panics() {
    // catches: a panicked thread that ends the wait for its siblings
    within(|| {
        let lender = Lender::new();
        let result = scope(|s| {
            s.spawn("slow", "uses its loan", lingering(&lender))?;
            s.spawn("falls", "panics", |_| if true { panic!("it falls") } else { Ok(()) })?;
            Ok(())
        });
        lender.assert_unused();
        assert_eq!(result.unwrap_err().failures().len(), 1);
    });
}

#[test]
fn p1_payload_whose_drop_panics() {
    // catches: a count-down skipped, or an abort, when the payload's drop panics in turn
    child_passes(|_| {
        let lender = Lender::new();
        let result = scope(|s| {
            s.spawn("slow", "uses its loan", lingering(&lender))?;
            s.spawn("bomber", "panics with a bomb", |_| -> Result { panic_any(Bomb::chain(3)) })?;
            Ok(())
        });
        lender.assert_unused();
        assert_eq!(result.as_ref().unwrap_err().failures().len(), 1);
        drop_quietly(result);
        0
    });
}

#[test]
fn p1_result_whose_drop_panics() {
    // catches: a join loop that unwinds while it drops a result nobody took
    child_passes(|_| {
        let lender = Lender::new();
        let result = scope(|s| {
            s.spawn("slow", "uses its loan", lingering(&lender))?;
            s.spawn("bomber", "returns a bomb", |_| Ok(Bomb::new()))?;
            Ok(())
        });
        lender.assert_unused();
        let failures = result.unwrap_err();
        let first = failures.first().expect("a drop that panics is a failure");
        assert!(matches!(first.cause(), Cause::Panic { .. }));
        0
    });
}

#[test]
fn p1_refused_spawn() {
    // catches: a refusal that leaves its place in the count, or skips the wait for the others
    within(|| {
        let lender = Lender::new();
        let result = scope(|s| {
            s.spawn("slow", "uses its loan", lingering(&lender))?;
            let refused = lender.lend();
            s.thread("huge", "is refused").stack_size(ABSURD_STACK).spawn(move |_| {
                refused.touch();
                Ok(())
            })?;
            Ok(())
        });
        lender.assert_unused();
        assert!(result.is_err());
    });
}

#[test]
fn p1_stop() {
    // catches: a stop taken for "all are home"
    within(|| {
        let lender = Lender::new();
        let result = scope(|s| {
            s.spawn("slow", "uses its loan", lingering(&lender))?;
            s.stop();
            Ok(())
        });
        lender.assert_unused();
        assert!(result.is_ok());
    });
}

#[test]
fn p1_deadline() {
    // catches: a deadline, or an expired grace, taken for "all are home"
    within(|| {
        let lender = Lender::new();
        let result = scope(|outer| {
            let soon = Instant::now() + Duration::from_millis(20);
            let inner = outer.context().with_deadline(soon, |_| {
                scope(|s| {
                    s.spawn("slow", "uses its loan", lingering(&lender))?;
                    Ok(s.context().sleep(NEVER)?)
                })
            });
            lender.assert_unused();
            assert!(inner.unwrap_err().failures().is_empty());
            outer.spawn("late", "is not home at the deadline", lingering(&lender))?;
            let report = outer.shutdown(Duration::ZERO);
            assert_eq!((report.total, report.timeout), (1, 1));
            Ok(())
        });
        lender.assert_unused();
        assert!(result.is_ok());
    });
}
