//! Owns the folder of results: every file in it is whole, or does not exist.
//! Refuses to know the contents of the files.
//!
//! A file is written under a name of the studio's beside its place, and then renamed, which
//! replaces the old file in one step. A lock keeps a second studio away, so a file under such a
//! name at the start comes from a crash.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use homebound::Result;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

pub const THUMBS: &str = "thumbs";
pub const SHEET: &str = "contact-sheet.png";
pub const INDEX: &str = "index.html";
pub const BUNDLE: &str = "diagnostics.zip";

/// Beginning and end of the names of unfinished files.
const PARTIAL: (&str, &str) = (".studio-", ".part");

/// The identity of a file under any name.
type Identity = (u64, u64);

pub struct Output {
    dir: PathBuf,
    id: Identity,
    thumbs: Identity,
    serial: AtomicU64,
    /// Locked as long as it is open. The OS releases it even after a crash.
    _lock: File,
}

impl Output {
    pub fn open(dir: &Path) -> io::Result<Self> {
        let thumbs = dir.join(THUMBS);
        fs::create_dir_all(&thumbs)?;
        let lock = File::open(dir)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
            Errno::WOULDBLOCK => io::Error::other("another studio is writing there"),
            error => error.into(),
        })?;
        sweep(dir)?;
        sweep(&thumbs)?;
        Ok(Output {
            dir: dir.to_owned(),
            id: identity(&lock.metadata()?),
            thumbs: identity(&fs::metadata(&thumbs)?),
            serial: AtomicU64::new(0),
            _lock: lock,
        })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes the file `name` through `fill`, or leaves the old file as it was.
    pub fn write(&self, name: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> Result) -> Result {
        let place = self.dir.join(name);
        let serial = self.serial.fetch_add(1, Relaxed);
        let (head, tail) = PARTIAL;
        let beside = place.with_file_name(format!("{head}{}-{serial}{tail}", process::id()));
        let partial = Partial(&beside);
        let mut file = BufWriter::new(File::create_new(&beside)?);
        fill(&mut file)?;
        file.flush()?;
        fs::rename(&beside, &place)?;
        partial.keep();
        Ok(())
    }

    /// Removes a file of ours. A file that is gone already is no error.
    pub fn remove(&self, name: &Path) -> io::Result<()> {
        match fs::remove_file(self.dir.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// True for a result of ours, which no studio should take for a picture.
    ///
    /// `root` is the folder of pictures. If it is also the folder of results, only files with our
    /// own names are results.
    pub fn owns(&self, root: &Path, path: &Path, meta: &Metadata) -> bool {
        let id = identity(meta);
        if meta.is_dir() {
            return id == self.thumbs || (id == self.id && path != root);
        }
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return false;
        };
        let beside = || path.parent().and_then(|dir| fs::metadata(dir).ok());
        let among_results = || beside().is_some_and(|dir| identity(&dir) == self.id);
        is_partial(name) || ([SHEET, INDEX, BUNDLE].contains(&name) && among_results())
    }
}

/// An unfinished file, removed on drop unless it was kept.
struct Partial<'a>(&'a Path);

impl Partial<'_> {
    fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        // There may be no file. A file that cannot be removed is swept up at the next start.
        let _ = fs::remove_file(self.0);
    }
}

pub fn identity(meta: &Metadata) -> Identity {
    (meta.dev(), meta.ino())
}

fn is_partial(name: &str) -> bool {
    name.starts_with(PARTIAL.0) && name.ends_with(PARTIAL.1)
}

fn sweep(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_partial) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
