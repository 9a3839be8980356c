//! Owns the tests of `stop_everywhere`: it finds the faults of a program, and their places, and
//! finds none in a good program.
//! Refuses to trust a verdict that it has not seen to be otherwise: each kind of trouble is planted
//! into a program here.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{bounded, unbounded};
use homebound::{Context, Handle, JoinError, Race, RaceError, Result, Scope, SpawnError};
use homebound_testing::{NoLeaks, Planted, StopEverywhere, Wrong, stop_everywhere};

use crate::common::{NEVER, within};

const SHORT: Duration = Duration::from_millis(60);

/// The line of source that holds this text, in this file.
fn line_of(text: &str) -> u32 {
    let source = include_str!("everywhere.rs");
    let place = source.lines().position(|line| line.contains(text) && !line.contains("line_of"));
    u32::try_from(place.expect("the line is in this file")).unwrap() + 1
}

/// Stays away for a time, deaf to any stop, without a point.
fn be_deaf(time: Duration) {
    let end = Instant::now() + time;
    let (_open, never) = bounded::<()>(0);
    let _ = never.recv_deadline(end);
}

fn pipeline<'scope>(scope: &'scope Scope<'scope, '_>) -> Result<u64> {
    let (numbers, source) = bounded(2);
    let (squares, sums) = bounded(2);
    scope.spawn("source", "counts", move |cx| {
        for number in 0..4_u64 {
            cx.send(&numbers, number)?;
        }
        Ok(())
    })?;
    let square = scope.spawn("square", "squares what it gets", move |cx| {
        let mut count = 0;
        for number in cx.iter(&source) {
            cx.checkpoint()?;
            cx.send(&squares, number * number)?;
            count += 1;
        }
        Ok(count)
    })?;
    let sum = scope.context().iter(&sums).sum();
    match square.join() {
        Ok(_) | Err(JoinError::Stopped(_)) => Ok(sum),
        Err(error) => Err(error.into()),
    }
}

#[test]
fn a_good_program_stands_all_of_it_and_every_point_is_tried() {
    within(|| {
        let done = stop_everywhere(|scope| pipeline(scope)).unwrap();
        // 4 sends, 5 receives, 4 checkpoints, 4 sends, 5 receives and a join.
        assert_eq!((done.points, done.spawns), (23, 2), "{done}");
        assert_eq!(done.refusals, 2, "{done}");
        assert!(done.stops >= 23 && done.panics >= 23, "{done}");
    });
}

#[test]
fn a_program_of_one_thread_is_met_at_each_point_in_its_order() {
    within(|| {
        let met = AtomicUsize::new(0);
        let done = stop_everywhere(|scope| {
            for _ in 0..5 {
                scope.context().checkpoint()?;
                met.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        })
        .unwrap();
        assert_eq!((done.points, done.stops, done.panics, done.refusals), (5, 5, 5, 0), "{done}");
        // 5 as it is; 0 to 4 with a stop or a panic, and 5 in the run that ends before its sixth; 5
        // with no spawn to refuse.
        assert_eq!(met.into_inner(), 5 + 2 * (1 + 2 + 3 + 4 + 5) + 5);
    });
}

#[test]
fn a_program_that_starts_services_stands_all_of_it() {
    within(|| {
        let done = stop_everywhere(|scope| {
            let started = scope.thread("store", "is ready at once").start(NEVER, |cx, ready| {
                cx.checkpoint()?;
                ready.set(7);
                cx.wait_for_stop();
                Ok(())
            });
            assert_eq!(started?.1, 7);
            Ok(())
        })
        .unwrap();
        // The start, the checkpoint and the wait for the stop.
        assert_eq!((done.points, done.spawns, done.refusals), (3, 1, 1), "{done}");
    });
}

#[test]
fn a_race_goes_on_without_an_entrant_that_was_refused() {
    within(|| {
        let done = stop_everywhere(|scope| {
            let number = 7; // a local, which the entrants borrow
            let race = Race::new().add("one", "answers", |cx| Ok((cx.checkpoint()?, number).1)).add(
                "two",
                "answers as well",
                |cx| Ok((cx.checkpoint()?, number).1),
            );
            let won = scope.race("numbers", race);
            assert!(!matches!(won, Err(RaceError::Spawn(_))), "one refusal leaves another entrant");
            assert_eq!(won?, 7);
            Ok(())
        })
        .unwrap();
        assert_eq!((done.spawns, done.refusals), (2, 2), "{done}");
    });
}

#[test]
fn a_thread_that_is_deaf_in_one_place_is_found_by_name_and_line() {
    within(|| {
        let trouble = StopEverywhere::new()
            .limit(SHORT)
            .run(|scope| {
                scope.spawn("ears", "hears most stops", |cx| {
                    cx.checkpoint()?;
                    let deaf_here = cx.is_stopping();
                    if deaf_here {
                        be_deaf(4 * SHORT);
                    }
                    cx.checkpoint()?;
                    Ok(())
                })?;
                Ok(())
            })
            .unwrap_err();
        assert_eq!((trouble.planted(), trouble.k()), (Planted::Stop, 2), "{trouble}");
        assert_eq!(trouble.thread(), Some("/app/ears"));
        assert_eq!(trouble.at().map(|at| at.line()), Some(line_of("let deaf_here")));
        assert!(matches!(trouble.wrong(), Wrong::Overdue(_)), "{trouble}");
        let text = trouble.to_string();
        assert!(
            text.contains(concat!("a stop at point 2, is_stopping of /app/ears at ", file!(), ":")),
            "{text}"
        );
        assert!(text.contains("hears most stops"), "the report names it: {text}");
    });
}

#[test]
fn a_thread_that_takes_a_stop_for_a_failure_is_found() {
    within(|| {
        let trouble = stop_everywhere(|scope| {
            let (tell, hear) = bounded(0);
            scope.spawn("hearer", "insists on a number", move |_| {
                hear.recv().map_err(|_| "no number came")?;
                Ok(())
            })?;
            // The one point is the teller's, and comes when the other has been spawned: nobody can
            // be faster.
            scope.spawn("teller", "tells a number", move |cx| Ok(cx.send(&tell, 1)?))?;
            Ok(())
        })
        .unwrap_err();
        assert_eq!(trouble.planted(), Planted::Stop, "{trouble}");
        assert!(matches!(trouble.wrong(), Wrong::Failed(_)), "{trouble}");
        assert!(trouble.to_string().contains("no number came"), "{trouble}");
    });
}

#[test]
fn a_thread_that_is_left_behind_by_a_panic_is_found() {
    within(|| {
        let (_stay, leave) = bounded::<()>(0);
        let trouble = StopEverywhere::new().leaks(NoLeaks::new().patience(SHORT)).run(move |scope| {
            let leave = leave.clone();
            let (home, come) = bounded::<()>(0);
            let helper = thread::Builder::new().name("helper".into()).spawn(move || {
                crossbeam_channel::select! { recv(leave) -> _ => {}, recv(come) -> _ => {} }
            })?;
            let asked = scope.context().checkpoint();
            // Forgotten on the way out that a panic takes.
            let home = std::mem::ManuallyDrop::new(home);
            scope.context().checkpoint().or(asked)?;
            drop(std::mem::ManuallyDrop::into_inner(home));
            Ok(helper.join().map_err(|_| "the helper panicked")?)
        });
        let trouble = trouble.unwrap_err();
        assert!(matches!(trouble.wrong(), Wrong::Leaked(_)), "{trouble}");
        assert_eq!(trouble.thread(), Some("/app"));
        assert!(trouble.to_string().contains("\"helper\", not homebound's"), "{trouble}");
    });
}

#[test]
fn a_program_that_waits_for_a_thread_that_was_refused_is_found() {
    within(|| {
        let trouble = StopEverywhere::new()
            .limit(4 * SHORT)
            .run(|scope| {
                let (tell, hear) = unbounded();
                let keep = tell.clone();
                let spawned = scope.spawn("teller", "tells a number", move |cx| Ok(cx.send(&tell, 1)?));
                // Swallows the refusal; and holds the channel open, so that it waits for ever.
                drop(spawned);
                let heard = scope.context().recv(&hear);
                drop(keep);
                Ok(heard?)
            })
            .unwrap_err();
        assert_eq!((trouble.planted(), trouble.k()), (Planted::Refusal, 1), "{trouble}");
        assert!(matches!(trouble.wrong(), Wrong::Stuck(_)), "{trouble}");
        assert_eq!(trouble.thread(), Some("/app/teller"));
    });
}

#[test]
fn a_program_that_fails_by_itself_is_told_so_at_once() {
    within(|| {
        let runs = AtomicUsize::new(0);
        let trouble = stop_everywhere(|_| {
            runs.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>("it never worked".into())
        })
        .unwrap_err();
        assert_eq!((trouble.planted(), trouble.k(), trouble.thread()), (Planted::Nothing, 0, None));
        assert_eq!(runs.into_inner(), 1);
        assert!(trouble.to_string().starts_with("with nothing planted: the program failed"), "{trouble}");
    });
}

#[test]
fn a_daemon_is_stopped_when_nothing_happens_any_more() {
    within(|| {
        let done = StopEverywhere::new()
            .quiet(SHORT)
            .run(|scope| {
                scope.service("ear", "waits for the stop", |cx| {
                    cx.wait_for_stop();
                    Ok(())
                })?;
                scope.context().wait_for_stop();
                Ok(())
            })
            .unwrap();
        assert_eq!((done.points, done.spawns), (2, 1), "{done}");
    });
}

#[test]
fn a_long_program_is_tried_at_a_sample_of_its_points() {
    within(|| {
        let done = StopEverywhere::new()
            .at_most(20)
            .run(|scope| {
                let cx: &Context = scope.context();
                (0..1000).try_for_each(|_| cx.checkpoint())?;
                Ok(())
            })
            .unwrap();
        assert_eq!(done.points, 1000);
        assert!((18..=20).contains(&done.stops), "{done}");
    });
}

/// Waits for its end without a point, so that the join comes after all points of the thread.
fn ended<T>(handle: Handle<'_, T>) -> Handle<'_, T> {
    let _disconnected = handle.done().recv();
    handle
}

#[test]
fn a_planted_panic_is_the_threads_failure_and_a_refusal_is_the_oss() {
    within(|| {
        let (panics, refusals) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let done = stop_everywhere(|scope| {
            let isolated = scope.thread("one", "meets a point").isolated().spawn(|cx| Ok(cx.checkpoint()?));
            match isolated {
                Ok(handle) => {
                    if let Err(JoinError::Failed(failure)) = ended(handle).join() {
                        assert!(
                            failure.to_string().contains(concat!("planted at ", file!(), ":")),
                            "{failure}"
                        );
                        panics.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Err(SpawnError::Os(error)) => {
                    assert!(error.to_string().contains("planted"), "{error}");
                    refusals.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => return Err(error.into()),
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(done.refusals, 1);
        assert_eq!((panics.into_inner(), refusals.into_inner()), (1, 1), "{done}");
    });
}

#[test]
fn a_supervisor_and_its_children_stand_all_of_it() {
    within(|| {
        let done = stop_everywhere(|scope| {
            let policy = homebound::Restart::on_failure().no_backoff();
            let sup = scope.supervisor("group", "keeps two").restart(policy);
            let sup = sup.child("a", "waits", |cx| Ok(cx.sleep(NEVER)?));
            let ready = homebound::work::Child::new("b", "waits", |cx| {
                cx.ready();
                Ok(cx.sleep(NEVER)?)
            });
            let sup = sup.add(ready.ready_within(NEVER)).start()?;
            match sup.restart("b") {
                Ok(()) | Err(homebound::ChildError::Stopped(_) | homebound::ChildError::Unknown) => {}
                Err(error) => Err(error)?,
            }
            scope.context().checkpoint()?;
            sup.stop();
            Ok(())
        });
        // A planted panic in a child is a failed run, which the supervisor answers.
        let done = done.unwrap();
        assert!(done.spawns >= 3 && done.refusals >= 3 && done.points >= 5, "{done}");
    });
}
