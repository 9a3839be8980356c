//! F2: an isolated thread stops no other. The end of a vital thread stops its scope.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use super::{fails, falls};
use crate::common::*;
use homebound::{Context, JoinError, Result, StopReason, scope};

#[test]
fn f2_isolated_stops_nothing() {
    // catches: isolation that stops the siblings, or the body
    within(|| {
        for fail in [fails, falls] {
            let result = scope(|s| {
                let sibling = s.spawn("sibling", "goes on", until_stopped)?;
                let alone = s.thread("alone", "fails").isolated().spawn(fail)?;
                assert!(matches!(alone.join(), Err(JoinError::Failed(_))));
                assert!(!s.is_stopping() && !sibling.is_finished());
                sibling.stop();
                Ok(5)
            });
            assert_eq!(result.unwrap(), 5);
        }
    });
}

#[test]
fn f2_vital_stops_the_scope_however_it_ends() {
    // catches: vital taken for "must not fail"
    within(|| {
        let ends: [fn(&Context) -> Result; 3] = [|_| Ok(()), fails, falls];
        for (i, end) in ends.into_iter().enumerate() {
            let result = scope(|s| {
                s.spawn("sibling", "waits", until_stopped)?;
                s.thread("heart", "is vital").vital().spawn(end)?;
                let reason = s.context().wait_for_stop();
                match origin(&reason) {
                    StopReason::Vital { path } => assert!(path.ends_with("/heart")),
                    StopReason::Failed { path } => assert!(i > 0 && path.ends_with("/heart")),
                    other => panic!("{other:?}"),
                }
                Ok(())
            });
            assert_eq!(result.is_ok(), i == 0);
        }
    });
}

#[test]
fn f2_a_vital_service_stops_the_scope_too() {
    // catches: vital forgotten on the service path
    within(|| {
        let result = scope(|s| {
            s.thread("heart", "is vital").vital().service(|_| Ok(()))?;
            let reason = s.context().wait_for_stop();
            assert!(matches!(origin(&reason), StopReason::Vital { .. }), "{reason:?}");
            Ok(())
        });
        assert!(result.is_ok());
    });
}
