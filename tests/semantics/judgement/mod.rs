//! Owns the tests of S3: which errors are stops, and of which closure: an error is its stop if it
//! carries the stop of the closure's own node, whichever thread made the proof.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

mod kept;
mod others;
mod own;

use std::error::Error;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use std::{fmt, io, thread};

use crate::common::*;
use homebound::{BoxError, Context, Result, Scope, ScopeError, Stopped, scope};

/// Hides what it holds from all that ask: no source, no text, and a `Debug` that says nothing.
#[derive(thiserror::Error)]
#[error("says nothing of its source")]
struct Hides(#[allow(dead_code)] BoxError);

impl fmt::Debug for Hides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hides")
    }
}

/// Shows what it holds in its derived `Debug`, and has no source.
#[derive(Debug, thiserror::Error)]
#[error("says nothing of its source")]
struct Prints(#[allow(dead_code)] BoxError);

/// Real errors, of the shapes that they have.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("says nothing of its source")]
struct Unit;
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("says nothing of its source")]
struct Small(u32);
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("says nothing of its source")]
enum Kind {
    #[allow(dead_code)]
    Other,
    Denied,
}
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("says nothing of its source")]
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

/// So deep that to mark it takes a while.
fn deep(cx: &Context, levels: usize, go: &mut dyn FnMut()) -> Result {
    match levels {
        0 => Ok(go()),
        _ => cx.with_deadline(Instant::now() + NEVER, |inner| deep(inner, levels - 1, go)),
    }
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
