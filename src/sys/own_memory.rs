//! Owns the copying of this process's own memory, at addresses that may not be mapped.
//! Refuses to know what is at an address.
#![allow(unsafe_code)]

use std::io;

/// The smallest page of the machines for which this is compiled. A copy is asked for in pieces that
/// end with a page, because the kernel promises to stop at a hole only between pieces.
const PAGE: u64 = 4096;
/// Pieces of one copy. More are never asked for here: the longest argument is a path.
const PIECES: usize = 4;

/// Copies from `from` on until `into` is full, the memory ends, or [`PIECES`] pages are copied.
/// Returns the number of bytes that were copied; 0 if nothing is mapped at `from`.
///
/// # Errors
/// The kernel refuses every copy: a seccomp filter, or a kernel without `process_vm_readv`.
pub(super) fn copy(from: u64, into: &mut [u8]) -> io::Result<usize> {
    let mut pieces = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; PIECES];
    let (mut count, mut at) = (0, from);
    let end = from.saturating_add(into.len() as u64);
    for piece in &mut pieces {
        if at >= end {
            break;
        }
        let next = (at | (PAGE - 1)).saturating_add(1).min(end);
        let length = usize::try_from(next - at).unwrap_or(0);
        *piece = libc::iovec { iov_base: at as *mut libc::c_void, iov_len: length };
        (count, at) = (count + 1, next);
    }
    let length = usize::try_from(at - from).unwrap_or(0).min(into.len());
    let place = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: length };
    let own = rustix::process::getpid().as_raw_nonzero().get();
    // SAFETY: `place` is the beginning of `into`, which this function may write, and the first
    // `count` entries of `pieces` are set. The kernel reads the memory that `pieces` point to, this
    // process does not touch it: an address that is not mapped ends the copy.
    let copied = unsafe { libc::process_vm_readv(own, &raw const place, 1, pieces.as_ptr(), count, 0) };
    usize::try_from(copied).or_else(|_negative| match io::Error::last_os_error() {
        error if error.raw_os_error() == Some(libc::EFAULT) => Ok(0),
        error => Err(error),
    })
}
