//! P9: many short threads, one after another, need little memory and few OS threads.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::common::*;
use homebound::scope;

/// After this time fewer than many are enough, because each needs a turn of a processor, for which
/// a busy machine has it wait.
const A_TIME: Duration = Duration::from_secs(20);

/// Many short threads one after another: flat memory, few OS threads.
fn many(how: &str) -> i32 {
    const MANY: usize = if cfg!(debug_assertions) { 25_000 } else { 100_000 };
    let most = AtomicUsize::new(0);
    let start = Instant::now();
    let result = scope(|s| {
        let mut early = 0;
        for i in (0..MANY).take_while(|i| *i < MANY / 4 || start.elapsed() < A_TIME) {
            let name = if how == "different" { format!("worker-{i}") } else { "worker".into() };
            let handle = s.spawn(name, "is short", move |_| Ok(i))?;
            if how == "dropped" {
                let done = handle.done().clone();
                drop(handle);
                let _ = done.recv();
            } else {
                assert_eq!(handle.join()?, i);
            }
            if i == MANY / 10 {
                early = resident_kib();
            }
            if i % 1_000 == 0 {
                most.fetch_max(os_threads(), Ordering::SeqCst);
            }
        }
        let grown = resident_kib().saturating_sub(early);
        assert!(grown < 4 * 1024, "{how}: grown by {grown} KiB");
        Ok(())
    });
    result.unwrap();
    let most = most.into_inner();
    assert!(most < 500, "{how}: {most} OS threads at once");
    0
}

#[test]
fn p9_same_name() {
    // catches: ended threads, records or handles that pile up until the scope ends
    child_passes_with("same", many);
}

#[test]
fn p9_different_names() {
    // catches: a cache, or a table of names, that grows with every name
    child_passes_with("different", many);
}

#[test]
fn p9_dropped_handles() {
    // catches: reaping that only a join does
    child_passes_with("dropped", many);
}

#[test]
fn p9_jobs_leave_nothing_behind() {
    // catches: records, failures or results of jobs that pile up in the pool or in its scope
    child_passes(|_| {
        // Five jobs of each kind at a time, so that few of them wait for a processor.
        const ROUNDS: usize = if cfg!(debug_assertions) { 4_000 } else { 50_000 };
        let result = scope(|s| {
            let (cx, start, mut early) = (s.context(), Instant::now(), 0);
            let pool = s.pool("jobs", "runs many").threads(2).queue(32).start()?;
            for i in (0..ROUNDS).take_while(|i| *i < ROUNDS / 4 || start.elapsed() < A_TIME) {
                let (mut values, mut seen, mut failing) = (Vec::new(), Vec::new(), Vec::new());
                for _ in 0..5 {
                    pool.execute(cx, |_| Ok(()))?;
                    values.push(pool.submit(cx, move |_| Ok(i))?);
                    seen.push(pool.submit(cx, |_| Ok(vec![0_u8; 64]))?);
                    failing.push(pool.submit(cx, |_| Err::<(), _>(boom("no paper")))?);
                    pool.submit(cx, |_| Err::<(), _>(boom("not asked for")))?.cancel();
                }
                assert!(seen.iter().all(|job| job.done().recv().is_err()));
                assert!(values.into_iter().all(|job| matches!(job.join(), Ok(value) if value == i)));
                assert!(failing.into_iter().all(|job| job.join().is_err()));
                if i == ROUNDS / 10 {
                    early = resident_kib();
                }
            }
            pool.wait_idle(cx)?;
            let grown = resident_kib().saturating_sub(early);
            assert!(grown < 4 * 1024, "grown by {grown} KiB");
            Ok(())
        });
        result.unwrap();
        0
    });
}

#[test]
fn p9_nodes_are_unlinked() {
    // catches: scopes, groups, callbacks, deadlines and adoptions that leave something behind
    child_passes(|_| {
        let result = scope(|s| {
            let cx = s.context();
            let (mut early, start) = (0, Instant::now());
            for i in (0..10_000).take_while(|i| *i < 2_500 || start.elapsed() < A_TIME) {
                s.subscope("below", |_| Ok(()))?;
                let group = s.group("group")?;
                let member = group.spawn("member", "ends before its group", |_| Ok(()))?;
                let _ = member.done().recv();
                group.close()?;
                member.join()?;
                drop(cx.on_stop(|| ()));
                cx.with_on_stop(|| (), || ());
                cx.with_deadline(Instant::now() + NEVER, |cx| cx.stop_signal().is_empty());
                cx.shield(NEVER, |cx| cx.is_stopping());
                std::thread::scope(|t| {
                    t.spawn(|| drop(cx.adopt("guest", "comes and goes")));
                });
                if i == 1_000 {
                    early = resident_kib();
                }
            }
            let grown = resident_kib().saturating_sub(early);
            assert!(grown < 2 * 1024, "grown by {grown} KiB");
            Ok(())
        });
        i32::from(result.is_err())
    });
}
