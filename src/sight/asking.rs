//! Owns the questions to the kernel about the threads of one snapshot, and their end when the time
//! is over.
//! Refuses to decide which threads are asked about.

use std::time::{Duration, Instant};

use crate::outcome::status::kernel::{KernelStatus, RunState};
use crate::outcome::words::IN_THE_KERNEL;
use crate::sys;

/// The questions of one snapshot.
pub(super) struct Asking {
    /// Kernel id of the calling thread, which is not asked about: the answer would show it asking.
    own: Option<u32>,
    /// The end of the time to ask. `None`: there is no end.
    until: Option<Instant>,
    /// Number of threads that the kernel was not asked about, for the lack of time.
    unasked: usize,
    /// What the kernel refuses to say, each once.
    refused: Vec<String>,
}

/// What the kernel has said about a thread.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) run_state: Option<RunState>,
    pub(super) kernel: Option<KernelStatus>,
    pub(super) cpu: Option<Duration>,
    /// Of a thread that sleeps: its processor time, and how often it came to a processor. It has
    /// slept all the while between two looks that have found the same.
    pub(super) asleep: Option<(Duration, u64)>,
}

impl Asking {
    pub(super) fn new(until: Option<Instant>) -> Asking {
        Asking { own: sys::thread_id(), until, unasked: 0, refused: Vec::new() }
    }

    /// Asks the kernel about a thread, if there is time.
    pub(super) fn ask(&mut self, id: u32) -> Asked {
        if self.own == Some(id) {
            return Asked { run_state: Some(RunState::Running), ..Asked::default() };
        }
        if self.until.is_some_and(|until| Instant::now() >= until) {
            self.unasked += 1;
            return Asked::default();
        }
        // `Other`: the thread has ended since the tree was read.
        let look = match sys::kernel_look(id) {
            Ok(Some(look)) => look,
            Ok(None) => return Asked { run_state: Some(RunState::Other), ..Asked::default() },
            Err(error) => {
                self.refuse(format!("{IN_THE_KERNEL}: {error}"));
                return Asked::default();
            }
        };
        if let Some(refused) = look.refused {
            self.refuse(refused);
        }
        let state = match look.state {
            // Not Linux: there is no letter.
            0 => return Asked::default(),
            b'R' => RunState::Running,
            b'S' => RunState::Sleeping,
            // `I` is a sleep without a share in the load of the machine.
            b'D' | b'I' => RunState::Uninterruptible,
            b'T' | b't' => RunState::Suspended,
            _ => RunState::Other,
        };
        let kernel = KernelStatus { call: look.call, about: look.about, channel: look.channel };
        let sleeps = matches!(state, RunState::Sleeping | RunState::Uninterruptible);
        // Without the count of turns a thread that ran for a moment would seem to sleep on.
        let asleep = look.cpu.zip(look.turns).filter(|_| sleeps);
        Asked { run_state: Some(state), kernel: Some(kernel), cpu: look.cpu, asleep }
    }

    /// Notes what the kernel refuses to say, once.
    fn refuse(&mut self, reason: String) {
        if !self.refused.contains(&reason) {
            self.refused.push(reason);
        }
    }

    /// Returns what could not be read, and why: `limits` of the snapshot.
    pub(super) fn limits(self) -> Vec<String> {
        let Asking { unasked, mut refused, .. } = self;
        if unasked > 0 {
            refused.push(format!("{IN_THE_KERNEL}: there was no time left to ask about {unasked} of them"));
        }
        refused
    }
}
