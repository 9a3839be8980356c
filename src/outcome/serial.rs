//! Owns the serialisation of some types in snapshots and reports: places, reasons and kinds of
//! errors become text, instants become ages, dates become seconds.
//! Refuses to know the formats: they are the serialiser's.

use std::fmt::Display;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::Serializer;

pub(crate) fn location<S: Serializer>(at: &'static Location<'static>, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(at)
}

/// Seconds since the instant, because an `Instant` means nothing outside of this process.
pub(crate) fn age<S: Serializer>(since: &Instant, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_f64(since.elapsed().as_secs_f64())
}

/// Seconds since 1970.
pub(crate) fn date<S: Serializer>(at: &SystemTime, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_f64(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64())
}

pub(crate) fn text<S: Serializer>(text: &Option<Arc<str>>, out: S) -> Result<S::Ok, S::Error> {
    match text {
        Some(text) => out.serialize_some(&**text),
        None => out.serialize_none(),
    }
}

pub(crate) fn texts<S: Serializer>(texts: &[Arc<str>], out: S) -> Result<S::Ok, S::Error> {
    out.collect_seq(texts.iter().map(|text| &**text))
}

/// A reason, a kind of error or a failure, as its text.
pub(crate) fn shown<T: Display, S: Serializer>(value: &Option<T>, out: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => out.collect_str(value),
        None => out.serialize_none(),
    }
}
