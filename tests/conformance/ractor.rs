//! Owns what ractor's tests of supervision and of statuses ask of trees and their ends.
//! Refuses heartbeats.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use crossbeam_channel::{Sender, bounded, unbounded};
use homebound::{Context, Result, Scope, ScopeState, SpawnError, scope};

use crate::common::*;

#[derive(Clone, Copy, PartialEq)]
enum Where {
    Start,
    Work,
    CleanUp,
}

/// A member that breaks at one point of its life.
fn breaks(at: Where, how: fn() -> Result) -> impl FnOnce(&Context) -> Result + Send {
    move |cx| {
        if at == Where::Start {
            return how();
        }
        if at == Where::Work {
            cx.sleep(Duration::from_millis(1))?;
            return how();
        }
        cx.wait_for_stop();
        how()
    }
}

fn broken_members(how: fn() -> Result) {
    for at in [Where::Start, Where::Work, Where::CleanUp] {
        let error = scope(|s| {
            s.spawn("sibling", "is stopped with it", until_stopped)?;
            s.spawn("member", "breaks", breaks(at, how))?;
            if at == Where::CleanUp {
                s.stop();
            }
            s.context().wait_for_stop();
            Ok(())
        })
        .unwrap_err();
        let members: Vec<_> = error.failures().iter().map(homebound::Failure::name).collect();
        assert_eq!(members, ["member"]);
        assert_eq!(error.during_stop().len(), usize::from(at == Where::CleanUp));
    }
}

#[test]
fn a_panic_at_the_start_at_work_or_in_the_clean_up_is_told() {
    // from: test_supervision_panic_in_{post_startup,handle,post_stop}; pins P4, F1
    within(|| broken_members(|| resume_unwind(Box::new("broken"))));
}

#[test]
fn an_error_at_the_start_at_work_or_in_the_clean_up_is_told() {
    // from: test_supervision_error_in_{post_startup,handle,post_stop}; pins P4, F1
    within(|| broken_members(|| Err(boom("broken"))));
}

#[test]
fn a_supervisor_that_breaks_while_it_handles_a_failure_is_told_above() {
    // from: test_supervision_panic_in_supervisor_handle,
    // test_supervision_error_in_supervisor_handle; pins P4, F3
    fn supervises(panics: bool) -> Result {
        let member = scope(|below| {
            below.spawn("member", "fails", |_| Err::<(), _>(boom("the member")))?;
            Ok(())
        });
        assert!(member.is_err() && !panics, "the supervisor");
        Err(boom("the supervisor"))
    }
    within(|| {
        for panics in [false, true] {
            let error = scope(|s| {
                s.spawn("supervisor", "breaks as it handles a failure", move |_| supervises(panics))?;
                Ok(())
            })
            .unwrap_err();
            assert_eq!(error.failures().len(), 1);
            let failure = error.first().expect("listed");
            assert!(
                failure.name() == "supervisor" && failure.to_string().contains("the supervisor"),
                "{failure}"
            );
        }
    });
}

#[test]
fn a_supervisor_that_goes_takes_its_children_along() {
    // from: test_killing_a_supervisor_terminates_children; pins P5, E2
    in_scope(|s| {
        let ((to, ended), (ready, is_ready)) = (unbounded(), bounded(1));
        let supervisor = s.spawn("supervisor", "is stopped", move |_| {
            Ok(scope(|below| {
                for n in 0..3 {
                    let to = to.clone();
                    below.spawn(format!("child-{n}"), "waits", move |cx| {
                        cx.wait_for_stop();
                        Ok(to.send(n)?)
                    })?;
                }
                ready.send(())?;
                Ok(below.context().sleep(NEVER)?)
            })?)
        })?;
        is_ready.recv()?;
        supervisor.stop();
        assert!(supervisor.join().is_err());
        let mut ended: Vec<i32> = ended.try_iter().collect();
        ended.sort_unstable();
        Ok(assert_eq!(ended, [0, 1, 2]))
    });
}

/// Scopes in scopes on one stack; the innermost gives its context away and waits.
fn deep(s: &Scope<'_, '_>, left: usize, tell: &Sender<Context>) -> Result {
    if left > 0 {
        return Ok(s.subscope("level", |below| deep(below, left - 1, tell))?);
    }
    tell.send(s.context().clone())?;
    Ok(_ = s.context().wait_for_stop())
}

#[test]
fn a_very_deep_tree_is_stopped_without_recursion() {
    // from: terminating_a_deep_supervision_tree_is_iterative; pins S9
    child_passes(|_| {
        scope(|s| {
            let (tell, told) = bounded(1);
            let nests = s.thread("nests", "is deep").stack_size(256 << 20);
            let nests = nests.spawn(move |_| Ok(scope(|top| deep(top, 1000, &tell))?))?;
            let (deepest, stopper) = (told.recv()?, s.stopper());
            let small = s.thread("stops", "has a small stack").stack_size(64 * 1024);
            small.spawn(move |_| Ok(stopper.stop()))?.join()?;
            assert!(deepest.is_stopping() && disconnected(deepest.stop_signal()));
            Ok(nests.join()?)
        })
        .unwrap();
        0
    });
}

#[test]
fn the_end_of_a_very_deep_tree_needs_no_deep_stack() {
    // from: terminating_a_deep_supervision_tree_is_iterative; pins E1
    const DEEP: usize = 1000;
    child_passes(|_| {
        scope(|s| {
            let mut groups = vec![s.group("level")?];
            for _ in 1..DEEP {
                let below = groups[groups.len() - 1].group("level")?;
                groups.push(below);
            }
            groups[DEEP - 1].spawn("deepest", "waits at the bottom", until_stopped)?;
            let top = groups.swap_remove(0);
            groups.into_iter().for_each(std::mem::forget);
            let small = s.thread("drops", "has a small stack").stack_size(64 * 1024);
            Ok(small.spawn(move |_| Ok(drop(top)))?.join()?)
        })
        .unwrap();
        0
    });
}

#[test]
fn a_scope_on_its_way_out_takes_no_groups() {
    // from: linked_spawn_rejects_a_draining_supervisor; pins S11
    in_scope(|s| {
        let group = s.group("group")?;
        group.stop();
        assert!(matches!(group.group("late"), Err(SpawnError::Stopped(_))));
        assert!(matches!(group.spawn("late", "is refused", |_| Ok(())), Err(SpawnError::Stopped(_))));
        assert!(matches!(group.service("late", "is refused", |_| Ok(())), Err(SpawnError::Stopped(_))));
        Ok(assert!(s.group("other").is_ok()))
    });
}

#[test]
fn children_that_are_on_their_way_out_are_waited_for_when_the_parent_stops() {
    // from: stopping_children_and_wait_during_parent_shutdown,
    // draining_children_and_wait_during_parent_shutdown; pins E3, S7
    within(|| {
        let drained = AtomicUsize::new(0);
        scope(|s| {
            let (to, queue) = unbounded();
            (0..50).try_for_each(|n| to.send(n))?;
            let group = s.group("group")?;
            let (drains, (over, is_over)) = (&drained, gate());
            s.spawn("drains", "drains its queue after the stop", move |cx| {
                let _over = over;
                cx.wait_for_stop();
                Ok(cx.drain(&queue).for_each(|_: i32| _ = drains.fetch_add(1, Ordering::SeqCst)))
            })?;
            group.spawn("slow", "is told first and ends last", move |cx| {
                cx.wait_for_stop();
                Ok(pass(&is_over))
            })?;
            group.stop();
            let report = s.shutdown(NEVER);
            assert_eq!((report.total, report.joined), (2, 2), "{report}");
            Ok(drop(to))
        })
        .unwrap();
        assert_eq!(drained.into_inner(), 50);
    });
}

#[test]
fn the_state_of_a_scope_only_goes_forward() {
    // from: actor_status_transitions_are_monotonic; pins P8, E1
    fn rank(state: ScopeState) -> usize {
        let order = [ScopeState::Open, ScopeState::Stopping, ScopeState::Finishing, ScopeState::Ended];
        order.iter().position(|known| *known == state).expect("a known state")
    }
    in_scope(|s| {
        for _ in 0..50 {
            let group = s.group("watched")?;
            group.service("serves", "ends last", |cx| Ok(_ = cx.wait_for_stop()))?;
            group.spawn("works", "ends first", until_stopped)?;
            let (over, is_over) = bounded::<()>(0);
            s.subscope("watch", |watch| {
                let watches = watch.spawn("watches", "looks at the state again and again", move |_| {
                    let (mut ranks, mut last_look) = (Vec::new(), false);
                    while !last_look {
                        last_look = disconnected(&is_over);
                        let scopes = s.snapshot().root.scopes;
                        ranks.extend(
                            scopes.iter().filter(|scope| scope.name == "watched").map(|w| rank(w.state)),
                        );
                    }
                    Ok(ranks)
                })?;
                group.stop();
                drop(group);
                drop(over);
                let ranks = watches.join()?;
                Ok(assert!(ranks.is_sorted(), "{ranks:?}"))
            })?;
        }
        Ok(())
    });
}

#[test]
fn of_many_who_shut_down_at_once_one_does_the_clean_up() {
    // from: concurrent_shutdown_transitions_elect_cleanup_once; pins R1, E1
    within(|| {
        for _ in 0..50 {
            let (cleaned, called) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let (cleans, calls) = (cleaned.clone(), called.clone());
            scope(|s| {
                let group = s.group("group")?;
                group.defer("clean-up", move || Ok(_ = cleans.fetch_add(1, Ordering::SeqCst)));
                let _calls = group.context().on_stop(move || _ = calls.fetch_add(1, Ordering::SeqCst));
                group.spawn("member", "waits", until_stopped)?;
                let (group, together) = (&group, Arc::new(Barrier::new(4)));
                s.subscope("all", |all| {
                    for _ in 0..4 {
                        let together = together.clone();
                        all.spawn("shuts", "shuts the group down", move |_| {
                            together.wait();
                            let report = group.shutdown(NEVER);
                            Ok(assert_eq!((report.total, report.joined, report.timeout), (1, 1, 0)))
                        })?;
                    }
                    Ok(())
                })?;
                Ok(())
            })
            .unwrap();
            assert_eq!((cleaned.load(Ordering::SeqCst), called.load(Ordering::SeqCst)), (1, 1));
        }
    });
}

#[test]
fn the_clean_up_is_done_when_the_shutdown_returns() {
    // from: actor_post_stop_executed_before_stop_and_wait_returns; pins E5, R1
    in_scope(|s| {
        let cleaned = Arc::new(AtomicBool::new(false));
        let cleans = cleaned.clone();
        s.spawn("member", "cleans up after the stop", move |cx| {
            cx.wait_for_stop();
            linger(10);
            Ok(cleans.store(true, Ordering::SeqCst))
        })?;
        s.shutdown(NEVER);
        Ok(assert!(cleaned.load(Ordering::SeqCst)))
    });
}

#[test]
fn a_worker_that_dies_is_restarted_and_takes_the_next_message() {
    // from: test_worker_death_restarts_and_gets_next_message; pins RS1
    in_scope(|s| {
        let (send, messages) = homebound::channel::unbounded();
        let (done, taken) = homebound::channel::unbounded();
        let policy = homebound::Restart::on_failure().no_backoff();
        s.thread("worker", "dies of the first message").restart(policy).service(move |cx| {
            for message in cx.drain(&messages) {
                assert!(message != "deadly", "{message}");
                done.send((cx.run_number(), message))?;
            }
            Ok(())
        })?;
        send.send("deadly")?;
        send.send("harmless")?;
        Ok(assert_eq!(taken.recv()?, (2, "harmless")))
    });
}
