//! SM3: a service manager that has no room for a message, or has some too late.

use homebound::{Notify, Registry, registry};
use rustix::process::{Signal, getpid, kill_process};

use super::{Manager, managed};
use crate::common::*;

/// A manager that does not read has room for a few messages: the child fills it with its status.
fn ignored(_: &str) -> i32 {
    let exit = Registry::new("ignored").notify(Notify::from_env()).run(|scope| {
        for number in 0..10_000 {
            scope.context().status(format!("at {number}"));
        }
        scope.context().ready();
        registry::reloading(|| ());
        scope.service("clock", "ticks", |cx| Ok(drop(cx.wait_for_stop())))?;
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

/// A manager that has room for some messages at the last moment of the run.
fn has_room_at_last(how: &str) -> i32 {
    let manager = Manager::of_child();
    let exit = Registry::new("late").grace(LIMIT).notify(Notify::from_env()).run(|scope| {
        manager.fill();
        scope.context().ready();
        scope.service("last", "is told when the stop has been", |cx| {
            cx.wait_for_stop();
            // In the middle of a pause between two tries of *watch*, which double from 100 ms
            // on. A second signal that comes sooner than after 500 ms would be the first.
            linger(1_000);
            // What *watch* sends beside the two words of a life has room as well.
            let room: Vec<_> = (0..4).map(|_| manager.next()).collect();
            assert!(room.iter().all(|text| text == "of another"), "{room:?}");
            if how == "by force" {
                kill_process(getpid(), Signal::TERM)?;
                pass(&crossbeam_channel::never());
            }
            Ok(())
        })?;
        if how == "by force" {
            kill_process(getpid(), Signal::TERM)?;
            scope.context().wait_for_stop();
        }
        Ok(())
    });
    i32::from(exit.code())
}

#[test]
fn sm3_what_is_due_at_the_end_of_a_run_is_sent_if_there_is_room() {
    // catches: a stop that the manager never hears of, because the run was over before *watch*
    // tried again
    let (manager, child) = managed(Manager::at_path, "of itself", has_room_at_last, |_| {});
    assert_eq!(child.finish().code, Some(0));
    is_a_life(&manager);
}

#[test]
fn sm3_what_is_due_at_an_end_by_force_is_sent_if_there_is_room() {
    // catches: last words of a program that, for its manager, has never begun to stop
    let (manager, child) = managed(Manager::at_path, "by force", has_room_at_last, |_| {});
    let done = child.finish();
    assert_eq!(done.code, Some(128 + libc::SIGTERM), "{done:#?}");
    is_a_life(&manager);
}

#[track_caller]
fn is_a_life(manager: &Manager) {
    let seen = manager.rest();
    let words: Vec<_> =
        seen.iter().filter(|text| ["READY=1", "STOPPING=1"].contains(&text.as_str())).collect();
    assert_eq!(words, ["READY=1", "STOPPING=1"], "{seen:?}");
}
