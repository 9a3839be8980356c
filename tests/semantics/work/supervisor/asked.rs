//! SV9: what handles may ask for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as StdMutex, OnceLock};
use std::time::Duration;

use super::*;
use homebound::work::{Child, ChildError};
use homebound::{JoinError, StopReason};

#[test]
fn sv9_restart_stop_add_remove() {
    // catches: a restart that counts, a stop that restarts, a child that is lost
    within(|| {
        let log = Log::default();
        homebound::scope(|s| {
            let sup = s.supervisor("group", "keeps what comes").restart(Restart::on_failure().no_backoff());
            let sup = sup.child("a", "waits", |cx| log.run("a", cx)).start()?;
            for _ in 0..10 {
                sup.restart("a")?; // more often than the policy would allow
            }
            assert_eq!((sup.restarts(), sup.children()[0].run), (0, 11));
            sup.stop_child("a")?;
            assert_eq!(state_of(&sup, "a"), Some(ChildState::Stopped));
            sup.stop_child("a")?;
            assert!(log.text().ends_with("+a -a"));
            sup.restart("a")?;
            assert_eq!(state_of(&sup, "a"), Some(ChildState::Running));
            assert_eq!(sup.children()[0].run, 12);

            sup.add(Child::new("b", "waits", |cx| log.run("b", cx)))?;
            let twin = sup.add(Child::new("b", "waits", until_stopped));
            assert!(matches!(twin, Err(ChildError::Duplicate)), "{twin:?}");
            sup.remove("b")?;
            assert_eq!(state_of(&sup, "b"), None);
            assert!(log.lines().contains(&"-b".to_owned()));
            for asked in [sup.restart("b"), sup.stop_child("b"), sup.remove("b")] {
                assert!(matches!(asked, Err(ChildError::Unknown)), "{asked:?}");
            }
            sup.add(Child::new("b", "waits again", |cx| log.run("b", cx)))?;
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn sv9_a_restart_on_purpose_says_who_has_asked() {
    // catches: a reason that is not Restarted
    within(|| {
        let reason = StdMutex::new(None);
        homebound::scope_named("app", |s| {
            let sup = s.supervisor("group", "keeps one");
            let sup = sup.child("a", "waits", |cx| {
                reason.lock().unwrap().get_or_insert(cx.wait_for_stop());
                Ok(cx.checkpoint()?)
            });
            sup.start()?.restart("a")?;
            Ok(())
        })
        .unwrap();
        let by = "/app".to_owned();
        assert_eq!(reason.into_inner().unwrap(), Some(StopReason::Restarted { by }));
    });
}

#[test]
fn sv9_a_pause_ends_with_a_restart_or_a_stop_on_purpose() {
    // catches: a request that waits for the pause
    within(|| {
        homebound::scope(|s| {
            let policy = Restart::on_failure().backoff(NEVER, NEVER);
            let sup = s.supervisor("group", "keeps one").restart(policy);
            let sup = sup.child("a", "fails in runs 1 and 2", |cx| {
                if cx.run_number() < 3 { Err("no answer")? } else { Ok(drop(cx.wait_for_stop())) }
            });
            let sup = sup.start()?;
            eventually("it pauses", || {
                sup.restarts() == 2 && state_of(&sup, "a") == Some(ChildState::Pausing)
            });
            sup.stop_child("a")?;
            assert_eq!(state_of(&sup, "a"), Some(ChildState::Stopped));
            sup.restart("a")?;
            assert_eq!((sup.children()[0].run, sup.restarts()), (3, 2));
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn sv9_a_child_that_is_late_is_overdue_and_then_done() {
    // catches: a caller that waits for ever, a request that is forgotten
    within(|| {
        let open = AtomicBool::new(false);
        homebound::scope(|s| {
            let sup = s.supervisor("group", "keeps one").child_grace(Duration::from_millis(30));
            let sup = sup.child("deaf", "hears late", |_| {
                while !open.load(Ordering::SeqCst) {
                    linger(1);
                }
                Ok(())
            });
            let sup = sup.child("a", "waits", until_stopped).start()?;
            let late = sup.stop_child("deaf");
            assert!(matches!(late, Err(ChildError::Overdue)), "{late:?}");
            assert_eq!(state_of(&sup, "deaf"), Some(ChildState::Stopping));
            open.store(true, Ordering::SeqCst);
            eventually("it is down", || state_of(&sup, "deaf") == Some(ChildState::Stopped));
            assert!(!s.is_stopping());
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn sv9_a_child_that_asks_about_children_would_wait_for_itself() {
    // catches: a deadlock, at any depth below
    in_scope(|s| {
        let handle = Arc::new(OnceLock::new());
        let seen = Arc::new(StdMutex::new(Vec::new()));
        let sup = s.context().supervisor("group", "keeps one");
        let (own, told) = (Arc::clone(&handle), Arc::clone(&seen));
        let sup = sup.child("a", "asks", move |cx| {
            let ask = |sup: &Supervisor<'_>| {
                let asked = [sup.restart("a"), sup.stop_child("a"), sup.remove("a")];
                let joined = matches!(sup.join(), Err(JoinError::WouldDeadlock { .. }));
                let all = asked.iter().all(|asked| matches!(asked, Err(ChildError::WouldDeadlock)));
                told.lock().unwrap().push(all && joined);
            };
            eventually("the handle is there", || own.get().is_some());
            let sup: &Supervisor<'static> = own.get().unwrap();
            ask(sup);
            cx.subscope("below", |inner| {
                ask(sup);
                inner.spawn("worker", "asks", |_| Ok(ask(sup)))?;
                Ok(())
            })?;
            // A child may add another one.
            sup.add(Child::once("c", "returns", |_| Ok(())))?;
            told.lock().unwrap().push(true);
            Ok(drop(cx.wait_for_stop()))
        });
        handle.set(sup.start()?).unwrap();
        eventually("all have asked", || seen.lock().unwrap().len() == 4);
        assert_eq!(*seen.lock().unwrap(), [true; 4]);
        Ok(())
    });
}

#[test]
fn sv9_joins_of_a_supervisor() {
    // catches: a join for ever, a join that is refused though it would end (A18)
    within(|| {
        homebound::scope(|s| {
            let idle = s.supervisor("idle", "keeps one").child("a", "waits", until_stopped).start()?;
            let joined = idle.join();
            assert!(matches!(joined, Err(JoinError::WouldDeadlock { .. })), "{joined:?}");
            let sup = idle.clone();
            let worker = s.spawn("worker", "joins", move |_| {
                Ok(matches!(sup.join(), Err(JoinError::WouldDeadlock { .. })))
            })?;
            assert!(worker.join()?);
            idle.stop();
            idle.join()?;
            idle.join()?;
            let late = idle.add(Child::new("b", "is late", until_stopped));
            assert!(matches!(late, Err(ChildError::Stopped(_))), "{late:?}");

            let vital = s.supervisor("vital", "keeps one");
            let vital = vital.add(Child::new("a", "returns", |_| Ok(linger(5))).vital()).start()?;
            vital.join()?;
            let once = s.supervisor("once", "keeps one");
            once.add(Child::once("a", "returns", |_| Ok(linger(5)))).start()?.join()?;
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn sv9_stop_stops_the_children_last_first_and_restarts_nothing() {
    // catches: children that live on, a stop of the scope, a failure
    within(|| {
        let log = Log::default();
        homebound::scope(|s| {
            let sup = s.supervisor("group", "keeps three").restart(at_once());
            let sup =
                sup.child("a", "waits", |cx| log.run("a", cx)).child("b", "waits", |cx| log.run("b", cx));
            let sup = sup.child("c", "pauses", |cx| {
                log.add(format!("c{}", cx.run_number()));
                cx.wait_for_stop();
                Ok(cx.checkpoint()?)
            });
            let sup = sup.start()?;
            log.await_lines(3);
            drop(sup.clone()); // stops nothing
            sup.stop();
            sup.join()?;
            assert!(log.text().ends_with("-b -a"), "{}", log.text());
            assert!(!s.is_stopping());
            eventually("the group has left the tree", || s.snapshot().root.scopes.is_empty());
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn sv9_waits_for_an_answer_end_on_a_stop() {
    // catches: a caller that hears nothing
    within(|| {
        let open = AtomicBool::new(false);
        homebound::scope(|s| {
            let sup = s.supervisor("group", "keeps one");
            let sup = sup.child("deaf", "hears late", |_| {
                while !open.load(Ordering::SeqCst) {
                    linger(1);
                }
                Ok(())
            });
            let sup = sup.child("a", "waits", until_stopped).start()?;
            let caller = s.spawn("caller", "asks", move |_| -> Result {
                match sup.stop_child("deaf") {
                    Err(ChildError::Stopped(stopped)) => Err(stopped)?,
                    other => panic!("{other:?}"),
                }
            })?;
            eventually("it waits", || s.dump_status().contains("stop of a child"));
            caller.stop();
            assert!(matches!(caller.join(), Err(JoinError::Stopped(_))));
            open.store(true, Ordering::SeqCst);
            Ok::<(), homebound::BoxError>(())
        })
        .unwrap();
    });
}
