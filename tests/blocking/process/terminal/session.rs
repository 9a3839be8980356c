//! A child leads a session if it is asked to, with its input as its terminal.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};

use super::{Screen, editor, sleeper, stat, waits_for_input};
use crate::common::pty::pty;
use crate::common::{child_passes, in_scope};
use homebound::{OnExit, Process, SpawnError};

#[allow(unsafe_code)]
fn with_setsid(mut command: Command) -> Command {
    let setsid = || match rustix::process::setsid() {
        Ok(_) => Ok(()),
        Err(refused) => Err(refused.into()),
    };
    // SAFETY: one system call.
    unsafe { command.pre_exec(setsid) };
    command
}

#[test]
fn a_child_leads_a_session_if_it_is_asked_to() {
    in_scope(|scope| {
        let leads = |child: Process<'_>| {
            let pid = child.pid() as i32;
            assert_eq!(stat(&pid.to_string())[..2], [pid, pid], "its group, its session");
            child.stop();
            // catches: a group that no signal reaches any more.
            assert_eq!(child.wait().unwrap().signal(), Some(15));
        };
        leads(scope.process("asked", "has a session", sleeper()).session().spawn()?);
        // catches: the usual way to a session, refused since the child leads a group before.
        leads(scope.process("usual", "makes a session", with_setsid(sleeper())).spawn()?);
        leads(scope.process("both", "has and makes one", with_setsid(sleeper())).session().spawn()?);
        let mut refused = sleeper();
        refused.process_group(0);
        let refused = scope.process("leader", "is refused", with_setsid(refused)).spawn();
        let Err(SpawnError::Os(error)) = refused else { panic!("{refused:?}") };
        // catches: a refusal that sends its reader to the rights of a file.
        let text = SpawnError::Os(error).to_string();
        assert!(text.contains("setsid") && text.contains("session()"), "{text}");
        Ok(())
    });
}

#[test]
fn a_session_has_the_terminal_that_is_its_input() {
    in_scope(|scope| {
        let (master, slave) = pty();
        let mut command = waits_for_input();
        command.stdin(slave.try_clone()?).stdout(slave.try_clone()?).stderr(slave);
        let child = scope.process("repl", "has a terminal", command).on_exit(OnExit::Ignore);
        let child = child.controlling_terminal().spawn()?;
        let screen = Screen::new(master);
        screen.until("-ready");
        let (pid, [group, session, terminal, foreground]) = (child.pid(), stat(&child.pid().to_string()));
        assert_eq!([group, session, foreground], [pid as i32; 3]);
        assert_ne!(terminal, 0);
        screen.press("\x03");
        // catches: a terminal that is nobody's, so that its keys reach nobody.
        assert!(matches!(child.wait()?.signal(), Some(2)));
        Ok(())
    });
    in_scope(|scope| {
        let refused = scope.process("no terminal", "is refused", sleeper()).controlling_terminal().spawn();
        let Err(error) = refused else { panic!("{refused:?}") };
        assert!(error.to_string().contains("is its standard input a terminal?"), "{error}");
        let both = scope.process("both", "is refused", sleeper()).session().foreground().spawn();
        assert!(both.is_err_and(|error| error.to_string().contains("either")));
        assert!(scope.active_threads().is_empty());
        Ok(())
    });
}

#[test]
fn without_a_terminal_a_child_is_as_others() {
    child_passes(|_| {
        rustix::process::setsid().expect("not a leader yet");
        in_scope(|scope| {
            let mut command = Command::new("true");
            command.stdin(Stdio::null());
            // catches: an editor that is refused where nothing is there to lend.
            assert!(editor(scope, command)?.wait()?.success());
            Ok(())
        });
        0
    });
}
