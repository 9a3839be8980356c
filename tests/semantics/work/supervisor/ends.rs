//! SV4: restarts, and when they end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex};
use std::time::{Duration, Instant};

use super::*;
use homebound::SpawnError;
use homebound::for_testing::{Probe, ProbedRoot, Seed};
use homebound::work::{Child, ChildState};

#[test]
fn sv4_an_intensity_is_one_failure_of_the_scope_and_counts_inclusive() {
    // catches: one run more or less, a failure per run, children that outlive the giving up
    within(|| {
        let runs = AtomicU64::new(0);
        let start = Instant::now();
        let error = homebound::scope(|s| {
            let sup = s.supervisor("ingest", "keeps the feed").restart(Restart::on_failure().no_backoff());
            let sup = sup.child("idle", "waits", until_stopped);
            sup.child("feed", "fails", |_| {
                runs.fetch_add(1, Ordering::SeqCst);
                Err("no answer")?
            })
            .start()?;
            s.context().wait_for_stop();
            Ok(())
        })
        .unwrap_err();
        assert!(start.elapsed() < MINUTE);
        assert_eq!(runs.load(Ordering::SeqCst), 4);
        let gave_up = gave_up(&error);
        assert_eq!((&*gave_up.child, gave_up.restarts, gave_up.within), ("feed", 3, Duration::from_secs(5)));
        assert!(gave_up.last.path().ends_with("/ingest/feed"), "{}", gave_up.last.path());
        assert!(gave_up.last.to_string().ends_with("no answer"));
        assert!(error.during_stop().is_empty());
        assert!(error.first().unwrap().path().ends_with("/ingest"));
        assert!(error.to_string().contains("no answer"), "{error}");
    });
}

#[test]
fn sv4_the_window_counts_all_children_together_and_rows_are_each_childs() {
    // catches: a window per child, a row of all
    within(|| {
        let runs = [AtomicU64::new(0), AtomicU64::new(0)];
        let error = homebound::scope(|s| {
            let policy = Restart::on_failure().no_backoff().intensity(5, MINUTE);
            let sup = s.supervisor("ingest", "keeps two").restart(policy);
            let fails = |place: usize| {
                let runs = &runs;
                move |_: &Context| -> Result {
                    runs[place].fetch_add(1, Ordering::SeqCst);
                    Err("no answer")?
                }
            };
            sup.child("a", "fails", fails(0)).child("b", "fails", fails(1)).start()?;
            s.context().wait_for_stop();
            Ok(())
        })
        .unwrap_err();
        // The other child may have failed before it heard the stop: that is a failure of its own.
        let gave_up = error.failures().iter().filter_map(Failure::downcast_ref::<GaveUp>);
        assert_eq!(gave_up.map(|gave_up| gave_up.restarts).collect::<Vec<_>>(), [5], "{error}");
        assert!(error.failures().len() <= 2, "{error}");
        let all: u64 = runs.iter().map(|runs| runs.load(Ordering::SeqCst)).sum();
        // Two first runs and five restarts; one more run may be on when the sixth is refused.
        assert!((6..=7).contains(&all), "{all}");

        let rows = homebound::scope(|s| {
            let policy = Restart::on_failure().backoff(Duration::ZERO, Duration::ZERO).give_up_after(3);
            let sup = s.supervisor("ingest", "keeps two").restart(policy);
            let twice = || {
                move |cx: &Context| {
                    if cx.run_number() < 3 { Err("no answer")? } else { Ok(()) }
                }
            };
            let sup = sup.child("a", "fails twice", twice()).child("b", "fails twice", twice()).start()?;
            eventually("both are over", || sup.children().iter().all(|c| c.state == ChildState::Ended));
            assert_eq!(sup.restarts(), 4);
            Ok(())
        });
        rows.unwrap();
    });
}

#[test]
fn sv4_restarts_are_counted_and_failures_kept() {
    // catches: a closure that is lost in a panic, a lost history, a run beside another
    within(|| {
        let shared = StdMutex::new(0);
        let beside = Beside::default();
        homebound::scope(|s| {
            let sup = s.supervisor("ingest", "keeps the feed").restart(at_once());
            let sup = sup.child("feed", "panics twice", |cx| {
                beside.enter();
                let leave = scopeguard::guard((), |()| beside.leave());
                shared.clear_poison();
                let mut runs = shared.lock().unwrap();
                *runs += 1;
                assert!(*runs > 2, "torn {}", *runs);
                drop((runs, leave));
                cx.wait_for_stop();
                Ok(())
            });
            let sup = sup.start()?;
            eventually("the third run", || {
                sup.children()[0].run == 3 && sup.children()[0].state == ChildState::Running
            });
            assert_eq!((sup.restarts(), sup.failures().len()), (2, 2));
            assert!(sup.failures()[0].to_string().contains("torn 1"));
            assert!(sup.failures()[1].to_string().contains("torn 2"));
            let feed = &sup.children()[0];
            assert_eq!((feed.restarts, feed.state), (2, ChildState::Running));
            assert!(feed.last_failure.as_ref().unwrap().to_string().contains("torn 2"));
            let row = s.snapshot().root.scopes[0].threads.iter().find(|row| row.name == "feed").unwrap().id;
            assert_eq!(feed.id, row);
            Ok(())
        })
        .unwrap();
        assert_eq!(beside.most(), 1);
    });
}

#[test]
fn sv4_history_has_the_last_sixteen() {
    // catches: a history without a bound
    in_scope(|s| {
        let sup = s.supervisor("ingest", "keeps the feed").restart(at_once());
        let sup = sup.child("feed", "fails", |cx| match cx.run_number() {
            20 => Ok(drop(cx.wait_for_stop())),
            run => Err(format!("failure {run}"))?,
        });
        let sup = sup.start()?;
        eventually("the last run", || sup.children()[0].run == 20);
        let failures = sup.failures();
        assert_eq!(failures.len(), 16);
        assert!(failures[0].to_string().ends_with("failure 4"));
        assert!(failures[15].to_string().ends_with("failure 19"));
        Ok(())
    });
}

#[test]
fn sv4_what_a_child_has_captured_survives_its_restarts() {
    // catches: a closure that is made anew
    within(|| {
        let mut seen = Vec::new();
        homebound::scope(|s| {
            let sup = s.supervisor("ingest", "keeps the feed").restart(at_once());
            let sup = sup.child("feed", "fails", |cx| {
                seen.push(cx.run_number());
                if seen.len() < 3 { Err("no answer")? } else { Ok(()) }
            });
            let sup = sup.start()?;
            eventually("the child is over", || state_of(&sup, "feed") == Some(ChildState::Ended));
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, [1, 2, 3]);
    });
}

#[test]
fn sv4_a_hopeless_error_is_the_plain_failure() {
    // catches: a restart all the same, a GaveUp
    within(|| {
        let runs = AtomicU64::new(0);
        let error = homebound::scope(|s| {
            let policy = at_once().unless(|error| error.to_string() == "wrong password");
            let sup = s.supervisor("ingest", "keeps the feed").restart(policy);
            sup.child("feed", "fails", |_| {
                runs.fetch_add(1, Ordering::SeqCst);
                Err("wrong password")?
            })
            .start()?;
            s.context().wait_for_stop();
            Ok(())
        })
        .unwrap_err();
        assert_eq!((runs.load(Ordering::SeqCst), error.failures().len()), (1, 1));
        assert!(error.first().unwrap().downcast_ref::<GaveUp>().is_none());
        assert!(error.first().unwrap().path().ends_with("/ingest/feed"));
    });
}

#[test]
fn sv4_always_runs_again_after_ok_and_counts() {
    // catches: an Ok that ends it, an Ok that does not count
    within(|| {
        let runs = AtomicU64::new(0);
        let error = homebound::scope(|s| {
            let sup = s.supervisor("ingest", "keeps the feed").restart(Restart::on_failure().no_backoff());
            let feed = Child::new("feed", "returns", |_| {
                runs.fetch_add(1, Ordering::SeqCst);
                Ok(())
            });
            sup.add(feed.always()).start()?;
            s.context().wait_for_stop();
            Ok(())
        })
        .unwrap_err();
        assert_eq!(runs.load(Ordering::SeqCst), 4);
        assert!(gave_up(&error).last.to_string().contains("returned `Ok`"), "{error}");
    });
}

/// The number of the spawn that is the second run of `feed`. Before it come the supervisor, `idle`
/// and the first run.
const SECOND_RUN: usize = 4;

/// `feed`, which fails in its first run only, beside `idle`. The system refuses the second run.
fn refused_once<'scope>(s: &Scope<'scope, '_>, policy: Restart, runs: &'scope Log) -> Supervisor<'scope> {
    let sup = s.supervisor("ingest", "keeps two").restart(policy).child("idle", "waits", until_stopped);
    let sup = sup.child("feed", "fails once", |cx| {
        runs.add(cx.run_number().to_string());
        if cx.run_number() == 1 { Err("no answer")? } else { until_stopped(cx) }
    });
    sup.start().unwrap()
}

#[test]
fn sv4_a_refusal_of_the_system_is_a_failed_run() {
    // catches: a refusal that ends the supervisor, that has no number, that does not count, or that
    // is tried again without the pause
    within(|| {
        let (probe, runs) = (Arc::new(Probe::new(Seed::Refusal, SECOND_RUN)), Log::default());
        let root = ProbedRoot::open(MINUTE, Arc::clone(&probe));
        let ended = root.run(|s| {
            let sup = refused_once(s, Restart::on_failure().backoff(NEVER, NEVER), &runs);
            eventually("the pause after the refusal", || {
                sup.restarts() == 2 && state_of(&sup, "feed") == Some(ChildState::Pausing)
            });
            let feed = &sup.children()[1];
            assert_eq!((feed.run, feed.restarts), (2, 2)); // the second one is decided
            assert!(feed.pause_left.unwrap() > MINUTE);
            let failures = sup.failures();
            assert_eq!(failures.len(), 2);
            assert!(failures[0].to_string().ends_with("no answer"));
            let refused: Option<&SpawnError> = failures[1].downcast_ref();
            assert!(matches!(refused, Some(SpawnError::Os(_))), "{}", failures[1]);
            assert!(failures[1].path().ends_with("/ingest/feed"), "{}", failures[1].path());
            assert_eq!(failures[1].notes(), ["run 2"]);

            assert!(!s.is_stopping());
            sup.restart("feed")?; // the supervisor is alive, and has the closure
            assert_eq!((sup.children()[1].run, sup.children()[1].restarts), (3, 2));
            runs.await_lines(2);
            assert_eq!(state_of(&sup, "idle"), Some(ChildState::Running));
            Ok(())
        });
        assert!(probe.hit().is_some());
        assert!(ended.panic.is_none() && ended.verdict.is_ok(), "{ended:?}");
        assert_eq!(runs.lines(), ["1", "3"]);
    });
}

#[test]
fn sv4_a_run_that_was_refused_is_tried_again_after_the_pause() {
    // catches: a refusal after which the child is lost
    within(|| {
        let pause = Duration::from_millis(30);
        let (probe, runs) = (Arc::new(Probe::new(Seed::Refusal, SECOND_RUN)), Log::default());
        let root = ProbedRoot::open(MINUTE, Arc::clone(&probe));
        let ended = root.run(|s| {
            let sup = refused_once(s, Restart::on_failure().backoff(pause, pause), &runs);
            eventually("the third run", || runs.lines().len() == 2 && sup.children()[1].run == 3);
            assert!(probe.hit().unwrap().when.elapsed() >= pause);
            assert_eq!((sup.restarts(), sup.failures().len()), (2, 2));
            Ok(())
        });
        assert!(ended.panic.is_none() && ended.verdict.is_ok(), "{ended:?}");
        assert_eq!(runs.lines(), ["1", "3"]);
    });
}
