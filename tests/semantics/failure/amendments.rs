//! A7, A9 and A10: a failure without an end, a spawn site that is given, the source of an error.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::panic::catch_unwind;

use crate::common::*;
use homebound::{Failure, Result, StopReason, scope};

#[test]
fn a7_a_failure_is_told_and_the_thread_goes_on() {
    // catches: a failure that only an end can tell; a stop that is told as a failure; a failure
    // told to nobody without a word
    within(|| {
        let kept = std::sync::Mutex::new(None);
        let result = scope(|s| {
            let (up, told) = gate();
            s.spawn("worker", "fails, and goes on", |cx| {
                cx.note("item 17");
                assert!(cx.fail(boom("told")));
                // F1 applied: the scope is stopped by it.
                let stopped = cx.sleep(NEVER).unwrap_err();
                assert!(matches!(origin(stopped.reason()), StopReason::Failed { .. }), "{stopped}");
                assert!(cx.fail(stopped), "its own stop is no failure, and nothing is lost");
                let payload = catch_unwind(|| panic!("caught")).unwrap_err();
                assert!(cx.fail_panic(payload));
                let row = s.active_threads().into_iter().find(|row| row.name == "worker").unwrap();
                assert!(row.failed && row.note.as_deref() == Some("item 17"), "{row:?}");
                *kept.lock().unwrap() = Some(cx.clone());
                Ok(drop(up))
            })?;
            told.recv().unwrap_err();
            Ok(())
        });
        let error = result.unwrap_err();
        let texts: Vec<String> = error.failures().iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 2, "{error}");
        assert!(texts[0].ends_with("/worker failed: told") && texts[1].contains("panicked at"), "{texts:?}");
        assert!(texts[1].contains(file!()), "{texts:?}");
        assert_eq!(error.first().unwrap().notes(), ["item 17"]);
        assert!(error.to_string().contains("; item 17)"), "{error}");
        let row = error.report().threads.iter().find(|row| row.name == "worker").unwrap();
        assert_eq!(row.ending, homebound::Ending::Failed);
        let cx = kept.into_inner().unwrap().unwrap();
        assert!(!cx.fail(boom("late")), "the scope is over");
    });
}

#[test]
fn a7_an_isolated_threads_failure_stops_nobody_and_is_the_scopes() {
    // catches: an isolated thread whose callback's failure stops the others, or is lost since the
    // join gives a value
    within(|| {
        let result = scope(|s| {
            let worker = s.thread("worker", "fails, and goes on").isolated().spawn(|cx| {
                assert!(cx.fail(boom("told")));
                Ok(assert!(!cx.is_stopping()))
            })?;
            worker.join()?;
            Ok(assert!(!s.is_stopping()))
        });
        assert_eq!(result.unwrap_err().failures().len(), 1);
    });
}

#[test]
fn a9_a_spawn_shows_the_line_that_it_is_told() {
    // catches: a layer's own line in failures and snapshots
    within(|| {
        let here = std::panic::Location::caller();
        let result = scope(|s| {
            let worker = s.thread("worker", "fails").spawned_at(here);
            Ok(drop(worker.spawn(|_| -> Result { Err(boom("no")) })?))
        });
        let error = result.unwrap_err();
        assert_eq!(error.first().unwrap().spawned_from(), here);
        assert!(error.report().threads.iter().all(|row| row.spawned_from == here));
    });
}

#[test]
fn a10_an_error_has_its_source() {
    // catches: chains that end at homebound's own types
    within(|| {
        let chain = |error: &(dyn std::error::Error + 'static)| {
            std::iter::successors(Some(error), |error| error.source()).last().unwrap().to_string()
        };
        let result = scope(|s| -> Result {
            let child = s.thread("child", "fails").isolated().spawn(|_| -> Result { Err(boom("deep")) })?;
            let joined = child.join().unwrap_err();
            assert_eq!(chain(&joined), "deep");
            assert!(std::error::Error::source(&joined).unwrap().is::<Failure>());
            s.stop();
            let refused = s.spawn("no", "is refused", |_| Ok(())).unwrap_err();
            let (never, _keep) = gate();
            let unsent = s.context().send(&never, ()).unwrap_err();
            for error in [&refused as &(dyn std::error::Error + 'static), &unsent, &unsent.cause] {
                assert!(chain(error).starts_with("stopped: requested"), "{error:?}");
            }
            Err(boom("only"))
        });
        let error = result.unwrap_err();
        assert_eq!(chain(&error), "only");
        let stopped = scope(|s| {
            s.stop();
            Ok(s.context().checkpoint()?)
        });
        assert!(homebound::is_stop(std::error::Error::source(&stopped.unwrap_err()).unwrap()));
    });
}
