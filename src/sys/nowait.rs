//! Owns transfers that never wait on a descriptor that blocks: the kernel is asked not to wait, or
//! a second description of the file is opened.
//! Refuses to change the flags of a description, because all its copies share them, in other
//! processes too.
//!
//! "Ready" does not say for how many bytes. A terminal that is ready may take only two bytes, and
//! of two writers to a pipe with room for one of them, the second waits. So a look before the
//! transfer does not prevent a wait. It only keeps the caller from spinning.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use super::standard::above_standard;

/// The direction of a transfer, as this process sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    In,
    Out,
}

/// Writes as much as can be taken now.
///
/// # Errors
/// `AGAIN`: nothing can be taken. `OPNOTSUPP`: this kernel cannot write to such a descriptor
/// without waiting. This holds for terminals, and for pipes before Linux 6.4. [`reopen`] helps
/// then.
#[cfg(target_os = "linux")]
pub(crate) fn write(fd: impl AsFd, bytes: &[u8]) -> Result<usize, Errno> {
    use rustix::io::{ReadWriteFlags, pwritev2};
    let refused = |errno| if matches!(errno, Errno::NOSYS | Errno::INVAL) { Errno::OPNOTSUPP } else { errno };
    pwritev2(fd, &[io::IoSlice::new(bytes)], AT_ITS_PLACE, ReadWriteFlags::NOWAIT).map_err(refused)
}

/// Reads what is there now. The errors are those of [`write`].
#[cfg(target_os = "linux")]
pub(crate) fn read(fd: impl AsFd, buffer: &mut [u8]) -> Result<usize, Errno> {
    use rustix::io::{ReadWriteFlags, preadv2};
    let refused = |errno| if matches!(errno, Errno::NOSYS | Errno::INVAL) { Errno::OPNOTSUPP } else { errno };
    preadv2(fd, &mut [io::IoSliceMut::new(buffer)], AT_ITS_PLACE, ReadWriteFlags::NOWAIT).map_err(refused)
}

/// The offset -1 (`preadv2(2)`): the position of the file, or none if the file has no position.
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

/// Opens the pipe or terminal behind `fd` again, so that the result does not block. Allocates
/// nothing.
///
/// # Errors
/// `Unsupported` if another kind of file is behind `fd`, because its opening may do more than open
/// it: of the master of a terminal it would make another terminal, and it would wind a tape.
/// Otherwise the system refuses: no descriptor is free, `/proc` is not there, or the process has
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
    // On the stack, because this function may run in a signal handler.
    let mut path = [0_u8; 32];
    let mut rest = &mut path[..];
    write!(rest, "/proc/self/fd/{}\0", fd.as_raw_fd())?;
    let path = CStr::from_bytes_until_nul(&path).map_err(io::Error::other)?;
    let way = match direction {
        Direction::In => OFlags::RDONLY,
        Direction::Out => OFlags::WRONLY,
    };
    // A new description has flags of its own, so `NONBLOCK` does not show in the copies of `fd`.
    let own = open(path, way | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    Ok(above_standard(own))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn reopen(_fd: BorrowedFd<'_>, _direction: Direction) -> io::Result<OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}

/// True if `fd` is a terminal, and not the master of one. Only a master can be asked for the number
/// of its terminal.
#[cfg(target_os = "linux")]
fn is_terminal_line(fd: BorrowedFd<'_>) -> bool {
    let mut number: libc::c_uint = 0;
    // SAFETY: `isatty` has no preconditions.
    let is_terminal = unsafe { libc::isatty(fd.as_raw_fd()) } == 1;
    // SAFETY: the call writes one `c_uint` if `fd` is a master, and `number` is valid for writing.
    let is_master = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCGPTN, &raw mut number) } == 0;
    is_terminal && !is_master
}
