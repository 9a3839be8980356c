//! Conditions that panic, a condvar with two mutexes, and the wait as a point of
//! `stop_everywhere`.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{Place, assert_stopped, until_waiting};
use crate::common::*;
use homebound::Scope;
use homebound_testing::stop_everywhere;
use parking_lot::Mutex;

#[test]
fn a_panic_in_the_condition_leaves_nothing_behind() {
    // catches: a bell of a thread that is gone; a mutex that is not held when the panic arrives, or
    // stays held after it
    in_scope(|s| {
        let cx = s.context();
        for at in 0..3 {
            let (place, asked) = (Box::new(Place::default()), AtomicUsize::new(0));
            let mut ready = place.ready.lock();
            let raised = catch_unwind(AssertUnwindSafe(|| {
                let asks = |_: &mut bool| match asked.fetch_add(1, Ordering::Relaxed) {
                    now if now == at => panic_any("boo"),
                    _ => true,
                };
                while cx.wait_while_timeout(&place.changed, &mut ready, asks, Duration::ZERO).is_err() {}
            }));
            assert_eq!(raised.unwrap_err().downcast_ref(), Some(&"boo"));
            assert!(place.ready.is_locked(), "the guard holds it");
            drop(ready);
            assert!(!place.ready.is_locked());
        }
        let place = Arc::new(Place::default());
        let own = place.clone();
        let panics = s.thread("panics", "panics when it is woken").isolated().spawn(move |cx| {
            let mut asked = 0;
            Ok(cx.wait_while(&own.changed, &mut own.ready.lock(), |_| {
                asked += 1;
                // At once, and once more before it parks.
                assert!(asked < 3, "boo");
                true
            })?)
        })?;
        until_waiting(s, 1);
        drop(place.ready.lock());
        place.changed.notify_all();
        assert!(matches!(panics.join(), Err(homebound::JoinError::Failed(_))));
        s.stop();
        Ok(assert!(place.ready.try_lock().is_some()))
    });
}

#[test]
fn a_condvar_with_two_mutexes_panics_as_it_does_in_parking_lot() {
    // catches: a bell that stays open when the condvar itself unwinds
    in_scope(|s| {
        let place = Arc::new(Place::default());
        let own = place.clone();
        let waiter = s.spawn("waiter", "waits", move |cx| Ok(own.wait(cx)?))?;
        until_waiting(s, 1);
        drop(place.ready.lock());
        let other = Box::new(Mutex::new(()));
        let cx = s.context();
        let wrong = AssertUnwindSafe(|| cx.wait_while(&place.changed, &mut other.lock(), |()| true).is_ok());
        assert!(catch_unwind(wrong).is_err());
        drop(other);
        waiter.stop();
        Ok(assert_stopped(waiter))
    });
}

#[test]
fn stop_everywhere_finds_the_wait() {
    // catches: a wait that is no point of the probe, or one at which a plant comes under the mutex
    within(|| {
        let good = |s: &Scope<'_, '_>| {
            let place = Arc::new(Place::default());
            let (one, two) = (place.clone(), place.clone());
            let _told = s.context().on_stop(move || drop(one.ready.lock()));
            let waiter = s.context().spawn("waiter", "waits", move |cx| Ok(two.wait(cx)?))?;
            place.set();
            match waiter.join() {
                Err(homebound::JoinError::Failed(failure)) => Err(failure.to_string().into()),
                _ => Ok(place.wait(s.context())?),
            }
        };
        let seen = stop_everywhere(good).unwrap();
        assert!(seen.points >= 2, "{seen:?}");
        let wrong = stop_everywhere(|s| {
            let place = Place::default();
            place.set();
            place.wait(s.context()).map_err(|_| "it hides the stop")?;
            Ok(())
        });
        let wrong = wrong.unwrap_err().to_string();
        assert!(wrong.contains("condvar") && wrong.contains("condvar/mod.rs:"), "{wrong}");
    });
}
