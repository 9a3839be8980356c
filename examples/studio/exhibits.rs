//! Owns the list of files that the web server may show: the page, the contact sheet, the
//! thumbnails.
//! Refuses every other path, and every symbolic link: only names of the studio's own reach the
//! system.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, open, openat};

use crate::output::{INDEX, SHEET, THUMBS};

/// The folder of results, open, so that a change of its name has no effect.
pub struct Exhibits(OwnedFd);

/// A file that was found. It is whole, because the studio writes beside it and renames.
pub struct Exhibit {
    pub file: File,
    pub length: u64,
    pub kind: &'static str,
}

impl Exhibits {
    pub fn open(results: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Exhibits(open(results, flags, Mode::empty())?))
    }

    /// The file for this path of a URL, if it is one of the results and there.
    pub fn find(&self, path: &str) -> Option<Exhibit> {
        let path = path.split('?').next().unwrap_or_default();
        match path {
            "/" | "/index.html" => look(&self.0, INDEX, "text/html; charset=utf-8"),
            "/contact-sheet.png" => look(&self.0, SHEET, "image/png"),
            _ => {
                let name = path.strip_prefix("/")?.strip_prefix(THUMBS)?.strip_prefix("/")?;
                let thumbs = enter(&self.0, THUMBS)?;
                is_thumb(name).then(|| look(&thumbs, name, "image/png"))?
            }
        }
    }
}

/// A name that `thumbs` gives: no dot but the last, no slash, nothing that a URL would have to
/// quote.
fn is_thumb(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    name.strip_suffix(".png").is_some_and(|stem| !stem.is_empty() && stem.chars().all(plain))
}

fn enter(dir: &impl AsFd, name: &str) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(dir, name, flags, Mode::empty()).ok()
}

/// Opens without waiting, because a file with the name of a picture may be a pipe without a writer.
fn look(dir: &impl AsFd, name: &str, kind: &'static str) -> Option<Exhibit> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(dir, name, flags, Mode::empty()).ok()?);
    let meta = file.metadata().ok()?;
    meta.is_file().then(|| Exhibit { length: meta.len(), file, kind })
}
