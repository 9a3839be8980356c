//! Owns the rows of memory: T7 for each blocked thread, T9 after a million threads. Each figure is
//! a process of its own.
//! Refuses to count mapped memory that is not touched: it counts resident pages only.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Select, bounded};
use homebound::{Handle, SpawnError, WaitError};

use crate::measure::{Plan, Side, figure_in_child, in_child, in_turns, turn};
use crate::os;
use crate::row::{Goal, Row};
use crate::stop::settle;

const LONG: Duration = Duration::from_secs(3600);
/// The first threads pay the costs that come once (allocator arenas, first pages of libraries).
const FIRST: usize = 1000;
const LIVE: usize = 32;

pub(crate) fn t7(plan: &Plan) -> Vec<Row> {
    if os::resident().is_none() {
        return Vec::new();
    }
    let each = |key: &'static str| move || figure_in_child(key, plan).unwrap_or(f64::NAN);
    let turns = vec![
        turn("homebound", each("recv_timeout")),
        turn("std + recv_timeout", each("std")),
        turn("homebound", each("wait_for_stop")),
        turn("floor: a stop of its own, select", each("floor")),
    ];
    let sides = in_turns(plan.rounds, turns);
    let beside = |which: [usize; 2]| which.map(|side| sides[side].clone());
    vec![
        Row::pair("T7", "memory of a thread in recv_timeout", "KiB", &beside([0, 1]), Goal::Over(1.25)),
        Row::pair("T7", "  against another", "KiB", &beside([0, 3]), Goal::None),
        Row::pair("T7", "memory of a thread in wait_for_stop", "KiB", &beside([2, 1]), Goal::Over(1.0)),
    ]
}

pub(crate) fn t9(plan: &Plan) -> Vec<Row> {
    if os::resident().is_none() {
        return Vec::new();
    }
    let total = plan.of(1_000_000);
    let row = |key: &'static str, rounds: usize, what: &str| {
        let mut sides = ["homebound", "after 1,000"].map(|name| Side { name, samples: Vec::new() });
        for _ in 0..rounds {
            // A child that died has needed more memory than there was.
            let died = || [f64::INFINITY, 0.0].map(|figure| Side { name: key, samples: vec![figure] }).into();
            let figures = in_child(key, plan, &["most", "base"]).unwrap_or_else(died);
            sides.iter_mut().zip(figures).for_each(|(side, one)| side.samples.extend(one.samples));
        }
        let what = format!("most memory in {total} spawns, {what}");
        Row::pair("T9", what, "MiB", &sides, Goal::Over(1.0))
    };
    let same = row("same", plan.rounds.min(7), "at most 32 live, same name");
    // Each of these starts an OS thread, so a round takes most of a minute.
    let different = row("different", plan.rounds.min(7), "the same with as many names");
    vec![same, different]
}

pub(crate) fn child(key: &str, plan: &Plan) -> Vec<Vec<f64>> {
    let threads = plan.of(5000);
    let figures = match key {
        "recv_timeout" => blocked(threads, true).map(|kib| vec![kib]),
        "wait_for_stop" => blocked(threads, false).map(|kib| vec![kib]),
        "std" => blocked_std(threads, || |data: &Receiver<()>| data.recv_timeout(LONG)).map(|kib| vec![kib]),
        "floor" => blocked_std(threads, stoppable).map(|kib| vec![kib]),
        "same" => many(plan.of(1_000_000), |_| Cow::Borrowed("worker")).map(Vec::from),
        "different" => {
            many(plan.of(1_000_000), |number| Cow::Owned(format!("worker {number}"))).map(Vec::from)
        }
        _ => None,
    };
    figures.into_iter().flatten().map(|figure| vec![figure]).collect()
}

/// KiB for each of `threads` threads after the first thousand.
fn blocked(threads: usize, receives: bool) -> Option<f64> {
    let up = AtomicUsize::new(0);
    let (sender, receiver) = bounded::<()>(0);
    let each = homebound::scope(|scope| {
        let more = |from: usize, upto: usize| -> Result<_, SpawnError> {
            for _ in from..upto {
                let (up, receiver) = (&up, &receiver);
                scope.spawn("blocked", "waits", move |cx| {
                    up.fetch_add(1, Ordering::Release);
                    if receives {
                        let waited = cx.recv_timeout(receiver, LONG);
                        assert!(matches!(waited, Err(WaitError::Stopped(_))), "nothing is sent");
                    } else {
                        cx.wait_for_stop();
                    }
                    Ok(())
                })?;
            }
            settle(&up, upto);
            Ok(os::resident())
        };
        let before = more(0, FIRST)?;
        let after = more(FIRST, FIRST + threads)?;
        scope.stop();
        Ok(growth(before, after, threads))
    });
    drop(sender);
    each.unwrap()
}

/// The least memory that a stop costs: a channel of its own, and a `select` of both.
fn stoppable() -> impl FnOnce(&Receiver<()>) -> Result<(), RecvTimeoutError> {
    let (keep, stop) = bounded::<()>(0);
    move |data| {
        let mut select = Select::new_biased();
        let _first = select.recv(&stop);
        let second = select.recv(data);
        let chosen = select.select_timeout(LONG).map_err(|_| RecvTimeoutError::Timeout)?;
        assert_eq!(chosen.index(), second);
        drop(keep);
        chosen.recv(data).map_err(|_| RecvTimeoutError::Disconnected)
    }
}

fn blocked_std<W>(threads: usize, wait: impl Fn() -> W) -> Option<f64>
where
    W: FnOnce(&Receiver<()>) -> Result<(), RecvTimeoutError> + Send + 'static,
{
    let up = Arc::new(AtomicUsize::new(0));
    let (sender, receiver) = bounded::<()>(0);
    let mut handles = Vec::with_capacity(FIRST + threads);
    let mut upto = |count: usize| {
        while handles.len() < count {
            let (up, receiver, wait) = (Arc::clone(&up), receiver.clone(), wait());
            handles.push(thread::spawn(move || {
                up.fetch_add(1, Ordering::Release);
                assert_eq!(wait(&receiver), Err(RecvTimeoutError::Disconnected));
            }));
        }
        settle(&up, count);
        os::resident()
    };
    let (before, after) = (upto(FIRST), upto(FIRST + threads));
    drop(sender);
    handles.into_iter().for_each(|handle| handle.join().unwrap());
    growth(before, after, threads)
}

fn growth(before: Option<u64>, after: Option<u64>, threads: usize) -> Option<f64> {
    Some((after? as f64 - before? as f64) / 1024.0 / threads as f64)
}

/// MiB: the largest size, and the size after the first thousand.
fn many(total: usize, name: fn(usize) -> Cow<'static, str>) -> Option<[f64; 2]> {
    let (mut base, mut most) = (None, 0);
    homebound::scope(|scope| {
        let mut live = VecDeque::with_capacity(LIVE);
        for number in 1..=total {
            if live.len() == LIVE {
                let oldest: Option<Handle<'_, usize>> = live.pop_front();
                oldest.map(Handle::join).transpose()?;
            }
            live.push_back(scope.spawn(name(number), "returns its number", move |_| Ok(number))?);
            if number == FIRST {
                base = os::resident();
            } else if number % 10_000 == 0 {
                most = most.max(os::resident().unwrap_or_default());
            }
        }
        Ok(())
    })
    .unwrap();
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    Some([mib(most), mib(base?)])
}
