//! SIGCHLD stays with the program, and may be a message.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::process::Command;
use std::sync::atomic::Ordering;

use super::{OWN, default_with, install_own};
use crate::common::*;
use crossbeam_channel::bounded;
use homebound::registry::{self, Registry};
use libc::SIGCHLD;

#[test]
fn sigchld_is_left_alone() {
    // catches: a handler that is replaced; children that cannot be waited for, or are waited for by
    // somebody else
    child_passes(|_| {
        install_own(SIGCHLD);
        let before = disposition(SIGCHLD);
        let exit = registry::run(|s| {
            assert_eq!(disposition(SIGCHLD), before);
            let workers: Vec<_> = (0..4)
                .map(|n| {
                    s.spawn(format!("parent {n}"), "has a child", move |_| {
                        let shell = format!("exit {n}");
                        let status = Command::new("sh").args(["-c", shell.as_str()]).status()?;
                        assert_eq!(status.code(), Some(n));
                        let output = Command::new("echo").arg(shell.as_str()).output()?;
                        assert!(output.status.success() && output.stdout.starts_with(shell.as_bytes()));
                        Ok(())
                    })
                })
                .collect();
            workers.into_iter().try_for_each(|worker| Ok(worker?.join()?))
        });
        assert_eq!(disposition(SIGCHLD), before);
        eventually("the program's handler ran", || OWN.load(Ordering::SeqCst) > 0);
        i32::from(exit.code())
    });
}

#[test]
fn sigchld_may_be_forwarded_and_children_can_still_be_waited_for() {
    // catches: a forward that reaps, or that keeps the exit status from std
    child_passes(|_| {
        let (to, got) = bounded(1);
        let exit = Registry::new("parent").signals(default_with([SIGCHLD], &to)).run(|s| {
            let mut shell = Command::new("sh").args(["-c", "exit 3"]).spawn()?;
            assert_eq!(s.context().recv(&got)?, SIGCHLD);
            assert_eq!(shell.wait()?.code(), Some(3));
            Ok(())
        });
        i32::from(exit.code())
    });
}
