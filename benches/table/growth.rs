//! Owns the curves: what one thread costs to spawn, to stop and to look at, by how many there are.
//! Refuses to draw: `plot` does.

use crate::measure::{Plan, Side, in_turns, turn};
use crate::stop::{Times, condvar, park, structured};

pub(crate) struct Curve {
    pub(crate) panel: &'static str,
    pub(crate) name: &'static str,
    /// Threads, microseconds for each.
    pub(crate) points: Vec<(usize, f64)>,
}

const COUNTS: [usize; 9] = [1, 3, 10, 30, 100, 300, 1000, 3000, 10_000];
const SPAWN: &str = "spawn, all blocked";
const STOP: &str = "stop to all joined";
const SNAPSHOT: &str = "snapshot";

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
    curves.iter_mut().for_each(|curve| curve.points.dedup_by_key(|point| point.0));
    curves
}

/// In the order of the curves.
fn at(rounds: usize, threads: usize) -> [f64; 6] {
    // Few threads are measured several times in a round: one wake-up alone is mostly the machine's mood.
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
