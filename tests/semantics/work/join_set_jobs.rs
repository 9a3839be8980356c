//! JO7: jobs of pools in a set, beside threads.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use crate::common::*;
use homebound::{AtStop, JoinError, JoinSet, Result, SubmitError, scope};

#[test]
fn jo7_jobs_and_threads_are_members_of_one_set() {
    // catches: jobs that send no id; an id that is not that of the job; a failure that stops the
    // scope
    in_scope(|s| {
        let cx = s.context();
        let pool = s.pool("adders", "add numbers").threads(2).start()?;
        let mut set = JoinSet::new();
        let thread = set.spawn(s, "thread", "returns 1", |_| Ok(1))?;
        let good = set.submit(&pool, cx, |_| Ok(2))?;
        let bad = set.submit(&pool, cx, |_| -> Result<i32> { Err(boom("no paper")) })?;
        assert_eq!(set.len(), 3);
        let mut ended = Vec::new();
        while let Some((id, result)) = set.next(cx)? {
            ended.push((id, result.ok()));
        }
        ended.sort();
        assert_eq!(ended, [(thread, Some(1)), (good, Some(2)), (bad, None)]);
        assert!(set.is_empty() && !s.is_stopping());
        Ok(())
    });
}

#[test]
fn jo7_join_all_returns_jobs_in_the_order_of_their_submission() {
    // catches: the order of the ends
    in_scope(|s| {
        let cx = s.context();
        let pool = s.pool("adders", "add numbers").threads(2).start()?;
        let (open, closed) = gate();
        let mut set = JoinSet::new();
        set.submit(&pool, cx, move |_| {
            pass(&closed);
            Ok(1)
        })?;
        set.submit(&pool, cx, move |_| Ok(drop(open)).map(|()| 2))?;
        set.spawn(s, "thread", "returns 3", |_| Ok(3))?;
        assert_eq!(set.join_all(cx)?, [1, 2, 3]);
        Ok(())
    });
}

#[test]
fn jo7_stop_all_ends_running_and_queued_jobs() {
    // catches: a queued job whose end is told to nobody, so that `next` hangs
    in_scope(|s| {
        let cx = s.context();
        let pool = s.pool("players", "play one piece").threads(1).queue(4).start()?;
        let mut set = JoinSet::<()>::new();
        let (tell, begun) = crossbeam_channel::bounded(1);
        set.submit(&pool, cx, move |cx| {
            tell.send(())?;
            cx.wait_for_stop();
            Ok(cx.checkpoint()?)
        })?;
        begun.recv()?;
        set.submit(&pool, cx, |_| panic!("it never begins"))?;
        set.stop_all();
        while let Some((_, result)) = set.next(cx)? {
            assert!(matches!(result, Err(JoinError::Stopped(_))), "{result:?}");
        }
        Ok(assert_eq!(pool.status().queued, 0))
    });
}

#[test]
fn jo7_a_dropped_set_stops_its_jobs_and_their_failures_are_the_scopes() {
    // catches: a failure of a job that is lost with the set (P4)
    within(|| {
        let error = scope(|s| {
            let cx = s.context();
            let pool = s.pool("writers", "write").threads(1).start()?;
            let mut set = JoinSet::<()>::new();
            let (tell, begun) = crossbeam_channel::bounded(1);
            set.submit(&pool, cx, move |cx| {
                tell.send(())?;
                cx.wait_for_stop();
                Err(boom("the disk is full"))
            })?;
            begun.recv()?;
            drop(set);
            Ok(())
        })
        .unwrap_err();
        assert_eq!(error.failures().len(), 1, "{error}");
    });
}

#[test]
fn jo7_jobs_that_a_stop_drops_come_out_of_the_set() {
    // catches: dropped jobs that send no id
    in_scope(|s| {
        let cx = s.context();
        let pool = s.pool("writers", "write").threads(1).queue(4).at_stop(AtStop::Drop).start()?;
        let mut set = JoinSet::<()>::new();
        let (tell, begun) = crossbeam_channel::bounded(1);
        set.submit(&pool, cx, move |cx| {
            tell.send(())?;
            Ok(drop(cx.wait_for_stop()))
        })?;
        begun.recv()?;
        set.submit(&pool, cx, |_| Ok(()))?;
        pool.stop();
        let mut results = Vec::new();
        while let Some((_, result)) = set.next(cx)? {
            results.push(result);
        }
        assert!(results.iter().any(|result| matches!(result, Err(JoinError::Dropped))), "{results:?}");
        assert_eq!(results.len(), 2);
        let refused = set.submit(&pool, cx, |_| Ok(()));
        assert!(matches!(refused, Err(SubmitError::Stopped(_))));
        Ok(assert!(set.is_empty()))
    });
}
