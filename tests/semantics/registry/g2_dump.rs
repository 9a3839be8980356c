//! G2: SIGQUIT prints the dump, and the run goes on.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use super::{wait_for_signal, waits};
use crate::common::*;
use homebound::registry;
use libc::{SIGQUIT, SIGTERM};

#[test]
fn g2_sigquit_prints_the_dump_and_on_it_goes() {
    // catches: a core dump, a stop, a dump without the threads, one dump only
    let mut child = child("", wait_for_signal);
    child.until("ready").signal(SIGQUIT).until_stderr("waits for the signal");
    let once = child.stderr().matches("waits for the signal").count();
    child.signal(SIGQUIT);
    child.until_nth_stderr("waits for the signal", 2 * once);
    child.signal(SIGTERM);
    let done = child.finish();
    assert!(done.code == Some(0) && done.out.contains("<signal 15>"), "{done:#?}");
}

#[test]
fn g2_sigquit_while_a_thread_holds_stderr_and_stdout() {
    // catches: a dump that waits for a lock which the program holds
    fn scenario(_: &str) -> i32 {
        let exit = registry::run(|s| {
            let _err = std::io::stderr().lock();
            Ok(drop(waits(s)?))
        });
        i32::from(exit.code())
    }
    let mut child = child("", scenario);
    child.until("ready").signal(SIGQUIT).signal(SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}
