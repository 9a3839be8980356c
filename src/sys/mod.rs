//! Owns every call into the operating system that std does not offer: the same functions in each
//! file.
//! Refuses to know anything of homebound. Linux is tested; other systems have not been compiled.
//!
//! Read `wake_pipe` first, then `handlers`.

#[cfg(target_os = "linux")]
pub(crate) mod adopted;
#[cfg(target_os = "linux")]
mod attributes;
#[cfg(target_os = "linux")]
pub(crate) use attributes::{Attributes, cores, kernel_name, set_kernel_name};
#[cfg(target_os = "linux")]
pub(crate) mod last;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod orphans;
#[cfg(target_os = "linux")]
pub(crate) use orphans::{ended_children, reap};
#[cfg(target_os = "linux")]
mod proc;
#[cfg(target_os = "linux")]
mod real_time;
#[cfg(target_os = "linux")]
mod task_names;
#[cfg(target_os = "linux")]
pub use linux::{NAME_BYTES, marks, set_mark, thread_id};
#[cfg(target_os = "linux")]
pub(crate) use linux::{Sleepers, is_main_thread, is_there, join, set_thread_name};
#[cfg(target_os = "linux")]
pub(crate) use proc::{kernel_look, thread_ids, thread_of};
#[cfg(target_os = "linux")]
pub use proc::{marks_of, process_threads};

#[cfg(not(target_os = "linux"))]
mod not_linux;
#[cfg(all(unix, not(target_os = "linux")))]
pub(crate) use not_linux::adopted;
#[cfg(not(target_os = "linux"))]
pub(crate) use not_linux::last;
#[cfg(not(target_os = "linux"))]
pub(crate) use not_linux::{
    Attributes, cores, ended_children, is_main_thread, is_there, join, kernel_look, kernel_name, reap,
    set_kernel_name, set_thread_name, thread_ids, thread_of,
};
#[cfg(not(target_os = "linux"))]
pub use not_linux::{NAME_BYTES, marks, marks_of, process_threads, set_mark, thread_id};

#[cfg(unix)]
mod action;
#[cfg(unix)]
mod clock;
#[cfg(unix)]
pub(crate) mod fd;
#[cfg(unix)]
mod handlers;
#[cfg(unix)]
mod mask;
#[cfg(unix)]
mod namespace;
#[cfg(unix)]
pub(crate) mod nowait;
#[cfg(unix)]
pub(crate) mod standard;
#[cfg(unix)]
mod stderr;
#[cfg(unix)]
mod wake_pipe;
#[cfg(unix)]
mod ways_out;
#[cfg(unix)]
pub(crate) use action::ignored;
#[cfg(unix)]
pub(crate) use fd::Event;
#[cfg(unix)]
pub(crate) use handlers::{
    Handlers, dump_signals, forks, hand_on_raised, is_ours, know_forks, signal_name, stop_signals, unblocked,
    why_not_taken,
};
#[cfg(unix)]
pub(crate) use mask::{Spared, bear_closed_pipes, hear};
#[cfg(unix)]
pub use stderr::write_stderr;
#[cfg(unix)]
pub(crate) use wake_pipe::{Heard, WakePipe, Woken};
#[cfg(unix)]
pub(crate) use ways_out::{abort_now, die, exit_now};

#[cfg(unix)]
pub(crate) mod child;
#[cfg(unix)]
pub(crate) mod fifo;
#[cfg(unix)]
mod groups;
#[cfg(unix)]
pub(crate) mod terminal;

#[cfg(not(unix))]
mod not_unix;
#[cfg(not(unix))]
pub use not_unix::write_stderr;
#[cfg(not(unix))]
pub(crate) use not_unix::{
    Event, Handlers, Heard, Spared, WakePipe, Woken, abort_now, bear_closed_pipes, die, dump_signals,
    exit_now, forks, hand_on_raised, hear, ignored, is_ours, know_forks, signal_name, stop_signals,
    unblocked, why_not_taken,
};

/// A thread of this process as the kernel lists it.
#[derive(Debug, Clone)]
pub struct KernelThread {
    /// The kernel's id of the thread.
    pub id: u32,
    /// Start time in clock ticks since boot: ids are reused, the pair is not.
    pub(crate) started: u64,
    /// As the kernel keeps it: at most 15 bytes, which may end inside a character. It may be another the next time.
    pub name: Vec<u8>,
}

impl KernelThread {
    /// What is no text in the name is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }
}

impl PartialEq for KernelThread {
    fn eq(&self, other: &KernelThread) -> bool {
        (self.id, self.started) == (other.id, other.started)
    }
}

/// What a thread does, as the kernel sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct KernelLook {
    /// The letter of `proc(5)`: `R`, `S`, `D` and so on; 0 where it is not told.
    pub(crate) state: u8,
    /// The system call that it is in.
    pub(crate) call: Option<String>,
    /// What that is about: a descriptor and its file, a child.
    pub(crate) about: Option<String>,
    /// The function of the kernel in which it sleeps.
    pub(crate) channel: Option<String>,
    /// What could not be read, and why.
    pub(crate) refused: Option<String>,
}
