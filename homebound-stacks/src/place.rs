//! Owns where the code of a frame is, and how far names may be read.
//! Refuses to read a file.

use std::sync::Arc;
use std::time::Instant;

/// Where the code of a frame is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The function, demangled, if its name is known.
    pub function: Option<Arc<str>>,
    /// How far the instruction is behind the beginning of the function; 0 without a name.
    pub distance: u64,
    /// The path of the file.
    pub module: Arc<str>,
    /// The address of the instruction as the file knows it, which tools such as `addr2line` take.
    pub offset: u64,
    /// The identity that the linker gave to the file, in hexadecimal digits.
    pub build_id: Option<Arc<str>>,
}

/// How far names may be read from files: by default from all files, however long it takes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    pub(crate) until: Option<Instant>,
    pub(crate) local_only: bool,
}

impl Reading {
    /// Ends at this moment. A read that is under way is not cut short.
    #[must_use]
    pub fn until(self, end: Instant) -> Reading {
        Reading { until: Some(end), ..self }
    }

    /// Opens only files in file systems of this machine, which always answer: not in a network
    /// share, nor in a file system that another process serves.
    #[must_use]
    pub fn local_only(self) -> Reading {
        Reading { local_only: true, ..self }
    }
}

/// A file whose names were not read, or not all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unread {
    /// The path of the file.
    pub module: Arc<str>,
    /// Why.
    pub why: String,
}
