//! Owns the file that says "this process is ready" while it is there, and its removal on each way
//! out of the process that is not a crash.
//! Refuses to know when the process is ready.
//!
//! ```text
//! absent --make--> there --remove, exit--> gone        a file that is gone is not made again
//! ```
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
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering};

use parking_lot::Mutex;

/// The path of the file to remove on a way out; null if there is none. Written by `ProbeFile`, read
/// by `remove_at_exit`.
static PATH: AtomicPtr<libc::c_char> = AtomicPtr::new(null_mut());
/// The process whose file it is: a forked child must not remove it.
static OWNER: AtomicI32 = AtomicI32::new(0);

/// The probe file of a run.
#[derive(Debug)]
pub(crate) struct ProbeFile {
    path: PathBuf,
    /// True if its file system is known to be on this machine, so that a call does not wait for a
    /// server.
    is_local: bool,
    /// True once the file is gone for good. The lock is held while the file is made or removed, so
    /// that no file is made after it was removed.
    is_gone: Mutex<bool>,
}

impl ProbeFile {
    /// Prepares the file, and removes one that an earlier process has left.
    ///
    /// # Errors
    /// The file could not be made there: its folder does not exist, or an old file cannot be
    /// removed.
    pub(crate) fn prepare(path: &Path) -> io::Result<ProbeFile> {
        // From the root, because the program may change its working directory.
        let path = std::path::absolute(path)?;
        remove(&path)?;
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
        let is_local = is_local(folder);
        Ok(ProbeFile { path, is_local, is_gone: Mutex::new(false) })
    }

    /// True if the file can be removed by a thread that must not wait.
    pub(crate) fn is_local(&self) -> bool {
        self.is_local
    }

    /// Makes the file, unless it is gone for good.
    pub(crate) fn make(&self) -> io::Result<()> {
        let is_gone = self.is_gone.lock();
        if *is_gone {
            return Ok(());
        }
        let new = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&self.path);
        if PATH.load(Ordering::SeqCst).is_null() {
            // A way out has been taken, and has looked for the file before it was there. Pairs with
            // `remove_at_exit`.
            return remove(&self.path);
        }
        match new {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    /// There -> gone.
    pub(crate) fn remove(&self) -> io::Result<()> {
        let mut is_gone = self.is_gone.lock();
        if std::mem::replace(&mut *is_gone, true) {
            return Ok(());
        }
        remove(&self.path)
    }

    pub(crate) fn path(&self) -> &OsStr {
        self.path.as_os_str()
    }
}

impl Drop for ProbeFile {
    fn drop(&mut self) {
        let _was_looked_at_before = self.remove();
        PATH.store(null_mut(), Ordering::SeqCst);
    }
}

/// The file systems of this machine in which a probe file is likely to be, by their magic numbers:
/// tmpfs, overlay, ext, xfs, btrfs, zfs, f2fs, ramfs.
#[cfg(target_os = "linux")]
const LOCAL: [u32; 8] =
    [0x0102_1994, 0x794c_7630, 0xef53, 0x5846_5342, 0x9123_683e, 0x2fc1_2fc1, 0xf2f5_2010, 0x8584_58f6];

#[cfg(target_os = "linux")]
fn is_local(folder: &Path) -> bool {
    // The type of the field differs between systems; a magic number has 32 bits.
    let magic = rustix::fs::statfs(folder).map(|about| about.f_type as u64 & u64::from(u32::MAX));
    magic.is_ok_and(|magic| LOCAL.iter().any(|local| u64::from(*local) == magic))
}

#[cfg(not(target_os = "linux"))]
fn is_local(_folder: &Path) -> bool {
    false
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
