//! ST4: of which threads dumps, warnings and last words have stacks.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::Duration;

use super::looks::*;
use super::sleeps::*;
use crate::common::subscriber::Told;
use crate::common::*;
use homebound::{Registry, Stacks, scope};

const ASLEEP: &str = "sleeps::in_poll";
const COMPUTES: &str = "sleeps::in_loop";

/// A registry with a thread that sleeps and a thread that computes, both of which never come home.
fn shop(setting: &str) -> i32 {
    let registry = match setting {
        "off" => Registry::new("shop").stacks(Stacks::Off),
        "asleep" => Registry::new("shop").stacks(Stacks::Asleep),
        "all" => Registry::new("shop").stacks(Stacks::All),
        _ => Registry::new("shop"),
    };
    let registry = registry.grace(Duration::from_millis(200)).kill_after(Duration::from_secs(1));
    let exit = registry.run(|s| {
        spawn_each(s, &LIGHT);
        s.spawn("loop", "computes", |cx| Ok(in_loop(cx)))?;
        settled(s, &LIGHT);
        say("up");
        s.context().wait_for_stop();
        Ok(())
    });
    i32::from(exit.code())
}

/// Dumps of that registry until one has the text. A thread that computes may be between two looks.
#[track_caller]
fn dump_with(child: &mut Child, text: &str) {
    eventually(text, || {
        let before = child.stderr().len();
        child.signal(libc::SIGQUIT);
        eventually("a dump", || child.stderr()[before..].contains("homebound-watch"));
        child.stderr()[before..].contains(text)
    });
}

#[test]
fn st4_a_dump_has_the_stacks_of_sleepers_and_sends_no_signal() {
    // catches: a dump by SIGQUIT that ends the waits of the program
    let mut child = child("", shop);
    child.until("up");
    dump_with(&mut child, ASLEEP);
    dump_with(&mut child, "no stack: it is running");
    assert!(!child.stderr().contains(COMPUTES), "{}", child.stderr());
    child.signal(libc::SIGKILL);
    let done = child.finish();
    assert!(!done.out.contains("woke up"), "{done:#?}");
}

#[test]
fn st4_the_registry_says_of_which_threads_a_dump_has_stacks() {
    // catches: a setting that does not reach the dump
    let mut all = child("all", shop);
    all.until("up");
    dump_with(&mut all, COMPUTES);
    all.signal(libc::SIGKILL);
    all.finish();
    let mut off = child("off", shop);
    off.until("up");
    dump_with(&mut off, "in_pause");
    assert!(!off.stderr().contains(ASLEEP) && !off.stderr().contains("no stack"), "{}", off.stderr());
    off.signal(libc::SIGKILL);
    off.finish();
}

#[test]
fn st4_the_warning_of_an_overdue_thread_has_its_stack() {
    // catches: a warning without the place in the program
    for (setting, expected) in [("", true), ("asleep", false)] {
        let mut child = child(setting, |setting| {
            let tell = |line: &str| {
                if line.contains("overdue") {
                    eprintln!("{line}");
                }
            };
            tracing::subscriber::set_global_default(Told::new(tell)).expect("the first");
            shop(setting)
        });
        child.until("up").signal(libc::SIGTERM);
        let done = child.finish();
        let line = |name: &str| {
            let path = format!("path=/shop/{name} ");
            done.err.lines().find(|line| line.contains(&path)).map(str::to_owned).unwrap_or_default()
        };
        assert!(line("in_poll").contains("stack=in ") && line("in_poll").contains(ASLEEP), "{done:#?}");
        assert_eq!(line("loop").contains(COMPUTES), expected, "{done:#?}");
        assert_eq!(line("loop").contains("stack=none: it is running"), !expected, "{done:#?}");
    }
}

#[test]
fn st4_without_a_registry_no_overdue_thread_gets_a_signal() {
    // catches: a library that takes a signal of the program's
    child_passes(|_| {
        scope(|s| -> homebound::Result {
            let before: Vec<_> = (libc::SIGRTMIN()..=libc::SIGRTMAX()).map(disposition).collect();
            s.spawn("loop", "computes", |cx| Ok(in_loop(cx)))?;
            checked(s, |s| {
                let tell = |line: &str| {
                    if line.contains("stack=") {
                        say(line);
                    }
                };
                let report = tracing::subscriber::with_default(Told::new(tell), || {
                    s.shutdown(Duration::from_millis(50))
                });
                assert_eq!(report.timeout, 1);
                let after: Vec<_> = (libc::SIGRTMIN()..=libc::SIGRTMAX()).map(disposition).collect();
                assert_eq!(before, after);
            })
        })
        .map_or(1, |()| 0)
    });
}
