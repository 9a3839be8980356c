//! The library has at most one thread of its own for all waits of a root.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::Arc;
use std::time::Instant;

use super::{A_WHILE, Place, until_waiting};
use crate::common::*;
use crossbeam_channel::{RecvTimeoutError, bounded, unbounded};
use homebound::registry::Registry;
use homebound::{Role, Scope, scope};

fn internal(s: &Scope<'_, '_>) -> Vec<String> {
    let mut all = all_threads(&s.snapshot());
    all.retain(|thread| thread.role == Role::Internal);
    all.into_iter().map(|thread| thread.name.to_string()).collect()
}

#[test]
fn p10_a_standalone_root_has_one_internal_thread_and_only_if_someone_waits() {
    // catches: a thread for each wait, a second thread beside the timer's, a thread that is not in
    // the tree
    in_scope(|s| {
        let place = Arc::new(Place::default());
        place.set();
        place.wait(s.context())?;
        assert!(internal(s).is_empty(), "nobody waited");
        *place.ready.lock() = false;
        for _ in 0..5 {
            let place = place.clone();
            s.spawn("waiter", "waits", move |cx| {
                cx.with_deadline(Instant::now() + NEVER, |cx| {
                    let _armed = cx.stop_signal();
                    Ok(place.wait(cx)?)
                })
            })?;
        }
        until_waiting(s, 5);
        assert_eq!(internal(s), ["homebound-timer"]);
        Ok(s.stop())
    });
}

#[test]
fn p2_the_internal_thread_is_joined() {
    // catches: a ringing thread that outlives its root
    child_passes(|_| {
        let tasks = || std::fs::read_dir("/proc/self/task").expect("there is /proc").count();
        let before = tasks();
        scope(|s| {
            let place = Place::default();
            let late =
                s.context().wait_while_timeout(&place.changed, &mut place.ready.lock(), |_| true, A_WHILE);
            assert!(late.is_err() && internal(s) == ["homebound-timer"]);
            Ok(())
        })
        .unwrap();
        eventually("the kernel has forgotten it", || tasks() == before);
        0
    });
}

#[test]
fn p10_a_registry_needs_no_thread_more_and_a_signal_wakes_all() {
    // catches: a third internal thread; a ring that waits behind a callback of the user's
    child_passes(|_| {
        let places: Vec<_> = (0..4).map(|_| Place::default()).collect();
        let (home, all_home) = unbounded();
        let exit = Registry::new("app").run(|s| {
            for i in 0..200 {
                let (place, home) = (&places[i % 4], home.clone());
                s.spawn("waiter", "waits", move |cx| {
                    let result = place.wait(cx);
                    home.send(())?;
                    Ok(result?)
                })?;
            }
            until_waiting(s, 200);
            let (begun, begins) = bounded(1);
            // It runs in *stopper*, and waits for the threads that are to be woken.
            let _told = s.context().on_stop(move || {
                begun.send(()).expect("someone waits for it");
                (0..200).for_each(|_| all_home.recv_timeout(LIMIT).expect("they hear the stop"));
            });
            let held = places[0].ready.lock();
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM)?;
            begins.recv_timeout(LIMIT)?;
            drop(held);
            let mut names = internal(s);
            names.sort();
            assert_eq!(names, ["homebound-stopper", "homebound-watch"]);
            Ok(())
        });
        assert!(exit.result.is_ok(), "{:?}", exit.result);
        assert_eq!((exit.shutdown.joined, exit.shutdown.timeout), (200, 0), "{}", exit.shutdown);
        0
    });
}

#[test]
fn p5_a_callback_on_the_one_internal_thread_may_wait_for_a_waiter() {
    // catches: doubts that wait behind a callback that waits for them
    in_scope(|s| {
        for _ in 0..20 {
            let (home, is_home) = bounded(1);
            let at = Instant::now() + A_WHILE;
            s.context().with_deadline(at, |cx| {
                let _told = cx.on_stop(move || {
                    // On a slow machine it may come too late to be spawned at all.
                    assert_ne!(
                        is_home.recv_timeout(LIMIT),
                        Err(RecvTimeoutError::Timeout),
                        "it hears the stop"
                    );
                });
                let ended = scope(|inner| {
                    inner.spawn("waiter", "is stopped by the deadline around it", move |cx| {
                        let place = Place::default();
                        let mut ready = place.ready.lock();
                        let mut asked = |_: &mut bool| Instant::now() < at || cx.checkpoint().is_ok();
                        while cx.wait_while(&place.changed, &mut ready, &mut asked).is_ok() {}
                        Ok(home.send(())?)
                    })?;
                    Ok(())
                });
                drop(ended);
            });
        }
        Ok(())
    });
}
