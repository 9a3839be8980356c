//! E4: a value that panics in its `Drop` is a failure, and ends no wait.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::*;
use homebound::{Result, scope};

/// An error, a result and a capture whose drop panics.
#[derive(Debug)]
struct BombError(#[allow(dead_code)] BombDebug);

struct BombDebug(#[allow(dead_code)] Bomb);

impl std::fmt::Debug for BombDebug {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("bomb")
    }
}

impl std::fmt::Display for BombError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an error with a bomb inside")
    }
}

impl std::error::Error for BombError {}

#[test]
fn e4_what_panics_while_it_is_dropped_is_a_failure_and_ends_no_wait() {
    // catches: an unwinding join loop, an abort, a drop's panic that nobody hears of
    fn one(how: &str) -> i32 {
        let lender = Lender::new();
        let result = scope(|s| {
            s.spawn("slow", "uses its loan", lingering(&lender))?;
            match how {
                "capture" => {
                    let bomb = Bomb::chain(3);
                    drop(s.spawn("bomber", "captures a bomb", move |_| {
                        let _unused = &bomb;
                        Ok(())
                    })?);
                }
                "result" => drop(s.spawn("bomber", "returns one", |_| Ok(Bomb::chain(3)))?),
                "deferred" => {
                    let bomb = Bomb::new();
                    s.defer("bomber", move || Ok(drop(bomb)));
                    s.stop();
                }
                "stopped" => {
                    let bomb = Bomb::new();
                    drop(s.spawn("bomber", "is stopped with a bomb", move |cx| {
                        let _unused = &bomb;
                        until_stopped(cx)
                    })?);
                    s.stop();
                }
                _ => {
                    let error = BombError(BombDebug(Bomb::new()));
                    drop(s.spawn("bomber", "fails", move |_| -> Result { Err(error.into()) })?);
                }
            }
            Ok(())
        });
        lender.assert_unused();
        let failures = result.as_ref().unwrap_err().failures().len();
        assert!(failures >= 1, "{how}: nobody hears of it");
        drop_quietly(result);
        0
    }
    for how in ["capture", "result", "deferred", "stopped", "error"] {
        child_passes_with(how, one);
    }
}

#[test]
fn e4_a_joined_result_belongs_to_its_joiner() {
    // catches: a result dropped by the scope though it was handed over, or handed over twice
    within(|| {
        let drops = Arc::new(AtomicUsize::new(0));
        let count = drops.clone();
        let kept = scope(|s| {
            let result = OnDrop(move || {
                count.fetch_add(1, Ordering::SeqCst);
            });
            Ok(s.spawn("worker", "returns", move |_| Ok(result))?.join()?)
        });
        assert_eq!(drops.load(Ordering::SeqCst), 0);
        drop(kept);
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    });
}
