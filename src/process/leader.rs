//! Owns the state that a child's thread shares with the `Process` handle: signals to the child
//! until it is reaped, and its status afterwards.
//! Refuses to decide when the child is signalled or reaped: `supervise` does.

use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::sync::OnceCell;
use crate::sync::locks::Mutex;
use crate::sys::child::Leader;

/// The state of one child, shared by its thread and its handle.
#[derive(Debug, Default)]
pub(crate) struct ChildState {
    /// Set after the fork, taken out by the reaping. Signals are sent under this lock, so a signal
    /// finds a pid that still belongs to the child, or no leader.
    leader: Mutex<Option<Leader>>,
    /// How the child ended; `None` in it if other code has reaped the child. Written once by
    /// `set_end`, read by `Process::wait`.
    end: OnceCell<Option<ExitStatus>>,
    /// The signals that were sent through the handle: bit 0 is signal 1. Bits are only added. Read
    /// when the end of the child is judged.
    sent: AtomicU64,
    /// Number of lines of both streams that were dropped for lack of a reader. Written by `Lines`,
    /// read by the handle and for the warning.
    pub(crate) lost: Arc<AtomicU64>,
    /// Number of threads that are in `awaited`. Read by the child's thread, since a full queue may
    /// lose lines meanwhile.
    waiting: AtomicUsize,
}

impl ChildState {
    /// Stores the child after its fork. From here on it can be signalled.
    pub(crate) fn lead(&self, leader: Leader) {
        *self.leader.lock() = Some(leader);
    }

    /// Kills and reaps a child that was not reaped; the drop of `Leader` does both.
    pub(crate) fn abandon(&self) {
        drop(self.leader.lock().take());
    }

    /// How the child ended; `None` until it is reaped, and for ever if other code has reaped it.
    pub(crate) fn status(&self) -> Option<ExitStatus> {
        self.end.get().copied().flatten()
    }

    /// True once the child is reaped, by its thread or by other code.
    pub(crate) fn is_over(&self) -> bool {
        self.end.get().is_some()
    }

    /// The child is reaped, and ended with this status, if that is known. Called by its thread
    /// before the end has any other effect: a stop, a failure.
    pub(crate) fn set_end(&self, status: Option<ExitStatus>) {
        let _once = self.end.set(status);
    }

    /// Calls `wait`, in which the calling thread waits for the child's end.
    pub(crate) fn awaited<R>(&self, wait: impl FnOnce() -> R) -> R {
        // Relaxed, because the count guards no other data. The child's thread sees it at its next
        // look, which a full queue makes periodic.
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _over = scopeguard::guard((), |()| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        });
        wait()
    }

    /// True while a thread waits for the child's end.
    pub(crate) fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Sends a signal to the child alone.
    pub(crate) fn signal(&self, number: i32) -> io::Result<()> {
        let leader = self.leader.lock();
        let ended = || io::Error::new(io::ErrorKind::NotFound, "the child process has ended");
        leader.as_ref().ok_or_else(ended)?.signal(number)?;
        // Only a signal that was sent is noted: an end by a signal that this process could not send
        // was not asked for. Relaxed, because the lock, which is held until here, orders the note
        // before the reaping. The reaping takes the same lock, and `has_sent` is asked after it.
        self.sent.fetch_or(bit_of(number), Ordering::Relaxed);
        Ok(())
    }

    /// True if this signal was sent through `Process::signal`. A child that ends by it was asked to
    /// end, and has not failed.
    pub(crate) fn has_sent(&self, signal: Option<i32>) -> bool {
        signal.is_some_and(|signal| self.sent.load(Ordering::Relaxed) & bit_of(signal) != 0)
    }

    /// Sends a signal to the child's group. Nothing is sent once the child is reaped, because the
    /// number may then belong to another group.
    pub(crate) fn signal_group(&self, number: i32) -> io::Result<()> {
        self.leader.lock().as_ref().map_or(Ok(()), |leader| leader.signal_group(number))
    }

    /// True if the child has been suspended since the last call.
    pub(crate) fn was_suspended(&self) -> bool {
        self.leader.lock().as_ref().is_some_and(Leader::was_suspended)
    }

    /// True if the child has ended, reaped or not. An error if other code has reaped it.
    pub(crate) fn has_ended(&self) -> io::Result<bool> {
        self.leader.lock().as_ref().map_or(Ok(true), Leader::has_ended)
    }

    /// Reaps the child, which has ended, so this does not block under the lock.
    pub(crate) fn reap(&self) -> io::Result<ExitStatus> {
        // Held over the reaping, so that no signal goes to the pid after it.
        let mut leader = self.leader.lock();
        leader.take().ok_or(io::ErrorKind::NotFound)?.reap()
    }
}

/// The bit of a signal in `sent`; none for a number that is no signal.
fn bit_of(number: i32) -> u64 {
    let shift = number.checked_sub(1).and_then(|shift| u32::try_from(shift).ok());
    shift.and_then(|shift| 1_u64.checked_shl(shift)).unwrap_or(0)
}
