//! The waits of a context, W1, W2 and W4: what each gives back, shows, and leaves alone.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::*;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use homebound::{
    Context, Ended, Group, Handle, JoinError, Result, Scope, ThreadState, ThreadStatus, WaitError, scope,
};

const SOON: Duration = Duration::from_millis(20);

#[test]
fn recv_gives_data_disconnection_or_a_time_out() {
    // catches: an error in place of data that is there, a confusion of the three ends
    in_scope(|s| {
        let cx = s.context();
        let (to, queue) = unbounded();
        to.send(1)?;
        assert_eq!(cx.recv(&queue)?, 1);
        let start = Instant::now();
        assert!(matches!(cx.recv_timeout(&queue, SOON), Err(WaitError::TimedOut)));
        assert!(start.elapsed() >= SOON);
        s.spawn("late", "sends while it is waited for", move |_| {
            linger(10);
            to.send(2)?;
            to.send(3)?;
            Ok(())
        })?;
        assert_eq!((cx.recv(&queue)?, cx.recv_timeout(&queue, NEVER)?), (2, 3));
        assert!(matches!(cx.recv(&queue), Err(WaitError::Disconnected)));
        assert!(matches!(cx.recv_timeout(&queue, NEVER), Err(WaitError::Disconnected)));
        Ok(())
    });
}

#[test]
fn recv_on_a_dead_channel_still_gives_what_is_queued() {
    // catches: disconnection that wins over data
    in_scope(|s| {
        let (to, queue) = unbounded();
        (0..3).try_for_each(|n| to.send(n))?;
        drop(to);
        let cx = s.context();
        assert_eq!((cx.recv(&queue)?, cx.iter(&queue).collect::<Vec<_>>()), (0, vec![1, 2]));
        Ok(())
    });
}

#[test]
fn send_blocks_until_there_is_room() {
    // catches: a send that gives up, loses or reorders
    in_scope(|s| {
        let (to, queue) = bounded(1);
        let sender = s.spawn("sends", "through one place", move |cx| {
            for n in 0..100 {
                cx.send(&to, n)?;
            }
            Ok(())
        })?;
        assert_eq!(s.context().iter(&queue).collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
        Ok(sender.join()?)
    });
}

#[test]
fn send_through_a_rendezvous() {
    // catches: a send that needs a buffer
    in_scope(|s| {
        let (to, queue) = bounded(0);
        let receiver = s.spawn("receives", "meets the sender", move |cx| Ok(cx.recv(&queue)?))?;
        s.context().send(&to, 5)?;
        assert_eq!(receiver.join()?, 5);
        Ok(())
    });
}

#[test]
fn sleep_lasts_as_long_as_it_says() {
    // catches: early wake-ups, a past instant that blocks
    in_scope(|s| {
        let (cx, start) = (s.context(), Instant::now());
        cx.sleep(SOON)?;
        assert!(start.elapsed() >= SOON);
        let until = Instant::now() + SOON;
        cx.sleep_until(until)?;
        assert!(Instant::now() >= until);
        cx.sleep_until(start)?;
        Ok(cx.sleep(Duration::ZERO)?)
    });
}

#[test]
fn sleep_for_ever_does_not_overflow() {
    // catches: Instant + Duration::MAX
    in_scope(|s| {
        let (_keep, never) = gate();
        let sleeper = s.spawn("sleeper", "sleeps for ever", |cx| Ok(cx.sleep(Duration::MAX)?))?;
        let waiter =
            s.spawn("waiter", "waits for ever", move |cx| Ok(cx.recv_timeout(&never, Duration::MAX)?))?;
        let ticker = s.spawn("ticker", "never ticks", |cx| Ok(cx.ticks(Duration::MAX).count()))?;
        linger(3);
        s.stop();
        assert!(matches!(sleeper.join(), Err(JoinError::Stopped(_))));
        assert!(matches!(waiter.join(), Err(JoinError::Stopped(_))));
        assert_eq!(ticker.join()?, 0);
        Ok(())
    });
}

#[test]
fn ticks_come_after_a_period_without_drift_and_missed_ones_merge() {
    // catches: a first tick at once, drift by the work's time, a burst after a pause
    in_scope(|s| {
        let period = Duration::from_millis(30);
        let start = Instant::now();
        let mut ticks = s.context().ticks(period);
        let first = ticks.next().expect("not stopped");
        assert!(first >= start + period && start.elapsed() >= period);
        linger(10);
        let second = ticks.next().expect("not stopped");
        // Not how many: on a busy machine, some may have been missed.
        assert_eq!((second - first).as_nanos() % period.as_nanos(), 0, "work does not shift them");
        linger(100);
        let after_pause = ticks.next().expect("not stopped");
        let next = ticks.next().expect("not stopped");
        assert!(after_pause >= second + period && next > after_pause);
        let whole = (next - first).as_nanos() % period.as_nanos();
        assert_eq!(whole, 0, "on the grid after a pause");
        assert!(next - second >= Duration::from_millis(100), "missed ticks come as one");
        Ok(())
    });
}

#[test]
fn iter_and_drain_end_with_the_channel() {
    // catches: an iterator that waits for a stop though no sender is left
    in_scope(|s| {
        for drain in [false, true] {
            let (to, queue) = bounded(1);
            s.spawn("sends", "then hangs up", move |cx| {
                (0..50).try_for_each(|n| cx.send(&to, n).map_err(|e| e.cause))?;
                Ok(())
            })?;
            let cx = s.context();
            let sum: i32 = if drain { cx.drain(&queue).sum() } else { cx.iter(&queue).sum() };
            assert_eq!(sum, 1225);
        }
        Ok(())
    });
}

#[test]
fn waiting_gives_the_closures_value_and_marks_the_thread() {
    // catches: a mark that is missing, stays, or is lost when the closure panics
    in_scope(|s| {
        let (open, gate) = gate();
        let (back, returned) = bounded::<()>(0);
        let line = line!() + 3;
        let worker = s.spawn("worker", "waits for the printer", move |cx| {
            let value = panics(|| cx.waiting("nothing", || panic!("inside")));
            let got = cx.waiting("printer", || gate.recv().is_err());
            drop(value);
            back.send(())?;
            pass(&gate);
            Ok(got)
        })?;
        let state = waiting_at(s, "worker", "printer");
        assert_eq!(state.line(), line);
        drop(open);
        returned.recv()?;
        assert!(worker.join()?);
        Ok(())
    });
}

/// Waits until the named thread is seen waiting on `kind` and says where.
fn waiting_at(s: &Scope<'_, '_>, name: &str, kind: &str) -> &'static std::panic::Location<'static> {
    let mut seen = None;
    eventually(&format!("{name} waits on {kind}"), || {
        let threads = all_threads(&s.snapshot());
        let thread = threads.into_iter().find(|t| t.name == name);
        match thread.map(|t| t.state) {
            Some(ThreadState::Waiting { what, at }) if what == kind => seen = Some(at),
            _ => {}
        }
        seen.is_some()
    });
    seen.expect("just seen")
}

#[test]
fn w1_every_wait_shows_its_kind_and_a_line_of_the_caller() {
    // catches: a wait without a record, or with a line inside the library
    in_scope(|s| {
        for (i, (kind, wait)) in every_wait().into_iter().enumerate() {
            if kind == "select" {
                continue;
            }
            let name = format!("waiting-{i}");
            s.spawn(name.clone(), "waits", wait)?;
            let mut seen = None;
            eventually(&format!("{kind} is seen"), || {
                let threads = s.active_threads();
                seen = threads.into_iter().find(|t| t.name == name).map(|t| t.state);
                matches!(seen, Some(ThreadState::Waiting { .. }))
            });
            let Some(ThreadState::Waiting { what, at }) = seen else { unreachable!() };
            assert!(at.file().ends_with("common/mod.rs"), "{kind} shows {what} at {at}");
            assert!(!what.is_empty());
        }
        Ok(s.stop())
    });
}

#[test]
fn w1_a_mark_goes_away_and_the_one_around_it_comes_back() {
    // catches: a thread that seems to wait for ever after its first wait
    in_scope(|s| {
        let ((open, gate), (inner_open, inner_gate), (last_open, last_gate)) =
            (gate(), crate::common::gate(), crate::common::gate());
        let (tell, told) = bounded::<()>(0);
        s.spawn("worker", "waits in a wait", move |cx| {
            cx.waiting("outer", || {
                cx.waiting("inner", || pass(&inner_gate));
                pass(&gate);
            });
            cx.sleep(Duration::from_millis(1))?;
            let _ = cx.recv_timeout(&gate, Duration::from_millis(1));
            tell.send(())?;
            Ok(pass(&last_gate))
        })?;
        waiting_at(s, "worker", "inner");
        drop(inner_open);
        waiting_at(s, "worker", "outer");
        drop(open);
        told.recv()?;
        assert_eq!(s.active_threads()[0].state, ThreadState::Running);
        assert!(!s.dump_status().contains("outer"));
        drop(last_open);
        Ok(())
    });
}

#[test]
fn w1_a_join_and_the_end_of_a_scope_are_waits_too() {
    // catches: a body that seems to run while it waits for its threads
    in_scope(|s| {
        let (open, gate) = gate();
        let (end_open, end_gate) = crate::common::gate();
        let deaf = s.spawn("deaf", "is joined", move |_| Ok(pass(&gate)))?;
        let line = line!() + 1;
        s.spawn("joiner", "joins", move |_| Ok(deaf.join()?))?;
        s.spawn("opener", "has a scope below", move |_| {
            Ok(scope(|below| Ok(drop(below.spawn("below", "is deaf", move |_| Ok(pass(&end_gate)))?)))?)
        })?;
        let seen = |name: &str| {
            let threads = s.active_threads();
            let state = threads.iter().find(|t| t.name == name).map(|t| t.state);
            match state {
                Some(ThreadState::Waiting { at, .. }) => Some(at),
                _ => None,
            }
        };
        eventually("the join is seen", || seen("joiner").is_some_and(|at| at.line() == line));
        eventually("the scope's end is seen", || {
            let bodies = all_threads(&s.snapshot());
            let ends = bodies.iter().filter(|t| t.path.contains("opener") || t.name == "opener");
            ends.into_iter().any(|t| matches!(t.state, ThreadState::Waiting { .. }))
        });
        drop((open, end_open));
        Ok(())
    });
}

#[test]
fn w1_the_stop_comes_from_the_context_that_is_used() {
    // catches: a wait that listens to the calling thread's own node only
    in_scope(|s| {
        let (give, take) = bounded::<Context>(1);
        let other = s.spawn("other", "lends its context", move |cx| {
            give.send(cx.clone())?;
            until_stopped(cx)
        })?;
        let lent = take.recv()?;
        let user = s.spawn("user", "waits with the other's context", move |cx| {
            let ended = lent.sleep(NEVER).is_err();
            Ok((ended, cx.is_stopping()))
        })?;
        linger(3);
        other.stop();
        assert_eq!(user.join()?, (true, false));
        Ok(())
    });
}

#[test]
fn w1_a_context_on_an_unmanaged_thread_waits_as_well() {
    // catches: a record that only managed threads have
    in_scope(|s| {
        let cx = s.context().clone();
        let stranger = std::thread::spawn(move || (cx.sleep(NEVER).is_err(), cx.is_stopping()));
        linger(3);
        s.stop();
        assert_eq!(stranger.join().expect("it ends"), (true, true));
        Ok(())
    });
}

// W2: joins that would close a cycle.

type Slot<'s, T> = Arc<Mutex<Option<Handle<'s, T>>>>;

fn cycle_of<T: std::fmt::Debug>(joined: Result<T, JoinError>) -> Option<Vec<String>> {
    match joined {
        Err(JoinError::WouldDeadlock { cycle }) => Some(cycle),
        _ => None,
    }
}

#[test]
fn w2_joining_oneself() {
    // catches: rust#43539: a thread that waits for its own end
    in_scope(|s| {
        let slot: Slot<'_, Vec<String>> = Slot::default();
        let (open, gate) = gate();
        let mine = slot.clone();
        let handle = s.spawn("narcissus", "joins itself", move |_| {
            pass(&gate);
            let me = mine.lock().unwrap().take().expect("given");
            Ok(cycle_of(me.join()).expect("a cycle of one"))
        })?;
        let done = handle.done().clone();
        *slot.lock().unwrap() = Some(handle);
        drop(open);
        assert!(done.recv().is_err());
        Ok(())
    });
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
    in_scope(|s| {
        let slot: Slot<'_, bool> = Slot::default();
        let (open, gate) = gate();
        let mine = slot.clone();
        let handle = s.spawn("patient", "joins itself for a moment", move |_| {
            pass(&gate);
            let me = mine.lock().unwrap().take().expect("given");
            Ok(me.join_timeout(SOON).is_err())
        })?;
        let done = handle.done().clone();
        *slot.lock().unwrap() = Some(handle);
        drop(open);
        assert!(done.recv().is_err());
        Ok(())
    });
}

#[test]
fn a_timed_join_takes_its_time_and_gives_the_handle_back() {
    // catches: a join with a limit that gives up at once, or that does not come back at its limit
    in_scope(|s| {
        let (open, gate) = gate();
        let patient = s.spawn("patient", "ends when it may", move |_| Ok(pass(&gate)))?;
        let start = Instant::now();
        let patient = patient.join_timeout(SOON).expect_err("not yet");
        assert!(start.elapsed() >= SOON, "after {:?}", start.elapsed());
        drop(open);
        Ok(patient.join_timeout(LIMIT).expect("it may end")?)
    });
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
fn w2_a_callback_does_not_wait_for_the_thread_that_it_belongs_to() {
    // catches: a join or close in a callback on another thread, of who cannot end before that callback
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
fn w2_a_group_closed_in_a_callback_of_its_member_is_only_stopped() {
    // catches: a close that waits for a member who waits for the callback that closes
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
fn w2_a_cycle_through_a_callback_is_found_from_both_ends() {
    // catches: a callback's join of who joins its owner, looked at from one side only
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
            // Whoever comes second is told: the callback gets no value, or that of a thread that was told. A thread is seen in a join
            // a moment before the join counts, so either may be the second.
            assert_ne!(told.recv()?, Some(false));
            Ok(())
        });
    }
}

// W4: park tokens.

/// True when a token is there; takes it.
fn token() -> bool {
    let start = Instant::now();
    std::thread::park_timeout(Duration::from_millis(300));
    start.elapsed() < Duration::from_millis(200)
}

#[test]
fn w4_joins_and_scope_ends_neither_eat_nor_leave_a_park_token() {
    // catches: reqwest#1131: park in library code on a user's thread
    within(|| {
        let slow = |_: &Context| {
            linger(20);
            Ok(())
        };
        for with in [true, false] {
            if with {
                std::thread::current().unpark();
            }
            let result = scope(|s| {
                s.spawn("slow", "is joined", slow)?.join()?;
                s.service("service", "is stopped", slow)?;
                s.group("group")?.spawn("member", "is joined with its group", slow)?;
                s.subscope("sub", |sub| Ok(drop(sub.spawn("slow", "is waited for", slow)?)))?;
                s.spawn("slow", "is shut down", slow)?;
                s.shutdown(LIMIT);
                Ok(())
            });
            result.unwrap();
            assert_eq!(token(), with);
        }
    });
}

#[test]
fn w4_waits_that_need_no_channel_keep_the_park_token() {
    // catches: the same in sleep and wait_for_stop
    within(|| {
        let result = scope(|s| {
            let (up, slept) = gate();
            let keeps = s.spawn("keeps", "sleeps with a token", move |cx| {
                std::thread::current().unpark();
                cx.sleep(SOON)?;
                assert!(token(), "sleep ate it");
                drop(up);
                std::thread::current().unpark();
                cx.wait_for_stop();
                Ok(assert!(token(), "wait_for_stop ate it"))
            })?;
            slept.recv().unwrap_err();
            s.stop();
            Ok(keeps.join()?)
        });
        result.unwrap();
    });
}

// A16: the small calls.

#[test]
fn a16_who_iterates_is_told_how_it_ended() {
    // catches: half of a list that is taken for the whole
    within(|| {
        let result = scope(|s| {
            let cx = s.context();
            let (give, take) = unbounded();
            let mut iter = cx.iter(&take);
            assert_eq!(iter.ended(), None);
            give.send(1)?;
            assert_eq!((iter.next(), iter.ended()), (Some(1), None));
            drop(give);
            assert_eq!((iter.next(), iter.ended()), (None, Some(Ended::Disconnected)));
            let mut drain = cx.drain(&take);
            assert_eq!((drain.next(), drain.ended()), (None, Some(Ended::Disconnected)));
            let (give, take) = unbounded();
            give.send(2)?;
            s.stop();
            let mut iter = cx.iter(&take);
            assert_eq!((iter.next(), iter.ended()), (None, Some(Ended::Stopped)));
            let mut drain = cx.drain(&take);
            assert_eq!((drain.next(), drain.ended()), (Some(2), None));
            assert_eq!((drain.next(), drain.ended()), (None, Some(Ended::Stopped)));
            let mut ticks = cx.ticks(NEVER);
            assert_eq!((ticks.next(), ticks.ended()), (None, Some(Ended::Stopped)));
            Ok(())
        });
        result.unwrap();
        let (seen, told) = unbounded();
        let result = scope(|s| {
            let (give, take) = unbounded();
            give.send(1)?;
            s.spawn("late", "has more than it can do in its time", move |cx| {
                cx.wait_for_stop();
                while !cx.is_overdue() {
                    std::thread::yield_now();
                }
                let mut drain = cx.drain(&take);
                Ok(seen.send((drain.next(), drain.ended()))?)
            })?;
            Ok(drop(s.shutdown(Duration::ZERO)))
        });
        result.unwrap();
        assert_eq!(told.recv(), Ok((None, Some(Ended::Overdue))));
    });
}

#[test]
fn a16_a_deadline_ends_a_wait_and_gives_a_handle_back() {
    // catches: a deadline in the past that waits, or that does not look first
    within(|| {
        in_scope(|s| {
            let (give, take) = unbounded();
            let cx = s.context();
            let past = Instant::now();
            assert!(matches!(cx.recv_deadline::<u8>(&take, past), Err(WaitError::TimedOut)));
            give.send(3)?;
            assert_eq!(cx.recv_deadline(&take, past)?, 3);
            assert!(matches!(cx.recv_deadline(&take, Instant::now() + SOON), Err(WaitError::TimedOut)));
            let (hold, held) = gate();
            let worker = s.spawn("worker", "is held", move |_| Ok(pass(&held)))?;
            let worker = worker.join_deadline(Instant::now() + SOON).expect_err("it is held");
            let worker = worker.join_deadline(past).expect_err("it is held");
            drop(hold);
            worker.done().recv().unwrap_err();
            Ok(worker.join_deadline(past).expect("it has ended")?)
        });
    });
}

#[test]
fn a16_a_handle_can_be_asked_stopped_from_elsewhere_and_told_of() {
    // catches: a result that is taken twice; a stopper of a thread that stops its scope; a callback before the result is there
    within(|| {
        in_scope(|s| {
            let (told, tell) = unbounded();
            let mut worker = s.spawn("worker", "waits for its stop", |cx| Ok(drop(cx.wait_for_stop())))?;
            assert!(worker.try_join().is_none());
            let done = worker.done().clone();
            let ended = told.clone();
            let _guard = worker.on_done(move || ended.send(disconnected(&done)).unwrap());
            let forgotten = told.clone();
            drop(worker.on_done(move || forgotten.send(false).unwrap()));
            let stopper = worker.stopper();
            stopper.stop();
            assert!(stopper.is_stopping() && !s.is_stopping());
            assert_eq!(tell.recv(), Ok(true), "it has ended when it is told");
            worker.try_join().expect("it is ready")?;
            assert!(worker.try_join().is_none());
            let late = worker.on_done(move || told.send(true).unwrap());
            assert_eq!(tell.recv(), Ok(true), "at once");
            Ok(drop((late, assert!(tell.try_recv().is_err()))))
        });
    });
}

#[test]
fn a16_a_panic_in_a_callback_of_an_end_is_a_failure_of_the_scope() {
    // catches: a callback that takes its thread's end along, or is lost
    within(|| {
        let result = scope(|s| {
            let (hold, held) = gate();
            let worker = s.spawn("worker", "is held", move |_| Ok(pass(&held)))?;
            std::mem::forget(worker.on_done(|| panic!("no")));
            drop(hold);
            Ok(worker.join()?)
        });
        assert_eq!(result.unwrap_err().failures().len(), 1);
    });
}

#[test]
fn w2_a_group_is_closed_by_what_is_called_at_the_end_of_its_thread() {
    // catches: a thread that is done, but not counted out, and that is waited for by what runs on it
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

#[test]
fn w2_a_wait_inside_the_closing_of_a_group_does_not_hide_the_closing() {
    // catches: a thread that is forgotten as one that waits, when a wait is over that it had inside
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

#[test]
fn w4_a_wait_on_a_channel_loses_no_park_token() {
    // catches: the token of somebody who unparks a thread of the user's while that waits for a message
    type Wait = fn(&Context, &Receiver<()>, &Sender<()>) -> bool;
    let waits: [(&'static str, Wait); 6] = [
        ("recv", |cx, receiver, _| cx.recv(receiver).is_ok()),
        ("recv-timeout", |cx, receiver, _| cx.recv_timeout(receiver, LIMIT).is_ok()),
        ("send", |cx, _, sender| cx.send(sender, ()).is_ok()),
        ("iter", |cx, receiver, _| cx.iter(receiver).next().is_some()),
        ("drain", |cx, receiver, _| cx.drain(receiver).next().is_some()),
        ("stopped", |cx, _, _| cx.recv(&crossbeam_channel::never::<()>()).is_err()),
    ];
    within(move || {
        for (name, wait) in waits {
            let (hand, take) = bounded(0);
            let (give, taken) = bounded(0);
            let (own, known) = bounded(1);
            let result = scope(|s| {
                let waiter = s.spawn(name, "waits, then looks for its token", move |cx| {
                    own.send(std::thread::current())?;
                    assert!(wait(cx, &take, &give), "it waits for what comes");
                    Ok(token())
                })?;
                let waits = |row: &ThreadStatus| matches!(row.state, ThreadState::Waiting { .. });
                let row = || s.active_threads().into_iter().find(|row| row.name == name);
                eventually("it waits", || row().is_some_and(|row| waits(&row)));
                known.recv()?.unpark();
                linger(20);
                match name {
                    "send" => taken.recv_timeout(LIMIT)?,
                    "stopped" => waiter.stop(),
                    _ => hand.send_timeout((), LIMIT)?,
                }
                Ok(waiter.join()?)
            });
            assert!(result.unwrap(), "{name}: the token is there");
        }
    });
}
