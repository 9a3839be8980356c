//! An error keeps its type, and a stop that the program keeps elsewhere does not change it.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::{fmt, io};

use super::{Hides, Kind, Path, Small, Unit, assert_failed, body, foreign};
use crate::common::*;
use homebound::{BoxError, Context, Result, Stopped, WaitError, is_stop, scope};

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
    // catches: an error that says nothing of itself, dropped, and taken for a stop since there is
    // one elsewhere
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
    #[derive(thiserror::Error)]
    #[error("says nothing of its source")]
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
fn a16_is_stop_sees_what_an_error_shows_and_not_what_failed() {
    // catches: a stop overlooked in an io::Error; a failure taken for a stop because of what made
    // it fail
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
