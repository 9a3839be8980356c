//! Owns the questions of OTP's suite of its supervisor about restarts: permanent, transient and
//! temporary children, the three strategies, escalation; and the words of both files of that suite.
//! Refuses starts, requests and significant children (`otp_children` has them), hot upgrades and
//! kills.
//!
//! Their permanent is `always`, their transient is `on_failure`, their temporary is `never` or
//! `once`, and their significant is `vital`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use homebound::work::{Child, ChildState, Strategy, Supervisor};
use homebound::{Context, GaveUp, Restart, Result, ScopeError, scope};

use crate::common::*;

const HOUR: Duration = Duration::from_secs(3600);
const STRATEGIES: [Strategy; 3] = [Strategy::OneForOne, Strategy::RestForOne, Strategy::OneForAll];

/// How a child is told to end by itself.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum End {
    Normal,
    Abnormal,
}

pub(crate) fn orders() -> (Sender<End>, Receiver<End>) {
    bounded(0)
}

/// A run that ends as it is told, or with its scope.
pub(crate) fn obeys(cx: &Context, orders: &Receiver<End>) -> Result {
    match cx.recv(orders) {
        Ok(End::Normal) => Ok(()),
        Ok(End::Abnormal) => Err(boom("abnormal")),
        Err(_the_test_is_over) => until_stopped(cx),
    }
}

/// Restarts at once, so many times in an hour.
pub(crate) fn at_most(restarts: u32) -> Restart {
    Restart::on_failure().no_backoff().intensity(restarts, HOUR)
}

pub(crate) fn runs(sup: &Supervisor<'_>) -> Vec<u64> {
    sup.children().iter().map(|child| child.run).collect()
}

pub(crate) fn state(sup: &Supervisor<'_>, place: usize) -> ChildState {
    sup.children()[place].state
}

/// Waits until the child at this place is in this run, and all children are up.
pub(crate) fn all_up(sup: &Supervisor<'_>, place: usize, run: u64) {
    eventually("all children are up", || {
        let children = sup.children();
        children[place].run == run && children.iter().all(|child| child.state == ChildState::Running)
    });
}

fn gave_up(error: &ScopeError) -> (&str, u32) {
    assert_eq!(error.failures().len(), 1, "{error}");
    let gave_up: &GaveUp = error.first().and_then(|failure| failure.downcast_ref()).expect("it gave up");
    (&gave_up.child, gave_up.restarts)
}

#[test]
fn which_ends_are_answered_by_a_restart() {
    // from: permanent_normal, permanent_abnormal, transient_normal, transient_abnormal,
    // temporary_normal, temporary_abnormal; pins SV1, SV5
    let [permanent, transient, temporary]: [for<'a> fn(Child<'a>) -> Child<'a>; 3] =
        [|child| child.always(), |child| child, |child| child.never()];
    let kinds = [permanent, transient, temporary];
    for (kind, restarts_after) in kinds.into_iter().zip([[true, true], [false, true], [false, false]]) {
        for (end, again) in [End::Normal, End::Abnormal].into_iter().zip(restarts_after) {
            in_scope(move |s| {
                let (tell, told) = orders();
                let sup = s.supervisor("sup", "keeps two").restart(at_most(2));
                let child = kind(Child::new("1", "ends as it is told", move |cx| obeys(cx, &told)));
                let sup = sup.add(child).child("2", "waits", until_stopped).start()?;
                tell.send(end)?;
                if again {
                    all_up(&sup, 0, 2);
                } else {
                    eventually("it is over", || state(&sup, 0) == ChildState::Ended);
                }
                assert_eq!(runs(&sup), [1 + u64::from(again), 1]);
                assert_eq!(sup.restarts(), u64::from(again));
                assert_eq!(sup.failures().len(), usize::from(end == End::Abnormal));
                Ok(assert!(!s.is_stopping()))
            });
        }
    }
}

/// Of three children the second fails; returns the runs in which the three are then. Two more
/// failures, of the third and of the second, are one more than the intensity.
fn after_a_failure_of_the_second(strategy: Strategy) -> Vec<u64> {
    within(move || {
        let mut after = Vec::new();
        let error = scope(|s| {
            let ((tell_2, told_2), (tell_3, told_3)) = (orders(), orders());
            let sup = s.supervisor("sup", "keeps three").strategy(strategy).restart(at_most(2));
            let sup = sup.child("1", "waits", until_stopped);
            let sup = sup.child("2", "ends as it is told", move |cx| obeys(cx, &told_2));
            let sup = sup.child("3", "ends as it is told", move |cx| obeys(cx, &told_3)).start()?;
            tell_2.send(End::Abnormal)?;
            all_up(&sup, 1, 2);
            after = runs(&sup);
            assert_eq!(sup.restarts(), 1, "siblings do not count");

            tell_3.send(End::Abnormal)?;
            all_up(&sup, 2, after[2] + 1);
            tell_2.send(End::Abnormal)?;
            s.context().wait_for_stop();
            Ok(())
        });
        assert_eq!(gave_up(&error.unwrap_err()), ("2", 2));
        after
    })
}

#[test]
fn one_for_one_restarts_the_child_alone() {
    // from: one_for_one; pins SV6, SV4
    assert_eq!(after_a_failure_of_the_second(Strategy::OneForOne), [1, 2, 1]);
}

#[test]
fn rest_for_one_restarts_the_children_after_it_as_well() {
    // from: rest_for_one; pins SV6, SV4
    assert_eq!(after_a_failure_of_the_second(Strategy::RestForOne), [1, 2, 2]);
}

#[test]
fn one_for_all_restarts_all() {
    // from: one_for_all; pins SV6, SV4
    assert_eq!(after_a_failure_of_the_second(Strategy::OneForAll), [2, 2, 2]);
}

#[test]
fn a_child_that_cannot_start_again_ends_the_supervisor_with_its_siblings() {
    // from: one_for_one_escalation, rest_for_one_escalation, one_for_all_escalation; pins SV4
    for strategy in STRATEGIES {
        let (runs, error) = within(move || {
            let runs = AtomicU64::new(0);
            let (tell, told) = orders();
            let error = scope(|s| {
                let sup = s.supervisor("sup", "keeps two").strategy(strategy).restart(at_most(4));
                let once = Child::new("1", "starts once", |cx| {
                    runs.fetch_add(1, Ordering::SeqCst);
                    if cx.run_number() > 1 {
                        Err("does not start")?;
                    }
                    cx.ready();
                    obeys(cx, &told)
                });
                sup.add(once.ready_within(NEVER)).child("2", "waits", until_stopped).start()?;
                tell.send(End::Abnormal)?;
                s.context().wait_for_stop();
                Ok(())
            });
            (runs.into_inner(), error.unwrap_err())
        });
        assert_eq!((runs, gave_up(&error)), (5, ("1", 4)), "{strategy}");
    }
}

#[test]
fn a_sibling_that_fails_in_the_restart_is_restarted_by_the_same_rule() {
    // from: rest_for_one_other_child_fails_restart, one_for_all_other_child_fails_restart; pins SV6
    for (strategy, after) in [(Strategy::RestForOne, [2, 3]), (Strategy::OneForAll, [3, 3])] {
        in_scope(move |s| {
            let (tell, told) = orders();
            let sup = s.supervisor("sup", "keeps two").strategy(strategy).restart(at_most(3));
            let first = Child::new("1", "ends as it is told", move |cx| {
                cx.ready();
                obeys(cx, &told)
            });
            let second = Child::new("2", "does not start in run 2", |cx| {
                if cx.run_number() == 2 {
                    Err("not now")?;
                }
                cx.ready();
                until_stopped(cx)
            });
            let sup = sup.add(first.ready_within(NEVER)).add(second.ready_within(NEVER)).start()?;
            tell.send(End::Abnormal)?;
            all_up(&sup, 1, 3);
            assert_eq!((runs(&sup), sup.restarts()), (after.to_vec(), 2));
            Ok(())
        });
    }
}

#[test]
fn a_temporary_bystander_is_stopped_and_stays_down() {
    // from: temporary_bystander; pins SV6
    for strategy in [Strategy::RestForOne, Strategy::OneForAll] {
        in_scope(move |s| {
            let (tell, told) = orders();
            let sup = s.supervisor("sup", "keeps two").strategy(strategy).restart(at_most(2));
            let sup = sup.child("1", "ends as it is told", move |cx| obeys(cx, &told));
            let sup = sup.add(Child::new("2", "waits", until_stopped).never()).start()?;
            tell.send(End::Abnormal)?;
            eventually("the first child runs again", || {
                runs(&sup)[0] == 2 && state(&sup, 0) == ChildState::Running
            });
            assert_eq!((runs(&sup), state(&sup, 1)), (vec![2, 1], ChildState::Ended));
            Ok(assert!(!s.is_stopping()))
        });
    }
}

#[test]
fn a_supervisor_that_is_restarted_forgets_the_children_that_were_added() {
    // from: tree; pins SV8
    within(|| {
        let seen = Log::new();
        let (tell, told) = orders();
        scope(|s| {
            let outer = s.supervisor("outer", "keeps a supervisor").restart(at_most(4));
            let outer = outer.child("branch", "keeps a supervisor", |cx| {
                let branch = cx.subscope("level", |level| {
                    let inner = level.supervisor("inner", "keeps two").restart(at_most(0));
                    let inner = inner.child("1", "waits", until_stopped).start()?;
                    if cx.run_number() == 1 {
                        inner.add(Child::new("2", "ends as it is told", |cx| obeys(cx, &told)))?;
                    }
                    let names: Vec<_> = inner.children().into_iter().map(|child| child.name).collect();
                    seen.add(names.join(" "));
                    level.context().wait_for_stop();
                    Ok(())
                });
                Ok(branch?)
            });
            let outer = outer.child("other", "waits", until_stopped).start()?;
            tell.send(End::Abnormal)?;
            eventually("the branch has grown again", || seen.all().len() == 2);
            assert_eq!((runs(&outer), outer.restarts()), (vec![2, 1], 1));
            let why = outer.failures()[0].to_string();
            assert!(why.contains("gave up 2") && why.contains("(the limit of its supervisor): "), "{why}");
            Ok(())
        })
        .unwrap();
        assert_eq!(seen.all(), ["1 2", "1"]);
    });
}
