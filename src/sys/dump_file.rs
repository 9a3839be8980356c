//! Owns the opening of a file for dumps or for a history, which may lie in a folder that others can
//! write to.
//! Refuses to follow a link, and to write to a file that is not the caller's own.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, fchmod, fstat, open};

/// Read and write, for the owner alone.
const OWNERS: Mode = Mode::RUSR.union(Mode::WUSR);

/// Opens the file to append to it and to read it, and makes it if it is not there. Its mode is 0600
/// afterwards.
///
/// # Errors
/// The system's; and for a link, a file of another user, a file with a second name, and what is no
/// regular file.
pub(crate) fn open_dump_file(path: &Path) -> io::Result<File> {
    // `NONBLOCK`: the opening of a FIFO would wait for its reader.
    let flags = OFlags::RDWR
        | OFlags::APPEND
        | OFlags::CREATE
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK
        | OFlags::NOCTTY
        | OFlags::CLOEXEC;
    let file = open(path, flags, OWNERS).map_err(|error| match error {
        rustix::io::Errno::LOOP => io::Error::other("it is a symbolic link"),
        // A FIFO without a reader, a socket, or a device that nothing serves.
        rustix::io::Errno::NXIO => io::Error::other("it is no regular file"),
        error => error.into(),
    })?;
    let facts = fstat(&file)?;
    if FileType::from_raw_mode(facts.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("it is no regular file"));
    }
    if facts.st_uid != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other("it belongs to another user"));
    }
    if facts.st_nlink != 1 {
        return Err(io::Error::other("it has a second name, a hard link"));
    }
    if facts.st_mode & 0o777 != OWNERS.as_raw_mode() {
        fchmod(&file, OWNERS)?;
    }
    Ok(file.into())
}
