//! Owns how the foreign types in snapshots and reports are serialised: places and reasons as text, moments as ages.
//! Refuses to know the formats.

use std::panic::Location;
use std::time::Instant;

use serde::Serializer;

use crate::outcome::reason::StopReason;

pub(crate) fn location<S: Serializer>(at: &'static Location<'static>, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(at)
}

pub(crate) fn age<S: Serializer>(since: &Instant, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_f64(since.elapsed().as_secs_f64())
}

pub(crate) fn reason<S: Serializer>(reason: &Option<StopReason>, out: S) -> Result<S::Ok, S::Error> {
    match reason {
        Some(reason) => out.collect_str(reason),
        None => out.serialize_none(),
    }
}
