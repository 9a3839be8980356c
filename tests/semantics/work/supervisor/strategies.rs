//! SV6: which siblings are restarted with a child.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as StdMutex};
use std::time::Duration;

use super::*;
use homebound::channel::{Receiver, bounded};
use homebound::work::{Child, Strategy};
use homebound::{Scope, StopReason};

/// Four children `a b c d`, of which each fails when its name is sent.
fn four<'scope>(
    s: &Scope<'scope, '_>,
    strategy: Strategy,
    log: &'scope Log,
    fail: &'scope Receiver<&'static str>,
) -> Result<Supervisor<'scope>> {
    let sup = s.supervisor("group", "keeps four").strategy(strategy).restart(at_once());
    let sup = ["a", "b", "c", "d"].into_iter().fold(sup, |sup, name| {
        let child = Child::new(name, "fails when it is asked to", move |cx| {
            log.add(format!("+{name}"));
            cx.ready();
            // One child reads for all, so each name is sent to the child that reads it.
            if name == "b" {
                let order = cx.recv(fail);
                if let Ok(why) = order {
                    log.add(format!("!{name}"));
                    Err(why)?;
                }
            } else {
                cx.wait_for_stop();
            }
            log.add(format!("-{name}"));
            Ok(cx.checkpoint()?)
        });
        sup.add(child.ready_within(MINUTE))
    });
    Ok(sup.start()?)
}

fn lines_of(strategy: Strategy, count: usize) -> String {
    within(move || {
        let log = Log::default();
        let (send, fail) = bounded(0);
        let mut lines = String::new();
        homebound::scope(|s| {
            let sup = four(s, strategy, &log, &fail)?;
            log.await_lines(4);
            send.send("fail").unwrap();
            log.await_lines(count);
            eventually("all are up", || {
                sup.children().iter().all(|child| child.state == ChildState::Running)
            });
            lines = log.text();
            assert_eq!(sup.restarts(), 1);
            let alone = sup.children().iter().filter(|child| child.restarts == 0).count();
            assert_eq!(
                alone,
                if strategy == Strategy::OneForOne {
                    3
                } else {
                    usize::from(strategy == Strategy::RestForOne)
                }
            );
            Ok(())
        })
        .unwrap();
        lines
    })
}

#[test]
fn sv6_one_for_one_restarts_the_child_alone() {
    // catches: siblings that are touched
    assert_eq!(lines_of(Strategy::OneForOne, 6), "+a +b +c +d !b +b");
}

#[test]
fn sv6_rest_for_one_restarts_those_after_it_last_first_then_in_order() {
    // catches: a wrong set, a wrong order, a start before all are home
    assert_eq!(lines_of(Strategy::RestForOne, 10), "+a +b +c +d !b -d -c +b +c +d");
}

#[test]
fn sv6_one_for_all_restarts_all_last_first_then_in_order() {
    // catches: as above
    assert_eq!(lines_of(Strategy::OneForAll, 12), "+a +b +c +d !b -d -c -a +a +b +c +d");
}

#[test]
fn sv6_siblings_are_told_by_whom_and_their_threads_are_joined() {
    // catches: another reason, a name instead of a path, a thread-local that lives on
    struct Local(Arc<StdMutex<Vec<&'static str>>>);
    impl Drop for Local {
        fn drop(&mut self) {
            linger(20);
            self.0.lock().unwrap().push("local gone");
        }
    }
    thread_local!(static LOCAL: StdMutex<Option<Local>> = const { StdMutex::new(None) });
    within(|| {
        let seen = Arc::new(StdMutex::new(Vec::new()));
        let reasons = StdMutex::new(Vec::new());
        homebound::scope_named("app", |s| {
            let sup = s.supervisor("group", "keeps two").strategy(Strategy::OneForAll).restart(at_once());
            let seen = &seen;
            let sup = sup
                .child("a", "waits", |cx| {
                    seen.lock().unwrap().push("run");
                    LOCAL.with(|local| *local.lock().unwrap() = Some(Local(Arc::clone(seen))));
                    reasons.lock().unwrap().push(cx.wait_for_stop());
                    Ok(cx.checkpoint()?)
                })
                .child("b", "fails once", |cx| {
                    eventually("a runs", || !seen.lock().unwrap().is_empty());
                    if cx.run_number() == 1 { Err("no answer")? } else { Ok(drop(cx.wait_for_stop())) }
                });
            let sup = sup.start()?;
            eventually("the second run of a", || seen.lock().unwrap().len() >= 3);
            assert_eq!(seen.lock().unwrap()[..3], ["run", "local gone", "run"]);
            assert_eq!(sup.restarts(), 1);
            Ok(())
        })
        .unwrap();
        let by = "/app/group/b".to_owned();
        assert_eq!(reasons.lock().unwrap()[0], StopReason::Restarted { by });
    });
}

#[test]
fn sv6_never_and_once_siblings_stay_down() {
    // catches: a sibling that is started again, a supervisor that waits for it
    within(|| {
        let log = Log::default();
        homebound::scope(|s| {
            let sup = s.supervisor("group", "keeps four").strategy(Strategy::OneForAll).restart(at_once());
            let never = Child::new("never", "waits", |cx| log.run("never", cx)).never();
            let once = Child::once("once", "waits", |cx| log.run("once", cx));
            let sup = sup.add(never).add(once).child("a", "waits", |cx| log.run("a", cx));
            let sup = sup.child("b", "fails once", |cx| {
                eventually("the others run", || log.lines().len() >= 3);
                if cx.run_number() == 1 { Err("no answer")? } else { log.run("b", cx) }
            });
            let sup = sup.start()?;
            let starts = |name: &str| log.lines().iter().filter(|line| **line == format!("+{name}")).count();
            eventually("a and b run again", || (starts("a"), starts("b")) == (2, 1));
            let (never, once) = (state_of(&sup, "never"), state_of(&sup, "once"));
            assert_eq!((never, once), (Some(ChildState::Ended), None));
            assert_eq!([starts("never"), starts("once")], [1, 1]);
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn sv6_a_deaf_sibling_ends_the_supervisor_by_name() {
    // catches: a second run beside the first, a supervisor that waits for ever
    within(|| {
        let beside = Beside::default();
        let open = AtomicBool::new(false);
        let error = homebound::scope(|s| {
            let sup = s.supervisor("group", "keeps two").strategy(Strategy::OneForAll).restart(at_once());
            let sup = sup.child_grace(Duration::from_millis(50));
            let sup = sup
                .child("deaf", "hears nothing", |_| {
                    beside.enter();
                    while !open.load(Ordering::SeqCst) {
                        linger(1);
                    }
                    beside.leave();
                    Ok(())
                })
                .child("b", "fails", |_| {
                    eventually("the other runs", || beside.most() > 0);
                    Err("no answer")?
                });
            let sup = sup.start()?;
            let ended = s.context().wait_for_stop();
            assert!(matches!(ended, StopReason::Failed { .. }));
            assert!(sup.failures()[0].to_string().ends_with("no answer"));
            open.store(true, Ordering::SeqCst);
            Ok(())
        })
        .unwrap_err();
        assert_eq!(beside.most(), 1);
        assert_eq!(error.failures().len(), 1, "{error}");
        let text = error.to_string();
        assert!(text.contains("\"deaf\" did not stop within 50"), "{text}");
    });
}

#[test]
fn sv6_a_failure_during_a_pause_joins_the_group_that_waits() {
    // catches: two restarts of one child, a pause that a sibling's failure makes shorter
    within(|| {
        let log = Log::default();
        let (send, fail) = bounded::<()>(0);
        homebound::scope(|s| {
            let policy = Restart::on_failure().backoff(NEVER, NEVER);
            let sup = s.supervisor("group", "keeps three").strategy(Strategy::RestForOne).restart(policy);
            let sup = sup
                .child("a", "fails when it is asked to", |cx| {
                    if cx.recv(&fail).is_ok() {
                        Err("a")?;
                    }
                    Ok(cx.checkpoint()?)
                })
                .child(
                    "b",
                    "fails twice",
                    |cx| {
                        if cx.run_number() < 3 { Err("b")? } else { log.run("b", cx) }
                    },
                )
                .child("c", "waits", |cx| log.run("c", cx));
            let sup = sup.start()?;
            let states =
                || [0, 1, 2].map(|place: usize| (sup.children()[place].state, sup.children()[place].run));
            // Its first restart is at once, and takes c along; the second one is in an hour.
            let (running, pausing) = (ChildState::Running, ChildState::Pausing);
            eventually("b and c pause", || states()[0] == (running, 1) && states()[2].0 == pausing);
            eventually("b has failed twice", || sup.restarts() == 2);
            send.send(()).unwrap();
            eventually("a runs again", || states()[0] == (running, 2));
            assert_eq!((states()[1], states()[2].0, sup.restarts()), ((pausing, 2), pausing, 3));
            sup.restart("b")?;
            sup.restart("c")?;
            assert_eq!((states()[1], states()[2].0), ((running, 3), running));
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn sv6_a_deaf_sibling_that_is_removed_meanwhile_ends_the_supervisor_all_the_same() {
    // catches: siblings that stay down for as long as the deaf one pleases
    within(|| {
        let (open, closed) = gate();
        let (fail, fails) = gate();
        let error = homebound::scope(|s| {
            let sup = s.supervisor("group", "keeps two").strategy(Strategy::OneForAll).restart(at_once());
            let sup = sup.child_grace(Duration::from_millis(300));
            let sup = sup.child("a", "fails", move |_| {
                pass(&fails);
                Err(boom("no luck"))
            });
            let sup = sup.child("deaf", "hears nothing", move |_| Ok(pass(&closed))).start()?;
            drop(fail);
            eventually("it was told", || state_of(&sup, "deaf") == Some(ChildState::Stopping));
            let removed = sup.remove("deaf");
            assert!(removed.is_err(), "{removed:?}");
            s.context().wait_for_stop();
            Ok(drop(open))
        })
        .unwrap_err();
        assert!(error.to_string().contains("\"deaf\" did not stop within"), "{error}");
    });
}
