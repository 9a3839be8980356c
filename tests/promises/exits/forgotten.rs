//! A program may forget every value that it can forget, and the scope waits all the same.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use crate::common::*;
use homebound::scope;

#[test]
fn x5_everything_that_can_be_forgotten_is_forgotten() {
    // catches: safety that hangs on a destructor
    within(|| {
        let lender = Lender::new();
        let result = scope(|s| {
            let cx = s.context();
            std::mem::forget(s.spawn("worker", "uses its loan", lingering(&lender))?);
            std::mem::forget(s.service("service", "uses its loan", lingering(&lender))?);
            std::mem::forget(s.thread("builder", "is never built").vital());
            let group = s.group("group")?;
            std::mem::forget(group.spawn("member", "uses its loan", lingering(&lender))?);
            std::mem::forget(group.group("inner")?);
            std::mem::forget(group);
            std::mem::forget(cx.on_stop(|| ()));
            std::mem::forget(cx.clone());
            std::mem::forget(s.stopper());
            std::mem::forget(s.stop_signal().clone());
            let loan = lender.lend();
            cx.with_on_stop(move || loan.touch(), || s.stop());
            Ok(())
        });
        lender.assert_unused();
        assert!(result.is_ok());
    });
}

#[test]
fn x5_a_panic_out_of_with_on_stop_takes_its_callback_along() {
    // catches: a borrowing callback still registered after its frame has unwound
    within(|| {
        let result = scope(|s| {
            let lender = Lender::new();
            let loan = lender.lend();
            let payload =
                panics(|| s.context().with_on_stop(move || loan.touch(), || -> () { panic!("out of here") }));
            assert_eq!(text(&*payload), "out of here");
            lender.assert_unused();
            drop(lender);
            s.stop();
            Ok(())
        });
        assert!(result.is_ok());
    });
}
