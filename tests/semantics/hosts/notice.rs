//! DR: the notice between SIGTERM and the stop.

use std::time::{Duration, Instant};

use homebound::{Notify, Registry, StopReason};

use super::{Manager, managed};
use crate::common::*;

const NOTICE: Duration = Duration::from_millis(700);

fn drains(notice: &str) -> i32 {
    let notice = Duration::from_millis(notice.parse().unwrap());
    let exit = Registry::new("web").drain_notice(notice).run(|scope| {
        let cx = scope.context();
        assert!(!cx.is_draining());
        say("ready");
        cx.wait_for_drain()?;
        assert!(cx.is_draining());
        // A busy machine may not get here in a short notice.
        assert!(notice == NOTICE || !cx.is_stopping());
        assert!(disconnected(cx.drain_signal()));
        say("draining");
        let reason = cx.wait_for_stop();
        Ok(assert_eq!(reason, StopReason::Signal(libc::SIGTERM)))
    });
    i32::from(exit.code())
}

#[test]
fn dr1_sigterm_is_a_notice_and_the_stop_comes_later() {
    let mut child = child(&NOTICE.as_millis().to_string(), drains);
    child.until("ready");
    let told = Instant::now();
    child.signal(libc::SIGTERM).until("draining");
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert!(told.elapsed() >= NOTICE, "too early: {done:#?}");
}

#[test]
fn dr2_a_second_signal_ends_the_notice_at_once() {
    let mut child = child("600000", drains);
    child.until("ready").signal(libc::SIGTERM).until("draining").signal(libc::SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}

fn deaf(_: &str) -> i32 {
    let (_keep, never) = gate();
    let exit = Registry::new("web").drain_notice(LIMIT).grace(LIMIT).run(|scope| {
        scope.spawn("deaf", "does not listen", move |_| Ok(pass(&never)))?;
        say("ready");
        scope.context().wait_for_drain()?;
        say("draining");
        scope.context().wait_for_stop();
        say("stopping");
        Ok(())
    });
    i32::from(exit.code())
}

#[test]
fn dr2_the_second_signal_counts_as_the_first_of_a_stop() {
    let mut child = child("", deaf);
    child.until("ready").signal(libc::SIGTERM).until("draining");
    // Before the stop, so that it is no shorter than what the child sees.
    let began = Instant::now();
    child.signal(libc::SIGTERM).until("stopping");
    // Within 500 ms of that one it is the same request, later it ends the process: so one of them
    // does.
    while child.is_running() && began.elapsed() < LIMIT {
        child.signal(libc::SIGTERM);
        linger(50);
    }
    assert!(began.elapsed() >= Duration::from_millis(500), "G1 counts from the stop");
    let done = child.finish();
    assert_eq!(done.code, Some(128 + libc::SIGTERM), "{done:#?}");
}

#[test]
fn dr1_other_signals_have_no_notice() {
    let mut child = child("600000", |notice| {
        let notice = Duration::from_millis(notice.parse().unwrap());
        let exit = Registry::new("web").drain_notice(notice).run(|scope| {
            say("ready");
            let reason = scope.context().wait_for_stop();
            assert!(scope.context().wait_for_drain().is_err());
            Ok(assert_eq!(reason, StopReason::Signal(libc::SIGINT)))
        });
        i32::from(exit.code())
    });
    child.until("ready").signal(libc::SIGINT);
    assert_eq!(child.finish().code, Some(130));
}

#[test]
fn dr3_a_program_that_is_done_does_not_wait_for_the_end_of_the_notice() {
    let mut child = child("", |_| {
        let exit = Registry::new("web").drain_notice(NEVER).run(|scope| {
            say("ready");
            Ok(scope.context().wait_for_drain()?)
        });
        i32::from(exit.code())
    });
    child.until("ready").signal(libc::SIGTERM);
    assert_eq!(child.finish().code, Some(0));
}

#[test]
fn dr3_another_stop_does_not_wait_for_the_end_of_the_notice() {
    let mut child = child("", |_| {
        let exit = Registry::new("web").drain_notice(NEVER).run(|scope| {
            let breaks = |cx: &homebound::Context| -> homebound::Result {
                cx.wait_for_drain()?;
                Err("the disk is full".into())
            };
            scope.spawn("breaks", "fails in the notice", breaks)?;
            say("ready");
            scope.context().wait_for_stop();
            Ok(())
        });
        i32::from(exit.code())
    });
    child.until("ready").signal(libc::SIGTERM);
    assert_eq!(child.finish().code, Some(1));
}

#[test]
fn sm7_the_manager_hears_of_the_notice() {
    let (manager, mut child) = managed(
        Manager::at_path,
        "600000",
        |notice| {
            let notice = Duration::from_millis(notice.parse().unwrap());
            let registry = Registry::new("web").drain_notice(notice).notify(Notify::from_env());
            let exit = registry.run(|scope| {
                scope.context().ready();
                scope.context().wait_for_stop();
                Ok(())
            });
            i32::from(exit.code())
        },
        |_| {},
    );
    manager.until("READY=1");
    child.signal(libc::SIGTERM);
    // More time at once: the manager counts from its SIGTERM, and the notice is long. Two threads
    // send, so either message may be the first.
    let mut seen = manager.until("STOPPING=1");
    let time = |seen: &[String]| {
        seen.iter().find_map(|text| text.strip_prefix("EXTEND_TIMEOUT_USEC=")?.parse::<u64>().ok())
    };
    if time(&seen).is_none() {
        seen = manager.until("EXTEND_TIMEOUT_USEC=");
    }
    let left = time(&seen).expect("micros");
    assert!((600_000_000..=607_000_000).contains(&left), "notice, grace and kill_after: {left}");
    child.signal(libc::SIGTERM);
    assert_eq!(child.finish().code, Some(0));
}
