//! Two presses of a key count as two signals after a fifth of a second.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::io::Write;

use super::raise;
use crate::common::*;
use homebound::SecondSignal;
use homebound::registry::Registry;
use libc::SIGTERM;

/// Makes this process the one in front at a terminal of its own, and returns the other end, where
/// keys are pressed.
fn own_terminal() -> std::fs::File {
    rustix::process::setsid().expect("it leads no group");
    let (master, line) = crate::common::pty::pty();
    rustix::process::ioctl_tiocsctty(&line).expect("nobody else has that terminal");
    // A line that nobody has open hangs up.
    std::mem::forget(line);
    master
}

/// Presses Ctrl-C, and once more after a pause that is too short for signals that processes send.
fn two_keys(second: &str) -> i32 {
    const CTRL_C: &[u8] = &[3];
    let second = if second == "quiet" { SecondSignal::Quiet } else { SecondSignal::Dump };
    let mut keys = own_terminal();
    let exit = Registry::new("keys").second_signal(second).run(|s| {
        keys.write_all(CTRL_C)?;
        s.context().wait_for_stop();
        // The keystroke is a moment older than the stop.
        linger(220);
        keys.write_all(CTRL_C)?;
        Ok(linger(60_000))
    });
    i32::from(exit.code())
}

#[test]
fn two_keys_that_are_pressed_are_two_after_a_fifth_of_a_second() {
    // catches: a second Ctrl-C of somebody in a hurry that is taken for the first; a dump that was
    // not asked for
    let done = in_child("dump", two_keys);
    assert!(done.code == Some(130) && done.err.contains("a second signal"), "{done:#?}");
    let done = in_child("quiet", two_keys);
    assert!(done.code == Some(130) && !done.err.contains("homebound"), "{done:#?}");
}

#[test]
fn two_signals_of_processes_are_one_within_half_a_second() {
    // catches: the pause of keys that counts for signals, as of a supervisor that sends SIGINT and
    // SIGTERM
    // A busy machine may take longer than half a second, but not each time.
    eventually("they are one", || {
        let done = in_child("", |_| {
            let exit = Registry::new("sent").run(|s| {
                raise(SIGTERM);
                s.context().wait_for_stop();
                linger(250);
                raise(SIGTERM);
                Ok(linger(100))
            });
            i32::from(exit.code())
        });
        assert!([Some(0), Some(128 + SIGTERM)].contains(&done.code), "{done:#?}");
        done.code == Some(0)
    });
}
