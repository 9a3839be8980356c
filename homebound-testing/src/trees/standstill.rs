//! Owns the question whether a run stands still: all its threads wait, and only a stop from outside
//! ends it.
//! Refuses to take a thread that gets no processor for a thread that waits: on a busy machine no
//! event may come for long.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::kernel::{KernelThread, Turn};

/// The number of looks in a row at which all threads must wait, without an event between two.
const QUIET: usize = 5;
/// The processor time without an event after which a thread counts as waiting in a loop of its own,
/// in nanoseconds.
const SPUN: u64 = 5_000_000;

/// The threads of a run, as far as they run steps. An internal thread of homebound's is not among
/// them.
#[derive(Default)]
pub(super) struct Threads {
    /// The threads that have begun. Written by each of these threads, read by the watcher.
    begun: Mutex<Vec<KernelThread>>,
    /// Number of threads that a spawner has asked for and that have not begun. Written by spawners
    /// and by beginning threads, read by the watcher.
    starting: AtomicUsize,
}

/// A thread that was asked for. Dropped in the new thread, or with its refused closure.
pub(super) struct Starting(Arc<Threads>);

impl Threads {
    /// Called before a thread is spawned.
    pub(super) fn starting(self: &Arc<Threads>) -> Starting {
        self.starting.fetch_add(1, Ordering::SeqCst);
        Starting(Arc::clone(self))
    }

    /// True if each thread sleeps, or has had a processor for long since it had had `before`.
    fn all_wait(&self, before: &BTreeMap<u32, u64>) -> bool {
        let waits = |thread: &KernelThread| match thread.turn() {
            Some(Turn { sleeps: false, ran }) => {
                ran.saturating_sub(before.get(&thread.id).copied().unwrap_or(ran)) >= SPUN
            }
            // It sleeps, has ended, or the kernel does not tell.
            _ => true,
        };
        self.starting.load(Ordering::SeqCst) == 0 && self.begun.lock().iter().all(waits)
    }

    /// How long each has had a processor.
    fn ran(&self) -> BTreeMap<u32, u64> {
        let ran = |thread: &KernelThread| Some((thread.id, thread.turn()?.ran));
        self.begun.lock().iter().filter_map(ran).collect()
    }
}

impl Starting {
    /// Called in the new thread, first of all.
    pub(super) fn begin(self) {
        let own = KernelThread::current();
        let mut begun = self.0.begun.lock();
        // An OS thread may be used again.
        if let Some(own) = own.filter(|own| !begun.contains(own)) {
            begun.push(own);
        }
        // The list first, and then the count, so that the watcher sees the thread in one of them.
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        self.0.starting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The memory of the watcher.
#[derive(Default)]
pub(super) struct Standstill {
    /// The number of events at the last look.
    events: usize,
    /// How long each thread had had a processor at the first look after the last event.
    ran: BTreeMap<u32, u64>,
    quiet: usize,
}

impl Standstill {
    /// A look at the run. Returns true once all have waited for some looks in a row.
    pub(super) fn look(&mut self, events: usize, threads: &Threads) -> bool {
        if events != self.events {
            *self = Standstill { events, ran: threads.ran(), quiet: 0 };
        } else if threads.all_wait(&self.ran) {
            self.quiet += 1;
        } else {
            self.quiet = 0;
        }
        self.quiet >= QUIET
    }
}
