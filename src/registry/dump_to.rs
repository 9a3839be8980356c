//! Owns where dumps go besides stderr.
//! Refuses to make a dump and to write one: `last_words` does.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use crate::rt::result::Result;
use crate::rt::shown::Shown;
use crate::sys;

/// Where the dumps of a run go besides stderr, which always gets them.
///
/// ```no_run
/// use homebound::{DumpTo, Exit, Registry};
///
/// fn main() -> Exit<()> {
///     let file = DumpTo::File("/var/log/shop/dumps".into());
///     Registry::new("shop").dump_to(file).run(|scope| {
///         scope.context().wait_for_stop();
///         Ok(())
///     })
/// }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DumpTo {
    /// Stderr alone.
    #[default]
    Stderr,
    /// This file as well, one dump behind the other. It is opened when the run begins, made if it
    /// is not there, and readable for its owner alone (0600). The run is refused if the file is a
    /// link, has a hard link, belongs to another user, or cannot be opened. Put it on a local disk.
    File(PathBuf),
}

/// The open file of a run, if it has one.
#[derive(Debug, Clone, Default)]
pub(crate) struct DumpFile(Option<Arc<File>>);

impl DumpFile {
    /// Opens the file before anything of the run is set up.
    pub(crate) fn open(to: &DumpTo) -> Result<DumpFile> {
        let DumpTo::File(path) = to else { return Ok(DumpFile::default()) };
        let file = sys::open_dump_file(path);
        let file = file.map_err(|why| format!("the file for dumps, `{}`: {why}", Shown(path.display())))?;
        Ok(DumpFile(Some(Arc::new(file))))
    }

    /// The file, for the thread that writes to it. `None` if the run has none.
    pub(crate) fn get(&self) -> Option<Arc<File>> {
        self.0.clone()
    }
}
