//! P4: a failure outlives its group. Its joiner has it, or else the scope around.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use super::{fails, names};
use crate::common::*;
use homebound::{Context, JoinError, Result, scope};

#[test]
fn p4_a_handle_tells_how_its_thread_ended_also_when_its_group_is_over() {
    // catches: a group that takes results and failures from threads that have yet to join, and a
    // join that returns `Stopped` then
    within(|| {
        for dropped in [false, true] {
            let joined = scope(|s| {
                let group = s.group("outer")?;
                let inner = group.group("inner")?;
                let value = inner.spawn("value", "returns a value", |_| Ok(5))?;
                let alone = inner.thread("alone", "fails").isolated().spawn(fails)?;
                let stopped = inner.spawn("stopped", "waits", until_stopped)?;
                eventually("both have ended", || value.is_finished() && alone.is_finished());
                if dropped {
                    drop((inner, group));
                } else {
                    assert!(inner.close().is_ok() && group.close().is_ok(), "nobody has given up the handle");
                }
                assert_eq!(value.join().unwrap(), 5);
                assert!(matches!(stopped.join(), Err(JoinError::Stopped(_))));
                let error = alone.join().unwrap_err();
                Ok(assert!(matches!(error, JoinError::Failed(failure) if failure.name() == "alone")))
            });
            assert!(joined.is_ok(), "who joined them has dealt with the failure: {joined:?}");
        }
    });
}

#[test]
fn p4_a_failure_that_nobody_joins_after_its_group_is_its_scopes() {
    // catches: an isolated failure that goes with the group, or with the handle, or is listed
    // twice; a member's failure as one more entry because its handle is joined late
    within(|| {
        for forgotten in [false, true] {
            let result = scope(|s| {
                let group = s.group("group")?;
                let alone = group.thread("alone", "fails").isolated().spawn(fails)?;
                let member = group.spawn("member", "fails as well", fails)?;
                eventually("both have ended", || member.is_finished() && alone.is_finished());
                assert_eq!(names(&group.close().unwrap_err()), ["member"]);
                if forgotten {
                    std::mem::forget(alone)
                } else {
                    drop(alone)
                }
                Ok(member.join()?)
            });
            let error = result.unwrap_err();
            let mut names = names(&error);
            names.sort_unstable();
            assert_eq!(names, ["alone", "member"], "forgotten: {forgotten}");
        }
    });
}

#[test]
fn p4_what_a_result_raises_after_its_group_is_a_failure_of_the_scope() {
    // catches: a panic that is told to a group which nobody asks any more
    within(|| {
        let result = scope(|s| {
            let group = s.group("group")?;
            let bomb = group.spawn("bomb", "returns what panics in its drop", |_| Ok(Bomb::new()))?;
            eventually("it has ended", || bomb.is_finished());
            group.close()?;
            Ok(drop(bomb))
        });
        assert_eq!(names(&result.unwrap_err()), ["bomb"]);
    });
}

#[test]
fn p4_a_full_list_counts_what_is_no_isolated_failure_once() {
    // catches: a failure that is counted when it happens, and again when its handle is dropped
    within(|| {
        for early in [false, true] {
            let (open, gate) = gate();
            let error = scope(|s| {
                let fail = |_: &Context| -> Result {
                    pass(&gate);
                    Err(boom("fails"))
                };
                let handles: Vec<_> =
                    (0..1100).map(|_| s.spawn("culprit", "fails", fail)).collect::<Result<_, _>>()?;
                let kept = if early { Vec::new() } else { handles };
                drop(open);
                kept.iter().for_each(|handle| eventually("it has ended", || handle.is_finished()));
                Ok(())
            });
            let error = error.unwrap_err();
            assert_eq!((error.failures().len(), error.omitted()), (1024, 76), "dropped early: {early}");
        }
    });
}
