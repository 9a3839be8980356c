//! Owns the kernel's view of a thread: who the caller is, and who is still there (Linux; elsewhere nobody is known).
//! Refuses to ask homebound: its books are what is to be checked.

use std::fs;
use std::thread;

/// An OS thread, for the kernel: ids are used again, ids with a start time are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KernelThread {
    /// Its id.
    pub id: u32,
    /// When it started, in the kernel's ticks since the boot.
    pub started: u64,
}

impl KernelThread {
    /// The calling one.
    pub fn current() -> Option<KernelThread> {
        parse(&fs::read_to_string("/proc/thread-self/stat").ok()?)
    }

    /// True while the kernel lists it among the threads of this process. One that has been joined is listed for a moment
    /// longer, so the list is read a few times.
    pub fn is_alive(&self) -> bool {
        const LOOKS: usize = 1000;
        (0..LOOKS).all(|_| {
            let stat = fs::read_to_string(format!("/proc/self/task/{}/stat", self.id));
            let listed = stat.ok().and_then(|stat| parse(&stat)) == Some(*self);
            if listed {
                thread::yield_now();
            }
            listed
        })
    }
}

/// The first field is the id; the 22nd, counted behind the name, which may hold anything, is the start.
fn parse(stat: &str) -> Option<KernelThread> {
    let (id, _) = stat.split_once(' ')?;
    let (_, behind) = stat.rsplit_once(") ")?;
    let started = behind.split(' ').nth(19)?;
    Some(KernelThread { id: id.parse().ok()?, started: started.parse().ok()? })
}
