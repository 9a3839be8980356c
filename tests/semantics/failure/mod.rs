//! F1 to F4 and P4: what fails, what it stops, and where it is told.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::fmt;
use std::panic::{catch_unwind, panic_any, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::subscriber::Told;
use crate::common::*;
use crossbeam_channel::unbounded;
use homebound::{BoxError, Cause, Context, Failure, JoinError, Result, ScopeError, StopReason, scope};

fn fails(_: &Context) -> Result {
    Err(boom("it fails"))
}

fn falls(_: &Context) -> Result {
    panic!("it falls")
}

/// The names of the failed, in the order in which they failed.
fn names(error: &ScopeError) -> Vec<&str> {
    error.failures().iter().map(Failure::name).collect()
}

#[test]
fn f1_the_first_failure_stops_the_scope_at_once() {
    // catches: a stop that waits for a join, while the body and the siblings wait for the stop
    within(|| {
        for fail in [fails, falls] {
            let result = scope(|s| {
                let sibling = s.spawn("sibling", "waits", until_stopped)?;
                s.spawn("culprit", "fails", fail)?;
                let reason = s.context().wait_for_stop();
                let StopReason::Failed { path } = origin(&reason) else { panic!("{reason:?}") };
                assert!(path.ends_with("/culprit"), "{path}");
                assert!(matches!(sibling.join(), Err(JoinError::Stopped(_))));
                Ok(())
            });
            assert_eq!(names(&result.unwrap_err()), ["culprit"]);
        }
    });
}

#[test]
fn f1_joining_the_handle_does_not_hide_the_failure() {
    // catches: a scope that is Ok because somebody looked at the error
    within(|| {
        for fail in [fails, falls] {
            let result = scope(|s| {
                let culprit = s.spawn("culprit", "fails", fail)?;
                let Err(JoinError::Failed(failure)) = culprit.join() else { panic!("it failed") };
                assert_eq!(failure.name(), "culprit");
                Ok(())
            });
            assert_eq!(names(&result.unwrap_err()), ["culprit"]);
        }
    });
}

#[test]
fn f1_a_failing_service_is_a_failure_like_any_other() {
    // catches: services whose errors nobody hears
    within(|| {
        let result = scope(|s| {
            s.service("culprit", "fails", fails)?;
            s.context().wait_for_stop();
            Ok(())
        });
        assert_eq!(names(&result.unwrap_err()), ["culprit"]);
        let late = scope(|s| {
            s.service("culprit", "fails when it is told to stop", |cx| {
                cx.wait_for_stop();
                Err(boom("at the end"))
            })?;
            Ok(())
        });
        assert_eq!(names(&late.unwrap_err()), ["culprit"]);
    });
}

#[test]
fn f1_a_groups_failure_stops_the_group_and_is_at_once_a_failure_of_its_scope() {
    // catches: a group that hides its failure until it is closed, or lists it twice
    within(|| {
        let result = scope(|s| {
            let group = s.group("group")?;
            let member = group.spawn("member", "waits", until_stopped)?;
            group.spawn("culprit", "fails", fails)?;
            let reason = s.context().wait_for_stop();
            assert!(matches!(origin(&reason), StopReason::Failed { .. }), "{reason:?}");
            assert!(group.is_stopping());
            assert!(matches!(member.join(), Err(JoinError::Stopped(_))));
            let error = group.close().unwrap_err();
            assert_eq!(names(&error), ["culprit"]);
            Ok(())
        });
        assert_eq!(names(&result.unwrap_err()), ["culprit"]);
    });
}

#[test]
fn f2_isolated_stops_nothing() {
    // catches: isolation that stops the siblings, or the body
    within(|| {
        for fail in [fails, falls] {
            let result = scope(|s| {
                let sibling = s.spawn("sibling", "goes on", until_stopped)?;
                let alone = s.thread("alone", "fails").isolated().spawn(fail)?;
                assert!(matches!(alone.join(), Err(JoinError::Failed(_))));
                assert!(!s.is_stopping() && !sibling.is_finished());
                sibling.stop();
                Ok(5)
            });
            assert_eq!(result.unwrap(), 5);
        }
    });
}

#[test]
fn f2_vital_stops_the_scope_however_it_ends() {
    // catches: vital taken for "must not fail"
    within(|| {
        let ends: [fn(&Context) -> Result; 3] = [|_| Ok(()), fails, falls];
        for (i, end) in ends.into_iter().enumerate() {
            let result = scope(|s| {
                s.spawn("sibling", "waits", until_stopped)?;
                s.thread("heart", "is vital").vital().spawn(end)?;
                let reason = s.context().wait_for_stop();
                match origin(&reason) {
                    StopReason::Vital { path } => assert!(path.ends_with("/heart")),
                    StopReason::Failed { path } => assert!(i > 0 && path.ends_with("/heart")),
                    other => panic!("{other:?}"),
                }
                Ok(())
            });
            assert_eq!(result.is_ok(), i == 0);
        }
    });
}

#[test]
fn f2_a_vital_service_stops_the_scope_too() {
    // catches: vital forgotten on the service path
    within(|| {
        let result = scope(|s| {
            s.thread("heart", "is vital").vital().service(|_| Ok(()))?;
            let reason = s.context().wait_for_stop();
            assert!(matches!(origin(&reason), StopReason::Vital { .. }), "{reason:?}");
            Ok(())
        });
        assert!(result.is_ok());
    });
}

#[derive(Debug, thiserror::Error)]
enum Wrapper {
    #[error(transparent)]
    Join(#[from] JoinError),
    #[error("a scope below")]
    Scope(#[source] ScopeError),
}

#[test]
fn f3_a_failure_is_listed_once_however_it_is_passed_on() {
    // catches: the same failure once per `?` on its way up
    type Carry = fn(JoinError) -> BoxError;
    let carriers: [(&str, Carry); 5] = [
        ("plain", |e| e.into()),
        ("transparent", |e| Wrapper::from(e).into()),
        ("io", |e| std::io::Error::other(e).into()),
        ("anyhow", |e| anyhow::Error::from(e).into()),
        ("anyhow context", |e| anyhow::Error::from(e).context("while joining").into()),
    ];
    within(move || {
        for (name, carry) in carriers {
            let result: Result<(), _> = scope(|s| {
                let culprit = s.spawn("culprit", "fails", fails)?;
                let joiner = s.spawn("joiner", "passes it on", move |_| -> Result {
                    Err(carry(culprit.join().unwrap_err()))
                })?;
                Err(carry(joiner.join().unwrap_err()))
            });
            assert_eq!(names(&result.unwrap_err()), ["culprit"], "{name}");
        }
    });
}

#[test]
fn f3_a_nested_scopes_error_passed_on_by_a_body_is_one_failure_with_the_tree_inside() {
    // catches: the nested failures listed beside the body's, or lost in it
    within(|| {
        for how in 0..3 {
            let result: Result<(), _> = scope(|outer| {
                let inner = outer.subscope("inner", |inner| {
                    for name in ["one", "two"] {
                        let alone = inner.thread(name, "fails").isolated().spawn(fails)?;
                        let _ = alone.done().recv();
                    }
                    Ok(())
                });
                let error = inner.unwrap_err();
                assert_eq!(names(&error), ["one", "two"]);
                Err(match how {
                    0 => error.into(),
                    1 => Wrapper::Scope(error).into(),
                    _ => anyhow::Error::from(error).context("below").into(),
                })
            });
            let error = result.unwrap_err();
            assert_eq!(error.failures().len(), 1, "{how}: {error}");
            if how == 0 {
                let inner = error.first().unwrap().downcast_ref::<ScopeError>().expect("its type is kept");
                assert_eq!(names(inner), ["one", "two"]);
                assert!(error.to_string().contains("/inner/two"), "{error}");
            }
        }
    });
}

#[test]
fn f1_a_group_says_what_failed_in_it_even_if_its_scope_was_faster() {
    // catches: `Ok` from the `close` of a group that the scope around it has settled, since its closer was overdue
    within(|| {
        let (ready, is_ready) = gate();
        let (open, gate) = gate();
        let result = scope(|s| {
            s.spawn("closer", "is overdue before it closes its group", move |cx| {
                let group = cx.group("group")?;
                group.spawn("culprit", "comes home when its scope waits for it", move |_| -> Result {
                    pass(&gate);
                    Err(boom("late"))
                })?;
                drop(ready);
                eventually("the scope has settled the group", || s.snapshot().root.scopes.is_empty());
                let error = group.close().unwrap_err();
                Ok(assert_eq!(names(&error), ["culprit"]))
            })?;
            pass(&is_ready);
            s.shutdown(Duration::ZERO);
            // Not earlier: what comes home during `shutdown` is settled when all are home.
            Ok(drop(open))
        });
        assert_eq!(names(&result.unwrap_err()), ["culprit"]);
    });
}

#[test]
fn p4_a_handle_tells_how_its_thread_ended_also_when_its_group_is_over() {
    // catches: a group that takes results and failures from those who have yet to join, and a join that says `Stopped` then
    within(|| {
        for dropped in [false, true] {
            let joined = scope(|s| {
                let group = s.group("outer")?;
                let inner = group.group("inner")?;
                let value = inner.spawn("value", "returns a value", |_| Ok(5))?;
                let alone = inner.thread("alone", "fails").isolated().spawn(fails)?;
                let stopped = inner.spawn("stopped", "waits", until_stopped)?;
                eventually("both have ended", || value.is_finished() && alone.is_finished());
                if dropped {
                    drop((inner, group));
                } else {
                    assert!(inner.close().is_ok() && group.close().is_ok(), "nobody has given up the handle");
                }
                assert_eq!(value.join().unwrap(), 5);
                assert!(matches!(stopped.join(), Err(JoinError::Stopped(_))));
                let error = alone.join().unwrap_err();
                Ok(assert!(matches!(error, JoinError::Failed(failure) if failure.name() == "alone")))
            });
            assert!(joined.is_ok(), "who joined them has dealt with the failure: {joined:?}");
        }
    });
}

#[test]
fn p4_a_failure_that_nobody_joins_after_its_group_is_its_scopes() {
    // catches: an isolated failure that goes with the group, or with the handle, or is listed twice; a member's failure as one more
    // entry because its handle is joined late
    within(|| {
        for forgotten in [false, true] {
            let result = scope(|s| {
                let group = s.group("group")?;
                let alone = group.thread("alone", "fails").isolated().spawn(fails)?;
                let member = group.spawn("member", "fails as well", fails)?;
                eventually("both have ended", || member.is_finished() && alone.is_finished());
                assert_eq!(names(&group.close().unwrap_err()), ["member"]);
                if forgotten {
                    std::mem::forget(alone)
                } else {
                    drop(alone)
                }
                Ok(member.join()?)
            });
            let error = result.unwrap_err();
            let mut names = names(&error);
            names.sort_unstable();
            assert_eq!(names, ["alone", "member"], "forgotten: {forgotten}");
        }
    });
}

#[test]
fn p4_what_a_result_raises_after_its_group_is_a_failure_of_the_scope() {
    // catches: a panic that is told to a group which nobody asks any more
    within(|| {
        let result = scope(|s| {
            let group = s.group("group")?;
            let bomb = group.spawn("bomb", "returns what panics in its drop", |_| Ok(Bomb::new()))?;
            eventually("it has ended", || bomb.is_finished());
            group.close()?;
            Ok(drop(bomb))
        });
        assert_eq!(names(&result.unwrap_err()), ["bomb"]);
    });
}

#[test]
fn p4_a_full_list_counts_what_is_no_isolated_failure_once() {
    // catches: a failure that is counted when it happens, and again when its handle is dropped
    within(|| {
        for early in [false, true] {
            let (open, gate) = gate();
            let error = scope(|s| {
                let fail = |_: &Context| -> Result {
                    pass(&gate);
                    Err(boom("fails"))
                };
                let handles: Vec<_> =
                    (0..1100).map(|_| s.spawn("culprit", "fails", fail)).collect::<Result<_, _>>()?;
                let kept = if early { Vec::new() } else { handles };
                drop(open);
                kept.iter().for_each(|handle| eventually("it has ended", || handle.is_finished()));
                Ok(())
            });
            let error = error.unwrap_err();
            assert_eq!((error.failures().len(), error.omitted()), (1024, 76), "dropped early: {early}");
        }
    });
}

#[test]
fn f3_a_groups_error_passed_on_is_listed_once() {
    // catches: close()'s error as one more entry beside the member's failure, which is listed already
    within(|| {
        for wrapped in [false, true] {
            let result: Result<(), _> = scope(|s| {
                let group = s.group("group")?;
                let culprit = group.spawn("culprit", "fails", fails)?;
                let _ = culprit.done().recv();
                let error = group.close().unwrap_err();
                Err(if wrapped { anyhow::Error::from(error).context("closing").into() } else { error.into() })
            });
            assert_eq!(names(&result.unwrap_err()), ["culprit"], "wrapped: {wrapped}");
        }
    });
}

#[test]
fn f3_two_failures_of_the_same_text_are_two() {
    // catches: identity by text or type
    within(|| {
        let result = scope(|s| {
            for _ in 0..2 {
                let alone = s.thread("same", "fails").isolated().spawn(fails)?;
                let _ = alone.done().recv();
            }
            Err::<(), _>(boom("it fails"))
        });
        assert_eq!(result.unwrap_err().failures().len(), 3);
    });
}

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

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("code {0}")]
struct Coded(u32);

#[test]
fn p4_a_failure_says_who_why_and_from_where() {
    // catches: a failure without its name, purpose, path, spawn site or typed error
    within(|| {
        let line = line!() + 2;
        let result = scope(|s| {
            s.spawn("culprit", "shows itself", |_| -> Result { Err(Coded(7).into()) })?;
            Ok(())
        });
        let error = result.unwrap_err();
        let failure = error.first().expect("one");
        assert_eq!((failure.name(), failure.purpose()), ("culprit", "shows itself"));
        assert!(failure.path().ends_with("/culprit") && failure.path().starts_with('/'));
        assert_eq!(failure.spawned_from().line(), line);
        assert!(failure.spawned_from().file().ends_with(file!()));
        assert_eq!(failure.downcast_ref::<Coded>(), Some(&Coded(7)));
        assert!(failure.downcast_ref::<fmt::Error>().is_none() && failure.take_payload().is_none());
        assert!(matches!(failure.cause(), Cause::Error(e) if e.is::<Coded>()));
        assert!(error.stop_reason().is_none() && error.omitted() == 0);
        let shown = error.to_string();
        for part in ["culprit", "shows itself", "code 7"] {
            assert!(shown.contains(part), "no {part:?} in\n{shown}");
        }
        assert_eq!(format!("{error:?}"), shown, "main prints Debug");
        assert_eq!(error.downcast::<Coded>().expect("its type comes back"), Coded(7));
    });
}

#[test]
fn p4_a_bodys_failure_has_the_path_of_its_scope() {
    // catches: a body that fails without a name, or under its last thread's
    within(|| {
        let result = scope(|s| {
            let inner: Result<(), _> = s.subscope("sub", |_| Err(Coded(1).into()));
            let error = inner.unwrap_err();
            let path = error.first().expect("one").path();
            assert_eq!(path, format!("{}/sub", s.context().path()));
            let wrong = error.downcast::<fmt::Error>().expect_err("of another type");
            assert_eq!(wrong.failures().len(), 1, "a downcast that misses gives the error back");
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn p4_failures_are_in_the_order_in_which_they_happened_with_the_tail_during_stop() {
    // catches: an order by name or by join; a tail that holds the cause of the stop
    within(|| {
        let result: Result<(), _> = scope(|s| {
            s.spawn("third", "fails in its clean-up", |cx| -> Result {
                cx.wait_for_stop();
                linger(60);
                Err(boom("late"))
            })?;
            s.spawn("second", "fails in its clean-up", |cx| -> Result {
                cx.wait_for_stop();
                linger(20);
                Err(boom("soon"))
            })?;
            s.spawn("first", "fails", fails)?;
            Ok(())
        });
        let error = result.unwrap_err();
        assert_eq!(names(&error), ["first", "second", "third"]);
        let tail: Vec<&str> = error.during_stop().iter().map(Failure::name).collect();
        assert_eq!(tail, ["second", "third"]);
    });
}

#[test]
fn p4_a_timed_out_join_keeps_the_handle_and_the_failure() {
    // catches: a result lost by a join that gave up
    within(|| {
        let result = scope(|s| {
            let (open, gate) = gate();
            let alone = s.thread("alone", "fails later").isolated().spawn(move |_| {
                pass(&gate);
                fails_with(9)
            })?;
            let alone = alone.join_timeout(std::time::Duration::from_millis(5)).unwrap_err();
            assert!(!alone.is_finished());
            drop(open);
            let Ok(Err(JoinError::Failed(failure))) = alone.join_timeout(LIMIT) else {
                panic!("it failed");
            };
            assert_eq!(failure.downcast_ref::<Coded>(), Some(&Coded(9)));
            Ok(())
        });
        assert!(result.is_ok());
    });
}

fn fails_with(code: u32) -> Result {
    Err(Coded(code).into())
}

#[test]
fn p4_a_failure_outlives_its_scope_and_is_shared() {
    // catches: a failure that points into the scope
    within(|| {
        let result = scope(|s| {
            s.spawn("culprit", "fails", |_| fails_with(3))?;
            Ok(())
        });
        let error = result.unwrap_err();
        let copies: Vec<Failure> = (0..4).map(|_| error.first().unwrap().clone()).collect();
        drop(error);
        let threads =
            copies.into_iter().map(|f| std::thread::spawn(move || f.downcast_ref::<Coded>().map(|c| c.0)));
        for thread in threads {
            assert_eq!(thread.join().unwrap(), Some(3));
        }
    });
}

#[test]
fn p4_many_threads_that_fail_at_once_are_all_told() {
    // catches: a lost update of the list; a failure dropped because the scope is stopping already
    within(|| {
        let (tell, told) = unbounded();
        let result = scope(|s| {
            let go = Arc::new(std::sync::Barrier::new(20));
            for i in 0..20 {
                let (go, tell) = (go.clone(), tell.clone());
                s.spawn(format!("culprit-{i}"), "fails", move |_| -> Result {
                    tell.send(())?;
                    go.wait();
                    if i % 2 == 0 { Err(boom("no")) } else { panic!("no") }
                })?;
            }
            Ok(())
        });
        let error = result.unwrap_err();
        assert_eq!((error.failures().len(), told.len(), error.omitted()), (20, 20, 0));
    });
}

#[test]
fn p4_the_sources_of_an_error_are_still_there() {
    // catches: an error flattened to its text
    within(|| {
        let result = scope(|s| {
            s.spawn("culprit", "fails", |_| -> Result {
                Err(anyhow::Error::from(Coded(4)).context("outer").into())
            })?;
            Ok(())
        });
        let error = result.unwrap_err();
        let Cause::Error(cause) = error.first().unwrap().cause() else { panic!("{error}") };
        assert_eq!(cause.to_string(), "outer");
        assert_eq!(cause.source().map(ToString::to_string).as_deref(), Some("code 4"));
    });
}

#[test]
fn f4_a_panic_is_logged_at_once_with_name_path_and_location() {
    // catches: a panic that is heard of only when the scope ends; a log without who and where
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
                assert!(line.contains(concat!(file!(), ":")), "{line}");
                assert!(line.contains("homebound::thread") && line.contains("it falls"), "{line}");
                Ok(())
            })
        });
        assert_eq!(names(&result.unwrap_err()), ["falls"]);
        0
    });
}

/// An error whose own code does not end, or not well: it is its own source, its sources do not end, or its `source` panics.
#[derive(Debug, Clone, Copy)]
enum Odd {
    OwnSource,
    SourcePanics,
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("odd")?;
        // As `anyhow` does: all sources behind it, for `{:#}`.
        let mut next = std::error::Error::source(self).filter(|_| f.alternate());
        while let Some(source) = next {
            write!(f, ": {source}")?;
            next = source.source();
        }
        Ok(())
    }
}

impl std::error::Error for Odd {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Odd::OwnSource => Some(self),
            Odd::SourcePanics => panic!("source"),
        }
    }
}

#[test]
fn p4_no_error_keeps_its_thread_from_coming_home() {
    // catches: a walk along sources without an end; a panic of `source` in the exit of a scope, which aborts
    child_passes(|_| {
        for odd in [Odd::OwnSource, Odd::SourcePanics] {
            let by_worker = scope(|s| Ok(drop(s.spawn("odd", "fails", move |_| Err::<(), _>(odd.into()))?)));
            let by_body = scope(|_| Err::<(), _>(odd.into()));
            let by_deferred = scope(|s| Ok(s.defer("odd", move || Err(odd.into()))));
            let by_io = scope(|_| Err::<(), _>(std::io::Error::other(odd).into()));
            for error in [by_worker, by_body, by_deferred, by_io] {
                assert_eq!(error.unwrap_err().failures().len(), 1);
            }
        }
        0
    });
}

#[test]
fn p4_a_text_without_an_end_is_cut() {
    // catches: memory that is filled with the text of an error which had to be dropped to be judged
    within(|| {
        let kept = std::sync::Mutex::new(None);
        let error = scope(|s| {
            s.stop();
            *kept.lock().unwrap() = s.context().checkpoint().err();
            Err::<(), _>(Odd::OwnSource.into())
        })
        .unwrap_err();
        let Some(Cause::Error(cause)) = error.first().map(Failure::cause) else { panic!("{error}") };
        let text = cause.to_string();
        assert!(text.starts_with("odd") && text.len() <= 64 * 1024, "{} bytes", text.len());
    });
}

#[test]
fn f4_a_panic_that_is_resumed_with_another_payload_has_no_place_of_another() {
    // catches: the place of the last panic that the hook has seen, given to one that it has not
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

#[test]
fn a7_a_failure_is_told_and_the_thread_goes_on() {
    // catches: a failure that only an end can tell; a stop that is told as a failure; a failure told to nobody without a word
    within(|| {
        let kept = std::sync::Mutex::new(None);
        let result = scope(|s| {
            let (up, told) = gate();
            s.spawn("worker", "fails, and goes on", |cx| {
                cx.note("item 17");
                assert!(cx.fail(boom("told")));
                // F1 applied: the scope is stopped by it.
                let stopped = cx.sleep(NEVER).unwrap_err();
                assert!(matches!(origin(stopped.reason()), StopReason::Failed { .. }), "{stopped}");
                assert!(cx.fail(stopped), "its own stop is no failure, and nothing is lost");
                let payload = catch_unwind(|| panic!("caught")).unwrap_err();
                assert!(cx.fail_panic(payload));
                let row = s.active_threads().into_iter().find(|row| row.name == "worker").unwrap();
                assert!(row.failed && row.note.as_deref() == Some("item 17"), "{row:?}");
                *kept.lock().unwrap() = Some(cx.clone());
                Ok(drop(up))
            })?;
            told.recv().unwrap_err();
            Ok(())
        });
        let error = result.unwrap_err();
        let texts: Vec<String> = error.failures().iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 2, "{error}");
        assert!(texts[0].ends_with("/worker failed: told") && texts[1].contains("panicked at"), "{texts:?}");
        assert!(texts[1].contains(file!()), "{texts:?}");
        assert_eq!(error.first().unwrap().notes(), ["item 17"]);
        assert!(error.to_string().contains("; item 17)"), "{error}");
        let row = error.report().threads.iter().find(|row| row.name == "worker").unwrap();
        assert_eq!(row.ending, homebound::Ending::Failed);
        let cx = kept.into_inner().unwrap().unwrap();
        assert!(!cx.fail(boom("late")), "the scope is over");
    });
}

#[test]
fn a7_an_isolated_threads_failure_stops_nobody_and_is_the_scopes() {
    // catches: an isolated thread whose callback's failure stops the others, or is lost since the join gives a value
    within(|| {
        let result = scope(|s| {
            let worker = s.thread("worker", "fails, and goes on").isolated().spawn(|cx| {
                assert!(cx.fail(boom("told")));
                Ok(assert!(!cx.is_stopping()))
            })?;
            worker.join()?;
            Ok(assert!(!s.is_stopping()))
        });
        assert_eq!(result.unwrap_err().failures().len(), 1);
    });
}

#[test]
fn a9_a_spawn_shows_the_line_that_it_is_told() {
    // catches: a layer's own line in failures and snapshots
    within(|| {
        let here = std::panic::Location::caller();
        let result = scope(|s| {
            let worker = s.thread("worker", "fails").spawned_at(here);
            Ok(drop(worker.spawn(|_| -> Result { Err(boom("no")) })?))
        });
        let error = result.unwrap_err();
        assert_eq!(error.first().unwrap().spawned_from(), here);
        assert!(error.report().threads.iter().all(|row| row.spawned_from == here));
    });
}

#[test]
fn a10_an_error_has_its_source() {
    // catches: chains that end at homebound's own types
    within(|| {
        let chain = |error: &(dyn std::error::Error + 'static)| {
            std::iter::successors(Some(error), |error| error.source()).last().unwrap().to_string()
        };
        let result = scope(|s| -> Result {
            let child = s.thread("child", "fails").isolated().spawn(|_| -> Result { Err(boom("deep")) })?;
            let joined = child.join().unwrap_err();
            assert_eq!(chain(&joined), "deep");
            assert!(std::error::Error::source(&joined).unwrap().is::<Failure>());
            s.stop();
            let refused = s.spawn("no", "is refused", |_| Ok(())).unwrap_err();
            let (never, _keep) = gate();
            let unsent = s.context().send(&never, ()).unwrap_err();
            for error in [&refused as &(dyn std::error::Error + 'static), &unsent, &unsent.cause] {
                assert!(chain(error).starts_with("stopped: requested"), "{error:?}");
            }
            Err(boom("only"))
        });
        let error = result.unwrap_err();
        assert_eq!(chain(&error), "only");
        let stopped = scope(|s| {
            s.stop();
            Ok(s.context().checkpoint()?)
        });
        assert!(homebound::is_stop(std::error::Error::source(&stopped.unwrap_err()).unwrap()));
    });
}

/// An error whose end asks the library, about itself and about all.
#[derive(Debug)]
struct Asks(Context);

impl fmt::Display for Asks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("asks")
    }
}

impl std::error::Error for Asks {}

impl Drop for Asks {
    fn drop(&mut self) {
        let _overdue = self.0.is_overdue();
        let _dump = self.0.stopper().is_stopping();
        let opened = scope(|s| Ok(s.dump_status().len()));
        assert!(opened.is_ok());
        ASKED.fetch_add(1, Ordering::SeqCst);
    }
}

static ASKED: AtomicUsize = AtomicUsize::new(0);

#[test]
fn e7_a_failure_that_is_one_too_many_is_dropped_with_no_lock_held() {
    // catches: the error of a failure that no list keeps, dropped under the lock of its thread's record
    within(|| {
        let error = scope(|s| {
            for _ in 0..1024 {
                let failing = s.thread("fails", "fails").isolated().spawn(fails)?;
                let done = failing.done().clone();
                drop(failing);
                let _ended = done.recv();
            }
            for isolated in [true, false] {
                let thread = s.thread("one-too-many", "fails with what asks");
                let thread = if isolated { thread.isolated() } else { thread };
                let (open, gate) = gate();
                let failing = thread.spawn(move |cx| {
                    pass(&gate);
                    Err::<(), _>(Asks(cx.clone()).into())
                });
                // The handle is gone before the thread fails.
                drop(failing?);
                drop(open);
            }
            Ok(())
        })
        .unwrap_err();
        assert_eq!(error.failures().len() + error.omitted(), 1026);
        drop(error);
        assert_eq!(ASKED.load(Ordering::SeqCst), 2);
    });
}

/// An error whose own code is done when the stop has come.
#[derive(Debug)]
struct Held(crossbeam_channel::Receiver<()>);

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        pass(&self.0);
        f.write_str("held")
    }
}

impl std::error::Error for Held {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        pass(&self.0);
        None
    }
}

/// What panics when it is dropped.
struct Falls;

impl Drop for Falls {
    fn drop(&mut self) {
        panic!("falls");
    }
}

#[test]
fn f1_the_stop_waits_for_no_code_of_the_programs() {
    // catches: a failure that is logged, or whose error is asked, before its scope is stopped; a subscriber that is told of the stop of
    // one scope before that of the next is marked
    child_passes(|_| {
        type Fail = fn(&homebound::Scope<'_, '_>, crossbeam_channel::Receiver<()>) -> Result;
        let ways: [(&str, Fail); 8] = [
            ("an error", |s, _| Ok(drop(s.spawn("fails", "fails", fails)?))),
            ("a panic", |s, _| Ok(drop(s.spawn("falls", "panics", falls)?))),
            ("a capture", |s, _| {
                let falls = Falls;
                Ok(drop(s.spawn("drops", "has what panics", move |_| {
                    let _it = &falls;
                    Ok(())
                })?))
            }),
            ("an error that asks", |s, gate| {
                Ok(drop(s.spawn("held", "fails", move |_| Err::<(), _>(Held(gate).into()))?))
            }),
            ("a vital thread", |s, _| Ok(drop(s.thread("vital", "ends").vital().spawn(|_| Ok(()))?))),
            ("a group", |s, _| {
                let group = s.context().group("group")?;
                drop(group.spawn("fails", "fails", fails)?);
                Ok(std::mem::forget(group))
            }),
            ("a body", |_, gate| Err(Held(gate).into())),
            ("a failure without an end", |s, gate| {
                let goes_on = move |cx: &homebound::Context| Ok(assert!(cx.fail(Held(gate)), "it is told"));
                Ok(drop(s.spawn("says so", "goes on", goes_on)?))
            }),
        ];
        for (name, fail) in ways {
            let (open, gate) = gate();
            let held = gate.clone();
            let subscriber = Told::new(move |line: &str| {
                if line.contains("ERROR") || line.contains("stopping") || line.contains("ended") {
                    pass(&held);
                }
            });
            let result = tracing::subscriber::with_default(subscriber, || {
                scope(|s| {
                    s.spawn("sibling", "opens when it is stopped", move |cx| {
                        cx.wait_for_stop();
                        Ok(drop(open))
                    })?;
                    fail(s, gate)
                })
            });
            assert_eq!(result.is_err(), name != "a vital thread", "{name}");
        }
        0
    });
}

#[test]
fn f1_a_failure_after_a_stop_of_its_own_waits_for_no_code_of_the_programs() {
    // catches: an error that is asked whether it is the stop that has come to a group, or to one thread, though it cannot be that: the
    // scope around is not stopped for it until the error has answered
    type Fail = fn(&homebound::Scope<'_, '_>, crossbeam_channel::Receiver<()>) -> Result;
    let ways: [(&str, Fail); 3] = [
        ("a deferred function of a group that is closed", |s, gate| {
            let group = s.context().group("group")?;
            group.defer("held", move || Err(Held(gate).into()));
            Ok(drop(group.close().expect_err("its failure")))
        }),
        ("a thread of a group that is closed", |s, gate| {
            let group = s.context().group("group")?;
            let held = group.spawn("held", "fails when it is stopped", move |cx| {
                cx.wait_for_stop();
                Err::<(), _>(Held(gate).into())
            });
            drop(held?);
            Ok(drop(group.close().expect_err("its failure")))
        }),
        ("a thread that was stopped alone", |s, gate| {
            let held = s.spawn("held", "fails when it is stopped", move |cx| {
                drop(cx.checkpoint().and_then(|()| cx.sleep(NEVER)).expect_err("stopped"));
                Err::<(), _>(Held(gate).into())
            })?;
            held.stop();
            Ok(drop(held))
        }),
    ];
    for (name, fail) in ways {
        let error = within(move || {
            scope(|s| {
                let (open, gate) = gate();
                s.spawn("sibling", "opens when it is stopped", move |cx| {
                    cx.wait_for_stop();
                    Ok(drop(open))
                })?;
                fail(s, gate)
            })
        });
        assert_eq!(error.unwrap_err().failures().len(), 1, "{name}");
    }
}

#[test]
fn f1_an_error_that_is_the_stop_of_a_group_stops_nothing_else() {
    // catches: a stop for an error that turns out to be none
    within(|| {
        scope(|s| {
            let group = s.context().group("group")?;
            let cx = group.context().clone();
            group.defer("stopped", move || Ok(cx.checkpoint()?));
            let sleeper = group.spawn("sleeps", "until it is stopped", |cx| Ok(cx.sleep(NEVER)?))?;
            group.close()?;
            assert!(!s.is_stopping(), "neither of the two has failed");
            Ok(assert!(sleeper.join().is_err()))
        })
        .unwrap();
    });
}
