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
