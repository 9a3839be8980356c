//! Owns the million: threads one after another, with one name and with a million of them; run by
//! `ci/million.sh`.
//! Refuses to compare with anybody: memory, OS threads and descriptors are bounded, and printed.

use std::time::{Duration, Instant};

use homebound::scope;

use crate::common::*;

const MANY: usize = 1_000_000;
/// From here on nothing may grow: the allocator's arenas and the idle threads are there.
const EARLY: usize = 10_000;
const GROWTH_KIB: usize = 4 * 1024;
/// Idle threads, threads on their way out, and the test's own.
const MOST_THREADS: usize = 400;

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("Linux").count()
}

fn one_after_another(what: &str, name: impl Fn(usize) -> String + Send + 'static) {
    let what = what.to_owned();
    within_for(Duration::from_secs(1800), move || {
        let (before, start) = ((os_threads(), descriptors()), Instant::now());
        let (mut early, mut most_kib, mut most_threads) = (0, 0, 0);
        let result = scope(|s| {
            for number in 1..=MANY {
                assert_eq!(s.spawn(name(number), "is short", move |_| Ok(number))?.join()?, number);
                if number == EARLY {
                    early = resident_kib();
                }
                if number % 1000 == 0 {
                    most_kib = most_kib.max(resident_kib());
                    most_threads = most_threads.max(os_threads());
                    assert_eq!(descriptors(), before.1);
                }
            }
            Ok(())
        });
        result.unwrap();
        let took = start.elapsed();
        println!(
            "{MANY} threads, {what}: {took:.1?}, {early} KiB after {EARLY}, at most {most_kib} KiB, {most_threads} threads"
        );
        assert!(most_kib < early + GROWTH_KIB && most_threads < MOST_THREADS);
        eventually("no thread is left", || os_threads() == before.0);
    });
}

#[test]
#[ignore = "takes seconds to a minute: ci/million.sh"]
fn a_million_threads_of_one_name() {
    // catches: what a test of twenty-five thousand does not see: a few bytes that stay of each
    // thread
    one_after_another("one name", |_| "worker".to_owned());
}

#[test]
#[ignore = "takes a minute or more: ci/million.sh"]
fn a_million_threads_of_a_million_names() {
    // catches: the same where each of them is an OS thread of its own
    one_after_another("a million names", |number| format!("worker-{number}"));
}
