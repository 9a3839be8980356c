//! Signals where the registry runs on the process's main thread, which the kernel prefers: nobody's
//! system call ends by one, each is heard, and children inherit none of it. libtest has the main
//! thread, so each test forks one of its own.
#![allow(unsafe_code)] // fork, masks and raise have no safe form
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

mod calls;
mod children;
mod forks;
mod masks;
mod stderr;

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::sync::{Arc, Mutex};

use crate::common::*;
use crossbeam_channel::unbounded;
use homebound::registry::Registry;
use homebound::{Result, Signals};
use libc::{SIGHUP, SIGUSR1, c_int, pid_t, sigset_t};

/// A process whose main thread runs a scenario.
struct Forked {
    pid: pid_t,
    from: PipeReader,
}

/// How it tells its parent how far it has come.
#[derive(Clone)]
struct Tell(Arc<Mutex<PipeWriter>>);

impl Tell {
    fn say(&self, word: u8) {
        self.0.lock().unwrap().write_all(&[word]).unwrap();
    }
}

/// For a process that has no other test to run: another thread of its own could hold a lock, and
/// the copy would keep it.
fn fork(scenario: impl FnOnce(&Tell) -> i32) -> Forked {
    let (from, to) = std::io::pipe().unwrap();
    // SAFETY: the one other thread of this process waits for this one, and holds nothing.
    match unsafe { libc::fork() } {
        0 => {
            drop(from);
            // It does not outlive a test that was given up.
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).unwrap();
            let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                scenario(&Tell(Arc::new(Mutex::new(to))))
            }));
            // SAFETY: it has no preconditions.
            unsafe { libc::_exit(code.unwrap_or(101)) }
        }
        pid => {
            assert!(pid > 0);
            Forked { pid, from }
        }
    }
}

impl Forked {
    fn until(&mut self, word: u8) -> &mut Self {
        let mut got = [0];
        self.from.read_exact(&mut got).expect("it says something before it ends");
        assert_eq!(char::from(got[0]), char::from(word));
        self
    }

    fn signal(&mut self, signal: c_int) -> &mut Self {
        // SAFETY: the process is ours, and not reaped.
        assert_eq!(unsafe { libc::kill(self.pid, signal) }, 0);
        self
    }

    /// Blocks until that thread of it is inside of a system call.
    fn until_in(&mut self, tid: pid_t, call: libc::c_long) -> &mut Self {
        eventually("it is in the call", || {
            let now = std::fs::read_to_string(format!("/proc/{}/task/{tid}/syscall", self.pid));
            now.is_ok_and(|now| now.split(' ').next() == Some(&call.to_string()))
        });
        self
    }

    /// The exit code; or the signal that ended it, as a negative number.
    fn finish(self) -> i32 {
        let mut status = 0;
        // SAFETY: the process is ours, and not reaped.
        assert_eq!(unsafe { libc::waitpid(self.pid, &mut status, 0) }, self.pid);
        if libc::WIFSIGNALED(status) { -libc::WTERMSIG(status) } else { libc::WEXITSTATUS(status) }
    }
}

fn set_of(signals: &[c_int]) -> sigset_t {
    // SAFETY: all-zero is a valid set, and it is emptied next.
    let mut set = unsafe { std::mem::zeroed() };
    // SAFETY: the set is valid.
    unsafe { libc::sigemptyset(&mut set) };
    for signal in signals {
        // SAFETY: as above.
        assert_eq!(unsafe { libc::sigaddset(&mut set, *signal) }, 0);
    }
    set
}

/// Changes the calling thread's mask.
fn mask(how: c_int, signals: &[c_int]) {
    // SAFETY: the set is valid.
    assert_eq!(unsafe { libc::pthread_sigmask(how, &set_of(signals), std::ptr::null_mut()) }, 0);
}

/// What the calling thread blocks, of all signals that have a name.
fn blocked() -> Vec<c_int> {
    let mut now = set_of(&[]);
    // SAFETY: a null set only asks.
    assert_eq!(unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &mut now) }, 0);
    // SAFETY: the set is valid.
    (1..32).filter(|signal| unsafe { libc::sigismember(&now, *signal) } == 1).collect()
}

/// A registry that takes its four signals and two more; each of the two is told when it has
/// arrived.
fn taker(tell: &Tell, body: impl FnOnce(&homebound::Scope<'_, '_>) -> Result) -> i32 {
    let (to, got) = unbounded();
    let signals = Signals::default().forward(SIGHUP, to.clone()).forward(SIGUSR1, to);
    let exit = Registry::new("taker").signals(signals).run(|s| {
        let told = s.context().clone();
        s.spawn("told", "tells what has arrived", move |_| {
            told.iter(&got).for_each(|_| tell.say(b'g'));
            Ok(())
        })?;
        body(s)
    });
    exit.result.as_ref().err().iter().for_each(|error| eprintln!("{error}"));
    i32::from(exit.code())
}
