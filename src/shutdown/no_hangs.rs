//! Owns the place of `hangs` in a program that was built without it.
//! Refuses each dump and each look.

use std::time::Duration;

use crate::sight::warning::Seen;
use crate::tree::core::ScopeCore;
use crate::tree::record::Record;

/// What the warning of a long wait says about a dump.
pub(super) const HINT: &str =
    "built with the feature `hangs` of homebound, the program can print what the threads do";

/// No wait takes long enough.
pub(super) fn limit() -> Option<Duration> {
    None
}

/// Prints nothing.
pub(super) fn dump(_core: &ScopeCore, _cause: impl FnOnce() -> String) {}

/// Sees nothing.
pub(super) fn look(_record: &Record) -> Seen {
    Seen::default()
}
