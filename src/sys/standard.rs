//! Owns the numbers of the standard streams, which no descriptor of ours may take.
//! Refuses to use the streams.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// The first number above those of the standard streams.
const FIRST: i32 = 3;

/// In a program that has closed a standard stream, the next descriptor takes its number, and what is printed goes there. So every
/// descriptor that we make gets another number. Where there is none left it stays what it is: better than to be refused.
pub(crate) fn above_standard<T: AsFd + From<OwnedFd>>(made: T) -> T {
    if made.as_fd().as_raw_fd() >= FIRST {
        return made;
    }
    rustix::io::fcntl_dupfd_cloexec(&made, FIRST).map_or(made, T::from)
}

/// While they live, no descriptor that is made gets the number of a standard stream.
pub(super) fn standard_taken() -> Vec<OwnedFd> {
    let null = || std::fs::File::open("/dev/null").ok().map(OwnedFd::from);
    std::iter::from_fn(null).take_while(|fd| fd.as_raw_fd() < FIRST).collect()
}
