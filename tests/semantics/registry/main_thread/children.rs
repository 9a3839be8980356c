//! A child process inherits no blocked signal.
#![allow(unsafe_code)] // fork, masks and raise have no safe form
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::os::unix::process::CommandExt;
use std::process::Command;

use super::{blocked, fork, mask, set_of};
use crate::common::*;
use homebound::Result;
use homebound::registry;
use libc::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/// What a child process of std's blocks, as the kernel says.
fn blocked_in_a_child() -> Result<String> {
    let status = Command::new("cat").arg("/proc/self/status").output()?;
    let status = String::from_utf8(status.stdout)?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
    Ok(mask.ok_or("no mask")?.trim().to_owned())
}

#[test]
fn children_inherit_nothing_blocked() {
    // catches: a child that hears no SIGTERM, no Ctrl-C and no hang-up, since the thread that
    // started it blocked them for us
    child_passes(|_| {
        let app = fork(|_| {
            let exit = registry::run(|s| {
                let none = "0000000000000000";
                let (only_quit, unblocked) = s
                    .spawn("worker", "has children", |_| {
                        Ok((blocked_in_a_child()?, registry::unblocked(blocked_in_a_child)?))
                    })?
                    .join()?;
                assert_eq!((only_quit.as_str(), unblocked.as_str()), ("0000000000000004", none));
                assert_eq!(registry::unblocked(blocked_in_a_child)?, none);
                assert!(blocked().contains(&SIGTERM), "blocked again");
                let mut cat = Command::new("cat");
                cat.arg("/proc/self/status");
                let cat = s.process("cat", "tells what it blocks", cat).lines().spawn()?;
                let line = cat.stdout_lines().iter().find(|line| line.text.starts_with("SigBlk:"));
                assert_eq!(line.map(|line| line.text), Some(format!("SigBlk:\t{none}")));
                // std forks this child, and the fork handler runs before std's own code in it.
                let mut forked = Command::new("cat");
                // SAFETY: it does nothing.
                unsafe { forked.arg("/proc/self/status").pre_exec(|| Ok(())) };
                let status = String::from_utf8(forked.output()?.stdout)?;
                assert!(status.contains(&format!("SigBlk:\t{none}")), "{status}");
                Ok(())
            });
            i32::from(exit.code())
        });
        app.finish()
    });
}

#[test]
fn a_child_of_the_scope_hears_what_the_parent_has_blocked() {
    // catches: SIGTERM that a child never hears since it was blocked in us: it ends by SIGKILL,
    // after its grace
    child_passes(|_| {
        let app = fork(|_| {
            mask(libc::SIG_BLOCK, &[SIGTERM, SIGINT]);
            let exit = registry::run(|s| {
                let mut sleep = Command::new("sleep");
                sleep.arg("1000");
                let sleep = s.process("sleep", "waits to be ended", sleep).grace(LIMIT).spawn()?;
                sleep.stop();
                let status = sleep.wait()?;
                Ok(assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(SIGTERM)))
            });
            i32::from(exit.code())
        });
        app.finish()
    });
}

#[test]
fn a_program_that_takes_its_signals_itself_keeps_them_blocked_while_a_child_runs() {
    // catches: a thread that unblocks SIGTERM here so that its child hears it: the next SIGTERM
    // ends this process
    child_passes(|_| {
        let app = fork(|_| {
            let own = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];
            mask(libc::SIG_BLOCK, &own);
            let result = homebound::scope(|s| {
                let mut sleep = Command::new("sleep");
                sleep.arg("1000");
                let sleep = s.process("sleep", "waits to be ended", sleep).grace(LIMIT).spawn()?;
                for signal in own {
                    // SAFETY: it has no preconditions.
                    assert_eq!(unsafe { libc::kill(std::process::id().cast_signed(), signal) }, 0);
                }
                for signal in own {
                    let mut got = 0;
                    // SAFETY: set and number are valid. The call takes the pending signal.
                    assert_eq!(unsafe { libc::sigwait(&set_of(&[signal]), &mut got) }, 0);
                }
                sleep.stop();
                let status = sleep.wait()?;
                Ok(assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(SIGTERM)))
            });
            i32::from(result.is_err())
        });
        app.finish()
    });
}
