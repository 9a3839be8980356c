//! Guests: foreign threads that are shown and hear the stop, and for which nobody waits.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::thread;
use std::time::Duration;

use crate::common::*;
use crossbeam_channel::bounded;
use homebound::registry::{self, Registry};
use homebound::{Role, StopReason, current, group, scope, scope_named};

#[test]
fn a_service_takes_its_own_threads_in_as_guests() {
    // catches: a scope that waits for threads which end after the service; guests in the total;
    // guests that are not shown
    within(|| {
        let result = scope_named("app", |s| {
            let (ready, is_ready) = bounded(2);
            s.service("runtime", "owns threads of its own", move |cx| {
                let threads = ["runtime-1", "runtime-2"].map(|name| {
                    let (hook, ready) = (cx.clone(), ready.clone());
                    thread::spawn(move || {
                        let guest = hook.adopt_guest(name, "runs tasks");
                        ready.send(()).expect("the body waits");
                        matches!(origin(&guest.wait_for_stop()), StopReason::UsersDone)
                    })
                });
                cx.wait_for_stop();
                assert!(threads.map(|thread| thread.join().expect("it ends")).iter().all(|told| *told));
                Ok(())
            })?;
            is_ready.recv()?;
            is_ready.recv()?;
            let guests: Vec<_> =
                s.snapshot().root.threads.into_iter().filter(|row| row.role == Role::Guest).collect();
            assert_eq!(guests.iter().map(|row| &*row.path).max(), Some("/app/runtime-2"));
            assert!(s.dump_status().contains("runtime-1  (guest: runs tasks)"), "{}", s.dump_status());
            assert_eq!(s.active_threads().len(), 1, "those for whom the scope waits");
            s.defer("report", || Ok(()));
            Ok(())
        });
        result.unwrap();
        let failed = scope(|s| {
            let cx = s.context().clone();
            let (left, has_left) = gate();
            let (taken, is_taken) = gate();
            let foreign = thread::spawn(move || {
                let guest = cx.adopt_guest("guest", "leaves during the stop");
                drop(taken);
                guest.wait_for_stop();
                drop((guest, left));
            });
            pass(&is_taken);
            s.spawn("worker", "is counted", until_stopped)?;
            s.stop();
            pass(&has_left);
            foreign.join().expect("it ends");
            Err::<(), _>(boom("for the report"))
        });
        let error = failed.unwrap_err();
        let report = error.report();
        assert_eq!((report.total, report.joined, report.guests), (1, 1, 1), "{report}");
        assert!(report.to_string().contains("guests: 1"), "{report}");
    });
}

#[test]
fn a_guest_is_told_when_the_thread_that_took_it_in_is() {
    // catches: threads of a service that are stopped while workers use the service
    within(|| {
        let result = scope(|s| {
            let (lend, lent) = bounded(1);
            let service = s.service("server", "lends its context", move |cx| {
                lend.send(cx.clone())?;
                cx.wait_for_stop();
                Ok(())
            })?;
            let cx = lent.recv()?;
            s.stop();
            thread::scope(|threads| {
                threads.spawn(|| {
                    let guest = cx.adopt_guest("inner", "belongs to the server");
                    assert!(!guest.is_stopping(), "its service was not told yet");
                    service.stop();
                    assert!(guest.is_stopping());
                });
            });
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn after_its_scope_a_guest_is_in_none() {
    // catches: a scope that waits for a guest; a context of a scope that is over, in which
    // everything is born stopped
    within(|| {
        let (over, is_over) = gate();
        let (taken, is_taken) = gate();
        let (lend, lent) = bounded(1);
        let foreign = thread::spawn(move || {
            let cx: homebound::Context = lent.recv().expect("lent");
            let guest = cx.adopt_guest("guest", "stays for longer");
            assert_eq!(current().expect("a guest").name(), "guest");
            drop(taken);
            pass(&is_over);
            assert!(current().is_none() && guest.is_stopping());
            let free = scope_named("later", |s| {
                assert_eq!(s.context().path(), "/later");
                Ok(s.spawn("worker", "is not refused", |cx| Ok(!cx.is_stopping()))?.join()?)
            });
            assert!(free.unwrap());
            let owned = group("owned").unwrap();
            assert_eq!(owned.context().path(), "/owned");
            // It had no place there: it gets a context that is stopped, and is in nothing.
            let late = cx.adopt_guest("late", "comes too late");
            assert!(late.is_stopping() && current().is_none());
            drop((guest, late));
            assert!(current().is_none());
        });
        let result = scope(|s| {
            lend.send(s.context().clone())?;
            pass(&is_taken);
            Ok(())
        });
        result.unwrap();
        drop(over);
        foreign.join().unwrap();
    });
}

#[test]
fn a_scope_on_a_guests_thread_is_a_root_of_its_own() {
    // catches: a scope on a guest's thread for which the host waits, or which the host counts; OS
    // threads that are not joined when it returns; a scope that is not shown below the guest, or
    // not stopped with it
    within(|| {
        let (lend, lent) = bounded(1);
        let (shown, is_shown) = gate();
        let (open, is_open) = gate();
        let (over, is_over) = gate();
        let foreign = thread::spawn(move || {
            let cx: homebound::Context = lent.recv().expect("lent");
            let guest = cx.adopt_guest("guest", "opens a scope");
            let inner = scope_named("inner", |s| {
                s.spawn("worker", "is stopped with the guest", until_stopped)?;
                s.service("clerk", "ends after it", |cx| Ok(drop(cx.wait_for_stop())))?;
                drop(open);
                pass(&is_shown);
                s.context().wait_for_stop();
                // The host does not wait for this.
                pass(&is_over);
                Ok(s.context().path().to_owned())
            });
            drop(guest);
            inner.unwrap()
        });
        let error = scope_named("host", |s| {
            lend.send(s.context().clone())?;
            pass(&is_open);
            let snapshot = s.snapshot();
            let guest = snapshot.root.threads.iter().find(|row| row.role == Role::Guest).expect("shown");
            let inner = snapshot.root.scopes.iter().find(|inner| inner.name == "inner").expect("shown");
            assert_eq!((inner.opened_by, &*inner.path), (Some(guest.id), "/host/guest/inner"));
            assert_eq!(inner.threads.iter().filter(|row| row.role != Role::Body).count(), 2);
            let dump = s.dump_status();
            let (above, below) = (dump.find("guest  (guest"), dump.find("/host/guest/inner  ["));
            assert!(above < below && above.is_some(), "{dump}");
            drop(shown);
            s.stop();
            Err::<(), _>(boom("for the report"))
        });
        let error = error.unwrap_err();
        assert_eq!((error.report().total, error.report().guests), (0, 1), "{error}");
        drop(over);
        assert_eq!(foreign.join().unwrap(), "/host/guest/inner");
    });
}

#[test]
fn a_guest_may_wait_for_what_does_not_wait_for_it() {
    // catches: a join of a service, or a shutdown, that is refused to a guest as a wait for itself
    within(|| {
        let result = scope(|s| {
            let (joined, is_joined) = bounded(1);
            let (cx, stopper) = (s.context().clone(), s.stopper());
            let service = cx.service("server", "ends when it is told", |cx| Ok(drop(cx.wait_for_stop())))?;
            let (taken, is_taken) = gate();
            let foreign = thread::spawn(move || {
                let _guest = cx.adopt_guest("guest", "joins the server");
                drop(taken);
                joined.send(service.join().is_ok()).expect("somebody waits");
            });
            pass(&is_taken);
            let scope = s;
            thread::scope(|threads| {
                threads.spawn(|| {
                    let _guest = scope.context().adopt_guest("other", "shuts the scope down");
                    let report = scope.shutdown(NEVER);
                    assert_eq!((report.total, report.joined), (1, 1), "{report}");
                });
            });
            assert!(stopper.is_stopping() && is_joined.recv()?);
            Ok(foreign.join().expect("it ends"))
        });
        result.unwrap();
    });
}

#[test]
fn guests_that_live_at_the_end_of_a_run_are_known_by_name() {
    // catches: an orphan that is none; a guest of before the run that is lost; a second in which
    // the end looks for guests again
    child_passes(|_| {
        let (go, gone) = gate();
        let (lend, lent) = bounded::<homebound::Context>(2);
        let host = |name: &'static str, taken| {
            let (lent, gone) = (lent.clone(), gone.clone());
            thread::spawn(move || {
                let cx = lent.recv().expect("lent");
                let _guest = cx.adopt_guest(name, "lives on");
                drop::<crossbeam_channel::Sender<()>>(taken);
                pass(&gone);
            })
        };
        let (taken, is_taken) = gate();
        let before = host("before the run", taken);
        let exit = Registry::new("app").run(|s| {
            lend.send(s.context().clone())?;
            pass(&is_taken);
            let (taken, is_taken) = gate();
            let during = host("during the run", taken);
            lend.send(s.context().clone())?;
            pass(&is_taken);
            let foreign = registry::snapshot().expect("it runs").foreign;
            assert!(foreign.iter().all(|row| !row.guest), "{foreign:#?}");
            Ok(during)
        });
        let report = &exit.shutdown;
        let mut names: Vec<_> = report.foreign.iter().filter(|row| row.guest).map(|row| &*row.name).collect();
        names.sort_unstable();
        assert_eq!(names, ["before the run", "during the run"], "{report}");
        assert_eq!((report.orphaned, report.total, report.guests), (0, 0, 2), "{report}");
        assert!(report.to_string().contains("a guest whose scope is over"), "{report}");
        drop(go);
        let during = exit.result.expect("it ends well");
        during.join().expect("it ends");
        before.join().expect("it ends");
        0
    });
}

#[test]
fn what_a_guests_callback_raises_at_the_end_of_its_scope_is_told() {
    // catches: a scope that waits for the callback when it has counted its failures
    within(|| {
        let (lend, lent) = bounded(1);
        let (over, is_over) = gate();
        let (ends, is_ending) = gate();
        let (begun, has_begun) = gate();
        let (taken, is_taken) = gate();
        let foreign = thread::spawn(move || {
            let cx: homebound::Context = lent.recv().expect("lent");
            let guest = cx.adopt_guest("guest", "has a callback");
            let _registered = guest.on_stop(move || {
                drop(begun);
                pass(&is_ending);
                linger(50);
                panic!("raised while the scope waits for it");
            });
            drop(taken);
            pass(&is_over);
        });
        let result = scope_named("host", |s| {
            lend.send(s.context().clone())?;
            pass(&is_taken);
            let stopper = s.stopper();
            let stops = thread::spawn(move || stopper.stop());
            pass(&has_begun);
            s.defer("the last of it", move || Ok(drop(ends)));
            Ok(stops)
        });
        drop(over);
        foreign.join().expect("it ends");
        let error = result.map(drop).expect_err("a failure");
        assert_eq!((error.failures().len(), error.failures()[0].path()), (1, "/host/guest"), "{error}");
    });
}

#[test]
fn who_is_no_guest_is_not_counted_as_one() {
    // catches: a thread of the scope's own that is counted as a guest, since it asked to be taken
    // in
    within(|| {
        let error = scope(|s| {
            s.stop();
            drop(s.context().adopt_guest("guest", "is the body"));
            Err::<(), _>(boom("for the report"))
        });
        assert_eq!(error.unwrap_err().report().guests, 0);
    });
}

#[test]
fn guests_that_come_and_go_leave_nothing() {
    // catches: lists of guests that grow with each that was there; a guard that is leaked, and
    // outlives its thread
    within(|| {
        let result = scope(|s| {
            let cx = s.context().clone();
            for _ in 0..100 {
                let cx = cx.clone();
                thread::spawn(move || std::mem::forget(cx.adopt_guest("guest", "leaks its guard")))
                    .join()
                    .unwrap();
            }
            assert!(s.snapshot().root.threads.iter().all(|row| row.role != Role::Guest));
            let report = s.shutdown(Duration::from_secs(60));
            Ok(assert_eq!(report.guests, 0, "they left before it: {report}"))
        });
        result.unwrap();
    });
}
