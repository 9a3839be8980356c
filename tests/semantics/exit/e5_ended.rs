//! E5 and E6: an ended thread leaves no callback and no row behind.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::Arc;

use crate::common::*;
use homebound::scope;

#[test]
fn e5_a_callback_is_dropped_before_its_thread_counts_as_finished() {
    // catches: hooks that live on after `done`
    within(|| {
        let result = scope(|s| {
            let hook = Arc::new(());
            let inside = hook.clone();
            let worker = s.spawn("hooked", "leaks its hook's guard", move |cx| {
                std::mem::forget(cx.on_stop(move || drop(inside)));
                Ok(())
            })?;
            assert!(worker.done().recv().is_err());
            assert_eq!(Arc::strong_count(&hook), 1);
            worker.join()?;
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn e6_an_ended_thread_is_gone_from_the_tree_when_it_is_joined() {
    // catches: entries that stay after the join, or hold on to a joined thread's name
    within(|| {
        let result = scope(|s| {
            for _ in 0..200 {
                let worker = s.spawn("short", "ends", |_| Ok(()))?;
                let id = worker.id();
                worker.join()?;
                assert!(s.active_threads().iter().all(|t| t.id != id));
                assert!(all_threads(&s.snapshot()).iter().all(|t| t.id != id));
            }
            Ok(())
        });
        result.unwrap();
    });
}
