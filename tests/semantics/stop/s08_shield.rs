//! S8: a shield hides the stop for its time and no longer.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::{Duration, Instant};

use super::SOON;
use crate::common::*;
use crossbeam_channel::{RecvTimeoutError, bounded};
use homebound::{Context, StopReason, scope};

#[test]
fn s8_a_shield_hides_the_stop_for_its_time_and_no_longer() {
    // catches: a shield that lets the stop through, counts from the wrong moment, or never ends
    within(|| {
        let max = Duration::from_millis(150);
        let result = scope(|s| {
            let cx = s.context();
            assert!(!cx.shield(max, |inner| inner.is_stopping()));
            linger(2);
            cx.shield(max, |inner| {
                assert!(inner.sleep(2 * max).is_ok(), "without a stop it changes nothing");
                let stopped = Instant::now();
                s.stop();
                let reason = inner.wait_for_stop();
                assert!(matches!(origin(&reason), StopReason::Requested { .. }));
                assert!(stopped.elapsed() >= max && inner.is_stopping());
            });
            let entered = Instant::now();
            cx.shield(max, |inner| assert!(inner.sleep(NEVER).is_err()));
            assert!(entered.elapsed() >= max, "entered after the stop it counts from the entry");
            assert!(cx.checkpoint().is_err());
            Ok(cx.shield(NEVER, |inner| {
                assert!(cx.is_stopping() && !inner.is_stopping() && inner.checkpoint().is_ok());
                assert!(!disconnected(inner.stop_signal()));
                scope(|below| Ok(assert!(!below.is_stopping()))).unwrap();
            }))
        });
        result.unwrap();
    });
}

#[test]
fn s8_an_inner_shield_ends_with_the_outer_one_and_both_when_overdue() {
    // catches: nested shields that add up; a shield that outlasts the grace
    within(|| {
        let result = scope(|s| {
            let cx = s.context();
            s.stop();
            cx.shield(Duration::from_millis(100), |outer| {
                outer.shield(NEVER, |inner| assert!(inner.sleep(NEVER).is_err()));
            });
            Ok(assert!(!cx.is_overdue(), "the outer shield has ended it, not the grace"))
        });
        result.unwrap();
        let overdue = scope(|s| {
            s.spawn("shielded", "until it is overdue", |cx| {
                cx.shield(NEVER, |inner| assert!(inner.sleep(NEVER).is_err()));
                Ok(assert!(cx.is_overdue()))
            })?;
            s.shutdown(Duration::from_millis(50));
            Ok(())
        });
        overdue.unwrap();
    });
}

#[test]
fn s8_who_waits_in_a_shield_already_learns_of_its_end() {
    // catches: a stop that does not tell the waiters behind a shield when it will reach them
    let waits: [fn(&Context) -> bool; 3] = [
        |cx| cx.sleep(NEVER).is_err(),
        |cx| cx.recv(&crossbeam_channel::never::<()>()).is_err(),
        |cx| cx.with_deadline(Instant::now() + NEVER, |cx| cx.sleep(NEVER).is_err()),
    ];
    for wait in waits {
        in_scope(move |s| {
            let waiter = s.spawn("waiter", "waits in a shield", move |cx| {
                let start = Instant::now();
                assert!(cx.shield(SOON, wait));
                Ok(assert!(start.elapsed() >= SOON))
            })?;
            let waiting = || {
                s.active_threads().iter().any(|t| matches!(t.state, homebound::ThreadState::Waiting { .. }))
            };
            eventually("it waits", waiting);
            s.stop();
            Ok(waiter.join()?)
        });
    }
}

#[test]
fn s8_many_shields_and_deadlines_in_each_other_cost_what_one_does_each() {
    // catches: an end that asks twice for the end around it: twice the work for each two levels
    fn nest(cx: &Context, depth: usize) -> bool {
        if depth == 0 {
            return cx.is_stopping();
        }
        cx.with_deadline(Instant::now() + NEVER, |cx| cx.shield(NEVER, |cx| nest(cx, depth - 1)))
    }
    in_scope(|s| {
        assert!(!nest(s.context(), 100));
        s.stop();
        Ok(assert!(!nest(s.context(), 100), "the shields hide it"))
    });
}

#[test]
fn s8_who_listens_inside_a_shield_when_the_stop_comes_learns_of_its_end() {
    // catches: a shield whose end nobody keeps the time for, since all that listen do so by a
    // channel, or by a callback
    let max = Duration::from_millis(50);
    within(move || {
        let by_channel = scope(|s| {
            s.context().shield(max, |inside| {
                let signal = inside.stop_signal().clone();
                s.stop();
                assert_eq!(signal.recv_timeout(NEVER), Err(RecvTimeoutError::Disconnected));
            });
            Ok(())
        });
        by_channel.unwrap();
        let by_callback = scope(|s| {
            s.context().shield(max, |inside| {
                let (called, calls) = bounded(1);
                let _guard = inside.on_stop(move || called.send(()).expect("somebody waits"));
                s.stop();
                calls.recv().expect("it was called");
            });
            Ok(())
        });
        by_callback.unwrap();
    });
}
