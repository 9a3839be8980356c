//! A stop or a notification ends a wait. Its condition may use the context and other locks.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{A_WHILE, Place, assert_stopped, until_waiting};
use crate::common::*;
use homebound::WaitError;
use parking_lot::{Condvar, Mutex};

#[test]
fn a_notification_ends_the_wait_and_a_false_condition_needs_none() {
    // catches: a wait that only a stop ends; a condition asked without the mutex, or not asked at
    // once
    in_scope(|s| {
        let (place, count) = (Arc::new(Place::default()), Arc::new(AtomicUsize::new(0)));
        for _ in 0..3 {
            let (place, count) = (place.clone(), count.clone());
            s.spawn("waiter", "waits for it", move |cx| {
                place.wait(cx)?;
                count.fetch_add(1, Ordering::Relaxed);
                Ok(())
            })?;
        }
        until_waiting(s, 3);
        place.changed.notify_all();
        assert_eq!(count.load(Ordering::Relaxed), 0, "the condition still holds");
        place.set();
        eventually("all went on", || count.load(Ordering::Relaxed) == 3);
        Ok(place.wait(s.context())?)
    });
}

#[test]
fn the_value_may_be_changed_by_the_condition_and_may_be_unsized() {
    in_scope(|s| {
        let (list, changed) = (Mutex::new([3, 2, 1]), Condvar::new());
        let list: &Mutex<[i32]> = &list;
        let mut guard = list.lock();
        s.context().wait_while(&changed, &mut guard, |list| {
            list.reverse();
            list[0] != 1
        })?;
        Ok(assert_eq!(*guard, [1, 2, 3]))
    });
}

#[test]
fn p5_a_stop_ends_the_wait_and_the_guard_holds_the_mutex() {
    // catches: a stop that reaches no condvar
    in_scope(|s| {
        let place = Arc::new(Place::default());
        let own = place.clone();
        let waiter = s.spawn("waiter", "waits", move |cx| Ok(own.wait(cx)?))?;
        until_waiting(s, 1);
        waiter.stop();
        Ok(assert_stopped(waiter))
    });
}

#[test]
fn s7_the_stop_wins_and_the_condition_is_not_asked() {
    // catches: another order than the order of `recv`
    in_scope(|s| {
        let (place, cx) = (Place::default(), s.context());
        place.set();
        s.stop();
        let mut ready = place.ready.lock();
        let asked = |_: &mut bool| panic!("it is not asked");
        assert!(cx.wait_while(&place.changed, &mut ready, asked).is_err());
        let timed = cx.wait_while_timeout(&place.changed, &mut ready, asked, NEVER);
        Ok(assert!(matches!(timed, Err(WaitError::Stopped(_)))))
    });
}

#[test]
fn w3_whoever_stops_may_hold_the_mutex() {
    // catches: a stop that locks the mutex, or a stop that gives up when it cannot
    in_scope(|s| {
        let place = Arc::new(Place::default());
        let own = place.clone();
        let waiter = s.spawn("waiter", "waits", move |cx| Ok(own.wait(cx)?))?;
        until_waiting(s, 1);
        let held = place.ready.lock();
        waiter.stop();
        let waiter = waiter.join_timeout(A_WHILE).expect_err("it cannot return without the mutex");
        drop(held);
        Ok(assert_stopped(waiter))
    });
}

#[test]
fn w3_the_condition_itself_may_stop() {
    // catches: a stop by the waiter's own thread that waits for its own mutex
    in_scope(|s| {
        let (place, stopper) = (Place::default(), s.stopper());
        let mut ready = place.ready.lock();
        let result = s.context().wait_while(&place.changed, &mut ready, |_| {
            stopper.stop();
            true
        });
        Ok(assert!(result.is_err()))
    });
}

#[test]
fn w3_a_condition_may_use_the_context_and_other_locks() {
    in_scope(|s| {
        let (place, other) = (Place::default(), Place::default());
        other.set();
        let cx = s.context();
        let mut ready = place.ready.lock();
        cx.wait_while(&place.changed, &mut ready, |_| {
            let other_is_ready = *other.ready.lock();
            other.wait(cx).is_err() || cx.checkpoint().is_err() || !other_is_ready
        })?;
        Ok(())
    });
}

#[test]
fn w1_the_dump_shows_the_wait_and_its_line() {
    in_scope(|s| {
        let place = Arc::new(Place::default());
        let own = place.clone();
        s.spawn("waiter", "waits", move |cx| Ok(own.wait(cx)?))?;
        until_waiting(s, 1);
        let dump = s.dump_status();
        assert!(dump.contains("condvar") && dump.contains(concat!(file!(), ":")), "{dump}");
        Ok(s.stop())
    });
}
