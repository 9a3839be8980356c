//! Owns the models of whole scopes, through the public API: in every order all threads come home
//! and nothing is lost.
//! Refuses waits on channels, because they are not modelled and would block the model for good.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::explore;
use crate::sync::{AtomicBool, Builder, yield_now};
use crate::{Handle, JoinError, SpawnError, StopReason, scope};

/// A value that a thread borrows. No thread uses it after the scope has returned.
#[derive(Default)]
struct Lent {
    users: AtomicUsize,
    uses: AtomicUsize,
}

impl Lent {
    /// Takes steps in between, so that other threads may take theirs.
    fn borrow<R>(&self, step: &AtomicBool, f: impl FnOnce() -> R) -> R {
        self.users.fetch_add(1, Ordering::Relaxed);
        step.store(true, Ordering::Relaxed);
        let result = f();
        step.store(true, Ordering::Relaxed);
        self.uses.fetch_add(1, Ordering::Relaxed);
        self.users.fetch_sub(1, Ordering::Relaxed);
        result
    }

    /// After the scope: asserts that no thread uses the value, and that `uses` threads have.
    fn came_home(&self, uses: usize) {
        assert_eq!(self.users.load(Ordering::Relaxed), 0, "nobody borrows after the scope");
        assert_eq!(self.uses.load(Ordering::Relaxed), uses, "each thread has run to its end");
    }
}

#[test]
fn scope_spawn_stop_wait() {
    explore("scope_spawn_stop_wait", || {
        let (lent, step) = (Lent::default(), AtomicBool::new(false));
        let ended = scope(|s| {
            for name in ["a", "b"] {
                s.spawn(name, "waits", |cx| {
                    lent.borrow(&step, || {
                        assert!(matches!(
                            cx.wait_for_stop(),
                            StopReason::Parent(_) | StopReason::Requested { .. }
                        ))
                    });
                    Ok(())
                })?;
            }
            s.stop();
            assert!(s.active_threads().len() <= 2);
            Ok(())
        });
        assert!(ended.is_ok(), "{ended:?}");
        lent.came_home(2);
    });
}

#[test]
fn scope_join_by_handle() {
    explore("scope_join_by_handle", || {
        let (lent, step) = (Lent::default(), AtomicBool::new(false));
        let sum = scope(|s| {
            let one = s.spawn("one", "adds", |_| Ok(lent.borrow(&step, || 1)))?;
            let two = s.spawn("two", "joins", |_| Ok(lent.borrow(&step, || 0) + one.join()?))?;
            let unjoined = s.spawn("one", "is left to the scope", |_| Ok(lent.borrow(&step, || vec![3])))?;
            drop(unjoined);
            Ok(two.join()?)
        });
        assert_eq!(sum.unwrap(), 1);
        lent.came_home(3);
    });
}

#[test]
fn scope_stops_services_after_workers() {
    explore("scope_stops_services_after_workers", || {
        let (lent, step, home) = (Lent::default(), AtomicBool::new(false), AtomicUsize::new(0));
        let ended = scope(|s| {
            s.service("first", "ends last", |cx| {
                lent.borrow(&step, || cx.wait_for_stop());
                assert_eq!(home.fetch_add(1, Ordering::Relaxed), 2, "after worker and later service");
                Ok(())
            })?;
            s.service("second", "ends before", |cx| {
                lent.borrow(&step, || cx.wait_for_stop());
                assert_eq!(home.fetch_add(1, Ordering::Relaxed), 1, "after the worker");
                Ok(())
            })?;
            s.spawn("worker", "uses both", |_| {
                lent.borrow(&step, || assert_eq!(home.fetch_add(1, Ordering::Relaxed), 0, "they are there"));
                Ok(())
            })?;
            Ok(())
        });
        assert!(ended.is_ok(), "{ended:?}");
        lent.came_home(3);
    });
}

#[test]
fn scope_stopped_from_outside() {
    explore("scope_stopped_from_outside", || {
        let (lent, step) = (Lent::default(), AtomicBool::new(false));
        let ended = scope(|outer| {
            let stopper = outer.stopper();
            outer.spawn("nest", "opens a scope", |_| {
                scope(|s| {
                    s.spawn("inner", "waits", |cx| {
                        lent.borrow(&step, || cx.wait_for_stop());
                        Ok(())
                    })
                    .map(drop)
                    .or_else(|refusal| match refusal {
                        SpawnError::Stopped(_) => lent.borrow(&step, || Ok(())),
                        other => Err(other),
                    })?;
                    Ok(())
                })?;
                Ok(())
            })?;
            let outside = Builder::new().spawn(move || stopper.stop())?;
            outside.join().unwrap();
            Ok(())
        });
        assert!(ended.is_ok(), "{ended:?}");
        lent.came_home(1);
    });
}

#[test]
fn group_closed_while_a_worker_ends() {
    explore("group_closed_while_a_worker_ends", || {
        let (lent, step) = (Lent::default(), AtomicBool::new(false));
        let ended = scope(|s| {
            let group = s.group("group")?;
            group.spawn("ends", "ends by itself", |_| Ok(lent.borrow(&step, || ())))?;
            group.spawn("waits", "ends when told", |cx| {
                lent.borrow(&step, || cx.wait_for_stop());
                Ok(())
            })?;
            group.close()?;
            lent.came_home(2);
            Ok(())
        });
        assert!(ended.is_ok(), "{ended:?}");
    });
}

#[test]
fn panic_reaches_joiner_and_scope() {
    explore("panic_reaches_joiner_and_scope", || {
        let (lent, step) = (Lent::default(), AtomicBool::new(false));
        let ended = scope(|s| {
            let panics = s.spawn("panics", "panics", |_| -> crate::Result {
                lent.borrow(&step, || ());
                std::panic::resume_unwind(Box::new("boo"));
            })?;
            s.spawn("waits", "is stopped by it", |cx| {
                lent.borrow(&step, || cx.wait_for_stop());
                Ok(())
            })
            .map_or_else(|_stopped_already| lent.borrow(&step, || ()), drop);
            assert!(matches!(panics.join(), Err(JoinError::Failed(_))), "a joiner is told");
            Ok(())
        });
        let error = ended.expect_err("a panic fails the scope");
        assert_eq!(error.failures().len(), 1, "it is listed once");
        lent.came_home(2);
    });
}

#[test]
fn spawn_against_stop() {
    explore("spawn_against_stop", || {
        let (lent, step, let_in) = (Lent::default(), AtomicBool::new(false), AtomicUsize::new(0));
        let ended = scope(|s| {
            let stopper = s.stopper();
            let outside = Builder::new().spawn(move || stopper.stop())?;
            for name in ["a", "a"] {
                let spawned: Result<Handle<'_, ()>, _> = s.spawn(name, "waits", |cx| {
                    lent.borrow(&step, || cx.wait_for_stop());
                    Ok(())
                });
                let_in.fetch_add(usize::from(spawned.is_ok()), Ordering::Relaxed);
            }
            outside.join().unwrap();
            Ok(())
        });
        assert!(ended.is_ok(), "{ended:?}");
        lent.came_home(let_in.load(Ordering::Relaxed));
    });
}

#[test]
fn forgotten_handle_changes_nothing() {
    explore("forgotten_handle_changes_nothing", || {
        let (lent, step) = (Lent::default(), AtomicBool::new(false));
        let result = Arc::new(());
        let weak = Arc::downgrade(&result);
        let ended = scope(|s| {
            let handle = s.spawn("forgotten", "returns what borrows", |_| {
                let lent = &lent;
                lent.borrow(&step, || ());
                Ok((lent, result))
            })?;
            std::mem::forget(handle);
            let group = s.group("forgotten")?;
            group.spawn("waits", "ends when told", |cx| {
                lent.borrow(&step, || cx.wait_for_stop());
                Ok(())
            })?;
            std::mem::forget(group);
            Ok(())
        });
        assert!(ended.is_ok(), "{ended:?}");
        assert!(weak.upgrade().is_none(), "its result is gone");
        lent.came_home(2);
    });
}

#[test]
fn join_against_close() {
    explore("join_against_close", || {
        let (lent, step) = (Lent::default(), AtomicBool::new(false));
        let ended = scope(|s| {
            let group = s.group("group")?;
            let gives = group.spawn("gives", "returns a value", |_| Ok(lent.borrow(&step, || 7)))?;
            let joins = s.spawn("joins", "joins it while its group is closed", |_| Ok(gives.join()?))?;
            group.close()?;
            assert_eq!(joins.join()?, 7, "it returned that, and nobody stopped it before");
            Ok(())
        });
        assert!(ended.is_ok(), "{ended:?}");
        lent.came_home(1);
    });
}

#[test]
fn groups_in_groups_are_closed_at_once() {
    explore("groups_in_groups_are_closed_at_once", || {
        let (lent, step) = (Lent::default(), AtomicBool::new(false));
        let ended = scope(|s| {
            let outer = s.group("outer")?;
            let inner = outer.group("inner")?;
            let gives = inner.spawn("gives", "returns a value", |_| Ok(lent.borrow(&step, || 7)))?;
            let closes = s.spawn("closes", "closes the inner one", |_| Ok(inner.close()?))?;
            outer.close()?;
            closes.join()?;
            assert_eq!(gives.join()?, 7, "its handle lives as long as the scope around both");
            Ok(())
        });
        assert!(ended.is_ok(), "{ended:?}");
        lent.came_home(1);
    });
}

#[test]
fn one_settles_what_two_close() {
    explore("one_settles_what_two_close", || {
        let (lent, step) = (Lent::default(), AtomicBool::new(false));
        let ended = scope(|s| {
            let outer = s.group("outer")?;
            let inner = outer.group("inner")?;
            inner.defer("flushes", || Ok(lent.borrow(&step, || ())));
            let closes = s.spawn("closes", "closes the inner one", |_| {
                inner.close()?;
                lent.came_home(1);
                Ok(())
            })?;
            outer.close()?;
            lent.came_home(1);
            closes.join()?;
            Ok(())
        });
        assert!(ended.is_ok(), "{ended:?}");
    });
}

/// The services of a group learn the stop of the group, whichever of two drivers comes to them.
#[test]
fn service_learns_the_stop_of_its_group() {
    explore("service_learns_the_stop_of_its_group", || {
        let (lent, step) = (Lent::default(), AtomicBool::new(false));
        let ended = scope(|s| {
            let outer = s.group("outer")?;
            let inner = outer.group("inner")?;
            inner.service("waits", "learns why", |cx| {
                let reason = lent.borrow(&step, || cx.wait_for_stop());
                Ok(assert!(matches!(reason, StopReason::Parent(_)), "{reason}"))
            })?;
            let outer = Arc::new(outer);
            let drives = [(); 2].map(|()| {
                let outer = Arc::clone(&outer);
                let limit = Duration::from_secs(3_600);
                s.spawn("drives", "stops the group", move |_| Ok(drop(outer.shutdown(limit))))
            });
            for drives in drives {
                drives?.join()?;
            }
            drop(inner);
            Ok(())
        });
        assert!(ended.is_ok(), "{ended:?}");
        lent.came_home(1);
    });
}

/// The services of a scope learn the stop that its body has heard by the context around, although
/// that stop may not have come to the scope.
#[test]
fn service_learns_the_stop_that_the_body_has_heard() {
    explore("service_learns_the_stop_that_the_body_has_heard", || {
        let (lent, step) = (Lent::default(), AtomicBool::new(false));
        let ended = scope(|outer| {
            outer.spawn("nest", "opens a scope", |around| {
                scope(|s| {
                    s.service("waits", "learns why", |cx| {
                        let reason = lent.borrow(&step, || cx.wait_for_stop());
                        Ok(assert!(matches!(reason, StopReason::Parent(_)), "{reason}"))
                    })?;
                    while !around.is_stopping() {
                        yield_now();
                    }
                    Ok(())
                })?;
                Ok(())
            })?;
            step.store(true, Ordering::Relaxed);
            outer.stop();
            Ok(())
        });
        assert!(ended.is_ok(), "{ended:?}");
    });
}
