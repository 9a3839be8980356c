//! Paths follow the tree, and names may repeat.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use crate::common::*;
use crossbeam_channel::bounded;
use homebound::registry::Registry;
use homebound::{SpawnError, scope, scope_named};

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
        assert_eq!(result.unwrap(), format!("/paths.rs:{line}/worker"), "no folder, relative or absolute");
        let line = line!() + 1;
        let unnamed = scope_named("", |s| Ok(s.context().path().to_owned())).unwrap();
        assert_eq!(unnamed, format!("/paths.rs:{line}"), "an empty name is none");
    });
}

#[test]
fn a_library_names_its_scope() {
    // catches: a name that is not escaped, or not told apart from the caller's; a scope with a name
    // that is no child
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
    // catches: a subscope of a service, opened on a foreign thread, that is stopped before the
    // service, or not with it, or that ignores the shield in which its caller stands
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
fn a_row_above_the_tree_is_told_apart_from_a_twin_in_the_tree() {
    // catches: the one stuck connection of twenty, without a number that says which
    within(|| {
        let (open, gate) = gate();
        let result = scope_named("server", |s| {
            let deaf = s.spawn("conn", "serves", move |_| -> homebound::Result { Ok(pass(&gate)) })?;
            let _well = s.spawn("conn", "serves", until_stopped)?;
            let row = format!("/server/conn {}  (worker", deaf.id());
            eventually("it stands above the tree with its number", || s.dump_status().contains(&row));
            drop(open);
            Ok(s.stop())
        });
        result.unwrap();
    });
}

#[test]
fn rows_of_one_name_are_told_apart() {
    // catches: twenty connections that are twenty equal rows, in the dump, in the report, among the
    // failures
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
            let waits = || s.active_threads().iter().filter(|thread| thread.wait.is_some()).count();
            eventually("all of them wait", || waits() == 4);
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
