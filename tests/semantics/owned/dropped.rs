//! An owned group that one of its own threads drops or closes never deadlocks.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::cell::RefCell;
use std::sync::Arc;

use super::{Gone, Server, count};
use crate::common::*;
use crossbeam_channel::{Sender, bounded};
use homebound::{Context, Group, Result, group, scope};

/// Runs `drops` with a server whose last clone it gets, and waits until its three services are
/// gone: somebody has to tell them, one after the other.
fn dropped_by(drops: impl FnOnce(Arc<Server>)) {
    let gone = Gone::default();
    let server = Arc::new(Server::with(&gone, &[], &["one", "two", "three"]).unwrap());
    let node = server.threads.stopper();
    drops(server);
    eventually("the root is stopped", || node.is_stopping());
    eventually("all of its threads end", || count(&gone) == 3);
}

#[test]
fn dropped_on_a_thread_of_its_own_it_never_deadlocks() {
    // catches: a worker, a service, or a thread of a scope below, that waits for itself; a service
    // that nobody tells
    for kind in ["worker", "service", "below", "callback", "deferred"] {
        within(move || {
            dropped_by(|server| {
                let (give, take) = bounded::<Arc<Server>>(1);
                let threads = &server.threads;
                let work = move |cx: &Context| -> Result {
                    let server = take.recv()?;
                    match kind {
                        "below" => {
                            let inner =
                                scope(|s| Ok(s.spawn("inner", "drops it", |_| Ok(drop(server)))?.join()?));
                            Ok(inner.map(drop).or_else(|error| error.stop_reason().map(drop).ok_or(error))?)
                        }
                        "callback" => {
                            let cx = cx.clone();
                            let _runs = cx.on_stop(move || drop(server));
                            cx.stopper().stop();
                            Ok(())
                        }
                        "deferred" => {
                            Ok(cx.subscope("sub", |s| Ok(s.defer("drops it", move || Ok(drop(server)))))?)
                        }
                        _ => Ok(drop(server)),
                    }
                };
                match kind {
                    "service" => drop(threads.service("own", "drops the server", work).unwrap()),
                    _ => drop(threads.spawn("own", "drops the server", work).unwrap()),
                }
                give.send(server).unwrap();
            });
        });
    }
}

#[test]
fn dropped_by_what_is_called_at_the_end_of_a_thread_of_its_own() {
    // catches: a thread that has ended but is not counted out, and waits until it is; a root that
    // nobody drives, since the thread was kept warm: not the last of the root, but one of a group
    // in it
    for below in [false, true] {
        within(move || {
            dropped_by(|server| {
                let (go, gone) = gate();
                let group = server.threads.group("below").unwrap();
                let place = if below { &group } else { &server.threads };
                let ending = place.spawn("ending", "ends", move |_| Ok(pass(&gone))).unwrap();
                std::mem::forget(group);
                let (over, is_over) = gate();
                std::mem::forget(ending.on_done(move || drop((server, over))));
                drop(go);
                pass(&is_over);
            });
        });
    }
}

#[test]
fn closed_on_a_thread_of_its_own_it_says_so() {
    // catches: a close that hangs, or that says Ok though nobody was joined
    within(|| {
        let gone = Gone::default();
        let server = Server::new(&gone).unwrap();
        let (give, take) = bounded::<Group<'static>>(1);
        let (tell, told) = bounded(1);
        server
            .threads
            .spawn("own", "closes its server", move |_| {
                let error = take.recv()?.close().unwrap_err();
                Ok(tell.send(error.to_string())?)
            })
            .unwrap();
        give.send(server.threads).unwrap();
        let text = told.recv().unwrap();
        assert!(text.contains("/server/own") && text.contains("wait"), "{text}");
        eventually("the rest is joined when that thread is home", || count(&gone) == 3);
    });
}

#[test]
fn dropped_in_the_last_destructors_of_its_own_thread() {
    // catches: an OS thread that joins itself, or waits for the thread that joins it
    /// Goes late enough for others to have begun to join the thread.
    struct Late(Option<Arc<Server>>, #[expect(dead_code, reason = "it opens a gate")] Sender<()>);
    impl Drop for Late {
        fn drop(&mut self) {
            linger(60);
            drop(self.0.take());
        }
    }
    thread_local! {
        static KEPT: RefCell<Vec<Late>> = const { RefCell::new(Vec::new()) };
    }
    for _ in 0..5 {
        within(|| {
            dropped_by(|server| {
                let ((give, take), (gone, is_gone)) = (bounded::<Arc<Server>>(1), gate());
                let job = move |_: &Context| {
                    let late = Late(Some(take.recv()?), gone);
                    KEPT.with(|kept| kept.borrow_mut().push(late));
                    Ok(())
                };
                let own = server.threads.thread("own", "keeps the server").dedicated().spawn(job).unwrap();
                // These threads retire after it, and join the threads that have retired.
                for _ in 0..4 {
                    let done = own.done().clone();
                    let job = move |_: &Context| {
                        let _ended = done.recv();
                        linger(8);
                        Ok(())
                    };
                    server.threads.thread("short", "ends a moment later").dedicated().spawn(job).unwrap();
                }
                give.send(server).unwrap();
                pass(&is_gone);
            });
        });
    }
}

#[test]
fn dropped_in_the_last_destructors_of_its_only_thread() {
    // catches: the last OS thread of a root that waits for its own handle
    thread_local! {
        static KEPT: RefCell<Vec<(Group<'static>, Sender<()>)>> = const { RefCell::new(Vec::new()) };
    }
    within(|| {
        let alone = group("alone").unwrap();
        let ((give, take), (gone, is_gone)) = (bounded::<Group<'static>>(1), gate());
        let own = alone
            .spawn("own", "keeps its group", move |_| {
                let alone = take.recv()?;
                KEPT.with(|kept| kept.borrow_mut().push((alone, gone)));
                Ok(())
            })
            .unwrap();
        alone.stop();
        give.send(alone).unwrap();
        own.join().unwrap();
        pass(&is_gone);
    });
}

#[test]
fn dropped_by_a_guest_of_its_own() {
    // catches: an adopted thread, or a thread that runs the body of a scope in the root, that waits
    // for itself
    within(|| {
        dropped_by(|server| {
            let cx = server.threads.context().clone();
            let stranger = std::thread::spawn(move || {
                let adopted = cx.adopt("stranger", "is foreign");
                drop(server);
                assert!(adopted.is_stopping());
                drop(adopted);
            });
            stranger.join().unwrap();
        });
        dropped_by(|server| {
            let cx = server.threads.context().clone();
            let inner = cx.subscope("inner", |inner| {
                let service =
                    inner.service("service", "ends after the body", |cx| Ok(drop(cx.wait_for_stop())))?;
                drop(server);
                assert!(inner.is_stopping() && !service.is_finished());
                Ok(())
            });
            inner.unwrap();
        });
    });
}

#[test]
fn dropped_in_a_deferred_function_of_its_own() {
    // catches: a group that is settled from inside of itself
    within(|| {
        dropped_by(|server| {
            let inner = server.threads.context().group("inner").unwrap();
            inner.defer("drops it", move || Ok(drop(server)));
            inner.close().unwrap();
        });
    });
}

#[test]
fn dropped_by_a_thread_that_one_of_its_own_waits_for() {
    // catches: a cycle through another tree, after which nobody tells the services
    within(|| {
        dropped_by(|server| {
            let (give, take) = bounded::<Arc<Server>>(1);
            let other = scope(|other| {
                let (other, threads) = (other.context().clone(), &server.threads);
                let (at, is_at) = gate();
                threads.spawn("visitor", "runs a scope in another tree", move |_| {
                    let visit = other.subscope("visit", |visit| {
                        visit.spawn("host", "drops the server", move |_| Ok(drop(take.recv()?)))?;
                        Ok(drop(at))
                    });
                    Ok(visit?)
                })?;
                pass(&is_at);
                give.send(server)?;
                Ok(())
            });
            other.unwrap();
        });
    });
}

#[test]
fn a_root_that_was_left_in_a_callback_is_put_away_after_it() {
    // catches: the last thread of a root that passes by inside a callback, waits for nobody there,
    // and never comes back
    let (ran, has_run) = crossbeam_channel::unbounded();
    within(move || {
        // Outside of any scope: a root of its own.
        let group = group("owned").expect("it opens");
        let in_callback = move || {
            group.defer("put away", move || Ok(ran.send(()).expect("the test waits")));
            let stay = group.context().adopt("foreign", "stays for longer than the value");
            let worker = group.spawn("worker", "is home before", until_stopped).expect("it starts");
            group.stop();
            drop(worker.join());
            drop(group);
            drop(stay);
        };
        scope(|s| Ok(s.context().with_on_stop(in_callback, || s.stop()))).unwrap();
        has_run.recv_timeout(std::time::Duration::from_secs(15)).expect("it is put away");
    });
}
