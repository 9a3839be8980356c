//! Several waiters share a condvar, and several condvars share a mutex.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{A_WHILE, Place, assert_stopped, until_waiting};
use crate::common::*;
use homebound::scope;
use parking_lot::{Condvar, Mutex};

#[test]
fn only_those_who_are_stopped_end_at_a_shared_condvar() {
    // catches: a stop that ends the wait of another, or takes its notification
    in_scope(|s| {
        let place = Arc::new(Place::default());
        let waiter = |place: Arc<Place>| s.spawn("waiter", "waits", move |cx| Ok(place.wait(cx)?));
        let (one, two) = (waiter(place.clone())?, waiter(place.clone())?);
        until_waiting(s, 2);
        one.stop();
        assert_stopped(one);
        let two = two.join_timeout(A_WHILE).expect_err("it still waits");
        until_waiting(s, 1);
        place.set();
        Ok(two.join()?)
    });
}

#[test]
fn a_notification_that_a_stop_made_useless_is_passed_on() {
    // catches: a stopped waiter that keeps the one notification that was given
    in_scope(|s| {
        let (place, passed) = (Arc::new(Place::default()), Arc::new(AtomicBool::new(false)));
        let (first, over) = (place.clone(), passed.clone());
        let deadline = Instant::now() + Duration::from_millis(200);
        let first = s.spawn("first", "has a deadline", move |cx| {
            let result = cx.with_deadline(deadline, |cx| {
                let mut ready = first.ready.lock();
                cx.wait_while(&first.changed, &mut ready, |_| !over.load(Ordering::Relaxed))
            });
            Ok(result.is_err())
        })?;
        until_waiting(s, 1);
        let own = place.clone();
        let second = s.spawn("second", "has none", move |cx| Ok(own.wait(cx)?))?;
        until_waiting(s, 2);
        // Given to the first, which has to wait for the mutex until its deadline has passed.
        let mut ready = place.ready.lock();
        *ready = true;
        assert!(place.changed.notify_one());
        passed.store(true, Ordering::Relaxed);
        s.context().sleep_until(deadline + Duration::from_millis(1))?;
        drop(ready);
        assert!(first.join()?, "the deadline wins");
        Ok(second.join_timeout(LIMIT).expect("it was passed on")?)
    });
}

#[test]
fn condvars_of_one_mutex_are_all_rung() {
    // catches: that one condvar stands for all of its mutex
    within(|| {
        let (mutex, condvars) = (Mutex::new(()), [(); 50].map(|()| Condvar::new()));
        let result = scope(|s| {
            for condvar in &condvars {
                let mutex = &mutex;
                s.spawn("waiter", "waits", move |cx| {
                    Ok(cx.wait_while(condvar, &mut mutex.lock(), |()| true)?)
                })?;
            }
            until_waiting(s, 50);
            let held = mutex.lock();
            s.stop();
            drop(held);
            let report = s.shutdown(LIMIT);
            Ok(assert_eq!(report.joined, 50, "{report}"))
        });
        result.unwrap();
    });
}
