//! A forked copy has an alarm of its own, obeys signals by default, and runs nothing of its
//! parent's.
#![allow(unsafe_code)] // fork, masks and raise have no safe form
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::Duration;

use super::{fork, taker};
use crate::common::*;
use crossbeam_channel::unbounded;
use homebound::Result;
use homebound::registry;
use libc::{SIGABRT, SIGTERM, SIGUSR1};

#[test]
fn a_child_that_was_forked_in_a_run_does_by_default_what_it_is_told() {
    // catches: a signal to the child that is written into the pipe of its parent, and stops that; a
    // child that is deaf
    child_passes(|_| {
        let app = fork(|_| {
            let exit = registry::run(|s| {
                for from in [0, 1] {
                    let child = move || {
                        // SAFETY: the child makes only calls that are allowed there.
                        match unsafe { libc::fork() } {
                            0 => loop {
                                // SAFETY: as above.
                                unsafe { libc::pause() };
                            },
                            pid => pid,
                        }
                    };
                    let pid = if from == 0 {
                        child()
                    } else {
                        s.spawn("forks", "forks", move |_| Ok(child()))?.join()?
                    };
                    // SAFETY: the process is ours, and not reaped.
                    assert_eq!(unsafe { libc::kill(pid, SIGTERM) }, 0);
                    let mut status = 0;
                    // SAFETY: as above.
                    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
                    assert_eq!(libc::WTERMSIG(status), SIGTERM);
                }
                Ok(assert!(s.context().sleep(Duration::from_millis(50)).is_ok(), "it was not for us"))
            });
            i32::from(exit.code())
        });
        app.finish()
    });
}

#[test]
fn a_fork_between_two_runs_has_an_alarm_of_its_own() {
    // catches: one pipe for two processes: SIGTERM to the child stops the parent, and not the child
    child_passes(|_| {
        assert_eq!(registry::run(|_| Ok(())).code(), 0);
        let mut child = fork(|tell| {
            taker(tell, |s| {
                tell.say(b'r');
                s.context().wait_for_stop();
                Ok(())
            })
        });
        let exit = registry::run(|s| {
            child.until(b'r');
            // The thread that wakes first reads the contents of a pipe.
            for _ in 0..100 {
                child.signal(SIGUSR1).until(b'g');
            }
            child.signal(SIGTERM);
            let code = child.finish();
            assert!(s.context().sleep(Duration::from_millis(50)).is_ok(), "none was for us");
            Ok(code)
        });
        exit.into_result().unwrap()
    });
}

#[test]
fn what_comes_back_in_a_forked_child_goes_no_further() {
    // catches: a worker, a callback or a deferred function that goes on in the copy as if it were
    // the parent's
    fn scenario(what: &str) -> i32 {
        let forked = || {
            // SAFETY: the test is about a child that comes back; it is ended before it runs other
            // code.
            match unsafe { libc::fork() } {
                0 => Ok(()),
                pid => {
                    let mut status = 0;
                    // SAFETY: the process is ours, and not reaped.
                    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
                    let aborted = libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == SIGABRT;
                    if aborted { Ok(()) } else { Err(boom("it went on")) }
                }
            }
        };
        let exit = registry::run(|s| {
            match what {
                "worker" => s.spawn("forks", "forks", move |_| forked())?.join()?,
                "panic" => {
                    let falls = s.thread("forks", "forks").isolated().spawn(move |_| -> Result {
                        forked()?;
                        panic!("after the fork")
                    })?;
                    assert!(falls.join().is_err_and(|error| error.to_string().contains("after the fork")));
                }
                "callback" => {
                    let (tell, told) = unbounded();
                    let _guard = s.context().on_stop(move || tell.send(forked().is_ok()).unwrap());
                    s.stop();
                    assert!(told.recv()?);
                }
                "deferred" => s.defer("forks", forked),
                _ => forked()?,
            }
            Ok(())
        });
        i32::from(exit.code())
    }
    for what in ["worker", "panic", "callback", "deferred", "body"] {
        let done = in_child(what, scenario);
        assert_eq!(done.code, Some(0), "{what}: {done:#?}");
        assert!(done.err.contains("came back in a forked child"), "{what}: {done:#?}");
    }
}
