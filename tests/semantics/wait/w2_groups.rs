//! W2: a group that one of its own threads closes is stopped, and nobody waits.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use crate::common::*;
use crossbeam_channel::{bounded, unbounded};
use homebound::{Group, Handle, JoinError, ThreadStatus};

#[test]
fn w2_a_group_dropped_by_its_own_thread_is_only_stopped() {
    // catches: a group's drop that waits for the thread it runs in
    in_scope(|s| {
        let (give, take) = bounded::<Group<'static>>(1);
        let group = s.context().group("owned")?;
        let member = group.spawn("member", "owns its own group", move |cx| {
            drop(take.recv()?);
            assert!(cx.is_stopping(), "the drop has stopped it");
            Ok(5)
        })?;
        assert!(give.send(group).is_ok());
        assert_eq!(member.join()?, 5);
        Ok(())
    });
}

#[test]
fn w2_closing_ones_own_group_does_not_hang() {
    // catches: `close` from inside, the explicit form of the same
    in_scope(|s| {
        let (give, take) = bounded::<Group<'static>>(1);
        let group = s.context().group("owned")?;
        let member = group.spawn("member", "closes its own group", move |cx| {
            let _ = take.recv()?.close();
            Ok(assert!(cx.is_stopping()))
        })?;
        assert!(give.send(group).is_ok());
        Ok(member.join()?)
    });
}

#[test]
fn w2_a_group_closed_in_a_callback_of_its_member_is_only_stopped() {
    // catches: a close that waits for a member while the member waits for the callback that closes
    in_scope(|s| {
        let (give, take) = bounded::<Group<'static>>(1);
        let (tell, told) = unbounded();
        let group = s.context().group("owned")?;
        let is = tell.clone();
        group.spawn("member", "has a callback", move |cx| {
            let (begins, begun) = gate();
            let guard = cx.on_stop(move || {
                drop(begins);
                tell.send(take.recv().unwrap().close().is_err()).unwrap();
            });
            is.send(true)?;
            pass(&begun);
            Ok(drop(guard))
        })?;
        told.recv()?;
        let stopper = group.stopper();
        assert!(give.send(group).is_ok());
        stopper.stop();
        Ok(assert!(told.recv()?, "it names the cycle"))
    });
}

#[test]
fn w2_a_group_is_closed_by_what_is_called_at_the_end_of_its_thread() {
    // catches: a thread that is done, but not counted out, and that is waited for by what runs on
    // it
    in_scope(|s| {
        let group = s.context().group("group")?;
        let (go, gone) = gate();
        let (told, tell) = bounded(1);
        let ending = group.spawn("ending", "ends", move |_| Ok(pass(&gone)))?;
        std::mem::forget(ending.on_done(move || told.send(group.close().is_err()).expect("it is awaited")));
        drop(go);
        Ok(assert!(tell.recv()?, "it is told of the cycle"))
    });
}

#[test]
fn w2_a_wait_inside_the_closing_of_a_group_does_not_hide_the_closing() {
    // catches: a waiting thread that is forgotten when a wait inside of its wait is over
    within(|| {
        let outer = homebound::group("outer").unwrap();
        let (lend, lent) = bounded::<Handle<'static, ()>>(1);
        let (told, tell) = bounded(1);
        let (go, gone) = gate();
        let helper =
            outer.spawn("helper", "is joined by a deferred function", move |_| Ok(pass(&gone))).unwrap();
        let closer = outer.spawn("closer", "closes a group", move |cx| {
            let inner = cx.group("inner")?;
            inner.service("early", "is told last, and joins the closer", move |cx| {
                cx.wait_for_stop();
                Ok(told.send(lent.recv()?.join())?)
            })?;
            let late = inner.context().group("late")?;
            late.defer("joins", move || Ok(helper.join()?));
            inner.close()?;
            Ok(drop(late))
        });
        lend.send(closer.unwrap()).unwrap();
        let joins = |row: &ThreadStatus| row.waits_for.iter().any(|edge| edge.path == "/outer/helper");
        eventually("the closer joins", || outer.snapshot().root.threads.iter().any(joins));
        drop(go);
        assert!(matches!(tell.recv().unwrap(), Err(JoinError::WouldDeadlock { .. })));
        outer.close().unwrap();
    });
}
