//! Owns the calls that are sound only while the process has one thread: changes of the environment,
//! and a fork whose child goes on.
//! Refuses to believe that the process has one thread: each call looks first, and refuses by name.
//!
//! # On what it rests
//!
//! A look finds one thread in `/proc/self/task`, which is the calling thread. Only a thread of this
//! process can start another one, and the only one is in this function until the call is made. So
//! no other thread exists at the call, and none can read the environment while it changes. Not
//! seen: another *process* that shares this one's memory (`vfork`, `clone` with `CLONE_VM`); std's
//! `Command` makes one only while the calling thread waits for its `exec`.
#![allow(unsafe_code)]

use std::ffi::OsStr;
use std::io;
use std::thread;
use std::time::Duration;

use super::{KernelThread, process_threads, thread_id};

/// A joined thread stays in the kernel's list for a moment, so the list is looked at up to this
/// many times, with pauses that begin with this one and double: about 100 ms in all.
const LOOKS: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_micros(400);
/// The number of threads that a refusal names.
const SHOWN: usize = 8;

/// Looks whether the calling thread is the only one of the process.
///
/// # Errors
/// It is not: the error names the others. Or the list cannot be read.
pub(crate) fn look_alone() -> io::Result<()> {
    let (own, mut pause) = (thread_id(), FIRST_PAUSE);
    let mut others = process_threads(&|id| Some(id) == own)?;
    for _ in 1..LOOKS {
        if others.is_empty() {
            break;
        }
        thread::sleep(pause);
        pause *= 2;
        others = process_threads(&|id| Some(id) == own)?;
    }
    if others.is_empty() { Ok(()) } else { Err(refusal(&others)) }
}

fn refusal(others: &[KernelThread]) -> io::Error {
    let mut names: Vec<_> =
        others.iter().take(SHOWN).map(|thread| format!("{:?} ({})", thread.text(), thread.id)).collect();
    if others.len() > SHOWN {
        names.push(format!("and {} more", others.len() - SHOWN));
    }
    let why = format!(
        "the process has other threads, which may use the environment or the working directory at this moment: {}; do this \
         before they are started, or when they are joined",
        names.join(", ")
    );
    io::Error::new(io::ErrorKind::ResourceBusy, why)
}

pub(crate) fn set_var(key: &OsStr, value: &OsStr) -> io::Result<()> {
    look_alone()?;
    // SAFETY: no other thread exists, by the look above (see the header).
    unsafe { std::env::set_var(key, value) };
    Ok(())
}

pub(crate) fn remove_var(key: &OsStr) -> io::Result<()> {
    look_alone()?;
    // SAFETY: as above.
    unsafe { std::env::remove_var(key) };
    Ok(())
}

/// Forks. Returns the id of the child in the parent, and `None` in the child.
pub(crate) fn fork() -> io::Result<Option<u32>> {
    look_alone()?;
    // SAFETY: no other thread exists, so no lock is held by a thread that the child lacks.
    match unsafe { libc::fork() } {
        0 => Ok(None),
        id => u32::try_from(id).map(Some).map_err(|_| io::Error::last_os_error()),
    }
}
