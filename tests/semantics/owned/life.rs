//! An owned group lives and ends with its value.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::{Arc, Mutex};

use super::{Gone, Server, count, note_end};
use crate::common::subscriber::Told;
use crate::common::*;
use crossbeam_channel::{Receiver, bounded, unbounded};
use homebound::{Context, Group, JoinError, Result, SpawnError, current, group, scope, scope_named};

#[test]
fn a_value_in_no_scope_owns_its_threads() {
    // catches: a root whose OS threads are not joined; failures that close does not tell; a path
    // below nothing
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
    // catches: an owned root that hides from the scope it was made in: not stopped with it, its
    // failure not told there
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
    // catches: a value, or the failure of an isolated thread, that goes with the group, or is
    // reported twice
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

#[test]
fn the_last_clone_goes_anywhere() {
    // catches: a rare order in which the dropper, the last thread home and the last OS thread out
    // miss each other
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
