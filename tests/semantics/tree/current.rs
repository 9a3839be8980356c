//! A thread has the innermost context, and a scope that it opens hangs below it.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::Instant;

use crate::common::*;
use homebound::{StopReason, current, scope};

#[test]
fn current_is_the_innermost_context_of_the_calling_thread() {
    // catches: a current() that leaks over scopes or threads, or is lost after a nested one
    within(|| {
        assert!(current().is_none());
        let here = || current().map(|cx| cx.path().to_owned());
        let result = scope(|s| {
            let body = here();
            assert_eq!(body.as_deref(), Some(s.context().path()));
            s.subscope("sub", |sub| Ok(assert_eq!(here().as_deref(), Some(sub.context().path()))))?;
            assert_eq!(here(), body);
            let _ = panics(|| s.subscope("falls", |_| -> homebound::Result { panic!("out") }));
            assert_eq!(here(), body, "after a panic too");
            let worker = s.spawn("worker", "asks who it is", move |cx| {
                assert_eq!(here().as_deref(), Some(cx.path()));
                assert_eq!(current().expect("inside").id(), cx.id());
                Ok(std::thread::spawn(|| current().is_none()).join().expect("it ends"))
            })?;
            Ok(assert!(worker.join()?, "a foreign thread has none"))
        });
        result.unwrap();
        assert!(current().is_none());
    });
}

#[test]
fn current_knows_shields_and_deadlines() {
    // catches: a scope opened inside a deadline that hangs beside it
    within(|| {
        let result = scope(|s| {
            let at = Instant::now() + NEVER;
            s.context().with_deadline(at, |_| {
                assert_eq!(current().expect("inside").deadline(), Some(at));
            });
            assert_eq!(current().expect("inside").deadline(), None);
            s.stop();
            s.context().shield(NEVER, |_| assert!(!current().expect("inside").is_stopping()));
            Ok(assert!(current().expect("inside").is_stopping()))
        });
        result.unwrap();
    });
}

#[test]
fn a_scope_opened_in_a_thread_is_a_child_of_that_thread() {
    // catches: nested scopes that hang below the scope's body and survive their thread's stop
    within(|| {
        let result = scope(|s| {
            let (ready, is_ready) = gate();
            let worker = s.spawn("worker", "opens scopes", move |cx| {
                let free = scope(|free| Ok(free.context().path().starts_with(cx.path())))?;
                let via_outer = s.subscope("via-outer", |sub| {
                    assert!(sub.context().path().starts_with(cx.path()), "{}", sub.context().path());
                    sub.spawn("waits", "is stopped with its thread", until_stopped)?;
                    Ok(drop(ready))
                });
                Ok((free, via_outer.is_ok()))
            })?;
            pass(&is_ready);
            worker.stop();
            assert_eq!(worker.join()?, (true, true));
            Ok(assert!(!s.is_stopping()))
        });
        result.unwrap();
    });
}

#[test]
fn a_scope_opened_from_elsewhere_hangs_below_its_scope_and_stops_with_the_caller_too() {
    // catches: a child that forgets the thread that waits for it, or hangs below the wrong tree
    within(|| {
        let result = scope(|a| {
            let a_path = a.context().path().to_owned();
            std::thread::scope(|threads| {
                threads.spawn(|| {
                    let inner = scope(|b| {
                        let stopper = b.stopper();
                        a.subscope("x", |x| {
                            assert!(x.context().path().starts_with(&a_path));
                            stopper.stop_because("the caller's scope");
                            let reason = x.context().wait_for_stop();
                            assert_eq!(*origin(&reason), StopReason::Custom("the caller's scope".into()));
                            Ok(())
                        })?;
                        Ok(assert!(!a.is_stopping()))
                    });
                    inner.unwrap();
                });
            });
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn roots_side_by_side_do_not_know_each_other() {
    // catches: one global tree for standalone scopes
    within(|| {
        let threads: Vec<_> = (0..4)
            .map(|i| {
                std::thread::spawn(move || {
                    scope(|s| {
                        s.spawn(format!("worker-{i}"), "works", until_stopped)?;
                        let active = s.active_threads();
                        assert!(active.len() == 1 && active[0].name == format!("worker-{i}"));
                        s.stop();
                        Ok(())
                    })
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap().unwrap());
    });
}
