//! G1: the first signal stops a run, the second ends the process.
#![allow(unsafe_code)] // sigaction has no safe form
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{deaf, wait_for_signal, waits};
use crate::common::*;
use crossbeam_channel::{bounded, unbounded};
use homebound::registry::{self, Registry};
use homebound::{Context, Result, Signals, StopReason};
use libc::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1};

/// A pause longer than the half second in which a second signal does not count.
fn pass_half_a_second() {
    linger(650);
}

#[track_caller]
fn stopped_by(signal: i32, code: i32) {
    let mut child = child("", wait_for_signal);
    child.until("ready").signal(signal);
    let done = child.finish();
    assert_eq!(done.code, Some(code), "{done:#?}");
    assert!(done.out.contains(&format!("<signal {signal}>")), "{done:#?}");
}

#[test]
fn g1_sigint_stops_with_130() {
    // catches: a handler that is not there; a reason or a code that is lost
    stopped_by(SIGINT, 130);
}

#[test]
fn g1_sigterm_stops_with_0() {
    // catches: 143, which systemd counts as a failure
    stopped_by(SIGTERM, 0);
}

#[test]
fn g1_sighup_stops_with_0() {
    // catches: a terminal that hangs up and kills
    stopped_by(SIGHUP, 0);
}

#[test]
fn g1_a_second_signal_exits_at_once_with_the_dump() {
    // catches: a second Ctrl-C that is swallowed; the first one's number in the code
    let mut child = child("", deaf);
    child.until("ready").signal(SIGINT).until("told");
    pass_half_a_second();
    child.signal(SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(128 + SIGTERM), "{done:#?}");
    assert!(done.err.contains("does not listen"), "{done:#?}");
}

#[test]
fn g1_the_first_signal_after_another_kind_of_stop_is_the_second() {
    // catches: a count of signals in place of "whatever stopped the root"
    let mut child = child("by itself", deaf);
    child.until("told");
    pass_half_a_second();
    child.signal(SIGINT);
    let done = child.finish();
    assert_eq!(done.code, Some(130), "{done:#?}");
    assert!(done.err.contains("deaf-one"), "{done:#?}");
}

#[test]
fn g1_a_double_tap_counts_as_one() {
    // catches: a second signal right after the first that ends a clean shutdown
    fn scenario(_: &str) -> i32 {
        let exit = registry::run(|s| {
            say("ready");
            s.context().wait_for_stop();
            say("told");
            linger(300);
            Ok(())
        });
        i32::from(exit.code())
    }
    // A busy machine may take longer than half a second, but not each time.
    eventually("it is one", || {
        let mut child = child("", scenario);
        child.until("ready").signal(SIGTERM).signal(SIGTERM).until("told").signal(SIGTERM);
        let done = child.finish();
        assert!([Some(0), Some(128 + SIGTERM)].contains(&done.code), "{done:#?}");
        done.code == Some(0)
    });
}

fn set_disposition(signal: i32, handler: libc::sighandler_t) {
    // SAFETY: the handlers given here are SIG_DFL, SIG_IGN and an empty function.
    let before = unsafe { libc::signal(signal, handler) };
    assert_ne!(before, libc::SIG_ERR);
}

extern "C" fn does_nothing(_: i32) {}

const ALL: [i32; 4] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT];

#[test]
fn g1_an_ignored_signal_stays_ignored() {
    // catches: nohup undone; a SIGINT that reaches a background job
    fn scenario(_: &str) -> i32 {
        set_disposition(SIGHUP, libc::SIG_IGN);
        set_disposition(SIGINT, libc::SIG_IGN);
        let exit = registry::run(|s| {
            assert_eq!((disposition(SIGHUP), disposition(SIGINT)), (libc::SIG_IGN, libc::SIG_IGN));
            waits(s)
        });
        assert_eq!((disposition(SIGHUP), disposition(SIGINT)), (libc::SIG_IGN, libc::SIG_IGN));
        let by_term = matches!(exit.result, Ok(StopReason::Signal(SIGTERM)));
        i32::from(!by_term)
    }
    let mut child = child("", scenario);
    child.until("ready").signal(SIGHUP).signal(SIGINT).signal(SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}

#[test]
fn g1_handlers_are_put_back_on_every_way_out() {
    // catches: signal-hook's way: a later Ctrl-C stays dead; a program's own handler lost
    child_passes(|_| {
        let own = does_nothing as *const () as libc::sighandler_t;
        set_disposition(SIGTERM, own);
        let before = ALL.map(disposition);
        let check = |what: &str| assert_eq!(ALL.map(disposition), before, "after {what}");
        let _ = registry::run(|_| {
            assert_ne!(disposition(SIGINT), before[0]);
            assert_ne!(disposition(SIGTERM), own, "it is ours while it runs");
            Ok(())
        });
        check("a normal end");
        let _ = registry::run(|_| -> Result { Err(boom("no")) });
        check("an error");
        let _ = panics(|| registry::run(|_| -> Result { panic!("no") }));
        check("a panic");
        let exit = registry::run(|_| {
            set_disposition(SIGHUP, own);
            Ok(())
        });
        assert_eq!(disposition(SIGHUP), own, "not put back over somebody else's");
        i32::from(exit.code())
    });
}

#[test]
fn g1_after_the_run_a_signal_kills_again() {
    // catches: a disposition that looks restored while the signal is still swallowed
    fn scenario(_: &str) -> i32 {
        assert_eq!(registry::run(|_| Ok(())).code(), 0);
        say("after");
        linger(20_000);
        3
    }
    let mut child = child("", scenario);
    child.until("after").signal(SIGINT);
    let done = child.finish();
    assert_eq!((done.signal, done.code), (Some(SIGINT), None), "{done:#?}");
}

/// Sends itself a signal when it drops.
struct Farewell;

impl Drop for Farewell {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: it has no preconditions; the handler has run when it returns.
        assert_eq!(unsafe { libc::raise(SIGINT) }, 0);
    }
}

#[test]
fn g1_a_signal_when_all_are_home_is_without_effect() {
    // catches: a signal that kills because the handlers are gone too early, changes a result that
    // stands, or stops the next run
    child_passes(|_| {
        thread_local!(static LAST: Farewell = const { Farewell });
        let exit = registry::run(|s| {
            // A destructor of the OS thread runs when that is joined: after the scope is over,
            // before `run` returns.
            s.spawn("worker", "leaves something", |_| Ok(LAST.with(|_| ())))?.join()?;
            Ok(())
        });
        assert!(exit.result.is_ok() && exit.shutdown.reason.is_none(), "{}", exit.shutdown);
        assert_eq!(exit.code(), 0);
        let next = registry::run(|s| Ok(s.context().sleep(Duration::from_millis(20))?));
        i32::from(next.code())
    });
}

#[test]
fn g1_signals_can_be_left_alone() {
    // catches: none() and without() that still take the signal
    fn scenario(how: &str) -> i32 {
        let signals = match how {
            "none" => Signals::none(),
            _ => Signals::default().without(SIGTERM),
        };
        let before = disposition(SIGTERM);
        let exit = Registry::new("alone").signals(signals).run(|s| {
            assert_eq!(disposition(SIGTERM), before);
            assert_eq!(how == "none", disposition(SIGINT) == libc::SIG_DFL);
            Ok(drop(waits(s)?))
        });
        i32::from(exit.code())
    }
    for how in ["none", "without"] {
        let mut child = child(how, scenario);
        child.until("ready").signal(SIGTERM);
        let done = child.finish();
        assert_eq!(done.signal, Some(SIGTERM), "{how}: {done:#?}");
    }
}

#[test]
fn g1_a_forwarded_signal_is_a_message_and_stops_nothing() {
    // catches: a forward that stops; a full or dead channel that blocks the signals behind it
    fn scenario(_: &str) -> i32 {
        let (to, got) = unbounded();
        let (full, _never_read) = bounded(0);
        let (dead, gone) = bounded(1);
        drop(gone);
        let signals = Signals::default().forward(SIGUSR1, to).forward(libc::SIGUSR2, full);
        let root = Registry::new("forward").signals(signals.forward(libc::SIGWINCH, dead));
        let exit = root.run(|s| {
            say("ready");
            for number in 1..=2 {
                assert_eq!(s.context().recv(&got)?, SIGUSR1);
                assert!(!s.is_stopping());
                say(&format!("got {number}"));
            }
            s.context().wait_for_stop();
            Ok(())
        });
        i32::from(exit.code())
    }
    let mut child = child("", scenario);
    child.until("ready").signal(libc::SIGUSR2).signal(libc::SIGWINCH).signal(SIGUSR1);
    child.until("got 1").signal(SIGUSR1).until("got 2").signal(SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}

#[test]
fn g1_callbacks_of_a_signal_run_on_the_stopper() {
    // catches: user code in a signal handler, or on the watch
    fn scenario(_: &str) -> i32 {
        let (tell, told) = bounded(1);
        let exit = registry::run(|s| {
            let _guard = s.context().on_stop(move || {
                let name = std::thread::current().name().map(str::to_owned);
                tell.send(name).unwrap();
            });
            waits(s)?;
            Ok(told.recv()?.unwrap_or_default())
        });
        assert!(exit.result.is_ok_and(|name| name.contains("stopper")));
        0
    }
    let mut child = child("", scenario);
    child.until("ready").signal(SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}

#[test]
fn a_signal_in_the_middle_of_the_start_or_the_end_is_not_lost() {
    // catches: a window in which a signal kills, hangs, or is delivered to the next run
    fn scenario(_: &str) -> i32 {
        let ended = AtomicBool::new(false);
        set_disposition(SIGTERM, libc::SIG_IGN);
        set_disposition(SIGINT, does_nothing as *const () as libc::sighandler_t);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                while !ended.load(Ordering::SeqCst) {
                    let me = rustix::process::getpid();
                    rustix::process::kill_process(me, rustix::process::Signal::INT).unwrap();
                    linger(1);
                }
            });
            for _ in 0..200 {
                let exit = registry::run(|s| {
                    let worker = |cx: &Context| Ok(cx.checkpoint()?);
                    let _ = s.spawn("worker", "may be stopped", worker);
                    Ok(())
                });
                assert!(exit.result.is_ok() && [0, 130].contains(&exit.code()));
            }
            ended.store(true, Ordering::SeqCst);
        });
        0
    }
    let done = in_child("", scenario);
    assert_eq!(done.code, Some(0), "{done:#?}");
}
