//! A forwarded signal is a message in a channel, and stops nothing.
#![allow(unsafe_code)] // sigaction has no safe form
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use super::{default_with, raise};
use crate::common::subscriber::Told;
use crate::common::*;
use crossbeam_channel::{Receiver, bounded, unbounded};
use homebound::registry::Registry;
use homebound::{Result, Scope, Signals};
use libc::{SIGHUP, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};

/// A pause longer than the half second in which a second signal does not count.
const KEYSTROKE: u64 = 650;

/// Says each signal that comes, until the stop.
fn say_all(s: &Scope<'_, '_>, signals: &Receiver<i32>) -> Result {
    say("ready");
    let numbered = s.context().iter(signals).enumerate();
    numbered.for_each(|(n, number)| say(&format!("got {number}, {n} before it")));
    Ok(())
}

/// Sends each of these when the one before has arrived, then SIGTERM: the child must have got each
/// and end well.
#[track_caller]
fn arrive<const N: usize>(numbers: [i32; N], scenario: fn(&str) -> i32) {
    let mut child = child("", scenario);
    child.until("ready");
    for (n, number) in numbers.into_iter().enumerate() {
        child.signal(number).until(&format!("got {number}, {n} before it"));
    }
    child.signal(SIGTERM);
    let done = child.finish();
    let got = done.out.matches("<got ").count();
    assert_eq!((done.code, got), (Some(0), N), "{done:#?}");
}

#[test]
fn sighup_reloads_again_and_again_and_stops_nothing() {
    // catches: a reload that is a stop; a second reload that counts as the second signal and ends
    // the process
    fn scenario(_: &str) -> i32 {
        let (to, reloads) = bounded(1);
        let root = Registry::new("daemon").signals(default_with([SIGHUP], &to));
        drop(to);
        let exit = root.run(|s| {
            say("ready");
            let mut generation = 0;
            while s.context().recv(&reloads).is_ok() {
                s.subscope("generation", |part| {
                    part.service("server", "serves with these settings", until_stopped)?;
                    generation += 1;
                    Ok(say(&format!("generation {generation}")))
                })?;
            }
            Ok(())
        });
        i32::from(exit.code())
    }
    let mut child = child("", scenario);
    child.until("ready");
    for generation in 1..=3 {
        child.signal(SIGHUP).until(&format!("generation {generation}"));
        linger(if generation == 1 { KEYSTROKE } else { 0 });
    }
    child.signal(SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}

#[test]
fn several_signals_may_share_a_channel() {
    // catches: a number that is lost or exchanged
    arrive([SIGUSR1, SIGUSR2, SIGUSR1], |_| {
        let (to, got) = unbounded();
        let signals = default_with([SIGUSR1, SIGUSR2], &to);
        i32::from(Registry::new("shared").signals(signals).run(|s| say_all(s, &got)).code())
    });
}

#[test]
fn sigwinch_is_a_message_though_its_default_is_to_be_ignored() {
    // catches: a signal that is left ignored because nobody would miss it
    arrive([SIGWINCH, SIGWINCH], |_| {
        let (to, got) = unbounded();
        let signals = default_with([SIGWINCH], &to);
        i32::from(Registry::new("terminal").signals(signals).run(|s| say_all(s, &got)).code())
    });
}

#[test]
fn a_signal_that_was_ignored_at_the_start_is_forwarded_if_one_asks_for_it_and_ignored_again() {
    // catches: nohup's SIGHUP, which is left ignored to spare a daemon, though the daemon reloads
    // on it
    arrive([SIGHUP], |_| {
        // SAFETY: to ignore needs no handler.
        unsafe { libc::signal(SIGHUP, libc::SIG_IGN) };
        let (to, got) = unbounded();
        let signals = default_with([SIGHUP], &to);
        let exit = Registry::new("daemon").signals(signals).run(|s| say_all(s, &got));
        assert_eq!(disposition(SIGHUP), libc::SIG_IGN);
        i32::from(exit.code())
    });
}

#[test]
fn the_last_word_on_a_signal_counts() {
    // catches: a forward that is added to the stop, or to an earlier forward; `without` that
    // forgets to
    arrive([SIGHUP], |_| {
        let (early, nothing) = unbounded();
        let (to, got) = unbounded();
        let signals = Signals::default().forward(SIGUSR1, early.clone()).without(SIGUSR1);
        let signals = signals.forward(SIGHUP, early).forward(SIGHUP, to);
        let before = disposition(SIGUSR1);
        let exit = Registry::new("last").signals(signals).run(|s| {
            assert_eq!(disposition(SIGUSR1), before);
            say_all(s, &got)
        });
        assert_eq!(nothing.len(), 0);
        i32::from(exit.code())
    });
}

#[test]
fn a_full_channel_blocks_nobody_and_says_what_is_lost() {
    // catches: a listener that waits for a place; a loss that is told as a success, or not at all
    child_passes(|_| {
        let (tell, told) = unbounded();
        let subscriber = Told::new(move |line: &str| drop(tell.send(line.to_owned())));
        tracing::subscriber::set_global_default(subscriber).expect("the first one");
        let (to, never_read) = bounded(1);
        let (rendezvous, _nobody_waits) = bounded(0);
        let (behind, got) = unbounded();
        let signals = Signals::default().forward(SIGUSR1, to).forward(SIGWINCH, rendezvous);
        let exit = Registry::new("full").signals(signals.forward(SIGUSR2, behind)).run(|s| {
            (0..100).for_each(|_| raise(SIGUSR1));
            raise(SIGWINCH);
            raise(SIGUSR2);
            assert_eq!(s.context().recv(&got)?, SIGUSR2);
            assert_eq!(never_read.len(), 1);
            let lost = |line: &String| line.contains("WARN") && line.contains("homebound::signal");
            let lost: Vec<_> = told.iter().filter(lost).take(100).collect();
            let of = |signal: &str| lost.iter().filter(|line| line.contains(signal)).count();
            assert_eq!((of("signal=10"), of("signal=28"), of("channel is full")), (99, 1, 100));
            Ok(())
        });
        i32::from(exit.code())
    });
}

#[test]
fn a_channel_that_nobody_reads_any_more_is_no_stop_and_no_default_action() {
    // catches: a disconnected channel that kills (SIGUSR1's default) or stops
    child_passes(|_| {
        let (to, gone) = unbounded();
        let (behind, got) = unbounded();
        let signals = Signals::default().forward(SIGUSR1, to).forward(SIGUSR2, behind);
        let exit = Registry::new("gone").signals(signals).run(|s| {
            raise(SIGUSR1);
            assert_eq!(gone.recv()?, SIGUSR1);
            drop(gone);
            raise(SIGUSR1);
            raise(SIGUSR2);
            assert_eq!(got.recv()?, SIGUSR2);
            Ok(assert!(!s.is_stopping()))
        });
        i32::from(exit.code())
    });
}

#[test]
fn a_forwarded_signal_during_the_stop_arrives_and_is_not_the_second() {
    // catches: a SIGHUP in the middle of a shutdown that ends the process with 129
    fn scenario(_: &str) -> i32 {
        let (to, got) = unbounded();
        let exit = Registry::new("late").signals(default_with([SIGHUP], &to)).run(|s| {
            s.spawn("worker", "has to finish something", move |cx| {
                say("ready");
                cx.wait_for_stop();
                say("stopping");
                Ok(say(&format!("got {}", got.recv()?)))
            })?;
            Ok(())
        });
        i32::from(exit.code())
    }
    let mut child = child("", scenario);
    child.until("ready").signal(SIGTERM).until("stopping");
    linger(KEYSTROKE);
    child.signal(SIGHUP);
    let done = child.finish();
    assert!(done.code == Some(0) && done.out.contains(&format!("<got {SIGHUP}>")), "{done:#?}");
}
