//! P4: no failure is lost.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::panic::panic_any;

use crate::common::*;
use homebound::{Cause, Context, JoinError, Result, Scope, scope};

fn failing(s: &Scope<'_, '_>, n: usize) -> Result {
    for i in 0..n {
        let fail = move |_: &Context| -> Result { Err(boom(&format!("failure {i}"))) };
        let handle = s.thread("isolated", "fails alone").isolated().spawn(fail)?;
        let _ = handle.done().recv();
    }
    Ok(())
}

#[test]
fn p4_an_error_and_a_panic_reach_the_result() {
    // catches: a failure lost with its handle; a panic without message, location or payload
    within(|| {
        let result = scope(|s| {
            let panics = |_: &Context| -> Result { panic_any(42_u64) };
            let handle = s.thread("number", "panics").isolated().spawn(panics)?;
            let _ = handle.done().recv();
            let says = |_: &Context| -> Result { panic!("it is {}", "raining") };
            let words = s.thread("words", "panics").isolated().spawn(says)?;
            let _ = words.done().recv();
            s.spawn("error", "fails", |_| -> Result { Err("nope".parse::<u8>().unwrap_err().into()) })?;
            Ok(())
        });
        let error = result.unwrap_err();
        let [number, words, parse] = error.failures() else { panic!("three failures: {error}") };
        let payload = number.take_payload().expect("the payload is kept");
        assert_eq!(payload.downcast_ref::<u64>(), Some(&42));
        assert!(number.take_payload().is_none());
        let Cause::Panic { message, location: Some(at) } = words.cause() else { panic!("{error}") };
        assert_eq!(message, "it is raining");
        assert!(at.contains(concat!(file!(), ":")), "{at}");
        assert!(parse.downcast_ref::<std::num::ParseIntError>().is_some());
    });
}

#[test]
fn p4_isolated_reaches_its_joiner_or_else_the_scope() {
    // catches: isolation that swallows; a failure listed though its joiner has it
    within(|| {
        let fail = |_: &Context| -> Result { Err(boom("alone")) };
        let joined = scope(|s| {
            let handle = s.thread("joined", "fails").isolated().spawn(fail)?;
            assert!(matches!(handle.join(), Err(JoinError::Failed(f)) if f.name() == "joined"));
            Ok(())
        });
        assert!(joined.is_ok());
        let dropped = scope(|s| Ok(drop(s.thread("dropped", "fails").isolated().spawn(fail)?)));
        assert_eq!(dropped.unwrap_err().first().unwrap().name(), "dropped");
        let forgotten = scope(|s| Ok(std::mem::forget(s.thread("lost", "fails").isolated().spawn(fail)?)));
        assert_eq!(forgotten.unwrap_err().first().unwrap().name(), "lost");
    });
}

#[test]
fn p4_keeps_the_first_1024_and_counts_the_rest() {
    // catches: an unbounded list, a ring that keeps the last, a count that is off
    within(|| {
        let error = scope(|s| failing(s, 1100)).unwrap_err();
        assert_eq!((error.failures().len(), error.omitted()), (1024, 76));
        let last = error.failures()[1023].cause();
        assert!(matches!(last, Cause::Error(e) if e.to_string() == "failure 1023"));
    });
}
