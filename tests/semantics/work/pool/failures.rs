//! PO6: where the failure of a job goes, and what the drop of its values may do.

use std::sync::Arc;

use homebound::{Cause, JoinError, Result, ScopeError};

use super::{busy, stubborn};
use crate::common::*;

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("the bomb of {}", std::thread::current().name().unwrap_or("nobody"));
        }
    }
}

fn failed(body: impl FnOnce(&homebound::Scope<'_, '_>) -> Result + Send + 'static) -> ScopeError {
    within(move || homebound::scope(|s| body(s)).unwrap_err())
}

#[test]
fn po6_a_failure_is_its_joiners_and_stops_nothing() {
    in_scope(|s| {
        let pool = s.pool("bad", "fails").threads(1).start()?;
        let job = pool.submit(s.context(), |cx| -> Result {
            cx.note("a.png");
            panic!("torn {}", 1)
        })?;
        let number = job.number();
        let Err(JoinError::Failed(failure)) = job.join() else { panic!("it has failed") };
        assert!(failure.path().ends_with(&format!("/bad/bad-1/job {number}")), "{}", failure.path());
        assert_eq!(failure.notes(), ["a.png"]);
        let Cause::Panic { message, location } = failure.cause() else { panic!("{failure}") };
        assert_eq!(message, "torn 1");
        assert!(location.unwrap().contains("failures.rs"), "the place of the panic");
        assert!(failure.spawned_from().file().ends_with("failures.rs"));
        assert!(!s.is_stopping());
        // The next job has neither note nor number of this one.
        let Err(JoinError::Failed(failure)) = pool.submit(s.context(), |_| -> Result { Err("x")? })?.join()
        else {
            panic!("it has failed")
        };
        assert!(failure.notes().is_empty());
        assert_eq!(pool.status().failed, 2);
        Ok(())
    });
}

#[test]
fn po6_the_failure_of_a_job_that_nobody_asks_is_the_scopes_at_the_end() {
    // catches: a failure that is lost with a dropped or leaked handle, or listed twice
    for how in 0..5 {
        let error = failed(move |s| {
            let pool = s.pool("bad", "fails").threads(1).queue(8).start()?;
            let (open, gate) = gate();
            let running = busy(&pool, s.context(), &gate)?;
            let job = pool.submit(s.context(), |_| -> Result { Err("lost?")? })?;
            match how {
                0 => {
                    drop(job); // before it runs
                    drop(open);
                }
                1 => {
                    drop(open);
                    eventually("it has failed", || job.is_finished());
                    drop(job); // after it has run
                }
                2 => {
                    std::mem::forget(job);
                    drop(open);
                }
                3 => {
                    drop(open);
                    eventually("it has failed", || job.is_finished());
                    std::mem::forget(job);
                }
                _ => {
                    drop(open);
                    eventually("it has failed", || job.is_finished());
                    pool.close().unwrap_or_else(|error| panic!("the handle has it: {error}"));
                    drop(job); // after the pool is over
                }
            }
            assert!(!s.is_stopping());
            running.join()?;
            Ok(())
        });
        assert_eq!(error.failures().len(), 1, "{how}: {error}");
        assert!(error.to_string().contains("lost?"), "{how}: {error}");
    }
}

#[test]
fn po6_a_cancelled_job_fails_for_nobody() {
    for early in [false, true] {
        in_scope(move |s| {
            let pool = s.pool("bad", "fails").threads(1).start()?;
            let (open, gate) = gate();
            let job = pool.submit(s.context(), move |_| -> Result {
                pass(&gate);
                Err("nobody's")?
            })?;
            if early {
                job.cancel();
                drop(open);
            } else {
                drop(open);
                eventually("it has failed", || job.is_finished());
                job.cancel();
            }
            pool.wait_idle(s.context())?;
            Ok(())
        });
    }
}

#[test]
fn po6_a_job_without_a_handle_fails_for_the_scope_at_once() {
    let error = failed(|s| {
        let pool = s.pool("bad", "fails").threads(1).start()?;
        pool.execute(s.context(), |_| Err("at once")?)?;
        let reason = s.context().wait_for_stop();
        assert!(reason.to_string().contains("bad-1"), "{reason}");
        Ok(())
    });
    let failure = error.first().unwrap();
    assert!(failure.path().ends_with("/bad/bad-1/job 1"), "{}", failure.path());
    assert!(failure.spawned_from().file().ends_with("failures.rs"));
}

#[test]
fn po6_a_failure_that_a_job_tells_of_follows_the_job() {
    // catches: `fail` in a job with a handle that stops the scope; a thread that stays *failed*
    let error = failed(|s| {
        let pool = s.pool("tells", "tells").threads(1).start()?;
        pool.submit(s.context(), |cx| Ok(assert!(cx.fail("told"))))?.join()?;
        assert!(!s.is_stopping());
        assert_eq!(pool.submit(s.context(), |_| Ok(2))?.join()?, 2);
        let status = pool.status();
        assert_eq!((status.failed, status.done), (1, 1));
        Ok(())
    });
    assert_eq!(error.failures().len(), 1);
    assert!(error.first().unwrap().path().ends_with("/tells/tells-1/job 1"));
}

#[test]
fn po6_dropped_captures_that_panic_are_one_failure_each_on_a_thread_of_the_pool() {
    // catches: a panic that goes through the thread, or through the caller of the stop
    let error = failed(|s| {
        let pool = s.pool("bombs", "drops them").threads(1).queue(8).start()?;
        let (open, gate) = gate();
        let running = stubborn(&pool, s.context(), &gate)?;
        let bomb = Bomb;
        let job = pool.submit(s.context(), move |_| Ok(drop(bomb)))?;
        let after = pool.submit(s.context(), |_| Ok(()))?;
        pool.stop();
        drop(open);
        running.join()?;
        assert!(matches!(job.join(), Err(JoinError::Dropped)));
        assert!(matches!(after.join(), Err(JoinError::Dropped)), "the others are dropped all the same");
        Ok(())
    });
    assert_eq!(error.failures().len(), 1, "{error}");
    assert!(error.to_string().contains("the bomb of bombs-1"), "{error}");
}

#[test]
fn po6_a_value_that_nobody_takes_is_dropped_on_the_thread_that_made_it() {
    let error = failed(|s| {
        let pool = s.pool("values", "makes them").threads(1).queue(8).start()?;
        let (open, gate) = gate();
        let running = busy(&pool, s.context(), &gate)?;
        drop(pool.submit(s.context(), |_| Ok(Bomb))?);
        drop(open);
        running.join()?;
        pool.wait_idle(s.context())?;
        assert_eq!(pool.submit(s.context(), |_| Ok(1))?.join()?, 1);
        Ok(())
    });
    assert_eq!(error.failures().len(), 1, "{error}");
    assert!(error.to_string().contains("the bomb of values-1"), "{error}");
}

#[test]
fn po6_captures_are_gone_before_the_end_is_told() {
    // catches: a job that counts as finished while its captures live (E5)
    in_scope(|s| {
        let pool = s.pool("drops", "drops its captures").threads(1).start()?;
        for _ in 0..500 {
            let shared = Arc::new(());
            let held = Arc::clone(&shared);
            pool.submit(s.context(), move |_| Ok(drop(held.clone())))?.join()?;
            assert_eq!(Arc::strong_count(&shared), 1);
            let held = Arc::clone(&shared);
            pool.execute(s.context(), move |_| Ok(drop(held.clone())))?;
            pool.wait_idle(s.context())?;
            assert_eq!(Arc::strong_count(&shared), 1);
        }
        Ok(())
    });
}
