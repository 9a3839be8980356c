//! SM: what a run tells the service manager.

use std::process::Command;
use std::time::{Duration, Instant};

use homebound::{AlarmLevel, Health, Notify, Registry, registry};

use super::{Manager, managed};
use crate::common::*;

const LONG: Duration = Duration::from_secs(60);

fn plain(_: &str) -> i32 {
    let exit = Registry::new("plain").notify(Notify::from_env()).run(|scope| {
        let (told, news) = gate();
        scope.service("clock", "ticks", move |cx| {
            cx.wait_for_stop();
            say("told");
            pass(&news);
            Ok(())
        })?;
        scope.context().ready();
        scope.context().ready();
        say("ready");
        scope.context().wait_for_stop();
        drop(told);
        Ok(())
    });
    i32::from(exit.code())
}

#[test]
fn sm1_ready_is_told_once_and_stopping_before_a_service_is() {
    let (manager, mut child) = managed(Manager::at_path, "", plain, |_| {});
    child.until("ready");
    assert_eq!(manager.rest(), ["READY=1"]);
    child.signal(libc::SIGTERM);
    child.until("told");
    // It was there before the service was told, so nothing is waited for here.
    let seen = manager.rest();
    assert_eq!(seen.first().map(String::as_str), Some("STOPPING=1"), "{seen:?}");
    assert_eq!(seen.iter().filter(|text| *text == "STOPPING=1").count(), 1);
    assert_eq!(child.finish().code, Some(0));
    let seen: Vec<_> = seen.into_iter().chain(manager.rest()).collect();
    assert!(!seen.iter().any(|text| text == "READY=1"), "{seen:?}");
}

fn ends_by_itself(_: &str) -> i32 {
    let exit = Registry::new("ends").notify(Notify::from_env()).run(|scope| {
        scope.service("clock", "ticks", |cx| {
            cx.wait_for_stop();
            say("told");
            // Until the test has looked.
            std::io::stdin().read_line(&mut String::new())?;
            Ok(())
        })?;
        scope.context().ready();
        Ok(())
    });
    i32::from(exit.code())
}

#[test]
fn sm1_stopping_is_told_first_also_if_nothing_but_the_end_of_the_body_stops() {
    // catches: a message that only the first signal causes, or that another thread sends later
    let (manager, mut child) = managed(Manager::at_path, "", ends_by_itself, |command| {
        command.stdin(std::process::Stdio::piped());
    });
    child.until("told");
    let seen = manager.rest();
    assert_eq!(seen.first().map(String::as_str), Some("READY=1"), "{seen:?}");
    assert_eq!(seen.get(1).map(String::as_str), Some("STOPPING=1"), "{seen:?}");
    child.close_stdin();
    assert_eq!(child.finish().code, Some(0));
}

fn late(_: &str) -> i32 {
    let (_keep, never) = gate();
    let exit = Registry::new("late")
        .grace(Duration::from_millis(400))
        .kill_after(LONG)
        .notify(Notify::from_env())
        .run(|scope| {
            scope.service("punctual", "comes when told", |cx| Ok(drop(cx.wait_for_stop())))?;
            scope.service("late-one", "does not come when told", move |_| Ok(pass(&never)))?;
            scope.context().ready();
            scope.context().wait_for_stop();
            Ok(())
        });
    i32::from(exit.code())
}

#[test]
fn sm1_the_status_names_an_overdue_thread() {
    let (manager, mut child) = managed(Manager::at_path, "", late, |_| {});
    manager.until("READY=1");
    child.signal(libc::SIGTERM);
    let seen = manager.until("STATUS=stopping: waits for 1: late-one (overdue)");
    assert!(seen.iter().any(|text| text == "STOPPING=1"), "{seen:?}");
    // Each step brings more time: the first service is told, is overdue, the second is told.
    let steps: Vec<u64> =
        seen.iter().filter_map(|text| text.strip_prefix("EXTEND_TIMEOUT_USEC=")?.parse().ok()).collect();
    assert!(steps.len() >= 2, "{seen:?}");
    let all = u64::try_from((LONG + Duration::from_millis(400)).as_micros()).unwrap();
    assert!(steps.iter().all(|left| (all / 2..=all).contains(left)), "{steps:?}");
    assert!(steps.windows(2).all(|two| two[0] > two[1]), "{steps:?}");
    child.signal(libc::SIGKILL);
    child.finish();
}

#[test]
fn sm2_the_address_may_be_abstract() {
    let (manager, mut child) = managed(Manager::without_path, "", plain, |_| {});
    assert_eq!(manager.until("READY=1"), ["READY=1"]);
    child.signal(libc::SIGTERM);
    manager.until("STOPPING=1");
    assert_eq!(child.finish().code, Some(0));
}

/// A manager that does not read has room for a few messages: the child fills it with its status.
fn ignored(_: &str) -> i32 {
    let exit = Registry::new("ignored").notify(Notify::from_env()).run(|scope| {
        let began = Instant::now();
        for number in 0..10_000 {
            scope.context().status(format!("at {number}"));
        }
        scope.context().ready();
        registry::reloading(|| ());
        scope.service("clock", "ticks", |cx| Ok(drop(cx.wait_for_stop())))?;
        assert!(began.elapsed() < LIMIT / 4, "{:?}", began.elapsed());
        say("ready");
        scope.context().wait_for_stop();
        Ok(())
    });
    i32::from(exit.code())
}

#[test]
fn sm3_a_manager_that_never_reads_holds_nothing_up() {
    let (manager, mut child) = managed(Manager::at_path, "", ignored, |command| {
        command.env("WATCHDOG_USEC", "2000");
    });
    child.until("ready").signal(libc::SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert!(!manager.rest().is_empty());
}

#[test]
fn sm3_a_message_without_room_is_sent_when_there_is_some() {
    let (manager, mut child) = managed(Manager::at_path, "", ignored, |_| {});
    child.until("ready");
    // From here on the manager reads. The last status is the one that is left.
    let mut seen = Vec::new();
    let has = |seen: &[String], text: &str| seen.iter().any(|one| one == text);
    while !has(&seen, "READY=1") || !has(&seen, "STATUS=at 9999") {
        seen.push(manager.next());
    }
    // The order is that of the program's life: a reload is not over before it has begun.
    let last = seen.iter().rfind(|text| !text.starts_with("STATUS="));
    assert_eq!(last.map(String::as_str), Some("READY=1"), "{seen:?}");
    child.signal(libc::SIGTERM);
    manager.until("STOPPING=1");
    assert_eq!(child.finish().code, Some(0));
}

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
    let (manager, mut child) = managed(Manager::at_path, "", guarded, |command| {
        command.env("WATCHDOG_USEC", "500000");
    });
    manager.until("WATCHDOG=1");
    let began = Instant::now();
    let count = 6;
    for _ in 0..count {
        manager.until("WATCHDOG=1");
    }
    // The mean: each sign may be late on a busy machine, and the next one makes up for it.
    let mean = began.elapsed() / count;
    assert!(mean > Duration::from_millis(150), "{mean:?}");
    assert!(mean < Duration::from_millis(500), "{mean:?}");
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

fn has_children(_: &str) -> i32 {
    let ask =
        "echo ${NOTIFY_SOCKET-none} ${WATCHDOG_USEC-none} ${LISTEN_FDS-none} ${LISTEN_PID-none} ${MINE-none}";
    let exit = Registry::new("parent").notify(Notify::from_env()).run(|scope| {
        let shell = |set: &[(&str, &str)]| {
            let mut command = Command::new("sh");
            command.args(["-c", ask]).envs(set.iter().copied());
            let child = scope.process("child", "shows its environment", command).lines().spawn()?;
            let line = child.stdout_lines().iter().next().map(|line| line.text);
            child.wait()?;
            Ok::<_, homebound::BoxError>(line.unwrap_or_default())
        };
        assert_eq!(shell(&[])?, "none none none none yes");
        assert_eq!(shell(&[("NOTIFY_SOCKET", "/x"), ("MINE", "no")])?, "/x none none none no");
        Ok(())
    });
    i32::from(exit.code())
}

#[test]
fn sm6_children_do_not_inherit_the_words_of_the_manager() {
    let (_manager, child) = managed(Manager::at_path, "", has_children, |command| {
        command
            .env("WATCHDOG_USEC", "1000000")
            .env("LISTEN_FDS", "1")
            .env("LISTEN_PID", "1")
            .env("MINE", "yes");
    });
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}

fn descriptors(_: &str) -> i32 {
    let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    // The first run of a process opens what stays open.
    registry::run(|_| Ok(())).into_result().unwrap();
    let during = |registry: Registry| registry.run(|_| Ok(count())).into_result().unwrap();
    let with = during(Registry::new("app").notify(Notify::from_env()));
    let without = during(Registry::new("app"));
    say(&format!("{} more", with - without));
    0
}

#[test]
fn sm8_without_a_manager_there_is_no_descriptor() {
    let done = in_child("", descriptors);
    assert!(done.out.contains("<0 more>"), "{done:#?}");
    let (_manager, child) = managed(Manager::at_path, "", descriptors, |_| {});
    let done = child.finish();
    assert!(done.out.contains("<1 more>"), "{done:#?}");
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
