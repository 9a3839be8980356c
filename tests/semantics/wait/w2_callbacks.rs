//! W2: a cycle of waits that goes through a callback is found.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use super::cycle_of;
use crate::common::*;
use crossbeam_channel::{bounded, unbounded};
use homebound::{Handle, ThreadState, ThreadStatus, scope};

#[test]
fn w2_a_callback_does_not_wait_for_the_thread_that_it_belongs_to() {
    // catches: a join or close in a callback on another thread, of a thread that cannot end before
    // that callback
    in_scope(|s| {
        let (tell, told) = unbounded();
        // Its own handle, in its own callback.
        let (give, take) = bounded::<Handle<'static, ()>>(1);
        let (to, is) = (tell.clone(), tell.clone());
        // A thread that ended before its callback had begun would take it along.
        let (begins, begun) = gate();
        let thread = s.context().spawn("thread", "waits", move |cx| {
            std::mem::forget(cx.on_stop(move || {
                drop(begins);
                to.send(cycle_of(take.recv().unwrap().join())).unwrap();
            }));
            is.send(None)?;
            Ok(pass(&begun))
        })?;
        told.recv()?;
        // The thread of the body, in a callback of the body.
        let (give_outer, take_outer) = bounded::<Handle<'static, ()>>(1);
        let (to, is) = (tell.clone(), tell.clone());
        let (begins, begun) = gate();
        let outer = s.context().spawn("outer", "runs a scope", move |_| {
            Ok(scope(|below| {
                std::mem::forget(below.context().on_stop(move || {
                    drop(begins);
                    to.send(cycle_of(take_outer.recv().unwrap().join())).unwrap();
                }));
                is.send(None)?;
                Ok(pass(&begun))
            })?)
        })?;
        told.recv()?;
        give.send(thread)?;
        give_outer.send(outer)?;
        s.stop();
        let cycles = [told.recv()?, told.recv()?].map(|cycle| cycle.expect("a cycle").concat());
        assert!(cycles.iter().any(|cycle| cycle.ends_with("/thread")), "{cycles:?}");
        assert!(cycles.iter().any(|cycle| cycle.ends_with("/outer")), "{cycles:?}");
        Ok(())
    });
}

#[test]
fn w2_a_callback_that_comes_too_late_is_nobodys() {
    // catches: a false alarm in a function that runs at once, for which its thread does not wait
    in_scope(|s| {
        let (tell, told) = bounded(1);
        let (open, gate) = gate();
        let thread = s.context().spawn("thread", "is stopped, and takes its time", move |cx| {
            tell.send(cx.clone())?;
            Ok(pass(&gate))
        })?;
        thread.stop();
        let (joined, cx) = (bounded(1), told.recv()?);
        let late = cx.on_stop(move || {
            drop(open);
            joined.0.send(thread.join().is_ok()).unwrap();
        });
        assert!(joined.1.recv()?, "no cycle");
        Ok(drop(late))
    });
}

#[test]
fn w2_a_cycle_through_a_callback_is_found_from_both_ends() {
    // catches: a callback's join of the thread that joins its owner, seen from one side only
    for callback_waits_first in [false, true] {
        in_scope(move |s| {
            let waits_in_a_join = |name: &str| {
                let joins = |thread: &ThreadStatus| {
                    thread.name == name && matches!(thread.state, ThreadState::Waiting { what: "join", .. })
                };
                s.active_threads().iter().any(joins)
            };
            let (tell, told) = unbounded();
            let (give, take) = bounded::<Handle<'static, bool>>(1);
            let (ready, is_ready) = gate();
            let owner = s.context().spawn("owner", "has a callback", move |cx| {
                let (begins, begun) = gate();
                std::mem::forget(cx.on_stop(move || {
                    drop(begins);
                    tell.send(take.recv().unwrap().join().ok()).unwrap();
                }));
                drop(ready);
                Ok(pass(&begun))
            })?;
            pass(&is_ready);
            let (let_third, third_may) = gate();
            let third = s.context().spawn("third", "joins the owner", move |_| {
                pass(&third_may);
                Ok(cycle_of(owner.join()).is_some())
            })?;
            give.send(third)?;
            let (let_stop, may_stop) = gate();
            let stopper = s.stopper();
            s.spawn("stops", "runs the callback", move |_| {
                pass(&may_stop);
                Ok(stopper.stop())
            })?;
            let [(first, name), (second, _)] = match callback_waits_first {
                true => [(let_stop, "stops"), (let_third, "third")],
                false => [(let_third, "third"), (let_stop, "stops")],
            };
            drop(first);
            eventually("the first waits", || waits_in_a_join(name));
            drop(second);
            // The second join is refused: the callback gets no value, or the value of a thread that
            // was refused. A thread is seen in a join a moment before the join counts, so either
            // may be the second.
            assert_ne!(told.recv()?, Some(false));
            Ok(())
        });
    }
}
