//! Owns the rows of spawning and joining: T1 warm, T2 many, T3 cold.
//! Refuses to use a pool as the peer of a gated row: pools are in `peers`.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use homebound::{Scope, ScopeError};

use crate::measure::{Plan, Side, in_child, in_turns, micros, micros_each, turn};
use crate::row::{Goal, Row};

const STD: &str = "std::thread::scope";
pub(crate) const MANY: usize = 1000;

pub(crate) fn t1(plan: &Plan) -> Vec<Row> {
    let what = "spawn + join one thread, warm root";
    let mut rows = vec![Row::pair("T1", what, "us", &warm(plan), Goal::Ratio(0.5))];
    if let Some(sides) = in_child("pinned", plan, &["homebound", STD]) {
        rows.push(Row::pair("T1", format!("{what}, pinned to one core"), "us", &sides, Goal::Ratio(0.25)));
    }
    let sides = beside_a_busy_thread(|| warm(plan));
    rows.push(Row::pair("", "  the same on all cores, beside a busy thread", "us", &sides, Goal::None));
    rows
}

/// Runs `body` while another thread computes without end. A thread that spins to save a wake-up
/// pays for it here.
pub(crate) fn beside_a_busy_thread<T>(body: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| while !black_box(over.load(Ordering::Relaxed)) {});
        let value = body();
        over.store(true, Ordering::Relaxed);
        value
    })
}

/// Both sides keep one scope open and spawn into it again and again.
pub(crate) fn warm(plan: &Plan) -> Vec<Side> {
    let count = plan.of(5000);
    in_root(|root| {
        let ours = || micros(count, || assert_eq!(black_box(one(root, 7)), 7));
        let peer = || {
            thread::scope(|scope| {
                micros(count, || assert_eq!(black_box(scope.spawn(|| 7_u32).join()).ok(), Some(7)))
            })
        };
        in_turns(plan.rounds, vec![turn("homebound", ours), turn(STD, peer)])
    })
}

/// Spawns one thread and joins it.
pub(crate) fn one(scope: &Scope<'_, '_>, value: u32) -> u32 {
    let handle = scope.spawn("worker", "returns a number", move |_| Ok(value)).unwrap();
    handle.join().unwrap()
}

pub(crate) fn t2(plan: &Plan) -> Vec<Row> {
    let sides = in_root(|root| {
        let ours = || mean(plan.of(20), || counted(|count| many(root, count).unwrap()));
        let cold = || {
            mean(plan.of(20), || counted(|count| homebound::scope(|scope| Ok(many(scope, count)?)).unwrap()))
        };
        let peer = || mean(plan.of(20), || counted(many_std));
        in_turns(plan.rounds, vec![turn("homebound", ours), turn(STD, peer), turn("homebound", cold)])
    });
    let cold = [sides[2].clone(), sides[1].clone()];
    vec![
        Row::pair("T2", "1000 spawns in one scope, each", "us", &sides[..2], Goal::Ratio(0.2)),
        Row::pair("", "the same, in a root that is made for it", "us", &cold, Goal::None),
    ]
}

/// The mean of several, because a single figure is a few milliseconds: the scheduler's turn.
fn mean(count: usize, figure: impl Fn() -> f64) -> f64 {
    (0..count).map(|_| figure()).sum::<f64>() / count as f64
}

/// Microseconds for each thread of a call that lets `MANY` threads count.
pub(crate) fn counted(call: impl FnOnce(&AtomicUsize)) -> f64 {
    let count = AtomicUsize::new(0);
    let start = Instant::now();
    call(&count);
    let each = micros_each(start, MANY);
    assert_eq!(count.into_inner(), MANY, "every thread has run when its scope returns");
    each
}

pub(crate) fn many(root: &Scope<'_, '_>, count: &AtomicUsize) -> Result<(), ScopeError> {
    root.subscope("many", |scope| {
        for _ in 0..MANY {
            scope.spawn("worker", "counts", |_| {
                count.fetch_add(1, Ordering::Relaxed);
                Ok(())
            })?;
        }
        Ok(())
    })
}

fn many_std(count: &AtomicUsize) {
    thread::scope(|scope| {
        for _ in 0..MANY {
            scope.spawn(|| count.fetch_add(1, Ordering::Relaxed));
        }
    });
}

/// Scope for scope: the thread leaves its result in a local of its spawner. std's handle is joined,
/// because its scope does not wait for the thread's end in the OS, and ours does.
pub(crate) fn t3(plan: &Plan) -> Vec<Row> {
    let count = plan.of(2000);
    let ours = || {
        micros(count, || {
            let mut value = 0;
            let done = homebound::scope(|scope| {
                scope.spawn("worker", "leaves a number", |_| {
                    value = 7;
                    Ok(())
                })?;
                Ok(())
            });
            done.unwrap();
            assert_eq!(black_box(value), 7);
        })
    };
    let peer = || {
        micros(count, || {
            let mut value = 0;
            thread::scope(|scope| scope.spawn(|| value = 7).join().unwrap());
            assert_eq!(black_box(value), 7);
        })
    };
    let joined = || micros(count, || assert_eq!(homebound::scope(|scope| Ok(one(scope, 7))).unwrap(), 7));
    let turns = vec![turn("homebound", ours), turn(STD, peer), turn("homebound", joined)];
    let sides = in_turns(plan.rounds, turns);
    let joined = [sides[2].clone(), sides[1].clone()];
    vec![
        Row::pair("T3", "a cold root with one thread", "us", &sides[..2], Goal::Ratio(1.15)),
        Row::pair("", "  the same, joined in the body by its handle", "us", &joined, Goal::None),
    ]
}

/// A root in which a body measures.
pub(crate) fn in_root<T>(body: impl for<'scope> FnOnce(&'scope Scope<'scope, '_>) -> T) -> T {
    homebound::scope(|scope| Ok(body(scope))).unwrap()
}
