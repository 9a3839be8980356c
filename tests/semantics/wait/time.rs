//! `sleep`, `ticks` and timed joins keep their times.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::{Duration, Instant};

use super::SOON;
use crate::common::*;
use homebound::JoinError;

#[test]
fn sleep_lasts_as_long_as_it_says() {
    // catches: early wake-ups, a past instant that blocks
    in_scope(|s| {
        let (cx, start) = (s.context(), Instant::now());
        cx.sleep(SOON)?;
        assert!(start.elapsed() >= SOON);
        let until = Instant::now() + SOON;
        cx.sleep_until(until)?;
        assert!(Instant::now() >= until);
        cx.sleep_until(start)?;
        Ok(cx.sleep(Duration::ZERO)?)
    });
}

#[test]
fn sleep_for_ever_does_not_overflow() {
    // catches: Instant + Duration::MAX
    in_scope(|s| {
        let (_keep, never) = gate();
        let sleeper = s.spawn("sleeper", "sleeps for ever", |cx| Ok(cx.sleep(Duration::MAX)?))?;
        let waiter =
            s.spawn("waiter", "waits for ever", move |cx| Ok(cx.recv_timeout(&never, Duration::MAX)?))?;
        let ticker = s.spawn("ticker", "never ticks", |cx| Ok(cx.ticks(Duration::MAX).count()))?;
        linger(3);
        s.stop();
        assert!(matches!(sleeper.join(), Err(JoinError::Stopped(_))));
        assert!(matches!(waiter.join(), Err(JoinError::Stopped(_))));
        assert_eq!(ticker.join()?, 0);
        Ok(())
    });
}

#[test]
fn ticks_come_after_a_period_without_drift_and_missed_ones_merge() {
    // catches: a first tick at once, drift by the work's time, a burst after a pause
    in_scope(|s| {
        let period = Duration::from_millis(30);
        let start = Instant::now();
        let mut ticks = s.context().ticks(period);
        let first = ticks.next().expect("not stopped");
        assert!(first >= start + period && start.elapsed() >= period);
        linger(10);
        let second = ticks.next().expect("not stopped");
        // Not how many: on a busy machine, some may have been missed.
        assert_eq!((second - first).as_nanos() % period.as_nanos(), 0, "work does not shift them");
        linger(100);
        let after_pause = ticks.next().expect("not stopped");
        let next = ticks.next().expect("not stopped");
        assert!(after_pause >= second + period && next > after_pause);
        let whole = (next - first).as_nanos() % period.as_nanos();
        assert_eq!(whole, 0, "on the grid after a pause");
        assert!(next - second >= Duration::from_millis(100), "missed ticks come as one");
        Ok(())
    });
}

#[test]
fn a_timed_join_takes_its_time_and_gives_the_handle_back() {
    // catches: a join with a limit that gives up at once, or that does not come back at its limit
    in_scope(|s| {
        let (open, gate) = gate();
        let patient = s.spawn("patient", "ends when it may", move |_| Ok(pass(&gate)))?;
        let start = Instant::now();
        let patient = patient.join_timeout(SOON).expect_err("not yet");
        assert!(start.elapsed() >= SOON, "after {:?}", start.elapsed());
        drop(open);
        Ok(patient.join_timeout(LIMIT).expect("it may end")?)
    });
}
