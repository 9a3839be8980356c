//! Owns the curves: the cost of one thread to spawn, to stop and to look at, and of one service or
//! group to end, by their number.
//! Refuses to draw: `plot` does.

use std::time::Instant;

use homebound::{Context, scope};

use crate::measure::{Plan, Side, in_turns, turn};
use crate::stop::{Times, condvar, park, structured};

pub(crate) struct Curve {
    pub(crate) panel: &'static str,
    pub(crate) name: &'static str,
    /// Number of threads, and microseconds for each.
    pub(crate) points: Vec<(usize, f64)>,
}

const COUNTS: [usize; 9] = [1, 3, 10, 30, 100, 300, 1000, 3000, 10_000];
const SPAWN: &str = "spawn, all blocked";
const STOP: &str = "stop to all joined";
const SNAPSHOT: &str = "snapshot";
const END: &str = "end, one told after the other";

pub(crate) fn curves(plan: &Plan) -> Vec<Curve> {
    let mut curves: Vec<Curve> = [
        (SPAWN, "homebound"),
        (SPAWN, "std::thread"),
        (STOP, "homebound"),
        (STOP, "std + park/unpark"),
        (STOP, "std + condvar"),
        (SNAPSHOT, "homebound"),
    ]
    .map(|(panel, name)| Curve { panel, name, points: Vec::new() })
    .into();
    for threads in COUNTS {
        let threads = if plan.quick { threads.min(1000) } else { threads };
        let medians = at(plan.rounds, threads);
        for (curve, median) in curves.iter_mut().zip(medians) {
            curve.points.push((threads, median));
        }
    }
    curves.extend(ends(plan));
    curves.iter_mut().for_each(|curve| curve.points.dedup_by_key(|point| point.0));
    curves
}

/// Puts this many services or groups into a scope.
type Fill = fn(&Context, usize);

/// The time of a scope's end for each service that is told, and for each group that was forgotten,
/// side by side or in one another.
fn ends(plan: &Plan) -> [Curve; 3] {
    let kinds: [(&'static str, Fill); 3] =
        [("services", services), ("groups", side_by_side), ("groups in groups", nested)];
    kinds.map(|(name, fill)| {
        let counts = COUNTS.iter().map(|count| if plan.quick { (*count).min(1000) } else { *count });
        let points = counts.map(|count| {
            // The first is for warming up.
            let samples = (0..=plan.rounds).map(|_| end_of(fill, count)).skip(1).collect();
            (count, Side { name: "", samples }.median())
        });
        Curve { panel: END, name, points: points.collect() }
    })
}

/// Microseconds for each of `count`.
fn end_of(fill: Fill, count: usize) -> f64 {
    let mut start = Instant::now();
    let ended = scope(|s| {
        fill(s.context(), count);
        start = Instant::now();
        Ok(())
    });
    let took = start.elapsed();
    ended.expect("nothing fails");
    took.as_secs_f64() * 1e6 / count as f64
}

fn services(cx: &Context, count: usize) {
    for _ in 0..count {
        cx.service("service", "ends when it is told", until_stopped).expect("it starts");
    }
}

fn until_stopped(cx: &Context) -> homebound::Result {
    cx.wait_for_stop();
    Ok(())
}

fn side_by_side(cx: &Context, count: usize) {
    (0..count).for_each(|_| std::mem::forget(cx.group("forgotten").expect("it is open")));
}

fn nested(cx: &Context, count: usize) {
    let mut inner = cx.group("outermost").expect("it is open");
    for _ in 1..count {
        let next = inner.context().group("inside").expect("it is open");
        std::mem::forget(std::mem::replace(&mut inner, next));
    }
    std::mem::forget(inner);
}

/// In the order of the curves.
fn at(rounds: usize, threads: usize) -> [f64; 6] {
    // A few threads are measured several times in a round, because a single wake-up varies too
    // much.
    let repeats = (30 / threads).max(1);
    let mut all: [Vec<Times>; 3] = [Vec::new(), Vec::new(), Vec::new()];
    let [ours, parked, waiting] = &mut all;
    let often = |into: &mut Vec<Times>, measure: fn(usize) -> Times| {
        into.extend((0..repeats).map(|_| measure(threads)));
        0.0
    };
    in_turns(
        rounds,
        vec![
            turn("homebound", || often(ours, structured)),
            turn("park", || often(parked, park)),
            turn("condvar", || often(waiting, condvar)),
        ],
    );
    let median = |times: &[Times], figure: fn(&Times) -> f64| {
        // The first round is for warming up.
        let samples = times.iter().skip(repeats).map(figure).collect();
        Side { name: "", samples }.median()
    };
    [
        median(&all[0], |times| times.spawn),
        median(&all[1], |times| times.spawn),
        median(&all[0], |times| times.stop),
        median(&all[1], |times| times.stop),
        median(&all[2], |times| times.stop),
        median(&all[0], |times| times.snapshot),
    ]
}
