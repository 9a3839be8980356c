//! Owns the copying of this process's own memory without a fault.
//! Refuses to know what is at an address.

/// The smallest page of the machines for which this is compiled. A range is asked for in such
/// pieces, because the kernel promises to end at a hole only between pieces.
const PAGE: u64 = 4096;
/// Pieces for one system call: 64 KiB, wherever in a page they begin.
const PIECES: usize = 17;

/// Copies from `from` on until `into` is full or the memory ends, and returns how much was copied.
/// An error is the number with which the kernel refused, which is never about one address.
///
/// Takes no lock of this process, allocates nothing, and uses no thread-local but `errno`, so a
/// handler may call it. The kernel may fetch a page from disk for it, as for any use of memory.
pub(crate) fn copy(from: u64, into: &mut [u8]) -> Result<usize, i32> {
    let mut done = 0;
    while done < into.len() {
        let Some(at) = from.checked_add(done as u64) else { break };
        match copy_pieces(at, &mut into[done..])? {
            0 => break,
            some => done += some,
        }
    }
    Ok(done)
}

/// Reads this process's memory. A refusal is seen when a session is made, and counts as no memory
/// afterwards.
pub(crate) fn read(from: u64, into: &mut [u8]) -> usize {
    copy(from, into).unwrap_or(0)
}

/// Like [`copy`], for one system call. Zero: there is nothing at `from`.
fn copy_pieces(from: u64, into: &mut [u8]) -> Result<usize, i32> {
    let mut pieces = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; PIECES];
    let (mut count, mut at) = (0, from);
    let end = from.saturating_add(into.len() as u64);
    while at < end && count < PIECES {
        let next = (at | (PAGE - 1)).saturating_add(1).min(end);
        pieces[count] = libc::iovec { iov_base: at as *mut _, iov_len: (next - at) as usize };
        count += 1;
        at = next;
    }
    let place = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: (at - from) as usize };
    let own = rustix::process::getpid().as_raw_nonzero().get();
    // SAFETY: `place` is the beginning of `into`, which this function may write, and `count`
    // entries of `pieces` are set. This process does not touch what they point to: the kernel reads
    // it, and returns how much of it was there.
    let copied = unsafe { libc::process_vm_readv(own, &raw const place, 1, pieces.as_ptr(), count as _, 0) };
    usize::try_from(copied).or_else(|_| match std::io::Error::last_os_error().raw_os_error() {
        // Not mapped, or not readable: the copy ends here.
        Some(libc::EFAULT) => Ok(0),
        errno => Err(errno.unwrap_or(libc::EIO)),
    })
}
