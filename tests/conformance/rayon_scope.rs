//! Owns what rayon-core's tests of `scope` ask: values, panics from any depth, borrows of different
//! lifetimes.
//! Refuses pools, which are in `rayon_pool.rs`, and what only a compiler can refuse, which is in
//! `tests/rules/ui`.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};

use homebound::{Context, Scope, ScopeError, scope};

use crate::common::*;

#[test]
fn an_empty_scope_gives_its_value() {
    // from: scope_empty, scope_result; pins E1
    within(|| {
        scope(|_| Ok(())).unwrap();
        assert_eq!(scope(|_| Ok(22)).unwrap(), 22);
        let by_value = scope(|s| Ok(s.subscope("inner", |_| Ok(vec!["a"; 3]))?.len()));
        assert_eq!(by_value.unwrap(), 3);
    });
}

#[test]
fn two_threads_change_what_the_owner_reads_afterwards() {
    // from: scope_two; pins P1
    within(|| {
        let counter = AtomicUsize::new(0);
        scope(|s| {
            s.spawn("one", "adds 1", |_| Ok(_ = counter.fetch_add(1, Ordering::Relaxed)))?;
            s.spawn("ten", "adds 10", |_| Ok(_ = counter.fetch_add(10, Ordering::Relaxed)))?;
            Ok(())
        })
        .unwrap();
        assert_eq!(counter.into_inner(), 11);
    });
}

#[test]
fn a_long_chain_of_spawns_grows_neither_stacks_nor_threads() {
    // from: linear_stack_growth; pins P9
    fn link(cx: &Context, left: usize, most: Arc<AtomicUsize>) -> homebound::Result {
        most.fetch_max(os_threads(), Ordering::Relaxed);
        if left > 0 {
            cx.spawn("link", "spawns the next", move |cx| link(cx, left - 1, most))?;
        }
        Ok(())
    }
    child_passes(|_| {
        let most = Arc::new(AtomicUsize::new(0));
        let counted = most.clone();
        let first = |s: &Scope<'_, '_>| {
            s.thread("link", "spawns the next").stack_size(1 << 16).spawn(|cx| link(cx, 5000, counted))?;
            Ok(())
        };
        scope(first).unwrap();
        let most = most.load(Ordering::Relaxed);
        assert!(most < 100, "{most} threads for a chain of which two live at a time");
        0
    });
}

/// A body with a panic in it or below it.
type Way = fn(&Scope<'_, '_>) -> homebound::Result;

/// How a panic was seen above: as one of a body or as a listed failure.
fn message(ended: std::thread::Result<Result<(), ScopeError>>) -> String {
    match ended {
        Ok(Ok(())) => "none".to_owned(),
        Ok(Err(error)) => format!("failure: {error}"),
        Err(payload) => format!("panic: {}", text(&*payload)),
    }
}

#[test]
fn a_panic_reaches_the_outermost_scope_from_any_depth() {
    // from: panic_propagate_scope, panic_propagate_spawn, panic_propagate_nested_spawn,
    // panic_propagate_nested_scope_spawn; pins P4, E2
    fn falls(_: &Context) -> homebound::Result {
        panic!("from below")
    }
    let ways: [(&str, Way); 4] = [
        ("panic: from the body", |_| panic!("from the body")),
        ("/falls", |s| Ok(drop(s.spawn("falls", "panics", falls)?))),
        ("/falls", |s| {
            Ok(drop(s.spawn("outer", "spawns", |cx| Ok(drop(cx.spawn("falls", "panics", falls)?)))?))
        }),
        ("/inner/falls", |s| Ok(s.subscope("inner", |i| Ok(drop(i.spawn("falls", "panics", falls)?)))?)),
    ];
    within(move || {
        for (seen, way) in ways {
            let told = message(std::panic::catch_unwind(|| scope(way)));
            assert!(told.contains(seen), "{seen}: {told}");
        }
    });
}

#[test]
fn a_panic_of_a_scope_inside_a_thread_is_that_threads_failure() {
    // from: panic_propagate_nested_scope_spawn; pins P4
    in_scope(|s| {
        let around = s.thread("around", "has a scope that panics").isolated();
        let around = around.spawn(|_| Ok(scope(|_| -> homebound::Result { panic!("inside") })?))?;
        let homebound::JoinError::Failed(failure) = around.join().unwrap_err() else { panic!("not failed") };
        let payload = failure.take_payload().expect("the panic went through");
        Ok(assert!(failure.name() == "around" && text(&*payload) == "inside"))
    });
}

#[test]
fn what_was_spawned_beside_a_panic_runs_to_its_end() {
    // from: panic_propagate_still_execute_1, panic_propagate_still_execute_2,
    // panic_propagate_still_execute_3, panic_propagate_still_execute_4; pins P1, S11
    fn one(order: usize) {
        let (started, ran) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let works = |_: &Context| {
            linger(5);
            Ok(_ = ran.fetch_add(1, Ordering::SeqCst))
        };
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            scope(|s| {
                let work = || {
                    started.fetch_add(
                        usize::from(s.spawn("works", "hears no stop", works).is_ok()),
                        Ordering::SeqCst,
                    )
                };
                if order.is_multiple_of(2) {
                    work();
                }
                if order < 2 {
                    s.spawn("falls", "panics", |_| -> homebound::Result { panic!("beside") })?;
                }
                if order % 2 == 1 {
                    work();
                }
                assert!(order < 2, "out of the body");
                Ok(())
            })
        }));
        assert_ne!(message(ended), "none");
        assert_eq!(ran.load(Ordering::SeqCst), started.load(Ordering::SeqCst));
        assert!(order % 2 == 1 || started.into_inner() == 1);
    }
    within(|| (0..4).for_each(one));
}

#[test]
fn work_for_ever_needs_no_borrow() {
    // from: static_scope; pins P1
    static COUNTER: AtomicUsize = AtomicUsize::new(0);
    in_scope(|s| {
        let inner = s.spawn("outer", "spawns static work", |cx| {
            let handle = cx.spawn("inner", "counts", |_| Ok(COUNTER.fetch_add(1, Ordering::SeqCst)))?;
            Ok(handle.join()?)
        })?;
        assert_eq!((inner.join()?, COUNTER.load(Ordering::SeqCst)), (0, 1));
        Ok(())
    });
}

#[test]
fn one_scope_borrows_for_different_lifetimes() {
    // from: mixed_lifetime_scope; pins P1
    fn add<'slice>(counters: &'slice [AtomicUsize; 2], name: &str) -> &'slice AtomicUsize {
        let length = name.len();
        let last = scope(|s| {
            let first = s.spawn("first", "adds to the first", |_| Ok(&counters[0]))?;
            s.spawn("second", "adds to the second", |_| {
                Ok(_ = counters[1].fetch_add(name.len() * length, Ordering::Relaxed))
            })?;
            Ok(first.join()?)
        });
        last.unwrap()
    }
    within(|| {
        let counters = [AtomicUsize::new(0), AtomicUsize::new(0)];
        let first = {
            let short = String::from("abc");
            add(&counters, &short)
        };
        first.fetch_add(1, Ordering::Relaxed);
        assert_eq!(counters.map(AtomicUsize::into_inner), [1, 9]);
    });
}

#[test]
fn of_many_threads_one_that_panics_is_one_failure() {
    // from: scope_spawn_broadcast_panic_one; pins P4
    within(|| {
        let ran = Mutex::new(Vec::new());
        let error = scope(|s| {
            for n in 0..8 {
                let (name, ran) = (format!("thread-{n}"), &ran);
                s.thread(name, "one of many").isolated().spawn(move |_| {
                    assert_ne!(n, 5, "the fifth");
                    Ok(ran.lock().unwrap().push(n))
                })?;
            }
            Ok(())
        })
        .unwrap_err();
        assert!(error.failures().len() == 1 && error.failures()[0].name() == "thread-5", "{error}");
        let mut ran = ran.into_inner().unwrap();
        ran.sort_unstable();
        assert_eq!(ran, [0, 1, 2, 3, 4, 6, 7]);
    });
}

#[test]
fn of_many_threads_that_panic_at_once_all_are_told() {
    // from: scope_spawn_broadcast_panic_many; pins P4
    within(|| {
        let error = scope(|s| {
            let together = Arc::new(Barrier::new(8));
            for n in 0..8 {
                let together = together.clone();
                s.spawn(format!("thread-{n}"), "panics with the others", move |_| -> homebound::Result {
                    together.wait();
                    resume_unwind(Box::new(n))
                })?;
            }
            Ok(())
        })
        .unwrap_err();
        let raised = error.failures().iter().filter_map(|f| f.take_payload()?.downcast::<i32>().ok());
        let mut raised: Vec<_> = raised.map(|n| *n).collect();
        raised.sort_unstable();
        assert_eq!(raised, [0, 1, 2, 3, 4, 5, 6, 7]);
    });
}
