//! HE9: what is done about a thread that is stuck.

use super::*;
use homebound::registry::OnStuck;
use homebound::{Registry, StopReason};

/// Longer than the stack of the warning takes on a busy machine: *stopper* reads it, and *watch*
/// ends the process for a *stopper* that is away for so long.
const SURE: Duration = Duration::from_secs(4);

#[test]
fn he9_exit_writes_the_dump_and_ends_with_the_code() {
    let done = in_child("", |_| {
        let health = quick().warn_after(LOOK).stuck_after(SURE).on_stuck(OnStuck::Exit(77));
        let exit = Registry::new("app").health(health).run(|s| {
            s.spawn("late", "wants a lock of std's", |_| {
                let lock = Mutex::new(());
                let _held = lock.lock();
                Ok(drop(lock.lock()))
            })?;
            Ok(drop(s.context().wait_for_stop()))
        });
        i32::from(exit.code())
    });
    assert_eq!(done.code, Some(77), "{done:#?}");
    assert!(done.err.contains("/app/late is stuck"), "{}", done.err);
    assert!(done.err.contains("late  (worker: wants a lock of std's)"), "{}", done.err);
}

#[test]
fn he9_stop_scope_stops_the_scope_of_the_thread_and_no_other() {
    child_passes(|_| {
        let lock = Arc::new(Mutex::new(()));
        let health = quick().on_stuck(OnStuck::StopScope);
        let exit = Registry::new("app").health(health).run(|s| {
            let held = std::cell::RefCell::new(Some(lock.lock().unwrap()));
            let group = s.subscope("inner", |s| {
                let (own, begin) = (lock.clone(), Instant::now());
                s.spawn("late", "wants a lock of std's", move |_| Ok(drop(own.lock())))?;
                let reason = s.context().wait_for_stop();
                // A warning, which comes before, stops nothing.
                assert!(begin.elapsed() >= STUCK, "{:?}", begin.elapsed());
                drop(held.take());
                Ok(reason)
            })?;
            assert_eq!(group, StopReason::Stuck { path: "/app/inner/late".to_owned() });
            Ok(assert!(!s.is_stopping()))
        });
        i32::from(exit.code())
    });
}
