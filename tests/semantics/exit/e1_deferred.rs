//! E1: deferred functions run last, in reverse order, on every way out.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use crate::common::*;
use homebound::{Result, Scope, scope};

#[test]
fn e1_deferred_functions_run_last_first_on_every_way_out() {
    // catches: deferred functions skipped on Err or panic, run too early, or in the wrong order
    fn body<'s>(s: &'s Scope<'s, '_>, log: &Log, lender: &'s Lender, how: u8) -> Result {
        let add = |name: &'static str| {
            let log = log.clone();
            move || Ok(log.add(name))
        };
        s.defer("one", add("one"));
        let (two, late) = (add("two"), add("late"));
        s.defer("two", move || {
            assert_eq!(lender.in_use(), 0, "it runs after all are joined");
            s.defer("late", late);
            two()
        });
        s.defer("three", add("three"));
        s.spawn("slow", "uses its loan", lingering(lender))?;
        match how {
            0 => Ok(s.stop()),
            1 => Err(boom("no")),
            _ => panic!("no"),
        }
    }
    within(|| {
        for how in 0..3 {
            let (log, lender) = (Log::new(), Lender::new());
            drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                scope(|s| body(s, &log, &lender, how))
            })));
            assert_eq!(log.all().join(","), "three,two,late,one");
        }
    });
}

#[test]
fn e1_a_deferred_function_that_fails_or_panics_is_a_failure_and_stops_no_other() {
    // catches: a clean-up error that is lost, or that skips the other clean-ups
    within(|| {
        let log = Log::new();
        let last = log.clone();
        let result = scope(|s| {
            s.defer("first made", move || Ok(last.add("ran")));
            s.defer("panics", || panic!("in the clean-up"));
            s.defer("fails", || Err(boom("no space")));
            Ok(())
        });
        let error = result.unwrap_err();
        assert_eq!((error.failures().len(), log.all().len()), (2, 1), "{error}");
    });
}

#[test]
fn e1_deferred_functions_of_nested_groups_run_before_those_of_their_parents() {
    // catches: a group inside a group that is stopped and joined but never settled
    within(|| {
        for forget in [false, true] {
            for shut_down in [false, true] {
                let log = Log::new();
                let result = scope(|s| {
                    let add = |name: &'static str| {
                        let log = log.clone();
                        move || Ok(log.add(name))
                    };
                    let outer = s.group("outer")?;
                    let inner = outer.group("inner")?;
                    s.defer("root", add("root"));
                    outer.defer("outer", add("outer"));
                    inner.defer("inner", add("inner"));
                    inner.service("service", "is stopped", until_stopped)?;
                    if shut_down {
                        s.shutdown(LIMIT);
                    }
                    if forget {
                        std::mem::forget((inner, outer));
                    }
                    Ok(())
                });
                assert!(result.is_ok());
                assert_eq!(log.all().join(","), "inner,outer,root", "{forget} {shut_down}");
            }
        }
    });
}
