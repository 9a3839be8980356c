//! Which ends of a child are failures: an exit code, a signal from outside, a signal that was
//! asked for.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::os::unix::process::ExitStatusExt;

use super::{first_line, sh, sleeper};
use crate::common::{disconnected, gate, in_scope, origin, pass, within};
use homebound::{OnExit, ProcessFailed, ScopeError, StopReason, scope};
use rustix::process::{Pid, Signal, kill_process};

fn only_failure(result: Result<(), ScopeError>) -> ProcessFailed {
    let error = result.expect_err("the child's end is a failure");
    assert_eq!(error.failures().len(), 1, "{error}");
    error.failures()[0].downcast_ref::<ProcessFailed>().expect("of the child").clone()
}

#[test]
fn how_it_ended_is_told() {
    in_scope(|scope| {
        // catches: a lost status, or the status of another way to end.
        for (script, code, signal) in
            [("exit 0", Some(0), None), ("exit 3", Some(3), None), ("kill -9 $$", None, Some(9))]
        {
            let child = scope.process("child", "ends", sh(script)).on_exit(OnExit::Ignore).spawn()?;
            let status = child.wait()?;
            assert_eq!((status.code(), status.signal()), (code, signal), "{script}");
            assert_eq!(child.wait()?, status, "asked again");
            assert!(disconnected(child.done()) && disconnected(child.stdout_lines()));
        }
        Ok(())
    });
}

#[test]
fn a_code_that_is_not_zero_is_a_failure_of_the_scope() {
    within(|| {
        // catches: a child whose failure nobody hears of.
        let failed = only_failure(scope(|scope| {
            scope.process("child", "fails", sh("exit 3")).spawn()?;
            scope.context().wait_for_stop();
            Ok(())
        }));
        assert_eq!(failed.status.code(), Some(3));
        let text = failed.to_string();
        assert!(text.contains(r#"/bin/sh -c "exit 3""#) && text.contains("exit status: 3"), "{text}");
        // catches: a failure without one.
        scope(|scope| {
            assert!(scope.process("child", "ends", sh("exit 0")).spawn()?.wait()?.success());
            scope.context().checkpoint()?;
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn a_child_killed_from_outside_is_a_failure() {
    within(|| {
        // catches: an end by a signal that does not count as a failure, or that is seen only at the
        // stop.
        let failed = only_failure(scope(|scope| {
            let child = scope.process("child", "is killed", sleeper()).spawn()?;
            kill_process(Pid::from_raw(child.pid() as i32).unwrap(), Signal::KILL)?;
            scope.context().wait_for_stop();
            Ok(())
        }));
        assert_eq!(failed.status.signal(), Some(9));
    });
}

#[test]
fn a_child_of_which_the_scope_is_made_stops_it() {
    within(|| {
        for script in ["exit 0", "exit 3"] {
            // catches: `StopScope` that stops only when the child failed, or hides that it did.
            let result = scope(|scope| {
                scope.process("main", "is what all is for", sh(script)).on_exit(OnExit::StopScope).spawn()?;
                let reason = scope.context().wait_for_stop();
                assert!(
                    matches!(origin(&reason), StopReason::Vital { path } if path.ends_with("/main")),
                    "{reason}"
                );
                Ok(())
            });
            assert_eq!(result.is_err(), script == "exit 3");
        }
    });
}

#[test]
fn a_wait_returns_the_status_though_the_end_has_stopped_the_waiter() {
    within(|| {
        for (exit, on_exit) in [(0, OnExit::StopScope), (3, OnExit::StopScope), (3, OnExit::Fail)] {
            // catches: a wait that gives up at the stop, though the child is reaped, and its end is
            // the reason of the stop.
            let result = scope(|scope| {
                let (seen, told) = gate();
                // Runs on the child's thread, which is not done until the body has its answer.
                let _held = scope.context().on_stop(move || pass(&told));
                let child = scope.process("child", "ends", sh(&format!("exit {exit}")));
                let child = child.on_exit(on_exit).spawn()?;
                let waited = child.wait();
                drop(seen);
                Ok(assert_eq!(waited?.code(), Some(exit)))
            });
            assert_eq!(result.is_err(), exit == 3);
        }
    });
}

#[test]
fn who_was_asked_to_end_has_not_failed() {
    in_scope(|scope| {
        // catches: the signal that we sent ourselves, listed as a failure.
        let stopped = scope.process("stopped", "is stopped", sleeper()).spawn()?;
        stopped.stop();
        assert_eq!(stopped.wait()?.signal(), Some(15));
        let signalled = scope.process("signalled", "gets a signal", sleeper()).spawn()?;
        signalled.signal(10)?;
        assert_eq!(signalled.wait()?.signal(), Some(10));
        // catches: a signal to the process that has the pid now; a number that reaches the kernel
        // unchecked.
        assert_eq!(signalled.signal(10).unwrap_err().kind(), std::io::ErrorKind::NotFound);
        let live = scope.process("live", "is there", sleeper()).spawn()?;
        // catches: a number that overflows on its way to the bit of its signal.
        for no_signal in [0, -1, i32::MIN, i32::MAX] {
            assert_eq!(live.signal(no_signal).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
        }
        assert_eq!(live.signal(9999).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
        Ok(())
    });
}

#[test]
fn a_signal_reaches_the_child() {
    in_scope(|scope| {
        let script = "trap 'echo got; exit 0' USR1; echo ready; while :; do sleep 0.01; done";
        let child = scope.process("child", "heeds SIGUSR1", sh(script)).lines().spawn()?;
        assert_eq!(&*first_line(&child), "ready");
        child.signal(10)?;
        // catches: a signal that is sent as another, or to nobody.
        assert_eq!(&*first_line(&child), "got");
        assert!(child.wait()?.success());
        Ok(())
    });
}
