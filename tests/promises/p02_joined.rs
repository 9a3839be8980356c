//! P2: when a root scope returns, the system has joined each of its threads.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::*;
use homebound::registry;
use homebound::{Context, scope};

static ENDED: AtomicUsize = AtomicUsize::new(0);

type AtTheEnd<F> = RefCell<Option<OnDrop<F>>>;

thread_local! {
    static SLOW_END: AtTheEnd<fn()> = const { RefCell::new(None) };
}

/// Gives the calling thread a slow thread-local destructor.
fn end_slowly() {
    let ended: OnDrop<fn()> = OnDrop(|| {
        linger(2);
        ENDED.fetch_add(1, Ordering::SeqCst);
    });
    SLOW_END.with(|slot| *slot.borrow_mut() = Some(ended));
}

#[test]
fn p2_five_hundred_roots_wait_for_thread_local_destructors() {
    // catches: a root that returns on "closure done" instead of after pthread_join
    child_passes(|_| {
        for round in 1..=500 {
            let result = scope(|s| {
                let slow = |_: &Context| {
                    end_slowly();
                    Ok(())
                };
                match round % 5 {
                    0 => drop(s.spawn("dropped", "ends slowly", slow)?),
                    1 => s.spawn("joined", "ends slowly", slow)?.join()?,
                    2 => std::mem::forget(s.spawn("forgotten", "ends slowly", slow)?),
                    3 => drop(s.service("service", "ends slowly", slow)?),
                    _ => drop(s.thread("alone", "ends slowly").dedicated().spawn(slow)?),
                }
                Ok(())
            });
            assert!(result.is_ok());
            assert_eq!(ENDED.load(Ordering::SeqCst), round, "root {round} returned early");
        }
        0
    });
}

#[test]
fn p2_run_waits_for_thread_local_destructors() {
    // catches: the same in `run`, also for threads of nested scopes and groups
    child_passes(|_| {
        let exit = registry::run(|s| {
            let slow = |_: &Context| {
                end_slowly();
                Ok(())
            };
            s.spawn("worker", "ends slowly", slow)?;
            s.subscope("below", |below| Ok(drop(below.spawn("nested", "ends slowly", slow)?)))?;
            let group = s.group("group")?;
            group.spawn("member", "ends slowly", slow)?;
            Ok(group.close()?)
        });
        assert_eq!(ENDED.load(Ordering::SeqCst), 3);
        i32::from(exit.code())
    });
}

#[test]
fn p2_nested_scope_drops_captures_and_results() {
    // catches: captures or results that live on in a warm thread after a nested scope
    within(|| {
        let lender = Lender::new();
        let result = scope(|s| {
            for _ in 0..50 {
                s.subscope("below", |below| {
                    let (capture, result) = (lender.lend(), lender.lend());
                    below.spawn("worker", "returns a loan", move |_| {
                        capture.touch();
                        Ok(result)
                    })?;
                    Ok(())
                })?;
                lender.assert_unused();
            }
            Ok(())
        });
        assert!(result.is_ok());
    });
}
