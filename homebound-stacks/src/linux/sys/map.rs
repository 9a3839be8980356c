//! Owns the program's own file in memory, of which only the pages that are looked at are read.
//! Refuses to map any other file: if another program cut that file short meanwhile, the next look
//! would end this process (SIGBUS).

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// The file, while the value lives.
pub(crate) struct OwnFile {
    /// The first byte of the mapping.
    at: *mut libc::c_void,
    /// Bytes of the mapping, at least 1.
    length: usize,
}

impl OwnFile {
    /// Maps the file that this process runs, also if its name is gone.
    pub(crate) fn open() -> io::Result<OwnFile> {
        let file = File::open("/proc/self/exe")?;
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        // SAFETY: the kernel chooses the place, so no memory that is in use is changed.
        let at = unsafe {
            libc::mmap(std::ptr::null_mut(), length, libc::PROT_READ, libc::MAP_PRIVATE, file.as_raw_fd(), 0)
        };
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(OwnFile { at, length })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: `length` bytes are mapped at `at` until the drop, and may be read. Nothing writes
        // to them: the mapping is private and has no right to write, and the kernel lets no program
        // write to a file, or cut it short, while a process runs it (ETXTBSY).
        unsafe { std::slice::from_raw_parts(self.at.cast(), self.length) }
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        // SAFETY: the mapping is of this value alone, and `bytes` lends no part for longer.
        unsafe { libc::munmap(self.at, self.length) };
    }
}
