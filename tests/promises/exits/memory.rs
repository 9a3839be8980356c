//! The last thread to come home touches only memory that outlives the scope.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::atomic::{AtomicU64, Ordering};

use crate::common::*;
use crossbeam_channel::unbounded;
use homebound::scope;

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
