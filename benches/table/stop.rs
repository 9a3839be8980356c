//! Owns the rows of the stop, T4: from the request until every thread has been joined.
//! Refuses to stop threads that do not wait yet: they are counted before they block, and get time
//! to do so.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;

use crate::measure::{Plan, Side, in_turns, micros_each, turn};
use crate::os::Gate;
use crate::row::{Goal, Row};

/// Time for the last thread to come from its count to its wait.
const SETTLE: Duration = Duration::from_millis(30);

/// Microseconds for each thread.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) spawn: f64,
    pub(crate) snapshot: f64,
    pub(crate) stop: f64,
}

pub(crate) fn t4(plan: &Plan) -> Vec<Row> {
    [100, 1000, 10_000].into_iter().flat_map(|threads| row(plan, plan.of(threads))).collect()
}

fn row(plan: &Plan, threads: usize) -> Vec<Row> {
    // Ten thousand threads take seconds. Smaller numbers get more rounds.
    let rounds = if threads > 1000 { plan.rounds } else { plan.times(3) };
    let sides = in_turns(
        rounds,
        vec![
            turn("homebound", || structured(threads).stop),
            turn("std + condvar", || condvar(threads).stop),
            turn("std + channel disconnect", || channel(threads).stop),
            turn("std + park/unpark", || park(threads).stop),
            turn("floor: one futex, join", || floor(threads).stop),
        ],
    );
    let mut peers: Vec<Side> = sides[1..4].to_vec();
    peers.sort_by(|a, b| a.median().total_cmp(&b.median()));
    let gated = [sides[0].clone(), peers.remove(0)];
    let what = format!("stop to all joined, {threads} blocked threads, each");
    let mut rows = vec![Row::pair("T4", what, "us", &gated, Goal::Ratio(1.05))];
    for peer in peers.into_iter().chain([sides[4].clone()]) {
        rows.push(Row::pair("", "  against another", "us", &[sides[0].clone(), peer], Goal::None));
    }
    rows
}

pub(crate) fn structured(threads: usize) -> Times {
    let up = AtomicUsize::new(0);
    let mut times = Times { spawn: 0.0, snapshot: 0.0, stop: 0.0 };
    let mut stop = Instant::now();
    homebound::scope(|scope| {
        let start = Instant::now();
        for _ in 0..threads {
            scope.spawn("blocked", "waits for the stop", |cx| {
                up.fetch_add(1, Ordering::Release);
                cx.wait_for_stop();
                Ok(())
            })?;
        }
        times.spawn = micros_each(start, threads);
        settle(&up, threads);
        let start = Instant::now();
        drop(scope.snapshot());
        times.snapshot = micros_each(start, threads);
        stop = Instant::now();
        scope.stop();
        Ok(())
    })
    .unwrap();
    times.stop = micros_each(stop, threads);
    times
}

/// `std::thread::spawn`, with each thread blocked in `wait`, and all released by `release`.
fn by_hand(
    threads: usize,
    wait: impl Fn() + Clone + Send + 'static,
    release: impl FnOnce(&[JoinHandle<()>]),
) -> Times {
    let up = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let handles: Vec<_> = (0..threads)
        .map(|_| {
            let (up, wait) = (Arc::clone(&up), wait.clone());
            thread::spawn(move || {
                up.fetch_add(1, Ordering::Release);
                wait();
            })
        })
        .collect();
    let spawn = micros_each(start, threads);
    settle(&up, threads);
    let start = Instant::now();
    release(&handles);
    for handle in handles {
        handle.join().unwrap();
    }
    Times { spawn, snapshot: f64::NAN, stop: micros_each(start, threads) }
}

pub(crate) fn condvar(threads: usize) -> Times {
    let pair = Arc::new((Mutex::new(false), Condvar::new()));
    let theirs = Arc::clone(&pair);
    let wait = move || {
        let stopping = theirs.0.lock().unwrap();
        drop(theirs.1.wait_while(stopping, |stopping| !*stopping).unwrap());
    };
    by_hand(threads, wait, |_| {
        *pair.0.lock().unwrap() = true;
        pair.1.notify_all();
    })
}

fn channel(threads: usize) -> Times {
    let (sender, receiver) = bounded::<()>(0);
    let wait = move || assert!(receiver.recv().is_err(), "nothing is sent");
    by_hand(threads, wait, |_| drop(sender))
}

pub(crate) fn park(threads: usize) -> Times {
    let stopping = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&stopping);
    let wait = move || {
        while !theirs.load(Ordering::Acquire) {
            thread::park();
        }
    };
    by_hand(threads, wait, |handles| {
        stopping.store(true, Ordering::Release);
        handles.iter().for_each(|handle| handle.thread().unpark());
    })
}

/// The same wake-ups and ends, and no code around them.
fn floor(threads: usize) -> Times {
    let gate = Arc::new(Gate::new());
    let theirs = Arc::clone(&gate);
    by_hand(threads, move || theirs.wait(), |_| gate.open())
}

pub(crate) fn settle(up: &AtomicUsize, threads: usize) {
    while up.load(Ordering::Acquire) < threads {
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(SETTLE);
}
