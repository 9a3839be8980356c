//! E1: a group closes while other threads settle it.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::*;
use crossbeam_channel::bounded;
use homebound::{Group, Scope, SpawnError, scope};

/// A group's deferred function runs on a thread that is nobody's, for a moment; it has begun when
/// this returns.
fn flush_elsewhere(group: Group<'static>, done: &'static AtomicBool) -> std::thread::JoinHandle<()> {
    let (begun, begins) = bounded(1);
    group.defer("flush", move || {
        begun.send(())?;
        linger(60);
        done.store(true, Ordering::SeqCst);
        Err(boom("could not flush"))
    });
    let closer = std::thread::spawn(move || drop(group));
    begins.recv().expect("it begins");
    closer
}

#[test]
fn p1_a_scope_waits_for_what_another_thread_settles_in_it() {
    // catches: a group that counts as over since nothing is left in its lists; a failure of its
    // last function that is lost
    within(|| {
        static DONE: [AtomicBool; 3] = [const { AtomicBool::new(false) }; 3];
        type Open =
            fn(&Scope<'_, '_>) -> std::result::Result<(Option<Group<'static>>, Group<'static>), SpawnError>;
        let opens: [Open; 2] = [
            |s| Ok((None, s.context().group("g")?)),
            // In a group of which nobody has the turn yet.
            |s| {
                let around = s.context().group("around")?;
                let inner = around.context().group("g")?;
                Ok((Some(around), inner))
            },
        ];
        for (open, done) in opens.into_iter().zip(&DONE) {
            let mut closers = Vec::new();
            let result = scope(|s| {
                let (around, group) = open(s)?;
                closers.push(flush_elsewhere(group, done));
                Ok(drop(around))
            });
            assert!(done.load(Ordering::SeqCst), "it is over when the scope returns");
            assert_eq!(result.unwrap_err().failures().len(), 1);
            closers.into_iter().for_each(|closer| closer.join().unwrap());
        }
        // A scope inside of a deferred function waits as well: what it lends dies next.
        let result = scope(|s| {
            s.defer("opens", || {
                let mut closer = None;
                let inner = scope(|s| Ok(closer = Some(flush_elsewhere(s.context().group("g")?, &DONE[2]))));
                assert!(DONE[2].load(Ordering::SeqCst) && inner.is_err());
                Ok(closer.expect("it was opened").join().unwrap())
            });
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn e1_close_waits_for_what_the_scope_around_settles() {
    // catches: `close` that returns, without the failure, while the exit of the scope around runs
    // the group's last function
    within(|| {
        let (done, order) = (AtomicBool::new(false), Mutex::new(Vec::new()));
        let (over, finished) = (&done, &order);
        let result = scope(|s| {
            let (hand, handed) = bounded::<Group<'_>>(1);
            s.service("owner", "closes its group", move |cx| {
                let group = handed.recv()?;
                let _told = group.stop_signal().recv();
                linger(20);
                let closed = group.close();
                assert!(over.load(Ordering::SeqCst), "it is over when `close` returns");
                assert_eq!(closed.unwrap_err().failures().len(), 1);
                cx.wait_for_stop();
                Ok(())
            })?;
            let group = s.group("g")?;
            for name in ["first", "second", "third"] {
                group.defer(name, move || {
                    finished.lock().unwrap().push((name, "begins"));
                    linger(30);
                    finished.lock().unwrap().push((name, "ends"));
                    if name == "first" {
                        over.store(true, Ordering::SeqCst);
                        return Err(boom("could not flush"));
                    }
                    Ok(())
                });
            }
            Ok(hand.send(group).expect("the owner is there"))
        });
        assert_eq!(result.unwrap_err().failures().len(), 1);
        let expected = ["third", "second", "first"].map(|name| [(name, "begins"), (name, "ends")]);
        assert_eq!(*order.lock().unwrap(), expected.as_flattened(), "one at a time, the last first");
    });
}

#[test]
fn e1_a_group_that_is_closed_by_its_own_inside_is_left_to_the_scope_around() {
    // catches: two threads that settle and wait for each other: the exit of a group, and a last
    // function in it that closes the group
    within(|| {
        let (begun, begins) = bounded(1);
        let mut closer = None;
        let result = scope(|s| {
            let outer = s.context().group("outer")?;
            let inner = outer.context().group("inner")?;
            let (open, gate) = gate();
            inner.defer("closes", move || {
                begun.send(())?;
                pass(&gate);
                drop(outer);
                Ok(())
            });
            closer = Some(std::thread::spawn(move || drop(inner)));
            begins.recv()?;
            std::thread::spawn(move || {
                linger(30);
                drop(open);
            });
            Ok(())
        });
        result.unwrap();
        closer.expect("it was started").join().unwrap();
    });
}
