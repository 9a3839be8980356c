//! Owns what the tree knows of a pool: whether the pool has jobs, for which its scope waits; its
//! numbers; and the tokens by which its idle threads are woken.
//! Refuses to know the jobs, which may borrow for `'scope`: `work::pool` has them.
//!
//! Jobs are work: a scope whose body returned `Ok` waits for them before it is finishing (E1). Each
//! pool has a gate.
//!
//! ```text
//! quiet --enter--> busy --leave--> quiet         quiet --close_all--> closed
//! ```
//!
//! **Jobs are seen.** A job may submit to another pool of the scope, so the gates of all pools are
//! closed at one moment or not at all: `close_all` holds their locks together. A driver that finds
//! a busy gate has set `watched` under the same lock, so the `leave` that follows wakes it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_utils::{Backoff, CachePadded};

use crate::outcome::status::pool_status::PoolStatus;
use crate::rt::time::coarse_since;
use crate::rt::tokens::Tokens;
use crate::sync::Mutex;
use crate::tree::text::Text;

/// Time that a view waits at most until the numbers of a pool are those of one moment.
const BUSY: Duration = Duration::from_millis(100);

/// The part of a pool that is in the tree, at the group of its threads.
pub(crate) struct PoolFacts {
    pub(crate) purpose: Text,
    gate: Mutex<Gate>,
    /// Wakes idle threads of the pool. Opened when the group is told to stop.
    pub(crate) tokens: Tokens,
    numbers: Numbers,
}

/// Whether a pool has jobs that are not over.
#[derive(Default)]
struct Gate {
    /// Set by `enter`, cleared by `leave`.
    busy: bool,
    /// Set by `close_all`, never cleared: no job may come any more.
    closed: bool,
    /// Set by a driver that waits for this gate, cleared by `leave`, which wakes it.
    watched: bool,
}

/// Copies of the numbers of a pool, written under the pool's lock, read by views without it. Part
/// of no model.
///
/// **A view counts each job once.** `version` is odd while the numbers are being written, and is
/// another one afterwards. A view that finds the same even version before and after its loads has
/// numbers of one moment. The stores of numbers are Release and the loads Acquire, so a view that
/// has read a new number finds the new version.
#[derive(Default)]
struct Numbers {
    version: AtomicU64,
    threads: AtomicUsize,
    running: AtomicUsize,
    queued: AtomicUsize,
    places: AtomicUsize,
    waiting: AtomicUsize,
    /// When the oldest queued job came, by the coarse clock; 0 if there is none.
    oldest: AtomicU64,
    done: AtomicU64,
    failed: AtomicU64,
    stopped: AtomicU64,
    dropped: AtomicU64,
    expired: AtomicU64,
    /// Set by `set_closed`, and never cleared.
    closed: AtomicBool,
    /// Jobs in the intake, and when the oldest of them came. Written under the lock of the intake,
    /// by submitters, so away from the numbers that the threads write.
    intake: CachePadded<(AtomicUsize, AtomicU64)>,
}

impl PoolFacts {
    pub(crate) fn new(purpose: Text) -> PoolFacts {
        let (gate, tokens, numbers) = Default::default();
        PoolFacts { purpose, gate, tokens, numbers }
    }

    /// Quiet to busy: the first job comes. False if the scope is finishing and takes no jobs.
    pub(crate) fn enter(&self) -> bool {
        let mut gate = self.gate.lock();
        gate.busy = !gate.closed;
        gate.busy
    }

    /// Busy to quiet: the last job is over. Returns true if a driver waits for that. The caller
    /// wakes it when its own locks are free. Pairs with `close_all`.
    pub(crate) fn leave(&self) -> bool {
        let mut gate = self.gate.lock();
        gate.busy = false;
        std::mem::take(&mut gate.watched)
    }

    /// Notes that no job comes any more: when its threads are home, the pool is over.
    pub(crate) fn set_closed(&self) {
        self.numbers.closed.store(true, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.numbers.closed.load(Ordering::Acquire)
    }

    /// True if a queue that was full may have many places, or the only one, for a caller that looks
    /// without the lock.
    pub(crate) fn may_have_room(&self) -> bool {
        let numbers = &self.numbers;
        let places = numbers.places.load(Ordering::Relaxed);
        let idle =
            numbers.threads.load(Ordering::Relaxed).saturating_sub(numbers.running.load(Ordering::Relaxed));
        places.saturating_add(idle).saturating_sub(self.queued()) >= (places / 2).max(1)
    }

    /// The number of jobs that are not over, for a caller that looks without the lock.
    pub(crate) fn unfinished(&self) -> usize {
        self.queued() + self.numbers.running.load(Ordering::Relaxed)
    }

    /// Called when the group was told to stop: its idle threads wake, and see the stop.
    pub(crate) fn told(&self) {
        self.tokens.open();
    }

    /// The number of queued jobs, for a thread that looks for one without the lock.
    pub(crate) fn queued(&self) -> usize {
        // The intake first. Pairs with `publish_intake`, which follows `publish_queued` when jobs
        // go from the intake to the queue: none of them is missed.
        let coming = self.numbers.intake.0.load(Ordering::Acquire);
        coming + self.numbers.queued.load(Ordering::Acquire)
    }

    /// The numbers change from here to `end_change`. Called under the lock of the line.
    #[inline]
    pub(crate) fn begin_change(&self) {
        let version = &self.numbers.version;
        // One writer at a time, so a load and a store do.
        version.store(version.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// Pairs with `status`.
    #[inline]
    pub(crate) fn end_change(&self) {
        let version = &self.numbers.version;
        version.store(version.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }

    /// Publishes the number of jobs in the queue of the line.
    pub(crate) fn publish_queued(&self, queued: usize) {
        self.numbers.queued.store(queued, Ordering::Release);
    }

    /// Publishes the number of jobs in the intake, and when the oldest of them came (0 if there is
    /// none).
    #[inline]
    pub(crate) fn publish_intake(&self, coming: usize, oldest: u64) {
        self.numbers.intake.1.store(oldest, Ordering::Release);
        self.numbers.intake.0.store(coming, Ordering::Release);
    }

    /// Publishes the numbers of the line. Called under the lock of the line, so the last values are
    /// the last that are published.
    #[inline]
    pub(crate) fn publish_queue(&self, queued: usize, oldest: u64, running: usize) {
        let numbers = &self.numbers;
        numbers.queued.store(queued, Ordering::Release);
        numbers.oldest.store(oldest, Ordering::Release);
        numbers.running.store(running, Ordering::Release);
    }

    /// Publishes the number of jobs that returned `Ok`. Most jobs change no other number.
    #[inline]
    pub(crate) fn publish_done(&self, done: u64) {
        self.numbers.done.store(done, Ordering::Release);
    }

    /// Publishes the number of callers that wait for a place.
    pub(crate) fn publish_waiting(&self, waiting: usize) {
        self.numbers.waiting.store(waiting, Ordering::Release);
    }

    /// Publishes all numbers but those of the queue.
    pub(crate) fn publish(&self, status: &PoolStatus) {
        let numbers = &self.numbers;
        numbers.threads.store(status.threads, Ordering::Release);
        numbers.places.store(status.places, Ordering::Release);
        numbers.waiting.store(status.waiting, Ordering::Release);
        numbers.done.store(status.done, Ordering::Release);
        numbers.failed.store(status.failed, Ordering::Release);
        numbers.stopped.store(status.stopped, Ordering::Release);
        numbers.dropped.store(status.dropped, Ordering::Release);
        numbers.expired.store(status.expired, Ordering::Release);
    }

    /// The numbers of one moment. A thread that writes them may have lost its processor, and is
    /// waited for until [`BUSY`] is over.
    pub(crate) fn status(&self) -> PoolStatus {
        let (began, backoff) = (Instant::now(), Backoff::new());
        loop {
            // Pairs with `begin_change` and `end_change`.
            let version = self.numbers.version.load(Ordering::Acquire);
            let status = self.read();
            let is_whole = version % 2 == 0 && self.numbers.version.load(Ordering::Relaxed) == version;
            if is_whole || began.elapsed() >= BUSY {
                return status;
            }
            backoff.snooze();
        }
    }

    fn read(&self) -> PoolStatus {
        let numbers = &self.numbers;
        let queued = self.queued();
        // After `queued`, because a submitter publishes the instant first. Jobs in the queue are
        // older than those in the intake.
        let oldest = [&numbers.oldest, &numbers.intake.1].map(|oldest| oldest.load(Ordering::Acquire));
        let oldest = oldest.into_iter().find(|since| *since > 0 && queued > 0);
        PoolStatus {
            threads: numbers.threads.load(Ordering::Acquire),
            running: numbers.running.load(Ordering::Acquire),
            queued,
            places: numbers.places.load(Ordering::Acquire),
            waiting: numbers.waiting.load(Ordering::Acquire),
            oldest_wait: oldest.map(coarse_since),
            done: numbers.done.load(Ordering::Acquire),
            failed: numbers.failed.load(Ordering::Acquire),
            stopped: numbers.stopped.load(Ordering::Acquire),
            dropped: numbers.dropped.load(Ordering::Acquire),
            expired: numbers.expired.load(Ordering::Acquire),
        }
    }
}

/// Closes the gates of all pools, if none of them has a job. Otherwise a driver is woken when one
/// of them is left. Called under the lock of the scope.
pub(crate) fn close_all<'a>(pools: impl Iterator<Item = &'a PoolFacts>) -> bool {
    // All locks at once: a pool that is quiet now may get a job of a pool that is looked at later.
    // No other function holds two of them.
    let mut gates: Vec<_> = pools.map(|pool| pool.gate.lock()).collect();
    let quiet = gates.iter().all(|gate| !gate.busy);
    for gate in &mut gates {
        // Quiet to closed, all or none. Pairs with `leave`, if it is none.
        (gate.closed, gate.watched) = (quiet, !quiet);
    }
    quiet
}
