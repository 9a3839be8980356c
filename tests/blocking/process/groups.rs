//! The end of a child is the end of its process group.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::process::Command;
use std::time::Duration;

use super::{first_line, is_over, pid, sh, sleeper, zombies};
use crate::common::{NEVER, child, child_passes, eventually, gate, in_scope, linger, say};
use homebound::registry::Registry;
use homebound::{Line, OnOverdue, WaitError, scope};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, kill_process};

#[test]
fn the_stop_reaches_all_of_the_group() {
    in_scope(|scope| {
        let inner = "trap 'echo told; exit 0' TERM; echo ready; while :; do sleep 0.01; done";
        let script = format!("trap 'wait; exit 7' TERM; sh -c \"{inner}\" & wait");
        let child = scope.process("shell", "waits for another", sh(&script)).grace(NEVER).lines().spawn()?;
        assert_eq!(&*first_line(&child), "ready");
        child.stop();
        // catches: a signal to the child alone, which waits for the other.
        assert_eq!(child.wait()?.code(), Some(7));
        assert_eq!(&*first_line(&child), "told");
        Ok(())
    });
}

#[test]
fn a_grandchild_that_keeps_the_pipe_holds_nobody_up() {
    in_scope(|scope| {
        // It leaves the group as well: nothing ends it but this test.
        let script = "trap 'printf unfinished; exit 0' USR1; \
                      setsid sh -c 'echo $$; kill -USR1 $0; exec sleep 1000' $$ & wait; wait";
        let child = scope.process("parent", "leaves a child behind", sh(script)).lines().spawn()?;
        // catches: a wait for the end of a pipe that others hold.
        assert!(child.wait()?.success());
        // catches: output of the child that is not taken any more; a channel that does not end.
        let lines: Vec<Line> = child.stdout_lines().iter().collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!(&*lines[1], "unfinished");
        let left = Pid::from_raw(pid(&lines[0]) as i32).unwrap();
        kill_process(left, Signal::KILL).expect("who leaves the group is let go");
        Ok(())
    });
}

#[test]
fn the_group_ends_with_the_child() {
    in_scope(|scope| {
        let script = "trap '' TERM; sleep 1000 & echo $!; exit 0";
        let child = scope.process("parent", "leaves a child behind", sh(script)).lines().spawn()?;
        assert!(child.wait()?.success());
        let grandchild = pid(&first_line(&child));
        // catches: what nobody looks after any more, left behind.
        eventually("the grandchild is over", || is_over(grandchild));
        Ok(())
    });
}

#[test]
fn when_the_parent_is_killed_the_child_dies() {
    let mut parent = child("", |_| {
        in_scope(|scope| {
            // A thread that ends at once: a child is not bound to the thread that asked for it.
            let process = scope.spawn("short", "starts a child, and ends", |cx| {
                Ok(cx.process("orphan", "outlives nobody", sleeper()).spawn()?)
            })?;
            let process = process.join()?;
            assert!(matches!(process.wait_timeout(Duration::from_millis(20)), Err(WaitError::TimedOut)));
            println!("\npid {}", process.pid());
            say("started");
            scope.context().wait_for_stop();
            Ok(())
        });
        1
    });
    parent.until("started").signal(9);
    let done = parent.finish();
    assert_eq!(done.signal, Some(9));
    let pid = done.out.lines().find_map(|line| line.strip_prefix("pid ")?.parse().ok()).unwrap();
    // catches: a child that lives on when its program has crashed.
    eventually("the child is over", || is_over(pid));
}

#[test]
fn a_group_that_is_killed_after_its_grace_is_gone_when_its_scope_returns() {
    // Outside: an init that does not reap while the program runs. In it, the program.
    fn program(how: &str) -> i32 {
        use rustix::process::{child_subreaper, getpid, set_child_subreaper, test_kill_process};
        if !how.contains("in it") {
            set_child_subreaper(Some(getpid())).unwrap();
            return in_init(how);
        }
        let by_choice = how.starts_with("subreaper").then(getpid);
        set_child_subreaper(by_choice).unwrap();
        let before = child_subreaper().unwrap();
        let helpers = scope(|scope| {
            let script = "trap '' TERM; sh -c 'sleep 1000 & echo $!; wait' & while :; do wait; done";
            let family = |_| {
                scope
                    .process("family", "is deaf", sh(script))
                    .grace(Duration::from_millis(50))
                    .lines()
                    .spawn()
            };
            let families = (0..4).map(family).collect::<Result<Vec<_>, _>>()?;
            Ok(families.iter().map(|child| pid(&first_line(child))).collect::<Vec<_>>())
        });
        for helper in helpers.unwrap() {
            // catches: a helper that is left to the init as a zombie, or adopted and not reaped.
            let helper = Pid::from_raw(helper as i32).unwrap();
            assert_eq!(test_kill_process(helper), Err(Errno::SRCH), "{how}");
        }
        // catches: a process that stays a subreaper, or that was one and is none any more.
        assert_eq!(child_subreaper().unwrap(), before);
        assert_eq!(zombies(), [0; 0]);
        0
    }
    fn in_init(how: &str) -> i32 {
        let me = std::env::current_exe().unwrap();
        let mut program = Command::new(me);
        program.args(std::env::args().skip(1)).env(crate::common::CHILD, format!("{how} in it"));
        program.status().unwrap().code().unwrap_or(1)
    }
    for how in ["plain", "subreaper"] {
        crate::common::child_passes_with(how, program);
    }
}

/// Forty children, each of which has a helper that is deaf to SIGTERM, as they are themselves.
/// Prints the helpers' pids.
fn deaf_families(how: &str) -> i32 {
    let (grace, end) = match how {
        "second signal" => (crate::common::LIMIT, OnOverdue::Exit(70)),
        "abort" => (Duration::from_millis(50), OnOverdue::Abort),
        _ => (Duration::from_millis(50), OnOverdue::Exit(70)),
    };
    let registry = Registry::new("app").grace(grace).kill_after(Duration::from_millis(50)).on_overdue(end);
    let (_keep, never) = gate();
    let exit = registry.run(|scope| {
        let script = "trap '' TERM; sleep 1000 & echo $!; while :; do wait; done";
        let family = |_| scope.process("family", "is deaf", sh(script)).grace(NEVER).lines().spawn();
        for child in (0..40).map(family).collect::<Result<Vec<_>, _>>()? {
            println!("\nhelper {}", pid(&first_line(&child)));
        }
        scope.spawn("stuck", "hears no stop", move |_| Ok(crate::common::pass(&never)))?;
        say("ready");
        scope.context().wait_for_stop();
        Ok(say("told"))
    });
    i32::from(exit.code())
}

#[test]
fn an_end_by_force_takes_the_groups_of_the_children_along() {
    for how in ["second signal", "grace", "abort"] {
        let mut app = child(how, deaf_families);
        app.until("ready").signal(libc::SIGINT).until("told");
        if how == "second signal" {
            // A second signal within half a second would be the same keystroke.
            linger(600);
            app.signal(libc::SIGINT);
        }
        let done = app.finish();
        let ended = match how {
            "second signal" => (Some(130), None),
            "abort" => (None, Some(libc::SIGABRT)),
            _ => (Some(70), None),
        };
        assert_eq!((done.code, done.signal), ended, "{how}: {done:#?}");
        let helpers = done.out.lines().filter_map(|line| line.strip_prefix("helper ")?.parse().ok());
        let helpers: Vec<u32> = helpers.collect();
        assert_eq!(helpers.len(), 40);
        // catches: only the leaders ended; the groups beyond the first few forgotten; a way out
        // that does not end them.
        eventually("the helpers are over", || helpers.iter().all(|helper| is_over(*helper)));
    }
}

#[test]
#[allow(unsafe_code)]
fn a_forked_copy_that_ends_by_force_leaves_the_children_alone() {
    child_passes(|_| {
        in_scope(|scope| {
            let child = scope.process("child", "stays", sleeper()).spawn()?;
            // SAFETY: the copy makes only async-signal-safe calls, and ends a scope, which aborts
            // there.
            let copy = unsafe { libc::fork() };
            if copy == 0 {
                let _aborts = scope.subscope("late", |_| Ok(()));
                // SAFETY: it does not return.
                unsafe { libc::_exit(0) };
            }
            let status = rustix::process::waitpid(Pid::from_raw(copy), WaitOptions::empty())?;
            assert!(status.is_some_and(|(_, status)| status.signaled()));
            // catches: a copy of the list that is taken for its own.
            assert!(matches!(child.wait_timeout(Duration::from_millis(50)), Err(WaitError::TimedOut)));
            Ok(())
        });
        0
    });
}
