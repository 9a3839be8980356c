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

#[test]
fn he8_a_look_at_ten_thousand_waiting_threads_costs_ten_milliseconds_at_most() {
    // catches: a look that reads the kernel, or takes a lock that it need not take, for each thread
    // that is in a known wait
    child_passes(|_| {
        const PERIOD: Duration = Duration::from_millis(100);
        let arrived = AtomicUsize::new(0);
        let health = registry::Health::new().look_every(PERIOD);
        let exit = registry::Registry::new("crowd").health(health).grace(LIMIT).run(|s| {
            let up = gather(s, THREADS, &arrived)?;
            let stopper = os_tid_of("homebound-stopper");
            let (start, before) = (Instant::now(), cpu_of(stopper));
            while start.elapsed() < PERIOD * 20 {
                linger(10);
            }
            let (took, used) = (start.elapsed(), cpu_of(stopper) - before);
            // No more looks than periods, so this is a look's share at least.
            let looks = u32::try_from(took.as_millis() / PERIOD.as_millis()).unwrap();
            println!("{up} threads: {:?} for a look", used / looks);
            // An unoptimised build is given as much again.
            let limit = if cfg!(debug_assertions) { 20 } else { 10 };
            assert!(used <= looks * Duration::from_millis(limit), "{used:?} for {looks} looks");
            assert!(used > Duration::ZERO, "it has looked");
            s.stop();
            Ok(())
        });
        i32::from(exit.code())
    });
}

/// The kernel's id of an internal thread of the registry.
fn os_tid_of(name: &str) -> u32 {
    let snapshot = registry::snapshot().expect("a registry runs");
    let found = snapshot.root.threads.iter().find(|thread| thread.name == name);
    found.and_then(|thread| thread.os_tid).expect("it is there")
}

/// The processor time of a thread.
fn cpu_of(tid: u32) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/self/task/{tid}/schedstat")).expect("it is there");
    Duration::from_nanos(text.split(' ').next().and_then(|nanos| nanos.parse().ok()).expect("a number"))
}
