//! Owns the numbers of the standard streams, which no descriptor of ours may have.
//! Refuses to use the streams.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// The first number above those of the standard streams.
const FIRST: i32 = 3;

/// Moves `made` to a number above those of the standard streams. In a program that has closed a
/// standard stream, the next descriptor gets that number, and everything that is printed goes into
/// it. If no number above is free, `made` keeps its number, because an error would be worse.
pub(crate) fn above_standard<T: AsFd + From<OwnedFd>>(made: T) -> T {
    if made.as_fd().as_raw_fd() >= FIRST {
        return made;
    }
    rustix::io::fcntl_dupfd_cloexec(&made, FIRST).map_or(made, T::from)
}

/// Opens `/dev/null` at each free number of a standard stream. While the result lives, no new
/// descriptor gets such a number.
pub(super) fn standard_taken() -> Vec<OwnedFd> {
    let null = || std::fs::File::open("/dev/null").ok().map(OwnedFd::from);
    // The first descriptor above the standard streams ends the loop, and is closed again.
    std::iter::from_fn(null).take_while(|fd| fd.as_raw_fd() < FIRST).collect()
}
