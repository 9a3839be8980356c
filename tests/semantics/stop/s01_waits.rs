//! S1: every wait ends at a stop, again and again.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use crate::common::*;
use crossbeam_channel::unbounded;
use homebound::{JoinError, scope};

#[test]
fn s1_every_wait_returns_at_once_again_and_again_after_a_stop() {
    // catches: a stop that is consumed by the first wait that sees it
    within(|| {
        let result = scope(|s| {
            s.stop();
            for (kind, wait) in every_wait() {
                for _ in 0..3 {
                    assert!(wait(s.context()).is_err(), "{kind}");
                }
            }
            Ok(())
        });
        assert!(result.is_ok());
    });
}

#[test]
fn s1_every_wait_that_blocks_is_ended_by_a_stop() {
    // catches: a kind of wait that the stop does not wake
    within(|| {
        for (kind, wait) in every_wait() {
            let result = scope(|s| {
                let waiting = s.spawn(kind, "waits", wait)?;
                linger(3);
                s.stop();
                assert!(matches!(waiting.join(), Err(JoinError::Stopped(_))), "{kind}");
                Ok(())
            });
            assert!(result.is_ok(), "{kind}: {result:?}");
        }
    });
}

#[test]
fn s1_an_ended_threads_node_is_closed_and_its_callbacks_are_dropped_unrun() {
    // catches: a context that says "go on" for a thread that is gone; a callback run by mistake
    within(|| {
        let (ran, runs) = unbounded::<()>();
        let result = scope(|s| {
            let worker = s.spawn("short", "leaves a context behind", move |cx| {
                std::mem::forget(cx.on_stop(move || ran.send(()).unwrap()));
                Ok(cx.clone())
            })?;
            let cx = worker.join()?;
            assert!(cx.is_stopping() && disconnected(cx.stop_signal()) && cx.sleep(NEVER).is_err());
            assert!(!s.is_stopping(), "the end of a thread stops nobody else");
            Ok(())
        });
        assert!(result.is_ok());
        assert!(disconnected(&runs), "the callback was run, or is still kept");
    });
}
