//! Owns the rows of looking at the tree, T8: the time of a snapshot, and its cost for threads that
//! spawn meanwhile.
//! Refuses to look back to back in a gated row, because on two cores that measures the scheduler.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use homebound::{Context, Scope};

use crate::measure::{Plan, in_turns, turn};
use crate::row::{Goal, Row};
use crate::spawn::{beside_a_busy_thread, one};
use crate::stop::settle;

const BLOCKED: usize = 1000;

pub(crate) fn t8(plan: &Plan) -> Vec<Row> {
    let threads = plan.of(10_000);
    let snapshot = among(threads, |scope| {
        let look = || {
            let start = Instant::now();
            drop(black_box(scope.snapshot()));
            start.elapsed().as_secs_f64() * 1e3
        };
        in_turns(plan.rounds, vec![turn("homebound", look)])
    });
    let time = Duration::from_millis(plan.of(500) as u64);
    let period = Some(Duration::from_millis(10));
    let rates = among(plan.of(BLOCKED), |scope| {
        let look = || drop(black_box(scope.snapshot()));
        let as_long = median_of(look);
        let compute = move || compute_for(as_long);
        let turns = vec![
            turn("homebound", || looked_at(scope, time, period, look)),
            turn("no snapshot", || looked_at(scope, time, None, look)),
            turn("floor: a thread that computes as long", || looked_at(scope, time, period, compute)),
            turn("homebound", || looked_at(scope, time, Some(Duration::ZERO), look)),
            turn("a thread that computes", || beside_a_busy_thread(|| looked_at(scope, time, None, look))),
        ];
        in_turns(plan.rounds, turns)
    });
    let floor = [rates[0].clone(), rates[2].clone()];
    let back_to_back = [rates[3].clone(), rates[4].clone()];
    let what = format!("spawn + join beside {} threads", plan.of(BLOCKED));
    vec![
        Row::pair("T8", format!("snapshot of {threads} threads"), "ms", &snapshot, Goal::Most(10.0)),
        Row::pair("T8", format!("{what}, 100 snapshots a second"), "/ms", &rates[..2], Goal::AtLeast(0.9)),
        Row::pair("", "  against another", "/ms", &floor, Goal::None),
        Row::pair("", format!("  {what}, snapshots back to back"), "/ms", &back_to_back, Goal::None),
    ]
}

/// A root with this many blocked threads in it.
fn among<T>(threads: usize, body: impl for<'scope> FnOnce(&'scope Scope<'scope, '_>) -> T) -> T {
    let up = AtomicUsize::new(0);
    homebound::scope(|scope| {
        for _ in 0..threads {
            scope.spawn("blocked", "waits for the stop", |cx| {
                up.fetch_add(1, Ordering::Release);
                cx.wait_for_stop();
                Ok(())
            })?;
        }
        settle(&up, threads);
        let value = body(scope);
        scope.stop();
        Ok(value)
    })
    .unwrap()
}

/// The median time of `look`.
fn median_of(look: impl Fn()) -> Duration {
    let mut times: Vec<_> = (0..11)
        .map(|_| {
            let start = Instant::now();
            look();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

fn compute_for(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        black_box(());
    }
}

/// Spawns + joins in a millisecond, while a thread looks at intervals.
fn looked_at<'scope>(
    scope: &'scope Scope<'scope, '_>,
    time: Duration,
    period: Option<Duration>,
    look: impl Fn() + Copy + Send + 'scope,
) -> f64 {
    let looker = period.map(|period| {
        let looks = move |cx: &Context| {
            while !cx.is_stopping() {
                look();
                if !period.is_zero() {
                    cx.sleep(period)?;
                }
            }
            Ok(())
        };
        scope.thread("looker", "looks at the tree, or computes as long").isolated().spawn(looks).unwrap()
    });
    let start = Instant::now();
    let mut spawned = 0_u32;
    while start.elapsed() < time {
        assert_eq!(one(scope, spawned), spawned);
        spawned += 1;
    }
    let rate = f64::from(spawned) / start.elapsed().as_secs_f64() / 1e3;
    if let Some(looker) = looker {
        looker.stop();
        let _stopped_in_its_sleep_or_not = looker.join();
    }
    rate
}
