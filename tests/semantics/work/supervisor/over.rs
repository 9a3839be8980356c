//! SV5, SV7 and SV8: the last end of a child, the stop, and supervisors inside each other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::*;
use homebound::work::{Child, ChildState, Strategy};
use homebound::{JoinError, StopReason};

#[test]
fn sv5_never_and_once_are_over_at_their_first_end() {
    // catches: a restart, a failure of the scope, a closure that is kept
    within(|| {
        let (line, dropped) = gate();
        homebound::scope(|s| {
            let sup = s.supervisor("ingest", "keeps three").restart(at_once());
            let sup = sup.child("stays", "waits", until_stopped);
            let sup = sup.add(Child::new("never", "fails", |_| Err("one try")?).never());
            let sup = sup.add(Child::once("once", "fails", move |_| {
                drop(line);
                Err("one line")?
            }));
            let sup = sup.start()?;
            eventually("both have failed", || sup.failures().len() == 2);
            eventually("never is over", || state_of(&sup, "never") == Some(ChildState::Ended));
            assert!(dropped.recv().is_err());
            eventually("once has no row", || state_of(&sup, "once").is_none());
            assert_eq!(sup.restarts(), 0);
            assert_eq!(sup.children().iter().filter(|child| child.run == 1).count(), 2);
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn sv5_a_closure_that_will_not_run_again_is_dropped_at_once() {
    // catches: a closure that is kept until the supervisor ends
    within(|| {
        homebound::scope(|s| {
            let (line, dropped) = gate();
            let sup = s.supervisor("ingest", "keeps two").child("stays", "waits", until_stopped);
            let _sup = sup
                .child("done", "returns", move |_| {
                    let _held = &line;
                    Ok(())
                })
                .start()?;
            assert!(dropped.recv().is_err());
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn sv5_a_vital_child_that_returns_ends_the_supervisor_in_reverse() {
    // catches: a supervisor that goes on, the wrong order, a failure
    within(|| {
        let (log, (close, closed)) = (Log::default(), gate());
        homebound::scope(|s| {
            let sup = s.supervisor("app", "keeps the window");
            let sup =
                sup.child("a", "waits", |cx| log.run("a", cx)).child("b", "waits", |cx| log.run("b", cx));
            let sup =
                sup.add(Child::new("window", "is the program", |cx| Ok(drop(cx.recv(&closed)))).vital());
            let sup = sup.start()?;
            log.await_lines(2);
            drop(close);
            sup.join()?;
            assert!(!s.is_stopping());
            Ok(())
        })
        .unwrap();
        assert_eq!(log.lines()[2..], ["-b", "-a"]);
    });
}

#[test]
fn sv5_a_vital_child_that_fails_for_good_fails_the_supervisor_as_itself() {
    // catches: a GaveUp, two failures, a join that says Ok
    within(|| {
        let error = homebound::scope(|s| {
            let sup = s.supervisor("app", "keeps the window").child("a", "waits", until_stopped);
            let window = Child::new("window", "is the program", |_| Err("no display")?).never().vital();
            let joined = sup.add(window).start()?.join();
            match joined {
                Err(JoinError::Failed(failure)) => assert!(failure.to_string().ends_with("no display")),
                other => panic!("{other:?}"),
            }
            Ok(())
        })
        .unwrap_err();
        assert_eq!(error.failures().len(), 1, "{error}");
        assert!(error.first().unwrap().path().ends_with("/app/window"));
    });
}

#[test]
fn sv5_a_vital_child_restarts_first() {
    // catches: vital at each end
    within(|| {
        homebound::scope(|s| {
            let sup = s.supervisor("app", "keeps the window").restart(at_once());
            let window = Child::new("window", "is the program", |cx| {
                if cx.run_number() < 3 { Err("flicker")? } else { Ok(()) }
            });
            let sup = sup.add(window.vital()).start()?;
            sup.join()?;
            assert_eq!(sup.restarts(), 2);
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn sv5_when_all_children_are_over_the_supervisor_is_and_leaves_no_trace() {
    // catches: a group that stays in the tree, a scope that waits for it
    within(|| {
        homebound::scope(|s| {
            for round in 0..3 {
                let (go, gone) = gate();
                let sup = s.supervisor("batch", "keeps two");
                let one = Child::once("one", "returns", move |cx| Ok(drop(cx.recv(&gone))));
                let sup = sup.add(one).add(Child::once("two", "returns", |_| Ok(()))).start()?;
                assert_eq!(s.snapshot().root.scopes.len(), 1, "round {round}");
                drop(go);
                sup.join()?;
                eventually("the group has left the tree", || s.snapshot().root.scopes.is_empty());
                assert!(matches!(sup.restart("one"), Err(homebound::ChildError::Stopped(_))));
            }
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn sv5_a_child_that_is_late_comes_home_before_the_supervisor_is_over() {
    // catches: the end of a child that was given up, which nobody takes in: the child stays down
    // for ever, and its scope waits for it
    within(|| {
        for _ in 0..50 {
            homebound::scope(|s| {
                let ((open, closed), (over, is_over)) = (gate(), gate());
                let sup = s.supervisor("group", "keeps two").child_grace(Duration::from_millis(5));
                // Told second, while the other is late.
                let first = Child::once("first", "lets the other go", move |cx| {
                    cx.wait_for_stop();
                    drop(open);
                    pass(&is_over);
                    // The other has some instructions left until its end is posted.
                    (0..1_000).for_each(|_| std::thread::yield_now());
                    Ok(())
                });
                let late = Child::once("late", "is late", move |cx| {
                    cx.wait_for_stop();
                    pass(&closed);
                    Ok(drop(over))
                });
                let sup = sup.add(first).add(late).start()?;
                sup.stop();
                Ok(sup.join()?)
            })
            .unwrap();
        }
    });
}

#[test]
fn sv7_a_stop_ends_a_pause_at_once_and_is_no_failure() {
    // catches: a pause that sleeps deaf, the answered failure listed at the stop
    within(|| {
        let error = homebound::scope(|s| {
            let sup = s.supervisor("ingest", "keeps the feed");
            let sup = sup.restart(Restart::on_failure().backoff(NEVER, NEVER));
            let sup = sup.child("feed", "fails", |_| Err("no answer")?).start()?;
            eventually("the second pause", || {
                let feed = &sup.children()[0];
                feed.run == 2 && feed.state == ChildState::Pausing
            });
            assert!(sup.children()[0].pause_left.unwrap() > MINUTE);
            s.stopper().stop_because("time to go");
            Ok(s.context().checkpoint()?)
        })
        .unwrap_err();
        assert!(error.failures().is_empty(), "{error}");
        assert!(matches!(error.stop_reason(), Some(StopReason::Custom(_))));
    });
}

#[test]
fn sv7_a_failure_after_the_stop_restarts_nothing() {
    // catches: a restart in a stop, a failure that is lost there
    within(|| {
        let runs = AtomicU64::new(0);
        let error = homebound::scope(|s| {
            let sup = s.supervisor("ingest", "keeps the feed").restart(at_once());
            sup.child("feed", "cleans up badly", |cx| {
                runs.fetch_add(1, Ordering::SeqCst);
                cx.ready();
                cx.wait_for_stop();
                Err("the disk is full")?
            })
            .start()?;
            eventually("it runs", || runs.load(Ordering::SeqCst) == 1);
            s.stop();
            Ok(())
        })
        .unwrap_err();
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        assert_eq!((error.failures().len(), error.during_stop().len()), (1, 1), "{error}");
        assert!(error.first().unwrap().downcast_ref::<GaveUp>().is_none());
    });
}

#[test]
fn sv7_children_are_told_last_first_after_the_users_of_the_scope() {
    // catches: children told with the users, or in their order
    within(|| {
        let log = Log::default();
        homebound::scope(|s| {
            let sup = s.supervisor("ingest", "keeps three");
            let sup = ["a", "b", "c"].into_iter().fold(sup, |sup, name| {
                let log = &log;
                sup.child(name, "waits", move |cx| log.run(name, cx))
            });
            sup.start()?;
            log.await_lines(3);
            s.spawn("user", "uses them", |cx| {
                linger(20);
                assert!(!cx.is_stopping());
                log.add("user done");
                Ok(())
            })?;
            Ok(())
        })
        .unwrap();
        assert_eq!(log.lines()[3..], ["user done", "-c", "-b", "-a"]);
    });
}

#[test]
fn sv8_levels_multiply() {
    // catches: a nested supervisor that fails the outer one at once, or whose runs are shared
    within(|| {
        let runs = AtomicU64::new(0);
        let policy = || Restart::on_failure().no_backoff().intensity(1, MINUTE);
        let error = homebound::scope(|s| {
            let outer = s.supervisor("outer", "keeps a supervisor").restart(policy());
            outer
                .child("inner", "keeps a leaf", |cx| {
                    cx.subscope("level", |inner| {
                        let sup = inner.supervisor("inner", "keeps a leaf").restart(policy());
                        sup.child("leaf", "fails", |_| {
                            runs.fetch_add(1, Ordering::SeqCst);
                            Err("no answer")?
                        })
                        .start()?;
                        inner.context().wait_for_stop();
                        Ok(())
                    })?;
                    Ok(())
                })
                .start()?;
            s.context().wait_for_stop();
            Ok(())
        })
        .unwrap_err();
        assert_eq!(runs.load(Ordering::SeqCst), 4);
        assert_eq!(gave_up(&error).child, "inner");
    });
}

#[test]
fn sv8_a_supervisor_in_a_childs_own_scope_fails_that_scope() {
    // catches: Context::supervisor whose giving up is nobody's
    within(|| {
        let error = homebound::scope(|s| {
            let sup = s.context().supervisor("ingest", "keeps the feed");
            sup.restart(Restart::never()).add(Child::new("feed", "fails", |_| Err("no")?).vital()).start()?;
            s.context().wait_for_stop();
            Ok(())
        })
        .unwrap_err();
        assert_eq!(error.failures().len(), 1);
    });
}

#[test]
fn sv5_a_run_that_is_swept_while_it_fails_is_no_episode() {
    // catches: a sibling's failure during the restart that counts
    within(|| {
        let log = Log::default();
        homebound::scope(|s| {
            let sup = s.supervisor("ingest", "keeps two").restart(at_once()).strategy(Strategy::OneForAll);
            let sup = sup
                .child("a", "fails when it is told", |cx| {
                    log.add("+a");
                    cx.wait_for_stop();
                    Err("a mess")?
                })
                .child("b", "fails once", |cx| {
                    log.add("+b");
                    if cx.run_number() == 1 { Err("no answer")? } else { Ok(drop(cx.wait_for_stop())) }
                });
            let sup = sup.start()?;
            log.await_lines(4);
            assert_eq!(sup.restarts(), 1);
            assert_eq!(sup.failures().len(), 2);
            // At the end its failure is the scope's.
            Ok(())
        })
        .map_err(|error| assert_eq!(error.failures().len(), 1))
        .unwrap_err();
    });
}
