//! A run reaps orphans where it is asked to, and takes no child from its owner.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::process::Command;

use super::zombies;
use crate::common::{child_passes, eventually};
use homebound::OnExit;

#[test]
#[cfg(target_os = "linux")]
fn orphans_are_reaped_where_that_is_asked_for_and_children_are_left() {
    // catches: zombies that fill a container; a reaper that takes the status which std, or a scope,
    // waits for
    child_passes(|_| {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid())).unwrap();
        let exit = homebound::Registry::new("init").reap_orphans().run(|scope| {
            let orphan = || {
                let mut shell = Command::new("sh");
                shell.args(["-c", "setsid sleep 0 & exit 5"]);
                shell
            };
            assert_eq!(orphan().status()?.code(), Some(5));
            let child =
                scope.process("child", "leaves an orphan", orphan()).on_exit(OnExit::Ignore).spawn()?;
            assert_eq!(child.wait()?.code(), Some(5));
            eventually("two orphans have ended", || zombies().len() == 2);
            let (own, parent) = crossbeam_channel::bounded(0);
            let late = scope.spawn("late", "waits for its child when all orphans are gone", move |_| {
                let mut child = Command::new("true").spawn()?;
                own.send(child.id())?;
                own.send(0)?;
                Ok(child.wait()?.code())
            })?;
            let pid = parent.recv()?;
            eventually("the orphans are reaped, the child is left", || zombies() == [pid]);
            parent.recv()?;
            Ok(assert_eq!(late.join()?, Some(0)))
        });
        i32::from(exit.code())
    });
}
