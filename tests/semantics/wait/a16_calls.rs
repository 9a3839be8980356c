//! A16: deadlines of waits and joins, the end of an iteration, questions to a handle.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::{Duration, Instant};

use super::SOON;
use crate::common::*;
use crossbeam_channel::unbounded;
use homebound::{Ended, WaitError, scope};

#[test]
fn a16_who_iterates_is_told_how_it_ended() {
    // catches: half of a list that is taken for the whole
    within(|| {
        let result = scope(|s| {
            let cx = s.context();
            let (give, take) = unbounded();
            let mut iter = cx.iter(&take);
            assert_eq!(iter.ended(), None);
            give.send(1)?;
            assert_eq!((iter.next(), iter.ended()), (Some(1), None));
            drop(give);
            assert_eq!((iter.next(), iter.ended()), (None, Some(Ended::Disconnected)));
            let mut drain = cx.drain(&take);
            assert_eq!((drain.next(), drain.ended()), (None, Some(Ended::Disconnected)));
            let (give, take) = unbounded();
            give.send(2)?;
            s.stop();
            let mut iter = cx.iter(&take);
            assert_eq!((iter.next(), iter.ended()), (None, Some(Ended::Stopped)));
            let mut drain = cx.drain(&take);
            assert_eq!((drain.next(), drain.ended()), (Some(2), None));
            assert_eq!((drain.next(), drain.ended()), (None, Some(Ended::Stopped)));
            let mut ticks = cx.ticks(NEVER);
            assert_eq!((ticks.next(), ticks.ended()), (None, Some(Ended::Stopped)));
            Ok(())
        });
        result.unwrap();
        let (seen, told) = unbounded();
        let result = scope(|s| {
            let (give, take) = unbounded();
            give.send(1)?;
            s.spawn("late", "has more than it can do in its time", move |cx| {
                cx.wait_for_stop();
                while !cx.is_overdue() {
                    std::thread::yield_now();
                }
                let mut drain = cx.drain(&take);
                Ok(seen.send((drain.next(), drain.ended()))?)
            })?;
            Ok(drop(s.shutdown(Duration::ZERO)))
        });
        result.unwrap();
        assert_eq!(told.recv(), Ok((None, Some(Ended::Overdue))));
    });
}

#[test]
fn a16_a_deadline_ends_a_wait_and_gives_a_handle_back() {
    // catches: a deadline in the past that waits, or that does not look first
    within(|| {
        in_scope(|s| {
            let (give, take) = unbounded();
            let cx = s.context();
            let past = Instant::now();
            assert!(matches!(cx.recv_deadline::<u8>(&take, past), Err(WaitError::TimedOut)));
            give.send(3)?;
            assert_eq!(cx.recv_deadline(&take, past)?, 3);
            assert!(matches!(cx.recv_deadline(&take, Instant::now() + SOON), Err(WaitError::TimedOut)));
            let (hold, held) = gate();
            let worker = s.spawn("worker", "is held", move |_| Ok(pass(&held)))?;
            let worker = worker.join_deadline(Instant::now() + SOON).expect_err("it is held");
            let worker = worker.join_deadline(past).expect_err("it is held");
            drop(hold);
            worker.done().recv().unwrap_err();
            Ok(worker.join_deadline(past).expect("it has ended")?)
        });
    });
}

#[test]
fn a16_a_handle_can_be_asked_stopped_from_elsewhere_and_told_of() {
    // catches: a result that is taken twice; a stopper of a thread that stops its scope; a callback
    // before the result is there
    within(|| {
        in_scope(|s| {
            let (told, tell) = unbounded();
            let mut worker = s.spawn("worker", "waits for its stop", |cx| Ok(drop(cx.wait_for_stop())))?;
            assert!(worker.try_join().is_none());
            let done = worker.done().clone();
            let ended = told.clone();
            let _guard = worker.on_done(move || ended.send(disconnected(&done)).unwrap());
            let forgotten = told.clone();
            drop(worker.on_done(move || forgotten.send(false).unwrap()));
            let stopper = worker.stopper();
            stopper.stop();
            assert!(stopper.is_stopping() && !s.is_stopping());
            assert_eq!(tell.recv(), Ok(true), "it has ended when it is told");
            worker.try_join().expect("it is ready")?;
            assert!(worker.try_join().is_none());
            let late = worker.on_done(move || told.send(true).unwrap());
            assert_eq!(tell.recv(), Ok(true), "at once");
            Ok(drop((late, assert!(tell.try_recv().is_err()))))
        });
    });
}

#[test]
fn a16_a_panic_in_a_callback_of_an_end_is_a_failure_of_the_scope() {
    // catches: a callback that takes its thread's end along, or is lost
    within(|| {
        let result = scope(|s| {
            let (hold, held) = gate();
            let worker = s.spawn("worker", "is held", move |_| Ok(pass(&held)))?;
            std::mem::forget(worker.on_done(|| panic!("no")));
            drop(hold);
            Ok(worker.join()?)
        });
        assert_eq!(result.unwrap_err().failures().len(), 1);
    });
}
