//! ST3 where the system refuses: each stack that is missing has its reason, and the rest is there.

use std::process::Command;
use std::time::Duration;

use super::looks::*;
use super::sleeps::*;
use crate::common::*;
use homebound::status::Captured;
use homebound::{Examine, Scope, Stacks, scope};

/// Checks a scope with steady sleepers in it, after something was taken from the process.
fn refused(check: fn(&Scope<'_, '_>)) -> i32 {
    scope(|s| -> homebound::Result {
        spawn_each(s, &STEADY);
        settled(s, &STEADY);
        checked(s, |s| check(s))
    })
    .map_or(1, |()| 0)
}

/// Becomes another user, as a daemon does that was started by root. Root alone can.
fn become_nobody(dumpable: bool) {
    // SAFETY: it has no pointers.
    let _only_root_can = unsafe { libc::setuid(65534) };
    // SAFETY: as above. The change of the user has made the process not dumpable, if there was one.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, i32::from(dumpable), 0, 0, 0) }, 0);
}

#[test]
fn st3_a_process_that_dropped_root_has_stacks_by_signals_alone_and_says_so() {
    // catches: a dump of a daemon without stacks and without a word
    child_passes(|_| {
        refused(|s| {
            become_nobody(false);
            let seen = s.examine(asleep());
            let parked = row(&seen, "in_park");
            let why = parked.no_stack.unwrap_or_default();
            assert!(parked.stack.is_none() && why.contains("PR_SET_DUMPABLE"), "{why}");
            assert!(seen.limits.iter().any(|limit| limit.starts_with("stacks: ")), "{:?}", seen.limits);
            let all = Examine::new().stacks(Stacks::All).within(Duration::from_secs(30));
            eventually("it has answered", || {
                let stack = row(&s.examine(all), "in_std_mutex").stack;
                stack.is_some_and(|stack| stack.how == Captured::BySignal && has(&stack, "in_std_mutex"))
            });
        })
    });
}

#[test]
fn st3_nobody_has_the_stacks_of_a_dumpable_process() {
    // catches: a capture that needs a right of root
    child_passes(|_| {
        refused(|s| {
            become_nobody(true);
            let stack = row(&s.examine(asleep()), "in_park").stack.expect("it sleeps");
            assert!(has(&stack, "in_park"), "{stack:#}");
        })
    });
}

#[test]
fn st3_a_filter_that_refuses_to_copy_memory_is_named() {
    // catches: a reason for each of a thousand threads, or none
    child_passes(|_| {
        refused(|s| {
            refuse_call(libc::SYS_process_vm_readv);
            let seen = s.examine(asleep());
            let said = |text: &str| seen.limits.iter().filter(|limit| limit.contains(text)).count();
            assert_eq!(said("stacks: process_vm_readv: "), 1, "{:?}", seen.limits);
            let parked = row(&seen, "in_park");
            assert!(parked.stack.is_none() && parked.run_state.is_some(), "{parked:?}");
        })
    });
}

#[test]
fn st3_a_stripped_program_has_its_file_the_offset_and_the_build_id() {
    // catches: frames without a name that nothing can resolve
    if let Ok(arg) = std::env::var(CHILD) {
        let ended = in_child(&arg, |_| {
            let shown = scope(|s| -> homebound::Result {
                spawn_each(s, &LIGHT);
                checked(s, |s| {
                    let line = || row(&s.examine(asleep()), "in_poll").stack.map(|stack| stack.to_string());
                    eventually("it sleeps", || line().is_some_and(|line| line.contains("poll")));
                    say(&line().unwrap());
                })
            });
            shown.map_or(1, |()| 0)
        });
        unreachable!("the child ends with {ended:?}");
    }
    let own = std::env::current_exe().unwrap();
    let stripped = own_path("stripped");
    let done = Command::new("strip").arg("--strip-all").arg("-o").arg(&stripped).arg(&own).status();
    if !done.is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no program `strip`");
        return;
    }
    let mut child = Command::new(&stripped);
    child.args([&*test_name(), "--exact", "--nocapture", "--test-threads=1"]).env(CHILD, "");
    let output = child.output().unwrap();
    std::fs::remove_file(&stripped).unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let file = stripped.file_name().unwrap().to_string_lossy().into_owned();
    let line = out.lines().find(|line| line.starts_with("<in ")).unwrap_or_else(|| panic!("{output:#?}"));
    // `in homebound-stripped-17+0x1f3a4 [5d2c..]`: hexadecimal digits of an offset, and of the id.
    let rest = line.strip_prefix(&format!("<in {file}+0x")).unwrap_or_else(|| panic!("{line}"));
    let (offset, rest) = rest.split_once(" [").expect("a build id");
    let id = rest.split(']').next().expect("its end");
    assert!(u64::from_str_radix(offset, 16).is_ok(), "{line}");
    assert!(id.len() >= 16 && id.bytes().all(|digit| digit.is_ascii_hexdigit()), "{line}");
}
