//! S3: a stop that a thread carries on is no failure of it; the stop of another is.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::error::Error;
use std::{fmt, io};

use crate::common::*;
use homebound::{BoxError, Context, JoinError, Result, ScopeError, Stopped, WaitError, scope};

#[derive(Debug)]
struct Opaque(#[allow(dead_code)] BoxError);

impl fmt::Display for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("says nothing of its source")
    }
}

impl Error for Opaque {}

#[derive(Debug, thiserror::Error)]
enum Wrapper {
    #[error(transparent)]
    Transparent(#[from] Stopped),
    #[error("while waiting")]
    Source(#[source] WaitError),
}

type Carrier = (&'static str, fn(&Context, Stopped) -> BoxError);

/// All the ways in which a program may carry a stop.
fn carriers() -> Vec<Carrier> {
    vec![
        ("plain", |_, s| s.into()),
        ("clone", |_, s| s.clone().into()),
        ("io", |_, s| io::Error::other(s).into()),
        ("io in io", |_, s| io::Error::other(io::Error::other(s)).into()),
        ("transparent", |_, s| Wrapper::from(s).into()),
        ("source", |_, s| Wrapper::Source(WaitError::Stopped(s)).into()),
        ("opaque", |_, s| Opaque(s.into()).into()),
        ("anyhow", |_, s| anyhow::Error::from(s).into()),
        ("anyhow context", |_, s| anyhow::Error::from(s).context("a").context("b").into()),
        ("recv", |cx, _| {
            let (_keep, never) = gate();
            cx.recv(&never).unwrap_err().into()
        }),
        ("send", |cx, _| {
            let (never, _keep) = gate();
            cx.send(&never, ()).unwrap_err().into()
        }),
        ("send cause", |cx, _| {
            let (never, _keep) = gate();
            cx.send(&never, ()).map_err(|e| e.cause).unwrap_err().into()
        }),
        ("spawn", |cx, _| cx.spawn("no", "is refused", |_| Ok(())).unwrap_err().into()),
        ("scope", |_, _| scope(|s| Ok(s.context().checkpoint()?)).unwrap_err().into()),
    ]
}

#[test]
fn s3_i_was_stopped_is_never_a_failure_however_it_is_wrapped() {
    // catches: source() walks and downcasts that lose the stop in a wrapper
    within(|| {
        for (name, carry) in carriers() {
            let result = scope(|s| {
                let worker = s.spawn("worker", "is stopped", move |cx| -> Result {
                    let stopped = cx.sleep(NEVER).unwrap_err();
                    Err(carry(cx, stopped))
                })?;
                s.stop();
                match worker.join() {
                    Err(JoinError::Stopped(_)) => Ok(()),
                    other => panic!("{name}: {other:?}"),
                }
            });
            assert!(result.is_ok(), "{name}: {result:?}");
            let body: Result<(), _> = scope(|s| {
                s.stop();
                let stopped = s.context().checkpoint().unwrap_err();
                Err(carry(s.context(), stopped))
            });
            let error = body.unwrap_err();
            assert!(error.stop_reason().is_some() && error.failures().is_empty(), "{name}: {error}");
        }
    });
}

#[test]
fn s3_a_join_of_a_stopped_thread_carries_the_stop_on() {
    // catches: JoinError::Stopped that counts as a failure of its joiner
    within(|| {
        let result: Result<(), _> = scope(|s| {
            let worker = s.spawn("worker", "is stopped", until_stopped)?;
            s.stop();
            Ok(worker.join()?)
        });
        let error = result.unwrap_err();
        assert!(error.failures().is_empty() && error.stop_reason().is_some(), "{error}");
    });
}

#[test]
fn s3_a_stop_of_somebody_else_is_a_failure() {
    // catches: suture#77: another context's stop taken for one's own
    within(|| {
        let result = scope(|s| {
            let other = s.spawn("other", "is stopped alone", until_stopped)?;
            other.stop();
            let worker = s.thread("worker", "is not stopped").isolated().spawn(|_| Ok(other.join()?))?;
            assert!(matches!(worker.join(), Err(JoinError::Failed(_))));
            Ok(())
        });
        assert!(result.is_ok(), "{result:?}");
    });
}

#[test]
fn s3_a_failure_by_somebody_elses_stop_stays_one_where_its_error_is_hidden() {
    // catches: a failure of an inner scope that is taken for the stop inside of it
    within(|| {
        let hiding: [fn(ScopeError) -> BoxError; 2] =
            [|error| error.into(), |error| Opaque(error.into()).into()];
        for hide in hiding {
            let result: Result<(), _> = scope(|s| {
                let other = s.spawn("other", "is stopped", until_stopped)?;
                s.stop();
                s.context().shield(NEVER, |_| {
                    let inner = s.subscope("inner", |_| Ok(other.join()?));
                    Err(hide(inner.unwrap_err()))
                })
            });
            assert_eq!(result.unwrap_err().failures().len(), 1);
        }
    });
}

#[test]
fn s3_a_failure_that_was_dealt_with_does_not_make_a_stop_one() {
    // catches: an error that is judged by the older of two things that it hides
    #[derive(Debug, thiserror::Error)]
    #[error("what failed before, and the stop")]
    struct Both(#[allow(dead_code)] JoinError, #[allow(dead_code)] Stopped);
    within(|| {
        let result = scope(|s| {
            let watcher = s.spawn("watcher", "joins, and waits", |cx| -> Result {
                let alone =
                    cx.thread("alone", "fails").isolated().spawn(|_| -> Result { Err(boom("no")) })?;
                let failed = alone.join().unwrap_err();
                Err(Both(failed, cx.sleep(NEVER).unwrap_err()).into())
            })?;
            watcher.stop();
            Ok(assert!(matches!(watcher.join(), Err(JoinError::Stopped(_)))))
        });
        result.unwrap();
    });
}

#[test]
fn s3_a_real_error_in_the_clean_up_is_a_failure_during_stop() {
    // catches: an error swallowed because the thread happened to be stopping
    within(|| {
        let result = scope(|s| {
            s.spawn("worker", "fails in its clean-up", |cx| -> Result {
                let stopped = cx.sleep(NEVER).unwrap_err();
                Err(boom(&format!("disk full after: {stopped}")))
            })?;
            s.stop();
            Ok(())
        });
        let error = result.unwrap_err();
        assert_eq!((error.failures().len(), error.during_stop().len()), (1, 1));
        assert!(error.stop_reason().is_none());
    });
}
