//! Owns the taking of the descriptors that a service manager has passed to this process: the only
//! place that makes an owned descriptor out of a number.
//! Refuses to read the environment: the caller knows how many were passed, and to whom.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// The first descriptor that is passed, by sd_listen_fds(3).
const FIRST: RawFd = 3;

/// Takes the descriptors `3 .. 3 + count`, each close-on-exec from now on.
///
/// The caller promises that these were passed to this process for it to own, and that nothing has
/// taken them before.
///
/// # Errors
/// One of them is not open. Then none is taken.
pub(crate) fn take_passed(count: u16) -> io::Result<Vec<OwnedFd>> {
    let numbers = FIRST..FIRST + RawFd::from(count);
    for number in numbers.clone() {
        // SAFETY: the number is used in this call only, which returns an error if it is not open.
        let fd = unsafe { BorrowedFd::borrow_raw(number) };
        rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::CLOEXEC)
            .map_err(|error| io::Error::new(error.kind(), format!("descriptor {number}: {error}")))?;
    }
    // SAFETY: each is open, was passed to this process, and is taken once, as the caller promises.
    Ok(numbers.map(|number| unsafe { OwnedFd::from_raw_fd(number) }).collect())
}
