//! F3: a failure is listed once.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use super::{fails, names};
use crate::common::*;
use homebound::{BoxError, JoinError, Result, ScopeError, scope};

#[derive(Debug, thiserror::Error)]
enum Wrapper {
    #[error(transparent)]
    Join(#[from] JoinError),
    #[error("a scope below")]
    Scope(#[source] ScopeError),
}

#[test]
fn f3_a_failure_is_listed_once_however_it_is_passed_on() {
    // catches: the same failure once per `?` on its way up
    type Carry = fn(JoinError) -> BoxError;
    let carriers: [(&str, Carry); 5] = [
        ("plain", |e| e.into()),
        ("transparent", |e| Wrapper::from(e).into()),
        ("io", |e| std::io::Error::other(e).into()),
        ("anyhow", |e| anyhow::Error::from(e).into()),
        ("anyhow context", |e| anyhow::Error::from(e).context("while joining").into()),
    ];
    within(move || {
        for (name, carry) in carriers {
            let result: Result<(), _> = scope(|s| {
                let culprit = s.spawn("culprit", "fails", fails)?;
                let joiner = s.spawn("joiner", "passes it on", move |_| -> Result {
                    Err(carry(culprit.join().unwrap_err()))
                })?;
                Err(carry(joiner.join().unwrap_err()))
            });
            assert_eq!(names(&result.unwrap_err()), ["culprit"], "{name}");
        }
    });
}

#[test]
fn f3_a_nested_scopes_error_passed_on_by_a_body_is_one_failure_with_the_tree_inside() {
    // catches: the nested failures listed beside the body's, or lost in it
    within(|| {
        for how in 0..3 {
            let result: Result<(), _> = scope(|outer| {
                let inner = outer.subscope("inner", |inner| {
                    for name in ["one", "two"] {
                        let alone = inner.thread(name, "fails").isolated().spawn(fails)?;
                        let _ = alone.done().recv();
                    }
                    Ok(())
                });
                let error = inner.unwrap_err();
                assert_eq!(names(&error), ["one", "two"]);
                Err(match how {
                    0 => error.into(),
                    1 => Wrapper::Scope(error).into(),
                    _ => anyhow::Error::from(error).context("below").into(),
                })
            });
            let error = result.unwrap_err();
            assert_eq!(error.failures().len(), 1, "{how}: {error}");
            if how == 0 {
                let inner = error.first().unwrap().downcast_ref::<ScopeError>().expect("its type is kept");
                assert_eq!(names(inner), ["one", "two"]);
                assert!(error.to_string().contains("/inner/two"), "{error}");
            }
        }
    });
}

#[test]
fn f3_a_groups_error_passed_on_is_listed_once() {
    // catches: close()'s error as one more entry beside the member's failure, which is listed
    // already
    within(|| {
        for wrapped in [false, true] {
            let result: Result<(), _> = scope(|s| {
                let group = s.group("group")?;
                let culprit = group.spawn("culprit", "fails", fails)?;
                let _ = culprit.done().recv();
                let error = group.close().unwrap_err();
                Err(if wrapped { anyhow::Error::from(error).context("closing").into() } else { error.into() })
            });
            assert_eq!(names(&result.unwrap_err()), ["culprit"], "wrapped: {wrapped}");
        }
    });
}

#[test]
fn f3_two_failures_of_the_same_text_are_two() {
    // catches: identity by text or type
    within(|| {
        let result = scope(|s| {
            for _ in 0..2 {
                let alone = s.thread("same", "fails").isolated().spawn(fails)?;
                let _ = alone.done().recv();
            }
            Err::<(), _>(boom("it fails"))
        });
        assert_eq!(result.unwrap_err().failures().len(), 3);
    });
}
