//! trio: child processes (`_tests/test_subprocess.py`), what of it `tests/blocking/process` does
//! not ask. Needs a `sh` and nothing else.

use std::io::{ErrorKind, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use crossbeam_channel::unbounded;
use homebound::registry::Registry;
use homebound::{Signals, WaitError};
use libc::{SIGTERM, SIGUSR1};
use rustix::process::{Signal, getpid, kill_process};

use crate::common::{child_passes, in_scope};

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

#[test]
fn many_may_wait_for_one_child_and_all_are_told_the_same() {
    // catches: an end that the first waiter takes from the others
    in_scope(|s| {
        let mut command = sh("read line; exit 0");
        command.stdin(Stdio::piped());
        let child = s.process("child", "ends when its input does", command).spawn()?;
        let input = child.take_stdin().expect("its input is ours");
        let (child, told) = (&child, unbounded());
        s.subscope("waiters", |waiters| {
            for _ in 0..10 {
                let tell = told.0.clone();
                waiters.spawn("waiter", "waits for the child", move |_| Ok(tell.send(child.wait()?)?))?;
            }
            Ok(drop(input))
        })?;
        assert!((0..10).all(|_| told.1.recv().is_ok_and(|status| status.success())));
        Ok(assert!(child.wait()?.success(), "and who asks later, too"))
    });
}

#[test]
fn a_child_that_does_not_read_is_an_error_of_the_write() {
    // catches: a program that dies of SIGPIPE; a write that blocks for ever
    in_scope(|s| {
        let mut command = sh("exec <&-; exit 0");
        command.stdin(Stdio::piped());
        let child = s.process("deaf", "closes its input", command).spawn()?;
        let mut input = child.take_stdin().expect("its input is ours");
        assert!(child.wait()?.success());
        let written = input.write_all(&[b'x'; 1 << 20]);
        Ok(assert_eq!(written.unwrap_err().kind(), ErrorKind::BrokenPipe))
    });
}

#[test]
fn signals_that_interrupt_a_wait_do_not_end_it() {
    // catches: an interrupted system call that is taken for the child's end, or for an error
    child_passes(|_| {
        let (to, signals) = unbounded();
        let forwards = Registry::new("interrupted").signals(Signals::default().forward(SIGUSR1, to));
        let exit = forwards.run(|s| {
            let child = s.process("endless", "is stopped at last", sh("exec sleep 3600")).spawn()?;
            for _ in 0..100 {
                kill_process(getpid(), Signal::USR1)?;
                s.context().recv(&signals)?;
            }
            assert!(matches!(child.wait_timeout(Duration::ZERO), Err(WaitError::TimedOut)));
            child.stop();
            Ok(assert_eq!(child.wait()?.signal(), Some(SIGTERM)))
        });
        i32::from(exit.code())
    });
}
