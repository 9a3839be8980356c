//! Owns what anyio's tests of task groups ask beyond trio's: levels, cascades, shields, deadlines
//! at the start.
//! Refuses the handshake of a start: a channel between the two does it.

use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use homebound::{JoinError, SpawnError, StopReason, scope};

use crate::common::*;

const SOON: Duration = Duration::from_millis(20);

#[test]
fn after_a_failure_nothing_new_is_started() {
    // from: test_start_soon_after_error; pins S11, F1
    within(|| {
        let error = scope(|s| {
            s.spawn("fails", "fails", |_| Err::<(), _>(boom("broken")))?;
            s.context().wait_for_stop();
            let refused = s.spawn("late", "never runs", |_| -> homebound::Result { panic!("it ran") });
            Ok(assert!(matches!(refused, Err(SpawnError::Stopped(_)))))
        })
        .unwrap_err();
        assert_eq!(error.failures().len(), 1);
    });
}

#[test]
fn every_wait_of_a_stopped_thread_ends_not_only_the_first() {
    // from: test_level_cancellation; pins S1
    in_scope(|s| {
        let waits = s.spawn("waits", "waits again in its clean-up", |cx| {
            let ended = every_wait().into_iter().chain(every_wait()).map(|(_, wait)| wait(cx));
            Ok(ended.filter(|result| result.is_ok()).count())
        })?;
        waits.stop();
        Ok(assert_eq!(waits.join()?, 0))
    });
}

#[test]
fn a_scope_can_be_stopped_while_its_end_waits_for_its_threads() {
    // from: test_cancel_exiting_task_group; pins E1, P5
    in_scope(|s| {
        let (lend, lent) = bounded(1);
        let ends = s.spawn("ends", "has a scope whose body is over", move |_| {
            Ok(scope(|inner| {
                lend.send(inner.stopper())?;
                inner.spawn("waits", "waits for ever", until_stopped)?;
                Ok(())
            })?)
        })?;
        let stopper = lent.recv()?;
        linger(3);
        assert!(!ends.is_finished());
        stopper.stop();
        Ok(ends.join()?)
    });
}

#[test]
fn a_scope_that_is_opened_in_a_stopped_one_is_stopped_from_its_first_line() {
    // from: test_cancel_before_entering_task_group; pins S2
    in_scope(|s| {
        s.stop();
        let inner =
            scope(|inner| Ok((inner.is_stopping(), inner.spawn("no", "is refused", |_| Ok(())).is_err())));
        Ok(assert_eq!(inner?, (true, true)))
    });
}

#[test]
fn a_stop_falls_through_scopes_in_threads_in_scopes() {
    // from: test_cancel_cascade, test_cancel_propagation_with_inner_spawn; pins P5
    fn level(left: usize, tell: crossbeam_channel::Sender<()>) -> homebound::Result {
        let end = scope(|s| {
            if left > 0 {
                s.spawn("level", "has another below", move |_| level(left - 1, tell))?;
            } else {
                tell.send(())?;
            }
            Ok(s.context().sleep(NEVER)?)
        });
        Ok(end?)
    }
    in_scope(|s| {
        let (tell, told) = bounded(1);
        let top = s.spawn("top", "has others below", move |_| level(20, tell))?;
        told.recv()?;
        top.stop();
        Ok(assert!(matches!(top.join(), Err(JoinError::Stopped(_)))))
    });
}

#[test]
fn a_deadline_inside_a_shield_still_counts() {
    // from: test_shielded_deadline; pins S8, S10
    in_scope(|s| {
        s.stopper().stop_because("outside");
        let at = Instant::now() + SOON;
        let reason =
            s.context().shield(NEVER, |hidden| hidden.with_deadline(at, |timed| timed.wait_for_stop()));
        assert!(Instant::now() >= at && reason == StopReason::Deadline, "{reason}");
        Ok(assert!(s.is_stopping()))
    });
}

#[test]
fn three_shields_in_each_other_hold_as_long_as_the_shortest_outside() {
    // from: test_triple_nested_shield_checkpoint_in_outer,
    // test_triple_nested_shield_checkpoint_in_middle; pins S8
    in_scope(|s| {
        s.stop();
        for short in 0..3 {
            let max = |n| if n == short { SOON } else { NEVER };
            let start = Instant::now();
            s.context().shield(max(0), |outer| {
                outer.shield(max(1), |middle| {
                    assert!(middle.shield(max(2), |inner| inner.sleep(NEVER)).is_err());
                    assert!(start.elapsed() >= SOON, "{short}: too early");
                    assert_eq!(middle.checkpoint().is_err(), short < 2, "the shorter one was outside");
                });
                assert_eq!(outer.checkpoint().is_err(), short < 1);
            });
        }
        Ok(assert!(s.context().checkpoint().is_err()))
    });
}

#[test]
fn a_deadline_that_has_passed_at_the_start_counts_at_once() {
    // from: test_deadline_reached_on_start; pins S10
    in_scope(|s| {
        let refused = s.context().with_deadline(Instant::now(), |timed| {
            assert!(timed.checkpoint().is_err());
            scope(|late| Ok((late.is_stopping(), late.spawn("no", "is refused", |_| Ok(())).is_err())))
        });
        assert_eq!(refused?, (true, true));
        Ok(assert!(!s.is_stopping()))
    });
}

#[test]
fn a_child_below_a_shield_can_be_stopped_by_its_own_scope() {
    // from: test_cancel_child_task_when_host_is_shielded; pins S8, S2
    in_scope(|s| {
        s.stop();
        s.context().shield(NEVER, |_| {
            scope(|inner| {
                let child = inner.spawn("child", "runs below the shield", until_stopped)?;
                let Err(child) = child.join_timeout(Duration::from_millis(3)) else {
                    panic!("the shield leaks")
                };
                inner.stop();
                Ok(assert!(matches!(child.join(), Err(JoinError::Stopped(_)))))
            })
        })?;
        Ok(())
    });
}
