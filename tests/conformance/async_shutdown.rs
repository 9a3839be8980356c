//! Owns the questions of async-shutdown's tests: one trigger, delays of the end, vital threads, and
//! lists that stay short.
//! Refuses wakers: a wait here is a channel, a callback or a join.

use std::time::Duration;

use crossbeam_channel::bounded;
use homebound::{SpawnError, StopReason, scope};

use crate::common::*;

#[test]
fn a_scope_is_stopped_once_and_for_the_first_reason() {
    // from: shutdown_only_works_once; pins S3
    in_scope(|s| {
        let (ran, runs) = bounded(2);
        let _counts = s.context().on_stop(move || ran.try_send(()).unwrap());
        s.stopper().stop_because("first");
        s.stopper().stop_because("second");
        s.stop();
        assert_eq!(s.context().stop_reason(), Some(StopReason::Custom("first".into())));
        Ok(assert_eq!(runs.try_iter().count(), 1))
    });
}

#[test]
fn what_is_shielded_is_finished_before_the_stop_is_seen() {
    // from: delay_token; pins S8, R1
    in_scope(|s| {
        let (entered, is_in) = bounded(1);
        let (open, closed) = bounded::<()>(0);
        let saves = s.spawn("saves", "finishes what it has begun", move |cx| {
            let saved = cx.shield(NEVER, |cx| {
                entered.send(())?;
                cx.recv(&closed)?;
                homebound::Result::Ok(!cx.is_stopping())
            });
            assert!(cx.is_stopping(), "outside of the shield the stop is seen");
            saved
        })?;
        is_in.recv()?;
        s.stop();
        let Err(saves) = saves.join_timeout(Duration::from_millis(5)) else {
            panic!("the shield did not hold")
        };
        open.send(())?;
        Ok(assert!(saves.join()?, "inside of the shield the stop is not seen"))
    });
}

#[test]
fn after_the_end_nothing_can_be_added() {
    // from: delay_token_too_late; pins S1, S11
    within(|| {
        let (cx, stopper) = scope(|s| Ok((s.context().clone(), s.stopper()))).unwrap();
        assert!(stopper.is_stopping());
        assert!(matches!(cx.spawn("late", "is refused", |_| Ok(())), Err(SpawnError::Stopped(_))));
        assert!(matches!(cx.service("late", "is refused", |_| Ok(())), Err(SpawnError::Stopped(_))));
        assert!(matches!(cx.group("late"), Err(SpawnError::Stopped(_))));
    });
}

#[test]
fn the_end_of_a_vital_thread_is_the_end_of_all() {
    // from: vital_token; pins F2
    in_scope(|s| {
        let rest = s.spawn("rest", "goes on until it is told", |cx| Ok(cx.wait_for_stop()))?;
        s.thread("heart", "is vital").vital().spawn(|_| Ok(()))?.join()?;
        let reason = rest.join()?;
        Ok(assert!(
            matches!(origin(&reason), StopReason::Vital { path } if path.ends_with("/heart")),
            "{reason:?}"
        ))
    });
}

#[test]
fn a_shutdown_with_nobody_to_wait_for_is_over_at_once() {
    // from: wait_for_shutdown_complete_in_task_without_delay_tokens; pins R1
    in_scope(|s| {
        let (to, report) = bounded(1);
        let group = s.group("group")?;
        let (lend, lent) = bounded(1);
        s.subscope("asks", |asks| {
            let group = &group;
            asks.spawn("asks", "shuts the empty group down", move |_| {
                lend.send(())?;
                Ok(to.send(group.shutdown(NEVER))?)
            })?;
            Ok(lent.recv()?)
        })?;
        let report = report.recv()?;
        Ok(assert!(report.total == 0 && report.joined == 0 && group.is_stopping()))
    });
}

#[test]
fn waits_and_callbacks_that_are_over_leave_nothing_behind() {
    // from: waker_list_doesnt_grow_infinitely; pins P9
    fn rounds(s: &homebound::Scope<'_, '_>, many: usize) -> homebound::Result {
        let (to, queue) = bounded(1);
        for _ in 0..many {
            drop(s.context().on_stop(|| ()));
            s.context().with_on_stop(|| (), || ());
            to.send(())?;
            s.context().recv(&queue)?;
            s.context().with_deadline(std::time::Instant::now() + NEVER, |timed| timed.stop_signal().len());
            s.context().shield(NEVER, |hidden| hidden.stop_signal().len());
        }
        Ok(())
    }
    child_passes(|_| {
        scope(|s| {
            rounds(s, 2_000)?;
            let before = resident_kib();
            rounds(s, 50_000)?;
            let grown = resident_kib().saturating_sub(before);
            Ok(assert!(grown < 1024, "{grown} KiB for 50000 rounds"))
        })
        .unwrap();
        0
    });
}
