//! A snapshot is the tree, each thread once, whatever changes meanwhile.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::find;
use crate::common::*;
use crossbeam_channel::unbounded;
use homebound::registry::{self, Registry};
use homebound::{Context, Role, Scope, ThreadState, current, scope};

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
    // catches: a thread at the seam of two portions that is left out or met twice, while others
    // come and go
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
