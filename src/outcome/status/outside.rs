//! Owns the OS threads of a snapshot that run no thread of a scope, as plain data: foreign ones,
//! warm ones, and OS threads on their way out.
//! Refuses to look for them. `labels` has their text.

use crate::outcome::status::kernel::{KernelStatus, RunState};
use crate::outcome::status::stack::Stack;

/// A thread of the process that homebound did not start, and that is not adopted (Linux). If the
/// kernel's list of threads could not be read, one such row says so: then there may be any number
/// of foreign threads.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ForeignThread {
    /// The kernel's id.
    pub os_tid: u32,
    /// The kernel's name of the thread, at most 15 bytes. For a former guest, the name as a guest.
    pub name: String,
    /// True for a thread that was a guest (see
    /// [`Context::adopt_guest`](crate::Context::adopt_guest)) in a scope that is over. Such a
    /// thread is not counted as orphaned.
    pub guest: bool,
    /// True if the thread was there before the registry began.
    pub before: bool,
    /// Some if the foreign threads are not known, with the reason. Then the row stands for no
    /// thread: its id is 0, and no count includes it.
    pub unknown: Option<String>,
    /// The thread's stack, if stacks were asked for.
    pub stack: Option<Stack>,
    /// Why there is no stack. `None` if there is one, or if stacks were not asked for.
    pub no_stack: Option<String>,
}

/// A warm OS thread. The thread that it ran is home, and it waits for the next thread to run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct IdleThread {
    /// The kernel's id.
    pub os_tid: u32,
    /// The name of the thread that it ran last. It waits for the next thread of the same name.
    pub name: String,
}

/// An OS thread whose closure is over, and which is not gone. Most likely, destructors of its
/// thread-locals run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct EndingThread {
    /// The kernel's id.
    pub os_tid: u32,
    /// The name of the thread that it ran last.
    pub name: String,
    /// The purpose of that thread.
    pub purpose: String,
    /// The path of that thread.
    pub path: String,
    /// The name of the thread that this one joins before it ends, because an ending thread is
    /// joined by a thread that ends after it.
    pub joins: Option<String>,
    /// What the kernel's scheduler does with the thread, if the kernel was asked (Linux, in a
    /// dump).
    pub run_state: Option<RunState>,
    /// Where the thread is in the kernel, if the kernel was asked.
    pub kernel: Option<KernelStatus>,
    /// The thread's stack, if stacks were asked for.
    pub stack: Option<Stack>,
    /// Why there is no stack. `None` if there is one, or if stacks were not asked for.
    pub no_stack: Option<String>,
}
