//! Shields, deadlines, the end of the thread and the end of the root end a wait, too.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::{A_WHILE, Place, assert_stopped, until_waiting};
use crate::common::*;
use crossbeam_channel::bounded;
use homebound::{StopReason, WaitError, scope};
use parking_lot::Mutex;

#[test]
fn s8_a_shield_hides_the_stop_until_it_ends() {
    // catches: a hidden stop that ends the wait; a shield's end that nobody is told of
    in_scope(|s| {
        let place = Arc::new(Place::default());
        let own = place.clone();
        let shielded = s.spawn("shielded", "finishes", move |cx| Ok(cx.shield(NEVER, |cx| own.wait(cx))?))?;
        until_waiting(s, 1);
        shielded.stop();
        let shielded = shielded.join_timeout(A_WHILE).expect_err("it is hidden");
        place.set();
        shielded.join()?;
        let late = s.spawn("late", "has a short shield", |cx| {
            let place = Place::default();
            Ok(cx.shield(A_WHILE, |cx| place.wait(cx))?)
        })?;
        until_waiting(s, 1);
        late.stop();
        assert_stopped(late);
        // Below a shield, with no limit of its own: the timer ends it.
        let below = s.spawn("below", "opens a scope in a shield", |cx| {
            cx.shield(A_WHILE, |_| {
                scope(|inner| {
                    let place = Arc::new(Place::default());
                    inner.spawn("inner", "waits", move |cx| Ok(place.wait(cx)?))?;
                    Ok(())
                })
            })?;
            Ok(())
        })?;
        eventually("it waits", || s.dump_status().contains("condvar"));
        below.stop();
        Ok(drop(below.join_timeout(LIMIT).expect("it ends")))
    });
}

#[test]
fn s8_overdue_ends_a_shield() {
    // catches: a waiter in a shield that is not told that it is overdue
    in_scope(|s| {
        let late = s.spawn("late", "hides for ever", |cx| {
            let place = Place::default();
            Ok(cx.shield(NEVER, |cx| place.wait(cx))?)
        })?;
        until_waiting(s, 1);
        let report = s.shutdown(A_WHILE);
        assert_eq!((report.total, report.timeout), (1, 1), "{report}");
        Ok(assert_stopped(late))
    });
}

#[test]
fn s10_a_deadline_ends_the_wait_and_a_time_out_is_told_from_it() {
    // catches: a time-out that hides a deadline, or a deadline that is not asked
    in_scope(|s| {
        let (cx, place) = (s.context(), Place::default());
        let mut ready = place.ready.lock();
        let timed = cx.wait_while_timeout(&place.changed, &mut ready, |ready| !*ready, A_WHILE);
        assert!(matches!(timed, Err(WaitError::TimedOut)), "{timed:?}");
        let at = Instant::now() + A_WHILE;
        let ended = cx.with_deadline(at, |cx| {
            cx.wait_while_timeout(&place.changed, &mut ready, |ready| !*ready, NEVER)
        });
        let Err(WaitError::Stopped(stopped)) = ended else { panic!("{ended:?}") };
        assert!(matches!(stopped.reason(), StopReason::Deadline) && Instant::now() >= at);
        *ready = true;
        Ok(cx.wait_while_timeout(&place.changed, &mut ready, |ready| !*ready, Duration::ZERO)?)
    });
}

#[test]
fn e7_no_callback_runs_under_the_mutex_when_a_deadline_is_found_to_have_passed() {
    // catches: a callback that locks what its own thread holds
    in_scope(|s| {
        let place = Arc::new(Place::default());
        let (own, runs) = (place.clone(), Arc::new(AtomicUsize::new(0)));
        for lead in [Duration::ZERO, A_WHILE] {
            let (own, ran) = (own.clone(), runs.clone());
            s.context().with_deadline(Instant::now() + lead, |cx| {
                let _told = cx.on_stop(move || {
                    drop(own.ready.lock());
                    ran.fetch_add(1, Ordering::Relaxed);
                });
                assert!(place.wait(cx).is_err());
            });
        }
        Ok(assert_eq!(runs.load(Ordering::Relaxed), 2))
    });
}

#[test]
fn s1_the_end_of_a_thread_wakes_who_waits_with_its_context() {
    // catches: a node that closes in silence; a foreign thread for which nobody rings
    in_scope(|s| {
        for held in [false, true] {
            let place = Arc::new(Place::default());
            let (give, take) = bounded(1);
            let (open, gate) = gate();
            let lends = s.spawn("lends", "gives its context away", move |cx| {
                give.send(cx.clone())?;
                Ok(pass(&gate))
            })?;
            let leaked = take.recv()?;
            let (own, (say, asked)) = (place.clone(), bounded(1));
            let foreign = std::thread::spawn(move || {
                let mut ready = own.ready.lock();
                leaked
                    .wait_while(&own.changed, &mut ready, |_| {
                        let _once_is_enough = say.try_send(());
                        true
                    })
                    .is_err()
            });
            asked.recv()?;
            let guard = held.then(|| place.ready.lock());
            drop(open);
            lends.join()?;
            drop(guard);
            assert!(foreign.join().unwrap());
        }
        Ok(())
    });
}

#[test]
fn s1_the_end_of_a_root_under_the_mutex_wakes_a_foreign_thread_and_waits_for_nobody() {
    // catches: a root whose end waits for the mutex that its own thread holds
    within(|| {
        for _ in 0..20 {
            let place = Arc::new(Place::default());
            let (say, asked) = bounded(1);
            let own = place.clone();
            let mut foreign = None;
            scope(|s| {
                let cx = s.context().clone();
                foreign = Some(std::thread::spawn(move || {
                    let mut ready = own.ready.lock();
                    let ask = |_: &mut bool| {
                        let _once_is_enough = say.try_send(());
                        true
                    };
                    cx.wait_while(&own.changed, &mut ready, ask).is_err()
                }));
                asked.recv()?;
                // Until the scope is over.
                std::mem::forget(place.ready.lock());
                Ok(())
            })
            .unwrap();
            assert!(place.ready.is_locked());
            place.changed.notify_all();
            // The guard was forgotten above: this thread holds it.
            unlock(&place.ready);
            assert!(foreign.expect("started").join().unwrap());
        }
    });
}

#[allow(unsafe_code)]
fn unlock(mutex: &Mutex<bool>) {
    // SAFETY: the calling thread has locked it, and forgot the guard.
    unsafe { mutex.force_unlock() };
}
