//! Owned groups under a run, and in a forked child.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::{LazyLock, OnceLock};

use super::{Gone, Server};
use crate::common::*;
use homebound::registry::{self, Registry};
use homebound::{Group, SpawnError, StopReason, group, scope, scope_named};

#[test]
#[allow(unsafe_code)]
fn in_a_forked_child_it_leaks() {
    // catches: a drop in a fork's copy that waits for threads it does not have, or aborts
    child_passes(|_| {
        let result = scope(|s| {
            let owned = std::thread::spawn(|| Server::new(&Gone::default()).unwrap()).join().unwrap();
            let (grouped, closed) = (s.group("grouped")?, group("closed")?);
            grouped.spawn("member", "waits", until_stopped)?;
            // SAFETY: the child only drops, and ends by `_exit`.
            let forked = unsafe { libc::fork() };
            if forked == 0 {
                drop(owned);
                drop(grouped);
                let error = closed.close().unwrap_err();
                let told = error.to_string().contains("forked child");
                // SAFETY: ends the child, and nothing else.
                unsafe { libc::_exit(if told { 42 } else { 1 }) };
            }
            let mut status = 0;
            eventually("the child ends", || {
                // SAFETY: waits for the own child.
                let ended = unsafe { libc::waitpid(forked, &mut status, libc::WNOHANG) };
                ended == forked
            });
            assert_eq!((libc::WIFEXITED(status), libc::WEXITSTATUS(status)), (true, 42));
            drop(owned);
            Ok(())
        });
        i32::from(result.is_err())
    });
}

static LAZY: LazyLock<Group<'static>> = LazyLock::new(|| {
    let threads = registry::group("lazy").expect("there is a name");
    threads.service("sweeper", "waits", |cx| Ok(drop(cx.wait_for_stop()))).expect("it is open");
    threads
});

#[test]
fn a_static_first_touched_inside_a_request_ends_with_the_run() {
    // catches: a group that dies with the request; a group for which the run does not wait
    child_passes(|_| {
        let exit = Registry::new("app").run(|s| {
            s.subscope("request", |_| Ok(assert_eq!(LAZY.context().path(), "/app/lazy")))?;
            let alive = LAZY.active_threads();
            assert!(alive.len() == 1 && alive[0].path == "/app/lazy/sweeper");
            Ok(())
        });
        assert_eq!((exit.shutdown.total, exit.shutdown.joined, exit.shutdown.owned.len()), (1, 1, 0));
        assert!(LAZY.active_threads().is_empty());
        assert!(matches!(LAZY.spawn("late", "is refused", |_| Ok(())), Err(SpawnError::Stopped(_))));
        i32::from(exit.code())
    });
}

#[test]
fn owned_groups_that_live_at_the_end_of_a_run_are_named() {
    // catches: threads that outlive the run and stand nowhere, or count as orphans
    child_passes(|_| {
        static KEPT: OnceLock<Group<'static>> = OnceLock::new();
        let exit = Registry::new("app").run(|_| {
            std::thread::spawn(|| {
                let watcher = registry_less("watcher");
                assert_eq!(watcher.context().path(), "/watcher");
                KEPT.set(watcher).expect("once");
                drop(group("short").unwrap());
            })
            .join()
            .unwrap();
            Ok(())
        });
        let owned = &exit.shutdown.owned;
        assert_eq!(owned.iter().map(|group| &*group.path).collect::<Vec<_>>(), ["/watcher"]);
        assert_eq!((exit.shutdown.total, exit.shutdown.orphaned), (0, 0));
        let text = exit.shutdown.to_string();
        assert!(text.contains("/watcher  (owned group)  lives on with 1 thread, opened at "), "{text}");
        i32::from(exit.code())
    });
}

fn registry_less(name: &'static str) -> Group<'static> {
    let threads = group(name).unwrap();
    threads.spawn("member", "waits", until_stopped).unwrap();
    threads
}

#[test]
fn where_no_registry_runs_its_group_is_a_root() {
    // catches: a library that works under a registry only
    within(|| {
        let result = scope_named("app", |_| {
            let threads = registry::group("cache")?;
            assert_eq!(threads.context().path(), "/cache");
            let worker = threads.spawn("worker", "waits", |cx| Ok(cx.wait_for_stop()))?;
            let stop = threads.stopper();
            stop.stop_because("enough");
            assert_eq!(worker.join()?, StopReason::Custom("enough".into()));
            Ok(threads.close()?)
        });
        result.unwrap();
    });
}
