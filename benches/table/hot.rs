//! Owns the loops whose instructions `ci/instructions.sh` counts: one hot path, this many times,
//! and nothing else.
//! Refuses to measure time.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::hint::black_box;
use std::process::ExitCode;

use crossbeam_channel::bounded;

use crate::spawn::{in_root, one};
use crate::stop::structured;

/// `--hot PATH COUNT`.
pub(crate) fn main(words: &[String]) -> ExitCode {
    let [path, count] = words else { return ExitCode::from(2) };
    let Ok(count) = count.parse::<u32>() else { return ExitCode::from(2) };
    match path.as_str() {
        "spawn_join_warm" => in_root(|root| (0..count).for_each(|value| assert_eq!(one(root, value), value))),
        "is_stopping" => in_root(|root| {
            let cx = black_box(root.context());
            (0..count).for_each(|_| assert!(!black_box(cx.is_stopping())));
        }),
        "pool_execute" | "pool_execute_64" => in_root(|root| {
            let cx = root.context();
            // The usual queue has no limit, because its submitter waits by the clock.
            let places = if path.ends_with("64") { 64 } else { usize::MAX };
            let pool = root.pool("bench", "counts").threads(2).queue(places).start().unwrap();
            for _ in 0..count {
                (0..1000).for_each(|value| pool.execute(cx, move |_| Ok(see(value))).unwrap());
                pool.wait_idle(cx).unwrap();
            }
        }),
        "pool_submit_join" => in_root(|root| {
            let cx = root.context();
            let pool = root.pool("bench", "counts").threads(2).start().unwrap();
            (0..count).for_each(|value| {
                assert_eq!(pool.submit(cx, move |_| Ok(value)).unwrap().join().unwrap(), value)
            });
        }),
        // What a pool's peer needs for the same as `pool_execute`. It has no limit.
        "peer_execute" => {
            let pool = threadpool::ThreadPool::new(2);
            for _ in 0..count {
                (0..1000).for_each(|value| pool.execute(move || see(value)));
                pool.join();
            }
        }
        "recv_ready" => in_root(|root| {
            let (cx, (sender, receiver)) = (root.context(), bounded(1));
            (0..count).for_each(|value| {
                sender.send(value).unwrap();
                assert_eq!(cx.recv(&receiver).unwrap(), value);
            });
        }),
        "scope_cold" => (0..count).for_each(|value| {
            let got = homebound::scope(|scope| Ok(one(scope, value)));
            assert_eq!(got.unwrap(), value);
        }),
        "subscope_empty" => {
            in_root(|root| (0..count).for_each(|_| root.subscope("empty", |_| Ok(())).unwrap()))
        }
        "stop_100_blocked" => (0..count).for_each(|_| assert!(structured(100).stop > 0.0)),
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}

/// The work of a job: a value that the compiler cannot leave out.
fn see(value: i32) {
    let _seen = black_box(value);
}
