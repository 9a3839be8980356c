//! Owns what Linux alone offers: the threads of this process as `/proc/self/task` lists them, a thread's priority, and sleeping
//! on a word.
//! Refuses to know which threads are ours, and what a word means.

use std::sync::atomic::AtomicU32;
use std::thread::JoinHandle;
use std::time::Instant;
use std::{fs, io};

use rustix::thread::futex;

use super::{KernelThread, KernelWait};

/// The kernel's id of the calling thread.
pub fn thread_id() -> Option<u32> {
    u32::try_from(rustix::thread::gettid().as_raw_nonzero().get()).ok()
}

/// Scheduling policy, nice value and real-time priority of the calling thread, as one number; 0 if the kernel does not tell.
#[allow(unsafe_code)]
pub(crate) fn priority() -> u64 {
    let size = size_of::<libc::sched_attr>();
    let mut told = libc::sched_attr {
        size: 0,
        sched_policy: 0,
        sched_flags: 0,
        sched_nice: 0,
        sched_priority: 0,
        sched_runtime: 0,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the kernel writes at most `size` bytes, which are all of `told`; 0 is the calling thread.
    let refused = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut told, size, 0) };
    if refused != 0 {
        return 0;
    }
    let nice = u64::from(told.sched_nice.cast_unsigned() & 0xff);
    u64::from(told.sched_priority) << 16 | u64::from(told.sched_policy & 0xff) << 8 | nice
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

/// All threads of this process but those in `skip`; an error if one of them could not be read, and not only was gone.
pub fn process_threads(skip: &dyn Fn(u32) -> bool) -> io::Result<Vec<KernelThread>> {
    listed(skip).map_err(|error| io::Error::new(error.kind(), format!("{TASKS}: {error}")))
}

const TASKS: &str = "/proc/self/task";

fn listed(skip: &dyn Fn(u32) -> bool) -> io::Result<Vec<KernelThread>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(TASKS)? {
        let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if skip(id) {
            continue;
        }
        match fs::read_to_string(format!("{TASKS}/{id}/stat")) {
            Ok(stat) => found.extend(parse_stat(id, &stat)),
            // A thread may end between the listing and the opening, or the opening and the reading: it is not there.
            Err(error) if [Some(libc::ENOENT), Some(libc::ESRCH)].contains(&error.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// `proc(5)`: the name is in parentheses and may hold any character; the start time is field 22.
fn parse_stat(id: u32, stat: &str) -> Option<KernelThread> {
    let (open, close) = (stat.find('(')?, stat.rfind(')')?);
    let mut fields = stat.get(close + 1..)?.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "X" | "Z") {
        return None;
    }
    let started = fields.nth(18)?.parse().ok()?;
    let name = stat.get(open + 1..close)?.to_owned();
    Some(KernelThread { id, started, name })
}

/// Signals that nobody uses by default: one that is blocked in a thread marks the threads that it starts, since the kernel
/// hands the mask on (`pthread_create(3)`) and lists it (`proc(5)`).
pub fn marks() -> Vec<u32> {
    (libc::SIGRTMIN()..=libc::SIGRTMAX()).filter_map(|signal| u32::try_from(signal).ok()).collect()
}

/// Marks the calling thread, or takes the mark away.
pub fn set_mark(mark: u32, set: bool) -> io::Result<()> {
    super::handlers::block_signal(i32::try_from(mark).unwrap_or(0), set)
}

/// The marks of a thread, as bits: that of signal n is bit n - 1. `None` if the thread is gone.
pub fn marks_of(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/self/task/{id}/status")).ok()?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

/// Kernel wait channel and system call of a thread; `None` where the kernel hides both.
pub(crate) fn kernel_wait(id: u32) -> Option<KernelWait> {
    let read = |what: &str| fs::read_to_string(format!("/proc/self/task/{id}/{what}")).ok();
    let channel = read("wchan").filter(|text| text != "0").unwrap_or_default();
    let syscall = read("syscall").map(|text| describe(text.trim())).unwrap_or_default();
    let hidden = channel.is_empty() && syscall.is_empty();
    (!hidden).then_some(KernelWait { channel, syscall })
}

/// `proc(5)`: "running", or the number of the call and its arguments.
fn describe(line: &str) -> String {
    let mut words = line.split(' ');
    let Some(number) = words.next().and_then(|word| word.parse::<i64>().ok()) else {
        return line.to_owned();
    };
    let first = words.next().unwrap_or_default();
    match name_of(number) {
        Some(name) => format!("{name}({first}, ..)"),
        None => format!("syscall {number}({first}, ..)"),
    }
}

/// The calls in which threads are found stuck; any other is given by number.
fn name_of(number: i64) -> Option<&'static str> {
    let known = [
        (libc::SYS_read, "read"),
        (libc::SYS_write, "write"),
        (libc::SYS_futex, "futex"),
        (libc::SYS_ppoll, "ppoll"),
        (libc::SYS_epoll_pwait, "epoll_pwait"),
        (libc::SYS_accept4, "accept4"),
        (libc::SYS_connect, "connect"),
        (libc::SYS_recvfrom, "recvfrom"),
        (libc::SYS_sendto, "sendto"),
        (libc::SYS_wait4, "wait4"),
        (libc::SYS_waitid, "waitid"),
        (libc::SYS_flock, "flock"),
        (libc::SYS_fsync, "fsync"),
        (libc::SYS_openat, "openat"),
        (libc::SYS_nanosleep, "nanosleep"),
        (libc::SYS_clock_nanosleep, "clock_nanosleep"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_poll, "poll"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_select, "select"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_pause, "pause"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_epoll_wait, "epoll_wait"),
    ];
    known.iter().find(|(call, _)| *call == number).map(|(_, name)| *name)
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
