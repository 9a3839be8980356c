//! MA6 and MA7: a map whose results a body takes while the workers go on.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::waits_of;
use crate::common::*;
use crossbeam_channel::{bounded, unbounded};
use homebound::for_testing::{Probe, ProbedRoot, Seed};
use homebound::{Cause, Stopped, scope};

#[test]
fn ma6_an_infinite_source_ends_with_the_body_and_little_was_begun() {
    // catches: a stream that never returns; workers that run ahead without a bound
    in_scope(|s| {
        for width in [0, 1, 2, 5] {
            let begun = AtomicUsize::new(0);
            let ten = s.map_stream(
                "ten",
                "counts",
                width,
                0..,
                |_, n| Ok((begun.fetch_add(1, Ordering::SeqCst), n)),
                |_, all| all.take(10).map(|pair| Ok(pair?.1)).collect::<homebound::Result<Vec<usize>>>(),
            )?;
            assert!(ten.into_iter().eq(0..10));
            assert!(begun.into_inner() <= 10 + 2 * width.max(1));
        }
        Ok(())
    });
}

#[test]
fn ma6_a_body_that_does_not_ask_holds_the_workers_at_twice_the_width() {
    // catches: a window that is not kept, or that is smaller
    in_scope(|s| {
        let taken = AtomicUsize::new(0);
        let source = (0..).inspect(|_| _ = taken.fetch_add(1, Ordering::SeqCst));
        s.map_stream(
            "window",
            "counts",
            3,
            source,
            |_, n: usize| Ok(n),
            |_, all| {
                for given in 0..20 {
                    eventually("the window is full", || taken.load(Ordering::SeqCst) == given + 6);
                    for worker in ["window-1", "window-2", "window-3"] {
                        if all_threads(&s.snapshot()).iter().any(|row| row.name == worker) {
                            waits_of(s, worker, "the next item");
                        }
                    }
                    assert_eq!(taken.load(Ordering::SeqCst), given + 6);
                    assert_eq!(all.next().expect("one")?, given);
                }
                Ok(())
            },
        )?;
        Ok(())
    });
}

#[test]
fn ma6_results_come_in_order_while_the_workers_go_on_and_then_none() {
    // catches: results in the order of the ends; a body that waits for all; an end without `None`
    in_scope(|s| {
        let (tell, told) = bounded(0);
        // The body feeds the source: the workers may not be waited for before it runs.
        let sum = s.map_stream(
            "echo",
            "echoes",
            2,
            told,
            |_, n: usize| Ok(n),
            move |_, all| {
                let mut sum = 0;
                for n in 0..100 {
                    tell.send(n)?;
                    sum += all.next().expect("it was sent")?;
                }
                drop(tell);
                assert!(all.next().is_none() && all.next().is_none());
                Ok(sum)
            },
        )?;
        assert_eq!(sum, 4950);
        let all = s.map_stream(
            "wide",
            "is slow at first",
            4,
            0..1_000_u64,
            |_, n| {
                if n % 100 == 0 {
                    linger(2);
                }
                Ok(n)
            },
            |_, all| Ok(all.collect::<Result<Vec<_>, _>>()?),
        )?;
        Ok(assert!(all.into_iter().eq(0..1_000)))
    });
}

#[test]
fn ma6_no_item_no_thread_and_a_refusal_goes_on_with_fewer() {
    // catches: threads that are made for an empty source; a refused thread that ends the stream
    within(|| {
        let probe = Arc::new(Probe::new(Seed::Refusal, 2));
        let ended = ProbedRoot::open(NEVER, Arc::clone(&probe)).run(|s| {
            let none = s.map_stream(
                "none",
                "has no item",
                4,
                Vec::<u8>::new(),
                |_, n| Ok(n),
                |_, all| Ok(all.count()),
            )?;
            assert_eq!((none, probe.spawns()), (0, 0));
            let all = s.map_stream(
                "three",
                "is refused one",
                3,
                0..200,
                |_, n| Ok(n),
                |_, all| Ok(all.collect::<Result<Vec<_>, _>>()?),
            )?;
            Ok(assert!(all.into_iter().eq(0..200)))
        });
        assert!(ended.panic.is_none() && ended.verdict.is_ok(), "{ended:?}");
        let ended = ProbedRoot::open(NEVER, Arc::new(Probe::new(Seed::Refusal, 1))).run(|s| {
            let refused = s.map_stream(
                "none",
                "is refused all",
                3,
                0..9,
                |_, n| Ok(n),
                |_, _| -> homebound::Result { unreachable!("no thread, no body") },
            );
            Ok(assert!(refused.is_err()))
        });
        assert!(ended.panic.is_none() && ended.verdict.is_ok(), "{ended:?}");
    });
}

#[test]
fn ma6_when_the_body_returns_the_rest_is_stopped() {
    // catches: workers that are waited for without being told
    in_scope(|s| {
        let (tell, told) = unbounded();
        let first = s.map_stream(
            "rest",
            "waits for the stop",
            3,
            0..,
            |cx, n: usize| {
                if n > 0 {
                    tell.send(cx.wait_for_stop().to_string())?;
                }
                Ok(n)
            },
            |_, all| Ok(all.next().expect("one")?),
        )?;
        assert_eq!(first, 0);
        assert!(told.try_iter().all(|reason| reason.contains("the body of its map has returned")));
        Ok(assert!(!s.is_stopping()))
    });
}

#[test]
fn ma7_a_failure_counts_when_the_body_asks_for_its_item() {
    // catches: a failure that ends the results before it; one that counts although nobody asked
    in_scope(|s| {
        let f = |_: &homebound::Context, n: usize| if n == 3 { Err(boom("no paper")) } else { Ok(n) };
        let three = s.map_stream("ahead", "fails at 3", 4, 0.., f, |_, all| {
            linger(30); // the failure has happened
            Ok(all.take(3).collect::<Result<Vec<_>, _>>()?)
        })?;
        assert_eq!(three, [0, 1, 2]);
        let mut seen = Vec::new();
        let error = s
            .map_stream("asks", "fails at 3", 4, 0.., f, |cx, all| {
                for result in &mut *all {
                    seen.push(result.map_err(|stopped: Stopped| stopped.to_string()));
                }
                assert!(all.next().is_none() && cx.is_stopping());
                Ok("whatever")
            })
            .expect_err("it asked");
        assert_eq!(seen.len(), 4);
        assert!(seen[..3].iter().flatten().copied().eq(0..3) && seen[3].is_err());
        assert_eq!(error.failures().len(), 1, "{error}");
        let failure = error.first().expect("one");
        assert_eq!(failure.notes(), ["item 3"]);
        assert!(failure.path().contains("/asks/asks-"), "{}", failure.path());
        // With `?` the body's own error adds nothing.
        let error = s.map_stream("asks", "fails at 3", 4, 0.., f, |_, all| {
            for n in all {
                n?;
            }
            Ok(())
        });
        Ok(assert_eq!(error.expect_err("it asked").failures().len(), 1))
    });
}

#[test]
fn ma7_panics_of_the_closure_and_of_the_source_keep_their_place() {
    // catches: a panic that ends the stream before its item; one without a place
    in_scope(|s| {
        for in_source in [true, false] {
            let source = (0..).inspect(move |n| assert!(!in_source || *n < 5, "no more"));
            let mut given = 0;
            let f = |_: &homebound::Context, n: usize| if n == 5 { panic!("no more") } else { Ok(n) };
            let error = s.map_stream("panics", "panics at 5", 2, source, f, |_, all| {
                for n in all {
                    n?;
                    given += 1;
                }
                Ok(())
            });
            let error = error.expect_err("it asked");
            let failure = error.first().expect("one");
            assert!(
                matches!(failure.cause(), Cause::Panic { message: "no more", location: Some(at) } if at.contains("map_stream.rs"))
            );
            assert_eq!((given, failure.notes()), (5, &["item 5".to_owned()][..]));
        }
        Ok(())
    });
}

#[test]
fn ma7_a_stop_is_the_result_whatever_the_body_returns() {
    // catches: half of a stream that is taken for the whole
    within(|| {
        let error = scope(|s| {
            let (two_are_there, there) = gate();
            s.spawn("stopper", "stops when the body waits", move |_| {
                pass(&there);
                waits_of(s, "(body)", "next result");
                Ok(s.stop())
            })?;
            let mapped = s.map_stream(
                "stopped",
                "waits",
                2,
                0..10,
                |cx, n: usize| {
                    if n < 2 { Ok(n) } else { Ok(cx.sleep(NEVER).map(|()| n)?) }
                },
                |_, all| {
                    let good: Vec<_> = (&mut *all).take(2).flatten().collect();
                    drop(two_are_there);
                    assert_eq!((good, all.filter(Result::is_err).count()), (vec![0, 1], 1));
                    Ok("whatever")
                },
            );
            let error = mapped.expect_err("it was stopped");
            assert!(error.failures().is_empty() && error.stop_reason().is_some(), "{error}");
            Err::<(), _>(error.into())
        })
        .unwrap_err();
        assert!(error.stop_reason().is_some(), "{error}");
    });
}

#[test]
fn ma7_what_the_body_fails_with_is_the_failure_and_a_panic_goes_on() {
    // catches: an error of the body that is lost behind the stop of the rest
    in_scope(|s| {
        let failed = s.map_stream(
            "body",
            "counts",
            2,
            0..,
            |_, n: u8| Ok(n),
            |_, all| -> homebound::Result {
                all.next().expect("one")?;
                Err(boom("no paper"))
            },
        );
        let error = failed.expect_err("it failed");
        assert_eq!(error.failures().len(), 1, "{error}");
        let payload = panics(|| {
            let _ = s.map_stream(
                "body",
                "counts",
                2,
                0..,
                |_, n: u8| Ok(n),
                |_, _| -> homebound::Result { panic!("no ink") },
            );
        });
        Ok(assert_eq!(text(&*payload), "no ink"))
    });
}

#[test]
fn ma7_results_that_are_not_taken_are_dropped_in_the_guard() {
    // catches: a `Drop` of a result that unwinds the caller
    in_scope(|s| {
        let mapped = s.map_stream(
            "bombs",
            "makes bombs",
            2,
            iter::repeat_n((), 4),
            |_, ()| Ok(Bomb::new()),
            |_, _| Ok(linger(20)),
        );
        let error = mapped.expect_err("a bomb went off");
        assert!(
            error.failures().iter().all(|failure| failure.to_string().contains("the bomb went off")),
            "{error}"
        );
        let fine = s.map_stream(
            "fine",
            "counts",
            2,
            0..9,
            |cx, n| Ok(cx.sleep(Duration::ZERO).map(|()| n)?),
            |_, all| Ok(all.count()),
        )?;
        Ok(assert_eq!(fine, 9))
    });
}
