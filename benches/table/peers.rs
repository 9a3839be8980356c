//! Owns the table of other ways to have a job done elsewhere: scopes, pools, a runtime. For
//! information, no goals.
//! Refuses to call them equal: a pool's job has no name, no stop and no thread of its own. Only the
//! work inside is the same.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use threadpool::ThreadPool;
use tokio::runtime::Builder;

use crate::measure::{Plan, Side, Turn, in_turns, micros, micros_each, turn};
use crate::spawn::{MANY, counted, in_root, many, one};

/// A job, and the sides that did it, in microseconds for each.
pub(crate) struct Comparison {
    pub(crate) what: &'static str,
    pub(crate) sides: Vec<Side>,
}

pub(crate) fn all(plan: &Plan) -> Vec<Comparison> {
    let count = plan.of(2000);
    let one_job = in_root(|root| {
        let ours = || micros(count, || assert_eq!(black_box(one(root, 7)), 7));
        let mut turns = vec![turn("homebound, warm", ours)];
        turns.extend(one_job(count));
        in_turns(plan.rounds, turns)
    });
    let many_jobs = in_root(|root| {
        let mut turns = vec![turn("homebound, warm", || counted(|count| many(root, count).unwrap()))];
        turns.extend(many_jobs());
        in_turns(plan.rounds, turns)
    });
    vec![
        Comparison { what: "One job, and the wait for its result", sides: one_job },
        Comparison { what: "1,000 jobs that count, and the wait for all of them", sides: many_jobs },
    ]
}

fn one_job(count: usize) -> Vec<Turn<'static>> {
    let std =
        move || thread::scope(|scope| micros(count, || assert_eq!(scope.spawn(|| 7).join().unwrap(), 7)));
    let crossbeam = move || {
        let all =
            crossbeam::scope(|scope| micros(count, || assert_eq!(scope.spawn(|_| 7).join().unwrap(), 7)));
        all.unwrap()
    };
    let rayon = move || {
        micros(count, || {
            let mut value = 0;
            rayon::scope(|scope| scope.spawn(|_| value = 7));
            assert_eq!(black_box(value), 7);
        })
    };
    let pool = ThreadPool::new(4);
    let threadpool = move || {
        micros(count, || {
            let (sender, receiver) = std::sync::mpsc::channel();
            pool.execute(move || sender.send(7).unwrap());
            assert_eq!(receiver.recv().unwrap(), 7);
        })
    };
    let mut pool = scoped_threadpool::Pool::new(4);
    let scoped = move || {
        micros(count, || {
            let mut value = 0;
            pool.scoped(|scope| scope.execute(|| value = 7));
            assert_eq!(black_box(value), 7);
        })
    };
    let runtime = Builder::new_current_thread().build().unwrap();
    let tokio = move || {
        runtime.block_on(async {
            let start = Instant::now();
            for _ in 0..count {
                assert_eq!(tokio::task::spawn_blocking(|| 7).await.unwrap(), 7);
            }
            micros_each(start, count)
        })
    };
    vec![
        turn("std::thread::scope", std),
        turn("crossbeam::scope", crossbeam),
        turn("rayon::scope", rayon),
        turn("threadpool, 4 threads", threadpool),
        turn("scoped_threadpool, 4 threads", scoped),
        turn("tokio spawn_blocking", tokio),
    ]
}

fn add(count: &AtomicUsize) {
    count.fetch_add(1, Ordering::Relaxed);
}

fn many_jobs() -> Vec<Turn<'static>> {
    let std = move || {
        counted(|count| thread::scope(|scope| (0..MANY).for_each(|_| drop(scope.spawn(|| add(count))))))
    };
    let crossbeam = move || {
        counted(|count| {
            crossbeam::scope(|scope| (0..MANY).for_each(|_| drop(scope.spawn(|_| add(count))))).unwrap();
        })
    };
    let rayon =
        move || counted(|count| rayon::scope(|scope| (0..MANY).for_each(|_| scope.spawn(|_| add(count)))));
    let pool = ThreadPool::new(4);
    // The jobs of this pool may not borrow.
    let threadpool = move || {
        counted(|count| {
            let shared = Arc::new(AtomicUsize::new(0));
            for _ in 0..MANY {
                let shared = Arc::clone(&shared);
                pool.execute(move || add(&shared));
            }
            pool.join();
            count.store(shared.load(Ordering::Relaxed), Ordering::Relaxed);
        })
    };
    let mut pool = scoped_threadpool::Pool::new(4);
    let scoped =
        move || counted(|count| pool.scoped(|scope| (0..MANY).for_each(|_| scope.execute(|| add(count)))));
    let runtime = Builder::new_current_thread().build().unwrap();
    let tokio = move || {
        counted(|count| {
            let shared = Arc::new(AtomicUsize::new(0));
            runtime.block_on(async {
                let job = |shared: Arc<AtomicUsize>| tokio::task::spawn_blocking(move || add(&shared));
                let jobs: Vec<_> = (0..MANY).map(|_| job(Arc::clone(&shared))).collect();
                for job in jobs {
                    job.await.unwrap();
                }
            });
            count.store(shared.load(Ordering::Relaxed), Ordering::Relaxed);
        })
    };
    vec![
        turn("std::thread::scope", std),
        turn("crossbeam::scope", crossbeam),
        turn("rayon::scope", rayon),
        turn("threadpool, 4 threads", threadpool),
        turn("scoped_threadpool, 4 threads", scoped),
        turn("tokio spawn_blocking", tokio),
    ]
}
