//! S7: the stop wins over data, but for a drain.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::{Duration, Instant};

use crate::common::*;
use crossbeam_channel::unbounded;
use homebound::{WaitError, scope};

#[test]
fn s7_stop_wins_over_data_except_in_drain() {
    // catches: recv or iter that hand out data after the stop; drain that loses some
    within(|| {
        let result = scope(|s| {
            let cx = s.context();
            let (to, queue) = unbounded();
            (0..100).try_for_each(|n| to.send(n))?;
            assert_eq!(cx.drain(&queue).take(10).last(), Some(9));
            s.stop();
            for _ in 0..20 {
                assert!(matches!(cx.recv(&queue), Err(WaitError::Stopped(_))));
                assert!(matches!(cx.recv_timeout(&queue, NEVER), Err(WaitError::Stopped(_))));
                assert_eq!(cx.iter(&queue).next(), None);
                assert!(cx.sleep(Duration::ZERO).is_err() && cx.sleep_until(Instant::now()).is_err());
            }
            assert_eq!(cx.drain(&queue).collect::<Vec<_>>(), (10..100).collect::<Vec<_>>());
            to.send(100)?;
            assert_eq!(cx.drain(&queue).next(), Some(100), "what came later is drained too");
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s7_what_was_sent_before_the_stop_is_drained() {
    // catches: a drain that wakes for the stop and leaves what came just before it
    within(|| {
        for round in 0..300_u32 {
            let result = scope(|s| {
                let (to, queue) = unbounded();
                let drainer = s.spawn("drains", "waits for both", move |cx| Ok(cx.drain(&queue).count()))?;
                (0..round % 20 * 50).for_each(|_| std::hint::spin_loop());
                to.send(())?;
                s.stop();
                let drained = drainer.join()?;
                drop(to);
                Ok(assert_eq!(drained, 1, "in round {round}"))
            });
            result.unwrap();
        }
    });
}

#[test]
fn s7_an_overdue_drain_ends_though_there_is_data() {
    // catches: a drain that a busy sender keeps alive past the grace
    within(|| {
        let result = scope(|s| {
            let (to, queue) = unbounded();
            to.send(0)?;
            s.spawn("drains", "refills what it drains", move |cx| {
                cx.drain(&queue).for_each(|n| to.send(n + 1).unwrap());
                assert!(cx.is_overdue() && !queue.is_empty());
                Ok(())
            })?;
            s.shutdown(Duration::from_millis(50));
            Ok(())
        });
        result.unwrap();
    });
}
