//! Owns the kernel's view of a thread: the id of the caller, whether a thread is still there, and
//! whether it sleeps (Linux; elsewhere it is never known).
//! Refuses to ask homebound, because its own books are under test.

use std::fs;
use std::thread;

/// An OS thread, for the kernel. The kernel uses ids again, but never an id with the same start
/// time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KernelThread {
    /// The kernel's id of the thread.
    pub id: u32,
    /// When the thread started, in the kernel's ticks since the boot.
    pub started: u64,
}

impl KernelThread {
    /// The calling thread.
    pub fn current() -> Option<KernelThread> {
        parse(&fs::read_to_string("/proc/thread-self/stat").ok()?)
    }

    /// True while the kernel lists the thread among the threads of this process. The kernel lists a
    /// joined thread for a moment longer, so the list is read several times.
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

/// The state of a thread, and how long it has had a processor.
pub(super) struct Turn {
    /// True if it waits for something other than a processor or a page of memory.
    pub(super) sleeps: bool,
    /// How long it has had a processor, in nanoseconds.
    pub(super) ran: u64,
}

impl KernelThread {
    /// `None` if the thread has ended, or the kernel does not tell.
    pub(super) fn turn(&self) -> Option<Turn> {
        let read = |file| fs::read_to_string(format!("/proc/self/task/{}/{file}", self.id)).ok();
        let (stat, times) = (read("stat")?, read("schedstat")?);
        let (_, behind) = stat.rsplit_once(") ").filter(|_| parse(&stat) == Some(*self))?;
        let ran = times.split(' ').next()?.parse().ok()?;
        Some(Turn { sleeps: !behind.starts_with(['R', 'D']), ran })
    }
}

/// The first field is the id. The 22nd is the start; it is counted from behind the name, which may
/// hold any character.
fn parse(stat: &str) -> Option<KernelThread> {
    let (id, _) = stat.split_once(' ')?;
    let (_, behind) = stat.rsplit_once(") ")?;
    let started = behind.split(' ').nth(19)?;
    Some(KernelThread { id: id.parse().ok()?, started: started.parse().ok()? })
}
