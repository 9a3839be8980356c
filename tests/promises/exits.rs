//! The seven known breaks of scope exits, X1 to X7: each has freed memory under a live thread
//! in some scoped-thread library. Fatal ones run in a re-executed child.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::common::subscriber::Told;
use crate::common::*;
use crossbeam_channel::unbounded;
use homebound::{Context, JoinError, Result, scope};

// X1: the body panics and the wait is skipped.

#[test]
fn x1_body_panics_with_a_borrowing_worker_per_kind() {
    // catches: an unwinding body that skips the wait for one of the kinds of thread
    within(|| {
        let lender = Lender::new();
        let bytes = vec![0xAA_u8; 64];
        let payload = panics(|| {
            scope(|s| {
                s.spawn("worker", "reads the bytes", lingering(&lender))?;
                s.service("service", "reads the bytes", lingering(&lender))?;
                s.thread("isolated", "reads the bytes").isolated().spawn(lingering(&lender))?;
                s.thread("vital", "reads the bytes").vital().spawn(lingering(&lender))?;
                let group = s.group("group")?;
                group.spawn("member", "reads the bytes", lingering(&lender))?;
                std::mem::forget(group);
                s.spawn("bytes", "checks them at the end", |cx| {
                    cx.wait_for_stop();
                    linger(20);
                    assert!(bytes.iter().all(|b| *b == 0xAA), "read from freed memory");
                    Ok(())
                })?;
                let loan = lender.lend();
                s.defer("last", move || Ok(loan.touch()));
                if true {
                    panic_any(11_u8);
                }
                Ok(())
            })
        });
        lender.assert_unused();
        drop(bytes);
        assert_eq!(payload.downcast_ref::<u8>(), Some(&11));
    });
}

#[test]
fn x1_a_nested_body_panics_through_the_outer_scope() {
    // catches: a panic that passes the outer scope's wait on its way up
    within(|| {
        let lender = Lender::new();
        let payload = panics(|| {
            scope(|outer| {
                outer.spawn("outer", "uses its loan", lingering(&lender))?;
                outer.subscope("inner", |inner| {
                    inner.spawn("inner", "uses its loan", lingering(&lender))?;
                    if true {
                        panic!("from deep inside");
                    }
                    Ok(())
                })?;
                Ok(())
            })
        });
        lender.assert_unused();
        assert_eq!(text(&*payload), "from deep inside");
        assert!(homebound::current().is_none());
    });
}

#[test]
fn x1_a_subscriber_that_panics_does_not_skip_the_wait() {
    // catches: the library's own log line as the way out past the wait; a thread counted for ever
    fn scenario(what: &str) -> i32 {
        let (what, lender) = (what.to_owned(), Lender::new());
        let on_unwind = OnDrop(|| lender.assert_unused());
        let subscriber = Told::new(move |line: &str| assert!(!line.starts_with(&what), "told: {line}"));
        let run = || {
            tracing::subscriber::with_default(subscriber, || {
                scope(|s| {
                    for _ in 0..3 {
                        s.spawn("slow", "uses its loan", lingering(&lender))?;
                    }
                    s.service("service", "uses its loan", lingering(&lender))?;
                    s.thread("vital", "ends first").vital().spawn(|_| Ok(()))?;
                    Err::<(), _>(boom("the body gives up"))
                })
            })
        };
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        lender.assert_unused();
        std::mem::forget(ended);
        drop(on_unwind);
        0
    }
    for what in ["event", "span", "event DEBUG", "event INFO", "event ERROR"] {
        child_passes_with(what, scenario);
    }
}

#[test]
fn x1_a_scope_in_a_destructor_while_its_thread_unwinds() {
    // catches: a guard that takes the unwinding around the scope for one inside; a hook set while panicking
    child_passes(|_| {
        let lender = Lender::new();
        let payload = panics(|| {
            let _scope_in_drop = OnDrop(|| {
                let result = scope(|s| {
                    s.spawn("slow", "uses its loan", lingering(&lender))?;
                    s.stop();
                    Ok(())
                });
                assert!(result.is_ok());
                lender.assert_unused();
            });
            panic!("around the scope");
        });
        assert_eq!(text(&*payload), "around the scope");
        0
    });
}

// X2: a panic payload whose drop panics before the count-down.

#[test]
fn x2_payloads_that_panic_when_dropped() {
    // catches: the count-down skipped, or the process aborted, wherever the payload is dropped
    child_passes(|_| {
        let lender = Lender::new();
        let result = scope(|s| {
            s.spawn("slow", "uses its loan", lingering(&lender))?;
            let bomber = |_: &Context| -> Result { panic_any(Bomb::chain(4)) };
            let joined = s.thread("joined", "panics").isolated().spawn(bomber)?;
            drop_quietly(joined.join());
            for _ in 0..3 {
                s.thread("dropped", "panics").isolated().spawn(bomber)?;
            }
            s.stop();
            Ok(())
        });
        lender.assert_unused();
        assert_eq!(result.as_ref().unwrap_err().failures().len(), 3);
        drop_quietly(result);
        0
    });
}

#[test]
fn x2_more_payloads_than_the_list_holds() {
    // catches: payloads over the limit of 1024 dropped outside of any guard
    child_passes(|_| {
        let result = scope(|s| {
            for _ in 0..1030 {
                let bomber = |_: &Context| -> Result { panic_any(Bomb::new()) };
                let bomber = s.thread("bomber", "panics").isolated().spawn(bomber)?;
                let _ = bomber.done().recv();
            }
            Ok(())
        });
        let omitted = result.as_ref().unwrap_err().omitted();
        assert!((6..=12).contains(&omitted), "{omitted}");
        drop_quietly(result);
        0
    });
}

// X3: a task that counts as finished before its result is dropped.

#[test]
fn x3_results_are_dropped_before_the_scope_returns() {
    // catches: rust#94644: the owner wakes before the result's slow drop is through
    within(|| {
        for _ in 0..50 {
            let dropped = AtomicUsize::new(0);
            let slow = || {
                OnDrop(|| {
                    linger(1);
                    dropped.fetch_add(1, Ordering::SeqCst);
                })
            };
            let result = scope(|s| {
                let (capture, result) = (slow(), slow());
                s.spawn("worker", "drops slowly", move |_| {
                    let _capture = capture;
                    Ok(result)
                })?;
                Ok(())
            });
            assert!(result.is_ok());
            assert_eq!(dropped.load(Ordering::SeqCst), 2);
        }
    });
}

#[test]
fn x3_done_is_told_after_the_captures_are_dropped() {
    // catches: `done`, `is_finished` or `join` that come before the captures' drop
    within(|| {
        let result = scope(|s| {
            for how in 0..3 {
                let dropped = Arc::new(AtomicUsize::new(0));
                let count = dropped.clone();
                let capture = OnDrop(move || {
                    linger(5);
                    count.fetch_add(1, Ordering::SeqCst);
                });
                let worker = s.spawn("worker", "drops slowly", move |_| {
                    let _unused = &capture;
                    Ok(())
                })?;
                match how {
                    0 => eventually("it is finished", || worker.is_finished()),
                    1 => assert!(worker.done().recv().is_err()),
                    _ => worker.join()?,
                }
                assert_eq!(dropped.load(Ordering::SeqCst), 1, "by way {how}");
            }
            Ok(())
        });
        result.unwrap();
    });
}

// X4: one join error that ends the wait for the rest.

#[test]
fn x4_every_order_of_failures_waits_for_all() {
    // catches: a `?` in the join loop: the first, a middle or the last one fails or panics
    within(|| {
        for bad in 0..6_usize {
            let lender = Lender::new();
            let result: Result<(), _> = scope(|s| {
                let mut handles = Vec::new();
                for i in 0..3 {
                    let slow = lingering(&lender);
                    handles.push(s.spawn(format!("worker-{i}"), "may fail", move |cx| {
                        if i != bad % 3 {
                            return slow(cx);
                        }
                        if bad < 3 { Err(boom("it fails")) } else { panic!("it panics") }
                    })?);
                }
                for handle in handles {
                    match handle.join() {
                        Err(JoinError::Stopped(_)) => {}
                        other => other?,
                    }
                }
                Ok(())
            });
            lender.assert_unused();
            assert_eq!(result.unwrap_err().failures().len(), 1, "number {bad}");
        }
    });
}

// X5: a guard object leaked with mem::forget.

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

// X6: the last worker wakes the owner through freed memory.

#[test]
fn x6_what_a_dying_thread_touches_outlives_the_scope() {
    // catches: a latch or signal in the scope's own frame; the frame is overwritten at once
    fn one_scope(round: u64) -> u64 {
        let sum = AtomicU64::new(0);
        let result = scope(|s| {
            for i in 0..3 {
                let sum = &sum;
                s.spawn("short", "adds", move |_| {
                    sum.fetch_add(round + i, Ordering::Relaxed);
                    Ok(())
                })?;
            }
            Ok(())
        });
        assert!(result.is_ok());
        sum.into_inner()
    }
    #[inline(never)]
    fn overwrite_the_stack(with: u8) -> u64 {
        let waste = std::hint::black_box([with; 16 * 1024]);
        waste.iter().map(|b| u64::from(*b)).sum()
    }
    within(|| {
        for round in 0..1000 {
            assert_eq!(one_scope(round), 3 * round + 3);
            assert!(overwrite_the_stack(0xDD) > 0);
        }
    });
}

#[test]
fn x6_what_outlives_the_scope_is_usable_and_stopped() {
    // catches: contexts, stoppers and signals that point into the ended scope
    within(|| {
        let (send, kept) = unbounded();
        let result = scope(|s| {
            let to = send.clone();
            s.spawn("worker", "gives its context away", move |cx| Ok(to.send(cx.clone())?))?;
            send.send(s.context().clone())?;
            Ok((s.stopper(), s.stop_signal().clone()))
        });
        let (stopper, signal) = result.unwrap();
        assert!(stopper.is_stopping() && disconnected(&signal));
        stopper.stop();
        drop(send);
        for cx in kept {
            assert!(cx.is_stopping() && disconnected(cx.stop_signal()));
            assert!(cx.sleep(NEVER).is_err() && cx.spawn("late", "is refused", |_| Ok(())).is_err());
            assert!(cx.service("late", "is refused", |_| Ok(())).is_err());
            assert!(cx.group("late").is_err() && !cx.path().is_empty());
        }
    });
}

// X7: a closure's own references count as live a little longer than its body.

#[test]
fn x7_the_owner_reuses_what_was_borrowed_at_once() {
    // catches: a closure or result that is still on a worker's stack when the owner goes on
    within(|| {
        for round in 0..500_u64 {
            let mut data = vec![round; 8];
            let mut handed = vec![round; 8];
            let result = scope(|s| {
                let (borrowed, returned) = (&mut data, &mut handed);
                s.spawn("borrows", "through its captures", move |_| {
                    borrowed.iter_mut().for_each(|n| *n += 1);
                    Ok(())
                })?;
                s.spawn("returns", "through its result", move |_| Ok(returned))?;
                Ok(())
            });
            assert!(result.is_ok());
            data.iter_mut().for_each(|n| *n += 1);
            handed.iter_mut().for_each(|n| *n += 1);
            assert!(data.iter().all(|n| *n == round + 2) && handed.iter().all(|n| *n == round + 1));
        }
    });
}

#[test]
fn x7_a_capture_looks_at_what_it_borrows_when_it_is_dropped() {
    // catches: captures dropped after the scope returned
    struct Looks<'a>(&'a AtomicU64);
    impl Drop for Looks<'_> {
        fn drop(&mut self) {
            linger(1);
            assert_eq!(self.0.swap(2, Ordering::SeqCst), 1, "dropped after the end");
        }
    }
    within(|| {
        for _ in 0..50 {
            let state = AtomicU64::new(1);
            let result = scope(|s| {
                let looks = Looks(&state);
                s.spawn("worker", "drops its capture", move |_| {
                    let _unused = &looks;
                    Ok(())
                })?;
                Ok(())
            });
            assert!(result.is_ok());
            assert_eq!(state.swap(3, Ordering::SeqCst), 2);
        }
    });
}
