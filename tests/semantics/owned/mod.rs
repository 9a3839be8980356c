//! Groups that are roots of their own: for structs and statics whose makers are in no scope.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use crate::common::subscriber::Told;
use crate::common::*;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use homebound::registry::{self, Registry};
use homebound::{
    Context, Group, JoinError, Result, SpawnError, StopReason, current, group, scope, scope_named,
};

/// How many OS threads have run their last destructors.
type Gone = Arc<AtomicUsize>;

/// Notes the end of the calling OS thread, as a joiner sees it.
fn note_end(gone: &Gone) {
    type Note = OnDrop<Box<dyn FnMut()>>;
    thread_local! {
        static LAST: RefCell<Vec<Note>> = const { RefCell::new(Vec::new()) };
    }
    let gone = Arc::clone(gone);
    let note: Box<dyn FnMut()> = Box::new(move || {
        linger(5);
        gone.fetch_add(1, Ordering::SeqCst);
    });
    LAST.with(|last| last.borrow_mut().push(OnDrop(note)));
}

fn count(gone: &Gone) -> usize {
    gone.load(Ordering::SeqCst)
}

/// A subsystem as a library would have it: a worker and a service that wait, and a place for the value itself.
struct Server {
    threads: Group<'static>,
}

impl Server {
    fn new(gone: &Gone) -> Result<Server> {
        Server::with(gone, &["one", "two"], &["clerk"])
    }

    fn with(gone: &Gone, workers: &[&'static str], services: &[&'static str]) -> Result<Server> {
        let threads = group("server")?;
        for name in workers.iter().copied() {
            let gone = Arc::clone(gone);
            threads.spawn(name, "waits for the stop", move |cx| {
                note_end(&gone);
                until_stopped(cx)
            })?;
        }
        for name in services.iter().copied() {
            let gone = Arc::clone(gone);
            threads.service(name, "ends after the workers", move |cx| {
                note_end(&gone);
                cx.wait_for_stop();
                Ok(())
            })?;
        }
        Ok(Server { threads })
    }
}

#[test]
fn a_value_in_no_scope_owns_its_threads() {
    // catches: a root whose OS threads are not joined; failures that close does not tell; a path below nothing
    within(|| {
        assert!(current().is_none());
        for closes in [true, false] {
            let gone = Gone::default();
            let server = Server::new(&gone).unwrap();
            assert_eq!(server.threads.context().path(), "/server");
            assert_eq!(server.threads.active_threads().len(), 3);
            if closes {
                server.threads.close().unwrap();
            } else {
                drop(server);
            }
            assert_eq!(count(&gone), 3, "joined by the OS: their last destructors have run");
        }
        let fails = group("fails").unwrap();
        fails.spawn("bad", "fails", |_| -> Result { Err(boom("no disk")) }).unwrap();
        fails.context().wait_for_stop();
        let error = fails.close().unwrap_err();
        assert_eq!((error.failures().len(), error.failures()[0].path()), (1, "/fails/bad"));
        assert_eq!(error.report().total, error.report().joined);
        for bad in ["", "a\0b"] {
            assert!(matches!(group(bad), Err(SpawnError::InvalidName)), "{bad:?}");
        }
    });
}

#[test]
fn inside_a_scope_it_is_a_group_of_that_scope() {
    // catches: an owned root that hides from the scope it was made in: not stopped with it, its failure not told there
    within(|| {
        let kept: Arc<Mutex<Option<Group<'static>>>> = Arc::default();
        let keep = Arc::clone(&kept);
        let gone = Gone::default();
        let noted = Arc::clone(&gone);
        let result = scope_named("app", move |s| {
            let worker = s.spawn("worker", "makes a server", move |_| {
                let server = Server::new(&noted)?.threads;
                assert_eq!(server.context().path(), "/app/server");
                *keep.lock().unwrap() = Some(server);
                Ok(())
            })?;
            worker.join()?;
            s.stop();
            Ok(())
        });
        result.unwrap();
        assert_eq!(count(&gone), 3, "it died with that scope");
        let late = kept.lock().unwrap().take().expect("kept");
        assert!(matches!(late.spawn("late", "is refused", |_| Ok(())), Err(SpawnError::Stopped(_))));
        late.close().unwrap();
        let failed = scope_named("app", |_| {
            let inner = group("inner")?;
            inner.spawn("bad", "fails", |_| -> Result { Err(boom("no disk")) })?;
            current().expect("inside").wait_for_stop();
            Ok(())
        });
        assert_eq!(failed.unwrap_err().failures()[0].path(), "/app/inner/bad");
        let stopped = scope(|s| {
            s.stop();
            Ok(assert!(matches!(group("late"), Err(SpawnError::Stopped(_)))))
        });
        stopped.unwrap();
    });
}

#[test]
fn a_handle_is_joined_after_its_owned_group_is_over() {
    // catches: a value, or the failure of an isolated thread, that goes with the group; one that is told twice
    within(|| {
        let owned = group("owned").unwrap();
        let value = owned.spawn("value", "returns one", |_| Ok(vec![1, 2, 3])).unwrap();
        let failed = owned
            .thread("bad", "fails alone")
            .isolated()
            .spawn(|_| -> Result { Err(boom("told by its handle")) });
        let dropped = owned
            .thread("worse", "fails alone")
            .isolated()
            .spawn(|_| -> Result { Err(boom("told by close")) });
        drop(dropped.unwrap());
        let error = owned.close().unwrap_err();
        assert_eq!(error.failures().len(), 1, "{error}");
        assert_eq!(error.failures()[0].name(), "worse");
        assert_eq!(value.join().unwrap(), [1, 2, 3]);
        let Err(JoinError::Failed(failure)) = failed.unwrap().join() else { panic!("it failed") };
        assert_eq!(failure.name(), "bad");
    });
}

#[test]
fn after_a_drop_failures_are_logged() {
    // catches: failures of a dropped root that vanish; those of a drop on a thread of its own
    child_passes(|_| {
        let (tell, told) = unbounded();
        let subscriber = Told::new(move |line: &str| drop(tell.send(line.to_owned())));
        tracing::subscriber::set_global_default(subscriber).unwrap();
        let tree = |name: &str, told: &Receiver<String>| {
            let wanted = format!("scope /{name} failed: 1 failure");
            eventually("the failures are logged", || {
                told.try_iter()
                    .any(|line| line.starts_with("event ERROR homebound::scope") && line.contains(&wanted))
            });
        };
        let plain = group("plain").unwrap();
        plain.spawn("bad", "fails", |_| -> Result { Err(boom("no disk")) }).unwrap();
        plain.context().wait_for_stop();
        drop(plain);
        tree("plain", &told);
        let own = Arc::new(group("own").unwrap());
        let (give, take) = bounded::<Arc<Group<'static>>>(1);
        own.spawn("bad", "drops its group, then fails", move |_| -> Result {
            drop(take.recv()?);
            Err(boom("no disk"))
        })
        .unwrap();
        give.send(own).unwrap();
        tree("own", &told);
        0
    });
}

/// Runs `drops` with a server whose last clone it gets, and waits until its three services are gone: somebody has to tell
/// them, one after the other.
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
    // catches: a worker, a service, or a thread of a scope below, that waits for itself; a service that nobody tells
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
    // catches: a thread that has ended but is not counted out, and waits until it is; a root that nobody drives, since the thread was
    // kept warm: not the last of the root, but one of a group in it
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
    // catches: an OS thread that joins itself, or waits for the one that joins it
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
                // Those retire after it, and join who has.
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
    // catches: an adopted thread, or one that runs the body of a scope in the root, that waits for itself
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
    // catches: one that is settled from inside of itself
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
fn the_last_clone_goes_anywhere() {
    // catches: a rare order in which the dropper, the last thread home and the last OS thread out miss each other
    for round in 0..200 {
        within(move || {
            let gone = Gone::default();
            let server = Arc::new(Server::new(&gone).unwrap());
            let workers = 1 + round % 4;
            for _ in 0..workers {
                let (own, noted) = (Arc::clone(&server), Arc::clone(&gone));
                let job = move |_: &Context| {
                    note_end(&noted);
                    Ok(drop(own))
                };
                server.threads.spawn("handler", "holds a clone", job).unwrap();
            }
            drop(server);
            eventually("all end", || count(&gone) == 3 + workers);
        });
    }
}

#[test]
#[allow(unsafe_code)]
fn in_a_forked_child_it_leaks() {
    // catches: a drop in a fork's copy that waits for threads it does not have, or aborts
    child_passes(|_| {
        let result = scope(|s| {
            let owned = std::thread::spawn(|| Server::new(&Gone::default()).unwrap()).join().unwrap();
            let (grouped, closed) = (s.group("grouped")?, group("closed")?);
            grouped.spawn("member", "waits", until_stopped)?;
            // SAFETY: the child only drops, and ends by `_exit`.
            let forked = unsafe { libc::fork() };
            if forked == 0 {
                drop(owned);
                drop(grouped);
                let error = closed.close().unwrap_err();
                let told = error.to_string().contains("forked child");
                // SAFETY: ends the child, and nothing else.
                unsafe { libc::_exit(if told { 42 } else { 1 }) };
            }
            let mut status = 0;
            eventually("the child ends", || {
                // SAFETY: waits for the own child.
                let ended = unsafe { libc::waitpid(forked, &mut status, libc::WNOHANG) };
                ended == forked
            });
            assert_eq!((libc::WIFEXITED(status), libc::WEXITSTATUS(status)), (true, 42));
            drop(owned);
            Ok(())
        });
        i32::from(result.is_err())
    });
}

static LAZY: LazyLock<Group<'static>> = LazyLock::new(|| {
    let threads = registry::group("lazy").expect("there is a name");
    threads.service("sweeper", "waits", |cx| Ok(drop(cx.wait_for_stop()))).expect("it is open");
    threads
});

#[test]
fn a_static_first_touched_inside_a_request_ends_with_the_run() {
    // catches: one that dies with the request; one that the run does not wait for
    child_passes(|_| {
        let exit = Registry::new("app").run(|s| {
            s.subscope("request", |_| Ok(assert_eq!(LAZY.context().path(), "/app/lazy")))?;
            let alive = LAZY.active_threads();
            assert!(alive.len() == 1 && alive[0].path == "/app/lazy/sweeper");
            Ok(())
        });
        assert_eq!((exit.shutdown.total, exit.shutdown.joined, exit.shutdown.owned.len()), (1, 1, 0));
        assert!(LAZY.active_threads().is_empty());
        assert!(matches!(LAZY.spawn("late", "is refused", |_| Ok(())), Err(SpawnError::Stopped(_))));
        i32::from(exit.code())
    });
}

#[test]
fn owned_groups_that_live_at_the_end_of_a_run_are_named() {
    // catches: threads that outlive the run and stand nowhere, or count as orphans
    child_passes(|_| {
        static KEPT: OnceLock<Group<'static>> = OnceLock::new();
        let exit = Registry::new("app").run(|_| {
            std::thread::spawn(|| {
                let watcher = registry_less("watcher");
                assert_eq!(watcher.context().path(), "/watcher");
                KEPT.set(watcher).expect("once");
                drop(group("short").unwrap());
            })
            .join()
            .unwrap();
            Ok(())
        });
        let owned = &exit.shutdown.owned;
        assert_eq!(owned.iter().map(|group| &*group.path).collect::<Vec<_>>(), ["/watcher"]);
        assert_eq!((exit.shutdown.total, exit.shutdown.orphaned), (0, 0));
        let text = exit.shutdown.to_string();
        assert!(text.contains("/watcher  (owned group)  lives on with 1 thread, opened at "), "{text}");
        i32::from(exit.code())
    });
}

fn registry_less(name: &'static str) -> Group<'static> {
    let threads = group(name).unwrap();
    threads.spawn("member", "waits", until_stopped).unwrap();
    threads
}

#[test]
fn where_no_registry_runs_its_group_is_a_root() {
    // catches: a library that works under a registry only
    within(|| {
        let result = scope_named("app", |_| {
            let threads = registry::group("cache")?;
            assert_eq!(threads.context().path(), "/cache");
            let worker = threads.spawn("worker", "waits", |cx| Ok(cx.wait_for_stop()))?;
            let stop = threads.stopper();
            stop.stop_because("enough");
            assert_eq!(worker.join()?, StopReason::Custom("enough".into()));
            Ok(threads.close()?)
        });
        result.unwrap();
    });
}
