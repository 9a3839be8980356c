//! Owns the file that says "this process is ready" while it is there, and its removal on each way
//! out of the process that is not a crash.
//! Refuses to know when the process is ready.
//!
//! ```text
//! absent --make--> making --(the file is made)--> there --doom--> gone
//!    |                |                                             ^
//!    +-----doom-------+-------doom------------------------------->--+
//! ```
//! A file that is gone is not made again. The thread that called `doom` has it removed, or the
//! thread that is in `make`.
//!
//! The path is leaked, because a signal handler may be about to remove the file when the run is
//! over.
#![allow(unsafe_code)]

use std::ffi::{CString, OsStr};
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::ptr::null_mut;
use std::sync::Once;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU8, Ordering};

/// The path of the file to remove on a way out; null if there is none. Written by `ProbeFile`, read
/// by `remove_at_exit`.
static PATH: AtomicPtr<libc::c_char> = AtomicPtr::new(null_mut());
/// The process whose file it is: a forked child must not remove it.
static OWNER: AtomicI32 = AtomicI32::new(0);

/// The probe file of a run.
#[derive(Debug)]
pub(crate) struct ProbeFile {
    path: PathBuf,
    /// One of the states above. Written by `make` and `doom`. No lock is held while the file is
    /// made or removed, because the file system may hang.
    state: AtomicU8,
}

const ABSENT: u8 = 0;
const MAKING: u8 = 1;
const THERE: u8 = 2;
const GONE: u8 = 3;

impl ProbeFile {
    /// Prepares the file, and removes one that an earlier process has left.
    ///
    /// # Errors
    /// The file could not be made there: its folder does not exist, an old file cannot be removed,
    /// or what stands there is no regular file.
    pub(crate) fn prepare(path: &Path) -> io::Result<ProbeFile> {
        // From the root, because the program may change its working directory.
        let path = std::path::absolute(path)?;
        remove_old(&path)?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        if !fs::metadata(folder)?.is_dir() {
            return Err(io::Error::new(io::ErrorKind::NotADirectory, "its folder is no folder"));
        }
        let text = CString::new(path.as_os_str().as_bytes())?;
        static AT_EXIT: Once = Once::new();
        AT_EXIT.call_once(|| {
            // SAFETY: `at_exit` does only what an exiting process may do. If the system refuses,
            // only `process::exit` leaves the file behind.
            let _only_an_exit_misses_it = unsafe { libc::atexit(at_exit) };
        });
        OWNER.store(this_process(), Ordering::SeqCst);
        PATH.store(text.into_raw(), Ordering::SeqCst);
        Ok(ProbeFile { path, state: AtomicU8::new(ABSENT) })
    }

    /// Makes the file, unless it is gone for good.
    pub(crate) fn make(&self) -> io::Result<()> {
        // Absent -> making. A second `ready`, or a `ready` after the removal, makes nothing.
        if !self.change(ABSENT, MAKING) {
            return Ok(());
        }
        let made = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&self.path);
        // Making -> there, unless `doom` was called meanwhile and has left the removal to this
        // thread. Pairs with `doom`.
        let is_doomed = !self.change(MAKING, THERE);
        // The second question: a way out has been taken, and has looked for the file before it was
        // there. Pairs with `remove_at_exit`.
        if is_doomed || PATH.load(Ordering::SeqCst).is_null() {
            return remove(&self.path);
        }
        match made {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    /// Any state -> gone: from here on no file is made. True if the file is there, once: the caller
    /// has to see to it that `remove` is called. Neither locks nor waits for the file system.
    pub(crate) fn doom(&self) -> bool {
        // In the state *making* the thread in `make` removes what it makes.
        self.state.swap(GONE, Ordering::SeqCst) == THERE
    }

    /// Removes the file of a probe that is gone. This takes as long as the file system does.
    pub(crate) fn remove(&self) -> io::Result<()> {
        remove(&self.path)
    }

    pub(crate) fn path(&self) -> &OsStr {
        self.path.as_os_str()
    }

    fn change(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

impl Drop for ProbeFile {
    fn drop(&mut self) {
        if self.doom() {
            // The run was refused before its end could look for the file.
            let _nobody_is_left_to_tell = self.remove();
        }
        PATH.store(null_mut(), Ordering::SeqCst);
    }
}

/// Removes a file that an earlier process may have left. Removes only a regular file, as such a
/// process would have left: a device such as `/dev/null`, a FIFO, a socket or a link stays, because
/// other programs may need it.
fn remove_old(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(there) if !there.is_file() => Err(io::Error::other("it is no regular file")),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => remove(path),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes the file, if this process has one: on a way out. May be called in a signal handler.
pub(super) fn remove_at_exit() {
    if OWNER.load(Ordering::SeqCst) != this_process() {
        return;
    }
    // There -> gone. Null before the removal, so that a `make` that is under way removes what it
    // makes.
    let path = PATH.swap(null_mut(), Ordering::SeqCst);
    if !path.is_null() {
        // SAFETY: `path` is a leaked C string. `unlink` may be called in a handler.
        unsafe { libc::unlink(path) };
    }
}

extern "C" fn at_exit() {
    remove_at_exit();
}

fn this_process() -> libc::pid_t {
    // SAFETY: `getpid` has no preconditions.
    unsafe { libc::getpid() }
}
