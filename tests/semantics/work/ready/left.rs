//! RE3 to RE5: starters that leave without a service that is ready.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crossbeam_channel::{bounded, unbounded};
use homebound::{BoxError, Ready, SpawnError, StartError, StopReason, is_stop, scope};

use super::{SOON, Taken, starts_deaf, status};
use crate::common::*;

#[test]
fn re3_an_end_without_the_word_is_not_ready() {
    // catches: a start that waits for its limit though the thread is over
    in_scope(|s| {
        let started = s.thread("web", "forgets to say it").start::<(), _>(NEVER, |_, _ready| Ok(()));
        assert!(matches!(started, Err(StartError::NotReady)), "{started:?}");
        // The `Ready` lives on elsewhere, when the closure is over.
        let elsewhere = Arc::new(Mutex::new(None));
        let kept = elsewhere.clone();
        let started = s.thread("web", "gives it away").start(NEVER, move |_, ready: Ready<String>| {
            *kept.lock().unwrap() = Some(ready);
            Ok(())
        });
        assert!(matches!(started, Err(StartError::NotReady)), "{started:?}");
        let late = elsewhere.lock().unwrap().take().expect("it was given away");
        late.set("too late".to_owned());
        let started =
            s.thread("web", "leaks it").start(NEVER, |_, ready: Ready<()>| Ok(std::mem::forget(ready)));
        assert!(matches!(started, Err(StartError::NotReady)), "{started:?}");
        Ok(assert!(!s.is_stopping()))
    });
}

#[test]
fn re3_a_service_that_drops_its_word_and_goes_on_is_told_to_stop() {
    // catches: a start that waits for its limit though the service cannot become ready
    in_scope(|s| {
        let (tell, told) = bounded(1);
        let started = s.thread("web", "drops its word").start(NEVER, move |cx, ready: Ready<()>| {
            drop(ready);
            tell.send(cx.wait_for_stop().to_string())?;
            until_stopped(cx)
        });
        assert!(matches!(started, Err(StartError::NotReady)), "{started:?}");
        assert_eq!(told.recv()?, "its `Ready` was dropped");
        // One that fails then has failed, and one that does not hear it is left behind.
        let started = s.thread("web", "drops its word").start(NEVER, move |cx, ready: Ready<()>| {
            drop(ready);
            cx.wait_for_stop();
            Err(Taken(80))?
        });
        assert!(matches!(started, Err(StartError::Failed(_))), "{started:?}");
        let (open, gate) = gate();
        let started = s.thread("web", "drops its word").start(SOON, move |_, ready: Ready<()>| {
            drop(ready);
            Ok(pass(&gate))
        });
        assert!(matches!(started, Err(StartError::NotReady)), "{started:?}");
        drop(open);
        Ok(assert!(!s.is_stopping()))
    });
}

#[test]
fn re4_the_time_is_over_and_the_service_is_told_and_stays_until_it_is_home() {
    // catches: a thread that is let go of though it borrows, a time-out that tells nobody
    within(|| {
        let lender = Lender::new();
        scope(|s| {
            let (loan, begin) = (lender.lend(), Instant::now());
            let (tell, told) = bounded(1);
            let started = s.thread("web", "is slow").start(SOON, move |cx, ready: Ready<()>| {
                tell.send(cx.wait_for_stop().to_string())?;
                linger(20);
                ready.set(());
                Ok(loan.touch())
            });
            assert!(matches!(started, Err(StartError::TimedOut { limit: SOON })), "{started:?}");
            assert!(begin.elapsed() >= SOON);
            Ok(assert_eq!(told.recv()?, "it was not ready within 50.0 ms"))
        })
        .unwrap();
        lender.assert_unused();
    });
}

#[test]
fn re4_a_failure_after_the_time_is_the_scopes() {
    // catches: a failure that is nobody's, since its starter has left
    within(|| {
        let result = scope(|s| {
            let started = s.thread("web", "fails late").start(SOON, |cx, _ready: Ready<()>| {
                cx.wait_for_stop();
                Err(boom("could not clean up"))
            });
            assert!(matches!(started, Err(StartError::TimedOut { .. })), "{started:?}");
            let reason = s.context().wait_for_stop();
            Ok(assert!(matches!(origin(&reason), StopReason::Failed { .. }), "{reason}"))
        });
        assert_eq!(result.unwrap_err().failures().len(), 1);
    });
}

#[test]
fn re4_a_value_that_comes_too_late_is_dropped_by_its_thread() {
    // catches: a value that is kept in the slot for ever, or dropped after what it borrows
    within(|| {
        let lender = Lender::new();
        scope(|s| {
            let lender = &lender;
            let (tell, told) = bounded(1);
            let started = s.thread("web", "is late").start(SOON, move |cx, ready| {
                cx.wait_for_stop();
                ready.set(lender.lend());
                tell.send(lender.in_use())?;
                Ok(())
            });
            assert!(matches!(started, Err(StartError::TimedOut { .. })));
            Ok(assert_eq!(told.recv()?, 0))
        })
        .unwrap();
    });
}

#[test]
fn re5_a_stop_of_the_starter_ends_the_wait_and_stops_the_service() {
    // catches: trio#2258: a start that hangs when it is cancelled
    within(|| {
        let result = scope(|s| {
            let stopper = s.stopper();
            let started = s.thread("web", "is never ready").start(NEVER, move |cx, _ready: Ready<()>| {
                stopper.stop_because("enough");
                until_stopped(cx)
            });
            let error = started.expect_err("it is never ready");
            assert!(
                matches!(&error, StartError::Stopped(stopped) if stopped.reason().to_string() == "enough")
            );
            assert!(is_stop(&error));
            // By the same stop both have stopped, and none has failed.
            Err::<(), BoxError>(error.into())
        });
        let error = result.unwrap_err();
        assert_eq!(error.failures().len(), 0, "{error}");
        assert_eq!(error.stop_reason().map(ToString::to_string).as_deref(), Some("enough"));
    });
}

#[test]
fn re5_the_deadline_of_the_callers_context_counts_and_a_stopped_caller_spawns_nothing() {
    // catches: a wait that only knows the scope of the service
    in_scope(|s| {
        let started = s.context().with_deadline(Instant::now() + SOON, |_| starts_deaf(s, "web", NEVER));
        assert!(
            matches!(&started, StartError::Stopped(stopped) if *stopped.reason() == StopReason::Deadline)
        );
        let (tell, told) = unbounded::<()>();
        let started = s.context().with_deadline(Instant::now(), |_| {
            s.thread("late", "is not spawned").start(NEVER, move |_, ready| {
                tell.send(())?;
                Ok(ready.set(()))
            })
        });
        assert!(matches!(started, Err(StartError::Stopped(_))), "{started:?}");
        assert!(told.recv().is_err(), "the closure was dropped, and did not run");
        Ok(assert!(!s.is_stopping()))
    });
}

#[test]
fn re5_a_starter_outside_of_all_scopes_hears_the_stop_of_the_scope() {
    // catches: a foreign thread that waits for the whole limit
    in_scope(|s| {
        let cx = s.context().clone();
        let foreign = std::thread::spawn(move || {
            let started =
                cx.thread("web", "is never ready").start(NEVER, |cx, _ready: Ready<()>| until_stopped(cx));
            matches!(started, Err(StartError::Stopped(_)))
        });
        eventually("it is being started", || status(s, "web").is_some());
        s.stop();
        Ok(assert!(foreign.join().expect("no panic")))
    });
}

#[test]
fn re5_a_scope_that_admits_no_thread_is_a_stop() {
    // catches: two errors for one stop, by the millisecond in which it comes
    within(|| {
        let outer = scope(|outer| {
            outer.subscope("inner", |inner| {
                inner.stop();
                // The context of the caller is that of the inner scope: not of the outer one.
                let started = outer.context().with_deadline(Instant::now() + NEVER, |_| {
                    inner.thread("web", "comes too late").start(NEVER, |_, ready| Ok(ready.set(())))
                });
                Ok(assert!(matches!(started, Err(StartError::Stopped(_))), "{started:?}"))
            })?;
            Ok(())
        });
        outer.unwrap();
    });
}

#[test]
fn re5_a_spawn_that_is_refused_is_the_error_of_the_start() {
    // catches: a refusal that is told as a thread that is not ready
    in_scope(|s| {
        let started = s.thread("", "has no name").start(NEVER, |_, ready| Ok(ready.set(())));
        assert!(matches!(started, Err(StartError::Spawn(SpawnError::InvalidName))), "{started:?}");
        let huge = s.thread("huge", "has a stack that cannot be").stack_size(usize::MAX / 2);
        let started = huge.start(NEVER, |_, ready| Ok(ready.set(())));
        let Err(error @ StartError::Spawn(SpawnError::Os(_))) = started else { panic!("{started:?}") };
        Ok(assert!(error.source().is_some()))
    });
}
