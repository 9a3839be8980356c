//! T: parents, paths and names; what the snapshot, the dump and the list of active threads show.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::common::subscriber::Told;
use crate::common::*;
use crossbeam_channel::{bounded, unbounded};
use homebound::registry::{self, Registry};
use homebound::{
    Context, Role, Scope, ScopeStatus, SpawnError, StopReason, ThreadState, current, scope, scope_named,
};

/// The scope of that name, anywhere below.
fn find<'a>(scope: &'a ScopeStatus, name: &str) -> Option<&'a ScopeStatus> {
    if scope.name == name {
        return Some(scope);
    }
    scope.scopes.iter().find_map(|below| find(below, name))
}

#[test]
fn paths_follow_the_tree() {
    // catches: a path without its scope, a group or scope that is left out
    child_passes(|_| {
        let exit = Registry::new("studio").run(|s| {
            let worker = s.spawn("worker", "works", |cx| Ok(cx.path().to_owned()))?;
            assert_eq!((worker.path(), worker.name()), ("/studio/worker", "worker"));
            assert_eq!(worker.join()?, "/studio/worker");
            assert_eq!(format!("{s:?}"), r#"Scope { path: "/studio", stopping: false, .. }"#);
            let gui = s.group("gui")?;
            assert_eq!(gui.spawn("thumbs", "draws", |_| Ok(()))?.path(), "/studio/gui/thumbs");
            gui.close()?;
            s.subscope("load", |load| {
                assert_eq!(load.spawn("png", "decodes", |_| Ok(()))?.path(), "/studio/load/png");
                load.subscope("deep", |deep| {
                    let path = deep.spawn("gif", "decodes", |_| Ok(()))?.path().to_owned();
                    Ok(assert_eq!(path, "/studio/load/deep/gif"))
                })?;
                Ok(())
            })?;
            Ok(())
        });
        i32::from(exit.code())
    });
}

#[test]
fn a_free_scope_is_named_after_its_source_line() {
    // catches: a path that is the library's line, or no path at all
    within(|| {
        let line = line!() + 1;
        let result = scope(|s| Ok(s.spawn("worker", "works", |_| Ok(()))?.path().to_owned()));
        assert_eq!(result.unwrap(), format!("/mod.rs:{line}/worker"), "no folder, relative or absolute");
        let line = line!() + 1;
        let unnamed = scope_named("", |s| Ok(s.context().path().to_owned())).unwrap();
        assert_eq!(unnamed, format!("/mod.rs:{line}"), "an empty name is none");
    });
}

#[test]
fn a_library_names_its_scope() {
    // catches: a name that is not escaped, or not told apart from the caller's; a scope with a name that is no child
    within(|| {
        let alone = scope_named("walk %/", |s| Ok(s.spawn("w", "works", |_| Ok(()))?.path().to_owned()));
        assert_eq!(alone.unwrap(), "/walk %25%2F/w");
        let result = scope_named("app", |s| {
            let inner = scope_named("walk", |s| Ok(s.context().path().to_owned()))?;
            let worker = s.spawn("worker", "walks", |cx| {
                let walk = scope_named("walk", |s| Ok(s.context().path().to_owned()))?;
                let text = String::from("borrowed");
                let read = cx.subscope("read", |inner| {
                    let path = inner.context().path().to_owned();
                    let size = inner.spawn("size", "borrows a local of its caller", |_| Ok(text.len()))?;
                    Ok((path, size.join()?))
                })?;
                Ok((walk, read))
            })?;
            Ok((inner, worker.join()?))
        });
        let (inner, (walk, read)) = result.unwrap();
        assert_eq!((&*inner, &*walk), ("/app/walk", "/app/worker/walk"));
        assert_eq!(read, ("/app/worker/read".to_owned(), 8));
        let failed = scope_named("load", |_| Err::<(), _>(boom("no such file"))).unwrap_err();
        assert!(failed.to_string().starts_with("scope /load failed"), "{failed}");
    });
}

#[test]
fn a_subscope_of_a_context_lives_as_long_as_its_thread() {
    // catches: a subscope of a service, opened on a thread from elsewhere, that is stopped before the service is; one that is
    // not stopped with it; one that ignores the shield in which its caller stands
    within(|| {
        let result = scope_named("app", |s| {
            let (tell, told) = bounded(1);
            let service = s.service("server", "lends its context", move |cx| {
                tell.send(cx.clone())?;
                cx.wait_for_stop();
                Ok(())
            })?;
            let cx = told.recv()?;
            s.stop();
            std::thread::scope(|threads| {
                let request = threads.spawn(|| {
                    cx.subscope("request", |request| {
                        assert_eq!(request.context().path(), "/app/request");
                        assert!(!request.is_stopping(), "its service was not told yet");
                        service.stop();
                        Ok(drop(request.context().wait_for_stop()))
                    })
                });
                request.join().expect("no panic")
            })?;
            s.context().shield(NEVER, |cx| cx.subscope("last", |last| Ok(assert!(!last.is_stopping()))))?;
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn rows_of_one_name_are_told_apart() {
    // catches: twenty connections that are twenty equal rows, in the dump, in the report, among the failures
    within(|| {
        let mut ids = Vec::new();
        let result = scope_named("server", |s| {
            let conns = [(); 3].map(|()| {
                s.thread("conn", "serves").isolated().spawn(|cx| -> homebound::Result {
                    cx.wait_for_stop();
                    Err(boom("reset"))
                })
            });
            let only = s.spawn("accept", "accepts", until_stopped)?;
            for conn in conns {
                ids.push(conn?.id().to_string());
            }
            let dump = s.dump_status();
            let row = |id: &String| dump.lines().any(|line| line.contains(&format!("conn {id}  (worker")));
            assert!(ids.iter().all(row), "{ids:?}\n{dump}");
            assert!(dump.contains(" accept  (worker") && !dump.contains(&only.id().to_string()), "{dump}");
            let scopes = scope_named("twins", |two| {
                let (_one, _other) = (two.group("twin")?, two.group("twin")?);
                Ok(two.snapshot())
            })?;
            let twins =
                scopes.root.scopes.iter().map(|twin| format!("/server/twins/twin {}  (group)", twin.id));
            let text = scopes.to_string();
            assert_eq!(twins.filter(|twin| text.contains(twin)).count(), 2, "{text}");
            s.stop();
            Ok(())
        });
        let error = result.unwrap_err();
        let (tree, report) = (error.to_string(), error.report().to_string());
        for id in &ids {
            assert!(tree.contains(&format!("/server/conn {id} failed: reset")), "{id}\n{tree}");
            assert!(report.contains(&format!("/server/conn {id}  (worker: serves)")), "{id}\n{report}");
        }
        assert!(report.contains("/server/accept  (worker"), "{report}");
    });
}

#[test]
fn names_may_be_equal_and_hold_slashes_but_not_nothing() {
    // catches: names taken for keys; a slash that makes two levels; NUL that reaches the OS
    within(|| {
        let result = scope(|s| {
            let twins = [(); 2].map(|()| s.spawn("twin", "looks like the other", until_stopped));
            let [one, two] = twins;
            let (one, two) = (one?, two?);
            assert!(one.id() != two.id() && one.name() == two.name());
            let odd = s.spawn("a/b%c", "has an odd name", until_stopped)?;
            assert_eq!(odd.name(), "a/b%c");
            assert!(odd.path().ends_with("/a%2Fb%25c"), "{}", odd.path());
            for long in ["über-lange-Namen-gehen-auch-wenn-das-System-sie-kürzt", " "] {
                assert_eq!(s.spawn(long, "is allowed", until_stopped)?.name(), long);
            }
            for bad in ["", "a\0b"] {
                let worker = s.spawn(bad, "is refused", |_| Ok(()));
                assert!(matches!(worker, Err(SpawnError::InvalidName)), "{bad:?}");
                let service = s.service(bad, "is refused", |_| Ok(()));
                assert!(matches!(service, Err(SpawnError::InvalidName)), "{bad:?}");
                assert!(matches!(s.group(bad), Err(SpawnError::InvalidName)), "{bad:?}");
                let sibling = s.context().spawn(bad, "is refused", |_| Ok(()));
                assert!(matches!(sibling, Err(SpawnError::InvalidName)), "{bad:?}");
            }
            assert_eq!(s.active_threads().len(), 5);
            s.stop();
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn current_is_the_innermost_context_of_the_calling_thread() {
    // catches: a current() that leaks over scopes or threads, or is lost after a nested one
    within(|| {
        assert!(current().is_none());
        let here = || current().map(|cx| cx.path().to_owned());
        let result = scope(|s| {
            let body = here();
            assert_eq!(body.as_deref(), Some(s.context().path()));
            s.subscope("sub", |sub| Ok(assert_eq!(here().as_deref(), Some(sub.context().path()))))?;
            assert_eq!(here(), body);
            let _ = panics(|| s.subscope("falls", |_| -> homebound::Result { panic!("out") }));
            assert_eq!(here(), body, "after a panic too");
            let worker = s.spawn("worker", "asks who it is", move |cx| {
                assert_eq!(here().as_deref(), Some(cx.path()));
                assert_eq!(current().expect("inside").id(), cx.id());
                Ok(std::thread::spawn(|| current().is_none()).join().expect("it ends"))
            })?;
            Ok(assert!(worker.join()?, "a foreign thread has none"))
        });
        result.unwrap();
        assert!(current().is_none());
    });
}

#[test]
fn current_knows_shields_and_deadlines() {
    // catches: a scope opened inside a deadline that hangs beside it
    within(|| {
        let result = scope(|s| {
            let at = Instant::now() + NEVER;
            s.context().with_deadline(at, |_| {
                assert_eq!(current().expect("inside").deadline(), Some(at));
            });
            assert_eq!(current().expect("inside").deadline(), None);
            s.stop();
            s.context().shield(NEVER, |_| assert!(!current().expect("inside").is_stopping()));
            Ok(assert!(current().expect("inside").is_stopping()))
        });
        result.unwrap();
    });
}

#[test]
fn a_scope_opened_in_a_thread_is_a_child_of_that_thread() {
    // catches: nested scopes that hang below the scope's body and survive their thread's stop
    within(|| {
        let result = scope(|s| {
            let (ready, is_ready) = gate();
            let worker = s.spawn("worker", "opens scopes", move |cx| {
                let free = scope(|free| Ok(free.context().path().starts_with(cx.path())))?;
                let via_outer = s.subscope("via-outer", |sub| {
                    assert!(sub.context().path().starts_with(cx.path()), "{}", sub.context().path());
                    sub.spawn("waits", "is stopped with its thread", until_stopped)?;
                    Ok(drop(ready))
                });
                Ok((free, via_outer.is_ok()))
            })?;
            pass(&is_ready);
            worker.stop();
            assert_eq!(worker.join()?, (true, true));
            Ok(assert!(!s.is_stopping()))
        });
        result.unwrap();
    });
}

#[test]
fn a_scope_opened_from_elsewhere_hangs_below_its_scope_and_stops_with_the_caller_too() {
    // catches: a child that forgets the thread that waits for it, or hangs below the wrong tree
    within(|| {
        let result = scope(|a| {
            let a_path = a.context().path().to_owned();
            std::thread::scope(|threads| {
                threads.spawn(|| {
                    let inner = scope(|b| {
                        let stopper = b.stopper();
                        a.subscope("x", |x| {
                            assert!(x.context().path().starts_with(&a_path));
                            stopper.stop_because("the caller's scope");
                            let reason = x.context().wait_for_stop();
                            assert_eq!(*origin(&reason), StopReason::Custom("the caller's scope".into()));
                            Ok(())
                        })?;
                        Ok(assert!(!a.is_stopping()))
                    });
                    inner.unwrap();
                });
            });
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn roots_side_by_side_do_not_know_each_other() {
    // catches: one global tree for standalone scopes
    within(|| {
        let threads: Vec<_> = (0..4)
            .map(|i| {
                std::thread::spawn(move || {
                    scope(|s| {
                        s.spawn(format!("worker-{i}"), "works", until_stopped)?;
                        let active = s.active_threads();
                        assert!(active.len() == 1 && active[0].name == format!("worker-{i}"));
                        s.stop();
                        Ok(())
                    })
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap().unwrap());
    });
}

/// A tree with one of each, held until `held` is through.
fn with_one_of_each(s: &Scope<'_, '_>, held: impl FnOnce()) -> homebound::Result {
    let (ready, got) = unbounded::<()>();
    let (open, gate) = gate();
    let wait = move |cx: &Context| {
        ready.send(())?;
        until_stopped(cx)
    };
    s.spawn("worker", "one of each", wait.clone())?;
    s.service("service", "one of each", wait.clone())?;
    let group = s.group("group")?;
    group.spawn("member", "one of each", wait.clone())?;
    let nested = wait.clone();
    s.spawn("opener", "one of each", move |_| {
        Ok(scope(|below| Ok(drop(below.spawn("deep", "one of each", nested)?)))?)
    })?;
    let cx = s.context().clone();
    let stranger = std::thread::spawn(move || {
        let guest = cx.adopt("guest", "one of each");
        assert_eq!((guest.name(), guest.purpose()), ("guest", "one of each"));
        assert_eq!(current().expect("adopted").id(), guest.id());
        drop(wait);
        pass(&gate);
        drop(guest);
        assert!(current().is_none());
    });
    got.iter().take(4).for_each(drop);
    eventually("all are there", || s.active_threads().len() == 6);
    held();
    drop(open);
    stranger.join().expect("it ends");
    s.stop();
    Ok(())
}

#[test]
fn active_threads_are_the_workers_services_and_adopted_of_the_subtree() {
    // catches: bodies, internal or ended threads in the list; deep ones missing
    within(|| {
        let result = scope(|s| {
            s.spawn("ended", "is gone", |_| Ok(()))?.join()?;
            with_one_of_each(s, || {
                let active = s.active_threads();
                let mut names: Vec<_> = active.iter().map(|t| (t.name.as_str(), t.role)).collect();
                names.sort_by_key(|(name, _)| *name);
                let expected = [
                    ("deep", Role::Worker),
                    ("guest", Role::Adopted),
                    ("member", Role::Worker),
                    ("opener", Role::Worker),
                    ("service", Role::Service),
                    ("worker", Role::Worker),
                ];
                assert_eq!(names, expected);
                let ids: HashSet<_> = active.iter().map(|t| t.id).collect();
                let tids: HashSet<_> = active.iter().map(|t| t.os_tid.expect("Linux")).collect();
                assert_eq!((ids.len(), tids.len()), (6, 6));
            })
        });
        result.unwrap();
    });
}

#[test]
fn a_snapshot_is_the_tree() {
    // catches: a scope in the wrong place, a body without its role, a tree that is flat
    within(|| {
        let before = Instant::now();
        let result = scope(|s| {
            with_one_of_each(s, || {
                let snapshot = s.snapshot();
                let all = all_threads(&snapshot);
                for name in ["worker", "service", "member", "opener", "deep", "guest"] {
                    let thread = all.iter().find(|t| t.name == name).expect(name);
                    assert!(thread.purpose == "one of each" && thread.spawned_at >= before);
                    assert!(thread.path.ends_with(name) && thread.state != ThreadState::Ended);
                    assert!(thread.spawned_from.file().ends_with(file!()));
                }
                assert!(all.iter().any(|t| t.role == Role::Body));
                let group = find(&snapshot.root, "group").expect("the group is in it");
                assert_eq!(group.threads.iter().filter(|t| t.role == Role::Worker).count(), 1);
                assert!(group.path.ends_with("/group"));
                let shown = snapshot.to_string();
                for name in ["worker", "service", "member", "deep", "guest", "group", "one of each"] {
                    assert!(shown.contains(name), "no {name:?} in\n{shown}");
                    assert!(s.dump_status().contains(name));
                }
            })
        });
        result.unwrap();
    });
}

#[test]
fn a_snapshot_from_anywhere_while_everything_changes() {
    // catches: a deadlock or a torn tree between snapshots, spawns, joins and stops
    within(|| {
        let result = scope(|s| {
            let watcher = s.thread("watcher", "takes snapshots").isolated().spawn(move |_| {
                let until = Instant::now() + Duration::from_millis(300);
                while Instant::now() < until {
                    assert!(!s.snapshot().to_string().is_empty() && !s.dump_status().is_empty());
                    assert!(s.active_threads().iter().all(|t| t.state != ThreadState::Ended));
                }
                Ok(())
            })?;
            while !watcher.is_finished() {
                s.subscope("sub", |sub| {
                    let group = sub.group("group")?;
                    group.spawn("member", "is short", |_| Ok(()))?;
                    sub.spawn("short", "is short", |_| Ok(()))?.join()?;
                    sub.stop();
                    Ok(group.close()?)
                })?;
            }
            Ok(watcher.join()?)
        });
        result.unwrap();
    });
}

#[test]
fn a_snapshot_has_each_thread_once_however_many_there_are() {
    // catches: a thread at the seam of two portions that is left out or met twice, while others come and go
    within(|| {
        let result = scope(|s| {
            let churn = s.thread("churn", "spawns meanwhile").isolated().spawn(move |cx| {
                while !cx.is_stopping() {
                    s.spawn("short", "comes and goes", |_| Ok(()))?.join()?;
                }
                Ok(())
            })?;
            let mut stay = HashSet::new();
            for _ in 0..300 {
                stay.insert(s.spawn("stays", "waits for the stop", |cx| Ok(drop(cx.wait_for_stop())))?.id());
                let seen: Vec<_> = all_threads(&s.snapshot()).iter().map(|thread| thread.id).collect();
                let once: HashSet<_> = seen.iter().copied().collect();
                assert_eq!(seen.len(), once.len(), "none is met twice");
                assert!(stay.is_subset(&once), "{} are left out", stay.difference(&once).count());
            }
            churn.stop();
            churn.join()?;
            s.stop();
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn the_registrys_snapshot_is_there_while_it_runs_only() {
    // catches: a stale root after the end, a root that other threads cannot see
    child_passes(|_| {
        assert!(registry::snapshot().is_none());
        assert!(!registry::dump_status().contains("/p/"));
        let exit = Registry::new("p").run(|s| {
            s.spawn("worker", "is seen from elsewhere", until_stopped)?;
            let seen = std::thread::spawn(|| (registry::snapshot(), registry::dump_status()));
            let (snapshot, dump) = seen.join().expect("it ends");
            let snapshot = snapshot.expect("it runs");
            assert_eq!((snapshot.root.name.as_str(), snapshot.root.path.as_str()), ("p", "/p"));
            assert!(all_threads(&snapshot).iter().any(|t| t.path == "/p/worker"));
            assert!(dump.contains("worker") && dump.contains("is seen from elsewhere"));
            s.stop();
            Ok(())
        });
        assert!(registry::snapshot().is_none());
        i32::from(exit.code())
    });
}

#[test]
fn adopted_guards_are_removed_by_identity() {
    // catches: a stack that pops the wrong context when guards drop out of order
    within(|| {
        let result = scope(|s| {
            let (one, two) = (s.group("one")?, s.group("two")?);
            std::thread::scope(|threads| {
                threads.spawn(|| {
                    let first = one.context().adopt("first", "comes first");
                    let second = two.context().adopt("second", "comes second");
                    assert_eq!(current().expect("adopted").name(), "second");
                    drop(first);
                    assert_eq!(current().expect("adopted").name(), "second");
                    assert_eq!((one.active_threads().len(), two.active_threads().len()), (0, 1));
                    drop(second);
                    assert!(current().is_none() && s.active_threads().is_empty());
                });
            });
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn an_adopted_thread_sees_the_stop_and_can_spawn() {
    // catches: an adopted thread that is only a name
    within(|| {
        let result = scope(|s| {
            let cx = s.context().clone();
            let (tell, told) = bounded(1);
            let stranger = std::thread::spawn(move || {
                let guest = cx.adopt("guest", "is foreign");
                let sibling = guest.spawn("sibling", "is spawned by the guest", until_stopped);
                tell.send(sibling.is_ok()).unwrap();
                matches!(origin(&guest.wait_for_stop()), StopReason::Requested { .. })
            });
            assert!(told.recv()?);
            s.stop();
            Ok(assert!(stranger.join().expect("it ends")))
        });
        result.unwrap();
    });
}

#[test]
fn threads_spawned_through_a_context_are_siblings_of_its_thread() {
    // catches: a context's spawn that hangs below the thread, or is not joined
    within(|| {
        let (tell, told) = bounded(1);
        let result = scope(|s| {
            let scope_path = s.context().path().to_owned();
            s.spawn("worker", "has a sibling made", move |cx| {
                let sibling = cx.spawn("sibling", "outlives its maker", move |cx| {
                    linger(30);
                    Ok(tell.send(cx.path().to_owned())?)
                })?;
                assert!(sibling.path().starts_with(&scope_path));
                assert!(!sibling.path().contains("/worker/"), "{}", sibling.path());
                Ok(())
            })?;
            Ok(())
        });
        result.unwrap();
        assert!(told.try_recv().expect("it was joined").ends_with("/sibling"));
    });
}

#[test]
fn a_thread_has_a_span_of_its_own_in_its_spawners_subscriber() {
    // catches: threads that log into nothing, or without saying who they are
    child_passes(|_| {
        let (tell, told) = unbounded();
        let subscriber = Told::new(move |line: &str| drop(tell.send(line.to_owned())));
        let result = tracing::subscriber::with_default(subscriber, || {
            scope(|s| {
                let worker = s.spawn("worker", "logs a line", |_| {
                    tracing::info!(target: "homebound::test", "from the worker");
                    Ok(())
                })?;
                Ok(worker.join()?)
            })
        });
        result.unwrap();
        let lines: Vec<String> = told.try_iter().collect();
        assert!(lines.iter().any(|line| line.contains("from the worker")), "{lines:#?}");
        let span = lines.iter().find(|line| line.starts_with("span") && line.contains("thread.name=worker"));
        let span = span.unwrap_or_else(|| panic!("no span with the thread's name: {lines:#?}"));
        assert!(span.contains("purpose=logs a line") && span.contains("/worker"), "{span}");
        0
    });
}
