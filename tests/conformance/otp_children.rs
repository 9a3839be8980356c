//! Owns the questions of OTP's suite of its supervisor about its children: how they start, what a
//! handle may ask for, temporary children in number, and significant ones.
//! Refuses restarts: `otp_supervisor` has them, and the words of both files.

use homebound::work::{Child, ChildState, Strategy};
use homebound::{ChildError, JoinError, Restart, StartError, scope};

use crate::common::*;
use crate::otp_supervisor::{End, all_up, at_most, obeys, orders, runs, state};

#[test]
fn a_supervisor_without_children_starts_and_ends_well() {
    // from: sup_start_normal; pins SV3, SV9
    in_scope(|s| {
        let sup = s.supervisor("sup", "keeps none").restart(at_most(2)).start()?;
        assert!(sup.children().is_empty());
        sup.stop();
        sup.join()?;
        Ok(assert!(!s.is_stopping()))
    });
}

#[test]
fn a_child_that_fails_in_its_start_fails_the_start_and_no_other() {
    // from: sup_start_child_returns_error; pins SV3, SV9
    in_scope(|s| {
        let broken = || Child::new("broken", "does not start", |_| Err(boom("no"))).ready_within(NEVER);
        let sup = s.supervisor("sup", "keeps two").restart(at_most(2)).child("1", "waits", until_stopped);
        let started = sup.add(broken()).start();
        assert!(matches!(started, Err(StartError::Failed(_))), "{started:?}");
        eventually("the first child is home", || s.active_threads().is_empty());

        let sup = s.supervisor("sup", "keeps one").restart(at_most(2));
        let sup = sup.child("1", "waits", until_stopped).start()?;
        let added = sup.add(broken());
        assert!(matches!(added, Err(ChildError::Start(StartError::Failed(_)))), "{added:?}");
        assert_eq!((runs(&sup), sup.restarts()), (vec![1], 0));
        Ok(assert!(!s.is_stopping()))
    });
}

#[test]
fn children_are_added_stopped_restarted_and_removed_by_name() {
    // from: child_adm, extra_return, count_children; pins SV9. Theirs refuses to delete or to
    // restart a child that runs; ours ends the run first.
    in_scope(|s| {
        let sup = s.supervisor("sup", "keeps one").child("1", "waits", until_stopped).start()?;
        let twin = sup.add(Child::new("1", "is started already", until_stopped));
        assert!(matches!(twin, Err(ChildError::Duplicate)), "{twin:?}");
        for unknown in [sup.stop_child("2"), sup.restart("2"), sup.remove("2")] {
            assert!(matches!(unknown, Err(ChildError::Unknown)), "{unknown:?}");
        }
        assert_eq!((runs(&sup), state(&sup, 0)), (vec![1], ChildState::Running));

        sup.stop_child("1")?;
        assert_eq!(state(&sup, 0), ChildState::Stopped);
        sup.stop_child("1")?; // as if it were not there
        let twin = sup.add(Child::new("1", "is present already", until_stopped));
        assert!(matches!(twin, Err(ChildError::Duplicate)), "{twin:?}");

        sup.restart("1")?;
        assert_eq!((runs(&sup), state(&sup, 0)), (vec![2], ChildState::Running));
        sup.remove("1")?;
        assert!(sup.children().is_empty());
        assert!(matches!(sup.restart("1"), Err(ChildError::Unknown)));
        sup.add(Child::new("1", "is another one", until_stopped))?;
        assert_eq!((runs(&sup), sup.restarts()), (vec![1], 0));
        Ok(())
    });
}

#[test]
fn two_children_of_one_name_are_no_start() {
    // from: child_specs (duplicate_child_name); pins SV3
    in_scope(|s| {
        let sup = s.supervisor("sup", "keeps two").child("1", "waits", until_stopped);
        let started = sup.child("1", "waits", until_stopped).start();
        assert!(matches!(started, Err(StartError::Spawn(_))), "{started:?}");
        Ok(assert!(s.active_threads().is_empty()))
    });
}

#[test]
fn a_restart_loop_leaves_the_supervisor_answerable() {
    // from: hanging_restart_loop; pins SV9, SV3
    in_scope(|s| {
        let (tell, told) = orders();
        let sup = s.supervisor("sup", "keeps a loop").restart(Restart::on_failure().no_backoff().for_ever());
        let sup = sup.child("1", "starts once", move |cx| match cx.run_number() {
            1 => obeys(cx, &told),
            _ => Err(boom("does not start")),
        });
        let sup = sup.start()?;
        tell.send(End::Abnormal)?;
        eventually("it is in the loop", || sup.restarts() > 10);
        sup.add(Child::new("2", "waits", until_stopped))?;
        sup.stop_child("1")?;
        let restarts = sup.restarts();
        assert_eq!((state(&sup, 0), state(&sup, 1)), (ChildState::Stopped, ChildState::Running));
        sup.remove("1")?;
        sup.restart("2")?;
        assert_eq!((runs(&sup), sup.restarts()), (vec![2], restarts));
        Ok(())
    });
}

#[test]
fn many_temporary_children_leave_nothing_behind() {
    // from: simple_one_for_one_scale_many_temporary_children,
    // do_not_save_start_parameters_for_temporary_children; pins SV5
    in_scope(|s| {
        let (hold, held) = gate();
        let sup = s.supervisor("sup", "keeps connections").start()?;
        for n in 0..200 {
            let hold = hold.clone();
            sup.add(Child::once(n.to_string(), "ends at once", move |_| Ok(drop(hold))))?;
        }
        let (tell, told) = orders();
        let refused = hold.clone();
        sup.add(Child::once("last", "fails", move |cx| {
            let _captured = &refused;
            obeys(cx, &told)
        }))?;
        tell.send(End::Abnormal)?;
        drop(hold);
        assert!(held.recv().is_err(), "all captures are dropped");
        eventually("no row is left", || sup.children().is_empty());
        assert_eq!((sup.restarts(), sup.failures().len()), (0, 1));
        Ok(assert!(!s.is_stopping()))
    });
}

#[test]
fn an_end_of_a_child_that_is_not_significant_ends_no_other() {
    // from: nonsignificant_temporary, nonsignificant_transient; pins SV5
    for (temporary, end) in [(true, End::Normal), (true, End::Abnormal), (false, End::Normal)] {
        in_scope(move |s| {
            let (tell, told) = orders();
            let child = Child::new("1", "ends as it is told", move |cx| obeys(cx, &told));
            let child = if temporary { child.never() } else { child };
            let sup = s.supervisor("sup", "keeps two").add(child).child("2", "waits", until_stopped);
            let sup = sup.start()?;
            tell.send(end)?;
            eventually("it is over", || state(&sup, 0) == ChildState::Ended);
            sup.restart("2")?; // the supervisor is there
            Ok(assert_eq!(runs(&sup), [1, 2]))
        });
    }
}

#[test]
fn a_significant_child_that_is_over_takes_the_supervisor_along() {
    // from: significant_temporary, significant_transient; pins SV5. Theirs ends well also if the
    // child has failed; ours ends as the child did.
    in_scope(|s| {
        let (tell, told) = orders();
        let child = Child::new("1", "ends as it is told", move |cx| obeys(cx, &told)).vital();
        let sup = s.supervisor("sup", "keeps two").restart(at_most(2)).child("2", "waits", until_stopped);
        let sup = sup.add(child).start()?;
        tell.send(End::Abnormal)?;
        all_up(&sup, 1, 2);
        tell.send(End::Normal)?;
        sup.join()?;
        Ok(assert!(!s.is_stopping()))
    });
    for end in [End::Normal, End::Abnormal] {
        let ended = within(move || {
            scope(|s| {
                let (tell, told) = orders();
                let child = Child::new("1", "ends as it is told", move |cx| obeys(cx, &told));
                let sup = s.supervisor("sup", "keeps two").child("2", "waits", until_stopped);
                let sup = sup.add(child.never().vital()).start()?;
                tell.send(end)?;
                match (end, sup.join()) {
                    (End::Normal, Ok(())) | (End::Abnormal, Err(JoinError::Failed(_))) => Ok(()),
                    (_, other) => panic!("{other:?}"),
                }
            })
        });
        assert_eq!(
            ended.map_or_else(|error| error.failures().len(), |()| 0),
            usize::from(end == End::Abnormal)
        );
    }
}

#[test]
fn a_significant_bystander_takes_nothing_along() {
    // from: significant_bystander; pins SV5, SV6
    in_scope(|s| {
        let (tell, told) = orders();
        let sup = s.supervisor("sup", "keeps two").strategy(Strategy::OneForAll).restart(at_most(2));
        let sup = sup.child("1", "ends as it is told", move |cx| obeys(cx, &told));
        let sup = sup.add(Child::new("2", "waits", until_stopped).never().vital()).start()?;
        tell.send(End::Abnormal)?;
        eventually("the first child runs again", || {
            runs(&sup)[0] == 2 && state(&sup, 0) == ChildState::Running
        });
        sup.restart("1")?; // the supervisor is there
        assert_eq!((runs(&sup), state(&sup, 1)), (vec![3, 1], ChildState::Ended));
        Ok(assert!(!s.is_stopping()))
    });
}

#[test]
fn the_end_of_a_significant_child_goes_up_through_significant_supervisors() {
    // from: significant_escalation; pins SV5, SV8
    in_scope(|s| {
        let (tell, told) = orders();
        let branch = Child::new("branch", "keeps a supervisor", move |cx| {
            let told = told.clone();
            let branch = cx.subscope("level", |level| {
                let leaf = Child::new("leaf", "ends as it is told", move |cx| obeys(cx, &told)).vital();
                let inner = level.supervisor("inner", "keeps two").child("2", "waits", until_stopped);
                Ok(inner.add(leaf).start()?.join()?)
            });
            Ok(branch?)
        });
        let sup = s.supervisor("outer", "keeps two").child("2", "waits", until_stopped);
        let sup = sup.add(branch.vital()).start()?;
        tell.send(End::Normal)?;
        sup.join()?;
        Ok(assert!(!s.is_stopping()))
    });
}
