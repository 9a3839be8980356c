//! Owns the models of a pool: each job runs once, no thread and no caller sleeps on while it could
//! go on, and a map's caller goes on when no helper is left, and not for a job in the queue.
//! Refuses to know what a job does.

use std::cell::RefCell;
use std::panic::Location;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use loom::thread::{JoinHandle, spawn};

use super::explore;
use crate::rt::latch::Latch;
use crate::sync::{AtomicBool, Mutex};
use crate::tree::pool_facts::PoolFacts;
use crate::tree::wait_mark::WaitMark;
use crate::work::pool::helpers::Helpers;
use crate::work::pool::line::Line;
use crate::work::pool::parts::{Ending, Next, Pushed, Refusal, Told};

/// The seat of a model: its drop wakes the sleeper, as the drop of a sender does.
struct Seat(Arc<Latch>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.set();
    }
}

fn sit(latch: &Arc<Latch>) -> Seat {
    Seat(Arc::clone(latch))
}

fn sleep(latch: &Latch) {
    latch.wait(None, &|| false);
}

type Jobs = Line<u32, Seat>;

/// A pool of a model, and the jobs that have run.
#[derive(Clone)]
struct Pool {
    line: Arc<Jobs>,
    ran: Arc<Mutex<Vec<u32>>>,
    /// Set when the pool is told to stop.
    told: Arc<AtomicBool>,
}

impl Pool {
    fn new(places: usize, threads: usize) -> Pool {
        let line =
            Line::new(places, threads, false, 2, Arc::new(PoolFacts::new("a model".into())), Weak::new());
        Pool { line: Arc::new(line), ran: Arc::default(), told: Arc::default() }
    }

    /// Queues a job, and starts the thread that the line asks for.
    fn push(&self, job: u32, woken: bool) -> Result<Option<JoinHandle<()>>, Refusal> {
        let Pushed { start, .. } = self.line.push(job, woken, 1).map_err(|(_, refusal)| refusal)?;
        Ok(start.map(|seat| {
            let own = self.clone();
            spawn(move || own.serve(seat))
        }))
    }

    fn must_push(&self, job: u32) -> Option<JoinHandle<()>> {
        self.push(job, false).expect("there is a place")
    }

    /// A thread of the pool.
    fn serve(&self, seat: usize) {
        let told = || if self.told.load(Ordering::SeqCst) { Told::Stop } else { Told::No };
        let mark = || WaitMark::new("a job", Location::caller());
        let mut ended = None;
        loop {
            match self.line.next(seat, ended.take(), told, mark) {
                Next::Run(queued) => {
                    self.ran.lock().push(queued.job);
                    ended = Some(Ending::Done);
                }
                Next::Drop(queue) => {
                    queue.iter().for_each(|_| self.line.over(Ending::Dropped, None, false));
                }
                Next::Leave => return,
            }
        }
    }

    fn ran(&self) -> Vec<u32> {
        let mut ran = self.ran.lock().clone();
        ran.sort_unstable();
        ran
    }

    /// As a caller of `submit`: waits for a place as often as the pool is full.
    fn submit(&self, job: u32) -> Option<JoinHandle<()>> {
        let mut woken = false;
        loop {
            match self.push(job, woken) {
                Ok(started) => return started,
                Err(refusal) => assert_eq!(refusal, Refusal::Full),
            }
            let latch = Arc::new(Latch::default());
            woken = self.line.wait(sit(&latch), woken).is_some();
            if woken {
                sleep(&latch);
            }
        }
    }

    fn wait_idle(&self) {
        let latch = Arc::new(Latch::default());
        if self.line.watch(sit(&latch)).is_some() {
            sleep(&latch);
        }
        assert!(self.line.is_idle());
    }
}

fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// A thread that looks for work, or sleeps, takes a job that comes, and leaves when the pool is
/// closed.
#[test]
fn pool_thread_takes_each_job() {
    explore("pool_thread_takes_each_job", 3, || {
        let pool = Pool::new(2, 1);
        let thread = pool.must_push(1);
        pool.must_push(2);
        pool.line.close();
        // Also if job 2 came by the intake.
        assert_eq!(pool.push(3, false).err(), Some(Refusal::Closed));
        join(thread);
        assert_eq!(pool.ran(), [1, 2]);
    });
}

/// Two threads: none sleeps on while a job waits, and both hear the close.
#[test]
fn pool_threads_share_the_jobs() {
    explore("pool_threads_share_the_jobs", 2, || {
        let pool = Pool::new(2, 2);
        let threads: Vec<_> = [1, 2, 3].into_iter().filter_map(|job| pool.must_push(job)).collect();
        pool.line.close();
        join(threads);
        assert_eq!(pool.ran(), [1, 2, 3]);
    });
}

/// A caller that waits until the pool is idle is woken by the end of the last job.
#[test]
fn pool_says_that_it_is_idle() {
    explore("pool_says_that_it_is_idle", 2, || {
        let pool = Pool::new(1, 1);
        let thread = pool.must_push(1);
        pool.wait_idle();
        assert_eq!(pool.ran(), [1]);
        pool.must_push(2);
        pool.wait_idle();
        pool.line.close();
        join(thread);
        assert_eq!(pool.ran(), [1, 2]);
    });
}

/// A job that comes by the intake while the only thread is about to sleep is run, and the pool is
/// not idle before that.
#[test]
fn pool_looks_into_its_intake() {
    explore("pool_looks_into_its_intake", 2, || {
        let pool = Pool::new(2, 1);
        let thread = pool.must_push(1);
        let own = pool.clone();
        let other = spawn(move || {
            assert!(own.must_push(2).is_none(), "the thread is there");
            own.wait_idle();
            assert_eq!(own.ran(), [1, 2]);
        });
        other.join().unwrap();
        pool.line.close();
        join(thread);
    });
}

/// Two callers for one place: both come in, whatever the order.
#[test]
fn pool_wakes_a_caller_for_a_place() {
    explore("pool_wakes_a_caller_for_a_place", 1, || {
        let pool = Pool::new(0, 1);
        let thread = pool.must_push(1);
        let own = pool.clone();
        let other = spawn(move || assert!(own.submit(2).is_none(), "the thread is there"));
        assert!(pool.submit(3).is_none());
        other.join().unwrap();
        pool.line.close();
        join(thread);
        assert_eq!(pool.ran(), [1, 2, 3]);
    });
}

/// A pool that is told to stop drops its queue, or has run it, and its thread leaves.
#[test]
fn pool_hears_the_stop() {
    explore("pool_hears_the_stop", 3, || {
        let pool = Pool::new(2, 1);
        let thread = pool.must_push(1);
        let own = pool.clone();
        let stop = spawn(move || {
            own.told.store(true, Ordering::SeqCst);
            own.line.facts().told();
        });
        let refused = pool.push(2, false).err();
        join(thread);
        stop.join().unwrap();
        let status = pool.line.status();
        assert_eq!(status.done + status.dropped, if refused.is_some() { 1 } else { 2 });
        assert_eq!((status.threads, status.queued, status.running), (0, 0, 0));
    });
}

/// A map of a model: its helpers, the queue of a pool, and whether the work is still lent.
struct Map {
    helpers: Helpers<Seat>,
    queue: Mutex<Vec<u64>>,
    lent: AtomicBool,
}

impl Map {
    fn new() -> Arc<Map> {
        let lent = AtomicBool::new(true);
        Arc::new(Map { helpers: Helpers::new(), queue: Mutex::default(), lent })
    }

    /// Queues the helper of this number, as `send_helper` does.
    fn send(&self, number: u64) {
        if self.helpers.enter() {
            self.queue.lock().push(number);
            if !self.helpers.queued(number) {
                self.withdraw(number);
            }
        }
    }

    fn take(&self, number: u64) -> bool {
        let mut queue = self.queue.lock();
        let place = queue.iter().position(|queued| *queued == number);
        place.map(|place| queue.remove(place)).is_some()
    }

    fn withdraw(&self, number: u64) {
        if self.take(number) {
            self.helpers.leave(false);
        }
    }

    /// What a thread of the pool does with a helper's job, if it comes to it.
    fn help(&self, number: u64, work: impl FnOnce()) {
        if self.take(number) {
            assert!(self.lent.load(Ordering::Relaxed), "a helper works when the caller has gone on");
            work();
            assert!(self.lent.load(Ordering::Relaxed), "a helper works when the caller has gone on");
            self.helpers.leave(false);
        }
    }

    /// The guard of `lend`.
    fn see_off(&self) {
        self.helpers.close().into_iter().for_each(|number| self.withdraw(number));
        loop {
            let latch = Arc::new(Latch::default());
            let wake = RefCell::new(Some(sit(&latch)));
            if self.helpers.are_all_gone(|| wake.take().expect("asked once")) {
                break;
            }
            sleep(&latch);
        }
        self.lent.store(false, Ordering::Relaxed);
    }
}

/// The caller of a map goes on when its helper is gone, whether it has begun or not.
#[test]
fn pool_map_outlives_its_helper() {
    explore("pool_map_outlives_its_helper", 4, || {
        let map = Map::new();
        map.send(1);
        let own = Arc::clone(&map);
        let thread = spawn(move || own.help(1, || {}));
        let latch = Arc::new(Latch::default());
        let wake = RefCell::new(Some(sit(&latch)));
        // As a caller that hears a stop while it waits: it may go on before the helper has gone.
        let _gone = map.helpers.is_one_gone(|| wake.take().expect("asked once"));
        map.see_off();
        thread.join().unwrap();
    });
}

/// A helper queues another one, which no thread ever comes to: the caller waits for none of it.
#[test]
fn pool_map_waits_for_no_job_in_the_queue() {
    explore("pool_map_waits_for_no_job_in_the_queue", 4, || {
        let map = Map::new();
        map.send(1);
        let own = Arc::clone(&map);
        let thread = spawn(move || own.help(1, || own.send(2)));
        map.see_off();
        thread.join().unwrap();
        assert!(map.queue.lock().is_empty());
        map.send(3);
        assert!(map.queue.lock().is_empty(), "a map that is over takes no helper");
    });
}

/// The caller sleeps until its helper has found that there is no more to do.
#[test]
fn pool_map_is_woken_by_the_first_helper_that_goes() {
    explore("pool_map_is_woken_by_the_first_helper_that_goes", 4, || {
        let map = Map::new();
        map.send(1);
        map.send(2); // no thread comes to it
        let own = Arc::clone(&map);
        let thread = spawn(move || own.help(1, || {}));
        let latch = Arc::new(Latch::default());
        let wake = RefCell::new(Some(sit(&latch)));
        if !map.helpers.is_one_gone(|| wake.take().expect("asked once")) {
            sleep(&latch);
        }
        drop(wake);
        map.see_off();
        thread.join().unwrap();
    });
}
