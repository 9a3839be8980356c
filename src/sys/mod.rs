//! Owns every call into the operating system that std does not offer: the same functions in each file.
//! Refuses to know anything of homebound. Linux is tested; other systems have not been compiled.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{Sleepers, join, kernel_wait, priority};
#[cfg(target_os = "linux")]
pub use linux::{marks, marks_of, process_threads, set_mark, thread_id};

#[cfg(not(target_os = "linux"))]
mod absent;
#[cfg(not(target_os = "linux"))]
pub(crate) use absent::{Sleepers, join, kernel_wait, priority};
#[cfg(not(target_os = "linux"))]
pub use absent::{marks, marks_of, process_threads, set_mark, thread_id};

#[cfg(unix)]
pub(crate) mod fd;
#[cfg(unix)]
mod handlers;
#[cfg(unix)]
pub(crate) mod nowait;
#[cfg(unix)]
mod stderr;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use fd::Event;
#[cfg(unix)]
pub(crate) use handlers::{Handlers, dump_signals, ignored, stop_signals};
#[cfg(unix)]
pub(crate) use stderr::die;
#[cfg(unix)]
pub use stderr::write_stderr;
#[cfg(unix)]
pub(crate) use unix::{Alarm, abort_now, exit_now};

#[cfg(unix)]
pub(crate) mod child;
#[cfg(unix)]
mod groups;

#[cfg(not(unix))]
mod other;
#[cfg(not(unix))]
pub use other::write_stderr;
#[cfg(not(unix))]
pub(crate) use other::{
    Alarm, Event, Handlers, abort_now, die, dump_signals, exit_now, ignored, stop_signals,
};

/// A thread of this process as the kernel lists it.
#[derive(Debug, Clone)]
pub struct KernelThread {
    /// The kernel's id of the thread.
    pub id: u32,
    /// Start time in clock ticks since boot: ids are reused, the pair is not.
    pub started: u64,
    /// It may have another the next time.
    pub name: String,
}

impl PartialEq for KernelThread {
    fn eq(&self, other: &KernelThread) -> bool {
        (self.id, self.started) == (other.id, other.started)
    }
}

/// Where a thread sleeps in the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KernelWait {
    pub(crate) channel: String,
    pub(crate) syscall: String,
}
