//! Owns the tests of crates that handle signals themselves, beside a run: `ctrlc`, `signal-hook`.
//! Refuses to recommend them: a run has its signals, and `docs/HOSTS.md` says what each one costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use homebound::registry::{self, Exit, Registry, Signals};
use homebound::{Role, StopReason};
use rustix::process::{Signal, getpid, kill_process};
use signal_hook::consts::SIGINT;

use crate::common::*;

fn interrupt() {
    kill_process(getpid(), Signal::INT).expect("this process is there");
}

fn by_signal<T>(exit: &Exit<T>) -> bool {
    matches!(exit.shutdown.reason, Some(StopReason::Signal(2)))
}

/// A flag that ctrlc's thread sets.
fn heard_by_ctrlc() -> Arc<AtomicBool> {
    let heard = Arc::new(AtomicBool::new(false));
    let tell = Arc::clone(&heard);
    ctrlc::set_handler(move || tell.store(true, SeqCst)).expect("the first handler of this child");
    heard
}

#[test]
fn in8_ctrlc_from_before_the_run_hears_again_after_it() {
    child_passes(|_| {
        let heard = heard_by_ctrlc();
        let exit = registry::run(|s| {
            interrupt();
            Ok(drop(s.context().wait_for_stop()))
        });
        assert!(by_signal(&exit) && !heard.load(SeqCst));
        assert_eq!((exit.code(), exit.shutdown.orphaned), (130, 0), "{}", exit.shutdown);
        interrupt();
        eventually("ctrlc hears", || heard.load(SeqCst));
        0
    });
}

#[test]
fn in8_ctrlc_from_inside_the_run_takes_the_signal_away() {
    child_passes(|_| {
        let exit = registry::run(|s| {
            let heard = heard_by_ctrlc();
            interrupt();
            eventually("ctrlc hears", || heard.load(SeqCst));
            assert!(!s.is_stopping());
            Ok(())
        });
        assert!(exit.shutdown.reason.is_none());
        // Its thread never ends.
        assert_eq!((exit.code(), exit.shutdown.orphaned), (0, 1), "{}", exit.shutdown);
        0
    });
}

#[test]
fn in8_a_signal_that_the_run_leaves_alone_is_ctrlcs_which_stops_the_run() {
    child_passes(|_| {
        let exit = Registry::new("app").signals(Signals::default().without(SIGINT)).run(|s| {
            let stopper = s.stopper();
            ctrlc::set_handler(move || stopper.stop_because("Ctrl-C")).expect("the first handler");
            interrupt();
            assert_eq!(s.context().wait_for_stop().to_string(), "Ctrl-C");
            Ok(())
        });
        assert_eq!(exit.code(), 0);
        0
    });
}

#[test]
fn in8_signal_hook_inside_the_run_hears_beside_it() {
    child_passes(|_| {
        let exit = registry::run(|s| {
            let heard = Arc::new(AtomicBool::new(false));
            let mut signals = signal_hook::iterator::Signals::new([SIGINT])?;
            let tell = Arc::clone(&heard);
            s.service("signals", "hears signals through signal-hook", move |cx| {
                let handle = signals.handle();
                let _end = cx.on_stop(move || handle.close());
                signals.forever().for_each(|_| tell.store(true, SeqCst));
                Ok(())
            })?;
            interrupt();
            s.context().wait_for_stop(); // it calls the handler that it has replaced
            eventually("signal-hook hears", || heard.load(SeqCst));
            assert!(s.active_threads().iter().all(|row| row.role == Role::Service));
            Ok(())
        });
        assert!(by_signal(&exit));
        assert_eq!((exit.code(), exit.shutdown.orphaned), (130, 0), "{}", exit.shutdown);
        // Its handler stays, and ours behind it makes way for nothing: Ctrl-C is dead from now on.
        interrupt();
        0
    });
}
