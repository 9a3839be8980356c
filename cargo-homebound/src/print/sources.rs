//! Owns the lines of source that reports show. A file is read again for that, one at a time.
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
    /// `elsewhere`: the files that are not below `root`, by the path in reports and the path to
    /// open.
    pub(crate) fn new(root: PathBuf, elsewhere: impl IntoIterator<Item = (String, PathBuf)>) -> Sources {
        Sources { files: elsewhere.into_iter().collect(), root, open: None }
    }

    /// The lines of a finding, if the file can be read.
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
