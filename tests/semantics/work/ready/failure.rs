//! RE2, RE6, RE8: whose a failure is, before and after the word.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::error::Error;

use homebound::{
    BoxError, Cause, Context, JoinError, Ready, Result, StartError, StopReason, scope, scope_named,
};

use super::{SOON, Taken, status};
use crate::common::*;

#[test]
fn re2_a_failure_before_it_is_ready_is_the_starters() {
    // catches: a taken port that stops the scope, so that no other can be tried
    in_scope(|s| {
        let mut port = 80;
        let serve = |cx: &Context, ready: Ready<u16>, port: u16| -> Result {
            if port < 82 {
                Err(Taken(port))?;
            }
            ready.set(port);
            until_stopped(cx)
        };
        let got = loop {
            let web = s.thread("web", "serves pages");
            match web.start(NEVER, move |cx, ready| serve(cx, ready, port)) {
                Ok((_, got)) => break got,
                Err(StartError::Failed(failure)) => {
                    assert!(failure.path().ends_with("/web"), "{failure}");
                    assert!(failure.to_string().contains("is taken"), "{failure}");
                    assert_eq!(failure.downcast_ref::<Taken>().map(|taken| taken.0), Some(port));
                }
                Err(error) => Err(error)?,
            }
            assert!(!s.is_stopping(), "the failure stops nothing");
            port += 1;
        };
        Ok(assert_eq!((got, s.is_stopping()), (82, false)))
    });
}

#[test]
fn re2_after_it_is_ready_a_failure_is_the_scopes_at_once() {
    // catches: a service that stays isolated when it is ready
    within(|| {
        let result = scope(|s| {
            let (fail, gate) = gate();
            let web = s.thread("web", "serves pages");
            let (_web, ()) = web.start(NEVER, move |_, ready| {
                ready.set(());
                pass(&gate);
                Err(boom("no disk"))
            })?;
            drop(fail);
            let reason = s.context().wait_for_stop();
            Ok(assert!(matches!(origin(&reason), StopReason::Failed { .. }), "{reason}"))
        });
        assert_eq!(result.unwrap_err().failures().len(), 1);
    });
}

#[test]
fn re2_passed_on_the_failure_is_listed_once() {
    // catches: no failure at all, or one for the thread and one for the body
    within(|| {
        type Carry = fn(StartError) -> BoxError;
        let carriers: [Carry; 3] = [
            |e| e.into(),
            |e| std::io::Error::other(e).into(),
            |e| anyhow::Error::from(e).context("web").into(),
        ];
        for carry in carriers {
            let result: Result<(), _> = scope_named("app", |s| {
                let web = s.thread("web", "serves pages");
                let started = web.start::<(), _>(NEVER, |_, _ready| Err(Taken(80))?);
                let worker = s.thread("worker", "passes it on").isolated();
                let error = started.expect_err("it is taken");
                assert!(matches!(error, StartError::Failed(_)), "{error:?}");
                worker.spawn(move |_| -> Result { Err(carry(error)) })?.join()?;
                Ok(())
            });
            let error = result.unwrap_err();
            assert_eq!(error.failures().len(), 1, "{error}");
            let chain = |error: &dyn Error| error.to_string().contains("/app/web failed: port 80 is taken");
            let mut next = error.source();
            while !next.is_some_and(chain) {
                next = next.expect("the failure of the thread is in the chain").source();
            }
        }
        let result: Result<(), _> =
            scope(|s| Ok(s.thread("web", "serves pages").start(NEVER, |_, _: Ready<()>| Err(Taken(80))?)?.1));
        let error = result.unwrap_err();
        assert_eq!(error.failures().len(), 1, "{error}");
        assert!(error.downcast::<Taken>().is_err(), "it is inside the error of the start");
    });
}

#[test]
fn re2_a_panic_before_it_is_ready_keeps_text_and_place() {
    // catches: a panic that is told as a dropped `Ready`
    in_scope(|s| {
        let started = s.thread("web", "serves pages").start::<(), _>(NEVER, |_, _ready| panic!("no socket"));
        let Err(StartError::Failed(failure)) = started else { panic!("{started:?}") };
        let Cause::Panic { message, location } = failure.cause() else { panic!("{failure}") };
        assert_eq!(message, "no socket");
        assert!(location.is_some_and(|at| at.contains("failure.rs:")), "{location:?}");
        Ok(assert!(!s.is_stopping()))
    });
}

#[test]
fn re2_fail_before_it_is_ready_stops_nothing() {
    // catches: `cx.fail` of a thread that is not ready, which stops the scope
    within(|| {
        let result = scope(|s| {
            let (_web, ()) = s.thread("web", "serves pages").start(NEVER, |cx, ready| {
                assert!(cx.fail("the first callback failed"));
                assert!(!cx.is_stopping());
                ready.set(());
                until_stopped(cx)
            })?;
            Ok(assert!(!s.is_stopping()))
        });
        let error = result.unwrap_err();
        assert_eq!(error.failures().len(), 1, "{error}");
    });
}

#[test]
fn re6_when_the_third_of_three_fails_the_first_two_are_stopped_in_reverse() {
    // catches: a start order that is no order, because nothing waits for readiness
    within(|| {
        let log = Log::new();
        let result: Result<(), _> = scope(|s| {
            for name in ["a", "b", "c"] {
                let log = log.clone();
                s.thread(name, "starts after those before it").start(NEVER, move |cx, ready| {
                    if name == "c" {
                        Err(Taken(3))?;
                    }
                    log.add(format!("+{name}"));
                    ready.set(());
                    cx.wait_for_stop();
                    Ok(log.add(format!("-{name}")))
                })?;
            }
            Ok(())
        });
        assert_eq!(result.unwrap_err().failures().len(), 1);
        assert_eq!(log.all().join(" "), "+a +b -b -a");
    });
}

#[test]
fn re8_vital_counts_from_the_word_on() {
    // catches: a vital service whose failed start stops the scope
    in_scope(|s| {
        let window = || s.thread("window", "is the program for its user").vital();
        let started = window().start::<(), _>(NEVER, |_, _ready| Err(Taken(1))?);
        assert!(matches!(started, Err(StartError::Failed(_))), "{started:?}");
        let started = window().start::<(), _>(NEVER, |_, _ready| Ok(()));
        assert!(matches!(started, Err(StartError::NotReady)), "{started:?}");
        let started = window().start::<(), _>(SOON, |cx, _ready| Ok(drop(cx.wait_for_stop())));
        assert!(matches!(started, Err(StartError::TimedOut { .. })), "{started:?}");
        eventually("the last is home", || status(s, "window").is_none());
        assert!(!s.is_stopping(), "none of them was ready");
        window().start(NEVER, |_, ready| Ok(ready.set(())))?;
        let reason = s.context().wait_for_stop();
        Ok(assert!(matches!(reason, StopReason::Vital { .. }), "{reason}"))
    });
}

#[test]
fn re8_an_isolated_service_stays_isolated_when_it_is_ready() {
    // catches: a readiness that takes the isolation away
    in_scope(|s| {
        let risky = s.thread("risky", "fails later").isolated();
        let (risky, ()) = risky.start(NEVER, |_, ready| {
            ready.set(());
            Err(boom("later"))
        })?;
        assert!(risky.done().recv().is_err());
        assert!(matches!(risky.join(), Err(JoinError::Failed(_))));
        Ok(assert!(!s.is_stopping()))
    });
}
