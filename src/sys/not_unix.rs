//! Owns the functions of this folder for systems without signals and descriptors. They have the
//! signatures of the others, and have been neither compiled nor tested.
//! Refuses to imitate a signal: none ever comes. Everything that needs no signal works.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

pub(crate) const fn stop_signals() -> [i32; 0] {
    []
}

pub(crate) const fn dump_signals() -> [i32; 0] {
    []
}

/// Wakes a sleeping thread. It needs no pipe, because no signal handler has to wake the thread.
#[derive(Debug, Default)]
pub(crate) struct WakePipe {
    /// Set by `notify`, taken by `wait`.
    pending: Mutex<bool>,
    woken: Condvar,
}

#[derive(Debug, Default)]
pub(crate) struct Woken;

impl Woken {
    pub(crate) fn is_full(&self) -> bool {
        false
    }

    pub(crate) fn signals(&self) -> impl Iterator<Item = Heard> {
        std::iter::empty()
    }
}

/// A signal. No value is ever made, because no signal comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) signal: i32,
    pub(crate) at: u64,
}

impl Heard {
    pub(crate) fn is_key(self) -> bool {
        false
    }

    pub(crate) fn after(self, _earlier: u64) -> Duration {
        Duration::ZERO
    }

    pub(crate) fn age(self) -> Duration {
        Duration::ZERO
    }
}

impl WakePipe {
    pub(crate) fn of_process() -> io::Result<&'static WakePipe> {
        static PIPE: WakePipe = WakePipe { pending: Mutex::new(false), woken: Condvar::new() };
        Ok(&PIPE)
    }

    pub(crate) fn notify(&self) {
        // Pairs with `wait`, which takes the flag under the same lock.
        *self.pending.lock() = true;
        self.woken.notify_one();
    }

    pub(crate) fn wait(&self, until: Option<Instant>) {
        // Pairs with `notify`: the flag is looked at before this thread waits, so no earlier
        // notification is lost.
        let mut pending = self.pending.lock();
        while !std::mem::take(&mut *pending) {
            match until {
                None => self.woken.wait(&mut pending),
                Some(at) if self.woken.wait_until(&mut pending, at).timed_out() => break,
                Some(_) => {}
            }
        }
    }

    pub(crate) fn read(&self) -> Woken {
        Woken
    }

    pub(crate) fn write_stderr(
        &self,
        text: &[u8],
        patience: Duration,
        _attend: &mut dyn FnMut() -> Option<Instant>,
    ) -> usize {
        write_stderr(text, patience)
    }
}

#[derive(Debug)]
pub(crate) struct Handlers;

impl Handlers {
    pub(crate) fn install(_signals: &[i32], _wake_pipe: &'static WakePipe) -> io::Result<Handlers> {
        Ok(Handlers)
    }
}

pub(crate) fn ignored(_signal: i32) -> bool {
    false
}

pub(crate) fn is_ours(_signal: i32) -> bool {
    true
}

pub(crate) fn signal_name(_signal: i32) -> &'static str {
    ""
}

pub(crate) fn why_not_taken(_signal: i32) -> Option<&'static str> {
    Some("this system has no signals")
}

#[derive(Debug)]
pub(crate) struct Spared;

impl Spared {
    pub(crate) fn new(_taken: &[i32], _quiet: &[i32]) -> Spared {
        Spared
    }
}

pub(crate) fn hear(_signals: &[i32]) {}

pub(crate) fn bear_refused_writes() {}

pub(crate) fn with_refused_writes<R>(f: impl FnOnce() -> R) -> R {
    f()
}

pub(crate) fn hand_on_raised() {}

pub(crate) fn unblocked<R>(f: impl FnOnce() -> R) -> R {
    f()
}

pub(crate) fn know_forks() {}

pub(crate) fn forks() -> u32 {
    0
}

/// No file: what makes a file the caller's own is not known here.
pub(crate) fn open_dump_file(_path: &std::path::Path) -> std::io::Result<std::fs::File> {
    Err(std::io::ErrorKind::Unsupported.into())
}

pub fn write_stderr(text: &[u8], _patience: Duration) -> usize {
    let _nobody_to_tell = io::stderr().write_all(text);
    0
}

pub(crate) fn exit_now(code: i32) -> ! {
    std::process::exit(code)
}

pub(crate) fn abort_now() -> ! {
    std::process::abort()
}

pub(crate) fn die(why: &str) -> ! {
    write_stderr(why.as_bytes(), Duration::ZERO);
    abort_now()
}

/// Does nothing, because no thread waits for a descriptor on these systems.
#[derive(Debug)]
pub(crate) struct Event;

impl Event {
    pub(crate) fn set(&self) {}
}

/// The time in nanoseconds since the first call.
pub(crate) fn coarse() -> u64 {
    static BASE: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    u64::try_from(BASE.get_or_init(std::time::Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}
