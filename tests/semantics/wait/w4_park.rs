//! W4: waits and joins neither take nor leave a park token.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::SOON;
use crate::common::*;
use crossbeam_channel::{Receiver, Sender, bounded};
use homebound::{Context, ThreadState, ThreadStatus, scope};

/// True when a token is there; takes it. The caller parks, and another thread looks whether the
/// caller comes back or sleeps, however long a busy machine takes for either.
fn token() -> bool {
    let (parked, tid) = (std::thread::current(), rustix::thread::gettid().as_raw_nonzero().get());
    let is_back = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_back);
    let looks = std::thread::spawn(move || {
        while !seen.load(Ordering::SeqCst) {
            // In this order: the caller may be back, and sleep in the join below.
            if sleeps(tid) && !seen.load(Ordering::SeqCst) {
                parked.unpark();
                return false;
            }
            linger(1);
        }
        true
    });
    std::thread::park();
    is_back.store(true, Ordering::SeqCst);
    looks.join().expect("it only looks")
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

#[test]
fn w4_a_wait_on_a_channel_loses_no_park_token() {
    // catches: the loss of a park token that arrives while a thread of the program waits for a
    // message
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
