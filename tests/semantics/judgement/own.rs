//! A thread's own stop is no failure, whichever way the stop came to it.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::Duration;

use super::{asked_elsewhere, assert_stopped, body, deep, wraps};
use crate::common::*;
use crossbeam_channel::{Receiver, bounded};
use homebound::{Ending, JoinError, Result, Scope, Stopped, scope};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

#[test]
fn s3_a_stop_of_ones_own_may_be_seen_on_a_foreign_thread() {
    // catches: a stop that counts only on the thread that made it: exit code 1 on each clean
    // SIGTERM
    within(|| {
        for (name, wrap) in wraps() {
            let error = body(|s| {
                s.stop();
                wrap(asked_elsewhere(s.context()).into())
            });
            assert_stopped(&error, name);
            let error = body(|s| {
                s.stop();
                let shielded = s.context().shield(Duration::ZERO, asked_elsewhere);
                wrap(shielded.into())
            });
            assert_stopped(&error, name);
            in_scope(move |s| {
                let worker = s.spawn("worker", "asks elsewhere", move |cx| -> Result {
                    Err(wrap(asked_elsewhere(cx).into()))
                })?;
                worker.stop();
                Ok(assert!(matches!(worker.join(), Err(JoinError::Stopped(_))), "{name}"))
            });
        }
    });
}

#[test]
fn s3_a_parallel_loop_that_asks_its_own_context_is_stopped() {
    // catches: the same with rayon's workers, whose error comes home through `install`
    within(|| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let error = body(|s| {
            let stopper = s.stopper();
            let looped = pool.install(|| {
                (0..u32::MAX).into_par_iter().try_for_each(|number| {
                    if number == 7 {
                        stopper.stop();
                    }
                    s.context().checkpoint()
                })
            });
            looped.unwrap_err().into()
        });
        assert_stopped(&error, "rayon");
    });
}

#[test]
fn s3_a_siblings_stop_is_ones_own_if_one_call_stopped_both() {
    // catches: a stop that is recognised by the thread that made it
    within(|| {
        for (name, wrap) in &wraps()[..2] {
            let result = scope(|s| {
                let (give, take) = bounded::<Stopped>(1);
                s.spawn("gives", "is stopped", move |cx| -> Result {
                    let stopped = cx.sleep(NEVER).unwrap_err();
                    give.send(stopped.clone())?;
                    Err(stopped.into())
                })?;
                s.spawn("takes", "returns what it is given", move |_| -> Result {
                    Err(wrap(take.recv()?.into()))
                })?;
                Ok(s.stop())
            });
            assert!(result.is_ok(), "{name}: {result:?}");
        }
    });
}

#[test]
fn s3_a_service_that_is_told_last_may_be_given_the_stop_before() {
    // catches: an answer that depends on whether the service was told already
    within(|| {
        let result = scope(|s| {
            let (give, take) = bounded::<Stopped>(1);
            let (up, ready) = gate();
            let service = s.service("sink", "takes what the worker has", move |_| {
                drop(up);
                Err(take.recv()?.into())
            })?;
            ready.recv().unwrap_err();
            let finished = service.done().clone();
            s.spawn("worker", "gives its stop to a service, and outlives it", move |cx| {
                give.send(cx.sleep(NEVER).unwrap_err())?;
                // The workers are not home: nobody tells the services.
                Ok(assert!(finished.recv().is_err()))
            })?;
            Ok(s.stop())
        });
        assert!(result.is_ok(), "{result:?}");
        let report = scope(|s| {
            let group = s.group("inner")?;
            let (give, take) = bounded::<Stopped>(1);
            let inside =
                group.spawn("inside", "is given the stop of the scope around", move |_| -> Result {
                    Err(take.recv()?.into())
                })?;
            s.spawn("worker", "gives it, and outlives the other", move |cx| {
                give.send(cx.sleep(NEVER).unwrap_err())?;
                Ok(assert!(matches!(inside.join(), Err(JoinError::Stopped(_)))))
            })?;
            s.stop();
            Ok(s.shutdown(NEVER))
        });
        let report = report.unwrap();
        assert!(report.threads.iter().all(|row| row.ending != Ending::Failed), "{report}");
    });
}

/// Runs a body in ten scopes, one after another. Each must end without a failure.
fn ten_times(body: impl for<'s> Fn(&'s Scope<'s, 'static>) -> Result + Send + 'static) {
    within(move || {
        for round in 0..10 {
            let result = scope(&body);
            assert!(result.is_ok(), "round {round}: {result:?}");
        }
    });
}

/// Starts a thread with a thousand nodes below it, which a stop has to mark before the threads that
/// were spawned earlier. The nodes are there when this returns.
fn takes_long_to_mark(s: &Scope<'_, '_>) -> Result {
    let (up, ready) = gate();
    s.thread("deep", "takes long to mark").stack_size(64 << 20).spawn(move |cx| {
        let mut up = Some(up);
        deep(cx, 1000, &mut || {
            drop(up.take());
            cx.wait_for_stop();
        })
    })?;
    ready.recv().unwrap_err();
    Ok(())
}

#[test]
fn s3_what_an_error_is_does_not_depend_on_how_far_the_marking_has_come() {
    // catches: a stop of one's own that arrives by a faster way than the mark
    ten_times(|s| {
        let (give, take): (_, Receiver<Stopped>) = bounded(1);
        // The last made is marked first.
        s.spawn("late", "is marked last, is given a stop, and returns it", move |_| -> Result {
            loop {
                // At once: to be woken takes as long as to mark.
                if let Ok(stopped) = take.try_recv() {
                    return Err(stopped.into());
                }
                std::hint::spin_loop();
            }
        })?;
        takes_long_to_mark(s)?;
        s.spawn("early", "is marked first, and spins", move |cx| {
            loop {
                if let Err(stopped) = cx.checkpoint() {
                    return Ok(give.send(stopped)?);
                }
            }
        })?;
        Ok(s.stop())
    });
}

#[test]
fn s3_who_is_left_by_a_sibling_that_was_stopped_is_stopped() {
    // catches: the disconnection that a stop causes, where it comes by a faster way than the mark
    ten_times(|s| {
        let (give, take) = gate();
        s.spawn("late", "is marked last, and left", move |cx| Ok(cx.recv(&take)?))?;
        takes_long_to_mark(s)?;
        s.spawn("early", "is marked first, and leaves", move |cx| {
            while !cx.is_stopping() {
                std::hint::spin_loop();
            }
            Ok(drop(give))
        })?;
        Ok(s.stop())
    });
}

#[test]
fn s3_a_service_whose_users_have_left_for_a_stop_is_stopped() {
    // catches: the disconnection that a stop causes, taken for a failure of the service, which is
    // told last: exit code 1
    within(|| {
        let result = scope(|s| {
            let (give, take) = bounded::<u32>(0);
            s.service("clerk", "takes what comes", move |cx| {
                loop {
                    cx.recv(&take)?;
                }
            })?;
            s.spawn("worker", "sends, and leaves", move |cx| {
                cx.send(&give, 1)?;
                Ok(drop((cx.wait_for_stop(), give)))
            })?;
            // So that the worker is home before the service is told.
            let (hold, held) = gate();
            s.spawn("late", "keeps the services from being told", move |_| Ok(pass(&held)))?;
            s.stop();
            s.context().shield(NEVER, |_| {
                eventually("the clerk has left", || s.active_threads().iter().all(|row| row.name != "clerk"));
            });
            Ok(drop(hold))
        });
        assert!(result.is_ok(), "{result:?}");
    });
}
