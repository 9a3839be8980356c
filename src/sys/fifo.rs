//! Owns the finding of a FIFO that a caller is about to open, on both of its ends if necessary.
//! Refuses to open the FIFO, and to know the reason.

use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

#[cfg(target_os = "linux")]
use rustix::fs::Mode;
use rustix::fs::{Access, AtFlags, FileType, OFlags};

#[cfg(target_os = "linux")]
use super::local::is_local;
#[cfg(target_os = "linux")]
use super::standard::above_standard;

/// A FIFO that was found, and that is not open yet.
#[derive(Debug)]
pub(crate) struct Fifo {
    /// The file itself (`O_PATH`), so that every opening gets the FIFO that was found, even if the
    /// path leads to another file by then.
    #[cfg(target_os = "linux")]
    place: OwnedFd,
    /// The path to open: through `place` on Linux, and the path of the caller elsewhere.
    path: PathBuf,
    /// The FIFO is in a file system of this machine, so that an opening of it does not hang.
    is_local: bool,
}

impl Fifo {
    /// The flag of an opening that does not wait for the other end.
    pub(crate) const AT_ONCE: i32 = libc::O_NONBLOCK;

    /// Finds the FIFO at `path`. This process must be able to open both ends, because a stop ends
    /// the wait of an opening by opening the other end.
    ///
    /// # Errors
    /// The file is no FIFO, or this process may not both read it and write to it.
    pub(crate) fn find(path: &Path) -> io::Result<Fifo> {
        let stat = rustix::fs::stat(path)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Fifo {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no FIFO"));
        }
        // `EACCESS` asks for the effective user, because an opening goes by that user's rights.
        let both = Access::READ_OK | Access::WRITE_OK;
        rustix::fs::accessat(rustix::fs::CWD, path, both, AtFlags::EACCESS).map_err(|refused| {
            let why =
                "this process may not both read from it and write to it, so that no stop could end the wait";
            io::Error::new(io::Error::from(refused).kind(), why)
        })?;
        #[cfg(target_os = "linux")]
        {
            // `O_PATH` opens neither end, so it waits for no reader or writer.
            let place = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
            let place = above_standard(place);
            let path = PathBuf::from(format!("/proc/self/fd/{}", place.as_raw_fd()));
            let is_local = is_local(&path);
            Ok(Fifo { place, path, is_local })
        }
        #[cfg(not(target_os = "linux"))]
        Ok(Fifo { path: path.to_owned(), is_local: false })
    }

    pub(crate) fn is_local(&self) -> bool {
        self.is_local
    }

    /// Returns the path by which this FIFO is opened.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns a descriptor that keeps a number free: another opening can have the number once the
    /// descriptor is dropped.
    pub(crate) fn spare(&self) -> io::Result<OwnedFd> {
        #[cfg(target_os = "linux")]
        return Ok(above_standard(self.place.try_clone()?));
        #[cfg(not(target_os = "linux"))]
        return Ok(std::fs::File::open("/")?.into());
    }
}

/// True if an opening was refused because the process, or the system, has as many files open as it
/// may have.
pub(crate) fn is_for_want_of_descriptors(error: &io::Error) -> bool {
    matches!(
        rustix::io::Errno::from_io_error(error),
        Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE)
    )
}
