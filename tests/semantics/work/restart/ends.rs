//! The last end of a thread that restarts itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{again, at_once};
use crate::common::*;
use homebound::for_testing::{Probe, ProbedRoot, Seed};
use homebound::{GaveUp, JoinError, Restart, Result, SpawnError, StopReason};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn rs5_giving_up_is_one_failure_of_the_scope() {
    // catches: a failure per run; one run more or less; a `GaveUp` that forgets the last failure
    within(|| {
        let began = Instant::now();
        let error = homebound::scope_named("app", |s| {
            let policy = Restart::on_failure().no_backoff().intensity(3, MINUTE);
            let mut run = 0;
            let feed = s.thread("feed", "reads").restart(policy).service(move |_| {
                run += 1;
                Err(format!("failure {run}"))?
            })?;
            assert!(matches!(feed.join(), Err(JoinError::Failed(_))));
            Ok(())
        })
        .unwrap_err();
        assert!(began.elapsed() < MINUTE);
        assert_eq!((error.failures().len(), error.during_stop().len()), (1, 0), "{error}");
        let failure = error.first().unwrap();
        assert_eq!((failure.path(), failure.notes()), ("/app/feed", &["run 4".to_owned()][..]));
        let gave_up: &GaveUp = failure.downcast_ref().unwrap();
        assert_eq!((&*gave_up.child, gave_up.restarts, gave_up.within), ("feed", 3, MINUTE));
        assert_eq!((gave_up.last.path(), gave_up.last.notes()), ("/app/feed", &["run 4".to_owned()][..]));
        assert!(gave_up.last.to_string().ends_with("failure 4"));
        let text = gave_up.to_string();
        let start = "gave up feed after 3 restarts within 1 min 00 s (the limit of its own policy): ";
        assert!(text.starts_with(start) && text.ends_with("failure 4"), "{text}");
    });
}

#[test]
fn rs5_the_text_of_giving_up_says_how_many_failures_in_a_row() {
    // catches: a limit that a reader has to guess from two numbers
    in_scope(|s| {
        let policy = Restart::on_failure().no_backoff().intensity(9, MINUTE).give_up_after(2);
        let feed = s.thread("feed", "reads").isolated().restart(policy).spawn(|_| again::<()>())?;
        let Err(JoinError::Failed(failure)) = feed.join() else { panic!("it gave up") };
        let text = failure.downcast_ref::<GaveUp>().expect("it gave up").to_string();
        assert!(text.starts_with("gave up feed after 1 restart within "), "{text}");
        assert!(text.contains(" (at 2 failures in a row): "), "{text}");
        Ok(())
    });
}

#[test]
fn rs5_an_isolated_thread_that_gives_up_stops_nothing() {
    in_scope(|s| {
        let policy = Restart::on_failure().no_backoff().intensity(1, MINUTE);
        let feed = s.thread("feed", "reads").isolated().restart(policy).spawn(|_| again::<()>())?;
        let Err(JoinError::Failed(failure)) = feed.join() else { panic!("it gave up") };
        assert!(failure.downcast_ref::<GaveUp>().is_some());
        assert!(!s.is_stopping());
        Ok(())
    });
}

#[test]
fn rs5_vital_is_about_the_last_end() {
    // catches: a scope that is stopped by the end of a run that is not the last
    in_scope(|s| {
        let mut earlier = true;
        let scope = s.stopper();
        let window = s.thread("window", "is the program").vital().restart(at_once()).spawn(move |cx| {
            earlier &= cx.run_number() == 1 || !cx.is_stopping();
            if cx.run_number() < 5 { again() } else { Ok(earlier) }
        })?;
        assert!(window.join()?);
        drop(scope);
        assert!(matches!(s.context().wait_for_stop(), StopReason::Vital { .. }));
        Ok(())
    });
}

#[test]
fn rs5_a_failure_without_an_end_is_the_scopes_and_restarts_nothing() {
    within(|| {
        let error = homebound::scope(|s| {
            let feed = s.thread("feed", "reads").restart(at_once()).spawn(|cx| {
                assert!(cx.fail("a callback failed"));
                Ok(cx.run_number())
            })?;
            assert_eq!(feed.join()?, 1);
            Ok(())
        })
        .unwrap_err();
        assert_eq!(error.failures().len(), 1);
    });
}

#[test]
fn rs6_a_refusal_of_the_system_is_a_failed_run() {
    // catches: a thread that is lost with its closure; a refusal that does not count, or that ends
    // the thread
    within(|| {
        let probe = Arc::new(Probe::new(Seed::Refusal, 2));
        let root = ProbedRoot::open(MINUTE, Arc::clone(&probe));
        let mut seen = Vec::new();
        let ended = root.run(|s| {
            let seen = &mut seen;
            let feed = s.thread("feed", "reads").restart(at_once()).spawn(move |cx| {
                seen.push(cx.run_number());
                if cx.run_number() < 4 { again() } else { Ok(()) }
            })?;
            Ok(feed.join()?)
        });
        assert!(probe.hit().is_some());
        drop(ended);
        assert_eq!(seen, [1, 3, 4], "the second run was refused, and has its number");
    });
}

#[test]
fn rs6_refusals_alone_give_up() {
    within(|| {
        let root = ProbedRoot::open(MINUTE, Arc::new(Probe::new(Seed::Refusal, 2)));
        let ended = root.run(|s| {
            let policy = Restart::on_failure().no_backoff().intensity(1, MINUTE);
            let feed = s.thread("feed", "reads").isolated().restart(policy).spawn(|_| again::<()>())?;
            let Err(JoinError::Failed(failure)) = feed.join() else { panic!("it gave up") };
            let gave_up: &GaveUp = failure.downcast_ref().expect("it gave up");
            let refused: Option<&SpawnError> = gave_up.last.downcast_ref();
            assert!(matches!(refused, Some(SpawnError::Os(_))));
            Ok(())
        });
        drop(ended);
    });
}

#[test]
fn rs5_a_closure_that_will_not_run_again_is_dropped_at_once() {
    // catches: captures that live as long as the scope, so that the reader waits for ever
    in_scope(|s| {
        let (send, receive) = homebound::channel::unbounded::<u64>();
        s.thread("feed", "reads").restart(at_once()).spawn(move |cx| {
            send.send(cx.run_number())?;
            if cx.run_number() < 3 { again() } else { Ok(()) }
        })?;
        assert_eq!(receive.iter().collect::<Vec<_>>(), [1, 2, 3]);
        Ok(())
    });
}

#[test]
fn rs5_a_capture_that_panics_when_it_is_dropped_is_a_failure() {
    within(|| {
        let error = homebound::scope(|s| {
            let bomb = Bomb::new();
            let feed = s.thread("feed", "reads").restart(at_once()).spawn(move |cx| {
                let _captured = &bomb;
                if cx.run_number() < 3 { again() } else { Ok(()) }
            })?;
            Ok(feed.join()?)
        })
        .unwrap_err();
        assert_eq!(error.failures().len(), 1, "{error}");
    });
}

#[test]
fn rs6_policies_that_cannot_keep_their_word_are_refused() {
    in_scope(|s| {
        let never_gives_up = Restart::on_failure().intensity(10, Duration::from_secs(5));
        let refused = s.thread("feed", "reads").restart(never_gives_up).service(|_| Ok(())).unwrap_err();
        assert!(matches!(refused, SpawnError::InvalidPolicy { .. }), "{refused}");
        let refused = s.thread("feed", "reads").restart(Restart::always()).spawn(|_| Ok(1)).unwrap_err();
        assert!(matches!(refused, SpawnError::InvalidPolicy { .. }), "{refused}");
        assert!(s.thread("", "reads").restart(at_once()).service(|_| -> Result { Ok(()) }).is_err());
        Ok(())
    });
}
