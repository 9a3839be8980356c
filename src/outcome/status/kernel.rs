//! Owns the kernel's view of a thread, as plain data.
//! Refuses to ask the kernel: `sight` does.

/// What the kernel's scheduler does with a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum RunState {
    /// On a processor, or waiting for one.
    Running,
    /// Asleep; a signal wakes the thread.
    Sleeping,
    /// Asleep in the kernel; only the end of its wait wakes the thread, and no signal does.
    Uninterruptible,
    /// Suspended, by SIGSTOP or by a debugger.
    Suspended,
    /// Any other state: the thread is gone, or about to be.
    Other,
}

/// Where a thread is in the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct KernelStatus {
    /// The system call, such as `read`.
    pub call: Option<String>,
    /// The object of the call, if the kernel tells it: `fd 5 pipe:[1234]`, `child 4711 "sleep"`.
    pub about: Option<String>,
    /// The function of the kernel in which the thread sleeps, such as `anon_pipe_read`.
    pub channel: Option<String>,
}
