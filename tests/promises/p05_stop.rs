//! P5: a stop reaches the body, the workers and everything below them.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::Instant;

use crate::common::*;
use crossbeam_channel::unbounded;
use homebound::{Context, ThreadState, scope};

#[test]
fn p5_stop_reaches_body_workers_and_all_below_and_services_in_turn() {
    // catches: a stop that returns before every node is marked; a service told too early
    within(|| {
        let (known, contexts) = unbounded::<Context>();
        let (open, gate) = gate();
        let result = scope(|s| {
            let to_service = known.clone();
            s.service("clerk", "is told last", move |cx| {
                to_service.send(cx.clone())?;
                until_stopped(cx)
            })?;
            let clerk = contexts.recv()?;
            s.spawn("manager", "has threads below", move |cx| {
                known.send(cx.clone())?;
                scope(|below| {
                    known.send(below.context().clone())?;
                    let to = known.clone();
                    below.spawn("deep", "is far below", move |cx| {
                        to.send(cx.clone())?;
                        cx.with_deadline(Instant::now() + NEVER, |cx| {
                            to.send(cx.clone())?;
                            pass(&gate);
                            Ok(())
                        })
                    })?;
                    Ok(())
                })?;
                Ok(())
            })?;
            let told: Vec<Context> = contexts.iter().take(3).chain([s.context().clone()]).collect();
            assert!(told.iter().all(|cx| !cx.is_stopping()));
            s.stop();
            for cx in &told {
                assert!(cx.is_stopping() && disconnected(cx.stop_signal()), "{}", cx.path());
                assert!(cx.sleep(NEVER).is_err() && cx.checkpoint().is_err());
            }
            assert!(!clerk.is_stopping() && !disconnected(clerk.stop_signal()));
            drop(open);
            Ok(())
        });
        assert!(result.is_ok());
    });
}

#[test]
fn p5_many_who_wait_through_one_context_are_all_woken() {
    // catches: a wake-up of fewer than sleep on one node
    in_scope(|s| {
        for _ in 0..100 {
            let shared = s.context().clone();
            s.spawn("waits", "through the context of the body", move |_| {
                shared.wait_for_stop();
                Ok(shared.checkpoint()?)
            })?;
        }
        let waits = |thread: &homebound::ThreadStatus| matches!(thread.state, ThreadState::Waiting { .. });
        eventually("all wait", || s.active_threads().iter().filter(|thread| waits(thread)).count() == 100);
        s.stop();
        Ok(())
    });
}
