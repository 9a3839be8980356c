//! S10: a deadline is a stop of its closure, and the nearer deadline counts.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::io;
use std::time::{Duration, Instant};

use super::SOON;
use crate::common::*;
use crossbeam_channel::bounded;
use homebound::{Context, JoinError, Result, Scope, SpawnError, StopReason, scope};

#[test]
fn s10_a_deadline_stops_its_closure_and_what_is_opened_inside() {
    // catches: a deadline that leaks out, comes late, or misses the scopes inside
    within(|| {
        let result = scope(|s| {
            let cx = s.context();
            assert_eq!(cx.deadline(), None);
            // Late enough for a busy machine to have spawned before it.
            let at = Instant::now() + SOON * 20;
            let outside = cx.with_deadline(at, |timed| {
                assert_eq!(timed.deadline(), Some(at));
                let outside = s.spawn("outside", "is not below the deadline", until_stopped)?;
                let inside = scope(|below| {
                    assert_eq!(below.context().deadline(), Some(at));
                    below.spawn("inside", "is stopped by it", until_stopped)?;
                    Ok(())
                });
                assert!(inside.is_ok() && Instant::now() >= at);
                assert_eq!(timed.wait_for_stop(), StopReason::Deadline);
                assert!(timed.is_stopping() && disconnected(timed.stop_signal()));
                assert_eq!(*timed.checkpoint().unwrap_err().reason(), StopReason::Deadline);
                Ok::<_, SpawnError>(outside)
            })?;
            assert!(!cx.is_stopping() && !outside.is_finished());
            outside.stop();
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s10_the_nearer_deadline_counts() {
    // catches: an inner deadline that extends the outer one
    within(|| {
        let result = scope(|s| {
            let (near, far) = (Instant::now() + SOON, Instant::now() + NEVER);
            s.context().with_deadline(near, |outer| {
                outer.with_deadline(far, |inner| {
                    assert_eq!(inner.deadline(), Some(near));
                    assert!(inner.sleep(NEVER).is_err());
                });
            });
            s.context().with_deadline(far, |outer| {
                outer.with_deadline(near, |inner| {
                    assert_eq!(inner.deadline(), Some(near));
                    assert!(inner.sleep(NEVER).is_err());
                });
                assert!(!outer.is_stopping());
            });
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s10_each_kind_of_wait_and_select_and_callbacks_see_the_deadline() {
    // catches: a wait without its own time-out; a signal or callback that arms no timer
    within(|| {
        for (kind, wait) in every_wait() {
            let result = scope(|s| {
                let at = Instant::now() + SOON;
                let error = s.context().with_deadline(at, wait).unwrap_err();
                assert!(Instant::now() >= at, "{kind}: too early");
                drop(error);
                Ok(())
            });
            assert!(result.is_ok(), "{kind}: {result:?}");
        }
        let called = scope(|s| {
            let (ran, runs) = bounded(1);
            s.context().with_deadline(Instant::now() + SOON, |timed| {
                let _guard = timed.on_stop(move || ran.send(()).unwrap());
                Ok(runs.recv()?)
            })
        });
        called.unwrap();
    });
}

#[test]
fn s10_a_stop_before_the_deadline_is_a_stop() {
    // catches: a deadline context cut off from its parent
    within(|| {
        let result = scope(|s| {
            let stopper = s.stopper();
            s.spawn("stops", "stops its scope", move |_| Ok(stopper.stop_because("now")))?;
            s.context().with_deadline(Instant::now() + NEVER, |timed| {
                let reason = timed.wait_for_stop();
                assert_eq!(*origin(&reason), StopReason::Custom("now".into()));
            });
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s10_an_error_of_ones_own_deadline_is_not_a_stop_of_the_thread() {
    // catches: a time-out that passes for a stop although nobody asked the thread to stop
    within(|| {
        let result = scope(|s| {
            let timed = |cx: &Context| cx.with_deadline(Instant::now() + SOON, until_stopped);
            let worker = s.thread("timed", "runs into its deadline").isolated().spawn(timed)?;
            assert!(matches!(worker.join(), Err(JoinError::Failed(_))));
            Ok(())
        });
        result.unwrap();
    });
}

fn last_moment() -> Instant {
    let (mut last, mut step) = (Instant::now(), Duration::MAX);
    while !step.is_zero() {
        match last.checked_add(step) {
            Some(later) => last = later,
            None => step /= 2,
        }
    }
    last
}

/// Every way to wait for long, in a deadline at the last of all moments; each is ended by the stop.
fn waits_for_ever(s: &Scope<'_, '_>) -> Result {
    type Wait = fn(&Context) -> bool;
    let waits: [(&'static str, Wait); 9] = [
        ("sleep", |cx| cx.sleep(Duration::MAX).is_err()),
        ("sleep-until", |cx| cx.sleep_until(last_moment()).is_err()),
        ("receive", |cx| cx.recv_timeout(&bounded::<()>(0).1, Duration::MAX).is_err()),
        ("select", |cx| cx.stop_signal().recv().is_err()),
        ("callback", |cx| {
            let (told, tells) = bounded(1);
            let _told = cx.on_stop(move || told.send(()).expect("it is waited for"));
            tells.recv().is_ok()
        }),
        ("ticks", |cx| cx.ticks(Duration::MAX).next().is_none()),
        ("read", |cx| {
            let (ours, _theirs) = io::pipe().expect("a pipe");
            cx.wait_readable(&ours, Some(Duration::MAX)).is_err()
        }),
        ("shield", |cx| {
            cx.shield(Duration::MAX, |cx| cx.sleep(SOON).is_ok())
                && cx.wait_for_stop() == cx.stop_reason().unwrap()
        }),
        ("scope", |cx| {
            let ended =
                scope(|s| Ok(s.spawn("inner", "waits", |cx| Ok(cx.sleep(Duration::MAX)?))?.join()?));
            ended.is_err() && cx.is_stopping()
        }),
    ];
    let workers = waits.into_iter().map(|(name, wait)| {
        s.spawn(name, "waits", move |cx| {
            let at = last_moment();
            Ok(cx.with_deadline(at, |cx| cx.with_deadline(at, wait)))
        })
    });
    let workers = workers.collect::<std::result::Result<Vec<_>, _>>()?;
    for worker in &workers {
        assert!(!worker.is_finished());
    }
    linger(20);
    s.shutdown(Duration::MAX);
    for worker in workers {
        let name = worker.name().to_owned();
        let joined = worker.join_timeout(Duration::MAX).expect("it has ended");
        assert!(joined?, "{name} was ended by the stop");
    }
    Ok(())
}

#[test]
fn s10_the_last_of_all_moments_is_a_moment() {
    // catches: arithmetic on a deadline that overflows
    child_passes(|_| {
        scope(waits_for_ever).unwrap();
        let forever = homebound::Registry::new("app").grace(Duration::MAX).kill_after(Duration::MAX);
        forever.run(waits_for_ever).into_result().unwrap();
        0
    });
}
