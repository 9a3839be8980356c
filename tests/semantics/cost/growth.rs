//! Owns the tests of growth: the end of a scope takes time in proportion to its contents, and late
//! threads take no room for ever.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::*;
use crossbeam_channel::bounded;
use homebound::{Context, Group, Result, Scope, group, scope};

const A_TIME: Duration = Duration::from_secs(20);

/// How much longer `measure` takes for four times as many: the least of some tries, of the time
/// that the thread had a processor for.
fn growth(few: usize, measure: impl Fn(usize) -> Duration) -> f64 {
    let least = |count: usize| (0..4).map(|_| measure(count)).min().expect("there are some");
    let (one, four) = (least(few), least(4 * few));
    four.as_secs_f64() / one.as_secs_f64().max(1e-6)
}

#[track_caller]
fn is_linear(what: &str, growth: f64) {
    assert!(growth < 9.0, "{what}: four times as many took {growth:.1} times as long");
}

/// How long the end of a scope takes in which there is what `fills` leaves.
fn end_of(fills: impl Fn(&Context) + Send + 'static) -> Duration {
    within(move || {
        let mut start = Duration::ZERO;
        let result = scope(|s| {
            fills(s.context());
            start = thread_time();
            Ok(())
        });
        result.unwrap();
        thread_time() - start
    })
}

#[test]
fn forgotten_groups_end_in_a_straight_line() {
    // catches: a step that looks at all services for each that it tells (16,000 groups took two
    // seconds)
    let forgotten = |count: usize| {
        end_of(move |cx| (0..count).for_each(|_| std::mem::forget(cx.group("forgotten").expect("open"))))
    };
    is_linear("forgotten groups", growth(2000, forgotten));
}

#[test]
fn groups_in_groups_end_in_a_straight_line() {
    // catches: each group that walks all the way out when it changes
    let nested = |count: usize| {
        end_of(move |cx| {
            let mut inner: Group<'static> = cx.group("outermost").expect("open");
            for _ in 1..count {
                let next = inner.context().group("inside").expect("open");
                std::mem::forget(std::mem::replace(&mut inner, next));
            }
            std::mem::forget(inner);
        })
    };
    is_linear("groups in groups", growth(1500, nested));
}

#[test]
fn groups_that_are_told_at_the_end_of_the_grace_take_a_straight_line() {
    // catches: a list of what was told, to which each member is added at the front; a look at all
    // of that list for each of them
    let told = |count: usize| {
        within(move || {
            let mut time = Duration::ZERO;
            let result = scope(|s| {
                (0..count).for_each(|_| std::mem::forget(s.group("forgotten").expect("open")));
                let start = thread_time();
                // Told one after the other, because no time is left to wait for them.
                s.shutdown(Duration::ZERO);
                Ok(time = thread_time() - start)
            });
            result.unwrap();
            time
        })
    };
    is_linear("groups without a grace", growth(8000, told));
}

/// The time of `f` on a thread of a scope, with a stack that is large enough for the nesting.
fn on_a_large_stack(f: impl FnOnce(&Context) -> Result + Send + 'static) -> Duration {
    within(move || {
        scope(|s| {
            let nested = s.thread("nested", "goes deep").stack_size(512 << 20).spawn(move |cx| {
                let start = thread_time();
                f(cx)?;
                Ok(thread_time() - start)
            })?;
            Ok(nested.join()?)
        })
        .unwrap()
    })
}

#[test]
fn limits_in_limits_take_a_straight_line() {
    // catches: a look at the end of a limit, a listener, or a stop that goes through all limits
    // around, for each of them: 800 took a minute
    type Nest = fn(&Context, &Context, usize) -> Result;
    const DEADLINES: Nest = |cx, all, left| match left {
        0 => Ok(all.stopper().stop()),
        _ => cx.with_deadline(Instant::now() + NEVER, |cx| {
            assert!(!cx.is_stopping() && cx.deadline().is_some());
            let _listens = cx.stop_signal();
            DEADLINES(cx, all, left - 1)?;
            Ok(assert!(cx.checkpoint().is_err()))
        }),
    };
    const SHIELDS: Nest = |cx, all, left| match left {
        0 => Ok(all.stopper().stop()),
        _ => cx.shield(NEVER, |cx| {
            let _listens = cx.stop_signal();
            SHIELDS(cx, all, left - 1)?;
            Ok(assert!(!cx.is_stopping(), "its time has not come"))
        }),
    };
    const BOTH: Nest = |cx, all, left| match left {
        0 => Ok(all.stopper().stop()),
        _ => cx.with_deadline(Instant::now() + NEVER, |cx| {
            let _listens = cx.stop_signal();
            cx.shield(NEVER, |cx| {
                let _listens = cx.stop_signal();
                BOTH(cx, all, left - 1)?;
                Ok(assert!(!cx.is_stopping(), "its time has not come"))
            })
        }),
    };
    for (what, nest) in [("deadlines", DEADLINES), ("shields", SHIELDS), ("deadlines and shields", BOTH)] {
        let nested = |count: usize| on_a_large_stack(move |cx| nest(cx, cx, count));
        is_linear(what, growth(200, nested));
    }
}

#[test]
fn kept_limits_cost_no_stack_and_no_more_the_more_there_are() {
    // catches: an end, a drop or an arming that recurs along the contexts in which a kept one was
    // made
    let kept = |count: usize| {
        within(move || {
            let small = std::thread::Builder::new().stack_size(128 * 1024).spawn(move || {
                let mut time = Duration::ZERO;
                let result = scope(|s| {
                    let start = thread_time();
                    let mut cx = s.context().clone();
                    for round in 0..count {
                        cx = match round % 4 {
                            0 => cx.shield(NEVER, Context::clone),
                            _ => cx.with_deadline(Instant::now() + NEVER, Context::clone),
                        };
                    }
                    assert!(cx.is_stopping() && cx.deadline().is_some());
                    drop(cx);
                    Ok(time = thread_time() - start)
                });
                result.unwrap();
                time
            });
            small.expect("the system has a thread").join().expect("it does not overflow")
        })
    };
    is_linear("kept limits", growth(5_000, kept));
}

#[test]
fn threads_in_nested_scopes_come_home_in_a_straight_line() {
    // catches: a thread that takes the lock of each scope around its own when it ends, though none
    // of them is about to end
    fn each(s: &Scope<'_, '_>, left: usize) -> Result {
        s.spawn("short", "ends at once", |_| Ok(()))?.join()?;
        if left == 0 { Ok(()) } else { Ok(s.subscope("inside", |below| each(below, left - 1))?) }
    }
    child_passes(|_| {
        let nested = |count: usize| {
            let start = process_time();
            on_a_large_stack(move |cx| Ok(cx.subscope("outermost", |s| each(s, count))?));
            process_time() - start
        };
        is_linear("threads in nested scopes", growth(400, nested));
        0
    });
}

#[test]
fn threads_in_nested_scopes_are_stopped_in_a_straight_line() {
    // catches: a thread that is counted in each scope around its own when it ends; a scope that
    // looks, when it is over, at each pair of a thread inside it and a scope around it
    fn each(s: &Scope<'_, '_>, all: &Context, stopped: &Mutex<Duration>, left: usize) -> Result {
        s.spawn("short", "ends when it is told", |cx| Ok(drop(cx.wait_for_stop())))?;
        if left > 0 {
            return Ok(s.subscope("inside", |below| each(below, all, stopped, left - 1))?);
        }
        *stopped.lock().unwrap() = process_time();
        Ok(all.stopper().stop())
    }
    child_passes(|_| {
        let nested = |count: usize| {
            let stopped = Arc::new(Mutex::new(Duration::ZERO));
            let start = Arc::clone(&stopped);
            on_a_large_stack(move |cx| {
                Ok(cx.subscope("outermost", |s| each(s, s.context(), &stopped, count))?)
            });
            process_time() - *start.lock().unwrap()
        };
        is_linear("stopped threads in nested scopes", growth(250, nested));
        0
    });
}

#[test]
fn roots_side_by_side_are_made_in_a_straight_line() {
    // catches: each new root that looks through the list of all others
    let owned = |count: usize| {
        within(move || {
            let start = thread_time();
            let all: Vec<_> = (0..count).map(|_| group("alone").unwrap()).collect();
            let made = thread_time() - start;
            drop(all);
            made
        })
    };
    is_linear("owned groups", growth(4000, owned));
}

#[test]
fn pools_side_by_side_are_opened_and_end_in_a_straight_line() {
    // catches: each new pool that looks at all others for pools that are closed
    let opened = |count: usize| {
        within(move || {
            let start = thread_time();
            let open = scope(|s| {
                (0..count)
                    .map(|_| Ok(s.pool("small", "has no job").threads(1).start()?))
                    .collect::<Result<Vec<_>>>()?;
                Ok(())
            });
            open.unwrap();
            thread_time() - start
        })
    };
    is_linear("pools", growth(1000, opened));
}

#[test]
fn what_ends_after_the_grace_takes_no_room() {
    // catches: a row of the report for each thread that is late, in a scope whose grace is over and
    // which goes on
    child_passes(|_| {
        let result = scope(|s| {
            let (tell, told) = bounded(1);
            let (go, gone) = gate();
            let runs = |count: usize| {
                for _ in 0..count {
                    scope(|s| Ok(drop(s.spawn("short", "ends at once", |_| Ok(()))?)))?;
                }
                Ok::<_, homebound::ScopeError>(resident_kib())
            };
            s.service("server", "is not told while the body is away", move |cx| {
                pass(&gone);
                let before = runs(4000)?;
                let after = runs(6000)?;
                assert!(!cx.is_stopping());
                Ok(tell.send(after.saturating_sub(before))?)
            })?;
            s.stop();
            // Asked for from inside, it waits for nobody: the grace is over, and nobody drives.
            s.context().with_on_stop(|| drop(s.shutdown(Duration::ZERO)), || ());
            drop(go);
            let grown = told.recv()?;
            Ok(assert!(grown < 3000, "{grown} KiB for 6000 threads"))
        });
        i32::from(result.is_err())
    });
}

#[test]
fn jobs_that_come_and_go_beside_an_old_thread_take_no_room() {
    // catches: a list by age that keeps the places of jobs that are over, as long as there is an
    // older one
    child_passes(|_| {
        let result = scope(|s| {
            s.service("old", "is there all the time", |cx| Ok(drop(cx.wait_for_stop())))?;
            let runs = |count: usize| {
                let start = || s.spawn("short", "ends at once", |_| Ok(())).unwrap();
                let (mut last, begun) = (start(), Instant::now());
                // Each needs a turn of a processor, for which a busy machine has it wait: then
                // fewer are enough.
                for _ in (0..count).take_while(|n| *n < 4000 || begun.elapsed() < A_TIME) {
                    std::mem::replace(&mut last, start()).join().unwrap();
                }
                resident_kib()
            };
            let before = runs(4000);
            let grown = runs(50_000).saturating_sub(before);
            Ok(assert!(grown < 1000, "{grown} KiB for 50,000 threads at most"))
        });
        i32::from(result.is_err())
    });
}
