//! Owns the questions of trio's tests of signals and of instruments, for `run`'s signals and for
//! events.
//! Refuses signals that are not forwarded: `tests/semantics/registry` has the ones that stop.
#![allow(unsafe_code)] // raise has no safe form

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crossbeam_channel::{bounded, unbounded};
use homebound::registry::{self, Registry};
use homebound::{Result, Signals, StopReason, scope};
use libc::{SIGINT, SIGTERM, SIGUSR1};

use crate::common::subscriber::Told;
use crate::common::*;

/// To the calling thread: its handler has run when this returns. One sent to the process may be on
/// its way to some other thread for a while, and then find the handlers put back.
fn raise(signal: i32) {
    // SAFETY: it takes a number; what handlers do is their affair.
    let sent = unsafe { libc::raise(signal) };
    assert_eq!(sent, 0);
}

#[test]
fn a_forwarded_signal_is_a_message_and_its_handler_is_put_back() {
    // from: test_open_signal_receiver; pins G1
    child_passes(|_| {
        let before = disposition(SIGUSR1);
        let (to, signals) = unbounded();
        let exit = Registry::new("forwards").signals(Signals::default().forward(SIGUSR1, to)).run(|s| {
            assert_ne!(disposition(SIGUSR1), before);
            for _ in 0..3 {
                raise(SIGUSR1);
                assert_eq!(s.context().recv(&signals)?, SIGUSR1);
            }
            Ok(assert!(!s.is_stopping() && signals.is_empty()))
        });
        assert_eq!(disposition(SIGUSR1), before);
        i32::from(exit.code())
    });
}

#[test]
fn handlers_are_put_back_also_after_a_run_that_failed_or_asked_for_a_signal_twice() {
    // from: test_open_signal_receiver_restore_handler_after_one_bad_signal,
    // test_open_signal_receiver_restore_handler_after_duplicate_signal; pins G1
    child_passes(|_| {
        let before = [SIGINT, SIGTERM, SIGUSR1].map(disposition);
        let (to, signals) = unbounded();
        let twice = Signals::default().forward(SIGUSR1, to.clone()).forward(SIGUSR1, to);
        let exit = Registry::new("twice").signals(twice).run(|s| -> Result {
            raise(SIGUSR1);
            assert_eq!(s.context().recv(&signals)?, SIGUSR1);
            Err(boom("it fails after that"))
        });
        assert_eq!((exit.code(), signals.len()), (1, 0), "once is once");
        assert_eq!([SIGINT, SIGTERM, SIGUSR1].map(disposition), before);
        panics(|| Registry::new("falls").run(|_| -> Result { panic!("out of the body") }));
        assert_eq!([SIGINT, SIGTERM, SIGUSR1].map(disposition), before);
        0
    });
}

#[test]
fn without_signals_no_handler_is_touched() {
    // from: test_open_signal_receiver_empty_fail; pins G1
    child_passes(|_| {
        let before = [SIGINT, SIGTERM].map(disposition);
        let exit =
            Registry::new("none").signals(Signals::none()).run(|_| Ok([SIGINT, SIGTERM].map(disposition)));
        i32::from(!matches!(exit.result, Ok(during) if during == before))
    });
}

#[test]
fn two_runs_do_not_fight_over_the_signals() {
    // from: test_catch_signals_wrong_thread, test_open_signal_receiver_conflict; pins G4
    child_passes(|_| {
        let exit = registry::run(|_| {
            let mine = disposition(SIGTERM);
            let other = std::thread::spawn(|| registry::run(|_| Ok(())).code()).join().expect("no panic");
            Ok((other, disposition(SIGTERM) == mine))
        });
        i32::from(!matches!(exit.result, Ok((1, true))))
    });
}

#[test]
fn many_signals_of_one_kind_do_not_starve_another() {
    // from: test_open_signal_receiver_no_starvation; pins G1
    child_passes(|_| {
        let ((to, often), (too, seldom)) = (bounded(1), bounded(1));
        let both = Signals::none().forward(SIGUSR1, to).forward(libc::SIGUSR2, too);
        let exit = Registry::new("floods").signals(both).run(|s| {
            (0..1000).for_each(|_| raise(SIGUSR1));
            raise(libc::SIGUSR2);
            assert_eq!(s.context().recv(&seldom)?, libc::SIGUSR2);
            Ok(assert_eq!(s.context().recv(&often)?, SIGUSR1))
        });
        i32::from(exit.code())
    });
}

#[test]
fn a_signal_at_the_very_end_is_taken_or_left_and_never_half() {
    // from: test_open_signal_receiver_race_condition_on_exit; pins G1, G3
    child_passes(|_| {
        let before = disposition(SIGUSR1);
        for _ in 0..50 {
            let (to, signals) = unbounded();
            let exit = Registry::new("ends")
                .signals(Signals::none().forward(SIGUSR1, to))
                .run(|_| Ok(raise(SIGUSR1)));
            assert_eq!((exit.code(), disposition(SIGUSR1)), (0, before));
            assert!(signals.len() <= 1);
        }
        0
    });
}

/// Runs a scope and gives what was told about threads, in order.
fn told(body: impl FnOnce() -> Result) -> Vec<String> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let into = lines.clone();
    let subscriber = Told::new(move |line: &str| into.lock().unwrap().push(line.to_owned()));
    tracing::subscriber::with_default(subscriber, || body().expect("it ends well"));
    let lines = lines.lock().unwrap();
    lines.iter().filter(|line| line.starts_with("event")).cloned().collect()
}

#[test]
fn every_start_and_end_is_told_once_and_in_order() {
    // from: test_instruments (before_after_run, task_spawn_exit, interleave); pins P8
    child_passes(|_| {
        let lines = told(|| {
            scope(|s| {
                for _ in 0..3 {
                    s.spawn("job", "is told of", |_| Ok(()))?.join()?;
                }
                Ok(())
            })?;
            Ok(())
        });
        let of = |target: &str| -> Vec<&str> {
            let lines = lines.iter().filter(|line| line.contains(target));
            lines
                .filter_map(|line| {
                    ["opened", "closed", "spawned", "ended"].into_iter().find(|w| line.contains(w))
                })
                .collect()
        };
        assert_eq!(of("homebound::scope"), ["opened", "closed"], "{lines:#?}");
        assert_eq!(of("homebound::thread"), ["spawned", "ended"].repeat(3), "{lines:#?}");
        0
    });
}

#[test]
fn a_listener_that_crashes_does_not_crash_the_program() {
    // from: test_instruments_crash; pins E7
    child_passes(|_| {
        let crashes = Arc::new(AtomicUsize::new(0));
        let counts = crashes.clone();
        let subscriber = Told::new(move |_: &str| {
            counts.fetch_add(1, Ordering::SeqCst);
            panic!("the listener");
        });
        let value = tracing::subscriber::with_default(subscriber, || {
            scope(|s| {
                let job = s.spawn("job", "works on", |cx| Ok(cx.wait_for_stop()))?;
                s.stopper().stop_because("on it goes");
                Ok(job.join()?)
            })
        });
        let reason = value.expect("the listener's panic is nobody's failure");
        assert!(
            *origin(&reason) == StopReason::Custom("on it goes".into()) && crashes.load(Ordering::SeqCst) > 0
        );
        0
    });
}
