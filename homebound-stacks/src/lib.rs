//! The stack of any thread of the own process, while the process goes on.
//!
//! - A thread that **sleeps** is captured without a signal. It notices nothing: no system call
//!   returns `EINTR`, and it may block all signals, or be in a sleep that no signal ends.
//! - A thread that **runs** is captured by one real-time signal, if the caller allows that and the
//!   thread does not block it.
//! - No lock is taken, neither the loader's nor the allocator's, so a thread that is stuck with one
//!   of them in its hands is captured like any other.
//! - A stack that is not whole says so, and why ([`Cut`]); a thread without a stack has a reason
//!   ([`NotCaptured`]).
//!
//! [`Stacks`] has an example. Needs Linux on x86_64 or aarch64; elsewhere each capture is
//! [`NotCaptured::Unsupported`]. `README.md` has the proof, the limits and the measurements.

mod place;
mod stack;
pub use place::{Line, Place, Reading, Unread};
pub use stack::{Call, Code, Cut, Frame, How, MOST_FRAMES, NotCaptured, Stack, Way};

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_endian = "little",
    target_pointer_width = "64"
))]
mod linux;
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_endian = "little",
    target_pointer_width = "64"
))]
pub use linux::{Modules, Names, Shown, Stacks, free_signal, thread_id, threads};

#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_endian = "little",
    target_pointer_width = "64"
)))]
mod unsupported;
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_endian = "little",
    target_pointer_width = "64"
)))]
pub use unsupported::{Modules, Names, Shown, Stacks, free_signal, thread_id, threads};

/// The README, so that its code is tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
