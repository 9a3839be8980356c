//! The start of a thread that restarts itself: ready by its word, the first run is the starter's.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use super::{again, at_once};
use crate::common::*;
use homebound::{Restart, Result, SpawnError, StartError};

#[test]
fn rs8_a_start_returns_when_the_first_run_is_ready() {
    // catches: a start that returns before the word; a policy that is not used after it
    in_scope(|s| {
        let (tell, told) = homebound::channel::unbounded();
        let feed = s.thread("feed", "reads").restart(at_once()).start(NEVER, move |cx| {
            tell.send(cx.run_number())?;
            cx.ready();
            if cx.run_number() < 3 { again() } else { until_stopped(cx) }
        })?;
        assert_eq!(told.recv()?, 1);
        assert_eq!((told.recv()?, told.recv()?), (2, 3));
        assert!(!feed.is_finished() && !s.is_stopping());
        Ok(())
    });
}

#[test]
fn rs8_a_failure_before_it_is_the_starters_and_restarts_nothing() {
    // catches: a restart of a service that never was ready; a failure that is the scope's as well
    in_scope(|s| {
        let runs: &AtomicUsize = s.keep(AtomicUsize::new(0));
        let feed = s.thread("feed", "reads").vital().restart(at_once());
        let started = feed.start(NEVER, move |_| -> Result {
            runs.fetch_add(1, SeqCst);
            Err("no such line")?
        });
        match started {
            Err(StartError::Failed(failure)) => assert!(failure.to_string().ends_with("no such line")),
            other => panic!("{other:?}"),
        }
        assert_eq!(runs.load(SeqCst), 1);
        assert!(!s.is_stopping());
        Ok(())
    });
}

#[test]
fn rs8_a_thread_that_is_not_ready_in_time_is_told_and_does_not_restart() {
    in_scope(|s| {
        let runs: &AtomicUsize = s.keep(AtomicUsize::new(0));
        let feed = s.thread("feed", "reads").restart(Restart::always().no_backoff().for_ever());
        let started = feed.start(Duration::from_millis(10), move |cx| {
            runs.fetch_add(1, SeqCst);
            until_stopped(cx)
        });
        assert!(matches!(started, Err(StartError::TimedOut { .. })), "{started:?}");
        eventually("the thread is home", || s.active_threads().is_empty());
        assert_eq!(runs.load(SeqCst), 1);
        Ok(())
    });
}

#[test]
fn rs8_a_policy_that_is_refused_starts_nothing() {
    in_scope(|s| {
        let policy = Restart::on_failure().intensity(10, Duration::from_secs(5));
        let started = s.thread("feed", "reads").restart(policy).start(NEVER, until_stopped);
        assert!(matches!(started, Err(StartError::Spawn(SpawnError::InvalidPolicy { .. }))), "{started:?}");
        Ok(())
    });
}
