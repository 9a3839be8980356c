//! S4: what a body returns counts, stopped or not.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use crate::common::*;
use homebound::{StopReason, scope};

#[test]
fn s4_a_body_that_returns_ok_gives_ok_stopped_or_not() {
    // catches: a clean stop reported as an error; a stopped end reported as a failure
    within(|| {
        let fine = scope(|s| {
            s.spawn("worker", "is stopped", until_stopped)?;
            s.stop();
            Ok(3)
        });
        assert_eq!(fine.unwrap(), 3);
        let stopped = scope(|s| {
            s.stopper().stop_because("enough");
            Ok(s.context().sleep(NEVER)?)
        });
        let error = stopped.unwrap_err();
        assert_eq!(error.stop_reason(), Some(&StopReason::Custom("enough".into())));
        assert!(error.failures().is_empty() && error.first().is_none() && error.omitted() == 0);
    });
}
