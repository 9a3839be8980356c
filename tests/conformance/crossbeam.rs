//! Owns what crossbeam-channel's tests ask of selects, timers and disconnections, asked of stops
//! and waits.
//! Refuses to test the channels themselves.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{
    Receiver, RecvTimeoutError, TryRecvError, bounded, select, select_biased, unbounded,
};
use homebound::{Context, WaitError, scope};

use crate::common::*;

const SOON: Duration = Duration::from_millis(20);

#[test]
fn a_stop_is_ready_in_every_select_for_ever() {
    // from: select.rs, select_macro.rs; pins S1, S5
    in_scope(|s| {
        s.stop();
        let (_keep, never) = gate();
        for _ in 0..100 {
            let stopped = select! {
                recv(s.stop_signal()) -> message => message.is_err(),
                recv(never) -> _ => false,
                default => false,
            };
            assert!(stopped);
        }
        Ok(())
    });
}

#[test]
fn a_select_that_blocks_on_data_is_woken_by_the_stop() {
    // from: select.rs, select_macro.rs; pins P6, S5
    in_scope(|s| {
        let (_keep, never) = gate();
        let (ready, is_ready) = bounded(0);
        let selects = s.spawn("selects", "waits in a select", move |cx| {
            ready.send(())?;
            Ok(select! {
                recv(never) -> _ => "data",
                recv(cx.stop_signal()) -> message => if message.is_err() { "stop" } else { "message" },
            })
        })?;
        is_ready.recv()?;
        linger(3);
        s.stop();
        Ok(assert_eq!(selects.join()?, "stop"))
    });
}

#[test]
fn a_biased_select_prefers_the_stop_to_data() {
    // from: select.rs; pins S7
    in_scope(|s| {
        let (to, queue) = unbounded();
        (0..50).try_for_each(|n| to.send(n))?;
        s.stop();
        for _ in 0..50 {
            select_biased! {
                recv(s.stop_signal()) -> _ => {}
                recv(queue) -> message => panic!("took {message:?}"),
            }
        }
        Ok(assert_eq!(queue.len(), 50))
    });
}

#[test]
fn before_a_stop_its_signal_is_never_ready() {
    // from: never.rs; pins S5
    in_scope(|s| {
        let signal = s.stop_signal();
        assert_eq!(signal.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(signal.recv_timeout(SOON), Err(RecvTimeoutError::Timeout));
        assert!(signal.is_empty() && signal.try_iter().next().is_none());
        let (to, queue) = bounded(1);
        to.send(1)?;
        Ok(select! {
            recv(signal) -> message => panic!("{message:?}"),
            recv(queue) -> message => assert_eq!(message, Ok(1)),
        })
    });
}

#[test]
fn a_deadline_is_not_early_and_all_who_wait_for_it_are_told() {
    // from: after.rs; pins S10
    in_scope(|s| {
        let at = Instant::now() + SOON;
        s.context().with_deadline(at, |timed| {
            scope(|below| {
                for _ in 0..8 {
                    let waits = below.spawn("waits", "for the deadline", move |cx| {
                        assert!(cx.stop_signal().recv().is_err());
                        Ok(assert!(Instant::now() >= at, "too early"))
                    });
                    // On a busy machine it may come before all are there.
                    assert!(waits.is_ok() || Instant::now() >= at, "{waits:?}");
                }
                Ok(assert!(timed.stop_signal().recv().is_err() && Instant::now() >= at))
            })
        })?;
        Ok(assert!(!s.is_stopping()))
    });
}

#[test]
fn a_moment_that_has_passed_is_over_at_once() {
    // from: after.rs; pins S10
    in_scope(|s| {
        let past = Instant::now();
        s.context().sleep_until(past)?;
        s.context().sleep(Duration::ZERO)?;
        let (_keep, never) = gate();
        let timed_out = s.context().recv_timeout(&never, Duration::ZERO);
        assert!(matches!(timed_out, Err(WaitError::TimedOut)));
        s.context().with_deadline(past, |timed| {
            assert!(timed.is_stopping() && timed.checkpoint().is_err() && disconnected(timed.stop_signal()));
        });
        Ok(())
    });
}

#[test]
fn ticks_are_never_early_and_end_with_the_stop() {
    // from: tick.rs; pins S1, P6
    const PERIOD: Duration = Duration::from_millis(5);
    in_scope(|s| {
        let start = Instant::now();
        for (n, tick) in (1..=4).zip(s.context().ticks(PERIOD)) {
            assert!(tick >= start + PERIOD * n && Instant::now() >= tick);
        }
        let (first, ticked) = bounded(1);
        let counts = s.spawn("counts", "counts ticks until the stop", move |cx| {
            Ok(cx.ticks(PERIOD).inspect(|_| _ = first.try_send(())).count())
        })?;
        ticked.recv()?;
        s.stop();
        Ok(assert!(counts.join()? >= 1))
    });
}

#[test]
fn a_rendezvous_is_whole_or_did_not_happen() {
    // from: zero.rs; pins S6
    in_scope(|s| {
        let (to, from) = bounded::<u8>(0);
        let (ready, is_ready) = bounded(0);
        let sends = s.spawn("sends", "finds nobody", move |cx| {
            ready.send(())?;
            Ok(cx.send(&to, 7).map_err(|error| (error.value, error.cause)))
        })?;
        is_ready.recv()?;
        linger(3);
        s.stop();
        assert!(matches!(sends.join()?, Err((7, WaitError::Stopped(_)))));
        Ok(assert!(disconnected(&from), "nothing is left in it"))
    });
}

#[test]
fn between_many_no_message_is_lost_or_taken_twice() {
    // from: zero.rs; pins S6, S7
    const EACH: usize = 500;
    within(|| {
        for capacity in [0, 1, 16] {
            let taken: Vec<_> = (0..4 * EACH).map(|_| AtomicUsize::new(0)).collect();
            scope(|s| {
                let (to, from) = bounded(capacity);
                for first in 0..4 {
                    let to = to.clone();
                    s.spawn("sends", "sends its share", move |cx| {
                        (0..EACH).try_for_each(|n| cx.send(&to, first * EACH + n)).map_err(|e| e.cause.into())
                    })?;
                    let (from, taken) = (from.clone(), &taken);
                    s.spawn("takes", "takes what comes", move |cx| {
                        Ok(cx.iter(&from).for_each(|n| _ = taken[n].fetch_add(1, Ordering::Relaxed)))
                    })?;
                }
                Ok(())
            })
            .unwrap();
            assert!(taken.into_iter().all(|count| count.into_inner() == 1), "capacity {capacity}");
        }
    });
}

#[test]
fn a_dead_channel_is_told_apart_from_a_stop() {
    // from: zero.rs, select_macro.rs; pins S3
    in_scope(|s| {
        let (to, from) = bounded::<()>(0);
        let (ready, is_ready) = bounded(0);
        let receives = s.spawn("receives", "waits for a sender that goes", move |cx| {
            ready.send(())?;
            Ok(cx.recv(&from).unwrap_err())
        })?;
        is_ready.recv()?;
        linger(3);
        drop(to);
        assert!(matches!(receives.join()?, WaitError::Disconnected));
        let (to, from) = bounded::<()>(0);
        drop(to);
        s.stop();
        let cause = s.context().recv(&from).unwrap_err();
        Ok(assert!(matches!(cause, WaitError::Stopped(_)), "the stop comes first: {cause}"))
    });
}

#[test]
fn a_thread_local_destructor_may_wait_with_what_it_kept() {
    // from: thread_locals.rs; pins E7, S1
    struct Waits(Context, Receiver<()>, crossbeam_channel::Sender<bool>);
    impl Drop for Waits {
        fn drop(&mut self) {
            let stopped = select! {
                recv(self.0.stop_signal()) -> _ => self.0.sleep(NEVER).is_err() && self.0.recv(&self.1).is_err(),
                recv(self.1) -> _ => false,
            };
            let _ = self.2.send(stopped && homebound::current().is_none());
        }
    }
    thread_local!(static LAST: RefCell<Option<Waits>> = const { RefCell::new(None) });
    in_scope(|s| {
        let (_keep, never) = gate();
        let (tell, told) = bounded(1);
        s.thread("leaves", "leaves a thread-local that waits")
            .dedicated()
            .spawn(move |cx| Ok(LAST.set(Some(Waits(cx.clone(), never, tell)))))?;
        Ok(assert!(told.recv()?, "its thread has ended: nothing is left to wait for"))
    });
}
