//! Owns transfers that never wait on a descriptor that blocks: the kernel is asked not to, or a description of our own is opened.
//! Refuses to change the flags of a description, which all its copies share, in other processes too.
//!
//! "Ready" does not say for how much: a terminal that is ready may take two bytes, and of two writers to a pipe that is ready for one,
//! the second waits. So a look before the transfer is no protection from waiting; it only keeps the caller from spinning.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use super::standard::above_standard;

/// Which way data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    In,
    Out,
}

/// Writes what can be taken now.
///
/// # Errors
/// `AGAIN`: nothing can be. `OPNOTSUPP`: this kernel cannot write to such a descriptor without waiting, which holds for terminals, and
/// for pipes before Linux 6.4: [`reopen`] helps.
#[cfg(target_os = "linux")]
pub(crate) fn write(fd: impl AsFd, bytes: &[u8]) -> Result<usize, Errno> {
    use rustix::io::{ReadWriteFlags, pwritev2};
    let refused = |errno| if matches!(errno, Errno::NOSYS | Errno::INVAL) { Errno::OPNOTSUPP } else { errno };
    pwritev2(fd, &[io::IoSlice::new(bytes)], AT_ITS_PLACE, ReadWriteFlags::NOWAIT).map_err(refused)
}

/// Reads what is there now. As [`write`].
#[cfg(target_os = "linux")]
pub(crate) fn read(fd: impl AsFd, buffer: &mut [u8]) -> Result<usize, Errno> {
    use rustix::io::{ReadWriteFlags, preadv2};
    let refused = |errno| if matches!(errno, Errno::NOSYS | Errno::INVAL) { Errno::OPNOTSUPP } else { errno };
    preadv2(fd, &mut [io::IoSliceMut::new(buffer)], AT_ITS_PLACE, ReadWriteFlags::NOWAIT).map_err(refused)
}

/// `preadv2(2)`: -1 is the file's own offset, or none where there is no such thing.
#[cfg(target_os = "linux")]
const AT_ITS_PLACE: u64 = u64::MAX;

#[cfg(not(target_os = "linux"))]
pub(crate) fn write(_fd: impl AsFd, _bytes: &[u8]) -> Result<usize, Errno> {
    Err(Errno::OPNOTSUPP)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn read(_fd: impl AsFd, _buffer: &mut [u8]) -> Result<usize, Errno> {
    Err(Errno::OPNOTSUPP)
}

/// A description of our own of the pipe or terminal behind `fd`, one that does not block. Allocates nothing.
///
/// # Errors
/// Behind `fd` is something else, whose opening may do more than to open it (the master of a terminal would be another terminal,
/// a tape would be wound); or the system refuses: no descriptor is free, `/proc` is not there, or the process has
/// changed its user since it got the terminal.
#[cfg(target_os = "linux")]
pub(crate) fn reopen(fd: BorrowedFd<'_>, direction: Direction) -> io::Result<OwnedFd> {
    use std::ffi::CStr;
    use std::io::Write;

    use rustix::fs::{FileType, Mode, OFlags, fstat, open};

    let is_pipe = FileType::from_raw_mode(fstat(fd)?.st_mode) == FileType::Fifo;
    if !is_pipe && !is_terminal_line(fd) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let mut path = [0_u8; 32];
    let mut rest = &mut path[..];
    write!(rest, "/proc/self/fd/{}\0", fd.as_raw_fd())?;
    let path = CStr::from_bytes_until_nul(&path).map_err(io::Error::other)?;
    let way = match direction {
        Direction::In => OFlags::RDONLY,
        Direction::Out => OFlags::WRONLY,
    };
    let own = open(path, way | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    Ok(above_standard(own))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn reopen(_fd: BorrowedFd<'_>, _direction: Direction) -> io::Result<OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A terminal, and not its master, of which only its own line has a number to be asked for.
#[cfg(target_os = "linux")]
fn is_terminal_line(fd: BorrowedFd<'_>) -> bool {
    let mut number: libc::c_uint = 0;
    // SAFETY: it has no preconditions.
    let is_terminal = unsafe { libc::isatty(fd.as_raw_fd()) } == 1;
    // SAFETY: the call writes one `c_uint`, if `fd` is a master.
    let is_master = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCGPTN, &raw mut number) } == 0;
    is_terminal && !is_master
}
