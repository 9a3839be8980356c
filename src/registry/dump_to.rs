//! Owns where dumps go besides stderr.
//! Refuses to make a dump: `last_words` does.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};

use crate::registry::face::Registry;
use crate::registry::shared::Shared;
use crate::rt::result::Result;
use crate::rt::shown::Shown;
use crate::stop::wakeups::Calls;
use crate::sys;
use crate::tree::root::{RootHost, WorkItem};

/// The longest wait for *stopper* to write the last words to the file.
const PATIENCE: Duration = Duration::from_millis(300);

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

impl Registry {
    /// Sets where dumps go besides stderr: those on SIGQUIT, at a second signal, and at the end of
    /// the grace. For a program whose stderr goes nowhere.
    ///
    /// ```
    /// # let path = std::env::temp_dir().join(format!("homebound-doc-{}", std::process::id()));
    /// use homebound::{DumpTo, Registry};
    ///
    /// let exit = Registry::new("shop").dump_to(DumpTo::File(path.clone())).run(|_| Ok(()));
    /// assert_eq!(exit.code(), 0);
    /// assert_eq!(std::fs::read_to_string(&path)?, ""); // there was no reason for a dump
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn dump_to(mut self, to: DumpTo) -> Registry {
        self.settings.dump_to = to;
        self
    }
}

/// The open file of a run, if it has one.
#[derive(Debug, Clone, Default)]
pub(crate) struct DumpFile(Option<Arc<File>>);

impl DumpFile {
    /// Opens the file before anything of the run is set up.
    pub(crate) fn open(to: &DumpTo) -> Result<DumpFile> {
        let DumpTo::File(path) = to else { return Ok(DumpFile::default()) };
        let file = sys::open_dump_file(path);
        let file = file.map_err(|why| format!("the file for dumps, {}: {why}", Shown(path.display())))?;
        Ok(DumpFile(Some(Arc::new(file))))
    }
}

/// Has *stopper* append this text to the file, because a disk may hang, and *watch* may not. If
/// *stopper* is in the program's code, which may hang as well, *watch* writes. The receiver hears
/// of the end of a write by *stopper*.
pub(crate) fn append(shared: &Shared, text: &str) -> Option<Receiver<()>> {
    let file = shared.dump_file.0.clone()?;
    if shared.is_occupied() {
        let _a_full_disk = (&*file).write_all(text.as_bytes());
        return None;
    }
    let (written, is_written) = bounded::<()>(0);
    let text = text.to_owned();
    shared.dispatch(WorkItem::Call(Calls::log(move || {
        let _a_full_disk = (&*file).write_all(text.as_bytes());
        drop(written);
    })));
    Some(is_written)
}

/// The same for the last words, after which the process ends: returns when they are written, or
/// soon.
pub(crate) fn append_and_wait(shared: &Shared, text: &str) {
    if let Some(is_written) = append(shared, text) {
        let _in_vain = is_written.recv_timeout(PATIENCE);
    }
}
