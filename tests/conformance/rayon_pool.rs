//! Owns what rayon-core's tests of pools ask: workers that end, waits that do not deadlock, panics
//! that are named.
//! Refuses what belongs to parallel loops: joins that steal, indices, broadcasts.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::bounded;
use homebound::{Cause, Context, JoinError, Result, Scope, SpawnError, scope};

use crate::common::*;

/// Counts up when its thread's locals are dropped.
struct Left(Arc<AtomicUsize>);

impl Drop for Left {
    fn drop(&mut self) {
        linger(3);
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

thread_local!(static LEFT: RefCell<Option<Left>> = const { RefCell::new(None) });

#[test]
fn when_a_root_returns_its_threads_have_left() {
    // from: workers_stop, build_scoped_tls_threadpool; pins P2
    within(|| {
        let left = Arc::new(AtomicUsize::new(0));
        scope(|s| {
            for n in 0..16 {
                let left = &left;
                s.spawn(format!("worker-{n}"), "keeps what was lent in a thread-local", move |_| {
                    Ok(LEFT.set(Some(Left(left.clone()))))
                })?;
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(left.load(Ordering::SeqCst), 16);
    });
}

#[test]
fn idle_threads_leave_with_their_root() {
    // from: sleeper_stop; pins P2, C1
    within(|| {
        let left = Arc::new(AtomicUsize::new(0));
        scope(|s| {
            for n in 0..4 {
                let left = left.clone();
                let idles =
                    s.spawn(format!("worker-{n}"), "will be idle", move |_| Ok(LEFT.set(Some(Left(left)))))?;
                idles.join()?;
            }
            eventually("all four are idle", || s.snapshot().idle.len() == 4);
            Ok(assert_eq!(left.load(Ordering::SeqCst), 0))
        })
        .unwrap();
        assert_eq!(left.load(Ordering::SeqCst), 4);
    });
}

#[test]
fn a_refused_stack_leaves_nobody_behind() {
    // from: failed_thread_stack; pins P11
    in_scope(|s| {
        let (ran, kept) = (Arc::new(AtomicUsize::new(0)), Arc::new(()));
        let mut handles = Vec::new();
        for n in 0..10 {
            let (ran, kept) = (ran.clone(), kept.clone());
            let absurd =
                s.thread("builder", "may be refused").stack_size(if n == 5 { 1 << 47 } else { 1 << 16 });
            match absurd.spawn(move |_| Ok(_ = (kept, ran.fetch_add(1, Ordering::SeqCst)))) {
                Ok(handle) => handles.push(handle),
                Err(refused) => assert!(n == 5 && matches!(refused, SpawnError::Os(_)), "{refused}"),
            }
        }
        assert_eq!(handles.len(), 9);
        handles.into_iter().try_for_each(|handle| handle.join())?;
        assert_eq!((ran.load(Ordering::SeqCst), Arc::strong_count(&kept)), (9, 1));
        Ok(assert!(s.active_threads().is_empty() && !s.is_stopping()))
    });
}

#[test]
fn a_panic_is_printed_and_kept_under_the_threads_name() {
    // from: panic_thread_name; pins P8, F4
    fn scenario(_: &str) -> i32 {
        let error = scope(|s| {
            s.spawn("hungry-thread", "panics", |_| -> Result { panic!("no more bread") })?;
            Ok(())
        });
        let error = error.unwrap_err();
        assert_eq!(error.failures()[0].name(), "hungry-thread");
        0
    }
    let done = in_child("", scenario);
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert!(done.err.contains("thread 'hungry-thread'") && done.err.contains("no more bread"), "{done:#?}");
}

#[test]
fn a_scope_opened_by_a_thread_of_that_scope_does_not_deadlock() {
    // from: self_install, nested_scopes; pins T
    in_scope(|s| {
        let deep = scope(|_| {
            let outer = s.spawn("outer", "opens a scope in its own", |_| {
                Ok(scope(|inner| {
                    let below = inner.spawn("inner", "opens another", |_| Ok(scope(|_| Ok(3))?))?;
                    Ok(below.join()? + 1)
                })?)
            })?;
            Ok(outer.join()? + 1)
        });
        Ok(assert_eq!(deep?, 5))
    });
}

#[test]
fn two_roots_that_open_scopes_in_each_other_do_not_deadlock() {
    // from: mutual_install, mutual_install_sleepy; pins T
    fn across<'a, 'b>(here: &'a Scope<'a, '_>, there: &'b Scope<'b, '_>, left: usize) -> Result<usize> {
        if left == 0 {
            return Ok(0);
        }
        let below = there.subscope("across", |over| {
            let goes_back = over.spawn("goes-back", "opens a scope in the other root", move |_| {
                linger(1); // so that the one that waits is asleep
                across(there, here, left - 1)
            })?;
            Ok(goes_back.join()? + 1)
        });
        Ok(below?)
    }
    within(|| {
        let (lend, lent) = bounded::<Context>(1);
        let sum = scope(|a| {
            let b_is_a_root = std::thread::scope(|os| {
                let other = os.spawn(|| {
                    scope(|b| {
                        lend.send(b.context().clone())?;
                        across(b, a, 6)
                    })
                });
                other.join().expect("it does not panic")
            });
            Ok(b_is_a_root?)
        });
        let b = lent.recv().unwrap();
        assert!(sum.unwrap() == 6 && b.is_stopping());
    });
}

#[test]
fn a_body_runs_on_the_thread_of_its_caller_and_may_wait_for_its_own() {
    // from: in_place_scope_no_deadlock; pins E1
    within(|| {
        let caller = std::thread::current().id();
        let (to, answer) = bounded(0);
        scope(|s| {
            assert_eq!(std::thread::current().id(), caller);
            s.spawn("answers", "sends what the body waits for", |cx| {
                Ok(cx.send(&to, 1).map_err(|e| e.cause)?)
            })?;
            Ok(assert_eq!(answer.recv(), Ok(1)))
        })
        .unwrap();
    });
}

#[test]
fn a_thread_spawns_into_any_scope_around_it() {
    // from: nested_scopes; pins T
    within(|| {
        let counter = AtomicUsize::new(0);
        let count = |_: &Context| Ok(_ = counter.fetch_add(1, Ordering::Relaxed));
        scope(|a| {
            a.subscope("b", |b| {
                b.subscope("c", |c| {
                    c.spawn("deep", "spawns into all three", move |_| {
                        a.spawn("in-a", "counts", count)?;
                        b.spawn("in-b", "counts", count)?;
                        c.spawn("in-c", "counts", count)?;
                        Ok(())
                    })?;
                    Ok(())
                })?;
                Ok(())
            })?;
            Ok(())
        })
        .unwrap();
        assert_eq!(counter.into_inner(), 3);
    });
}

#[test]
fn a_hook_of_the_programs_that_panics_hurts_nobody_else() {
    // from: handler_panics_handled_correctly, start_callback_called, exit_callback_called; pins S9
    within(|| {
        let (first, second) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (one, two) = (first.clone(), second.clone());
        let error = scope(|s| {
            let cx = s.context();
            let _falls = cx.on_stop(|| panic!("in the hook"));
            let _counts = cx.on_stop(move || _ = one.fetch_add(1, Ordering::SeqCst));
            s.defer("falls", || panic!("in the deferred"));
            s.defer("counts", move || Ok(_ = two.fetch_add(1, Ordering::SeqCst)));
            Ok(s.stop())
        })
        .unwrap_err();
        assert_eq!((first.load(Ordering::SeqCst), second.load(Ordering::SeqCst)), (1, 1));
        assert_eq!(error.failures().len(), 2, "{error}");
    });
}

#[test]
fn outside_of_all_scopes_there_is_no_current_context() {
    // from: cleared_current_thread; pins T
    within(|| {
        assert!(homebound::current().is_none());
        let seen = scope(|s| {
            let inside = homebound::current().expect("the body's");
            assert_eq!(inside.id(), s.context().id());
            let below = s.spawn("below", "looks", |cx| {
                Ok(homebound::current().is_some_and(|current| current.id() == cx.id()))
            })?;
            Ok(below.join()?)
        });
        assert!(seen.unwrap() && homebound::current().is_none());
        panics(|| scope(|_| -> Result { panic!("out") }));
        assert!(homebound::current().is_none(), "nor after a panic");
    });
}

#[test]
fn who_is_still_at_work_and_whom_it_spawns_is_waited_for() {
    // from: termination_while_things_are_executing; pins E1
    within(|| {
        let (open, closed) = gate();
        let (tell, told) = bounded(1);
        let (body_over, over) = gate();
        let opener = std::thread::spawn(move || {
            pass(&over);
            linger(5);
            drop(open);
        });
        scope(|s| {
            let moved = body_over;
            s.spawn("first", "outlives the body", move |cx| {
                pass(&closed);
                cx.spawn("second", "is spawned after the body has returned", move |_| Ok(tell.send(22)?))?;
                Ok(())
            })?;
            Ok(drop(moved))
        })
        .unwrap();
        assert_eq!(told.try_recv(), Ok(22));
        opener.join().unwrap();
    });
}

#[test]
fn the_programs_panic_hook_is_called_once_for_each_panic() {
    // from: custom_panic_handler_and_spawn, custom_panic_handler_and_nested_spawn; pins F4
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    fn falls(_: &Context) -> Result {
        panic!("told to the hook")
    }
    child_passes(|_| {
        std::panic::set_hook(Box::new(|_| _ = CALLS.fetch_add(1, Ordering::SeqCst)));
        let nested = scope(|s| {
            s.thread("falls", "panics").isolated().spawn(falls)?;
            let outer = s.thread("outer", "spawns one that panics").isolated();
            let outer =
                outer.spawn(|cx| Ok(cx.thread("inner", "panics").isolated().spawn(falls)?.join()?))?;
            let JoinError::Failed(failure) = outer.join().unwrap_err() else { panic!("not failed") };
            Ok(assert!(matches!(failure.cause(), Cause::Error(_) | Cause::Panic { .. })))
        });
        assert_eq!(CALLS.load(Ordering::SeqCst), 2, "{nested:?}");
        0
    });
}
