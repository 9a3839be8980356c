//! SV3: the start of the children, and readiness in restarts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::*;
use homebound::work::{Child, ChildError, Strategy};
use homebound::{SpawnError, StartError};

const SOON: Duration = Duration::from_millis(40);

#[test]
fn sv3_each_child_is_ready_before_the_next_begins() {
    // catches: starts side by side, a start that returns early
    within(|| {
        let log = Log::default();
        homebound::scope(|s| {
            let slow = |name: &'static str| {
                let log = &log;
                let child = Child::new(name, "takes a moment", move |cx| {
                    log.add(format!("+{name}"));
                    linger(20);
                    log.add(format!("={name}"));
                    cx.ready();
                    Ok(drop(cx.wait_for_stop()))
                });
                child.ready_within(MINUTE)
            };
            let sup = s.supervisor("group", "keeps three").add(slow("a")).add(slow("b")).add(slow("c"));
            let sup = sup.start()?;
            assert_eq!(log.text(), "+a =a +b =b +c =c");
            assert!(sup.children().iter().all(|child| child.state == ChildState::Running));
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn sv3_a_failure_before_ready_is_the_starters_and_the_others_are_stopped_in_reverse() {
    // catches: a restart in the first start, a failure of the scope, the wrong order
    within(|| {
        let log = Log::default();
        homebound::scope(|s| {
            let ready = |name: &'static str| {
                let log = &log;
                Child::new(name, "waits", move |cx| log.run(name, cx)).ready_within(MINUTE)
            };
            let fails = Child::new("c", "fails", |_| Err("no port")?).ready_within(MINUTE);
            let after = Child::new("d", "is never started", |_| Ok(log.add("+d")));
            let sup = s.supervisor("group", "keeps four").restart(at_once());
            let started = sup.add(ready("a")).add(ready("b")).add(fails).add(after).start();
            match started {
                Err(StartError::Failed(failure)) => assert!(failure.to_string().ends_with("no port")),
                other => panic!("{other:?}"),
            }
            assert_eq!(log.text(), "+a +b -b -a");
            assert!(!s.is_stopping());
            eventually("the group has left the tree", || s.snapshot().root.scopes.is_empty());
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn sv3_a_start_error_that_is_passed_on_is_listed_once() {
    // catches: a failure that is listed twice, or not
    within(|| {
        let error = homebound::scope(|s| {
            let fails = Child::new("c", "fails", |_| Err("no port")?).ready_within(MINUTE);
            s.supervisor("group", "keeps one").add(fails).start()?;
            Ok(())
        })
        .unwrap_err();
        assert_eq!(error.failures().len(), 1, "{error}");
        assert!(error.to_string().contains("no port"), "{error}");
    });
}

#[test]
fn sv3_not_ready_and_too_late() {
    // catches: a start that waits for ever, a late child that is lost
    within(|| {
        homebound::scope(|s| {
            let quits = Child::new("quits", "returns", |_| Ok(())).ready_within(MINUTE);
            let started = s.supervisor("group", "keeps one").add(quits).start();
            assert!(matches!(started, Err(StartError::NotReady)), "{started:?}");

            let slow = Child::new("slow", "waits", until_stopped).ready_within(SOON);
            let started = s.supervisor("group", "keeps one").add(slow).start();
            assert!(matches!(started, Err(StartError::TimedOut { limit: SOON })), "{started:?}");
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn sv3_what_is_refused_at_once() {
    // catches: two children of one name, an intensity out of reach, a nameless supervisor
    within(|| {
        homebound::scope(|s| {
            let twice = s.supervisor("group", "keeps two").child("a", "waits", until_stopped);
            let refused = twice.child("a", "waits", until_stopped).start();
            assert!(matches!(refused, Err(StartError::Spawn(SpawnError::InvalidName))), "{refused:?}");
            assert!(refused.unwrap_err().to_string().contains("children of a supervisor may not share one"));
            let refused = s.supervisor("", "has no name").start();
            assert!(matches!(refused, Err(StartError::Spawn(SpawnError::InvalidName))), "{refused:?}");

            let five = Duration::from_secs(5);
            let policy = Restart::on_failure().intensity(10, five);
            let refused = s.supervisor("group", "keeps none").restart(policy.clone()).start();
            match refused {
                Err(StartError::Spawn(SpawnError::InvalidPolicy { needs, within })) => {
                    assert_eq!((needs, within), (Duration::from_millis(32_700), five));
                }
                other => panic!("{other:?}"),
            }
            let child = Child::new("a", "waits", until_stopped).restart(policy);
            let refused = s.supervisor("group", "keeps one").add(child).start();
            assert!(matches!(refused, Err(StartError::Spawn(SpawnError::InvalidPolicy { .. }))));
            assert!(s.snapshot().root.scopes.is_empty());

            s.stop();
            let late = s.supervisor("group", "keeps one").child("a", "waits", until_stopped).start();
            assert!(matches!(late, Err(StartError::Spawn(SpawnError::Stopped(_)))), "{late:?}");
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn sv3_a_stop_ends_the_start() {
    // catches: a start that is deaf
    within(|| {
        let error = homebound::scope(|s| {
            let stopper = s.stopper();
            let slow = Child::new("slow", "is never ready", move |cx| {
                stopper.stop();
                Ok(drop(cx.wait_for_stop()))
            });
            let started = s.supervisor("group", "keeps one").add(slow.ready_within(NEVER)).start();
            assert!(matches!(started, Err(StartError::Stopped(_))), "{started:?}");
            Ok(drop(started?))
        })
        .unwrap_err();
        assert!(error.failures().is_empty(), "{error}");
    });
}

#[test]
fn sv3_not_ready_in_time_in_a_restart_is_a_failed_run() {
    // catches: a run that starts for ever, that is not counted, that is not told
    within(|| {
        let runs = AtomicU64::new(0);
        homebound::scope(|s| {
            let sup = s.supervisor("group", "keeps two").restart(at_once()).strategy(Strategy::RestForOne);
            let feed = Child::new("feed", "is ready in runs 1 and 3", |cx| {
                runs.fetch_add(1, Ordering::SeqCst);
                match cx.run_number() {
                    1 => {
                        cx.ready();
                        Err("no answer")?
                    }
                    2 => Ok(drop(cx.wait_for_stop())),
                    _ => {
                        cx.ready();
                        Ok(drop(cx.wait_for_stop()))
                    }
                }
            });
            let sup =
                sup.add(feed.ready_within(Duration::from_millis(300))).child("b", "waits", until_stopped);
            let sup = sup.start()?;
            eventually("the third run is up", || {
                sup.children().iter().all(|child| child.state == ChildState::Running)
                    && sup.children()[0].run == 3
            });
            assert_eq!((runs.load(Ordering::SeqCst), sup.restarts()), (3, 2));
            let failures = sup.failures();
            assert!(failures[0].to_string().ends_with("no answer"));
            assert!(failures[1].downcast_ref::<StartError>().is_some(), "{}", failures[1]);
            // The dump says the same as the handle: the run that was late is the last that failed.
            let row = all_threads(&s.snapshot()).into_iter().find(|row| row.name == "feed").unwrap();
            let last = row.last_failure.unwrap_or_default();
            assert!(last.contains("not ready within"), "{last}");
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn sv3_a_supervisor_without_children_waits_for_them() {
    // catches: a supervisor that ends before its first child
    within(|| {
        homebound::scope(|s| {
            let sup = s.supervisor("connections", "keeps those that are open").start()?;
            for name in ["one", "two", "one"] {
                let (done, over) = gate();
                sup.add(Child::once(name, "answers", move |_| Ok(drop(done))))?;
                assert!(over.recv().is_err());
                eventually("its name is free", || sup.children().is_empty());
            }
            let failing = Child::new("late", "fails", |_| Err("no port")?).ready_within(MINUTE);
            match sup.add(failing) {
                Err(ChildError::Start(StartError::Failed(failure))) => {
                    assert!(failure.to_string().ends_with("no port"));
                }
                other => panic!("{other:?}"),
            }
            assert!(sup.children().is_empty());
            assert_eq!(sup.restarts(), 0);
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn sv3_a_failure_in_a_start_that_a_stop_ends_is_told() {
    // catches: a failure that goes with the answer to a starter that was stopped meanwhile (P4)
    within(|| {
        let (open, closed) = gate();
        let (told, tell) = crossbeam_channel::bounded(1);
        let error = homebound::scope(|s| {
            s.spawn("stopper", "stops while the first child is put away", move |_| {
                tell.recv()?;
                s.stop();
                Ok(drop(open))
            })?;
            let slow = Child::new("a", "is slow to hear", move |cx| {
                cx.ready();
                cx.wait_for_stop();
                told.try_send(()).ok();
                pass(&closed);
                Ok(())
            });
            let sup = s.supervisor("group", "starts").add(slow.ready_within(NEVER));
            sup.add(Child::new("b", "fails", |_| Err(boom("no luck"))).ready_within(NEVER)).start()?;
            Ok(())
        })
        .unwrap_err();
        assert!(error.failures().len() == 1 && error.to_string().contains("no luck"), "{error}");
    });
}
