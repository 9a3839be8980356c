//! S9: a callback runs once: in the stopping thread after all is marked, or at once if the stop
//! came before.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use super::SOON;
use crate::common::*;
use crossbeam_channel::{RecvTimeoutError, bounded, unbounded};
use homebound::{Cause, Context, OnStop, Result, Scope, scope};

#[test]
fn s9_a_callback_runs_once_in_the_stopping_thread_or_at_once() {
    // catches: a callback run by a helper thread, twice, or never when it comes late
    within(|| {
        let result = scope(|s| {
            let cx = s.context();
            let (ran, runs) = unbounded();
            let note = || {
                let ran = ran.clone();
                move || ran.send(std::thread::current().id()).unwrap()
            };
            let kept = cx.on_stop(note());
            drop(cx.on_stop(note()));
            let stopper = s.stopper();
            let by = s.spawn("stops", "stops its scope", move |_| {
                stopper.stop();
                stopper.stop();
                Ok(std::thread::current().id())
            })?;
            let by = by.join()?;
            assert_eq!(runs.try_iter().collect::<Vec<_>>(), [by]);
            let late = cx.on_stop(note());
            assert_eq!(runs.try_iter().collect::<Vec<_>>(), [std::thread::current().id()]);
            drop((kept, late));
            assert!(runs.is_empty());
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s9_all_is_marked_before_the_first_callback_runs() {
    // catches: callbacks in between the marking, which see siblings that go on
    within(|| {
        let result = scope(|s| {
            let (give, contexts) = unbounded::<Context>();
            for _ in 0..5 {
                let give = give.clone();
                s.spawn("worker", "is below", move |cx| {
                    give.send(cx.clone())?;
                    until_stopped(cx)
                })?;
            }
            let all: Vec<Context> = contexts.iter().take(5).collect();
            let guards: Vec<OnStop> = all
                .iter()
                .map(|cx| {
                    let all = all.clone();
                    cx.on_stop(move || assert!(all.iter().all(Context::is_stopping)))
                })
                .collect();
            s.stop();
            drop(guards);
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s9_dropping_the_guard_waits_for_a_callback_that_runs_elsewhere() {
    // catches: a guard whose drop returns while the callback still uses what it guards
    within(|| {
        let result = scope(|s| {
            let (entered, entry) = bounded(0);
            let ended = Arc::new(AtomicBool::new(false));
            let end = ended.clone();
            let guard = s.context().on_stop(move || {
                entered.send(()).unwrap();
                linger(200);
                end.store(true, Ordering::SeqCst);
            });
            let stopper = s.stopper();
            s.spawn("stops", "runs the callback", move |_| Ok(stopper.stop()))?;
            entry.recv()?;
            s.stop();
            assert!(!ended.load(Ordering::SeqCst), "a losing stop returns after the marking");
            drop(guard);
            assert!(ended.load(Ordering::SeqCst));
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s9_a_callback_may_drop_its_own_guard() {
    // catches: a guard that waits for the callback it is dropped in
    within(|| {
        let result = scope(|s| {
            let (give, take) = bounded::<OnStop>(1);
            let (ran, runs) = bounded(1);
            let guard = s.context().on_stop(move || {
                drop(take.recv().unwrap());
                ran.send(()).unwrap();
            });
            assert!(give.send(guard).is_ok());
            s.stop();
            Ok(runs.try_recv()?)
        });
        result.unwrap();
    });
}

#[test]
fn s9_a_callback_that_panics_is_a_failure_and_stops_no_other() {
    // catches: a panic that escapes from stop(), or that keeps the other callbacks from running
    within(|| {
        let (ran, runs) = unbounded();
        let result = scope(|s| {
            let cx = s.context();
            let note = || {
                let ran = ran.clone();
                move || ran.send(()).unwrap()
            };
            let guards = (cx.on_stop(note()), cx.on_stop(|| panic!("in it")), cx.on_stop(note()));
            s.stop();
            drop(guards);
            Ok(())
        });
        let error = result.unwrap_err();
        assert!(
            matches!(error.failures(), [f] if matches!(f.cause(), Cause::Panic { message: "in it", .. }))
        );
        assert_eq!(runs.len(), 2);
    });
}

#[test]
fn s9_with_on_stop_borrows_and_unregisters() {
    // catches: a borrowing callback run after its body, or not run during it
    within(|| {
        let result = scope(|s| {
            let cx = s.context();
            let count = AtomicUsize::new(0);
            let add = || {
                count.fetch_add(1, Ordering::SeqCst);
            };
            assert_eq!(cx.with_on_stop(add, || 5), 5);
            let stopper = s.stopper();
            cx.with_on_stop(add, || {
                drop(std::thread::spawn(move || stopper.stop()).join());
                assert_eq!(count.load(Ordering::SeqCst), 1);
            });
            assert_eq!(cx.with_on_stop(add, || count.load(Ordering::SeqCst)), 2);
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s9_with_on_stop_returns_and_unwinds_only_after_a_callback_that_runs_elsewhere() {
    // catches: a borrowing callback that is still running when its frame is gone
    within(|| {
        for falls in [false, true] {
            let result = scope(|s| {
                let lender = Lender::new();
                let loan = lender.lend();
                let (entered, entry) = bounded(0);
                let (registered, is_registered) = gate();
                let stopper = s.stopper();
                s.spawn("stops", "runs the callback", move |_| {
                    pass(&is_registered);
                    Ok(stopper.stop())
                })?;
                let callback = move || {
                    entered.send(()).unwrap();
                    linger(50);
                    loan.touch();
                };
                let body = || {
                    s.context().with_on_stop(callback, move || {
                        drop(registered);
                        entry.recv().unwrap();
                        assert!(!falls, "out of the body");
                    });
                };
                let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
                lender.assert_unused();
                assert_eq!(ended.is_err(), falls);
                Ok(())
            });
            result.unwrap();
        }
    });
}

/// A callback of one deadline is held up, while another deadline, a shield and a stop are due.
fn is_told_in_time(s: &Scope<'_, '_>, stop: impl FnOnce()) -> Result {
    let (begun, begins) = bounded(1);
    let (open, gate) = gate();
    let slow = s.spawn("slow", "has a callback that takes its time", move |cx| {
        cx.with_deadline(Instant::now() + SOON, |cx| {
            let opens = gate.clone();
            let _held = cx.on_stop(move || {
                begun.send(()).expect("it is waited for");
                pass(&gate);
            });
            Ok(pass(&opens))
        })
    })?;
    begins.recv_timeout(LIMIT)?;
    let told = s.spawn("told", "selects in a deadline", |cx| {
        cx.with_deadline(Instant::now() + SOON, |cx| Ok(cx.stop_signal().recv_timeout(LIMIT)))
    })?;
    assert_eq!(told.join()?, Err(RecvTimeoutError::Disconnected), "a deadline");
    let shielded = s.spawn("shielded", "selects in a shield", |cx| {
        cx.shield(SOON, |cx| Ok(cx.stop_signal().recv_timeout(LIMIT)))
    })?;
    stop();
    assert_eq!(shielded.join()?, Err(RecvTimeoutError::Disconnected), "a stop, and the end of a shield");
    assert!(!slow.is_finished(), "its callback is held up");
    drop(open);
    Ok(slow.join()?)
}

#[test]
fn s9_a_slow_callback_delays_no_deadline_of_others() {
    // catches: a timer thread that marks no deadline while it is in the program's code
    within(|| {
        let result = scope(|s| {
            is_told_in_time(s, || s.stop())?;
            let names = s.snapshot().root.threads.into_iter().map(|row| row.name);
            let timers = names.filter(|name| name.contains("timer")).count();
            Ok(assert!(timers <= 2, "{timers}"))
        });
        assert!(result.is_ok(), "{result:?}");
    });
}

#[test]
fn s9_a_slow_callback_delays_neither_a_deadline_nor_a_signal_of_a_run() {
    // catches: a stopper that marks nothing while it is in the program's code
    child_passes(|_| {
        let exit = homebound::Registry::new("app").run(|s| {
            let term = || {
                let own = rustix::process::getpid();
                rustix::process::kill_process(own, rustix::process::Signal::TERM).expect("it is ours");
            };
            is_told_in_time(s, term)
        });
        assert!(exit.result.is_ok(), "{:?}", exit.result);
        0
    });
}
