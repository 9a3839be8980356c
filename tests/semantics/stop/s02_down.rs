//! S2: a stop goes down the tree only.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::Instant;

use crate::common::*;
use homebound::{JoinError, StopReason, scope};

#[test]
fn s2_a_stop_goes_down_only() {
    // catches: a stop that reaches a parent or a sibling
    within(|| {
        let result = scope(|outer| {
            let sibling = outer.spawn("sibling", "goes on", until_stopped)?;
            outer.subscope("inner", |inner| {
                inner.spawn("below", "is stopped", until_stopped)?;
                inner.stop();
                assert!(inner.is_stopping() && inner.context().is_stopping());
                assert!(!outer.is_stopping() && !outer.context().is_stopping());
                Ok(())
            })?;
            let group = outer.group("group")?;
            group.stop();
            assert!(group.is_stopping() && !outer.is_stopping());
            let one = outer.spawn("one", "is stopped alone", until_stopped)?;
            one.stop();
            assert!(matches!(one.join(), Err(JoinError::Stopped(_))));
            assert!(!outer.is_stopping() && !sibling.is_finished());
            sibling.stop();
            Ok(())
        });
        assert!(result.is_ok());
    });
}

#[test]
fn s2_a_child_of_a_stopping_parent_is_born_stopped() {
    // catches: a scope opened during the stop that nobody tells
    within(|| {
        let result = scope(|s| {
            s.stop();
            s.subscope("sub", |sub| {
                assert!(sub.is_stopping() && disconnected(sub.stop_signal()));
                let reason = sub.context().stop_reason().expect("it has a reason");
                assert!(matches!(origin(&reason), StopReason::Requested { .. }), "{reason:?}");
                Ok(())
            })?;
            Ok(scope(|free| Ok(assert!(free.is_stopping())))?)
        });
        assert!(result.is_ok());
    });
}

#[test]
fn s2_a_reason_is_wrapped_once_per_scope_on_its_way_down() {
    // catches: a reason that loses where it comes from, or is wrapped by threads and shields too
    within(|| {
        let result = scope(|s| {
            s.stopper().stop_because("why");
            let top = StopReason::Custom("why".into());
            assert_eq!(s.context().stop_reason().as_ref(), Some(&top));
            s.subscope("one", |one| {
                let below = StopReason::Parent(Box::new(top.clone()));
                assert_eq!(one.context().stop_reason().as_ref(), Some(&below));
                one.subscope("two", |two| {
                    let deep = StopReason::Parent(Box::new(below.clone()));
                    assert_eq!(two.context().wait_for_stop(), deep);
                    two.context().with_deadline(Instant::now() + NEVER, |cx| {
                        assert_eq!(cx.stop_reason(), Some(deep));
                    });
                    Ok(())
                })?;
                Ok(())
            })?;
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s2_a_scope_that_outlives_its_thread_is_told_that_its_parent_is_over() {
    // catches: the end of a thread that is handed to a scope below it as the scope's own
    within(|| {
        let (tell, told) = crossbeam_channel::bounded(1);
        let (open, opened) = gate();
        let outlives = scope(|s| {
            let outlives = s.spawn("ends", "lends its context", move |cx| {
                let cx = cx.clone();
                let foreign = std::thread::spawn(move || {
                    cx.subscope("outlives", |below| {
                        drop(open);
                        Ok(tell.send(below.context().wait_for_stop())?)
                    })
                });
                Ok(pass(&opened)).map(|()| foreign)
            })?;
            Ok(outlives.join()?)
        });
        let reason = told.recv().expect("it was told");
        assert_eq!(reason, StopReason::Parent(Box::new(StopReason::UsersDone)));
        outlives.unwrap().join().unwrap().unwrap();
    });
}
