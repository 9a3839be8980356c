//! S3: which errors are stops, and whose: by the stop that came to the closure's own node, on whatever thread its proof was made.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::*;
use crossbeam_channel::{Receiver, bounded};
use homebound::{
    BoxError, Context, Ending, JoinError, Result, Scope, ScopeError, Stopped, WaitError, is_stop, scope,
};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

/// Hides what it holds from all that ask: no source, no text, and a `Debug` that says nothing.
struct Hides(#[allow(dead_code)] BoxError);

impl fmt::Debug for Hides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hides")
    }
}

/// Shows what it holds in its derived `Debug`, and has no source.
#[derive(Debug)]
struct Prints(#[allow(dead_code)] BoxError);

macro_rules! says_nothing {
    ($($name:ty),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("says nothing of its source")
            }
        }
        impl Error for $name {}
    )*};
}
says_nothing!(Hides, Prints, Unit, Small, Kind, Path);

/// Real errors, of the shapes that they have.
#[derive(Debug, Clone, PartialEq)]
struct Unit;
#[derive(Debug, Clone, PartialEq)]
struct Small(u32);
#[derive(Debug, Clone, PartialEq)]
enum Kind {
    #[allow(dead_code)]
    Other,
    Denied,
}
#[derive(Debug, Clone, PartialEq)]
struct Path {
    path: String,
}

type Wrap = (&'static str, fn(BoxError) -> BoxError);

fn wraps() -> [Wrap; 6] {
    [
        ("plain", |error| error),
        ("io", |error| io::Error::other(error).into()),
        ("prints", |error| Prints(error).into()),
        ("hides", |error| Hides(error).into()),
        ("hides in an io::Error", |error| io::Error::other(Hides(error)).into()),
        ("hides in anyhow's, with a context", |error| {
            anyhow::Error::new(Hides(error)).context("while waiting").into()
        }),
    ]
}

/// What a scope's body that returns this error comes to.
fn body(run: impl for<'s> FnOnce(&'s Scope<'s, '_>) -> BoxError) -> ScopeError {
    scope(|s| -> Result { Err(run(s)) }).unwrap_err()
}

#[track_caller]
fn assert_stopped(error: &ScopeError, what: &str) {
    assert!(error.stop_reason().is_some() && error.failures().is_empty(), "{what}: {error}");
}

#[track_caller]
fn assert_failed(error: &ScopeError, what: &str) {
    assert!(error.stop_reason().is_none() && error.failures().len() == 1, "{what}: {error}");
}

/// A stop that was made where this context was asked on a thread of the standard library's.
fn asked_elsewhere(cx: &Context) -> Stopped {
    thread::scope(|threads| threads.spawn(|| cx.sleep(NEVER).unwrap_err()).join().unwrap())
}

#[test]
fn s3_a_stop_of_ones_own_may_be_seen_on_a_foreign_thread() {
    // catches: a stop that counts only on the thread that made it: exit code 1 on each clean SIGTERM
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
    // catches: a stop that is known by who made it
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

/// So deep that to mark it takes a while.
fn deep(cx: &Context, levels: usize, go: &mut dyn FnMut()) -> Result {
    match levels {
        0 => Ok(go()),
        _ => cx.with_deadline(Instant::now() + NEVER, |inner| deep(inner, levels - 1, go)),
    }
}

#[test]
fn s3_what_an_error_is_does_not_depend_on_how_far_the_marking_has_come() {
    // catches: a stop of one's own that arrives by a faster way than the mark
    within(|| {
        for round in 0..10 {
            let result = scope(|s| {
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
                let (up, ready) = gate();
                s.thread("deep", "takes long to mark").stack_size(64 << 20).spawn(move |cx| {
                    let mut up = Some(up);
                    deep(cx, 1000, &mut || {
                        drop(up.take());
                        cx.wait_for_stop();
                    })
                })?;
                ready.recv().unwrap_err();
                s.spawn("early", "is marked first, and spins", move |cx| {
                    loop {
                        if let Err(stopped) = cx.checkpoint() {
                            return Ok(give.send(stopped)?);
                        }
                    }
                })?;
                Ok(s.stop())
            });
            assert!(result.is_ok(), "round {round}: {result:?}");
        }
    });
}

#[test]
fn s3_who_is_left_by_a_sibling_that_was_stopped_is_stopped() {
    // catches: the disconnection that a stop causes, where it comes by a faster way than the mark
    within(|| {
        for round in 0..10 {
            let result = scope(|s| {
                let (give, take) = gate();
                s.spawn("late", "is marked last, and left", move |cx| Ok(cx.recv(&take)?))?;
                let (up, ready) = gate();
                s.thread("deep", "takes long to mark").stack_size(64 << 20).spawn(move |cx| {
                    let mut up = Some(up);
                    deep(cx, 1000, &mut || {
                        drop(up.take());
                        cx.wait_for_stop();
                    })
                })?;
                ready.recv().unwrap_err();
                s.spawn("early", "is marked first, and leaves", move |cx| {
                    while !cx.is_stopping() {
                        std::hint::spin_loop();
                    }
                    Ok(drop(give))
                })?;
                Ok(s.stop())
            });
            assert!(result.is_ok(), "round {round}: {result:?}");
        }
    });
}

#[test]
fn s3_a_service_whose_users_have_left_for_a_stop_is_stopped() {
    // catches: the disconnection that a stop causes, taken for a failure of the service, which is told last: exit code 1
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

/// Somebody else's stops, by name: each is told of the scope that stops it or does not.
type Foreign = (&'static str, fn(&Scope<'_, '_>) -> BoxError);

fn foreign() -> Vec<Foreign> {
    vec![
        ("a child that I stopped", |s| {
            let child = s.context().thread("child", "is stopped").spawn(until_stopped).unwrap();
            child.stop();
            child.join().unwrap_err().into()
        }),
        ("a deadline inside", |s| {
            s.context().with_deadline(Instant::now(), |inner| inner.sleep(NEVER).unwrap_err().into())
        }),
        ("a scope inside a deadline", |s| {
            let inner = s.context().with_deadline(Instant::now() + Duration::from_millis(5), |_| {
                scope(|inner| Ok(inner.context().sleep(NEVER)?))
            });
            inner.unwrap_err().into()
        }),
        ("an inner scope that stopped itself", |_| {
            let inner = scope(|inner| {
                inner.stop();
                Ok(inner.context().checkpoint()?)
            });
            inner.unwrap_err().into()
        }),
        ("another root", |_| {
            let elsewhere = thread::spawn(|| {
                scope(|other| {
                    other.stop();
                    Ok(other.context().checkpoint()?)
                })
            });
            elsewhere.join().unwrap().unwrap_err().into()
        }),
        ("one that was kept", |_| {
            static KEPT: Mutex<Option<Stopped>> = Mutex::new(None);
            let mut kept = KEPT.lock().unwrap();
            if kept.is_none() {
                let earlier = thread::spawn(|| {
                    scope(|other| Ok(other.stop()).and(other.context().checkpoint().map_err(Into::into)))
                });
                *kept =
                    earlier.join().unwrap().unwrap_err().source().unwrap().downcast_ref::<Stopped>().cloned();
            }
            kept.clone().unwrap().into()
        }),
    ]
}

#[test]
fn s3_the_stops_of_others_are_failures_whether_or_not_a_stop_comes_as_well() {
    // catches: any stop taken for one's own while one is stopping
    within(|| {
        for (what, make) in foreign() {
            for (name, wrap) in wraps() {
                assert_failed(&body(|s| wrap(make(s))), &format!("{what}, {name}"));
                let error = body(|s| {
                    let made = wrap(make(s));
                    s.stop();
                    made
                });
                assert_failed(&error, &format!("{what}, {name}, and then stopped"));
                let error = body(|s| {
                    let made = wrap(make(s));
                    s.stop();
                    // One of its own is alive as well.
                    let _own = asked_elsewhere(s.context());
                    let _other = s.context().checkpoint();
                    made
                });
                assert_failed(&error, &format!("{what}, {name}, and one of its own is alive"));
            }
        }
    });
}

#[test]
fn s3_an_inner_scope_that_the_same_stop_ended_is_ones_own() {
    // catches: the id lost on its way down, or in the result of a scope
    within(|| {
        for (name, wrap) in wraps() {
            let error = body(|s| {
                let stopper = s.stopper();
                let inner = s.subscope("inner", |inner| {
                    inner.spawn("worker", "is stopped", until_stopped)?;
                    stopper.stop();
                    Ok(scope(|deep| Ok(deep.context().sleep(NEVER)?))?)
                });
                wrap(inner.unwrap_err().into())
            });
            assert_stopped(&error, name);
        }
    });
}

#[test]
fn s3_what_a_node_hands_down_is_the_stop_that_came_first() {
    // catches: a later stop from above that marks what the first has not reached yet, so that an inner scope has another
    within(|| {
        for _ in 0..200 {
            let result = scope(|s| {
                let (up, ready) = gate();
                let worker = s.spawn("worker", "is stopped alone, and with all", move |_| {
                    let inner = scope(|_| {
                        drop(up);
                        Ok(scope(|deep| Ok(deep.context().sleep(NEVER)?))?)
                    });
                    Ok(inner?)
                })?;
                ready.recv().unwrap_err();
                thread::scope(|threads| {
                    threads.spawn(|| worker.stop());
                    s.stop();
                });
                Ok(())
            });
            assert!(result.is_ok(), "{result:?}");
        }
    });
}

#[test]
fn s3_a_real_error_keeps_its_type_though_a_stop_of_ones_own_is_kept() {
    // catches: an error that is dropped to be judged although it shows that it holds nothing
    fn failed<E: Error + Send + Sync + Clone + PartialEq + 'static>(real: E) {
        let (kept, error) = (Mutex::new(Vec::new()), real.clone());
        let result = scope(|s| {
            s.spawn("worker", "keeps a stop, and fails", |cx| -> Result {
                kept.lock().unwrap().push(cx.sleep(NEVER).unwrap_err());
                Err(error.into())
            })?;
            Ok(s.stop())
        });
        let error = result.unwrap_err();
        assert_failed(&error, &format!("{real:?}"));
        assert_eq!(error.first().unwrap().downcast_ref::<E>(), Some(&real));
    }
    within(|| {
        failed(Unit);
        failed(Small(7));
        failed(Kind::Denied);
        failed(Path { path: "/etc/shadow".into() });
        failed("x".parse::<i32>().unwrap_err());
        failed(String::from_utf8(vec![255]).unwrap_err());
    });
}

#[test]
fn p4_a_real_error_keeps_its_type_though_a_listed_failure_is_kept() {
    // catches: the same with the failure of a join
    within(|| {
        let kept = Mutex::new(Vec::new());
        let result = scope(|s| -> Result {
            let child = s.spawn("child", "fails", |_| -> Result { Err(boom("no")) })?;
            kept.lock().unwrap().extend(child.join().err());
            Err(Path { path: "/".into() }.into())
        });
        let error = result.unwrap_err();
        assert!(error.failures().iter().any(|failure| failure.downcast_ref::<Path>().is_some()), "{error:?}");
    });
}

#[test]
fn s3_a_kept_stop_is_not_taken_for_one_that_is_returned() {
    // catches: an error that says nothing of itself, dropped, and taken for a stop since there is one elsewhere
    within(|| {
        let error = body(|s| {
            s.stop();
            let kept = s.context().checkpoint();
            std::mem::forget(kept);
            Hides(boom("disk full")).into()
        });
        assert_failed(&error, "kept");
    });
}

#[test]
fn s3_a_stop_that_the_drop_of_an_error_meets_is_not_the_errors() {
    // catches: tokens that come and go while the error is dropped
    struct Asks(Context, #[allow(dead_code)] Arc<Stopped>);
    impl Drop for Asks {
        fn drop(&mut self) {
            self.0.checkpoint().unwrap_err();
        }
    }
    impl fmt::Debug for Asks {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Asks")
        }
    }
    says_nothing!(Asks);
    within(|| {
        let mut shared = None;
        let error = body(|s| {
            s.stop();
            let kept = Arc::new(s.context().checkpoint().unwrap_err());
            shared = Some(Arc::clone(&kept));
            Asks(s.context().clone(), kept).into()
        });
        assert_failed(&error, "asks");
    });
}

#[test]
fn f3_a_failure_that_came_through_a_foreign_thread_hidden_is_listed_once() {
    // catches: a token of a failure that is known only on the thread that made it
    within(|| {
        for (name, wrap) in wraps() {
            let result = scope(|s| {
                let child = s.spawn("child", "fails", |_| -> Result { Err(boom("no")) })?;
                s.spawn("parent", "joins it elsewhere", move |_| -> Result {
                    let joined =
                        thread::scope(|threads| threads.spawn(|| child.join().unwrap_err()).join().unwrap());
                    Err(wrap(joined.into()))
                })?;
                Ok(())
            });
            assert_eq!(result.unwrap_err().failures().len(), 1, "{name}");
        }
    });
}

#[test]
fn a16_is_stop_sees_what_an_error_shows_and_not_what_failed() {
    // catches: a stop overlooked in an io::Error; a failure taken for a stop because of what made it fail
    within(|| {
        let error = body(|s| {
            s.stop();
            let stopped = s.context().checkpoint().unwrap_err();
            let shown: [BoxError; 5] = [
                stopped.clone().into(),
                WaitError::Stopped(stopped.clone()).into(),
                io::Error::other(io::Error::other(stopped.clone())).into(),
                anyhow::Error::from(stopped.clone()).context("while waiting").into(),
                s.spawn("no", "is refused", |_| Ok(())).unwrap_err().into(),
            ];
            assert!(shown.iter().all(|error| is_stop(&**error)), "{shown:?}");
            let other: [BoxError; 4] = [
                boom("no"),
                WaitError::Disconnected.into(),
                WaitError::TimedOut.into(),
                Hides(stopped.into()).into(),
            ];
            assert!(!other.iter().any(|error| is_stop(&**error)), "{other:?}");
            io::Error::other(s.context().checkpoint().unwrap_err()).into()
        });
        assert!(is_stop(&error) && is_stop(&io::Error::other(error)));
        let failed = body(|s| foreign()[0].1(s));
        assert!(!is_stop(&failed), "{failed}");
        assert!(failed.stop_reason().is_none());
    });
}
