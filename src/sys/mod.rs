//! Owns every call into the operating system that std does not offer. `not_linux` and `not_unix`
//! offer the same functions on systems that lack them.
//! Refuses to use any other folder of the crate. Linux is tested. For other systems, this code has
//! not been compiled.
//!
//! Read `wake_pipe` first, then `handlers`.

#[cfg(target_os = "linux")]
pub(crate) mod adopted;
#[cfg(target_os = "linux")]
mod arguments;
#[cfg(target_os = "linux")]
mod attributes;
#[cfg(target_os = "linux")]
pub(crate) use attributes::{Attributes, Refused, kernel_name, processors_here, set_kernel_name};
#[cfg(target_os = "linux")]
mod after_main;
#[cfg(target_os = "linux")]
pub(crate) use after_main::guard_exit;
#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod descriptor;
#[cfg(target_os = "linux")]
mod due;
#[cfg(target_os = "linux")]
mod lock_word;
#[cfg(target_os = "linux")]
mod why_ended;
#[cfg(target_os = "linux")]
pub(crate) use lock_word::{Futex, byte_at, futex_of, long_words_from, owner_in, words_at};
#[cfg(target_os = "linux")]
mod kernel_look;
#[cfg(target_os = "linux")]
pub(crate) use kernel_look::kernel_look;
#[cfg(target_os = "linux")]
mod kernel_timer;
#[cfg(target_os = "linux")]
pub(crate) mod last;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod local;
#[cfg(target_os = "linux")]
mod orphans;
#[cfg(target_os = "linux")]
pub(crate) use orphans::{ended_children, reap};
#[cfg(target_os = "linux")]
mod own_memory;
#[cfg(target_os = "linux")]
mod proc;
#[cfg(target_os = "linux")]
pub(crate) mod pulse;
#[cfg(target_os = "linux")]
mod real_time;
#[cfg(target_os = "linux")]
mod stack_room;
#[cfg(all(feature = "stacks", target_os = "linux"))]
pub(crate) use stack_room::stack_end;
#[cfg(target_os = "linux")]
pub(crate) use stack_room::stack_left;
#[cfg(target_os = "linux")]
mod task_names;
#[cfg(target_os = "linux")]
pub use linux::{NAME_BYTES, marks, set_mark, thread_id};
#[cfg(target_os = "linux")]
pub(crate) use linux::{Sleepers, is_main_thread, is_there, join, set_thread_name};
#[cfg(target_os = "linux")]
pub use proc::{marks_of, process_threads};
#[cfg(target_os = "linux")]
pub(crate) use proc::{thread_ids, thread_of, uptime};

#[cfg(not(target_os = "linux"))]
mod not_linux;
#[cfg(all(unix, not(target_os = "linux")))]
pub(crate) use not_linux::adopted;
#[cfg(not(target_os = "linux"))]
pub(crate) use not_linux::{
    Attributes, Futex, Refused, byte_at, ended_children, futex_of, is_main_thread, is_there, join,
    kernel_look, kernel_name, long_words_from, owner_in, processors_here, reap, set_kernel_name,
    set_thread_name, stack_left, thread_ids, thread_of, uptime, words_at,
};
#[cfg(not(target_os = "linux"))]
pub use not_linux::{NAME_BYTES, marks, marks_of, process_threads, set_mark, thread_id};
#[cfg(not(target_os = "linux"))]
pub(crate) use not_linux::{guard_exit, last, pulse};

mod fresh_line;
pub(crate) use fresh_line::fresh_line;

#[cfg(unix)]
mod action;
#[cfg(unix)]
mod clock;
#[cfg(unix)]
pub(crate) use clock::{coarse, monotonic};
#[cfg(unix)]
mod dump_file;
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
pub(crate) use dump_file::open_dump_file;
#[cfg(unix)]
pub(crate) use fd::Event;
#[cfg(unix)]
pub(crate) use handlers::{
    Handlers, dump_signals, forks, hand_on_raised, is_ours, know_forks, signal_name, stop_signals, unblocked,
    why_not_taken,
};
#[cfg(unix)]
pub(crate) use mask::{Spared, bear_refused_writes, hear, with_refused_writes};
#[cfg(unix)]
pub use stderr::write_stderr;
#[cfg(unix)]
pub(crate) use wake_pipe::{Heard, WakePipe, Woken};
#[cfg(unix)]
pub(crate) use ways_out::{abort_now, die, exit_now};

#[cfg(unix)]
pub(crate) mod alone;
#[cfg(unix)]
pub(crate) mod child;
#[cfg(unix)]
pub(crate) mod datagram;
#[cfg(unix)]
pub(crate) mod fifo;
#[cfg(unix)]
mod groups;
#[cfg(unix)]
pub(crate) mod passed;
#[cfg(unix)]
pub(crate) mod probe_file;
#[cfg(unix)]
pub(crate) mod terminal;

#[cfg(not(unix))]
mod not_unix;
#[cfg(not(unix))]
pub(crate) use not_unix::open_dump_file;
#[cfg(not(unix))]
pub use not_unix::write_stderr;
#[cfg(not(unix))]
pub(crate) use not_unix::{
    Event, Handlers, Heard, Spared, WakePipe, Woken, abort_now, bear_refused_writes, die, dump_signals,
    exit_now, forks, hand_on_raised, hear, ignored, is_ours, know_forks, signal_name, stop_signals,
    unblocked, why_not_taken, with_refused_writes,
};

use std::time::Duration;

/// A thread of this process as the kernel lists it.
#[derive(Debug, Clone)]
pub struct KernelThread {
    /// The kernel's id of the thread.
    pub id: u32,
    /// Clock ticks from the boot to the start of the thread. The kernel uses ids again, but no two
    /// threads have the same id and start time.
    pub(crate) started: u64,
    /// The name as the kernel keeps it: at most 15 bytes, which may end inside a character. A
    /// thread can be renamed at any time, so the next look may find another name.
    pub name: Vec<u8>,
}

impl KernelThread {
    /// Returns the name as text. Bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }
}

impl PartialEq for KernelThread {
    fn eq(&self, other: &KernelThread) -> bool {
        // The name is left out, because a thread can be renamed.
        (self.id, self.started) == (other.id, other.started)
    }
}

/// What the scheduler has counted about a thread since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Time on a processor.
    pub(crate) cpu: std::time::Duration,
    /// Time in which it could run and waited for a processor. The kernel adds a wait when it ends.
    pub(crate) delay: std::time::Duration,
    /// How often it came to a processor.
    pub(crate) turns: u64,
}

/// What a thread does at one moment, as the kernel reports it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct KernelLook {
    /// The letter of the state in `proc(5)`, such as `R`, `S` or `D`; 0 on a system that does not
    /// report it.
    pub(crate) state: u8,
    /// The system call that the thread is in. `None` outside of a call, or if it is not reported.
    pub(crate) call: Option<String>,
    /// The object of the call: a descriptor and its file, a path, a child process.
    pub(crate) about: Option<String>,
    /// The function of the kernel in which the thread sleeps.
    pub(crate) channel: Option<String>,
    /// The processor time of the thread so far.
    pub(crate) cpu: Option<Duration>,
    /// How often it came to a processor, read together with `cpu`. `None` if the kernel does not
    /// count.
    pub(crate) turns: Option<u64>,
    /// The part that could not be read, and the reason.
    pub(crate) refused: Option<String>,
}
