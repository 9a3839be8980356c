//! S3: the first reason wins, and names where it came from.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::{Arc, Barrier};
use std::time::Duration;

use crate::common::*;
use crossbeam_channel::unbounded;
use homebound::{StopReason, scope};

#[test]
fn s3_the_first_reason_wins_and_is_there_before_the_flag() {
    // catches: a flag seen without its reason; a reason replaced by a later one
    within(|| {
        for _ in 0..200 {
            let result = scope(|s| {
                let go = Arc::new(Barrier::new(3));
                for why in ["one", "other"] {
                    let (go, stopper) = (go.clone(), s.stopper());
                    s.spawn("stops", "gives its reason", move |_| {
                        go.wait();
                        Ok(stopper.stop_because(why))
                    })?;
                }
                let cx = s.context();
                go.wait();
                while !cx.is_stopping() {
                    std::hint::spin_loop();
                }
                let first = cx.stop_reason().expect("the reason comes first");
                assert!(matches!(first, StopReason::Custom(_)), "{first:?}");
                assert_eq!(cx.wait_for_stop(), first);
                s.stop();
                assert_eq!(cx.stop_reason(), Some(first.clone()));
                assert_eq!(*cx.checkpoint().unwrap_err().reason(), first);
                Ok(())
            });
            result.unwrap();
        }
    });
}

#[test]
fn s3_a_thread_that_is_overdue_before_the_stop_has_come_to_it_has_the_reason_of_the_stop() {
    // catches: a reason of the library's own, given by a thread that finds the root late while
    // another still marks
    within(|| {
        for _ in 0..20 {
            let (reasons, seen) = unbounded();
            let result = scope(|s| {
                for _ in 0..300 {
                    let reasons = reasons.clone();
                    s.spawn("late", "tells why it was stopped", move |cx| {
                        Ok(reasons.send(cx.wait_for_stop())?)
                    })?;
                }
                let stopper =
                    s.spawn("stopper", "leaves them no time", |_| Ok(drop(s.shutdown(Duration::ZERO))))?;
                while !s.is_stopping() {
                    std::hint::spin_loop();
                }
                // To leave now is to drive the shutdown beside it.
                Ok(drop(stopper))
            });
            result.unwrap();
            drop(reasons);
            for reason in seen {
                assert!(matches!(reason, StopReason::Requested { .. }), "{reason:?}");
            }
        }
    });
}

#[test]
fn s3_a_request_names_its_source_line() {
    // catches: a stop without track_caller
    within(|| {
        let result = scope(|s| {
            let line = line!() + 1;
            s.stop();
            let Some(StopReason::Requested { at }) = s.context().stop_reason() else {
                panic!("{:?}", s.context().stop_reason());
            };
            assert!(at.line() == line && at.file().ends_with(file!()), "{at}");
            Ok(())
        });
        result.unwrap();
    });
}
