//! P10: the library has no thread of its own that the promise does not name.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::refuse_threads;
use crate::common::*;
use homebound::registry;
use homebound::{Role, scope};

#[test]
fn p10_run_starts_two_internal_threads_and_joins_them() {
    // catches: helper threads that are not in the tree, or not joined
    child_passes(|_| {
        let before = os_threads();
        let exit = registry::run(|s| {
            assert_eq!(os_threads(), before + 2);
            let snapshot = all_threads(&registry::snapshot().expect("it runs"));
            let mut names: Vec<_> = snapshot.iter().filter(|t| t.role == Role::Internal).collect();
            names.sort_by(|a, b| a.name.cmp(&b.name));
            assert_eq!(names.len(), 2, "{names:?}");
            assert!(names[0].name.contains("stopper") && names[1].name.contains("watch"));
            assert!(s.active_threads().is_empty());
            Ok(())
        });
        assert_eq!((os_threads(), exit.shutdown.total), (before, 0));
        i32::from(exit.code())
    });
}

#[test]
fn p10_a_standalone_root_starts_at_most_one_and_only_for_a_deadline() {
    // catches: a timer thread for each root, one for each deadline, a timer thread that stays
    child_passes(|_| {
        let before = os_threads();
        let result = scope(|s| {
            let worker = s.spawn("worker", "waits", until_stopped)?;
            assert_eq!(os_threads(), before + 1);
            let later = Instant::now() + NEVER;
            for _ in 0..3 {
                s.context().with_deadline(later, |cx| {
                    assert!(cx.sleep(Duration::from_millis(1)).is_ok());
                    assert!(!disconnected(cx.stop_signal()));
                    assert!(os_threads() <= before + 2);
                });
            }
            worker.stop();
            Ok(())
        });
        assert_eq!(os_threads(), before);
        i32::from(result.is_err())
    });
}

#[test]
fn p10_run_returns_the_refusal_of_its_internal_threads() {
    // catches: a body that runs without a watch; a panic instead of an error
    child_passes(|_| {
        refuse_threads();
        let ran = AtomicBool::new(false);
        let exit = registry::run(|_| Ok(ran.store(true, Ordering::SeqCst)));
        assert!(exit.result.is_err() && !ran.into_inner());
        i32::from(exit.code() == 0)
    });
}
