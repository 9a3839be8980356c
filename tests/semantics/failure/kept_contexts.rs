//! A7 and A8: a context that is kept beyond its run or job must not speak for the next one.
//! P4: a handle that outlives its scope.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::Mutex;
use std::time::Duration;

use crate::common::*;
use homebound::{Context, Handle, Job, JoinError, Restart, Result, ScopeError, scope};

/// Speaks by a context whose run or job is over: nothing of it is taken for the present one.
fn is_heard(kept: &Context) -> bool {
    kept.note("a note of an earlier one");
    kept.beat();
    kept.fail(boom("told too late"))
        || kept.fail_panic(std::panic::catch_unwind(|| panic!("caught")).unwrap_err())
}

fn row_is_clean(s: &homebound::Scope<'_, '_>, name: &str) -> bool {
    let row = all_threads(&s.snapshot()).into_iter().find(|row| row.name == name).expect("it is there");
    row.note.is_none() && !row.failed
}

#[test]
fn a7_a_context_of_an_earlier_run_does_not_speak_for_the_present_one() {
    // catches: a note of run 1 in the failure of run 2; a failure of run 1 that stops run 2
    within(|| {
        let kept: Mutex<Option<Context>> = Mutex::default();
        scope(|s| {
            let policy = Restart::on_failure().no_backoff();
            let feed = s.thread("feed", "reads").restart(policy).spawn(|cx| {
                let earlier = kept.lock().unwrap().replace(cx.clone());
                let Some(earlier) = earlier else { return Err(boom("once more")) };
                assert!(!is_heard(&earlier), "its run is over");
                // A limit inside of it belongs to that run as well.
                earlier.with_deadline(std::time::Instant::now() + NEVER, |inner| {
                    assert!(!is_heard(inner));
                });
                Ok(assert!(row_is_clean(s, "feed") && !cx.is_stopping()))
            })?;
            Ok(feed.join()?)
        })
        .unwrap();
        assert!(!is_heard(&kept.into_inner().unwrap().unwrap()), "all is over");
    });
}

#[test]
fn a7_a_context_of_an_earlier_job_does_not_speak_for_the_present_one() {
    // catches: the note of one job at the next one of its thread; a job that has returned `Ok` and
    // counts as failed
    in_scope(|s| {
        for looked_at in [false, true] {
            let pool = s.pool("pool", "works").threads(1).start()?;
            let first = pool.submit(s.context(), |cx| Ok(cx.clone()))?;
            if looked_at {
                let _a_record_of_its_own = first.id();
            }
            let kept = first.join()?;
            let second = pool.submit(s.context(), move |cx| {
                assert!(!is_heard(&kept), "its job is over");
                cx.checkpoint()?;
                Ok(assert!(row_is_clean(s, "pool-1")))
            })?;
            second.join()?;
            let status = pool.status();
            assert_eq!((status.done, status.failed), (2, 0));
            pool.close()?;
        }
        Ok(())
    });
}

#[test]
fn a7_a_job_speaks_while_another_runs_in_its_place() {
    // catches: a failure that is taken for a late one, because another job runs in place
    let error = within(|| {
        scope(|s| {
            let pool = s.pool("pool", "works").threads(1).start()?;
            let own = pool.clone();
            let outer = pool.submit(s.context(), move |cx| {
                let mine = cx.clone();
                let inner = own.submit(cx, move |_| Ok(assert!(mine.fail(boom("told in time")))))?;
                Ok(inner.join()?)
            })?;
            Ok(outer.join()?)
        })
        .unwrap_err()
    });
    assert!(error.to_string().contains("told in time"), "{error}");
    assert_eq!(error.failures().len(), 1, "{error}");
}

/// Fails a scope, and returns its error and the handle that `give` made in it.
fn late<H: Send + 'static>(give: impl FnOnce(&Context) -> Result<H> + Send + 'static) -> (ScopeError, H) {
    within(|| {
        let mut kept = None;
        let error = scope(|s| Ok(kept = Some(give(s.context())?))).expect_err("it has failed");
        (error, kept.expect("made"))
    })
}

/// The failure that a late join returns, which is the one that the scope has listed, once.
fn is_that_of<T>(error: &ScopeError, joined: Result<T, JoinError>) {
    let Err(JoinError::Failed(failure)) = joined else { panic!("{:?}", joined.err()) };
    assert_eq!(error.failures().len(), 1, "{error}");
    assert_eq!(failure.to_string(), error.first().expect("one").to_string());
}

#[test]
fn p4_a_handle_that_outlives_its_scope_says_how_its_thread_has_failed() {
    // catches: a failed thread or job that says that it was stopped
    for isolated in [false, true] {
        let (error, handle) = late(move |cx| {
            let worker = cx.thread("worker", "fails");
            let worker = if isolated { worker.isolated() } else { worker };
            let handle: Handle<'static, ()> = worker.spawn(|_| Err(boom("no paper")))?;
            assert!(handle.done().recv().is_err());
            Ok(handle)
        });
        is_that_of(&error, handle.join());
    }
    let submit = |cx: &Context| {
        let pool = cx.pool("pool", "works").start()?;
        let job: Job<'static, ()> = pool.submit(cx, |_| Err(boom("no paper")))?;
        assert!(job.done().recv().is_err());
        Ok(job)
    };
    let (error, job) = late(submit);
    is_that_of(&error, job.join());
    let (error, mut job) = late(submit);
    is_that_of(&error, job.try_join().expect("it has ended"));
    let (error, job) = late(submit);
    is_that_of(&error, job.join_timeout(Duration::ZERO).unwrap_or_else(|_| panic!("it has ended")));
    // A drop lists it no second time.
    let (error, job) = late(submit);
    drop(job);
    assert_eq!(error.failures().len(), 1);
}
