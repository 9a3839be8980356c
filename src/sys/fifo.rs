//! Owns the finding of a FIFO that is to be opened, at both of its ends if need be.
//! Refuses to open it, and to know why.

use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

#[cfg(target_os = "linux")]
use rustix::fs::Mode;
use rustix::fs::{Access, AtFlags, FileType, OFlags};

#[cfg(target_os = "linux")]
use super::standard::above_standard;

/// A FIFO that was found, and is not opened.
#[derive(Debug)]
pub(crate) struct Fifo {
    #[cfg(target_os = "linux")]
    place: OwnedFd,
    path: PathBuf,
}

impl Fifo {
    /// For an opening that does not wait.
    pub(crate) const AT_ONCE: i32 = libc::O_NONBLOCK;

    /// # Errors
    /// What is there is no FIFO, or this process may not both read it and write to it.
    pub(crate) fn find(path: &Path) -> io::Result<Fifo> {
        let stat = rustix::fs::stat(path)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Fifo {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no FIFO"));
        }
        let both = Access::READ_OK | Access::WRITE_OK;
        rustix::fs::accessat(rustix::fs::CWD, path, both, AtFlags::EACCESS).map_err(|refused| {
            let why =
                "this process may not both read from it and write to it, so that no stop could end the wait";
            io::Error::new(io::Error::from(refused).kind(), why)
        })?;
        #[cfg(target_os = "linux")]
        {
            let place = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
            let place = above_standard(place);
            let path = PathBuf::from(format!("/proc/self/fd/{}", place.as_raw_fd()));
            Ok(Fifo { place, path })
        }
        #[cfg(not(target_os = "linux"))]
        Ok(Fifo { path: path.to_owned() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A descriptor whose number is free as soon as it is dropped.
    pub(crate) fn spare(&self) -> io::Result<OwnedFd> {
        #[cfg(target_os = "linux")]
        return Ok(above_standard(self.place.try_clone()?));
        #[cfg(not(target_os = "linux"))]
        return Ok(std::fs::File::open("/")?.into());
    }
}

/// True if an opening was refused since the process, or the system, has as many files open as it may.
pub(crate) fn is_for_want_of_descriptors(error: &io::Error) -> bool {
    matches!(
        rustix::io::Errno::from_io_error(error),
        Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE)
    )
}
