//! A report or a dump to a stderr without a reader ends no process by SIGPIPE.
#![allow(unsafe_code)] // fork, masks and raise have no safe form
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use super::{blocked, fork, taker};
use crate::common::*;
use homebound::Result;
use homebound::registry;
use libc::{SIGPIPE, SIGQUIT, SIGTERM, SIGUSR1};

#[test]
fn a_failure_that_nobody_reads_is_a_failure() {
    // catches: SIGPIPE at its default action, which ends a failed run at its report instead of its
    // exit code
    child_passes(|_| {
        let app = fork(|_| {
            // SAFETY: it has no preconditions.
            assert_ne!(unsafe { libc::signal(SIGPIPE, libc::SIG_DFL) }, libc::SIG_ERR);
            let (read, write) = std::io::pipe().unwrap();
            drop(read);
            rustix::stdio::dup2_stderr(&write).unwrap();
            let exit = registry::run(|_| -> Result { Err(boom("no")) });
            let code = i32::from(exit.code());
            let _code = std::process::Termination::report(exit);
            assert_eq!(blocked(), [0; 0], "as it was");
            code
        });
        app.finish() - 1
    });
}

#[test]
fn a_dump_that_nobody_reads_ends_nothing() {
    // catches: SIGPIPE, where the program has it at its default action, as tools for the command
    // line do
    child_passes(|_| {
        let mut app = fork(|tell| {
            // SAFETY: the default action needs no handler.
            assert_ne!(unsafe { libc::signal(SIGPIPE, libc::SIG_DFL) }, libc::SIG_ERR);
            let (nobody, stderr) = std::io::pipe().unwrap();
            drop(nobody);
            rustix::stdio::dup2_stderr(&stderr).unwrap();
            taker(tell, |s| {
                tell.say(b'r');
                s.context().wait_for_stop();
                Ok(())
            })
        });
        // Each is looked at before the next: the one behind the dump says that it was written.
        app.until(b'r').signal(SIGQUIT);
        linger(20);
        app.signal(SIGUSR1).until(b'g').signal(SIGTERM);
        app.finish()
    });
}
