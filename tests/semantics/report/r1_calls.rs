//! R1: when a shutdown returns: the first call, later calls, concurrent calls, calls from inside.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use super::{BRIEF, adds_up, some_threads};
use crate::common::*;
use crossbeam_channel::bounded;
use homebound::{Ending, ShutdownReport, StopReason, scope};

#[test]
fn r1_returns_as_soon_as_the_last_is_home() {
    // catches: a shutdown that sleeps out its grace, or polls
    within(|| {
        let result = scope(|s| {
            some_threads(s)?;
            let start = Instant::now();
            let report = s.shutdown(NEVER);
            assert!(start.elapsed() < Duration::from_secs(5));
            assert!(report.duration <= start.elapsed());
            assert_eq!((report.total, report.joined, report.timeout), (5, 5, 0), "{report}");
            assert!(!report.repeated && report.orphaned == 0);
            assert!(matches!(report.reason, Some(StopReason::Requested { .. })), "{report:?}");
            assert!(s.is_stopping() && s.active_threads().is_empty());
            adds_up(&report);
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn r1_a_later_call_returns_the_stored_report() {
    // catches: a second shutdown that counts anew, or forgets the first reason
    within(|| {
        let result = scope(|s| {
            some_threads(s)?;
            let first = s.shutdown(NEVER);
            for _ in 0..3 {
                let again = s.shutdown(NEVER);
                assert!(again.repeated && !first.repeated);
                assert_eq!((again.total, again.joined), (first.total, first.joined));
                assert_eq!((again.reason, again.duration), (first.reason.clone(), first.duration));
                assert_eq!(again.threads.len(), first.threads.len());
            }
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn r1_a_later_call_waits_again_while_somebody_is_not_home() {
    // catches: a time-out that is final although the thread came home later
    within(|| {
        let result = scope(|s| {
            let (open, gate) = gate();
            s.spawn("deaf", "comes home late", move |_| Ok(pass(&gate)))?;
            let first = s.shutdown(Duration::ZERO);
            assert_eq!((first.total, first.joined, first.timeout), (1, 0, 1), "{first}");
            let late = &first.threads[0];
            assert!(late.name == "deaf" && late.ending == Ending::Overdue, "{first}");
            let second = s.shutdown(BRIEF);
            assert!(second.repeated && second.timeout == 1);
            drop(open);
            let third = s.shutdown(NEVER);
            assert!(third.repeated && s.active_threads().is_empty());
            [first, second, third].iter().for_each(adds_up);
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn r1_concurrent_calls_join_the_running_one_with_the_earlier_deadline() {
    // catches: a second caller that runs its own shutdown, or waits for the first one's long grace
    within(|| {
        let result = scope(|s| {
            let (open, gate) = gate();
            s.spawn("deaf", "is waited for", move |_| Ok(pass(&gate)))?;
            let start = Instant::now();
            let together = Arc::new(Barrier::new(2));
            let reports: Vec<ShutdownReport> = std::thread::scope(|threads| {
                let calls = [NEVER, BRIEF].map(|grace| {
                    let together = together.clone();
                    threads.spawn(move || {
                        together.wait();
                        s.shutdown(grace)
                    })
                });
                calls.map(|call| call.join().expect("it returns")).into()
            });
            assert!(start.elapsed() >= BRIEF && start.elapsed() < Duration::from_secs(10));
            for report in &reports {
                assert_eq!((report.total, report.timeout), (1, 1));
                adds_up(report);
            }
            drop(open);
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn r1_from_inside_it_requests_and_returns_without_the_caller() {
    // catches: a thread, a callback or a deferred function that waits for itself
    within(|| {
        let result = scope(|s| {
            let (tell, told) = bounded(8);
            s.defer("look", move || {
                let reports: Vec<(&str, ShutdownReport)> = told.try_iter().collect();
                assert_eq!(reports.len(), 3);
                for (who, report) in &reports {
                    adds_up(report);
                    let counts_itself = *who != "deferred" && report.total != 0;
                    assert!(!counts_itself, "{who} counts itself: {report}");
                }
                Ok(())
            });
            let from_defer = tell.clone();
            s.defer("deferred", move || {
                let report = s.shutdown(NEVER);
                Ok(from_defer.send(("deferred", report))?)
            });
            let from_callback = tell.clone();
            let worker = s.spawn("inside", "shuts its own scope down", move |cx| {
                let in_callback = move || {
                    from_callback.send(("callback", s.shutdown(NEVER))).unwrap();
                };
                cx.with_on_stop(in_callback, || {
                    tell.send(("worker", s.shutdown(NEVER))).unwrap();
                });
                Ok(assert!(cx.is_stopping()))
            })?;
            worker.join()?;
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn r1_from_a_thread_below_the_others_are_counted() {
    // catches: a shutdown from inside that counts nobody, or waits for the others
    within(|| {
        let result = scope(|s| {
            let (open, gate) = gate();
            s.spawn("other", "is not home", move |_| Ok(pass(&gate)))?;
            let worker = s.spawn("opener", "shuts down from far below", move |_| {
                Ok(scope(|below| {
                    let deep = below.spawn("deep", "asks", move |_| Ok(s.shutdown(NEVER)))?;
                    Ok(deep.join()?)
                })?)
            })?;
            let report = worker.join()?;
            assert!(report.total >= 1 && report.joined == 0, "{report}");
            adds_up(&report);
            drop(open);
            Ok(())
        });
        result.unwrap();
    });
}
