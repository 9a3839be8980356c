//! Owns signal handlers, the pipe that wakes a sleeping thread, last words on stderr and the way out of the process.
//! Refuses to know what a signal means.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{FdSetElement, Timespec, fd_set_insert, fd_set_num_elements, select};

/// The signals that ask a program to stop.
pub(crate) const fn stop_signals() -> [i32; 3] {
    [libc::SIGINT, libc::SIGTERM, libc::SIGHUP]
}

/// The signals that ask for a dump.
pub(crate) const fn dump_signals() -> [i32; 1] {
    [libc::SIGQUIT]
}

/// The writing end of the alarm that the handler rings; -1 while no handler of ours is installed.
static BELL: AtomicI32 = AtomicI32::new(-1);

/// The byte that means "look again"; signal numbers are smaller.
const LOOK: u8 = 0xFF;

/// How long a sleeper that nobody can wake sleeps.
const DEAF: Duration = Duration::from_millis(10);

/// A thread sleeps on it until it is woken, a signal comes, or a time has passed.
#[derive(Debug)]
pub(crate) struct Alarm {
    reader: OwnedFd,
    writer: OwnedFd,
}

/// What ended a sleep.
#[derive(Debug, Default)]
pub(crate) struct Woken {
    pub(crate) signals: Vec<i32>,
}

impl Alarm {
    /// The one alarm of this process, made at first use and kept: a signal handler on its way when a registry ends must
    /// find its descriptor open, and its own. What was rung before is forgotten.
    pub(crate) fn of_process() -> io::Result<&'static Alarm> {
        static ALARM: OnceLock<Alarm> = OnceLock::new();
        if ALARM.get().is_none() {
            let _somebody_was_faster = ALARM.set(Alarm::new()?);
        }
        let alarm = ALARM.get().ok_or(io::ErrorKind::Other)?;
        alarm.drain();
        Ok(alarm)
    }

    fn new() -> io::Result<Alarm> {
        let (reader, writer) = io::pipe()?;
        let (reader, writer) = (above_standard(reader.into())?, above_standard(writer.into())?);
        rustix::io::ioctl_fionbio(&reader, true)?;
        rustix::io::ioctl_fionbio(&writer, true)?;
        Ok(Alarm { reader, writer })
    }

    /// Wakes the sleeper. A full pipe is as good: the sleeper has not read it yet.
    pub(crate) fn wake(&self) {
        let _full_is_fine = rustix::io::write(&self.writer, &[LOOK]);
    }

    /// Blocks until woken, or until `until`.
    pub(crate) fn sleep(&self, until: Option<Instant>) -> Woken {
        if wait_for(&self.reader, Direction::In, until).is_err() {
            // The program has closed a descriptor that is ours: nothing wakes us, and without a pause we would spin.
            let left = until.map(|at| at.saturating_duration_since(Instant::now()));
            thread::sleep(left.map_or(DEAF, |left| left.min(DEAF)));
        }
        self.drain()
    }

    fn drain(&self) -> Woken {
        let mut bytes = [0_u8; 256];
        let mut woken = Woken::default();
        while let Ok(count @ 1..) = rustix::io::read(&self.reader, &mut bytes) {
            let numbers = bytes.iter().take(count).filter(|byte| **byte != LOOK);
            woken.signals.extend(numbers.map(|byte| i32::from(*byte)));
        }
        woken
    }
}

/// In a program that has closed a standard stream, the next descriptor takes its number, and what is printed goes there.
fn above_standard(fd: OwnedFd) -> io::Result<OwnedFd> {
    const FIRST: i32 = 3;
    if fd.as_raw_fd() >= FIRST {
        return Ok(fd);
    }
    Ok(rustix::io::fcntl_dupfd_cloexec(&fd, FIRST)?)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

/// True if `fd` is ready before `until`; an error if the kernel does not wait for it.
///
/// Not by `poll`: that is refused where the limit of open files is lower than the number of descriptors asked for, which
/// may be none at all (`poll(2)`, `EINVAL`), though those that are open can be used.
fn wait_for(fd: &impl AsFd, direction: Direction, until: Option<Instant>) -> io::Result<bool> {
    let fd = fd.as_fd().as_raw_fd();
    loop {
        let left = until.map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        let mut set = vec![FdSetElement::default(); fd_set_num_elements(1, fd + 1)];
        fd_set_insert(&mut set, fd);
        let (read, write) = match direction {
            Direction::In => (Some(&mut set[..]), None),
            Direction::Out => (None, Some(&mut set[..])),
        };
        // SAFETY: the set holds one descriptor, which is borrowed for this call, and has room for its number.
        match unsafe { select(fd + 1, read, write, None, timeout.as_ref()) } {
            Ok(count) => return Ok(count > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(refused) => return Err(refused.into()),
        }
    }
}

/// Runs in a signal handler: may only load, write and restore `errno`.
extern "C" fn ring(signal: libc::c_int) {
    let bell = BELL.load(Ordering::Acquire);
    let Ok(byte) = u8::try_from(signal) else { return };
    let errno = errno_place();
    // SAFETY: `errno` of the interrupted thread is its own, and valid for its life.
    let before = unsafe { *errno };
    // SAFETY: `byte` lives across the call; a closed or full pipe is an error that we ignore. `write` may be called
    // in a handler (signal-safety(7)).
    unsafe { libc::write(bell, (&raw const byte).cast(), 1) };
    // SAFETY: as above.
    unsafe { *errno = before };
}

/// Where the calling thread's `errno` is.
fn errno_place() -> *mut libc::c_int {
    #[cfg(any(target_os = "solaris", target_os = "illumos"))]
    use libc::___errno as place;
    #[cfg(any(target_os = "openbsd", target_os = "netbsd", target_os = "android"))]
    use libc::__errno as place;
    #[cfg(any(target_os = "linux", target_os = "emscripten", target_os = "redox", target_os = "hurd"))]
    use libc::__errno_location as place;
    #[cfg(any(target_vendor = "apple", target_os = "freebsd", target_os = "dragonfly"))]
    use libc::__error as place;
    // SAFETY: it has no preconditions.
    unsafe { place() }
}

/// Our handlers, and what was there before.
pub(crate) struct Handlers {
    saved: Vec<(i32, libc::sigaction)>,
}

impl std::fmt::Debug for Handlers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let numbers: Vec<_> = self.saved.iter().map(|(number, _)| number).collect();
        f.debug_struct("Handlers").field("signals", &numbers).finish()
    }
}

impl Handlers {
    /// Installs one handler for all of `signals`, which rings `alarm`. On a refusal those already installed are put
    /// back.
    pub(crate) fn install(signals: &[i32], alarm: &'static Alarm) -> io::Result<Handlers> {
        BELL.store(alarm.writer.as_raw_fd(), Ordering::Release);
        let mut handlers = Handlers { saved: Vec::new() };
        for signal in signals {
            let before = set_action(*signal, &our_action())?;
            handlers.saved.push((*signal, before));
        }
        Ok(handlers)
    }
}

impl Drop for Handlers {
    fn drop(&mut self) {
        for (signal, before) in self.saved.drain(..).rev() {
            if get_action(signal).is_ok_and(|now| now.sa_sigaction == our_action().sa_sigaction) {
                let _was_valid_before = set_action(signal, &before);
            }
        }
        BELL.store(-1, Ordering::Release);
    }
}

fn our_action() -> libc::sigaction {
    // SAFETY: all-zero is a valid `sigaction`: default action, empty mask, no flags.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = ring as extern "C" fn(libc::c_int) as usize;
    action.sa_flags = libc::SA_RESTART;
    action
}

fn set_action(signal: i32, action: &libc::sigaction) -> io::Result<libc::sigaction> {
    // SAFETY: as in `our_action`.
    let mut before: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: both point to valid structures; the handler is async-signal-safe and lives for ever.
    match unsafe { libc::sigaction(signal, action, &raw mut before) } {
        0 => Ok(before),
        _ => Err(io::Error::last_os_error()),
    }
}

fn get_action(signal: i32) -> io::Result<libc::sigaction> {
    // SAFETY: as in `our_action`.
    let mut now: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: a null action only asks; `now` is valid for writing.
    match unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut now) } {
        0 => Ok(now),
        _ => Err(io::Error::last_os_error()),
    }
}

/// True if the process was started with this signal ignored (`nohup` does so).
pub(crate) fn ignored(signal: i32) -> bool {
    get_action(signal).is_ok_and(|now| now.sa_sigaction == libc::SIG_IGN)
}

/// Blocks or unblocks one signal in the calling thread; threads that it starts inherit that.
#[cfg(target_os = "linux")]
pub(crate) fn block_signal(signal: i32, blocked: bool) -> io::Result<()> {
    // SAFETY: all-zero is a valid `sigset_t`, and it is emptied next.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is valid for writing.
    unsafe { libc::sigemptyset(&raw mut set) };
    // SAFETY: as above; a number that is no signal is an error.
    if unsafe { libc::sigaddset(&raw mut set, signal) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let how = if blocked { libc::SIG_BLOCK } else { libc::SIG_UNBLOCK };
    // SAFETY: `set` is valid; a null old set is not written.
    match unsafe { libc::pthread_sigmask(how, &raw const set, std::ptr::null_mut()) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Writes to descriptor 2 without std's lock, which a stuck thread may hold; gives up after `patience`.
pub fn write_stderr(mut text: &[u8], patience: Duration) {
    let until = Instant::now() + patience;
    let stderr = rustix::stdio::stderr();
    while !text.is_empty() && wait_for(&stderr, Direction::Out, Some(until)).unwrap_or(false) {
        // A terminal or pipe that is ready takes at least this much without blocking (PIPE_BUF).
        let piece = text.get(..text.len().min(512)).unwrap_or_default();
        match rustix::io::write(stderr, piece) {
            Ok(count) => text = text.get(count..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(_) => return,
        }
    }
}

/// Leaves the process now: no destructors, no `atexit`, no other thread is waited for. The process groups of our children go
/// with it. May be called in a signal handler.
pub(crate) fn exit_now(code: i32) -> ! {
    super::groups::end_all();
    // SAFETY: `_exit` has no preconditions and does not return.
    unsafe { libc::_exit(code) }
}

/// Aborts. The process groups of our children go with it. May be called in a signal handler.
pub(crate) fn abort_now() -> ! {
    super::groups::end_all();
    std::process::abort()
}

/// Says why, and aborts.
pub(crate) fn die(why: &str) -> ! {
    write_stderr(why.as_bytes(), Duration::from_secs(1));
    write_stderr(b"\n", Duration::from_secs(1));
    abort_now()
}
