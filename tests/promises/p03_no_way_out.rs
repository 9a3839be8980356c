//! P3: no handle, guard or group that is forgotten lets a thread go.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::cell::RefCell;

use crate::common::*;
use crossbeam_channel::{bounded, unbounded};
use homebound::{Context, scope};

#[test]
fn p3_forgotten_handle() {
    // catches: a wait that hangs on the handle's drop, and a result that lives as long as the
    // handle
    within(|| {
        let lender = Lender::new();
        let result = scope(|s| {
            let (_open, gate) = gate();
            let loan = lender.lend();
            std::mem::forget(s.spawn("slow", "its handle is forgotten", move |_| {
                pass(&gate);
                linger(20);
                Ok(loan)
            })?);
            Ok(())
        });
        lender.assert_unused();
        assert!(result.is_ok());
    });
}

#[test]
fn p3_forgotten_group() {
    // catches: a group that is joined only by its drop
    within(|| {
        let lender = Lender::new();
        let result = scope(|s| {
            let group = s.group("forgotten")?;
            group.spawn("member", "uses its loan", lingering(&lender))?;
            group.service("clerk", "uses its loan", lingering(&lender))?;
            std::mem::forget(group);
            Ok(())
        });
        lender.assert_unused();
        assert!(result.is_ok());
    });
}

#[test]
fn p3_forgotten_callback_guard() {
    // catches: a callback that needs its guard to be dropped: leaked, it still runs once at the
    // stop
    within(|| {
        let (ran, runs) = unbounded();
        let result = scope(|s| {
            std::mem::forget(s.context().on_stop(move || ran.send(()).unwrap()));
            s.stop();
            Ok(())
        });
        assert!(result.is_ok());
        assert_eq!(runs.iter().count(), 1);
    });
}

#[test]
fn p3_forgotten_adoption() {
    // catches: a scope that waits for ever for a foreign thread that is long gone
    within(|| {
        let result = scope(|s| {
            std::thread::scope(|threads| {
                threads.spawn(|| std::mem::forget(s.context().adopt("guest", "forgets its guard")));
            });
            Ok(())
        });
        assert!(result.is_ok());
    });
}

#[test]
fn p3_an_adoption_does_not_outlast_the_scope_that_its_own_thread_runs() {
    // catches: a scope that waits at its end for the thread that waits there, since it was adopted
    // into one of its groups
    for forgets in [false, true] {
        within(move || {
            let mut kept = None;
            let result = scope(|s| {
                let group = s.context().group("group")?;
                kept = Some(group.context().adopt("body", "keeps its guard for longer than the scope"));
                Ok(if forgets { std::mem::forget(group) } else { drop(group) })
            });
            assert!(result.is_ok());
            assert!(kept.as_ref().is_some_and(|kept| kept.is_stopping()));
            assert!(homebound::current().is_none(), "the stay is over");
            let after = scope(|s| Ok(s.is_stopping())).unwrap();
            assert!(!after, "a new scope is not below the one that is over");
            drop(kept);
        });
    }
}

thread_local!(static LAST: RefCell<Option<AdoptsAtLast>> = const { RefCell::new(None) });

struct AdoptsAtLast(Context);

impl Drop for AdoptsAtLast {
    fn drop(&mut self) {
        std::mem::forget(self.0.adopt("late", "comes in its last destructor"));
    }
}

#[test]
fn p3_an_adoption_in_a_last_destructor_holds_no_scope() {
    // catches: a forgotten guard whose thread is past the point at which we learn of its end
    within(|| {
        let result = scope(|s| {
            let cx = s.context().clone();
            let guest = std::thread::spawn(move || {
                // Before anything of ours is there, so that it is dropped after all that is ours.
                LAST.with(|last| *last.borrow_mut() = Some(AdoptsAtLast(cx.clone())));
                drop(cx.adopt("guest", "comes and goes"));
            });
            Ok(guest.join().expect("it ends"))
        });
        assert!(result.is_ok());
    });
}

#[test]
fn p3_result_that_owns_its_own_handle() {
    // catches: a cycle of handle and result that keeps borrows alive after settle
    within(|| {
        struct Own<'a>(#[allow(dead_code)] Loan<'a>, #[allow(dead_code)] Box<dyn Send + 'a>);
        let lender = Lender::new();
        let result = scope(|s| {
            let (give, take) = bounded::<Box<dyn Send + '_>>(1);
            let loan = lender.lend();
            let handle = s.spawn("ouroboros", "returns its handle", move |_| Ok(Own(loan, take.recv()?)))?;
            drop(give.send(Box::new(handle)));
            Ok(())
        });
        lender.assert_unused();
        assert!(result.is_ok());
    });
}
