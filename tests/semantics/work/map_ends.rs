//! MA4 and MA5: failures and stops of a map that returns all results at once.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::iter;
use std::time::{Duration, Instant};

use super::waits_of;
use crate::common::*;
use crossbeam_channel::bounded;
use homebound::{Cause, Context, Result, ScopeError, StopReason, scope};

/// A map in which one item is bad, while the others wait for the stop.
fn fails(f: impl Fn(&Context, usize) -> Result<()> + Sync + Send + 'static) -> ScopeError {
    within(move || {
        scope(|s| {
            let error = s.map("fails", "fails at one", 4, 0..100, |cx, n| f(cx, n)).expect_err("one failed");
            assert!(!s.is_stopping(), "it is the caller's to pass on");
            Ok(error)
        })
        .unwrap()
    })
}

#[test]
fn ma4_the_first_failure_stops_the_rest_and_has_the_item() {
    // catches: siblings that sleep on; a wrapped error; a failure that is listed twice
    let start = Instant::now();
    let error =
        fails(
            |cx, n| {
                if n == 2 { "x".parse::<u8>().map(|_| ()).map_err(Into::into) } else { Ok(cx.sleep(NEVER)?) }
            },
        );
    assert!(start.elapsed() < NEVER);
    assert_eq!(error.failures().len(), 1, "{error}");
    let failure = error.first().expect("one");
    assert_eq!(failure.notes(), ["item 2"]);
    assert!(error.to_string().contains("item 2"), "{error}");
    assert!(failure.path().contains("/fails/fails-"), "{}", failure.path());
    assert!(failure.downcast_ref::<std::num::ParseIntError>().is_some());
}

#[test]
fn ma4_a_panic_keeps_its_place_and_a_note_of_its_own_comes_first() {
    // catches: a panic that is caught without its place; the note of an item before
    let line = line!() + 6;
    let error = fails(|cx, n| {
        if n < 2 {
            cx.note("a note of an earlier item");
        }
        if n == 3 {
            panic!("no ink");
        }
        Ok(cx.sleep(NEVER)?)
    });
    let failure = error.first().expect("one");
    let Cause::Panic { message: "no ink", location: Some(at) } = failure.cause() else { panic!("{error}") };
    assert!(at.contains(&format!("map_ends.rs:{line}")), "{at}");
    assert_eq!(failure.notes(), ["item 3"]);
    let error = fails(|cx, n| {
        cx.note(format!("page {n}"));
        Err(boom("no paper"))
    });
    let first = error.first().expect("one");
    let number: usize = first.notes()[1].strip_prefix("item ").expect("an item").parse().unwrap();
    assert_eq!(first.notes()[0], format!("page {number}"));
}

#[test]
fn ma4_a_panic_of_the_source_is_a_failure_of_the_item_that_it_was_to_give() {
    // catches: a panic that unwinds the caller; a source that is asked again after it panicked
    within(|| {
        for bad in [0, 1, 7] {
            let mut next = 0;
            let source = iter::from_fn(move || {
                assert!(next <= bad, "it is asked again");
                next += 1;
                if next > bad { panic!("no more") } else { Some(next) }
            });
            scope(|s| {
                let error = s.map("source", "reads", 2, source, |_, n| Ok(n)).expect_err("it panicked");
                let failure = error.first().expect("one");
                assert_eq!(failure.notes(), [format!("item {bad}")], "{error}");
                assert!(matches!(failure.cause(), Cause::Panic { message: "no more", location: Some(_) }));
                Ok(())
            })
            .unwrap();
        }
    });
}

#[test]
fn ma4_what_is_not_handed_out_is_dropped_in_the_guard() {
    // catches: a `Drop` that unwinds out of the map, or during an unwinding
    within(|| {
        scope(|s| {
            // Results of a map that failed.
            let error = s.map("results", "fails at the end", 1, 0..3, |_, n| {
                if n == 2 { Err(boom("no paper")) } else { Ok(Bomb::new()) }
            });
            let error = error.map(std::mem::forget).expect_err("one failed");
            assert!(error.failures().len() >= 2, "the error, and the bomb: {error}");
            // A source whose `next` and `Drop` both panic.
            let bomb = Bomb::new();
            let source = iter::from_fn(move || -> Option<u8> {
                let _owned = &bomb;
                panic!("no more")
            });
            let error = s.map("source", "panics", 1, source, |_, n| Ok(n)).expect_err("it panicked");
            let messages: Vec<_> = error.failures().iter().map(|failure| failure.to_string()).collect();
            assert!(messages.len() == 2 && messages[1].contains("the bomb went off"), "{error}");
            assert!(!s.is_stopping());
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn ma5_a_stop_of_the_caller_ends_the_map_with_that_stop() {
    // catches: half of the results, taken for the whole; a stop that is a failure
    within(|| {
        let error = scope(|s| {
            s.spawn("stopper", "stops when the map waits", move |_| {
                waits_of(s, "(body)", "map");
                Ok(s.stop())
            })?;
            let done = s.map("deaf", "returns without a look at the stop", 2, 0..4, |cx, n| {
                cx.wait_for_stop();
                Ok(n)
            });
            let stopped = done.expect_err("two items are not there");
            assert!(stopped.stop_reason().is_some() && stopped.failures().is_empty(), "{stopped}");
            Err::<(), _>(stopped.into())
        })
        .unwrap_err();
        assert!(error.stop_reason().is_some() && error.failures().is_empty(), "{error}");
    });
}

#[test]
fn ma5_a_deadline_ends_a_map_and_all_that_it_waits_for() {
    // catches: a map that hangs below the scope, not below the context; a worker that waits deaf
    in_scope(|s| {
        let cx = s.context();
        let (keep, never) = gate();
        let mapped = cx.with_deadline(Instant::now(), |cx| {
            cx.map("late", "waits for ever", 3, iter::once(0), |cx, _| Ok(cx.recv(&never)?))
        });
        let error = mapped.expect_err("the time is over");
        let reason = error.stop_reason().map(|reason| origin(reason).clone());
        assert!(matches!(reason, Some(StopReason::Deadline)), "{error}");
        drop(keep);
        // Workers that wait for their turn at a source which blocks until the stop, and then ends.
        let (send, items) = bounded::<u8>(0);
        let end = Instant::now() + Duration::from_millis(30);
        let mapped = cx.with_deadline(end, |cx| {
            let _opens = cx.on_stop(move || drop(send));
            cx.map("turn", "takes", 3, iter::once(0).chain(items), |_, n| Ok(n))
        });
        let error = mapped.expect_err("the time is over");
        Ok(assert!(error.stop_reason().is_some(), "{error}"))
    });
}

#[test]
fn ma5_a_service_that_is_not_told_yet_maps_to_the_end() {
    // catches: the stop of the scope around the service, which is far from being told to the
    // service, taken for the end of a source
    within(|| {
        let done = scope(|s| {
            let (stopping, heard) = bounded::<()>(0);
            let (give, take) = bounded::<(Vec<usize>, Vec<usize>)>(1);
            s.service("flush", "maps while its user ends", move |cx| {
                let _ = heard.recv();
                assert!(!cx.is_stopping(), "its user is not home");
                let twice = |_: &Context, n: usize| Ok(2 * n);
                let mapped = cx.map("all", "doubles", 2, 0..4, twice)?;
                let streamed = cx.map_stream("each", "doubles", 2, 0..4, twice, |_, results| {
                    Ok(results.collect::<Result<_, _>>()?)
                })?;
                give.send((mapped, streamed))?;
                cx.wait_for_stop();
                Ok(())
            })?;
            let user = s.spawn("user", "stays until the service has mapped", move |cx| {
                cx.wait_for_stop();
                drop(stopping);
                Ok(take.recv()?)
            })?;
            s.stop();
            Ok(user.join()?)
        });
        let all = vec![0, 2, 4, 6];
        assert_eq!(done.unwrap(), (all.clone(), all));
    });
}
