//! Owns the rows of a map: T12, and from which size of an item on a map pays.
//! Refuses to measure loops over data without work, because that is rayon's job.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::measure::{Plan, Side, in_turns, micros, turn};
use crate::row::{Goal, Row};
use crate::spawn::in_root;

const WIDTH: usize = 2;

pub(crate) fn t12(plan: &Plan) -> Vec<Row> {
    let count = plan.of(1_000);
    let what = |us: u64| format!("map of {count} items of {us} us, width {WIDTH}");
    let mut rows = vec![Row::pair("T12", what(50), "us", &sides(plan, count, 50), Goal::Ratio(1.1))];
    for us in [20, 5, 1] {
        rows.push(Row::pair("", format!("  {}", what(us)), "us", &sides(plan, count, us), Goal::None));
    }
    rows
}

/// Microseconds for each item.
fn sides(plan: &Plan, count: usize, us: u64) -> Vec<Side> {
    let work = Duration::from_micros(us);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(WIDTH).build().expect("two threads");
    in_root(|root| {
        let ours = || {
            let map = || root.map("map", "works", WIDTH, 0..count, |_, item| Ok(busy(work, item)));
            micros(1, || assert_eq!(map().map_or(0, |all| all.len()), count)) / count as f64
        };
        let peer = || {
            let map = || (0..count).into_par_iter().map(|item| busy(work, item)).collect::<Vec<_>>();
            micros(1, || assert_eq!(pool.install(map).len(), count)) / count as f64
        };
        in_turns(plan.times(3), vec![turn("homebound", ours), turn("rayon par_iter", peer)])
    })
}

/// Computes for this long.
fn busy(time: Duration, item: usize) -> usize {
    let start = Instant::now();
    while start.elapsed() < time {
        black_box(item);
    }
    item
}
