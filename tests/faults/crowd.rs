//! Owns the crowd: ten thousand threads that live at once, and all go home at one word.
//! Refuses to compare the time with anybody's: `benches/table` does; here it is bounded.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use homebound::{Context, Result, Scope, registry, scope};

use crate::common::*;

const THREADS: usize = 10_000;
/// An unoptimised build on a busy machine with two cores needs a tenth of it.
const BOUND: Duration = Duration::from_secs(20);

/// All of them, each in its wait.
fn gather<'scope>(s: &Scope<'scope, '_>, arrived: &'scope AtomicUsize) -> Result {
    let wait = move |cx: &Context| -> Result {
        arrived.fetch_add(1, Ordering::SeqCst);
        until_stopped(cx)
    };
    for number in 0..THREADS {
        let name = if number % 2 == 0 { "even".to_owned() } else { format!("odd-{number}") };
        s.spawn(name, "waits for the stop", wait)?;
    }
    eventually("all have started", || arrived.load(Ordering::SeqCst) == THREADS);
    Ok(())
}

#[test]
fn ten_thousand_live_threads_come_home_at_one_stop() {
    // catches: a thread of thousands that misses the stop; an end that costs the square of their number
    child_passes(|_| {
        let before = os_threads();
        let arrived = AtomicUsize::new(0);
        let start = Instant::now();
        let mut stopped = None;
        let result = scope(|s| {
            gather(s, &arrived)?;
            assert_eq!(os_threads(), before + THREADS);
            stopped = Some(Instant::now());
            s.stop();
            Ok(())
        });
        let stopped = stopped.expect("it was stopped");
        let home = stopped.elapsed();
        eventually("no thread is left", || os_threads() == before);
        println!("{THREADS} threads: up in {:?}, home {home:?} after the stop", stopped - start);
        assert!(home < BOUND, "{home:?}");
        i32::from(result.is_err())
    });
}

#[test]
fn a_failure_among_ten_thousand_stops_the_others_and_is_the_only_one() {
    // catches: a failure lost in the crowd; the stopped counted as failed
    child_passes(|_| {
        let before = os_threads();
        let arrived = AtomicUsize::new(0);
        let exit = registry::run(|s| {
            gather(s, &arrived)?;
            s.spawn("culprit", "fails", |_| -> Result { Err(boom("one of ten thousand")) })?;
            Ok(())
        });
        eventually("no thread is left", || os_threads() == before);
        assert_eq!((exit.shutdown.timeout, exit.shutdown.orphaned), (0, 0), "{:?}", exit.shutdown.duration);
        assert!(exit.shutdown.total >= THREADS && exit.shutdown.duration < BOUND);
        let error = exit.into_result().unwrap_err();
        assert_eq!(error.failures().len(), 1);
        i32::from(error.first().is_none_or(|first| first.name() != "culprit"))
    });
}
