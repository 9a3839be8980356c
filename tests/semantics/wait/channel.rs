//! `recv`, `send`, `iter` and `drain`: data, disconnection, time-out.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::Instant;

use super::SOON;
use crate::common::*;
use crossbeam_channel::{bounded, unbounded};
use homebound::WaitError;

#[test]
fn recv_gives_data_disconnection_or_a_time_out() {
    // catches: an error in place of data that is there, a confusion of the three ends
    in_scope(|s| {
        let cx = s.context();
        let (to, queue) = unbounded();
        to.send(1)?;
        assert_eq!(cx.recv(&queue)?, 1);
        let start = Instant::now();
        assert!(matches!(cx.recv_timeout(&queue, SOON), Err(WaitError::TimedOut)));
        assert!(start.elapsed() >= SOON);
        s.spawn("late", "sends while it is waited for", move |_| {
            linger(10);
            to.send(2)?;
            to.send(3)?;
            Ok(())
        })?;
        assert_eq!((cx.recv(&queue)?, cx.recv_timeout(&queue, NEVER)?), (2, 3));
        assert!(matches!(cx.recv(&queue), Err(WaitError::Disconnected)));
        assert!(matches!(cx.recv_timeout(&queue, NEVER), Err(WaitError::Disconnected)));
        Ok(())
    });
}

#[test]
fn recv_on_a_dead_channel_still_gives_what_is_queued() {
    // catches: disconnection that wins over data
    in_scope(|s| {
        let (to, queue) = unbounded();
        (0..3).try_for_each(|n| to.send(n))?;
        drop(to);
        let cx = s.context();
        assert_eq!((cx.recv(&queue)?, cx.iter(&queue).collect::<Vec<_>>()), (0, vec![1, 2]));
        Ok(())
    });
}

#[test]
fn send_blocks_until_there_is_room() {
    // catches: a send that gives up, loses or reorders
    in_scope(|s| {
        let (to, queue) = bounded(1);
        let sender = s.spawn("sends", "through one place", move |cx| {
            for n in 0..100 {
                cx.send(&to, n)?;
            }
            Ok(())
        })?;
        assert_eq!(s.context().iter(&queue).collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
        Ok(sender.join()?)
    });
}

#[test]
fn send_through_a_rendezvous() {
    // catches: a send that needs a buffer
    in_scope(|s| {
        let (to, queue) = bounded(0);
        let receiver = s.spawn("receives", "meets the sender", move |cx| Ok(cx.recv(&queue)?))?;
        s.context().send(&to, 5)?;
        assert_eq!(receiver.join()?, 5);
        Ok(())
    });
}

#[test]
fn iter_and_drain_end_with_the_channel() {
    // catches: an iterator that waits for a stop though no sender is left
    in_scope(|s| {
        for drain in [false, true] {
            let (to, queue) = bounded(1);
            s.spawn("sends", "then hangs up", move |cx| {
                (0..50).try_for_each(|n| cx.send(&to, n).map_err(|e| e.cause))?;
                Ok(())
            })?;
            let cx = s.context();
            let sum: i32 = if drain { cx.drain(&queue).sum() } else { cx.iter(&queue).sum() };
            assert_eq!(sum, 1225);
        }
        Ok(())
    });
}
