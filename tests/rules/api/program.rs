//! The shape that every program starts from compiles, and runs.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::Duration;

use homebound::registry::Registry;

#[test]
fn the_program_of_the_contract() {
    // The shape every program starts from: `?` on any error, `Ok(x)` infers.
    crate::common::child_passes(|_| {
        let exit = Registry::new("studio").grace(Duration::from_secs(5)).run(|scope| {
            let (jobs, queue) = crossbeam_channel::bounded::<u32>(4);
            scope.service("monitor", "watches", |cx| Ok(cx.ticks(crate::common::NEVER).for_each(drop)))?;
            let sum = scope.spawn("worker", "adds", move |cx| Ok(cx.iter(&queue).sum::<u32>()))?;
            for n in 0..10 {
                scope.context().send(&jobs, n)?;
            }
            drop(jobs);
            assert_eq!(sum.join()?, 45);
            "12".parse::<u8>()?;
            Ok(())
        });
        i32::from(exit.code())
    });
}
