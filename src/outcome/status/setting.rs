//! Owns the priority and the cores of a thread as plain data, and their text.
//! Refuses to know how they are set.

use std::fmt;
use std::io::ErrorKind;

use crate::rt::priority::Priority;

/// The priority of a thread: what [`ThreadBuilder::priority`](crate::ThreadBuilder::priority) has
/// asked for, and what the system has given.
///
/// `Normal` is what the root began with. A thread that has not begun, or that homebound did not
/// start, is shown as `Normal`. A change that the thread makes by itself afterwards is not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PriorityStatus {
    /// What was asked for.
    pub asked: Priority,
    /// What the thread has.
    pub applied: Priority,
    /// Why this is not what was asked for: `PermissionDenied`, or `Unsupported` by the system.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::shown"))]
    pub why: Option<ErrorKind>,
}

/// The cores of a thread: what [`ThreadBuilder::cores`](crate::ThreadBuilder::cores) has asked for,
/// and what the system has given. By their numbers, in ascending order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CoresStatus {
    /// What was asked for.
    pub asked: Vec<usize>,
    /// What the thread has; empty until it has begun. Cores that the process may not use are
    /// missing.
    pub applied: Vec<usize>,
    /// Why the thread has the cores of its root instead: `InvalidInput` if the process may use none
    /// of those that were asked for, `Unsupported` by the system.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::outcome::serial::shown"))]
    pub why: Option<ErrorKind>,
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Priority::Background => "background",
            Priority::Normal => "normal",
            Priority::Critical => "critical",
        })
    }
}

impl fmt::Display for PriorityStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "priority {}", self.applied)?;
        self.why.iter().try_for_each(|why| write!(f, ", not {} ({why})", self.asked))
    }
}

impl fmt::Display for CoresStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cores {}", Numbers(&self.applied))?;
        self.why.iter().try_for_each(|why| write!(f, ", not {} ({why})", Numbers(&self.asked)))
    }
}

/// Ascending numbers, of which ranges are shown by their ends: `0-3,8`.
struct Numbers<'a>(&'a [usize]);

impl fmt::Display for Numbers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let chunks = self.0.chunk_by(|one, next| one + 1 == *next);
        let ends = chunks.filter_map(|chunk| Some((chunk.first()?, chunk.last()?)));
        for (place, (first, last)) in ends.enumerate() {
            f.write_str(if place == 0 { "" } else { "," })?;
            match first == last {
                true => write!(f, "{first}")?,
                false => write!(f, "{first}-{last}")?,
            }
        }
        Ok(())
    }
}
