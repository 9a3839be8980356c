//! Owns the walk over a folder: which files are pictures, and which are better not touched.
//! Refuses to know the use of a picture, or that there are threads.

use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use image::ImageFormat;

use crate::output::{Output, identity};
use crate::tally::Problem;

/// Larger files are not read, because no picture of an accepted size needs more bytes.
const MAX_FILE: u64 = 256 << 20;

/// A file with such a name is taken for a picture. With another name the content decides.
const EXTENSIONS: [&str; 11] =
    ["png", "jpg", "jpeg", "jpe", "jfif", "gif", "webp", "bmp", "tif", "tiff", "avif"];

/// The formats that the studio reads.
pub const FORMATS: [ImageFormat; 4] =
    [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP];

#[derive(Debug, Clone)]
pub struct Picture {
    pub path: PathBuf,
    /// The path within the folder: the picture's name in the results.
    pub name: PathBuf,
    pub stamp: Stamp,
}

/// Changes when a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    len: u64,
    pub modified: Option<SystemTime>,
}

/// A finding of a walk.
pub enum Found {
    Picture(Picture),
    /// A file that is no picture and does not look like one.
    Other,
    Problem(Problem),
}

/// A walk over `root`, folder by folder in the order of names; each step opens one folder or file
/// at most.
pub struct Walk<'a> {
    root: &'a Path,
    output: &'a Output,
    /// Folders and files that are still to visit, the next one last.
    pending: Vec<PathBuf>,
    /// The visited folders, by identity, because a symbolic link may lead to one again.
    visited: HashSet<(u64, u64)>,
}

impl<'a> Walk<'a> {
    pub fn new(root: &'a Path, output: &'a Output) -> Self {
        Walk { root, output, pending: vec![root.to_owned()], visited: HashSet::new() }
    }

    fn visit(&mut self, path: PathBuf) -> Option<Found> {
        let meta = match fs::metadata(&path) {
            Ok(meta) => meta,
            Err(error) if path.is_symlink() => {
                return Some(problem(&path, format!("a symbolic link that leads nowhere: {error}")));
            }
            Err(error) => return Some(problem(&path, error)),
        };
        if self.output.owns(self.root, &path, &meta) {
            return None;
        }
        if meta.is_dir() {
            return self.enter(&path, &meta);
        }
        if let Some(kind) = special(&meta) {
            return Some(problem(&path, format!("{kind}, not a file: left alone")));
        }
        if !looks_like_picture(&path) {
            return Some(Found::Other);
        }
        Some(Found::Picture(Picture {
            name: path.strip_prefix(self.root).unwrap_or(&path).to_owned(),
            stamp: Stamp::of(&meta),
            path,
        }))
    }

    fn enter(&mut self, path: &Path, meta: &Metadata) -> Option<Found> {
        if !self.visited.insert(identity(meta)) {
            let again = "a symbolic link back to a folder that it is in: not followed";
            return leads_back(path).then(|| problem(path, again));
        }
        let listed = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = match listed {
            Ok(entries) => entries,
            Err(error) => return Some(problem(path, format!("unreadable folder: {error}"))),
        };
        let first = self.pending.len();
        self.pending.extend(entries.iter().map(|entry| entry.path()));
        self.pending[first..].sort_unstable_by(|a, b| b.cmp(a));
        None
    }
}

impl Iterator for Walk<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            let path = self.pending.pop()?;
            if let Some(found) = self.visit(path) {
                return Some(found);
            }
        }
    }
}

impl Stamp {
    fn of(meta: &Metadata) -> Self {
        Stamp { len: meta.size(), modified: meta.modified().ok() }
    }
}

impl Picture {
    /// Reads the whole file.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        let file = open(&self.path)?;
        let mut bytes = Vec::new();
        file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        match bytes.len() as u64 {
            0 => Err(io::Error::other("an empty file")),
            n if n > MAX_FILE => Err(io::Error::other("a file of more than 256 MiB")),
            _ => Ok(bytes),
        }
    }
}

/// Opens a file without waiting, because a file may have become a pipe without a writer a moment
/// ago.
fn open(path: &Path) -> io::Result<File> {
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let file = File::options().read(true).custom_flags(nonblocking).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("no longer a file")),
    }
}

fn looks_like_picture(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    if extension.is_some_and(|e| EXTENSIONS.contains(&e.as_str())) {
        return true;
    }
    // A file that cannot be read and is not named like a picture is ignored.
    let mut head = [0; 16];
    let read = open(path).and_then(|mut file| file.read(&mut head)).unwrap_or(0);
    image::guess_format(&head[..read]).is_ok_and(|format| FORMATS.contains(&format))
}

fn special(meta: &Metadata) -> Option<&'static str> {
    let kind = meta.file_type();
    match () {
        () if kind.is_file() => None,
        () if kind.is_fifo() => Some("a named pipe"),
        () if kind.is_socket() => Some("a socket"),
        () => Some("a device"),
    }
}

/// True if this link leads to a folder around it.
fn leads_back(link: &Path) -> bool {
    let ends = (fs::canonicalize(link), link.parent().map(fs::canonicalize));
    matches!(ends, (Ok(to), Some(Ok(from))) if from.starts_with(&to))
}

fn problem(path: &Path, reason: impl ToString) -> Found {
    Found::Problem(Problem::input(path, reason))
}
