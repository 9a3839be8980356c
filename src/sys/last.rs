//! Owns the end of the process by the kernel's timer, for the case that *watch* itself cannot go on (P7): somebody holds the lock of the
//! allocator or of the loader, or what is behind stderr is frozen.
//! Refuses to lock and to allocate: all is done by words and system calls, and the end comes from a signal handler.
//!
//! ```text
//! off --prepare--> idle --arm--> armed --(the timer; the first time that it is late)--> armed, for a second more
//!                                armed --(the timer)--> ending --(the timer again)--> _exit
//! any --drop of Guard--> off
//! ```
//! [`arm`] may be called by any thread and by signal handlers, before the timer is made, too: the earliest moment wins.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::action::{errno_place, get_action, set_action};
use super::clock::monotonic;
use super::mask::block_signal;
use super::real_time::{Use, real_time_signals};
use super::task_names::write_names;
use super::wake_pipe::Heard;
use super::ways_out::{abort_now, exit_now};
use super::write_stderr;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Exit(i32),
    Abort,
    /// Never by force.
    Never,
}

impl End {
    fn code(self) -> u64 {
        match self {
            // Of more the kernel takes the last eight bits.
            End::Exit(code) => u64::from(code.to_le_bytes()[0]),
            // `Never` is not enabled, and never used.
            End::Abort | End::Never => ABORT,
        }
    }
}

/// A handler that comes this much too late finds a process that was suspended meanwhile (SIGSTOP, a paused container).
const LATE: u64 = 250_000_000;
/// Then *watch* has this long to find that out, and to move the end.
const AGAIN: u64 = 1_000_000_000;
/// How long the handler may write.
const WORDS: Duration = Duration::from_millis(300);

const NO_TIMER: usize = usize::MAX;
const NEVER: u64 = u64::MAX;
const ABORT: u64 = 0x100;
/// An exit code, or `ABORT`.
const CODE: u64 = 0x1FF;

static TIMER: AtomicUsize = AtomicUsize::new(NO_TIMER);
/// When and how the process ends: a moment in nanoseconds of the monotonic clock, whose last nine bits are the code instead. It is one
/// word, so that of several threads that arm at once, the earliest moment wins with its own code.
static DUE: AtomicU64 = AtomicU64::new(NEVER);
static ENABLED: AtomicBool = AtomicBool::new(false);
static WAS_LATE: AtomicBool = AtomicBool::new(false);
static ENDING: AtomicBool = AtomicBool::new(false);

/// The signals that ask for a stop, as bits: that of signal n is bit n - 1.
static STOPS: AtomicU64 = AtomicU64::new(0);
/// From the first of them to the end, in nanoseconds; and how the process ends then.
static LIMIT: AtomicU64 = AtomicU64::new(NEVER);
static LIMIT_CODE: AtomicU64 = AtomicU64::new(0);
/// When the first stop was asked for, by a signal or otherwise; 0 before.
static FIRST: AtomicU64 = AtomicU64::new(0);

/// When a key was first pressed that asks for a stop; 0 before.
static KEY: AtomicU64 = AtomicU64::new(0);

/// Of two signals, the second is the same as the first if it comes within this time of it; of two keys that were pressed likewise.
pub(crate) const SAME_SIGNAL: Duration = Duration::from_millis(500);
pub(crate) const SAME_KEY: Duration = Duration::from_millis(200);
/// After the second, *watch* has ended the process within this time, or cannot.
const SPARE: u64 = 2_000_000_000;

/// A run begins: nothing is due. `limit` is from the first of `stops` to the end of the process. Before anybody may call [`arm`].
pub(crate) fn prepare(end: End, stops: &[i32], limit: Duration) {
    let bits = stops.iter().fold(0, |bits, signal| bits | bit(*signal));
    STOPS.store(bits, Ordering::SeqCst);
    LIMIT.store(nanos(limit), Ordering::SeqCst);
    LIMIT_CODE.store(end.code(), Ordering::SeqCst);
    FIRST.store(0, Ordering::SeqCst);
    KEY.store(0, Ordering::SeqCst);
    // A forked child has a copy of the number, and not the timer.
    TIMER.store(NO_TIMER, Ordering::SeqCst);
    DUE.store(NEVER, Ordering::SeqCst);
    WAS_LATE.store(false, Ordering::SeqCst);
    ENABLED.store(end != End::Never, Ordering::SeqCst);
}

/// The process ends at `at`, unless it is to end earlier already. May be called in a signal handler.
pub(crate) fn arm(at: Instant, end: End) {
    arm_at(moment(at), end.code());
}

fn arm_at(at: u64, code: u64) {
    let due = due_at(at, code);
    if ENABLED.load(Ordering::SeqCst) && DUE.fetch_min(due, Ordering::SeqCst) > due {
        set_timer();
    }
}

fn moment(at: Instant) -> u64 {
    monotonic().saturating_add(nanos(at.saturating_duration_since(Instant::now())))
}

fn due_at(at: u64, code: u64) -> u64 {
    (at & !CODE) | (code & CODE)
}

/// When the process ends, as far as that is known.
pub(crate) fn due() -> Option<Instant> {
    let due = Some(DUE.load(Ordering::SeqCst)).filter(|due| *due != NEVER)?;
    Instant::now().checked_add(Duration::from_nanos(due.saturating_sub(monotonic())))
}

/// A stop has begun, by whatever: a signal that comes later is the second.
pub(crate) fn began() {
    let _was_before = FIRST.compare_exchange(0, monotonic(), Ordering::SeqCst, Ordering::SeqCst);
}

/// A signal has come: if it asks for a stop, the process ends in time even if nobody carries that out. In a signal handler.
pub(super) fn arm_for(heard: Heard) {
    if STOPS.load(Ordering::SeqCst) & bit(heard.signal) == 0 {
        return;
    }
    let now = monotonic();
    let key = heard.is_key().then(|| KEY.compare_exchange(0, now, Ordering::SeqCst, Ordering::SeqCst));
    let is_second_key =
        key.is_some_and(|first| first.is_err_and(|first| now.saturating_sub(first) >= nanos(SAME_KEY)));
    match FIRST.compare_exchange(0, now, Ordering::SeqCst, Ordering::SeqCst) {
        Ok(_) => {
            let limit = LIMIT.load(Ordering::SeqCst);
            arm_at(now.saturating_add(limit).saturating_add(SPARE), LIMIT_CODE.load(Ordering::SeqCst));
        }
        Err(first) if is_second_key || now.saturating_sub(first) >= nanos(SAME_SIGNAL) => {
            arm_at(now + SPARE, End::Exit(128 + heard.signal).code())
        }
        Err(_) => {}
    }
}

fn bit(signal: i32) -> u64 {
    u32::try_from(signal - 1).ok().and_then(|shift| 1_u64.checked_shl(shift)).unwrap_or(0)
}

/// The process ends at `at` instead, if it is to end: it was suspended, and that time does not count.
pub(crate) fn postpone(at: Instant, end: End) {
    if DUE.load(Ordering::SeqCst) != NEVER {
        DUE.store(due_at(moment(at), end.code()), Ordering::SeqCst);
        WAS_LATE.store(false, Ordering::SeqCst);
        set_timer();
    }
}

/// Gives the kernel's timer the moment that is in `DUE`. Of several that do so at once, the last to look gives the last moment.
fn set_timer() {
    loop {
        let (timer, due) = (TIMER.load(Ordering::SeqCst), DUE.load(Ordering::SeqCst));
        if timer == NO_TIMER || due == NEVER {
            // Pairs with `make`, which gives the moment that it finds when it has made the timer.
            return;
        }
        set(timer, due);
        if DUE.load(Ordering::SeqCst) == due {
            return;
        }
    }
}

fn set(timer: usize, due: u64) {
    let seconds = libc::time_t::try_from(due / 1_000_000_000).unwrap_or(libc::time_t::MAX);
    // Below a thousand million: no narrowing.
    let nanos = (due % 1_000_000_000) as libc::c_long;
    let once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let when =
        libc::itimerspec { it_interval: once, it_value: libc::timespec { tv_sec: seconds, tv_nsec: nanos } };
    // SAFETY: `when` is valid. One that was deleted meanwhile is an error; the call is one system call, fit for handlers.
    unsafe { libc::timer_settime(timer as libc::timer_t, libc::TIMER_ABSTIME, &raw const when, null_mut()) };
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(NEVER)
}

/// The timer, as long as it lives. Its signal is handled by the thread that has made it.
#[derive(Debug)]
pub(crate) struct Guard {
    signal: i32,
}

impl Guard {
    /// Makes the timer for the calling thread.
    ///
    /// # Errors
    /// The system refuses it, or no real-time signal is free.
    pub(crate) fn new() -> io::Result<Guard> {
        Ok(Guard { signal: make()? })
    }

    /// If somebody else has taken the signal since, the timer gets another. By the thread that has made it.
    pub(crate) fn renew(&mut self) {
        if !is_ours(self.signal) {
            self.signal = make().unwrap_or(self.signal);
        }
    }
}

/// Makes a timer for the calling thread, instead of the one that is there, and says by which signal it comes.
fn make() -> io::Result<i32> {
    let signal = real_time_signals(Use::Sent).next();
    let signal = signal.ok_or_else(|| io::Error::other("every real-time signal has a handler"))?;
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all-zero is a valid `sigaction`.
    let action = unsafe { action.assume_init_mut() };
    action.sa_sigaction = on_timer as extern "C" fn(_, _, _) as usize;
    // Its second entry interrupts the first, which may hang in a write.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
    set_action(signal, action)?;
    let timer =
        block_signal(signal, false).and_then(|()| create(signal)).inspect_err(|_| give_back(signal))?;
    delete(TIMER.swap(timer, Ordering::SeqCst));
    // Pairs with the end of `set_timer`: a moment that was asked for before is found here.
    set_timer();
    Ok(signal)
}

fn create(signal: i32) -> io::Result<usize> {
    let mut event = MaybeUninit::<libc::sigevent>::zeroed();
    // SAFETY: all-zero is a valid `sigevent`.
    let event = unsafe { event.assume_init_mut() };
    event.sigev_notify = libc::SIGEV_THREAD_ID;
    event.sigev_signo = signal;
    event.sigev_notify_thread_id = rustix::thread::gettid().as_raw_nonzero().get();
    let mut timer: libc::timer_t = null_mut();
    // SAFETY: both are valid; the thread is the calling one.
    match unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, event, &raw mut timer) } {
        0 => Ok(timer as usize),
        _ => Err(io::Error::last_os_error()),
    }
}

fn delete(timer: usize) {
    if timer != NO_TIMER {
        // SAFETY: it was made by us, and taken out of `TIMER`: it is deleted once.
        unsafe { libc::timer_delete(timer as libc::timer_t) };
    }
}

fn give_back(signal: i32) {
    if is_ours(signal) {
        // SAFETY: all-zero is a valid `sigaction`: the default, which it was before.
        let default = unsafe { MaybeUninit::<libc::sigaction>::zeroed().assume_init() };
        let _was_valid_before = set_action(signal, &default);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        ENABLED.store(false, Ordering::SeqCst);
        DUE.store(NEVER, Ordering::SeqCst);
        delete(TIMER.swap(NO_TIMER, Ordering::SeqCst));
        give_back(self.signal);
    }
}

fn is_ours(signal: i32) -> bool {
    let ours = on_timer as extern "C" fn(_, _, _) as usize;
    get_action(signal).is_ok_and(|now| now.sa_sigaction == ours)
}

/// The handler: runs on the thread that has made the timer, whatever that thread does.
extern "C" fn on_timer(_signal: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: the kernel gives a valid one, since the handler was installed with `SA_SIGINFO`.
    let from_timer = unsafe { (*info).si_code } == libc::SI_TIMER;
    let due = DUE.load(Ordering::SeqCst);
    // One that was sent by others, or by the timer before its moment was moved.
    if !from_timer || monotonic() < due {
        return;
    }
    let code = due & CODE;
    if ENDING.swap(true, Ordering::SeqCst) {
        end(code);
    }
    if monotonic() - due > LATE && !WAS_LATE.swap(true, Ordering::SeqCst) {
        ENDING.store(false, Ordering::SeqCst);
        DUE.store(due_at(monotonic() + AGAIN, code), Ordering::SeqCst);
        // SAFETY: `errno` of the interrupted thread is its own, and valid for its life.
        let before = unsafe { *errno_place() };
        set_timer();
        // SAFETY: as above.
        unsafe { *errno_place() = before };
        return;
    }
    // The second entry: whatever the words below hang in.
    DUE.store(due_at(monotonic() + 2 * nanos(WORDS), code), Ordering::SeqCst);
    set_timer();
    write_stderr(WHY.as_bytes(), WORDS / 3);
    name_threads(2 * WORDS / 3);
    end(code)
}

const WHY: &str = "homebound: the process is ended, since its time is over and its own watch cannot go on: a thread holds the lock of \
                   the allocator or of the loader, or stderr is not read.\n";

/// Lists on stderr the threads of this process, which the tree may not be able to tell of. May be
/// called in a signal handler.
pub(crate) fn name_threads(patience: Duration) {
    let end = Instant::now() + patience;
    write_stderr(b"Its threads, by the names that the kernel keeps:\n", patience);
    write_names(end);
}

fn end(code: u64) -> ! {
    match i32::try_from(code) {
        Ok(exit) if code != ABORT => exit_now(exit),
        _ => abort_now(),
    }
}
