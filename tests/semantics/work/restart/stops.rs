//! From the instant of a stop nothing restarts.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use super::{again, at_once};
use crate::common::*;
use homebound::{JoinError, Restart, Result, StopReason};

/// A pause that no test waits for.
fn slow() -> Restart {
    Restart::on_failure().backoff(NEVER, NEVER)
}

#[test]
fn rs4_a_stop_ends_a_pause_at_once_and_the_thread_has_stopped() {
    // catches: a pause that is slept through; a failure of a thread that was answered by a restart
    for service in [false, true] {
        within(move || {
            let began = Instant::now();
            let error = homebound::scope(|s| {
                let (tell, told) = homebound::channel::bounded(2);
                let thread = s.thread("feed", "reads").restart(slow());
                // The first restart of a row is at once, so the second run precedes the pause.
                let f = move |cx: &homebound::Context| -> Result {
                    tell.send(cx.run_number())?;
                    again()
                };
                let feed = if service { thread.service(f)? } else { thread.spawn(f)? };
                assert_eq!((told.recv()?, told.recv()?), (1, 2));
                eventually("the pause", || s.snapshot().to_string().contains("pause before run 3"));
                s.stop();
                assert!(matches!(feed.join(), Err(JoinError::Stopped(_))));
                Ok(s.context().checkpoint()?)
            })
            .unwrap_err();
            assert!(error.failures().is_empty(), "{error}");
            assert!(matches!(error.stop_reason(), Some(StopReason::Requested { .. })));
            assert!(began.elapsed() < Duration::from_secs(60));
        });
    }
}

#[test]
fn rs4_a_stop_of_the_handle_ends_run_pause_and_restarting() {
    in_scope(|s| {
        let feed = s.thread("feed", "reads").restart(at_once()).spawn(until_stopped)?;
        feed.stop();
        assert!(feed.join().is_err());
        let (tell, told) = homebound::channel::bounded(2);
        let feed = s.thread("feed", "reads").restart(slow()).spawn(move |cx| -> Result {
            tell.send(cx.run_number())?;
            again()
        })?;
        eventually("the pause", || s.snapshot().to_string().contains("pause before run 3"));
        feed.stop();
        assert!(matches!(feed.join(), Err(JoinError::Stopped(_))));
        assert!(!s.is_stopping());
        assert_eq!(told.iter().collect::<Vec<_>>(), [1, 2]);
        Ok(())
    });
}

#[test]
fn rs4_an_error_after_the_stop_is_the_plain_failure() {
    // catches: a restart during the stop; a failure that is lost, or that is a `GaveUp`
    within(|| {
        let runs = AtomicUsize::new(0);
        let error = homebound::scope(|s| {
            let runs = &runs;
            let (ready, began) = gate();
            s.thread("feed", "reads").restart(at_once()).service(move |cx| {
                runs.fetch_add(1, SeqCst);
                ready.send(())?;
                cx.wait_for_stop();
                Err("cannot save")?
            })?;
            pass(&began);
            s.stop();
            Ok(())
        })
        .unwrap_err();
        assert_eq!(runs.load(SeqCst), 1);
        assert_eq!((error.failures().len(), error.during_stop().len()), (1, 1), "{error}");
        let failure = error.first().unwrap();
        assert!(failure.to_string().ends_with("cannot save"), "{failure}");
        assert_eq!(failure.notes(), ["run 1"]);
    });
}

#[test]
fn rs4_no_run_begins_after_the_stop() {
    // catches: a service that restarts on while the workers of its scope come home
    within(|| {
        let (stopped, late) = (AtomicBool::new(false), AtomicUsize::new(0));
        let stop = homebound::scope(|s| {
            let (stopped, late) = (&stopped, &late);
            let (ready, began) = gate();
            s.thread("feed", "reads").restart(at_once()).service(move |_| {
                ready.send(())?;
                late.fetch_add(usize::from(stopped.load(SeqCst)), SeqCst);
                again()
            })?;
            s.spawn("slow", "takes its time to come home", |cx| {
                cx.wait_for_stop();
                Ok(linger(50))
            })?;
            (0..20).for_each(|_| pass(&began));
            s.stop();
            stopped.store(true, SeqCst);
            Ok(s.context().checkpoint()?)
        });
        // One run may have begun just before.
        assert!(late.load(SeqCst) <= 1, "{late:?}");
        let _one_failure_of_that_run_at_most = stop;
    });
}

#[test]
fn rs1_a_finishing_scope_does_not_refuse_a_restart() {
    // catches: a restart that counts as an admission
    within(|| {
        let runs = AtomicUsize::new(0);
        homebound::scope(|s| {
            let runs = &runs;
            let (ask, asked) = homebound::channel::bounded::<()>(0);
            let (answer, answered) = gate();
            s.thread("old", "serves the young one").restart(at_once()).service(move |cx| {
                runs.fetch_add(1, SeqCst);
                if cx.run_number() == 2 {
                    answer.send(())?;
                    return until_stopped(cx);
                }
                cx.recv(&asked)?;
                again()
            })?;
            // Told first, and needs the second run of the older service on its way out.
            s.service("young", "uses the old one", move |cx| {
                cx.wait_for_stop();
                ask.send(())?;
                Ok(pass(&answered))
            })?;
            Ok(())
        })
        .unwrap();
        assert_eq!(runs.load(SeqCst), 2);
    });
}
