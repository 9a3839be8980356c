//! E2: a body that fails or panics stops the scope before the first join.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::panic::panic_any;

use super::logging;
use crate::common::*;
use homebound::{Cause, JoinError, Result, scope};

#[test]
fn e2_stop_comes_before_the_first_join() {
    // catches: crossbeam#196: siblings that wait for ever for a stop that comes after the join
    within(|| {
        for how in 0..3 {
            let run = || {
                scope(|s| {
                    for _ in 0..3 {
                        s.spawn("waits", "ends on stop only", until_stopped)?;
                    }
                    s.service("serves", "ends on stop only", until_stopped)?;
                    match how {
                        0 => return Err(boom("the body fails")),
                        1 => panic!("the body panics"),
                        _ => drop(s.spawn("fails", "stops all", |_| -> Result { Err(boom("no")) })?),
                    }
                    Ok(())
                })
            };
            let ended = std::panic::catch_unwind(run);
            assert_eq!(ended.is_err(), how == 1);
            if let Ok(result) = ended {
                assert_eq!(result.unwrap_err().failures().len(), 1);
            }
        }
    });
}

#[test]
fn e2_a_bodys_panic_is_resumed_with_its_own_payload_after_everything() {
    // catches: another payload, a panic resumed before the deferred have run
    within(|| {
        let log = Log::new();
        let seen = log.clone();
        let payload = panics(|| {
            scope(|s| {
                let log = &log;
                s.defer("last", || Ok(log.add("deferred")));
                s.spawn("also", "panics when stopped", |cx| -> Result {
                    cx.wait_for_stop();
                    log.add("worker");
                    panic_any("of the worker")
                })?;
                s.service("service", "is stopped", logging(log, "service"))?;
                if true {
                    panic_any(String::from("of the body"));
                }
                Ok(())
            })
        });
        assert_eq!(text(&*payload), "of the body");
        assert_eq!(seen.all().join(","), "worker,service told,service home,deferred");
    });
}

#[test]
fn e2_the_value_of_a_failed_scope_is_dropped_and_the_failure_told() {
    // catches: an Ok from a scope in which a thread failed
    within(|| {
        let result = scope(|s| {
            let worker = s.spawn("fails", "fails", |_| -> Result { Err(boom("no")) })?;
            assert!(matches!(worker.join(), Err(JoinError::Failed(_))));
            Ok("a value")
        });
        let error = result.unwrap_err();
        let first = error.first().expect("one failure");
        assert!(matches!(first.cause(), Cause::Error(e) if e.to_string() == "no"));
    });
}
