//! Owns the row of restarts: T16.
//! Refuses to pause between runs: a pause is not ours to measure.

use std::hint::black_box;
use std::iter;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use homebound::{Restart, Result};

use crate::measure::{Plan, in_turns, micros_each, turn};
use crate::row::{Goal, Row};
use crate::spawn::in_root;

const FAILED: &str = "the line went dead";

fn fails() -> Result {
    Err(FAILED)?
}

/// Each run has an OS thread of its own, on both sides, and the one before is joined.
pub(crate) fn t16(plan: &Plan) -> Vec<Row> {
    let count = plan.of(5000);
    let sides = in_root(|root| {
        let ours = || {
            let policy = Restart::on_failure().no_backoff().for_ever();
            let start = Instant::now();
            let feed = root.thread("feed", "fails, and runs again").restart(policy);
            let last = count as u64 + 1;
            let done = feed.spawn(move |cx| if cx.run_number() < last { fails() } else { Ok(()) });
            done.unwrap().join().unwrap();
            micros_each(start, count)
        };
        let peer = || {
            let start = Instant::now();
            for _ in 0..count {
                let ended = thread::spawn(fails).join().expect("it returns");
                assert!(black_box(ended).is_err());
            }
            micros_each(start, count)
        };
        let floor = || {
            let start = Instant::now();
            hand_over(count);
            micros_each(start, count)
        };
        let peers = [turn("std::thread::spawn", peer), turn("floor: std, each joins the one before", floor)];
        in_turns(plan.rounds, iter::once(turn("homebound", ours)).chain(peers).collect())
    });
    let floor = [sides[0].clone(), sides[2].clone()];
    vec![
        Row::pair("T16", "restart of a failed thread, without a pause", "us", &sides[..2], Goal::Ratio(1.0)),
        Row::pair("", "  against another", "us", &floor, Goal::None),
    ]
}

/// The way to the handle of a thread, which its spawner sends.
type Own = Receiver<JoinHandle<()>>;

/// The same way as ours, by std alone: each thread starts the next one, which first joins it.
fn hand_over(count: usize) {
    let (done, last) = mpsc::channel();
    start(count, None, done);
    let last: Own = last.recv().expect("the last one tells");
    last.recv().expect("it was spawned").join().expect("it returns");
}

fn start(left: usize, before: Option<Own>, done: Sender<Own>) {
    let (give, own) = mpsc::channel();
    let next = thread::spawn(move || {
        if let Some(before) = before {
            before.recv().expect("it was spawned").join().expect("it returns");
        }
        assert!(black_box(fails()).is_err());
        if left == 0 {
            done.send(own).expect("the caller waits");
        } else {
            start(left - 1, Some(own), done);
        }
    });
    // Its heir takes it, or is over already.
    drop(give.send(next));
}
