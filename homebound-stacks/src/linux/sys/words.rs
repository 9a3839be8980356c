//! Owns the words of the slot protocol: an atomic, a place for a value, and the kernel's futex.
//! Refuses to know the protocol. The models bring a file of the same names instead of this one.

use std::cell::UnsafeCell;
pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// A place that the protocol gives to one thread at a time.
pub(crate) struct Place<T>(UnsafeCell<T>);

impl<T> Place<T> {
    pub(crate) const fn new(value: T) -> Self {
        Place(UnsafeCell::new(value))
    }

    pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        read(self.0.get())
    }

    pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        write(self.0.get())
    }
}

/// The half of the word that the kernel compares: the low one, with the phase and 29 bits of the
/// generation. On the machines for which this is compiled it stands first.
fn low_half(word: &AtomicU64) -> *const u32 {
    std::ptr::from_ref(word).cast()
}

/// Sleeps until the word is no longer `seen`, or the time is over. True: look again.
pub(crate) fn wait_until(word: &AtomicU64, seen: u64, end: Instant) -> bool {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return false;
    }
    let time = libc::timespec {
        tv_sec: left.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: left.subsec_nanos().into(),
    };
    let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    let expected = seen & u64::from(u32::MAX);
    // SAFETY: the kernel reads four bytes of `word` and one `time`, both of which live in this
    // frame's borrows. A word that has changed, an interrupted wait and a time-out all return.
    unsafe { libc::syscall(libc::SYS_futex, low_half(word), operation, expected, &raw const time) };
    true
}

/// Wakes the requester. It is a system call that does not wait, and is allowed in a handler.
pub(crate) fn wake(word: &AtomicU64) {
    let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the kernel uses the address of `word` as a key, and reads nothing from it.
    unsafe { libc::syscall(libc::SYS_futex, low_half(word), operation, 1) };
}
