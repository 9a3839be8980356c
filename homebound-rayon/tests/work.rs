//! Owns the tests of what a pool of rayon's does with its work: panics, errors, stops, the order of
//! ends.
//! Refuses to know how its threads begin and end: see `ends`.

#![cfg(unix)]
#![allow(clippy::incompatible_msrv)] // tests are built with a newer Rust than the library asks for
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

#[path = "../../tests/common/mod.rs"]
mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use common::*;
use crossbeam_channel::bounded;
use homebound::{Cause, Result, scope, scope_named};
use homebound_rayon::RayonPool;
use rayon::prelude::*;

#[test]
fn in4_a_panic_in_a_spawned_job_is_a_failure_of_the_scope() {
    // catches: rayon's abort; a failure without its thread and its place; a scope that goes on
    within(|| {
        let error = scope_named("app", |s| {
            let pool = RayonPool::new(s, "ray", "crunches", 2)?;
            pool.install(|| rayon::spawn(|| panic!("the job broke")))?;
            s.context().wait_for_stop();
            // The pool is told at once: its group has failed.
            assert!(pool.install(|| 1).is_err());
            Ok(())
        });
        let error = error.unwrap_err();
        let failure = error.first().expect("one failure");
        assert_eq!(error.failures().len(), 1, "{error}");
        assert!(failure.path().starts_with("/app/ray/ray-"), "{}", failure.path());
        match failure.cause() {
            Cause::Panic { message: "the job broke", location: Some(place) } => {
                assert!(place.contains("work.rs:"), "{place}");
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn in4_an_error_of_a_spawned_job_is_a_failure_and_a_stop_is_none() {
    within(|| {
        let error = scope(|s| {
            let pool = RayonPool::new(s, "ray", "crunches", 1)?;
            pool.spawn(|cx| {
                assert_eq!(cx.name(), "ray-0");
                Err("no such file")?
            })?;
            s.context().wait_for_stop();
            Ok(())
        });
        let error = error.unwrap_err();
        assert!(error.first().unwrap().to_string().ends_with("no such file"), "{error}");
        scope(|s| {
            let pool = RayonPool::new(s, "ray", "crunches", 1)?;
            let (begin, begun) = gate();
            pool.spawn(move |cx| {
                drop(begin);
                until_stopped(cx)
            })?;
            pass(&begun);
            pool.stop();
            Ok(pool.close()?)
        })
        .unwrap();
    });
}

/// Stops a loop that would go on for ever; returns how long the end has taken.
fn stop_a_loop() -> Duration {
    let stopped_at = std::sync::Mutex::new(None);
    let result: Result<(), _> = scope(|s| {
        let pool = RayonPool::new(s, "ray", "crunches", 2)?;
        let (begin, begun) = bounded(1);
        let stopper = s.stopper();
        let stopped_at = &stopped_at;
        s.spawn("alarm", "stops the scope when the loop runs", move |_| {
            begun.recv()?;
            *stopped_at.lock().unwrap() = Some(Instant::now());
            Ok(stopper.stop_because("the alarm rang"))
        })?;
        let cx = s.context();
        pool.install(|| {
            (0..u64::MAX).into_par_iter().try_for_each(|_| -> Result {
                let _the_first_is_enough = begin.try_send(());
                cx.checkpoint()?;
                Ok(())
            })
        })??;
        unreachable!("the loop has no end")
    });
    let took = stopped_at.into_inner().unwrap().expect("stopped").elapsed();
    let error = result.unwrap_err();
    assert!(error.failures().is_empty(), "{error}");
    assert_eq!(error.stop_reason().expect("stopped").to_string(), "the alarm rang");
    took
}

#[test]
fn in5_a_stop_ends_a_loop_in_milliseconds_and_the_run_is_stopped() {
    // catches: a stop seen on rayon's threads that counts as a failure of the body
    within(|| {
        // A busy machine may take its time, but not each time.
        eventually("it is fast", || stop_a_loop() < Duration::from_millis(100));
    });
}

#[test]
fn in5_the_loop_of_a_worker_ends_on_its_own_stop() {
    within(|| {
        scope(|s| {
            let pool = Arc::new(RayonPool::new(s, "ray", "crunches", 2)?);
            let (begin, begun) = bounded(1);
            let shared = Arc::clone(&pool);
            let worker = s.spawn("search", "never finds", move |cx| {
                Ok(shared.install(|| {
                    (0..u64::MAX).into_par_iter().try_for_each(|_| {
                        let _the_first_is_enough = begin.try_send(());
                        cx.checkpoint()
                    })
                })??)
            })?;
            begun.recv()?;
            worker.stop();
            assert!(matches!(worker.join(), Err(homebound::JoinError::Stopped(_))));
            assert_eq!(pool.install(|| 2)?, 2, "the pool was not stopped");
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn after_its_stop_a_pool_takes_no_work() {
    // catches: a stop of the pool that is a failure of its scope; work that begins after the stop
    within(|| {
        scope(|s| {
            let pool = RayonPool::new(s, "ray", "crunches", 2)?;
            pool.stopper().stop_because("no more");
            let stopped = pool.install(|| unreachable!("it is stopped")).unwrap_err();
            assert_eq!(stopped.reason().to_string(), "no more");
            assert!(pool.spawn(|_| unreachable!("it is stopped")).is_err());
            assert!(!s.is_stopping());
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn a_caller_that_is_stopping_starts_no_work_but_in_a_shield() {
    within(|| {
        let result: Result<(), _> = scope(|s| {
            let pool = RayonPool::new(s, "ray", "crunches", 2)?;
            s.stop();
            let cx = s.context();
            assert_eq!(cx.shield(NEVER, |_| pool.install(|| 3)).expect("in a shield"), 3);
            Ok(pool.install(|| unreachable!("the caller is stopping"))?)
        });
        assert!(result.unwrap_err().stop_reason().is_some());
    });
}

#[test]
fn a_pool_is_there_until_its_users_are_home_and_works_off_what_it_was_given() {
    // catches: a pool that is stopped with the workers that use it; jobs that are dropped
    within(|| {
        let ran = Arc::new(AtomicUsize::new(0));
        scope(|s| {
            let pool = Arc::new(RayonPool::new(s, "ray", "crunches", 1)?);
            let (go, gone) = gate();
            let (shared, counts) = (Arc::clone(&pool), Arc::clone(&ran));
            s.spawn("user", "uses the pool when the body is over", move |_| {
                pass(&gone);
                for _ in 0..100 {
                    let counts = Arc::clone(&counts);
                    shared.spawn(move |_| {
                        counts.fetch_add(1, SeqCst);
                        Ok(())
                    })?;
                }
                std::mem::forget(shared);
                Ok(())
            })?;
            std::mem::forget(pool);
            Ok(drop(go))
        })
        .unwrap();
        assert_eq!(ran.load(SeqCst), 100);
    });
}

#[test]
fn the_dump_shows_that_a_caller_waits_for_rayon() {
    within(|| {
        scope(|s| {
            let pool = RayonPool::new(s, "ray", "crunches", 1)?;
            let seen = pool.install(|| {
                let cx = homebound::current().expect("a thread of the pool");
                assert_eq!((cx.name(), cx.purpose()), ("ray-0", "crunches"));
                // An install inside runs in place.
                pool.install(|| s.dump_status()).expect("nothing stops it")
            })?;
            assert!(seen.contains("waits: rayon at "), "{seen}");
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn a_panic_of_the_closure_is_the_callers() {
    within(|| {
        let error = scope(|s| {
            let pool = Arc::new(RayonPool::new(s, "ray", "crunches", 2)?);
            let caller = s.thread("caller", "asks the pool").isolated();
            let shared = Arc::clone(&pool);
            let caller = caller.spawn(move |_| Ok(shared.install(|| -> u8 { panic!("inside") })?))?;
            let failure = match caller.join() {
                Err(homebound::JoinError::Failed(failure)) => failure,
                other => panic!("{other:?}"),
            };
            assert_eq!(failure.name(), "caller");
            assert_eq!(place(&failure), "inside");
            assert_eq!(pool.install(|| 4)?, 4, "the thread of the pool lives on");
            Ok(())
        });
        error.unwrap();
    });
}

/// The text of a panic whose place is in this file.
#[track_caller]
fn place(failure: &homebound::Failure) -> &str {
    match failure.cause() {
        Cause::Panic { message, location: Some(place) } if place.contains("work.rs:") => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn in4_a_panic_on_whatever_thread_of_the_pool_has_its_place() {
    // catches: a place that stays with the thread that has raised the panic
    fn fails(work: fn(&RayonPool<'_>)) -> homebound::Failure {
        let error = scope(|s| {
            s.spawn("caller", "asks the pool", move |cx| {
                Ok(work(&RayonPool::in_scope_of(cx, "ray", "crunches", 2)?))
            })?;
            Ok(())
        });
        error.unwrap_err().first().expect("one failure").clone()
    }
    within(|| {
        fn late(n: u32) {
            assert_ne!(n, 777, "is odd");
        }
        let all =
            fails(|pool| pool.install(|| (0..1_000).into_par_iter().for_each(late)).expect("not stopped"));
        assert!(place(&all).contains("is odd"), "{all}");
        let joined = fails(|pool| {
            let ((), ()) = pool.install(|| rayon::join(|| (), || panic!("in a join"))).expect("not stopped");
        });
        assert_eq!(place(&joined), "in a join");
        let nested = fails(|pool| {
            let inner =
                RayonPool::in_scope_of(&homebound::current().expect("a caller"), "cast", "crunches", 1);
            let inner = inner.expect("started");
            pool.install(|| inner.install(|| panic!("in two pools")))
                .expect("not stopped")
                .expect("not stopped")
        });
        assert_eq!(place(&nested), "in two pools");
    });
}

#[test]
fn an_install_on_a_thread_of_the_pool_is_no_wait() {
    // catches: a thread that computes, and is shown and judged as a thread that waits
    within(|| {
        scope(|s| {
            let pool = RayonPool::new(s, "ray", "crunches", 1)?;
            let seen = pool.install(|| pool.install(|| s.snapshot()))??;
            let rows = all_threads(&seen);
            let row = rows.iter().find(|row| row.name == "ray-0").expect("a row");
            assert!(row.wait.is_none(), "{row:?}");
            Ok(())
        })
        .unwrap();
    });
}
