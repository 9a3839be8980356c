//! Owns what Linux alone offers: a thread's id and name, and sleeping on a word.
//! Refuses to know which threads are ours, and what a word means.

use std::ffi::CString;
use std::io;
use std::sync::atomic::AtomicU32;
use std::thread::JoinHandle;
use std::time::Instant;

use rustix::thread::futex;

use super::real_time::{Use, real_time_signals};

/// The kernel's id of the calling thread.
pub fn thread_id() -> Option<u32> {
    u32::try_from(rustix::thread::gettid().as_raw_nonzero().get()).ok()
}

/// True if the kernel still has this thread of ours: one that has ended and is not joined is gone for it.
#[allow(unsafe_code)]
pub(crate) fn is_there(id: u32) -> bool {
    let process = rustix::process::getpid().as_raw_nonzero().get();
    // SAFETY: signal 0 asks only; an id that is no thread of this process is an error.
    unsafe { libc::syscall(libc::SYS_tgkill, process, id, 0) == 0 }
}

/// How many bytes of a thread's name the kernel keeps.
pub const NAME_BYTES: usize = 15;

/// Gives the calling thread a name for the kernel, for `ps` and debuggers.
pub(crate) fn set_thread_name(name: &str) {
    // A name has no NUL, and a name that the kernel does not take is of no use to anybody but readers of `ps`.
    let _for_readers_only = CString::new(name).map(|name| rustix::thread::set_name(&name));
}

/// True for the thread with which the process began.
pub(crate) fn is_main_thread() -> bool {
    rustix::thread::gettid() == rustix::process::getpid()
}

/// Joins a thread that is about to end. `look` may ask for a moment whether it has: that is cheaper than to be woken.
#[cfg(target_env = "gnu")]
#[allow(unsafe_code)]
pub(crate) fn join(handle: JoinHandle<()>, look: impl FnOnce(&dyn Fn() -> bool) -> bool) {
    use std::cell::Cell;
    use std::os::unix::thread::JoinHandleExt;
    use std::ptr::null_mut;

    let (thread, joined) = (handle.into_pthread_t(), Cell::new(false));
    let try_join = || {
        // SAFETY: the handle owned the thread, so nobody else joins or detaches it; one that is busy stays to be joined, and one
        // that was joined is not asked again.
        joined.set(joined.get() || unsafe { libc::pthread_tryjoin_np(thread, null_mut()) } == 0);
        joined.get()
    };
    look(&try_join);
    if !joined.get() {
        // SAFETY: as above.
        let refused = unsafe { libc::pthread_join(thread, null_mut()) };
        debug_assert_eq!(refused, 0, "a thread that is ours is joined once, by another");
    }
}

#[cfg(not(target_env = "gnu"))]
pub(crate) fn join(handle: JoinHandle<()>, _look: impl FnOnce(&dyn Fn() -> bool) -> bool) {
    drop(handle.join());
}

/// Signals that nobody uses by default: one that is blocked in a thread marks the threads that it starts, since the kernel
/// hands the mask on (`pthread_create(3)`) and lists it (`proc(5)`).
pub fn marks() -> Vec<u32> {
    real_time_signals(Use::Mark).filter_map(|signal| u32::try_from(signal).ok()).collect()
}

/// Marks the calling thread, or takes the mark away.
pub fn set_mark(mark: u32, set: bool) -> io::Result<()> {
    super::mask::block_signal(i32::try_from(mark).unwrap_or(0), set)
}

/// Those who sleep on a word: the kernel keeps them, by the word's address.
#[derive(Debug, Default)]
pub(crate) struct Sleepers {
    _are_the_kernels: (),
}

impl Sleepers {
    /// Goes to sleep if the word is as expected. May return early: the caller looks.
    pub(crate) fn sleep(&self, word: &AtomicU32, expected: u32, end: Option<Instant>) {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let timeout = left.and_then(|left| left.try_into().ok());
        let _woken_late_or_changed = futex::wait(word, futex::Flags::PRIVATE, expected, timeout.as_ref());
    }

    /// At most `count` sleep there: to ask for more would make the kernel look through all that sleep in the same bucket of
    /// its table, which are hundreds where there are thousands.
    pub(crate) fn wake(&self, word: &AtomicU32, count: u32) {
        let _how_many = futex::wake(word, futex::Flags::PRIVATE, count);
    }
}
