//! E1 to E7: how a scope ends.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

mod e1_close;
mod e1_deferred;
mod e1_depth;
mod e1_order;
mod e2_body;
mod e3_grace;
mod e4_drops;
mod e5_ended;
mod e7_calls;

use crate::common::*;
use homebound::{Context, Result};

/// A service that logs when it is told to stop and when it goes home, with time between.
fn logging(log: &Log, name: &'static str) -> impl FnOnce(&Context) -> Result + Send + use<> {
    let log = log.clone();
    move |cx| {
        cx.wait_for_stop();
        log.add(format!("{name} told"));
        linger(10);
        log.add(format!("{name} home"));
        Ok(())
    }
}
