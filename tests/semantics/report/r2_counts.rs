//! R2: the numbers of a report.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::Duration;

use super::{BRIEF, adds_up};
use crate::common::*;
use homebound::registry::{self, Registry};
use homebound::{Context, Ending, Result, scope};

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
            let opener = s.spawn("opener", "stops all, and starts many", |cx| {
                // Asked for from inside, so it returns at once. The grace is long, because its end
                // would end the shield.
                drop(s.shutdown(NEVER));
                Ok(cx.shield(LIMIT, |_| {
                    scope(|below| {
                        for i in 0..1100 {
                            below.spawn(format!("short-{i}"), "is one of many", |_| Ok(()))?.join()?;
                        }
                        Ok(())
                    })
                })?)
            })?;
            // A thread that is not home is overdue at once, and a thread that ended after the stop
            // is not, so the test races with no time.
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
fn r2_rows_are_bounded_also_while_threads_are_about_to_be_counted() {
    // catches: rows of failed threads beyond the bound, since those that have ended and are not
    // counted yet are added to all that are
    within(|| {
        let (count, late) = (1020, 10);
        let result = scope(|s| {
            let (open, opened) = gate();
            let fail = |cx: &Context| -> Result {
                cx.wait_for_stop();
                Err(boom("at the stop"))
            };
            let failing = |name: &'static str| s.thread(name, "fails").isolated().spawn(fail);
            let failed = (0..count).map(|_| failing("failed")).collect::<Result<Vec<_>, _>>()?;
            let late = (0..late).map(|_| failing("late")).collect::<Result<Vec<_>, _>>()?;
            // They have ended, and are counted when their callbacks are over.
            let waits: Vec<_> = late
                .iter()
                .map(|handle| {
                    let opened = opened.clone();
                    handle.on_done(move || pass(&opened))
                })
                .collect();
            s.stop();
            failed.iter().chain(&late).for_each(|handle| {
                let _disconnected = handle.done().recv();
            });
            let report = s.shutdown(Duration::ZERO);
            assert_eq!(report.total, count + late.len());
            assert!(report.threads.len() <= 1024, "{} rows", report.threads.len());
            assert_eq!(report.threads.iter().filter(|thread| thread.name == "late").count(), late.len());
            adds_up(&report);
            drop((open, waits));
            failed.into_iter().chain(late).for_each(|handle| drop(handle.join()));
            Ok(())
        });
        result.unwrap();
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
