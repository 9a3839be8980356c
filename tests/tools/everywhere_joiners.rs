//! Owns the stop at every point of maps, streams, join sets, pools and restarts.
//! Refuses to know what they return: `semantics` does.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::Duration;

use homebound::{AtStop, Context, JoinSet, Restart, SpawnError};
use homebound_testing::stop_everywhere;

use crate::common::within;

#[test]
fn maps_streams_and_sets_stand_all_of_it() {
    within(|| {
        let done = stop_everywhere(|scope| {
            let cx = scope.context();
            let squares = scope.map("square", "squares", 2, 0..6_u64, |cx, n| {
                cx.checkpoint()?;
                Ok(n * n)
            })?;
            let triple = |cx: &Context, n: u64| cx.sleep(Duration::ZERO).map(|()| n * 3).map_err(Into::into);
            let few = scope.map_stream("triple", "triples", 2, squares, triple, |_, all| {
                Ok(all.take(4).collect::<Result<Vec<_>, _>>()?)
            })?;
            let mut set = JoinSet::new();
            for n in few {
                match set.spawn(scope, "member", "looks once", move |cx| Ok(cx.checkpoint().map(|()| n)?)) {
                    Ok(_) | Err(SpawnError::Os(_)) => {}
                    Err(refused) => return Err(refused.into()),
                }
            }
            let mut sum = 0;
            while let Some((_, value)) = set.next(cx)? {
                sum += value?;
            }
            Ok(sum)
        });
        let done = done.unwrap_or_else(|trouble| panic!("{trouble}"));
        assert!(done.stops >= 20 && done.panics >= 20 && done.refusals >= 6, "{done}");
    });
}

#[test]
fn pools_stand_all_of_it() {
    within(|| {
        let done = stop_everywhere(|scope| {
            let cx = scope.context();
            let pool = scope.pool("crew", "adds").threads(2).queue(2).start()?;
            let mut jobs = Vec::new();
            for n in 0..4_u64 {
                jobs.push(pool.submit(cx, move |cx| {
                    cx.checkpoint()?;
                    Ok(n)
                })?);
            }
            let mut sum = 0;
            for job in jobs {
                sum += job.join()?;
            }
            // Items that borrow a local of the body.
            let texts = ["one", "two", "three"];
            sum += pool
                .map(cx, texts.iter(), |cx, text| Ok(cx.checkpoint().map(|()| text.len() as u64)?))?
                .len() as u64;
            pool.execute(cx, |cx| Ok(cx.sleep(Duration::ZERO)?))?;
            pool.wait_idle(cx)?;
            pool.close()?;
            // What is queued when the stop comes is worked off by this one.
            let last = scope.pool("last", "works its queue off").threads(1).at_stop(AtStop::Drain).start()?;
            for _ in 0..2 {
                last.execute(cx, |cx| Ok(cx.checkpoint()?))?;
            }
            Ok(sum)
        });
        let done = done.unwrap_or_else(|trouble| panic!("{trouble}"));
        assert!(done.stops >= 20 && done.panics >= 15 && done.refusals >= 2, "{done}");
    });
}

#[test]
fn a_thread_that_restarts_stands_all_of_it() {
    within(|| {
        let done = stop_everywhere(|scope| {
            let policy = Restart::on_failure().no_backoff().give_up_after(10);
            let flaky = scope.thread("flaky", "fails twice").restart(policy);
            let flaky = flaky.spawn(|cx| {
                cx.checkpoint()?;
                if cx.run_number() < 3 { Err("not yet")? } else { Ok(cx.run_number()) }
            })?;
            // Before the next thread: a run that fails on its own after a stop at a point of
            // another thread is a failure.
            let runs = flaky.join()?;
            let ready =
                scope.thread("ready", "says that it is ready, and restarts").restart(Restart::on_failure());
            let ready = ready.start(Duration::from_secs(30), |cx| {
                cx.ready();
                Ok(drop(cx.wait_for_stop()))
            })?;
            ready.stop();
            Ok(runs)
        });
        let done = done.unwrap_or_else(|trouble| panic!("{trouble}"));
        assert!(done.stops >= 5 && done.refusals >= 3, "{done}");
    });
}
