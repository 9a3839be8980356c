//! E3: threads share the grace, and a service never goes without its share.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::{Duration, Instant};

use super::logging;
use crate::common::*;
use crossbeam_channel::unbounded;
use homebound::{Context, scope};

#[test]
fn e3_workers_are_told_at_once_services_when_the_workers_are_home() {
    // catches: a service stopped under a worker that still uses it
    within(|| {
        let log = Log::new();
        let result = scope(|s| {
            s.service("store", "is used till the end", logging(&log, "store"))?;
            let log = log.clone();
            s.spawn("worker", "uses the store", move |cx| {
                cx.wait_for_stop();
                log.add("worker told");
                linger(30);
                log.add("worker home");
                Ok(())
            })?;
            s.stop();
            Ok(())
        });
        assert!(result.is_ok());
        assert_eq!(log.all().join(","), "worker told,worker home,store told,store home");
    });
}

/// Makes shutdowns until one has gone as it should: a busy machine may give a thread no processor
/// for some of its share, but not each time.
fn timely(shutdown: impl FnMut() -> bool + Send + 'static) {
    within(move || eventually("the shares are as they should be", shutdown));
}

#[test]
fn e3_with_services_live_a_worker_is_overdue_at_three_quarters_of_the_grace() {
    // catches: services never told while a worker hangs; a share other than D - grace/4
    timely(|| {
        let mut after = Duration::ZERO;
        let result = scope(|s| {
            let (told, release) = gate();
            s.service("store", "is told though the worker is not home", move |cx| {
                cx.wait_for_stop();
                let at = Instant::now();
                drop(told);
                until_overdue(cx, at);
                Ok(())
            })?;
            let worker = s.spawn("deaf", "goes home after the store was told", move |cx| {
                pass(&release);
                assert!(cx.is_overdue());
                Ok(Instant::now())
            })?;
            let start = Instant::now();
            let report = s.shutdown(Duration::from_millis(1000));
            after = worker.join()? - start;
            assert_eq!(report.total, 2, "{report}");
            Ok(())
        });
        result.unwrap();
        println!("told after {after:?}");
        (650..1000).contains(&after.as_millis())
    });
}

/// Stays until its share of the grace has passed.
fn until_overdue(cx: &Context, since: Instant) -> Duration {
    eventually("it is overdue", || cx.is_overdue());
    since.elapsed()
}

#[test]
fn e3_without_services_a_worker_has_the_whole_grace() {
    // catches: a quarter taken away for services that are not there
    timely(|| {
        let mut share = Duration::ZERO;
        let result = scope(|s| {
            let worker = s.spawn("slow", "stays until it is overdue", |cx| {
                cx.wait_for_stop();
                Ok(until_overdue(cx, Instant::now()))
            })?;
            s.shutdown(Duration::from_millis(800));
            Ok(share = worker.join()?)
        });
        result.unwrap();
        println!("overdue after {share:?}");
        (700..1200).contains(&share.as_millis())
    });
}

#[test]
fn e3_no_service_is_ever_skipped_and_each_has_its_share_of_what_is_left() {
    // catches: uber-go/fx#1034: later hooks skipped when an early one takes all the time
    timely(|| {
        let (tell, shares) = unbounded();
        let result = scope(|s| {
            for name in ["third", "second", "first"] {
                let tell = tell.clone();
                s.service(name, "stays until it is overdue", move |cx| {
                    cx.wait_for_stop();
                    Ok(tell.send((cx.name().to_owned(), until_overdue(cx, Instant::now())))?)
                })?;
            }
            s.shutdown(Duration::from_millis(1200));
            Ok(())
        });
        assert!(result.is_ok());
        drop(tell);
        let shares: Vec<(String, Duration)> = shares.iter().collect();
        println!("{shares:?}");
        let names: Vec<_> = shares.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["first", "second", "third"]);
        shares.iter().all(|(_, share)| (250..700).contains(&share.as_millis()))
    });
}

#[test]
fn e3_a_later_request_moves_the_deadline_earlier_never_later() {
    // catches: the last request's grace taken for the scope's
    within(|| {
        let result = scope(|s| {
            let (brief, start) = (Duration::from_millis(100), Instant::now());
            let worker = s.spawn("slow", "stays until it is overdue", |cx| {
                cx.wait_for_stop();
                until_overdue(cx, Instant::now());
                Ok(Instant::now())
            })?;
            std::thread::scope(|threads| {
                threads.spawn(|| s.shutdown(NEVER));
                s.context().wait_for_stop();
                threads.spawn(|| s.shutdown(brief));
                threads.spawn(|| s.shutdown(NEVER));
            });
            let overdue = worker.join()? - start;
            assert!(overdue >= brief && overdue < Duration::from_secs(10), "overdue after {overdue:?}");
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn e3_after_the_deadline_every_service_is_still_told() {
    // catches: a remaining share of zero that ends the loop
    within(|| {
        let log = Log::new();
        let result = scope(|s| {
            for name in ["a", "b", "c"] {
                s.service(name, "is told", logging(&log, name))?;
            }
            let report = s.shutdown(Duration::ZERO);
            assert_eq!(report.total, 3);
            Ok(())
        });
        assert!(result.is_ok());
        for entry in ["a told", "b told", "c told"] {
            assert!(log.has(entry));
        }
    });
}
