//! The main thread's signal mask: a run hears blocked signals, and puts the mask back.
#![allow(unsafe_code)] // fork, masks and raise have no safe form
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::Duration;

use super::{blocked, fork, mask};
use crate::common::*;
use crossbeam_channel::unbounded;
use homebound::registry::{self, Registry};
use homebound::{Result, Signals};
use libc::{SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM, SIGUSR1, c_int};
use rustix::event::{PollFd, PollFlags, poll};

#[test]
fn what_the_parent_has_blocked_is_heard() {
    // catches: a mask that survives exec, so that SIGTERM waits for ever; a SIGTERM that was
    // blocked before the run
    child_passes(|_| {
        let heard = |signal: c_int, early: bool| {
            let mut app = fork(|tell| {
                mask(libc::SIG_BLOCK, &[SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1]);
                if early {
                    let own = std::process::id().cast_signed();
                    // SAFETY: it has no preconditions. It is blocked, and waits for the run.
                    assert_eq!(unsafe { libc::kill(own, signal) }, 0);
                }
                let exit = registry::run(|s| {
                    tell.say(b'r');
                    Ok(s.context().wait_for_stop())
                });
                assert_eq!(blocked(), [SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGTERM], "as it was");
                let reason = exit.into_result().unwrap();
                i32::from(reason != homebound::StopReason::Signal(signal))
            });
            app.until(b'r');
            if !early {
                app.signal(signal);
            }
            app.finish()
        };
        [SIGTERM, SIGHUP, SIGINT]
            .into_iter()
            .flat_map(|signal| [heard(signal, false), heard(signal, true)])
            .sum()
    });
}

#[test]
fn the_mask_is_as_before_on_every_way_out() {
    // catches: a program that is deaf after its first run
    child_passes(|_| {
        let app = fork(|_| {
            let before = blocked();
            let check = |what: &str| assert_eq!(blocked(), before, "after {what}");
            let _ = registry::run(|_| Ok(assert!(blocked().contains(&SIGTERM))));
            check("a normal end");
            let _ = registry::run(|_| -> Result { Err(boom("no")) });
            check("an error");
            let _ = panics(|| registry::run(|_| -> Result { panic!("no") }));
            check("a panic");
            let (to, _got) = unbounded();
            let _ = Registry::new("refused").signals(Signals::default().forward(SIGKILL, to)).run(|_| Ok(()));
            check("a refusal");
            let _ = Registry::new("none").signals(Signals::none()).run(|_| Ok(check("nothing taken")));
            0
        });
        app.finish()
    });
}

#[test]
fn what_is_raised_before_a_wait_of_the_programs_own_is_heard() {
    // catches: a `select!` or a poll for the stop that a signal of this very thread asks for
    child_passes(|_| {
        let hears = |what: &'static str| {
            let app = fork(move |_| {
                let drains = what == "notice";
                let notice = if drains { NEVER } else { Duration::ZERO };
                let exit = Registry::new("raises").drain_notice(notice).run(|s| {
                    // SAFETY: it has no preconditions.
                    assert_eq!(unsafe { libc::raise(SIGTERM) }, 0);
                    let cx = s.context();
                    match what {
                        "context" => drop(cx.stop_signal().recv()),
                        "scope" => drop(s.stop_signal().recv()),
                        "descriptor" => {
                            let stop = cx.stop_fd()?;
                            poll(&mut [PollFd::new(&stop, PollFlags::IN)], None)?;
                        }
                        _ => drop(cx.drain_signal().recv()),
                    }
                    Ok(assert!(cx.is_draining() && cx.is_stopping() != drains))
                });
                i32::from(exit.code())
            });
            app.finish()
        };
        ["context", "scope", "descriptor", "notice"].into_iter().map(hears).sum()
    });
}

#[test]
fn what_is_raised_in_the_body_is_heard() {
    // catches: a signal to the one thread that blocks it, which waits there for ever, or for the
    // end of the run
    child_passes(|_| {
        // SAFETY: it has no preconditions.
        let raise = |signal| assert_eq!(unsafe { libc::raise(signal) }, 0);
        let stopped = fork(|_| {
            let exit = registry::run(|s| {
                raise(SIGTERM);
                Ok(s.context().wait_for_stop())
            });
            i32::from(exit.into_result().unwrap() != homebound::StopReason::Signal(SIGTERM))
        });
        let last = fork(|_| {
            // Nobody waits for it any more: it changes nothing, and does not end the process
            // either.
            i32::from(registry::run(|_| Ok(raise(SIGTERM))).code())
        });
        stopped.finish() + last.finish()
    });
}
