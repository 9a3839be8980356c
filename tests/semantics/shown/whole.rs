//! One fact that a program sees in two places is in both, or in neither. Each test looks without
//! pause while the fact changes again and again, so a gap between two stores is found sooner or
//! later.
// catches, in each: two numbers, a number and a list, or a state and its parts, that are stored one
// after the other while a reader can come between them.

#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::common::*;
use homebound::work::{ChildState, Restart};
use homebound::{PoolStatus, Result, Role, Scope, ScopeState, ThreadState};

/// How long a fact changes.
const A_TIME: Duration = Duration::from_secs(2);
/// Number of runs that fail at most: a supervisor gives up after 1,024 restarts (SV4).
const RUNS: u64 = 1000;

/// As many rounds as fit into this time, and on a busy machine a few at least.
fn rounds() -> impl Iterator<Item = u64> {
    let began = Instant::now();
    (1..).take_while(move |round| *round < 20 || began.elapsed() < A_TIME)
}

/// Calls `look` again and again on a thread of its own, until `change` has returned.
fn watched<'s>(
    s: &'s Scope<'s, 'static>,
    look: impl FnMut() + Send + 's,
    change: impl FnOnce() -> Result,
) -> Result {
    let mut look = look;
    let (looked, first) = gate();
    let watcher = s.spawn("watcher", "looks", move |cx| {
        while !cx.is_stopping() {
            look();
            let _more_than_one = looked.try_send(());
        }
        Ok(())
    })?;
    pass(&first);
    change()?;
    watcher.stop();
    Ok(watcher.join()?)
}

#[test]
fn a_thread_that_runs_has_its_number_in_the_same_row() {
    in_scope(|s| {
        let look = || {
            for row in all_threads(&s.snapshot()).iter().filter(|row| row.role == Role::Worker) {
                let begun = matches!(row.state, ThreadState::Running | ThreadState::Waiting { .. });
                assert!(!begun || row.os_tid.is_some(), "{row:?}");
            }
        };
        watched(s, look, || {
            for turn in rounds() {
                // A new name each time, so that the OS thread is a new one.
                s.spawn(format!("worker {turn}"), "is short", |_| Ok(()))?.join()?;
            }
            Ok(())
        })
    });
}

#[test]
fn a_scope_that_stops_shows_its_reason() {
    in_scope(|s| {
        let look = || {
            for group in s.snapshot().root.scopes {
                let is_told = group.stop_reason.is_some();
                assert!(group.state != ScopeState::Open || !is_told, "{group:?}");
                assert!(group.state != ScopeState::Stopping || is_told, "{group:?}");
            }
        };
        watched(s, look, || {
            for _ in rounds() {
                let group = s.group("group")?;
                group.stop();
                group.close()?;
            }
            Ok(())
        })
    });
}

/// The number of jobs that the pool has counted.
fn counted(pool: &PoolStatus) -> u64 {
    let live = u64::try_from(pool.queued + pool.running).expect("few");
    live + pool.done + pool.failed + pool.stopped + pool.dropped + pool.expired
}

#[test]
fn a_view_counts_each_job_once() {
    in_scope(|s| {
        let numbers = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let pool = s.pool("pool", "does much").threads(2).queue(64).start()?;
        let own = Arc::clone(&numbers);
        let look = move || {
            let [begun, taken] = &*own;
            let least = taken.load(Ordering::SeqCst);
            let seen = s.snapshot().root.scopes.iter().find_map(|scope| scope.pool.clone());
            let most = begun.load(Ordering::SeqCst);
            let seen = seen.expect("it is there");
            assert!((least..=most).contains(&counted(&seen)), "{least}..={most}: {seen:?}");
        };
        let [begun, taken] = &*numbers;
        let submit = |turn: u64| {
            begun.fetch_add(1, Ordering::SeqCst);
            let job = pool
                .submit(s.context(), move |_| if turn % 3 == 0 { Err(boom("every third")) } else { Ok(()) });
            taken.fetch_add(1, Ordering::SeqCst);
            job
        };
        watched(s, look, || {
            for turn in rounds() {
                let jobs = (0..8).map(|_| submit(turn)).collect::<Vec<_>>();
                // A failure is in the result of the join, and nobody else's.
                jobs.into_iter().try_for_each(|job| job.map(|job| drop(job.join())))?;
            }
            Ok(())
        })
    });
}

#[test]
fn a_job_that_is_joined_has_ended_in_every_view() {
    in_scope(|s| {
        let pool = s.pool("pool", "does one job after another").threads(2).start()?;
        for turn in rounds() {
            pool.submit(s.context(), |_| Ok(()))?.join()?;
            let seen =
                s.snapshot().root.scopes.iter().find_map(|scope| scope.pool.clone()).expect("it is there");
            assert_eq!((seen.done, seen.running, seen.queued), (turn, 0, 0), "{seen:?}");
        }
        Ok(())
    });
}

#[test]
fn a_job_whose_end_is_told_is_counted_once() {
    in_scope(|s| {
        let pool = s.pool("pool", "has a job").threads(1).start()?;
        let (go, wait) = gate();
        let job = pool.submit(s.context(), move |_| Ok(pass(&wait)))?;
        let (tell, told) = gate();
        let (end, last) = gate();
        let _guard = job.on_done(move || {
            drop(tell);
            pass(&last);
        });
        drop(go);
        pass(&told);
        let seen = pool.status();
        drop(end);
        assert_eq!((seen.done, seen.running), (1, 0), "{seen:?}");
        Ok(pool.wait_idle(s.context())?)
    });
}

#[test]
fn a_restart_is_counted_with_its_failure_and_its_row() {
    in_scope(|s| {
        let policy = Restart::on_failure().no_backoff().intensity(1024, Duration::from_secs(60));
        let policy = policy.give_up_after(1024);
        let sup = s.supervisor("sup", "keeps a child that fails").restart(policy);
        let (began, (tell, over)) = (Instant::now(), gate());
        let sup = sup.child("child", "fails", move |cx| {
            let run = cx.run_number();
            if run <= 5 || (run <= RUNS && began.elapsed() < A_TIME) {
                return Err(boom("again"));
            }
            let _told_before = tell.try_send(());
            Ok(cx.sleep(NEVER)?)
        });
        let sup = sup.start()?;
        let seen = sup.clone();
        let look = move || {
            let (count, failures, children) = (seen.restarts(), seen.failures(), seen.children());
            assert!(count == 0 || !failures.is_empty(), "{count} restarts and no failure");
            let child = &children[0];
            assert!(child.restarts >= count, "{count} restarts, and later {child:?}");
            assert!(seen.restarts() >= child.restarts, "{child:?}, and later fewer");
            assert_eq!(child.restarts > 0, child.last_failure.is_some(), "{child:?}");
            let of_run = match child.state {
                ChildState::Starting | ChildState::Running => child.run - 1,
                _ => child.run,
            };
            assert_eq!(child.restarts, of_run, "{child:?}");
        };
        watched(s, look, || Ok(pass(&over)))?;
        Ok(sup.stop())
    });
}
