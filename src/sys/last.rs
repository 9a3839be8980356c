//! Owns the end of the process by a timer of the kernel's, for the case that *watch* cannot go on
//! (P7, A2): another thread holds the lock of the allocator or of the loader, or nothing reads
//! stderr.
//! Refuses to lock and to allocate. All is done by words and system calls, and the end comes from a
//! signal handler.
//!
//! ```text
//! off --prepare--> idle --arm--> armed --(timer, a moment before the end)--> near
//!                                near --(timer, late the first time)--> near, for a second more
//!                                near --(timer)--> ending --(timer again)--> _exit
//! near --postpone--> armed
//! any --drop of Guard--> off
//! ```
//! **The suspension.** A process that was suspended beyond its end (SIGSTOP) finds the timer's
//! signal when it goes on, and *watch* must see the suspension before the handler acts on that
//! signal. The handler cannot tell a suspended process from a *watch* that hangs. So the timer
//! comes twice: [`LEAD`] before the end, and then at the end. Between the two lies at least
//! [`LEAD`], also if the first time is late. So *watch* has that time to see the suspension and to
//! move the end, whatever the moment of SIGCONT.
//!
//! A run with a notice (DR1) is *warned* by its first SIGTERM. The first request of a stop then
//! comes when the notice is over, or by the next signal.
//! [`arm`] may be called by any thread and by signal handlers, also before the timer is made. The
//! earliest moment wins.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::action::{errno_place, get_action, set_action};
use super::clock::monotonic;
pub(crate) use super::due::End;
use super::due::{ABORT, CODE, LEAD, NEAR, NEVER, comes_at, due_at};
use super::kernel_timer::{self, NO_TIMER};
use super::mask::{bit, block_signal};
use super::real_time::{Use, real_time_signals};
pub(crate) use super::task_names::name_threads;
use super::wake_pipe::Heard;
use super::ways_out::{abort_now, exit_now};
use super::why_ended::{say_why, set_after_main};

/// In nanoseconds. A handler that runs so much too late finds a process that was suspended
/// meanwhile (SIGSTOP, a paused container).
const LATE: u64 = 250_000_000;
/// In nanoseconds: the time that *watch* then has to see the suspension and move the end.
const AGAIN: u64 = 1_000_000_000;
/// The limit for the words that the handler writes.
const WORDS: Duration = Duration::from_millis(300);

/// The timer of the kernel. Written by `make` and the drop of `Guard`, read by `set_timer`.
static TIMER: AtomicUsize = AtomicUsize::new(NO_TIMER);
/// When and how the process ends, in one word (`due`), so that of several threads that arm at once,
/// the earliest moment wins together with its own code.
static DUE: AtomicU64 = AtomicU64::new(NEVER);
/// Whether `arm` has an effect. Set by `prepare`, cleared by the drop of `Guard`.
static ENABLED: AtomicBool = AtomicBool::new(false);
/// The handler has found itself late at the end, and has given *watch* its `AGAIN`. Cleared by
/// `postpone`.
static WAS_LATE: AtomicBool = AtomicBool::new(false);
/// The handler has begun to end the process: its next entry ends the process at once.
static ENDING: AtomicBool = AtomicBool::new(false);

/// The signals that ask for a stop, as bits: signal n is bit n - 1. Written by `prepare`.
static STOPS: AtomicU64 = AtomicU64::new(0);
/// The nanoseconds from the first such signal to the end, and the code of that end.
static LIMIT: AtomicU64 = AtomicU64::new(NEVER);
static LIMIT_CODE: AtomicU64 = AtomicU64::new(0);
/// When the first stop was asked for, by a signal or otherwise; 0 before. Nanoseconds.
static FIRST: AtomicU64 = AtomicU64::new(0);

/// The nanoseconds from the first SIGTERM to the stop; 0 if the stop comes at once.
static NOTICE: AtomicU64 = AtomicU64::new(0);
/// When that SIGTERM came; 0 before. Nanoseconds.
static WARNED: AtomicU64 = AtomicU64::new(0);

/// When a key that asks for a stop was first pressed; 0 before. Nanoseconds.
static KEY: AtomicU64 = AtomicU64::new(0);

/// Two signals count as one if the second comes within this time of the first. For two keys,
/// `SAME_KEY` is the limit.
pub(crate) const SAME_SIGNAL: Duration = Duration::from_millis(500);
pub(crate) const SAME_KEY: Duration = Duration::from_millis(200);
/// In nanoseconds: *watch* gets this long to end the process in time, or the timer does.
const SPARE: u64 = 2_000_000_000;

/// Begins a run, in which nothing is due yet. `limit` is the time from the first of `stops` to the
/// end of the process; a first SIGTERM stops only after `notice`. Called before any thread can call
/// [`arm`].
pub(crate) fn prepare(end: End, stops: &[i32], limit: Duration, notice: Duration) {
    let bits = stops.iter().fold(0, |bits, signal| bits | bit(*signal));
    STOPS.store(bits, Ordering::SeqCst);
    LIMIT.store(nanos(limit), Ordering::SeqCst);
    LIMIT_CODE.store(end.code(), Ordering::SeqCst);
    set_after_main(false);
    FIRST.store(0, Ordering::SeqCst);
    KEY.store(0, Ordering::SeqCst);
    NOTICE.store(nanos(notice), Ordering::SeqCst);
    WARNED.store(0, Ordering::SeqCst);
    // A forked child has a copy of this word, but not the timer.
    TIMER.store(NO_TIMER, Ordering::SeqCst);
    DUE.store(NEVER, Ordering::SeqCst);
    WAS_LATE.store(false, Ordering::SeqCst);
    // Off -> idle. Last, because `arm` may use all of the words above from here on.
    ENABLED.store(end != End::Never, Ordering::SeqCst);
}

/// Has the process end at `at`, unless it is to end earlier already. May be called in a signal
/// handler.
pub(crate) fn arm(at: Instant, end: End) {
    arm_at(moment(at), end.code());
}

fn arm_at(at: u64, code: u64) {
    let due = due_at(at, code);
    // Idle or armed -> armed. Only the earliest moment so far changes the timer.
    if ENABLED.load(Ordering::SeqCst) && DUE.fetch_min(due, Ordering::SeqCst) > due {
        set_timer();
    }
}

fn moment(at: Instant) -> u64 {
    monotonic().saturating_add(nanos(at.saturating_duration_since(Instant::now())))
}

/// Returns when the process ends. `None` if no end is due.
pub(crate) fn due() -> Option<Instant> {
    let due = Some(DUE.load(Ordering::SeqCst)).filter(|due| *due != NEVER)?;
    Instant::now().checked_add(Duration::from_nanos(due.saturating_sub(monotonic())))
}

/// Notes that a stop has begun, for any reason: a signal that comes later counts as the second.
pub(crate) fn began() {
    let _was_before = FIRST.compare_exchange(0, monotonic(), Ordering::SeqCst, Ordering::SeqCst);
}

/// Called by the handler of a signal. If the signal asks for a stop, arms the timer, so that the
/// process ends in time even if no thread carries the stop out.
pub(super) fn arm_for(heard: Heard) {
    if STOPS.load(Ordering::SeqCst) & bit(heard.signal) == 0 {
        return;
    }
    let now = monotonic();
    if is_notice(heard, now) {
        let limit = LIMIT.load(Ordering::SeqCst).saturating_add(NOTICE.load(Ordering::SeqCst));
        return arm_at(now.saturating_add(limit).saturating_add(SPARE), LIMIT_CODE.load(Ordering::SeqCst));
    }
    let key = heard.is_key().then(|| KEY.compare_exchange(0, now, Ordering::SeqCst, Ordering::SeqCst));
    let is_second_key =
        key.is_some_and(|first| first.is_err_and(|first| now.saturating_sub(first) >= nanos(SAME_KEY)));
    match FIRST.compare_exchange(0, now, Ordering::SeqCst, Ordering::SeqCst) {
        // The first request: the process ends after `limit`, and *watch* has `SPARE` to do it.
        Ok(_) => {
            let limit = LIMIT.load(Ordering::SeqCst);
            arm_at(now.saturating_add(limit).saturating_add(SPARE), LIMIT_CODE.load(Ordering::SeqCst));
        }
        // The second request: the process ends at once, and *watch* has `SPARE` to do it.
        Err(first) if is_second_key || now.saturating_sub(first) >= nanos(SAME_SIGNAL) => {
            arm_at(now + SPARE, End::Exit(128 + heard.signal).code())
        }
        // The first request again.
        Err(_) => {}
    }
}

/// True if this signal begins the notice of a run that has one. A signal after the notice finds
/// that the stop has begun at its end, even if no thread has carried that stop out.
fn is_notice(heard: Heard, now: u64) -> bool {
    let notice = NOTICE.load(Ordering::SeqCst);
    let is_first = FIRST.load(Ordering::SeqCst) == 0;
    if notice == 0 || !is_first {
        return false;
    }
    let warned = match heard.signal {
        libc::SIGTERM => WARNED.compare_exchange(0, now, Ordering::SeqCst, Ordering::SeqCst),
        _ => Err(WARNED.load(Ordering::SeqCst)),
    };
    let Err(warned) = warned else { return true };
    if warned != 0 && now.saturating_sub(warned) >= notice {
        let over = warned.saturating_add(notice);
        let _was_before = FIRST.compare_exchange(0, over, Ordering::SeqCst, Ordering::SeqCst);
    }
    false
}

/// Looks when the process ends, for a later `postpone`. A moment and a code in one word.
pub(crate) fn look() -> u64 {
    DUE.load(Ordering::SeqCst)
}

/// Moves the end of the process to `at`, if an end is due: later after a suspension, for example,
/// because that time does not count. `seen`: what `look` found before the caller decided this.
/// Called by *watch* alone.
pub(crate) fn postpone(at: Instant, end: End, seen: u64) {
    if DUE.load(Ordering::SeqCst) != NEVER {
        let before = DUE.swap(due_at(moment(at), end.code()), Ordering::SeqCst);
        if before < seen {
            // Another thread or a signal handler has armed an earlier end since the look.
            DUE.fetch_min(before, Ordering::SeqCst);
        }
        WAS_LATE.store(false, Ordering::SeqCst);
        set_timer();
    }
}

/// Sets the kernel's timer by the moment in `DUE`. If several threads do so at once, the last one
/// to look sets the last moment.
fn set_timer() {
    loop {
        let (timer, due) = (TIMER.load(Ordering::SeqCst), DUE.load(Ordering::SeqCst));
        if timer == NO_TIMER || due == NEVER {
            // Pairs with `make`, which sets the timer to this moment when it has made the timer.
            return;
        }
        kernel_timer::set(timer, comes_at(due));
        // If `DUE` has changed, this thread may have set an old moment over the new one. Set again.
        if DUE.load(Ordering::SeqCst) == due {
            return;
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(NEVER)
}

/// The timer of a run, while the value lives. The thread that made it handles its signal.
#[derive(Debug)]
pub(crate) struct Guard {
    signal: i32,
}

impl Guard {
    /// Makes the timer for the calling thread.
    ///
    /// # Errors
    /// The system refuses the timer, or no real-time signal is free.
    pub(crate) fn new() -> io::Result<Guard> {
        Ok(Guard { signal: make()? })
    }

    /// Makes a new timer with another signal if the program has taken this one's signal since.
    /// Called by the thread that made the timer.
    pub(crate) fn renew(&mut self) {
        if !is_ours(self.signal) {
            self.signal = make().unwrap_or(self.signal);
        }
    }
}

/// Makes a timer for the calling thread, in place of the present one. Returns its signal.
fn make() -> io::Result<i32> {
    let signal = real_time_signals(Use::Sent).next();
    let signal = signal.ok_or_else(|| io::Error::other("every real-time signal has a handler"))?;
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all-zero bytes are a valid `sigaction`.
    let action = unsafe { action.assume_init_mut() };
    action.sa_sigaction = on_timer as extern "C" fn(_, _, _) as usize;
    // `SA_NODEFER`: the second entry interrupts the first, which may hang in a write. `SA_RESTART`:
    // the thread goes on after an entry that does not end the process.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER | libc::SA_RESTART;
    set_action(signal, action)?;
    let timer = block_signal(signal, false)
        .and_then(|()| kernel_timer::create(signal))
        .inspect_err(|_| give_back(signal))?;
    kernel_timer::delete(TIMER.swap(timer, Ordering::SeqCst));
    // Pairs with `set_timer`, which leaves a moment in `DUE` while there is no timer.
    set_timer();
    Ok(signal)
}

fn give_back(signal: i32) {
    if is_ours(signal) {
        // SAFETY: all-zero bytes are a valid `sigaction`: the default, which it was before.
        let default = unsafe { MaybeUninit::<libc::sigaction>::zeroed().assume_init() };
        let _was_valid_before = set_action(signal, &default);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Any -> off. The signal is given back last, because its default action ends the process.
        ENABLED.store(false, Ordering::SeqCst);
        DUE.store(NEVER, Ordering::SeqCst);
        kernel_timer::delete(TIMER.swap(NO_TIMER, Ordering::SeqCst));
        give_back(self.signal);
    }
}

fn is_ours(signal: i32) -> bool {
    let ours = on_timer as extern "C" fn(_, _, _) as usize;
    get_action(signal).is_ok_and(|now| now.sa_sigaction == ours)
}

/// The handler. Runs on the thread that made the timer, whatever that thread does.
extern "C" fn on_timer(_signal: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid `info`, because the handler has `SA_SIGINFO`.
    let from_timer = unsafe { (*info).si_code } == libc::SI_TIMER;
    let (now, due) = (monotonic(), DUE.load(Ordering::SeqCst));
    // Not from the timer, or from the timer before its moment was moved.
    if !from_timer || now < comes_at(due) {
        return;
    }
    let code = due & CODE;
    // Ending -> exit: this is the second entry, and the first one hangs.
    if ENDING.load(Ordering::SeqCst) {
        end(code);
    }
    let is_late = now - comes_at(due) > LATE;
    if due & NEAR == 0 || (is_late && !WAS_LATE.swap(true, Ordering::SeqCst)) {
        // Armed or near -> near (*the suspension*).
        let rest = if is_late { AGAIN } else { LEAD };
        return come_again(due, due_at(now + rest, code) | NEAR);
    }
    // Near -> ending. The timer comes again, and ends the process if the words below hang.
    ENDING.store(true, Ordering::SeqCst);
    DUE.store(due_at(now + 2 * nanos(WORDS), code) | NEAR, Ordering::SeqCst);
    set_timer();
    say_why(WORDS / 3);
    name_threads(2 * WORDS / 3);
    end(code)
}

/// Has the timer come again, unless another thread has moved the end meanwhile, and thereby the
/// timer. Restores `errno`, because the interrupted thread goes on.
fn come_again(before: u64, due: u64) {
    if DUE.compare_exchange(before, due, Ordering::SeqCst, Ordering::SeqCst).is_err() {
        return;
    }
    // SAFETY: `errno` of the interrupted thread is its own, and valid for the thread's life.
    let errno = unsafe { *errno_place() };
    set_timer();
    // SAFETY: as above.
    unsafe { *errno_place() = errno };
}

fn end(code: u64) -> ! {
    match i32::try_from(code) {
        Ok(exit) if code != ABORT => exit_now(exit),
        _ => abort_now(),
    }
}
