//! SV10, and the end of SV9: waits of a supervisor's callers that would be for ever.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::waits_of;
use super::*;
use homebound::work::{Child, ChildError};
use homebound::{Handle, JoinError, scope};

/// A handle that is given to a child after the child was made.
type Lent<'scope> = Arc<Mutex<Option<Handle<'scope, ()>>>>;

/// Joins the thread that was lent. True if the join was refused.
fn is_refused(lent: &Lent<'_>) -> bool {
    let mut handle = None;
    eventually("the handle is lent", || {
        handle = lent.lock().unwrap().take();
        handle.is_some()
    });
    matches!(handle.expect("it is").join(), Err(JoinError::WouldDeadlock { .. }))
}

/// Spawns the thread that asks, lends it, and waits until it is home.
fn asks<'scope>(
    s: &Scope<'scope, '_>,
    lent: &Lent<'scope>,
    ask: impl FnOnce() -> Result + Send + 'scope,
) -> Result {
    let (open, gate) = gate();
    let asker = s.spawn("asker", "asks the supervisor", move |_| {
        pass(&gate);
        ask()
    })?;
    let done = asker.done().clone();
    *lent.lock().unwrap() = Some(asker);
    drop(open);
    Ok(assert!(done.recv().is_err()))
}

/// A supervisor that would wait for ever for a child that does not come home.
fn patient<'scope>(s: &Scope<'scope, '_>) -> homebound::work::SupervisorBuilder<'scope> {
    s.supervisor("group", "keeps one").child_grace(NEVER)
}

#[test]
fn sv10_a_child_that_joins_its_asker_is_refused_whichever_came_first() {
    // catches: an asker that waits for the grace of the child, because the child waits for it
    for child_first in [true, false] {
        in_scope(move |s| {
            for request in ["restart", "stop_child", "remove"] {
                let (lent, refused) = (Lent::default(), Arc::new(Log::default()));
                let (theirs, told) = (Arc::clone(&lent), Arc::clone(&refused));
                let child = Child::new("a", "joins the thread that asks about it", move |cx| {
                    cx.ready();
                    if cx.run_number() > 1 {
                        return until_stopped(cx);
                    }
                    if !child_first {
                        cx.wait_for_stop();
                    }
                    told.add(is_refused(&theirs).to_string());
                    Ok(drop(cx.wait_for_stop()))
                });
                let sup = patient(s).add(child).start()?;
                let own = sup.clone();
                asks(s, &lent, move || {
                    if child_first {
                        waits_of(s, "a", "join");
                    }
                    Ok(match request {
                        "restart" => own.restart("a"),
                        "stop_child" => own.stop_child("a"),
                        _ => own.remove("a"),
                    }?)
                })?;
                assert_eq!(refused.text(), "true", "{request}, {child_first}");
                sup.stop();
                sup.join()?;
            }
            Ok(())
        });
    }
}

#[test]
fn sv10_an_asker_in_a_group_that_the_child_closes_is_refused() {
    // catches: a cycle in which no join can give up
    in_scope(|s| {
        let group = Arc::new(Mutex::new(Some(s.group("closed")?)));
        let (asked, own) = (Arc::new(Mutex::new(None)), Arc::clone(&group));
        let (open, gate) = gate();
        let child = Child::new("a", "closes the group of the thread that asks", move |cx| {
            pass(&gate);
            let group = own.lock().unwrap().take();
            group.map_or(Ok(()), |group| group.close())?;
            Ok(drop(cx.wait_for_stop()))
        });
        let sup = patient(s).add(child).start()?;
        let (theirs, told) = (sup.clone(), Arc::clone(&asked));
        let spawned = group.lock().unwrap().as_ref().map(|group| {
            group.spawn("asker", "asks", move |_| {
                waits_of(s, "a", "group");
                Ok(*told.lock().unwrap() = Some(theirs.stop_child("a")))
            })
        });
        let asker = spawned.transpose()?.expect("the group is there");
        drop(open);
        asker.join()?;
        let asked = asked.lock().unwrap().take();
        assert!(matches!(asked, Some(Err(ChildError::WouldDeadlock))), "{asked:?}");
        Ok(())
    });
}

#[test]
fn sv10_a_child_that_joins_its_starter_before_it_is_ready_is_refused() {
    // catches: a start, or an `add`, that waits for its limit
    in_scope(|s| {
        for added in [true, false] {
            let lent = Lent::default();
            let theirs = Arc::clone(&lent);
            let child = Child::new("a", "joins its starter", move |cx| {
                assert!(is_refused(&theirs), "added: {added}");
                cx.ready();
                Ok(drop(cx.wait_for_stop()))
            });
            let child = child.ready_within(NEVER);
            asks(s, &lent, move || {
                let sup = patient(s);
                let sup = if added {
                    let sup = sup.start()?;
                    sup.add(child)?;
                    sup
                } else {
                    sup.add(child).start()?
                };
                sup.stop();
                Ok(sup.join()?)
            })?;
        }
        Ok(())
    });
}

#[test]
fn sv10_a_child_that_joins_a_thread_which_joins_the_supervisor_is_refused() {
    // catches: a supervisor whose end nobody reaches, because its last child waits for that
    in_scope(|s| {
        for vital in [true, false] {
            let (lent, refused) = (Lent::default(), Arc::new(Log::default()));
            let (theirs, told) = (Arc::clone(&lent), Arc::clone(&refused));
            let child = Child::once("a", "joins the thread that joins", move |_| {
                waits_of(s, "asker", "join");
                Ok(told.add(is_refused(&theirs).to_string()))
            });
            let child = if vital { child.vital() } else { child };
            let sup = patient(s).add(child).start()?;
            asks(s, &lent, move || Ok(sup.join()?))?;
            assert_eq!(refused.text(), "true", "vital: {vital}");
        }
        Ok(())
    });
}

/// A supervisor with two vital children, each of which waits for the thread that joins it: one
/// joins that thread, the other closes its group. `last`: the child or the thread whose wait comes
/// last. Returns the name of the one whose join was refused.
fn two_vital(last: &'static str) -> String {
    let refused = Arc::new(Log::default());
    let told = Arc::clone(&refused);
    within(move || {
        let ended = scope(move |s| {
            let (lent, group) = (Lent::default(), Arc::new(Mutex::new(Some(s.group("closed")?))));
            let (theirs, own, told_too) = (Arc::clone(&lent), Arc::clone(&group), Arc::clone(&told));
            let joins = Child::once("joins", "joins the asker", move |_| {
                if last == "joins" {
                    waits_of(s, "asker", "join");
                    waits_of(s, "closes", "group");
                }
                Ok(if is_refused(&theirs) {
                    told.add("joins")
                })
            });
            let (open, gate) = gate();
            let closes = Child::once("closes", "closes the asker's group", move |_| {
                pass(&gate);
                if last == "closes" {
                    waits_of(s, "asker", "join");
                    waits_of(s, "joins", "join");
                }
                let group = own.lock().unwrap().take();
                Ok(group.map_or(Ok(()), |group| group.close())?)
            });
            let sup = s.supervisor("group", "keeps two").child_grace(Duration::from_millis(10));
            let sup = sup.add(joins.vital()).add(closes.vital()).start()?;
            let spawned = group.lock().unwrap().as_ref().map(|group| {
                group.spawn("asker", "joins the supervisor", move |_| {
                    if last == "asker" {
                        waits_of(s, "joins", "join");
                        waits_of(s, "closes", "group");
                    }
                    let is_cycle = matches!(sup.join(), Err(JoinError::WouldDeadlock { .. }));
                    Ok(if is_cycle {
                        told_too.add("asker")
                    })
                })
            });
            let asker = spawned.transpose()?.expect("the group is there");
            let done = asker.done().clone();
            *lent.lock().unwrap() = Some(asker);
            drop(open);
            // The scope would stop the supervisor if its body returned.
            Ok(assert!(done.recv().is_err()))
        });
        // A child that was refused ends, and with it the supervisor, for which the other is late.
        let late = ended.err().map(|error| error.to_string());
        assert!(late.as_ref().is_none_or(|text| text.contains("did not stop within")), "{late:?}");
    });
    refused.text()
}

#[test]
fn sv10_two_vital_children_that_both_wait_for_the_joiner_are_refused() {
    // catches: three waits for ever, because the end of either child would end the join
    assert_eq!(two_vital("asker"), "asker");
    assert_eq!(two_vital("joins"), "joins");
    // The closing of a group cannot be refused. Both joins are asked once more, and one of them is.
    let refused = two_vital("closes");
    assert!(["asker", "joins"].contains(&&*refused), "{refused}");
}

#[test]
fn sv10_waits_that_end_are_not_refused() {
    // catches: a join that is refused although the supervisor ends without the child; a join in the
    // run after the one that is waited for
    in_scope(|s| {
        let (lent, refused) = (Lent::default(), Arc::new(Log::default()));
        let (theirs, told) = (Arc::clone(&lent), Arc::clone(&refused));
        let joins = Child::once("joins", "joins the thread that joins", move |_| {
            Ok(told.add(is_refused(&theirs).to_string()))
        });
        let (open, gate) = gate();
        let ends = Child::once("ends", "ends the supervisor", move |_| Ok(pass(&gate)));
        let sup = s.supervisor("group", "keeps two").child_grace(Duration::from_millis(10));
        let sup = sup.add(joins.vital()).add(ends.vital()).start()?;
        asks(s, &lent, move || {
            waits_of(s, "joins", "join");
            drop(open);
            Ok(sup.join()?)
        })?;
        refused.await_lines(1);
        assert_eq!(refused.text(), "false");

        for _ in 0..20 {
            let lent = Lent::default();
            let theirs = Arc::clone(&lent);
            let child = Child::new("a", "joins in its second run", move |cx| {
                if cx.run_number() == 2 {
                    assert!(!is_refused(&theirs), "its asker is answered");
                }
                Ok(drop(cx.wait_for_stop()))
            });
            let sup = patient(s).add(child).start()?;
            let own = sup.clone();
            asks(s, &lent, move || Ok(own.restart("a")?))?;
            sup.stop();
            sup.join()?;
        }
        Ok(())
    });
}

#[test]
fn sv9_a_supervisor_that_is_over_says_why() {
    // catches: `the users of the service are done`, whatever has ended the supervisor
    within(|| {
        let late = |sup: &Supervisor<'_>| match sup.add(Child::new("late", "is late", until_stopped)) {
            Err(ChildError::Stopped(stopped)) => stopped.reason().to_string(),
            other => panic!("{other:?}"),
        };
        let failed = homebound::scope_named("app", |s| {
            let asked = patient(s).child("a", "waits", until_stopped).start()?;
            asked.stop();
            asked.join()?;
            assert!(late(&asked).contains("cycles.rs"), "{}", late(&asked));
            let over = patient(s).add(Child::once("a", "returns", |_| Ok(()))).start()?;
            over.join()?;
            assert_eq!(late(&over), "all children of the supervisor are over");
            let vital = patient(s).add(Child::once("a", "returns", |_| Ok(())).vital()).start()?;
            vital.join()?;
            assert!(late(&vital).contains("/app/group/a"), "{}", late(&vital));
            let fails = patient(s).restart(Restart::never());
            let (open, gate) = gate();
            let fails = fails.add(
                Child::once("a", "fails", move |_| {
                    pass(&gate);
                    Err(boom("no paper"))
                })
                .vital(),
            );
            let fails = fails.start()?;
            drop(open);
            assert!(matches!(fails.join(), Err(JoinError::Failed(_))));
            Ok(assert!(late(&fails).contains("/app/group/a"), "{}", late(&fails)))
        });
        assert_eq!(failed.expect_err("the vital child").failures().len(), 1);
    });
}
