//! Owns what the thread of a child and the handle of its spawner have in common: signals to the child until it is reaped, how it ended.
//! Refuses to know when it is signalled, and when it is to be reaped.

use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::sync::locks::Mutex;
use crate::sys::child::Leader;

/// What the thread and the spawner's handle have in common.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Taken out when it is reaped, under the lock: whoever signals finds a pid that is the child's, or nothing.
    leader: Mutex<Option<Leader>>,
    status: Mutex<Option<ExitStatus>>,
    /// The signals that were sent through the handle, as bits.
    sent: AtomicU64,
    /// Lines that nobody read.
    pub(crate) lost: Arc<AtomicU64>,
    /// How many threads wait for its end.
    waiting: AtomicUsize,
}

impl Shared {
    /// The child was started.
    pub(crate) fn lead(&self, leader: Leader) {
        *self.leader.lock() = Some(leader);
    }

    /// Kills one that is not reaped, and reaps it.
    pub(crate) fn abandon(&self) {
        drop(self.leader.lock().take());
    }

    pub(crate) fn status(&self) -> Option<ExitStatus> {
        *self.status.lock()
    }

    /// Calls `wait`, in which the calling thread waits for the child's end.
    pub(crate) fn awaited<R>(&self, wait: impl FnOnce() -> R) -> R {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _over = scopeguard::guard((), |()| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        });
        wait()
    }

    pub(crate) fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Sends a signal to the child alone.
    pub(crate) fn signal(&self, number: i32) -> io::Result<()> {
        // Before it is sent: whoever sees the child end by it finds it here.
        self.sent.fetch_or(bit_of(number), Ordering::Relaxed);
        match &*self.leader.lock() {
            Some(leader) => leader.signal(number),
            None => Err(io::Error::new(io::ErrorKind::NotFound, "the child process has ended")),
        }
    }

    /// It was sent through the handle: whoever ends by it was asked to.
    pub(crate) fn has_sent(&self, signal: Option<i32>) -> bool {
        signal.is_some_and(|signal| self.sent.load(Ordering::Relaxed) & bit_of(signal) != 0)
    }

    pub(crate) fn signal_group(&self, number: i32) -> io::Result<()> {
        self.leader.lock().as_ref().map_or(Ok(()), |leader| leader.signal_group(number))
    }

    pub(crate) fn was_suspended(&self) -> bool {
        self.leader.lock().as_ref().is_some_and(Leader::was_suspended)
    }

    pub(crate) fn has_ended(&self) -> io::Result<bool> {
        self.leader.lock().as_ref().map_or(Ok(true), Leader::has_ended)
    }

    /// It has ended, so this does not block under the lock.
    pub(crate) fn reap(&self) -> io::Result<ExitStatus> {
        let mut leader = self.leader.lock();
        let status = leader.take().ok_or(io::ErrorKind::NotFound)?.reap()?;
        *self.status.lock() = Some(status);
        Ok(status)
    }
}

fn bit_of(number: i32) -> u64 {
    u32::try_from(number - 1).ok().and_then(|shift| 1_u64.checked_shl(shift)).unwrap_or(0)
}
