//! A stop of another thread is a failure.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::thread;

use super::{asked_elsewhere, assert_failed, assert_stopped, body, foreign, wraps};
use crate::common::*;
use homebound::{Result, ScopeError, scope};

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
    // catches: a later stop from above that marks what the first has not reached yet, so that an
    // inner scope has another
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
fn f3_a_failure_in_an_error_that_was_searched_in_vain_is_listed_once() {
    // catches: a search for a type that takes their tokens off the failures that it only looks at
    within(|| {
        for (name, wrap) in wraps() {
            let result: Result<(), ScopeError> = scope(|s| {
                let group = s.group("group")?;
                group.spawn("child", "fails", |_| -> Result { Err(boom("no")) })?;
                let error = group.close().unwrap_err();
                let same = error.downcast::<std::num::ParseIntError>().unwrap_err();
                Err(wrap(same.into()))
            });
            assert_eq!(result.unwrap_err().failures().len(), 1, "{name}");
        }
    });
}
