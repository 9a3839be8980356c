//! Owns what tokio-util's tests of a cancellation token ask, asked of scopes, groups and contexts.
//! Refuses futures: what waits here is a thread.

use std::sync::{Arc, Barrier};

use crossbeam_channel::{Sender, bounded, unbounded};
use homebound::{Context, Group, Handle, OnStop, Result, Scope, StopReason, Stopper, scope};

use crate::common::*;

#[test]
fn a_stop_from_another_thread_ends_the_wait() {
    // from: cancel_token, loom cancel_token; pins P5, P6
    in_scope(|s| {
        for _ in 0..200 {
            let group = s.group("group")?;
            let waits = group.spawn("waits", "waits for the stop", |cx| Ok(cx.wait_for_stop()))?;
            let stopper = group.stopper();
            s.spawn("stops", "stops the group", move |_| Ok(stopper.stop_because("enough")))?;
            let reason = waits.join()?;
            assert_eq!(*origin(&reason), StopReason::Custom("enough".into()));
        }
        Ok(())
    });
}

#[test]
fn a_child_is_stopped_through_its_parent() {
    // from: cancel_child_token_through_parent, loom cancel_with_child; pins P5
    in_scope(|s| {
        s.subscope("parent", |parent| {
            parent.subscope("child", |child| {
                assert!(!parent.is_stopping() && !child.is_stopping());
                parent.stop();
                assert!(parent.is_stopping() && child.is_stopping() && disconnected(child.stop_signal()));
                Ok(())
            })?;
            Ok(assert!(!s.is_stopping()))
        })?;
        Ok(())
    });
}

#[test]
fn a_grandchild_is_stopped_though_the_one_between_was_forgotten() {
    // from: cancel_grandchild_token_through_parent_if_child_was_dropped; pins P3, P5
    in_scope(|s| {
        let parent = s.group("parent")?;
        let between = parent.group("between")?;
        let below = between.group("below")?;
        std::mem::forget(between);
        let waits = below.spawn("waits", "waits", |cx| Ok(cx.wait_for_stop()))?;
        // Groups are told in their turn, when somebody drives the stop: here it is the shutdown.
        parent.shutdown(NEVER);
        assert!(below.is_stopping() && waits.is_finished());
        Ok(_ = waits.join()?)
    });
}

#[test]
fn a_child_is_stopped_without_its_parent() {
    // from: cancel_child_token_without_parent; pins S2
    in_scope(|s| {
        let parent = s.group("parent")?;
        let (one, other) = (parent.group("one")?, parent.group("other")?);
        one.stop();
        assert!(one.is_stopping() && !parent.is_stopping() && !other.is_stopping());
        let reborn = parent.group("reborn")?;
        assert!(!reborn.is_stopping());
        drop(parent);
        Ok(assert!(other.is_stopping() && reborn.is_stopping()))
    });
}

#[test]
fn a_child_made_after_the_stop_is_born_stopped() {
    // from: create_child_token_after_parent_was_cancelled; pins S2
    in_scope(|s| {
        s.stopper().stop_because("before");
        s.subscope("late", |late| {
            assert!(late.is_stopping() && disconnected(late.stop_signal()));
            late.context().shield(NEVER, |hidden| assert!(!hidden.is_stopping()));
            let reason = late.context().wait_for_stop();
            Ok(assert_eq!(*origin(&reason), StopReason::Custom("before".into())))
        })?;
        Ok(())
    });
}

#[test]
fn children_that_go_in_any_order_leave_the_others_alone() {
    // from: drop_multiple_child_tokens, loom drop_token_no_child, loom drop_token_with_children;
    // pins P9
    in_scope(|s| {
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut children: Vec<_> = (0..3).map(|n| s.group(format!("child-{n}")).ok()).collect();
            for gone in order {
                drop(children[gone].take());
                assert!(children.iter().flatten().all(|child| !child.is_stopping()));
                assert!(!s.is_stopping());
            }
            assert!(s.snapshot().root.scopes.is_empty(), "{order:?}");
        }
        Ok(())
    });
}

/// A scope with two threads below it, each with a scope like it, `levels` deep. Each tells its
/// context and waits.
fn family(levels: usize, tell: &Sender<(Context, Stopper)>) -> Result {
    let end = scope(|s| {
        for name in ["0", "1"].iter().take(2 * levels) {
            let tell = tell.clone();
            s.spawn(*name, "has a family of its own", move |_| family(levels - 1, &tell))?;
        }
        tell.send((s.context().clone(), s.stopper()))?;
        Ok(_ = s.context().wait_for_stop())
    });
    Ok(end?)
}

#[test]
fn a_stop_reaches_all_that_is_below_and_nothing_else() {
    // from: cancel_only_all_descendants; pins P5, S2
    in_scope(|s| {
        for chosen in 0..15 {
            let (tell, told) = unbounded();
            let top = s.spawn("top", "is the first of its family", move |_| family(3, &tell))?;
            let mut all: Vec<_> = told.iter().take(15).collect();
            all.sort_by_key(|(member, _)| member.path().to_owned());
            let path = all[chosen].0.path().to_owned();
            all[chosen].1.stop();
            for (member, _) in &all {
                let below = member.path() == path || member.path().starts_with(&format!("{path}/"));
                assert_eq!(member.is_stopping(), below, "{} of {path}", member.path());
            }
            all[0].1.stop();
            top.join()?;
        }
        Ok(())
    });
}

#[test]
fn what_outlives_its_scope_is_stopped() {
    // from: drop_parent_before_child_tokens; pins S1
    within(|| {
        let (context, stopper, signal) = scope(|s| {
            let group = s.group("group")?;
            Ok((group.context().clone(), group.stopper(), group.stop_signal().clone()))
        })
        .unwrap();
        assert!(context.is_stopping() && stopper.is_stopping() && disconnected(&signal));
        stopper.stop();
        assert!(context.sleep(NEVER).is_err() && context.spawn("late", "is refused", |_| Ok(())).is_err());
    });
}

#[test]
fn everything_can_be_given_to_another_thread() {
    // from: derives_send_sync; pins P1
    fn shared<T: Send + Sync>() {}
    fn sent<T: Send>() {}
    shared::<Scope<'_, '_>>();
    shared::<Context>();
    shared::<Stopper>();
    sent::<Group<'_>>();
    sent::<Handle<'_, String>>();
    sent::<OnStop>();
    in_scope(|s| {
        let (cx, stopper) = (s.context().clone(), s.stopper());
        let elsewhere = std::thread::spawn(move || {
            stopper.stop();
            cx.is_stopping()
        });
        Ok(assert!(elsewhere.join().expect("no panic")))
    });
}

#[test]
fn a_parent_and_a_child_stopped_at_once_are_both_stopped() {
    // from: loom cancel_parent_and_child; pins S3, S9
    in_scope(|s| {
        for _ in 0..300 {
            let parent = s.group("parent")?;
            let child = parent.group("child")?;
            let together = Arc::new(Barrier::new(2));
            for (why, stopper) in [("parent", parent.stopper()), ("child", child.stopper())] {
                let together = together.clone();
                s.spawn("stops", "stops one of the two", move |_| {
                    together.wait();
                    stopper.stop_because(why);
                    Ok(assert!(stopper.is_stopping()))
                })?;
            }
            assert_eq!(parent.context().wait_for_stop(), StopReason::Custom("parent".into()));
            let first = child.context().wait_for_stop();
            let either = ["parent", "child"].map(|why| StopReason::Custom(why.into()));
            assert!(either.contains(origin(&first)), "{first:?}");
            assert_eq!(child.context().stop_reason(), Some(first), "the first reason stays");
        }
        Ok(())
    });
}

#[test]
fn a_group_may_go_while_it_is_being_stopped() {
    // from: loom drop_and_cancel_token; pins P5, S1
    in_scope(|s| {
        for _ in 0..300 {
            let group = s.group("group")?;
            group.spawn("waits", "waits", until_stopped)?;
            let (stopper, cx) = (group.stopper(), group.context().clone());
            let (go, gone) = bounded(0);
            let stops = s.spawn("stops", "stops the group as it goes", move |_| {
                gone.recv()?;
                Ok(stopper.stop())
            })?;
            go.send(())?;
            drop(group);
            stops.join()?;
            assert!(cx.is_stopping());
        }
        Ok(())
    });
}
