//! Owns the rows of pools: T10 many small jobs, T11 one job and its result, T13 many submitters.
//! Refuses to give our side a smaller queue than its peers have, but in the row that says so: the
//! queues of threadpool, rayon and tokio have no bound.
#![allow(clippy::unit_arg)] // `Ok(count(..))` is the job that is measured

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use homebound::Pool;
use rayon::ThreadPoolBuilder;
use threadpool::ThreadPool;

use crate::measure::{Plan, in_turns, micros, turn};
use crate::row::{Goal, Row};
use crate::spawn::in_root;

const JOBS: usize = 1000;
const THREADS: usize = 2;
const SUBMITTERS: usize = 4;
/// The counter of homebound's and rayon's jobs, which may borrow. threadpool's jobs share an `Arc`.
static COUNTER: AtomicUsize = AtomicUsize::new(0);

/// Adds one. What each job does.
fn count(counter: &AtomicUsize) {
    black_box(counter.fetch_add(1, Ordering::Relaxed));
}

/// The time for each of a thousand jobs, in microseconds, when `batch` submits and awaits them all.
fn each(plan: &Plan, batch: impl FnMut()) -> f64 {
    micros(plan.of(100), batch) / JOBS as f64
}

pub(crate) fn t10(plan: &Plan) -> Vec<Row> {
    let what = "1,000 jobs that count, execute + wait_idle, 2 threads, each";
    let shared = Arc::new(AtomicUsize::new(0));
    let (threads, rayon) = (ThreadPool::new(THREADS), rayon_pool());
    in_root(|root| {
        let cx = root.context();
        let open = |places| root.pool("bench", "counts").threads(THREADS).queue(places).start().unwrap();
        let (wide, usual) = (open(2 * JOBS), open(64));
        let ours = |pool: &Pool<'_>| {
            for _ in 0..JOBS {
                pool.execute(cx, |_| Ok(count(&COUNTER))).unwrap();
            }
            pool.wait_idle(cx).unwrap();
        };
        let of_threadpool = || {
            for _ in 0..JOBS {
                let shared = Arc::clone(&shared);
                threads.execute(move || count(&shared));
            }
            threads.join();
        };
        let of_rayon = || {
            rayon.in_place_scope(|scope| (0..JOBS).for_each(|_| scope.spawn(|_| count(&COUNTER))));
        };
        let sides = in_turns(
            plan.times(3),
            vec![
                turn("homebound", || each(plan, || ours(&wide))),
                turn("threadpool", || each(plan, of_threadpool)),
                turn("rayon in_place_scope", || each(plan, of_rayon)),
                turn("homebound, queue of 64", || each(plan, || ours(&usual))),
            ],
        );
        let moonshot = [sides[0].clone(), sides[2].clone()];
        let narrow = [sides[3].clone(), sides[1].clone()];
        vec![
            Row::pair("T10", what, "us", &sides, Goal::Ratio(1.0)),
            Row::pair("", "  the same beside rayon", "us", &moonshot, Goal::None),
            Row::pair("", "  the same with the usual queue of 64", "us", &narrow, Goal::None),
        ]
    })
}

pub(crate) fn t11(plan: &Plan) -> Vec<Row> {
    let rounds = plan.of(5000);
    let (threads, rayon) = (ThreadPool::new(THREADS), rayon_pool());
    let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
    in_root(|root| {
        let pool = root.pool("bench", "answers").threads(THREADS).start().unwrap();
        let cx = root.context();
        let ours = || {
            micros(rounds, || assert_eq!(pool.submit(cx, |_| Ok(black_box(7))).unwrap().join().unwrap(), 7))
        };
        let of_threadpool = || {
            micros(rounds, || {
                let (answer, answered) = mpsc::channel();
                threads.execute(move || answer.send(black_box(7)).unwrap());
                assert_eq!(answered.recv().unwrap(), 7);
            })
        };
        let of_rayon = || {
            micros(rounds, || {
                let mut answer = 0;
                rayon.in_place_scope(|scope| scope.spawn(|_| answer = black_box(7)));
                assert_eq!(answer, 7);
            })
        };
        let of_tokio = || {
            micros(rounds, || {
                let answer = tokio.block_on(tokio.spawn_blocking(|| black_box(7)));
                assert_eq!(answer.unwrap(), 7);
            })
        };
        let sides = in_turns(
            plan.rounds,
            vec![
                turn("homebound", ours),
                turn("threadpool + channel", of_threadpool),
                turn("rayon in_place_scope", of_rayon),
                turn("tokio spawn_blocking", of_tokio),
            ],
        );
        let best = sides[1..].iter().min_by(|a, b| a.median().total_cmp(&b.median())).unwrap();
        let gated = [sides[0].clone(), best.clone()];
        vec![Row::pair("T11", "one job, submit + join, from outside", "us", &gated, Goal::Ratio(1.0))]
    })
}

pub(crate) fn t13(plan: &Plan) -> Vec<Row> {
    let shared = Arc::new(AtomicUsize::new(0));
    let threads = ThreadPool::new(THREADS);
    in_root(|root| {
        let cx = root.context();
        let pool = root.pool("bench", "counts").threads(THREADS).queue(SUBMITTERS * JOBS).start().unwrap();
        let ours = || {
            submitters(|| (0..JOBS).for_each(|_| pool.execute(cx, |_| Ok(count(&COUNTER))).unwrap()));
            pool.wait_idle(cx).unwrap();
        };
        let peer = || {
            submitters(|| {
                for _ in 0..JOBS {
                    let shared = Arc::clone(&shared);
                    threads.execute(move || count(&shared));
                }
            });
            threads.join();
        };
        let sides = in_turns(
            plan.times(3),
            vec![
                turn("homebound", || each(plan, ours) / SUBMITTERS as f64),
                turn("threadpool", || each(plan, peer) / SUBMITTERS as f64),
            ],
        );
        vec![Row::pair(
            "T13",
            "four threads that submit to one pool, per job",
            "us",
            &sides,
            Goal::Ratio(1.0),
        )]
    })
}

/// Lets several threads submit at the same time. They are std's, so that both sides pay the same
/// for them.
fn submitters(submit: impl Fn() + Sync) {
    thread::scope(|scope| (0..SUBMITTERS).for_each(|_| drop(scope.spawn(&submit))));
}

fn rayon_pool() -> rayon::ThreadPool {
    ThreadPoolBuilder::new().num_threads(THREADS).build().unwrap()
}
