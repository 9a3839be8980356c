//! Owns where the code of a frame is, and how far names may be read.
//! Refuses to read a file.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// Where the code of a frame is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The function, demangled, if its name is known.
    pub function: Option<Arc<str>>,
    /// Other functions that are alike, so that the compiler or the linker has made them one with
    /// `function`. The program has called any of them: nothing tells which.
    pub alike: Vec<Arc<str>>,
    /// How far the instruction is behind the beginning of the function; 0 without a name.
    pub distance: u64,
    /// The path of the file.
    pub module: Arc<str>,
    /// The address of the instruction as the file knows it, which tools such as `addr2line` take.
    pub offset: u64,
    /// The identity that the linker gave to the file, in hexadecimal digits.
    pub build_id: Option<Arc<str>>,
    /// The source of the instruction: if it is of an inlined function, first the line in that
    /// function, then the line that calls it, and so on. Empty unless
    /// [`Names::with_lines`](crate::Names::with_lines) has read it.
    pub lines: Vec<Line>,
}

/// A line of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// The function, if its name is known.
    pub function: Option<Arc<str>>,
    /// The file, below the folder in which the compiler ran, or else its whole path.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
}

impl Line {
    /// True for the source of the standard library, which the compiler knows by these paths.
    pub(crate) fn is_of_std(&self) -> bool {
        ["/rustc/", "library/"].iter().any(|start| self.file.starts_with(start))
            || self.file.contains("/lib/rustlib/src/rust/")
    }
}

/// The functions that a name may stand for as well: ` or std::net::udp::UdpSocket::recv`.
pub(crate) struct Alike<'a>(pub(crate) &'a [Arc<str>]);

impl fmt::Display for Alike<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => Ok(()),
            [other] => write!(f, " or {other}"),
            others => write!(f, " or one of {} others", others.len()),
        }
    }
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
