//! R1, R2 and R4: what a shutdown returns, when, and whether the numbers add up.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use crate::common::*;
use crossbeam_channel::bounded;
use homebound::registry::{self, Registry};
use homebound::{Context, Ending, Result, Scope, ShutdownReport, StopReason, scope};

const BRIEF: Duration = Duration::from_millis(100);

/// `total == joined + timeout + orphaned`, always.
#[track_caller]
fn adds_up(report: &ShutdownReport) {
    let sum = report.joined + report.timeout + report.orphaned;
    assert_eq!(report.total, sum, "it does not add up: {report}");
    assert!(!report.to_string().is_empty());
}

fn some_threads(s: &Scope<'_, '_>) -> Result {
    s.spawn("worker", "waits", until_stopped)?;
    s.service("service", "waits", until_stopped)?;
    let group = s.group("group")?;
    group.spawn("member", "waits", until_stopped)?;
    std::mem::forget(group);
    let (ready, is_ready) = gate();
    s.spawn("opener", "has one below", move |_| {
        Ok(scope(|below| {
            below.spawn("deep", "waits", until_stopped)?;
            Ok(drop(ready))
        })?)
    })?;
    pass(&is_ready);
    Ok(())
}

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

#[test]
fn r2_counts_what_was_live_and_what_started_later_and_nothing_else() {
    // catches: ended threads in the total; threads started during the stop left out
    within(|| {
        let result = scope(|s| {
            for _ in 0..5 {
                s.spawn("ended", "is home before", |_| Ok(()))?.join()?;
            }
            let late = |cx: &Context| {
                cx.wait_for_stop();
                Ok(cx.shield(LIMIT, |_| {
                    scope(|below| Ok(below.spawn("late", "starts during the stop", |_| Ok(()))?.join()?))
                })?)
            };
            s.spawn("maker", "starts one late", late)?;
            let report = s.shutdown(NEVER);
            assert_eq!((report.total, report.joined), (2, 2), "{report}");
            adds_up(&report);
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn r2_adopted_threads_count() {
    // catches: a foreign thread in the tree that a shutdown forgets
    within(|| {
        let result = scope(|s| {
            let cx = s.context().clone();
            let (ready, is_ready) = gate();
            let stranger = std::thread::spawn(move || {
                let guest = cx.adopt("guest", "is foreign");
                drop(ready);
                drop(guest.wait_for_stop());
            });
            pass(&is_ready);
            let report = s.shutdown(NEVER);
            assert_eq!((report.total, report.joined), (1, 1), "{report}");
            stranger.join().expect("it ends");
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn r2_rows_are_bounded_and_keep_the_late_and_the_failed() {
    // catches: a report that grows with the number of threads, or drops what matters
    within(|| {
        let (open, gate) = gate();
        let result = scope(|s| {
            let failed = s.thread("failed", "fails first").isolated().spawn(|cx| -> Result {
                cx.wait_for_stop();
                Err(boom("at the stop"))
            })?;
            s.spawn("late", "is not home", move |_| Ok(pass(&gate)))?;
            let opener = s.spawn("opener", "starts many", |cx| {
                cx.wait_for_stop();
                Ok(cx.shield(LIMIT, |_| {
                    scope(|below| {
                        for i in 0..1100 {
                            below.spawn(format!("short-{i}"), "is one of many", |_| Ok(()))?.join()?;
                        }
                        Ok(())
                    })
                })?)
            })?;
            // Who is not home is overdue at once, who ended since the stop began is not: no time is raced here.
            s.stop();
            opener.join()?;
            let _ = failed.done().recv();
            let report = s.shutdown(Duration::ZERO);
            assert_eq!((report.total, report.timeout), (3 + 1100, 1));
            assert!(report.threads.len() <= 1024 + 2, "{} rows", report.threads.len());
            let ending = |name: &str| report.threads.iter().find(|t| t.name == name).map(|t| t.ending);
            assert_eq!(ending("late"), Some(Ending::Overdue));
            assert_eq!(ending("failed"), Some(Ending::Failed));
            assert!(ending("short-1099").is_some() && ending("short-0").is_none(), "the newest are kept");
            adds_up(&report);
            drop(open);
            Ok(())
        });
        assert_eq!(result.unwrap_err().failures().len(), 1);
    });
}

#[test]
fn r2_foreign_threads_are_told_and_change_nothing_else() {
    // catches: an audit that misses a leaked thread, or makes the program fail for it
    child_passes(|_| {
        let (_open, gate) = gate();
        let before = gate.clone();
        std::thread::spawn(move || pass(&before));
        let exit = registry::run(|s| {
            s.spawn("ours", "is one of us", |_| Ok(()))?.join()?;
            let gate = gate.clone();
            std::thread::Builder::new().name("leaked".into()).spawn(move || pass(&gate))?;
            Ok(())
        });
        let report = &exit.shutdown;
        assert!(exit.result.is_ok() && exit.code() == 0, "{report}");
        assert_eq!((report.orphaned, report.foreign.len()), (1, 1), "{report}");
        assert!(report.to_string().contains("leaked"), "{report}");
        adds_up(report);
        0
    });
}

#[test]
fn r2_a_foreign_thread_that_was_just_joined_is_no_orphan() {
    // catches: a tid that lingers for a moment after pthread_join
    child_passes(|_| {
        for _ in 0..20 {
            let exit = registry::run(|s| {
                s.spawn("ours", "is one of us", |_| Ok(()))?;
                std::thread::spawn(|| ()).join().expect("it ends");
                Ok(())
            });
            assert_eq!(exit.shutdown.orphaned, 0, "{}", exit.shutdown);
        }
        0
    });
}

#[test]
fn r2_the_threads_of_other_roots_are_not_foreign() {
    // catches: an audit that knows its own root only
    child_passes(|_| {
        let (open, gate) = gate();
        let (ready, is_ready) = crate::common::gate();
        let exit = registry::run(|_| {
            std::thread::spawn(move || {
                scope(|s| {
                    let gate = gate.clone();
                    s.spawn("of another root", "is managed", move |_| Ok(pass(&gate)))?;
                    Ok(drop(ready))
                })
            });
            Ok(pass(&is_ready))
        });
        let report = &exit.shutdown;
        assert!(report.orphaned <= 1, "only the std thread under the other root: {report}");
        assert!(!report.foreign.iter().any(|t| format!("{t:?}").contains("of another")), "{report}");
        drop(open);
        0
    });
}

#[test]
fn r2_an_expired_grace_is_counted_and_sets_the_code() {
    // catches: an overdue thread that came home after all and is then not told
    child_passes(|_| {
        let root = Registry::new("late").grace(BRIEF).kill_after(LIMIT);
        let exit = root.run(|s| {
            let (told, overdue) = gate();
            s.spawn("late", "comes home overdue", move |cx| {
                eventually("it is overdue", || cx.is_overdue());
                Ok(drop(told))
            })?;
            s.stop();
            pass(&overdue);
            linger(50);
            Ok(())
        });
        assert_eq!((exit.shutdown.timeout, exit.code()), (1, 70), "{}", exit.shutdown);
        assert!(exit.result.is_ok());
        adds_up(&exit.shutdown);
        0
    });
}

#[test]
fn r4_each_row_says_how_its_thread_ended() {
    // catches: endings that are mixed up; a time without a stop; a wrong spawn site
    within(|| {
        let result = scope(|s| {
            let finish = |cx: &Context| {
                cx.wait_for_stop();
                linger(5);
                Ok(())
            };
            let line = line!() + 1;
            s.spawn("finished", "ends well", finish)?;
            s.spawn("stopped", "ends as stopped", until_stopped)?;
            s.thread("failed", "fails").isolated().spawn(move |cx| -> Result {
                finish(cx)?;
                Err(boom("no"))
            })?;
            s.thread("panicked", "panics").isolated().spawn(move |cx| -> Result {
                finish(cx)?;
                panic!("no")
            })?;
            let report = s.shutdown(NEVER);
            let row = |name: &str| report.threads.iter().find(|t| t.name == name).expect("a row");
            let endings = [
                ("finished", Ending::Finished),
                ("stopped", Ending::Stopped),
                ("failed", Ending::Failed),
                ("panicked", Ending::Panicked),
            ];
            for (name, ending) in endings {
                let row = row(name);
                assert_eq!(row.ending, ending, "{report}");
                assert!(row.path.ends_with(name) && !row.purpose.is_empty());
                assert!(row.after_stop.is_some_and(|after| after < LIMIT), "{report}");
                assert!(report.to_string().contains(name));
            }
            assert!(row("finished").after_stop >= Some(Duration::from_millis(5)));
            assert_eq!(row("finished").spawned_from.line(), line);
            adds_up(&report);
            Ok(())
        });
        assert_eq!(result.unwrap_err().failures().len(), 2);
    });
}

#[test]
fn a_scopes_error_holds_its_report() {
    // catches: an error that says why but not what became of the threads
    within(|| {
        let result: Result<(), _> = scope(|s| {
            some_threads(s)?;
            Err(boom("the body gives up"))
        });
        let error = result.unwrap_err();
        let report = error.report();
        assert_eq!((report.total, report.joined), (5, 5), "{report}");
        adds_up(report);
    });
}

#[test]
fn the_exit_holds_the_report_of_a_stop_and_of_a_normal_end() {
    // catches: a report without reason after a stop, or with one after a normal end
    child_passes(|_| {
        let stopped = registry::run(|s| {
            some_threads(s)?;
            s.stopper().stop_because("enough");
            Ok(())
        });
        assert_eq!(stopped.shutdown.reason, Some(StopReason::Custom("enough".into())));
        assert_eq!((stopped.shutdown.total, stopped.shutdown.joined), (5, 5), "{}", stopped.shutdown);
        adds_up(&stopped.shutdown);
        let normal = registry::run(|s| Ok(drop(s.service("service", "waits", until_stopped)?)));
        assert!(normal.shutdown.reason.is_none(), "{}", normal.shutdown);
        adds_up(&normal.shutdown);
        i32::from(stopped.code() + normal.code())
    });
}
