//! F4: a panic keeps its message and its place, and the hook of the program runs.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::panic::{catch_unwind, panic_any, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{falls, names};
use crate::common::subscriber::Told;
use crate::common::*;
use crossbeam_channel::unbounded;
use homebound::{Cause, Failure, scope};

#[test]
fn f4_a_panics_message_and_location_are_kept_for_every_payload() {
    // catches: String payloads lost, a location that is missing or of the library
    within(|| {
        let result = scope(|s| {
            let ways: [Wait; 4] = [
                ("str", |_| panic!("plain text")),
                ("string", |cx| panic!("text of {}", cx.name())),
                ("number", |_| panic_any(5_i32)),
                ("index", |_| Ok([()][std::hint::black_box(3)])),
            ];
            for (name, way) in ways {
                let falls = s.thread(name, "panics").isolated().spawn(way)?;
                let _ = falls.done().recv();
            }
            Ok(())
        });
        let error = result.unwrap_err();
        let expected = ["plain text", "text of string", "", "out of bounds"];
        for (failure, part) in error.failures().iter().zip(expected) {
            let Cause::Panic { message, location } = failure.cause() else { panic!("{error}") };
            assert!(message.contains(part), "{}: {message}", failure.name());
            let location = location.expect("it has a location");
            assert!(location.contains(concat!(file!(), ":")), "{location}");
        }
        assert_eq!(error.failures().len(), 4);
    });
}

#[test]
fn f4_the_panic_hook_is_chained() {
    // catches: a hook that replaces the program's own, or is installed again by every scope
    child_passes(|_| {
        static SEEN: AtomicUsize = AtomicUsize::new(0);
        std::panic::set_hook(Box::new(|_| {
            SEEN.fetch_add(1, Ordering::SeqCst);
        }));
        for round in 1..=3 {
            let result = scope(|s| {
                s.spawn("falls", "panics", falls)?;
                Ok(())
            });
            assert!(result.is_err());
            assert_eq!(SEEN.load(Ordering::SeqCst), round, "the program's hook sees each panic once");
        }
        let stranger = std::thread::spawn(|| panic!("not managed")).join();
        assert!(stranger.is_err());
        i32::from(SEEN.load(Ordering::SeqCst) != 4)
    });
}

#[test]
fn f4_a_panic_is_logged_at_once_with_name_path_and_location() {
    // catches: a panic that is logged only when the scope ends; a log without thread and place
    child_passes(|_| {
        let (tell, told) = unbounded();
        let subscriber = Told::new(move |line: &str| drop(tell.send(line.to_owned())));
        let result = tracing::subscriber::with_default(subscriber, || {
            scope(|s| {
                let (_open, gate) = gate();
                s.spawn("still-there", "keeps the scope open", move |_| Ok(pass(&gate)))?;
                drop(s.thread("falls", "panics").isolated().spawn(falls)?);
                let logged = |line: &String| line.contains("ERROR") && line.contains("/falls");
                let line = told.iter().find(logged).expect("it is logged while the scope is open");
                assert!(line.contains("failure/mod.rs:"), "{line}");
                assert!(line.contains("homebound::thread") && line.contains("it falls"), "{line}");
                Ok(())
            })
        });
        assert_eq!(names(&result.unwrap_err()), ["falls"]);
        0
    });
}

#[test]
fn f4_a_panic_that_is_resumed_with_another_payload_has_no_place_of_another() {
    // catches: the place of the last panic that the hook has seen, given to a panic that it has not
    // seen
    within(|| {
        let failed = |ends: fn()| {
            let error =
                scope(|s| Ok(drop(s.spawn("worker", "catches, and resumes", move |_| Ok(ends()))?)));
            match error.unwrap_err().first().map(Failure::cause) {
                Some(Cause::Panic { message, location, .. }) => {
                    (message.to_owned(), location.map(str::to_owned))
                }
                other => panic!("{other:?}"),
            }
        };
        let resumed = failed(|| {
            catch_unwind(|| panic!("first")).unwrap_err();
            resume_unwind(Box::new("second"))
        });
        assert_eq!(resumed, ("second".to_owned(), None));
        let other = failed(|| {
            catch_unwind(|| panic!("first")).unwrap_err();
            resume_unwind(Box::new(7))
        });
        assert_eq!(other.1, None);
        let same = failed(|| resume_unwind(catch_unwind(|| panic!("step {}", 1)).unwrap_err()));
        assert!(same.1.is_some_and(|place| place.contains(file!())));
        let typed = failed(|| std::panic::panic_any(7));
        assert!(typed.1.is_some_and(|place| place.contains(file!())));
    });
}

/// Catches a panic of its own while it is dropped.
struct Catches;

impl Drop for Catches {
    fn drop(&mut self) {
        catch_unwind(|| panic!("inner")).unwrap_err();
    }
}

#[test]
fn f4_a_panic_keeps_its_place_whatever_is_caught_while_it_unwinds() {
    // catches: the note of the inner panic in the place of the outer one
    within(|| {
        let place = |raises: fn()| {
            let error = scope(|s| Ok(drop(s.spawn("worker", "panics", move |_| Ok(raises()))?)));
            match error.unwrap_err().first().map(Failure::cause) {
                Some(Cause::Panic { message: "outer", location, .. }) => location.map(str::to_owned),
                other => panic!("{other:?}"),
            }
        };
        let dropped = place(|| {
            let _catches = [Catches, Catches];
            panic!("outer")
        });
        let kept = place(|| {
            let outer = catch_unwind(|| panic!("outer")).unwrap_err();
            drop(Catches);
            resume_unwind(outer)
        });
        for place in [dropped, kept] {
            assert!(place.is_some_and(|place| place.contains(file!())));
        }
    });
}

/// Fails with what a worker has raised meanwhile, in a wait of the caller's. Returns the place that
/// the failure has. `texts`: what workers panic with, at one line or at another.
fn raised_by_workers(texts: [(&'static str, bool); 2], awaited: &'static str) -> Option<String> {
    let error = scope(|s| {
        s.spawn("caller", "waits for a library", move |cx| -> homebound::Result {
            let (panicked, are_caught) = crossbeam_channel::bounded(2);
            let ((begin, begun), (_go, gone)) = (gate(), gate());
            for (text, here) in texts {
                let (panicked, begun, gone) = (panicked.clone(), begun.clone(), gone.clone());
                cx.spawn("library", "catches a panic, as rayon's threads do", move |_| {
                    pass(&begun);
                    let caught = catch_unwind(|| {
                        if here { panic!("{text}") } else { std::panic::panic_any(text.to_owned()) }
                    });
                    drop(panicked.send(caught.unwrap_err()));
                    Ok(pass(&gone)) // the note stays while the thread does
                })?;
            }
            let raised = || {
                drop(begin);
                let payloads = [are_caught.recv().unwrap(), are_caught.recv().unwrap()];
                let of = |payload: &Box<dyn std::any::Any + Send>| text(&**payload) == awaited;
                resume_unwind(payloads.into_iter().find(of).expect("it was raised"))
            };
            cx.waiting("a library", raised)
        })?;
        Ok(())
    });
    match error.unwrap_err().first().map(Failure::cause) {
        Some(Cause::Panic { location, .. }) => location.map(str::to_owned),
        other => panic!("{other:?}"),
    }
}

#[test]
fn f4_a_panic_that_another_thread_has_raised_keeps_its_place_in_a_wait() {
    // catches: a place that is lost between two threads; a place of another panic
    within(|| {
        let place = raised_by_workers([("one", true), ("another", true)], "one");
        assert!(place.expect("known").contains(file!()));
        // Two lines have raised the same: it is not known which of them this one is.
        assert_eq!(raised_by_workers([("same", true), ("same", false)], "same"), None);
    });
}
