//! Children stand in the tree, threads and groups may have them, and a wait ends at the waiter's
//! stop.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use super::{first_line, is_over, sh, sleeper, state};
use crate::common::{all_threads, gate, in_scope};
use homebound::{Role, WaitError};

#[test]
fn it_is_in_the_dump_and_in_the_snapshot() {
    in_scope(|scope| {
        let mut command = sleeper();
        command.env("SECRET", "hunter2");
        let child = scope.process("sleeper", "sleeps", command).spawn()?;
        let snapshot = scope.snapshot();
        let row = all_threads(&snapshot).into_iter().find(|row| row.name == "sleeper").unwrap();
        // catches: a child that one sees only in `ps`.
        let process = row.process.expect("it is a process");
        assert_eq!((process.pid, process.command.as_str(), process.exit), (child.pid(), "sleep 1000", None));
        assert_eq!(row.role, Role::Service);
        assert!(row.spawned_from.file().ends_with(file!()));
        let dump = snapshot.to_string();
        let line = format!("sleeper  (process: sleeps)  pid {} `sleep 1000`", child.pid());
        assert!(dump.contains(&line) && dump.contains(concat!("waits: child at ", file!())), "{dump}");
        // catches: an environment with a password in a bug report.
        assert!(!dump.contains("hunter2"));
        Ok(())
    });
}

#[test]
fn a_wait_ends_on_the_stop_of_the_one_who_waits() {
    in_scope(|scope| {
        let child = scope.process("endless", "does not end", sleeper()).spawn()?;
        assert!(matches!(child.wait_timeout(Duration::from_millis(5)), Err(WaitError::TimedOut)));
        let (waits, waiting) = gate();
        let waiter = scope.spawn("waiter", "waits for the child", move |_| {
            drop(waits);
            // catches: a worker that waits for a service that waits for it.
            let waited: Result<ExitStatus, WaitError> = child.wait();
            assert!(matches!(waited, Err(WaitError::Stopped(_))));
            Ok(child.pid())
        })?;
        crate::common::pass(&waiting);
        waiter.stop();
        let pid = waiter.join()?;
        // catches: a dropped `Process` that takes the child with it.
        assert!(!is_over(pid));
        Ok(())
    });
}

#[test]
fn threads_and_groups_have_children_too() {
    in_scope(|scope| {
        let worker = scope.spawn("worker", "has a child", |cx| {
            let child = cx.process("child", "ends", sh("exit 0")).spawn()?;
            Ok(child.wait()?)
        })?;
        assert!(worker.join()?.success());
        let group = scope.group("web")?;
        let child = group.process("server", "serves", sleeper()).spawn()?;
        assert!(child.path().ends_with("/web/server"), "{}", child.path());
        let pid = child.pid();
        group.close()?;
        // catches: a group that returns before its child is reaped.
        assert_eq!(state(pid), None);
        assert_eq!(child.wait()?.signal(), Some(15));
        Ok(())
    });
}

#[test]
fn its_input_is_ours_if_the_command_says_so() {
    in_scope(|scope| {
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped());
        let child = scope.process("cat", "says what it hears", command).lines().spawn()?;
        let mut input = child.take_stdin().expect("piped");
        assert!(child.take_stdin().is_none() && child.take_stdout().is_none());
        input.write_all(b"hello\n")?;
        assert_eq!(&*first_line(&child), "hello");
        // catches: a second end of the pipe that we keep: the child would never see the end of its
        // input.
        drop(input);
        assert!(child.wait()?.success());
        Ok(())
    });
}

#[test]
fn a_wait_closes_an_input_that_nobody_took() {
    in_scope(|scope| {
        for timed in [false, true] {
            let mut command = Command::new("cat");
            command.stdin(Stdio::piped()).stdout(Stdio::null());
            let child = scope.process("cat", "reads to the end", command).spawn()?;
            // catches: a child that waits for the end of its input, while we wait for the end of
            // the child.
            let status = if timed { child.wait_timeout(crate::common::LIMIT) } else { child.wait() };
            assert!(status?.success());
            assert!(child.take_stdin().is_none());
        }
        Ok(())
    });
}
