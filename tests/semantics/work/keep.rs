//! K: values that a scope keeps and lends.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::*;
use homebound::{Context, Result, Scope, scope};

/// Notes its drop.
fn noted(log: &Log, name: &'static str) -> OnDrop<impl FnMut() + Send + Sync + 'static> {
    let log = log.clone();
    OnDrop(move || log.add(name))
}

#[test]
fn k1_kept_values_are_dropped_last_first_after_threads_deferred_functions_and_results() {
    // catches: a value that is dropped while a thread, a deferred function or a result may use it
    fn body<'s>(s: &'s Scope<'s, '_>, log: &Log, how: u8) -> Result {
        let first = s.keep((noted(log, "first"), Lender::new()));
        let _second = s.keep(noted(log, "second"));
        let (result, worker, deferred) = (log.clone(), log.clone(), log.clone());
        s.defer("deferred", move || {
            first.1.assert_unused();
            Ok(deferred.add("deferred"))
        });
        s.service("service", "uses it until it is told", move |cx| {
            let loan = first.1.lend();
            cx.wait_for_stop();
            linger(5);
            Ok(loan.touch())
        })?;
        // The result is left in its slot, and uses the value when it is dropped.
        let left = s.spawn("worker", "returns a value that borrows", move |_| {
            worker.add("worker");
            Ok(OnDrop(move || {
                first.1.lend().touch();
                result.add("result");
            }))
        })?;
        let _ended = left.done().recv();
        std::mem::forget(left);
        match how {
            0 => Ok(()),
            1 => Err(boom("no")),
            _ => panic!("no"),
        }
    }
    within(|| {
        for how in 0..3 {
            let log = Log::new();
            drop(catch_unwind(AssertUnwindSafe(|| scope(|s| body(s, &log, how)))));
            assert_eq!(log.all().join(","), "worker,deferred,result,second,first", "way out {how}");
        }
    });
}

#[test]
fn k1_what_is_kept_by_a_thread_or_a_deferred_function_is_dropped_too() {
    // catches: a list that is taken once, so that a later value is leaked
    within(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let count = || {
            let dropped = Arc::clone(&dropped);
            OnDrop(move || {
                dropped.fetch_add(1, Ordering::SeqCst);
            })
        };
        let (early, late) = (count(), count());
        scope(|s| {
            s.spawn("worker", "keeps one", move |_| {
                s.keep(early);
                Ok(())
            })?
            .join()?;
            s.defer("late", move || {
                s.keep(late);
                Ok(())
            });
            Ok(())
        })
        .unwrap();
        assert_eq!(dropped.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn k1_the_drop_of_a_kept_value_runs_when_no_thread_is_left_and_its_panic_is_a_failure() {
    // catches: an unwind out of the exit path, and a failure that is lost or stops the other drops
    within(|| {
        let log = Log::new();
        let result = scope(|s| {
            s.keep(noted(&log, "first"));
            s.keep(Bomb::new());
            s.keep(noted(&log, "last"));
            Ok(())
        });
        let error = result.unwrap_err();
        let failure = error.first().expect("one failure");
        assert_eq!((error.failures().len(), failure.purpose()), (1, "drop of a kept value"), "{error}");
        assert!(error.to_string().contains("the bomb went off"), "{error}");
        assert!(failure.spawned_from().file().ends_with("keep.rs"), "the line of `keep`");
        assert_eq!(log.all().join(","), "last,first");
    });
}

#[test]
fn k1_the_drop_of_a_kept_value_cannot_bring_the_scope_back_to_life() {
    // catches: a thread, a group or a guest that is admitted after all lists were empty
    within(|| {
        let log = Log::new();
        let said = log.clone();
        scope(|s| {
            let cx: Context = s.context().clone();
            s.keep(OnDrop(move || {
                assert!(cx.spawn("late", "comes too late", |_| Ok(())).is_err());
                assert!(cx.group("late").is_err());
                drop(cx.adopt_guest("late", "comes too late"));
                said.add("refused");
            }));
            Ok(())
        })
        .unwrap();
        assert_eq!(log.all(), ["refused"]);
    });
}

#[test]
fn k1_a_value_that_may_not_be_shared_stays_with_its_thread_and_is_dropped_on_the_exit_path() {
    // catches: a bound of `Sync` that the contract does not have
    within(|| {
        let sum = scope(|s| {
            let cell = s.keep(Cell::new(1));
            cell.set(cell.get() + 1);
            Ok(cell.get())
        });
        assert_eq!(sum.unwrap(), 2);
    });
}

#[test]
fn k1_a_subscope_drops_what_it_keeps_before_the_scope_around_goes_on() {
    // catches: a value that lives until the root ends
    within(|| {
        let log = Log::new();
        scope(|s| {
            s.keep(noted(&log, "outer"));
            s.subscope("inner", |inner| {
                let value = inner.keep((noted(&log, "inner"), 5));
                inner.spawn("reader", "reads it", |_| Ok(assert_eq!(value.1, 5)))?;
                Ok(())
            })?;
            Ok(log.add("body"))
        })
        .unwrap();
        assert_eq!(log.all().join(","), "inner,body,outer");
    });
}

#[test]
fn k2_a_leaked_group_leaks_what_it_keeps() {
    // catches: a value of a group that is dropped when the group is settled, while threads and
    // deferred functions of the scope around may use it
    within(|| {
        let log = Log::new();
        scope(|s| {
            let group = Box::leak(Box::new(s.group("leaked")?));
            let value = group.keep((noted(&log, "dropped"), Lender::new()));
            let later = log.clone();
            s.defer("uses it", move || {
                value.1.lend().touch();
                Ok(later.add("used"))
            });
            group.service("service", "uses it", move |cx| Ok(drop((cx.wait_for_stop(), value.1.lend()))))?;
            Ok(())
        })
        .unwrap();
        assert_eq!(log.all().join(","), "used");
    });
}
