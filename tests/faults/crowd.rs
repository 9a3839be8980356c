//! Owns the crowd: ten thousand threads that live at once, and all go home at one word.
//! Refuses to compare the time with anybody's: `benches/table` does; here it is bounded.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use homebound::{Context, Result, Scope, SpawnError, registry, scope};

use crate::common::*;

const THREADS: usize = 10_000;
/// An unoptimised build on a busy machine with two cores needs a tenth of it.
const BOUND: Duration = Duration::from_secs(20);

/// So many, each in its wait; fewer, and it is said, where the machine allows no more.
fn gather<'scope>(s: &Scope<'scope, '_>, threads: usize, arrived: &'scope AtomicUsize) -> Result<usize> {
    let wait = move |cx: &Context| -> Result {
        arrived.fetch_add(1, Ordering::SeqCst);
        until_stopped(cx)
    };
    let mut up = 0;
    while up < threads {
        let name = if up % 2 == 0 { "even".to_owned() } else { format!("odd-{up}") };
        match s.spawn(name, "waits for the stop", wait) {
            Ok(_) => up += 1,
            Err(SpawnError::Os(error)) => {
                println!("only {up} threads: {error}");
                break;
            }
            Err(other) => Err(other)?,
        }
    }
    eventually("all have started", || arrived.load(Ordering::SeqCst) == up);
    Ok(up)
}

#[test]
fn ten_thousand_live_threads_come_home_at_one_stop() {
    // catches: a thread of thousands that misses the stop; an end that costs the square of their
    // number
    child_passes(|_| {
        let before = os_threads();
        let arrived = AtomicUsize::new(0);
        let start = Instant::now();
        let result = scope(|s| {
            let up = gather(s, THREADS, &arrived)?;
            assert_eq!(os_threads(), before + up);
            let stopped = Instant::now();
            s.stop();
            Ok((up, stopped))
        });
        let (up, stopped) = result.unwrap();
        let home = stopped.elapsed();
        eventually("no thread is left", || os_threads() == before);
        println!("{up} threads: up in {:?}, home {home:?} after the stop", stopped - start);
        assert!(home < BOUND, "{home:?}");
        0
    });
}

#[test]
fn a_failure_in_a_crowd_stops_the_others_and_is_the_only_one() {
    // catches: a failure lost in the crowd; the stopped counted as failed
    child_passes(|_| {
        let before = os_threads();
        let (arrived, mut up) = (AtomicUsize::new(0), 0);
        let exit = registry::run(|s| {
            up = gather(s, THREADS / 5, &arrived)?;
            s.spawn("even", "fails", |_| -> Result { Err(boom("one of thousands")) })?;
            Ok(())
        });
        eventually("no thread is left", || os_threads() == before);
        let report = &exit.shutdown;
        assert_eq!((report.timeout, report.orphaned), (0, 0), "{:?}", report.duration);
        assert!(report.total >= up && report.duration < BOUND, "{} of {up}", report.total);
        let error = exit.into_result().unwrap_err();
        assert_eq!(error.failures().len(), 1);
        i32::from(!error.to_string().contains("one of thousands"))
    });
}
