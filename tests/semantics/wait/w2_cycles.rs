//! W2: a join that would close a cycle is refused, with the names.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::{Arc, Mutex};

use super::{SOON, cycle_of};
use crate::common::*;
use crossbeam_channel::{bounded, unbounded};
use homebound::{Group, Handle, JoinError, ThreadState, ThreadStatus, scope};

type Slot<'s, T> = Arc<Mutex<Option<Handle<'s, T>>>>;

/// Gives a thread its own handle, for `join`. The thread must come home.
fn joins_itself(join: impl FnOnce(Handle<'_, ()>) + Send + 'static) {
    in_scope(move |s| {
        let slot: Slot<'_, ()> = Slot::default();
        let (open, gate) = gate();
        let mine = slot.clone();
        let handle = s.spawn("narcissus", "joins itself", move |_| {
            pass(&gate);
            Ok(join(mine.lock().unwrap().take().expect("given")))
        })?;
        let done = handle.done().clone();
        *slot.lock().unwrap() = Some(handle);
        drop(open);
        assert!(done.recv().is_err());
        Ok(())
    });
}

#[test]
fn w2_joining_oneself() {
    // catches: rust#43539: a thread that waits for its own end
    joins_itself(|me| assert!(cycle_of(me.join()).is_some(), "a cycle of one"));
}

#[test]
fn w2_a_cycle_of_three_is_broken_with_the_names() {
    // catches: a cycle that only pairs are checked for; two errors, or none
    in_scope(|s| {
        let slots: Vec<Slot<'_, Option<Vec<String>>>> = (0..3).map(|_| Slot::default()).collect();
        let (open, gate) = gate();
        let mut done = Vec::new();
        let (tell, told) = unbounded();
        for i in 0..3 {
            let (next, gate, tell) = (slots[(i + 1) % 3].clone(), gate.clone(), tell.clone());
            let handle = s.spawn(format!("link-{i}"), "joins the next", move |_| {
                pass(&gate);
                let next = next.lock().unwrap().take().expect("given");
                let cycle = cycle_of(next.join());
                tell.send(cycle.clone())?;
                Ok(cycle)
            })?;
            done.push(handle.done().clone());
            *slots[i].lock().unwrap() = Some(handle);
        }
        drop((open, tell));
        let cycles: Vec<Vec<String>> = told.iter().flatten().collect();
        assert_eq!(cycles.len(), 1, "{cycles:?}");
        for i in 0..3 {
            let name = format!("link-{i}");
            assert!(cycles[0].iter().any(|path| path.contains(&name)), "{cycles:?}");
        }
        Ok(())
    });
}

#[test]
fn w2_joining_a_service_from_a_worker_or_the_body_of_its_scope() {
    // catches: a wait for what ends only after the waiter
    in_scope(|s| {
        let service = s.service("service", "ends after the workers", until_stopped)?;
        assert!(cycle_of(service.join()).is_some(), "from the body");
        let service = s.service("service", "ends after the workers", until_stopped)?;
        let worker = s.spawn("worker", "joins it", move |_| Ok(cycle_of(service.join())))?;
        assert!(worker.join()?.is_some(), "from a worker");
        let told = s.service("told", "is told to stop", until_stopped)?;
        told.stop();
        assert!(matches!(told.join(), Err(JoinError::Stopped(_))), "told to stop it can be joined");
        let ended = s.service("ended", "ends by itself", |_| Ok(()))?;
        let _ = ended.done().recv();
        Ok(ended.join()?)
    });
}

#[test]
fn w2_joins_without_a_cycle_are_left_alone() {
    // catches: a false alarm on a chain, a diamond, a parent's thread or a timed join
    in_scope(|s| {
        let (open, gate) = gate();
        let first = s.spawn("first", "ends last", move |_| Ok(pass(&gate)))?;
        let second = s.spawn("second", "joins the first", move |_| Ok(first.join()?))?;
        let third = s.spawn("third", "joins the second", move |_| Ok(second.join()?))?;
        let nested = s.spawn("nested", "joins it from a scope below", move |_| {
            Ok(scope(|below| {
                let deep = below.spawn("deep", "joins the third", move |_| Ok(third.join()?))?;
                Ok(deep.join()?)
            })?)
        })?;
        let nested = nested.join_timeout(SOON).expect_err("not yet");
        drop(open);
        Ok(nested.join()?)
    });
}

#[test]
fn w2_a_timed_join_is_no_edge() {
    // catches: join_timeout that reports a cycle it would leave by itself
    joins_itself(|me| assert!(me.join_timeout(SOON).is_err()));
}

#[test]
fn w2_a_join_that_waits_already_gives_way_to_the_close_of_its_group() {
    // catches: a close that waits for a join that waits for the close
    in_scope(|s| {
        let (give, take) = bounded::<Group<'static>>(1);
        let group = s.context().group("owned")?;
        let closer = s.context().spawn("closer", "closes the group", move |_| Ok(take.recv()?.close()?))?;
        let (tell, told) = bounded(1);
        group.spawn("member", "joins who closes", move |_| Ok(tell.send(cycle_of(closer.join()))?))?;
        let joins = |thread: &ThreadStatus| {
            thread.name == "member" && matches!(thread.state, ThreadState::Waiting { .. })
        };
        eventually("the member waits", || s.active_threads().iter().any(joins));
        assert!(give.send(group).is_ok());
        let cycle = told.recv()?.expect("the join gives way");
        assert_eq!(cycle.len(), 2, "{cycle:?}");
        assert!(cycle.iter().any(|path| path.ends_with("/closer")), "{cycle:?}");
        assert!(cycle.iter().any(|path| path.ends_with("/member")), "{cycle:?}");
        Ok(())
    });
}

#[test]
fn w2_a_join_from_below_of_the_thread_that_waits_for_the_scope() {
    // catches: a cycle through a scope's exit, whichever edge closes it
    in_scope(|s| {
        for late in [false, true] {
            let slot: Slot<'static, ()> = Slot::default();
            let (ready, given) = gate();
            let (tell, told) = bounded(1);
            let mine = slot.clone();
            let outer = s.context().spawn("outer", "waits for its scope", move |_| {
                Ok(scope(|below| {
                    below.spawn("inner", "joins the outer one", move |_| {
                        pass(&given);
                        let outer = mine.lock().unwrap().take().expect("given");
                        Ok(tell.send(cycle_of(outer.join()).is_some())?)
                    })?;
                    linger(if late { 50 } else { 0 });
                    Ok(())
                })?)
            })?;
            *slot.lock().unwrap() = Some(outer);
            linger(if late { 0 } else { 30 });
            drop(ready);
            assert!(told.recv()?, "late: {late}");
        }
        Ok(())
    });
}

#[test]
fn w2_a_join_at_the_end_of_a_thread_is_one_of_its_own() {
    // catches: a cycle that goes through a callback of a thread that is done
    in_scope(|s| {
        let group = s.context().group("group")?;
        let (go, gone) = gate();
        let (told, tell) = bounded(1);
        let ending = group.spawn("ending", "ends", move |_| Ok(pass(&gone)))?;
        let closer = s.context().thread("closer", "closes the group").spawn(move |_| Ok(group.close()?))?;
        std::mem::forget(ending.on_done(move || told.send(closer.join()).expect("it is awaited")));
        drop(go);
        Ok(assert!(matches!(tell.recv()?, Err(JoinError::WouldDeadlock { .. }))))
    });
}
