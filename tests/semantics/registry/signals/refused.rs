//! A signal that cannot be taken is refused with a reason. A signal that other code takes is
//! reported.
#![allow(unsafe_code)] // sigaction has no safe form
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::atomic::Ordering;

use super::{OWN, default_with, install_own, raise};
use crate::common::subscriber::Told;
use crate::common::*;
use crossbeam_channel::unbounded;
use homebound::Signals;
use homebound::registry::{self, Registry};
use libc::{SIGCHLD, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};

#[test]
fn what_was_there_before_is_put_back_and_the_channel_is_let_go() {
    // catches: a handler that is put back without its flags or mask; a sender that is kept, so that
    // a reader never ends
    child_passes(|_| {
        let before = install_own(SIGUSR1);
        let (to, got) = unbounded();
        let exit = Registry::new("guest").signals(Signals::default().forward(SIGUSR1, to)).run(|s| {
            raise(SIGUSR1);
            assert_eq!((s.context().recv(&got)?, OWN.load(Ordering::SeqCst)), (SIGUSR1, 0));
            Ok(())
        });
        assert!(disconnected(&got));
        // SAFETY: all-zero is a valid sigaction.
        let mut now: libc::sigaction = unsafe { std::mem::zeroed() };
        // SAFETY: it only asks.
        assert_eq!(unsafe { libc::sigaction(SIGUSR1, std::ptr::null(), &mut now) }, 0);
        let flags = libc::SA_RESTART | libc::SA_NODEFER;
        assert_eq!((now.sa_sigaction, now.sa_flags & flags), (before.sa_sigaction, flags));
        // SAFETY: the set is valid, and the number a signal.
        assert_eq!(unsafe { libc::sigismember(&now.sa_mask, SIGUSR2) }, 1);
        raise(SIGUSR1);
        assert_eq!(OWN.load(Ordering::SeqCst), 1);
        i32::from(exit.code())
    });
}

#[test]
fn what_is_no_signal_is_refused_and_all_is_as_before() {
    // catches: a panic; a run without the signals that were asked for; handlers of a refused run
    // that stay
    child_passes(|_| {
        let before = disposition(SIGTERM);
        for number in [0, -1, libc::SIGKILL, libc::SIGSTOP, 200, 255, 256, i32::MAX] {
            let (to, _got) = unbounded();
            let exit = Registry::new("odd").signals(default_with([number], &to)).run(|_| Ok(say("ran")));
            let error = exit.result.expect_err("refused").to_string();
            assert!(error.contains("signal handler was refused"), "{number}: {error}");
            assert_eq!(disposition(SIGTERM), before);
        }
        i32::from(registry::run(|_| Ok(())).code())
    });
}

#[test]
fn what_cannot_be_a_message_is_refused_with_the_reason() {
    // catches: a fault that a handler repeats for ever; a signal that is accepted and never comes
    child_passes(|_| {
        let faults = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS];
        let faults = faults.map(|number| (number, "its own fault"));
        let others = [
            (libc::SIGKILL, "no program can handle it"),
            (libc::SIGSTOP, "no program can handle it"),
            (libc::SIGABRT, "aborts"),
            (libc::SIGPIPE, "EPIPE"),
            (32, "the C library"),
            (33, "the C library"),
            (0, "no signal"),
            (65, "no signal"),
        ];
        for (number, why) in faults.into_iter().chain(others) {
            let (to, _got) = unbounded();
            let exit = Registry::new("odd").signals(default_with([number], &to)).run(|_| Ok(say("ran")));
            let error = exit.result.expect_err("refused").to_string();
            assert!(error.contains(&format!("signal {number}")) && error.contains(why), "{number}: {error}");
        }
        for number in [SIGCHLD, SIGWINCH, libc::SIGALRM, libc::SIGTSTP, libc::SIGRTMIN(), libc::SIGRTMAX()] {
            let (to, _got) = unbounded();
            let exit = Registry::new("odd").signals(default_with([number], &to)).run(|_| Ok(()));
            assert_eq!(exit.code(), 0, "{number}");
        }
        0
    });
}

#[test]
fn a_signal_that_somebody_else_has_taken_is_said_to_be() {
    // catches: a program that is deaf for Ctrl-C since a library has taken it after the start, and
    // nothing tells
    fn scenario(_: &str) -> i32 {
        let (tell, told) = unbounded();
        let subscriber = Told::new(move |line: &str| drop(tell.send(line.to_owned())));
        tracing::subscriber::set_global_default(subscriber).expect("the first one");
        let exit = registry::run(|s| {
            install_own(libc::SIGINT);
            let deaf = |line: &String| {
                line.contains("WARN") && line.contains("signal=2") && line.contains("another handler")
            };
            assert!(told.iter().any(|line| deaf(&line)));
            say("ready");
            s.context().wait_for_stop();
            // Once, however often it is looked.
            Ok(assert!(!told.try_iter().any(|line| deaf(&line))))
        });
        i32::from(exit.code())
    }
    let mut child = child("", scenario);
    child.until("ready").signal(libc::SIGQUIT).until_stderr("signal 2 (SIGINT) has another handler");
    child.signal(SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert!(!done.err.contains("SIGTERM) has another"), "{done:#?}");
}

#[test]
fn a_subscriber_that_hangs_at_that_warning_does_not_keep_a_stop_from_the_body() {
    // catches: a log of *stopper*'s that *watch* does not know of, and so does not stand in: the
    // stop is never marked
    fn scenario(_: &str) -> i32 {
        let (open, gate) = gate();
        let subscriber = Told::new(move |line: &str| {
            if line.contains("another handler") {
                say("hangs");
                let _opened = gate.recv();
            }
        });
        tracing::subscriber::set_global_default(subscriber).expect("the first one");
        let exit = Registry::new("hangs").grace(LIMIT / 4).run(|s| {
            install_own(libc::SIGINT);
            s.context().wait_for_stop();
            Ok(drop(open))
        });
        i32::from(exit.code())
    }
    let mut child = child("", scenario);
    child.until("hangs").signal(SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}
