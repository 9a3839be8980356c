//! RA: races, and quorums.

mod decided;
mod failed;
mod shown;

use homebound::{Context, Result};

use crate::common::*;

/// An entrant that hears its stop, and never succeeds by itself.
fn slow<T>(cx: &Context) -> Result<T> {
    until_stopped(cx)?;
    unreachable!("only a stop ends it")
}
