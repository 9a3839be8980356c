//! Owns which files a look may open for the names of functions.
//! Refuses to open one: `stacks` does.

/// Which files may be opened for the names of functions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Files {
    All,
    /// Files that always answer, for a thread that may not hang on a dead network share.
    Local,
}
