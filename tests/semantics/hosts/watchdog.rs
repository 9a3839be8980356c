//! SM5: signs of life.

use std::time::{Duration, Instant};

use homebound::{AlarmLevel, Health, Notify, Registry, registry};

use super::{Manager, managed, sleeps_of_watch};
use crate::common::*;

fn guarded(_: &str) -> i32 {
    let exit = Registry::new("guarded").notify(Notify::from_env()).run(|scope| {
        say("ready");
        scope.context().wait_for_stop();
        Ok(())
    });
    i32::from(exit.code())
}

#[test]
fn sm5_signs_of_life_come_at_half_the_interval() {
    let started = Instant::now();
    let (manager, mut child) = managed(Manager::at_path, "", guarded, |command| {
        command.env("WATCHDOG_USEC", "500000");
    });
    manager.until("WATCHDOG=1");
    let (count, mut pauses) = (6, 0);
    // The mean: each sign may be late, and the next one makes up for it. A busy machine may leave
    // some out, but not each time.
    eventually("they are as many", || {
        let began = Instant::now();
        (0..count).for_each(|_| drop(manager.until("WATCHDOG=1")));
        pauses += count;
        began.elapsed() / count < Duration::from_millis(400)
    });
    assert!(started.elapsed() >= Duration::from_millis(250) * pauses, "they are no more: {pauses}");
    child.signal(libc::SIGTERM);
    assert_eq!(child.finish().code, Some(0));
}

#[test]
fn sm5_no_sign_of_life_for_the_watchdog_of_another_process() {
    let (manager, mut child) = managed(Manager::at_path, "", guarded, |command| {
        command.env("WATCHDOG_USEC", "2000").env("WATCHDOG_PID", std::process::id().to_string());
    });
    child.until("ready").signal(libc::SIGTERM);
    assert_eq!(child.finish().code, Some(0));
    let seen = manager.rest();
    assert!(!seen.is_empty() && !seen.iter().any(|text| text.contains("WATCHDOG")), "{seen:?}");
}

#[test]
fn sm5_an_interval_that_nobody_means_keeps_no_processor_busy() {
    // catches: a watch that does nothing but give signs of life
    let (manager, child) = managed(
        Manager::at_path,
        "",
        |_| {
            let exit = Registry::new("hasty").notify(Notify::from_env()).run(|_| {
                let (began, before) = (Instant::now(), sleeps_of_watch());
                linger(200);
                let sleeps = u128::from(sleeps_of_watch() - before);
                let most = began.elapsed().as_millis() * 5 / 4 + 10; // signs, and a few other reasons
                Ok(assert!(sleeps < most, "{sleeps} sleeps, and at most {most} signs of life"))
            });
            i32::from(exit.code())
        },
        |command| {
            command.env("WATCHDOG_USEC", "1");
        },
    );
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert!(manager.rest().iter().any(|text| text == "WATCHDOG=1"));
}

fn gets_stuck(_: &str) -> i32 {
    let health = Health::new().look_every(Duration::from_millis(20)).stuck_after(Duration::from_millis(100));
    let registry = Registry::new("stuck").health(health.warn_after(Duration::from_millis(50)));
    let exit = registry.notify(Notify::from_env()).run(|scope| {
        let (go_on, come) = gate();
        let stuck = scope.spawn("stuck", "blocks outside of homebound", move |_| Ok(pass(&come)))?;
        let alarmed = || {
            let snapshot = registry::snapshot().unwrap();

            let level = |row: &&homebound::ThreadStatus| row.alarm.as_ref().map(|alarm| alarm.level);
            snapshot.unhealthy().iter().any(|row| level(row) == Some(AlarmLevel::Stuck))
        };
        // Waits of homebound's, so that the body itself is not taken for stuck.
        while !alarmed() {
            scope.context().sleep(Duration::from_millis(5))?;
        }
        scope.context().status("stuck");
        scope.context().sleep(Duration::from_millis(300))?;
        scope.context().status("about to go on");
        drop(go_on);
        Ok(stuck.join()?)
    });
    i32::from(exit.code())
}

/// A thread that is warned of and then goes on.
fn is_warned_of(_: &str) -> i32 {
    let health = Health::new().look_every(Duration::from_millis(20)).warn_after(Duration::from_millis(50));
    let exit = Registry::new("warned").health(health).notify(Notify::from_env()).run(|scope| {
        let (go_on, come) = gate();
        let late = scope.spawn("late", "blocks outside of homebound", move |_| Ok(pass(&come)))?;
        let warned = || !registry::snapshot().unwrap().unhealthy().is_empty();
        while !warned() {
            scope.context().sleep(Duration::from_millis(5))?;
        }
        scope.context().status("warned");
        // Until the test has seen enough.
        scope.context().waiting("the test", || std::io::stdin().read_line(&mut String::new()))?;
        drop(go_on);
        Ok(late.join()?)
    });
    i32::from(exit.code())
}

#[test]
fn sm5_signs_of_life_go_on_while_a_thread_is_warned_of() {
    // catches: a program that its manager ends, because a thread is a little late
    let (manager, mut child) = managed(Manager::at_path, "", is_warned_of, |command| {
        command.env("WATCHDOG_USEC", "10000").stdin(std::process::Stdio::piped());
    });
    manager.until("STATUS=warned");
    (0..10).for_each(|_| drop(manager.until("WATCHDOG=1")));
    child.write_line();
    assert_eq!(child.finish().code, Some(0));
}

#[test]
fn sm5_no_sign_of_life_while_a_thread_is_stuck() {
    let (manager, child) = managed(Manager::at_path, "", gets_stuck, |command| {
        command.env("WATCHDOG_USEC", "10000");
    });
    assert!(manager.until("STATUS=stuck").iter().any(|text| text == "WATCHDOG=1"), "before it is stuck");
    let seen = manager.until("STATUS=about to go on");
    let signs = seen.iter().filter(|text| *text == "WATCHDOG=1").count();
    // One may have been on its way. In 300 ms there would be 60.
    assert!(signs <= 1, "{signs} signs of life of a program that is stuck");
    assert_eq!(child.finish().code, Some(0));
}
