//! Owns the lines of source that are shown beside findings; the file is read again, and one at a
//! time.
//! Refuses to hold more than one file: there may be very many.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use crate::finding::Finding;
use crate::source::text::{Excerpt, excerpt};

/// The files of a check, by the paths that findings have.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    files: HashMap<String, PathBuf>,
    root: PathBuf,
    open: Option<(String, String)>,
}

impl Sources {
    /// Files are below `root`, but for those that are named with where they are.
    pub(crate) fn new(root: PathBuf, elsewhere: impl IntoIterator<Item = (String, PathBuf)>) -> Sources {
        Sources { files: elsewhere.into_iter().collect(), root, open: None }
    }

    /// The lines of a finding, if there are any.
    pub(crate) fn lines(&mut self, finding: &Finding) -> Option<Excerpt<'_>> {
        let path = &finding.path;
        if self.open.as_ref().is_none_or(|(open, _)| open != path) {
            let file = self.files.get(path).cloned().unwrap_or_else(|| self.root.join(path));
            let text = fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            self.open = Some((path.clone(), text.unwrap_or_default()));
        }
        let (_, text) = self.open.as_ref()?;
        if text.is_empty() {
            return None;
        }
        Some(excerpt(text, &finding.span))
    }
}
