//! The stop of a scope ends its children.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::os::unix::process::ExitStatusExt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{first_line, is_over, pid, sh, sleeper, state};
use crate::common::{NEVER, boom, child_passes, eventually, in_scope, linger, within};
use homebound::registry::Registry;
use homebound::{Ending, Signals, WaitError, scope};

#[test]
fn the_stop_of_the_scope_ends_the_child_after_its_users() {
    within(|| {
        let result = scope(|scope| {
            let child = scope.process("server", "serves", sleeper()).spawn()?;
            let pid = child.pid();
            let user = scope.spawn("user", "uses the server until its end", move |cx| {
                cx.wait_for_stop();
                // catches: a child that is stopped before the workers are home.
                linger(20);
                assert!(!is_over(pid), "its user is not done");
                Ok(pid)
            })?;
            scope.stop();
            let pid = user.join()?;
            // catches: a wait that goes on after the stop of the waiter.
            assert!(matches!(child.wait(), Err(WaitError::Stopped(_))));
            Err::<(), _>(boom(&pid.to_string()))
        });
        let error = result.unwrap_err();
        // catches: a scope that returns before its child was reaped; a row that does not tell how
        // it ended.
        let pid: u32 = error.first().unwrap().to_string().rsplit(' ').next().unwrap().parse()?;
        assert_eq!(state(pid), None);
        let row = error.report().threads.iter().find(|row| row.name == "server").unwrap();
        assert_eq!(row.ending, Ending::Stopped, "{row}");
        let process = row.process.as_ref().unwrap();
        assert_eq!((process.pid, process.command.as_str()), (pid, "sleep 1000"));
        assert!(process.exit.as_ref().unwrap().contains("15"), "{row}");
        let text = error.report().to_string();
        assert!(text.contains(&format!("(process: serves)  pid {pid} `sleep 1000` signal: 15")), "{text}");
        Ok::<(), std::num::ParseIntError>(())
    })
    .unwrap();
}

#[test]
fn a_child_that_ignores_sigterm_is_killed_after_its_grace() {
    child_passes(|_| {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = Arc::clone(&heard);
        let told =
            crate::common::subscriber::Told::new(move |line: &str| ear.lock().unwrap().push(line.to_owned()));
        tracing::subscriber::set_global_default(told).unwrap();
        let grace = Duration::from_millis(100);
        in_scope(move |scope| {
            let script = "trap '' TERM; echo ready; while :; do sleep 1000; done";
            let child = scope.process("deaf", "ignores SIGTERM", sh(script)).grace(grace).lines().spawn()?;
            assert_eq!(&*first_line(&child), "ready");
            let asked = Instant::now();
            child.stop();
            // catches: a child that is never killed, or killed at once.
            assert_eq!(child.wait()?.signal(), Some(9));
            assert!(asked.elapsed() >= grace);
            Ok(())
        });
        // catches: force without a word.
        let heard = heard.lock().unwrap();
        let warned = |line: &&String| line.contains("WARN homebound::process") && line.contains("SIGKILL");
        assert_eq!(heard.iter().filter(warned).count(), 1, "{heard:#?}");
        0
    });
}

#[test]
fn a_grace_longer_than_the_scopes_does_not_make_it_late() {
    child_passes(|_| {
        let exit =
            Registry::new("test").grace(Duration::from_secs(2)).signals(Signals::none()).run(|scope| {
                let script = "trap '' TERM; echo ready; while :; do sleep 1000; done";
                let child =
                    scope.process("deaf", "ignores SIGTERM", sh(script)).grace(NEVER).lines().spawn()?;
                assert_eq!(&*first_line(&child), "ready");
                scope.stop();
                Ok(())
            });
        // catches: a child that lives until its program is ended for it, with code 70; a child that
        // is killed at once.
        assert_eq!(exit.code(), 0, "{}", exit.shutdown);
        assert!(exit.shutdown.duration >= Duration::from_secs(1), "{}", exit.shutdown);
        0
    });
}

#[test]
fn a_child_that_is_suspended_is_asked_to_end_too() {
    in_scope(|scope| {
        let script = "trap 'exit 7' TERM; echo $$; kill -STOP $$; while :; do sleep 0.01; done";
        let child = scope.process("suspended", "stands still", sh(script)).grace(NEVER).lines().spawn()?;
        let pid = pid(&first_line(&child));
        eventually("it is suspended", || state(pid) == Some('T'));
        child.stop();
        // catches: a SIGTERM that stays pending until the grace is over.
        assert_eq!(child.wait()?.code(), Some(7));
        Ok(())
    });
}

#[test]
fn a_callback_of_the_program_that_hangs_does_not_keep_a_child_from_its_stop() {
    // catches: a stop of the child that stands in the queue behind the program's own callbacks
    child_passes(|_| {
        let grace = Duration::from_secs(2);
        let exit =
            Registry::new("test").grace(grace).kill_after(NEVER).signals(Signals::none()).run(|scope| {
                let child = scope.process("server", "serves", sleeper()).spawn()?;
                let pid = child.pid();
                let (shielded, is_shielded) = crate::common::gate();
                let (began, has_begun) = crate::common::gate();
                scope.spawn("user", "does not hear the stop until it is overdue", move |cx| {
                    cx.shield(NEVER, |cx| {
                        // The thread that marks this one overdue tells the child, and runs this.
                        let _told = cx.on_stop(move || {
                            drop(began);
                            eventually("the child is over", || is_over(pid));
                        });
                        drop(shielded);
                        cx.wait_for_stop();
                        // The drop of the guard would forget a callback that has not begun.
                        crate::common::pass(&has_begun);
                    });
                    Ok(())
                })?;
                crate::common::pass(&is_shielded);
                scope.stop();
                Ok(())
            });
        assert!(exit.result.is_ok(), "{:?}", exit.result);
        0
    });
}
