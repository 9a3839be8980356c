//! SM4: what the service manager is told of a reload, and in which order.

use homebound::{Notify, Registry, registry};

use super::{Manager, managed};
use crate::common::*;

fn reloads(_: &str) -> i32 {
    let exit = Registry::new("reloads").notify(Notify::from_env()).run(|scope| {
        // Not ready, so it is not told.
        registry::reloading(|| ());
        scope.context().ready();
        registry::reloading(|| say("inside"));
        let failed: Result<(), &str> = registry::reloading(|| Err("a comma is missing"));
        Ok(assert!(failed.is_err()))
    });
    i32::from(exit.code())
}

#[test]
fn sm4_a_reload_is_one_datagram_with_its_time_and_then_ready() {
    let (manager, child) = managed(Manager::at_path, "", reloads, |_| {});
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
    let seen = manager.rest();
    let kinds: Vec<_> = seen.iter().map(|text| text.split('\n').next().unwrap()).collect();
    assert_eq!(
        kinds[..6],
        ["READY=1", "RELOADING=1", "READY=1", "RELOADING=1", "READY=1", "STOPPING=1"],
        "{seen:?}"
    );
    let micros = seen[1].strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("one datagram");
    assert!(micros.parse::<u64>().unwrap() > 0);
}

/// Blocks until the test has written a line.
fn until_told_to_go_on() {
    std::io::stdin().read_line(&mut String::new()).expect("a pipe");
}

fn reloads_step_by_step(_: &str) -> i32 {
    let exit = Registry::new("reloads").notify(Notify::from_env()).run(|scope| {
        scope.context().ready();
        say("ready");
        until_told_to_go_on();
        registry::reloading(|| {
            say("in the first");
            until_told_to_go_on();
        });
        say("between");
        until_told_to_go_on();
        registry::reloading(|| {
            say("in the second");
            until_told_to_go_on();
            scope.context().status("the second goes on");
        });
        Ok(())
    });
    i32::from(exit.code())
}

/// Starts the child above, and fills the manager's queue when the child is ready.
fn manager_without_room() -> (Manager, Child) {
    let (manager, mut child) = managed(Manager::at_path, "", reloads_step_by_step, |command| {
        command.stdin(std::process::Stdio::piped());
    });
    child.until("ready");
    assert_eq!(manager.next(), "READY=1");
    manager.fill();
    child.write_line().until("in the first");
    (manager, child)
}

#[test]
fn sm4_a_reload_that_finds_no_room_is_told_as_soon_as_there_is_some() {
    // catches: a word that stays due until another thread happens to say one
    let (manager, mut child) = manager_without_room();
    manager.until("RELOADING=1");
    child.write_line().until("between").write_line().until("in the second").write_line();
    assert_eq!(child.finish().code, Some(0));
}

#[test]
fn sm4_a_reload_that_has_ended_without_room_is_told_in_its_order() {
    // catches: an end before the beginning, which leaves the manager waiting
    let (manager, mut child) = manager_without_room();
    child.write_line().until("between");
    let seen = manager.until("READY=1");
    assert!(seen.iter().any(|text| text.starts_with("RELOADING=1")), "{seen:?}");
    child.write_line().until("in the second").write_line();
    assert_eq!(child.finish().code, Some(0));
}

#[test]
fn sm4_the_end_of_a_reload_is_never_told_while_the_next_one_goes_on() {
    // catches: words of two reloads that are sent together, in the order of one reload
    let (manager, mut child) = manager_without_room();
    child.write_line().until("between").write_line().until("in the second");
    let before = manager.until("RELOADING=1");
    assert!(before.iter().all(|text| text != "READY=1"), "the first end was not told: {before:?}");
    child.write_line();
    let inside = manager.until("STATUS=the second goes on");
    assert!(inside.iter().all(|text| text != "READY=1"), "{inside:?}");
    manager.until("READY=1");
    assert_eq!(child.finish().code, Some(0));
}

fn says_all_at_once(_: &str) -> i32 {
    let exit = Registry::new("all").grace(LIMIT).notify(Notify::from_env()).run(|scope| {
        for _ in 0..8 {
            let cx = scope.context().clone();
            scope.spawn("says", "says it is ready, reloads, and stops the program", move |_| {
                for round in 0..200 {
                    cx.ready();
                    registry::reloading(|| ());
                    if round == 150 {
                        cx.stopper().stop();
                    }
                }
                Ok(())
            })?;
        }
        // Until the manager knows of the stop, for which it may have had no room.
        until_told_to_go_on();
        Ok(())
    });
    i32::from(exit.code())
}

#[test]
fn sm4_of_words_at_once_the_manager_gets_a_life_in_order() {
    // catches: a beginning of a reload that is sent behind its end, and leaves the manager waiting;
    // a word behind the end of the life
    let (manager, mut child) = managed(Manager::at_path, "", says_all_at_once, |command| {
        command.stdin(std::process::Stdio::piped());
    });
    let mut seen = manager.until("STOPPING=1");
    child.write_line();
    assert_eq!(child.finish().code, Some(0));
    seen.append(&mut manager.rest());
    let words = seen.iter().map(|text| text.split('=').next().expect("a word"));
    let words: Vec<_> = words.filter(|word| ["READY", "RELOADING", "STOPPING"].contains(word)).collect();
    let place = |word: &str| words.iter().position(|one| *one == word);
    assert_eq!(place("READY"), Some(0), "{words:?}");
    assert_eq!(place("STOPPING"), Some(words.len() - 1), "{words:?}");
    // Each reload has one beginning; an end may be left out, if the next one begins.
    let twice = |two: &[&str]| two[0] == "READY" && two[1] == "READY";
    assert!(!words.windows(2).any(twice), "{words:?}");
}
