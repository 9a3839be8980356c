//! A start that the system refuses is a value. A child that other code has reaped is reported.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::path::Path;
use std::process::Command;

use super::{command, sh, sleeper, state};
use crate::common::{child_passes, eventually, gate, in_scope, pass, within};
use homebound::{OnExit, SpawnError, WaitError, scope};
use rustix::io::Errno;
use rustix::process::{WaitId, WaitIdOptions, waitid};

#[test]
fn a_thousand_children_leave_nothing_behind() {
    child_passes(|_| {
        let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        in_scope(move |scope| {
            scope.process("true", "ends", command("true", &[])).lines().spawn()?.wait()?;
            let before = descriptors();
            for _ in 0..1000 {
                let child = scope.process("true", "ends", command("true", &[])).lines().spawn()?;
                assert!(child.wait()?.success());
                // catches: a child that is reaped some time after its wait has returned.
                assert_eq!(state(child.pid()), None);
            }
            // catches: descriptors of pipes, of the child, of the stop, left open.
            assert_eq!(descriptors(), before);
            assert!(scope.active_threads().is_empty());
            Ok(())
        });
        // catches: any zombie.
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        assert!(matches!(waitid(WaitId::All, look), Err(Errno::CHILD)));
        0
    });
}

#[test]
fn what_the_system_refuses_is_said_to_the_spawner() {
    in_scope(|scope| {
        let refused = |command: Command| match scope.process("none", "is refused", command).spawn() {
            Err(SpawnError::Os(error)) => (error.kind(), SpawnError::Os(error).to_string()),
            other => panic!("{other:?}"),
        };
        let (kind, text) = refused(command("/no/such/program", &[]));
        // catches: a refusal without the path, or the one of a thread.
        assert_eq!(kind, std::io::ErrorKind::NotFound);
        assert!(text.contains("/no/such/program") && !text.contains("thread"), "{text}");
        let (kind, text) = refused(command("/etc/passwd", &[]));
        assert_eq!(kind, std::io::ErrorKind::PermissionDenied, "{text}");
        let mut lost = command("true", &[]);
        lost.current_dir("/no/such/folder");
        let (_, text) = refused(lost);
        assert!(text.contains("/no/such/folder"), "{text}");
        for _ in 0..100 {
            refused(command("/no/such/program", &[]));
            // catches: a thread, an entry, left by what was not started, if only for a moment.
            assert!(scope.active_threads().is_empty());
        }
        assert!(matches!(scope.process("", "has no name", sleeper()).spawn(), Err(SpawnError::InvalidName)));
        assert!(scope.process("child", "starts after all", command("true", &[])).spawn()?.wait()?.success());
        // catches: a refusal that is a failure of the scope as well.
        scope.context().checkpoint()?;
        Ok(())
    });
}

#[test]
fn a_scope_that_stops_starts_no_child() {
    in_scope(|scope| {
        let marker = crate::common::own_path("marker");
        scope.stop();
        let refused =
            scope.process("late", "comes too late", command("touch", &[marker.to_str().unwrap()])).spawn();
        // catches: a child that is started to be killed.
        assert!(matches!(refused, Err(SpawnError::Stopped(_))), "{refused:?}");
        assert!(!Path::new(&marker).exists());
        Ok(())
    });
}

#[test]
#[allow(unsafe_code)]
fn without_sigchld_nothing_is_started() {
    child_passes(|_| {
        // SAFETY: to ignore a signal needs no handler.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
        in_scope(|scope| {
            // catches: a child that the kernel reaps, whose pid may be another's when we signal it.
            let refused = scope.process("child", "is refused", sleeper()).spawn();
            let Err(SpawnError::Os(error)) = refused else { panic!("{refused:?}") };
            assert!(error.to_string().contains("SIGCHLD"), "{error}");
            Ok(())
        });
        0
    });
}

#[test]
#[allow(unsafe_code)]
fn an_end_that_somebody_else_has_taken_is_said() {
    child_passes(|_| {
        let result = within(|| {
            scope(|scope| {
                let script = sh("printf 'its last words'; exec sleep 1000");
                let child = scope.process("child", "is reaped by others", script);
                let child = child.on_exit(OnExit::Ignore).lines().spawn()?;
                eventually("it has begun a line", || child.stdout_partial() == "its last words");
                // SAFETY: to ignore a signal needs no handler. From now on the kernel reaps.
                unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
                let (seen, told) = gate();
                // Runs on the child's thread, which is not done until the body has its answer.
                let _held = scope.context().on_stop(move || pass(&told));
                child.signal(9)?;
                let waited = child.wait();
                drop(seen);
                // catches: a wait that panics, invents a status, or ends with the stop that the
                // failure of the child is, as if the child had not ended.
                assert!(matches!(waited, Err(WaitError::Disconnected)), "{waited:?}");
                // catches: output of the child that is dropped with its status.
                assert_eq!(&*child.stdout_lines().recv()?, "its last words");
                assert_eq!(child.stdout_partial(), "");
                // catches: a signal to the process that has the pid now.
                assert!(child.signal(9).is_err());
                Ok(())
            })
        });
        let text = result.unwrap_err().to_string();
        assert!(text.contains("something else in this program waits for children"), "{text}");
        0
    });
}

#[test]
#[allow(unsafe_code)]
fn a_process_whose_children_the_kernel_reaps_is_told_why() {
    // catches: a flag of SIGCHLD's action that is taken for somebody else in the program, after a
    // child was started in vain
    child_passes(|_| {
        // SAFETY: all-zero is a valid sigaction: the default action.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_flags = libc::SA_NOCLDWAIT;
        let set = |action: &libc::sigaction| {
            // SAFETY: the default action needs no handler.
            assert_eq!(unsafe { libc::sigaction(libc::SIGCHLD, action, std::ptr::null_mut()) }, 0);
        };
        set(&action);
        let refused = scope(|scope| {
            let refused = scope.process("child", "is refused", sleeper()).spawn().unwrap_err().to_string();
            Ok(assert!(refused.contains("SA_NOCLDWAIT"), "{refused}"))
        });
        refused.unwrap();
        action.sa_flags = 0;
        set(&action);
        let lost = scope(|scope| {
            let child = scope.process("child", "is lost", sleeper()).on_exit(OnExit::Ignore).spawn()?;
            let flagged = libc::sigaction { sa_flags: libc::SA_NOCLDWAIT, ..action };
            set(&flagged);
            child.signal(9)?;
            child.done().recv().unwrap_err();
            Ok(())
        });
        let text = lost.unwrap_err().to_string();
        assert!(text.contains("SA_NOCLDWAIT"), "{text}");
        0
    });
}
