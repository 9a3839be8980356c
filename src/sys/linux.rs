//! Owns a thread's id, its name, its mark and its join, and sleeping on a word, as only Linux
//! offers them.
//! Refuses to know which threads homebound has started, and what a word means.

use std::ffi::CString;
use std::io;
use std::sync::atomic::AtomicU32;
use std::thread::JoinHandle;
use std::time::Instant;

use rustix::thread::futex;

use super::real_time::{Use, real_time_signals};

/// Returns the kernel's id of the calling thread.
pub fn thread_id() -> Option<u32> {
    u32::try_from(rustix::thread::gettid().as_raw_nonzero().get()).ok()
}

/// True if the kernel still has this thread of our process. A thread that has ended is gone for the
/// kernel, even if it is not joined yet.
#[allow(unsafe_code)]
pub(crate) fn is_there(id: u32) -> bool {
    let process = rustix::process::getpid().as_raw_nonzero().get();
    // SAFETY: the call passes no pointers. Signal 0 only asks whether the thread is there, and an
    // id that is no thread of this process is an error.
    unsafe { libc::syscall(libc::SYS_tgkill, process, id, 0) == 0 }
}

/// The number of bytes of a thread's name that the kernel keeps.
pub const NAME_BYTES: usize = 15;

/// Tells the kernel the name of the calling thread, for `ps` and debuggers.
pub(crate) fn set_thread_name(name: &str) {
    // A name has no NUL. If the kernel refuses the name, only readers of `ps` miss it.
    let _for_readers_only = CString::new(name).map(|name| rustix::thread::set_name(&name));
}

/// True on the thread with which the process began.
pub(crate) fn is_main_thread() -> bool {
    rustix::thread::gettid() == rustix::process::getpid()
}

/// Joins a thread that is about to end. Blocks until the thread has ended. First, `look` may call
/// its argument repeatedly for a moment: the call tries to join, and returns true once the thread
/// is joined. Such a look is cheaper than a sleep that the kernel ends.
#[cfg(target_env = "gnu")]
#[allow(unsafe_code)]
pub(crate) fn join(handle: JoinHandle<()>, look: impl FnOnce(&dyn Fn() -> bool) -> bool) {
    use std::cell::Cell;
    use std::os::unix::thread::JoinHandleExt;
    use std::ptr::null_mut;

    let (thread, joined) = (handle.into_pthread_t(), Cell::new(false));
    let try_join = || {
        // SAFETY: the handle owned the thread, so no other code joins or detaches it. A thread that
        // still runs stays joinable, and after a join the thread is not asked for again, because
        // `joined` is true.
        joined.set(joined.get() || unsafe { libc::pthread_tryjoin_np(thread, null_mut()) } == 0);
        joined.get()
    };
    look(&try_join);
    if !joined.get() {
        // SAFETY: as above, and `try_join` has not joined the thread.
        let refused = unsafe { libc::pthread_join(thread, null_mut()) };
        debug_assert_eq!(refused, 0, "a thread of ours is joined once, and by another thread");
    }
}

/// Joins a thread. Only glibc's `pthread_tryjoin_np` is used, so `look` is not called here.
#[cfg(not(target_env = "gnu"))]
pub(crate) fn join(handle: JoinHandle<()>, _look: impl FnOnce(&dyn Fn() -> bool) -> bool) {
    drop(handle.join());
}

/// Returns signals that serve as marks, because no program uses them by default. A thread that
/// blocks such a signal marks the threads that it starts, because the kernel hands the mask on
/// (`pthread_create(3)`) and lists it (`proc(5)`).
pub fn marks() -> Vec<u32> {
    real_time_signals(Use::Mark).filter_map(|signal| u32::try_from(signal).ok()).collect()
}

/// Marks the calling thread, or removes the mark.
pub fn set_mark(mark: u32, set: bool) -> io::Result<()> {
    super::mask::block_signal(i32::try_from(mark).unwrap_or(0), set)
}

/// The threads that sleep on a word. The kernel keeps them, by the address of the word.
#[derive(Debug, Default)]
pub(crate) struct Sleepers {
    _are_the_kernels: (),
}

impl Sleepers {
    /// Sleeps until `end` at most, if `word` still has the value `expected`. May return early, so
    /// the caller looks again.
    ///
    /// Pairs with `wake`. The kernel compares the word and queues the thread in one step, so a
    /// caller that changes the word and then wakes either finds this thread queued, or changed the
    /// word in time for the comparison.
    pub(crate) fn sleep(&self, word: &AtomicU32, expected: u32, end: Option<Instant>) {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let timeout = left.and_then(|left| left.try_into().ok());
        let _woken_late_or_changed = futex::wait(word, futex::Flags::PRIVATE, expected, timeout.as_ref());
    }

    /// Wakes up to `count` threads. Pairs with `sleep`: the caller has changed the word before. The
    /// caller asks for no more threads than sleep there, because the kernel would look for more
    /// among all threads in the same bucket of its table: hundreds, if the process has thousands.
    pub(crate) fn wake(&self, word: &AtomicU32, count: u32) {
        let _how_many = futex::wake(word, futex::Flags::PRIVATE, count);
    }
}
