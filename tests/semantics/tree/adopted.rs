//! Adopted threads stand in the tree until their guards end. A context spawns siblings of its
//! thread.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use crate::common::subscriber::Told;
use crate::common::*;
use crossbeam_channel::{bounded, unbounded};
use homebound::{StopReason, current, scope};

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
    // catches: threads that log into nothing, or without their names
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
