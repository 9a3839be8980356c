//! JO4 to JO6: the waits of a set, and what they cost and show.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{shared, waits_of};
use crate::common::*;
use crossbeam_channel::unbounded;
use homebound::{Handle, JoinError, JoinSet, Result, StopReason, WaitError, scope};

const SOON: Duration = Duration::from_millis(20);

#[test]
fn jo4_a_stop_ends_next_and_nothing_is_lost() {
    // catches: a wait that is deaf; an end that goes with the stopped wait
    within(|| {
        let ended = AtomicUsize::new(0);
        let error = scope(|s| {
            let cx = s.context();
            let (open, closed) = gate();
            let mut set = JoinSet::new();
            set.spawn(s, "deaf", "ends when it may", move |_| Ok(pass(&closed)))?;
            s.spawn("stopper", "stops the scope when the body waits", move |_| {
                waits_of(s, "(body)", "next");
                Ok(s.stop())
            })?;
            let stopped = set.next(cx).expect_err("it was stopped");
            assert!(matches!(set.next_timeout(cx, NEVER), Err(WaitError::Stopped(_))));
            assert_eq!(set.len(), 1);
            drop(open);
            cx.shield(NEVER, |cx| {
                set.next(cx)?.expect("it is there").1?;
                Ok::<_, homebound::BoxError>(ended.fetch_add(1, Ordering::SeqCst))
            })?;
            Err(stopped.into())
        })
        .map(drop::<()>)
        .unwrap_err();
        assert!(error.stop_reason().is_some(), "{error}");
        assert_eq!(ended.into_inner(), 1);
    });
}

#[test]
fn jo4_the_stop_wins_over_an_end_that_is_there() {
    // catches: a `next` that keeps a stopped loop going
    in_scope(|s| {
        let mut set = JoinSet::new();
        set.spawn(s, "ended", "ends at once", |_| Ok(()))?;
        while !s.active_threads().is_empty() {
            linger(1);
        }
        s.stop();
        assert!(set.next(s.context()).is_err());
        Ok(assert_eq!(set.len(), 1))
    });
}

#[test]
fn jo4_next_timeout_ends_in_time_and_keeps_the_set() {
    // catches: a time-out that takes an end along
    in_scope(|s| {
        let cx = s.context();
        let mut set = JoinSet::new();
        let (open, closed) = gate();
        let id = set.spawn(s, "late", "ends when it may", move |_| Ok(pass(&closed)))?;
        assert!(matches!(set.next_timeout(cx, SOON), Err(WaitError::TimedOut)));
        let deadline = cx.with_deadline(Instant::now() + SOON, |cx| set.next(cx).map(drop));
        assert!(matches!(deadline.expect_err("it is over").reason(), StopReason::Deadline));
        drop(open);
        Ok(assert_eq!(set.next(cx)?.expect("one").0, id))
    });
}

#[test]
fn jo5_join_all_returns_values_in_the_order_of_the_spawns() {
    // catches: values in the order of the ends; a value that was taken before
    in_scope(|s| {
        let cx = s.context();
        assert_eq!(JoinSet::<u8>::new().join_all(cx)?, [0_u8; 0]);
        let (mut set, mut gates) = (JoinSet::new(), Vec::new());
        for number in 0..6 {
            let (open, closed) = gate();
            gates.push(open);
            set.spawn(s, "member", "ends when it may", move |_| {
                pass(&closed);
                Ok(number)
            })?;
        }
        let taken = gates.remove(3);
        drop(taken);
        assert_eq!(set.next(cx)?.expect("one").1?, 3);
        s.spawn("opener", "lets them go, the last first", move |_| {
            while let Some(open) = gates.pop() {
                drop(open);
                linger(1);
            }
            Ok(())
        })?;
        Ok(assert_eq!(set.join_all(cx)?, [0, 1, 2, 4, 5]))
    });
}

#[test]
fn jo5_the_first_failure_stops_the_rest_and_the_rest_has_ended() {
    // catches: a `join_all` that waits for a thread which only a stop ends; one that returns while
    // members run; a second failure that is lost
    within(|| {
        let error = scope(|s| {
            let cx = s.context();
            let mut set = JoinSet::new();
            let home = Arc::new(AtomicUsize::new(0));
            for _ in 0..3 {
                let home = Arc::clone(&home);
                set.spawn(s, "rest", "waits for the stop", move |cx| -> Result {
                    cx.wait_for_stop();
                    linger(20);
                    home.fetch_add(1, Ordering::SeqCst);
                    Ok(cx.checkpoint()?)
                })?;
            }
            set.spawn(s, "second", "fails when it is told to stop", |cx| {
                cx.wait_for_stop();
                Err(boom("could not clean up"))
            })?;
            set.spawn(s, "first", "fails", |_| Err(boom("no paper")))?;
            let failed = set.join_all(cx).expect_err("one has failed");
            let JoinError::Failed(failure) = &failed else { panic!("{failed:?}") };
            assert_eq!(failure.name(), "first");
            assert_eq!(home.load(Ordering::SeqCst), 3);
            Ok(assert!(!s.is_stopping()))
        })
        .unwrap_err();
        let failed: Vec<_> = error.failures().iter().map(|failure| failure.name().to_owned()).collect();
        assert_eq!(failed, ["second"], "the first was returned");
    });
}

#[test]
fn jo5_join_all_hears_the_stop() {
    // catches: a `join_all` that waits for deaf members after the stop
    within(|| {
        let error = scope(|s| {
            let (open, closed) = gate();
            let mut set = JoinSet::new();
            set.spawn(s, "deaf", "ends when it may", move |_| Ok(pass(&closed)))?;
            s.spawn("stopper", "stops the scope when the body waits", move |_| {
                waits_of(s, "(body)", "next");
                Ok(s.stop())
            })?;
            let joined = set.join_all(s.context());
            drop(open);
            Ok(joined.map(drop)?)
        })
        .unwrap_err();
        assert!(error.stop_reason().is_some(), "{error}");
    });
}

#[test]
fn jo6_a_next_is_seen_and_says_for_how_many() {
    // catches: a wait that the dump does not show, or without its line
    in_scope(|s| {
        let mut set = JoinSet::new();
        let (first, one) = gate();
        let (second, two) = gate();
        for (name, closed) in [("a", one), ("b", two)] {
            set.spawn(s, name, "ends when it may", move |_| Ok(pass(&closed)))?;
        }
        let (tell, told) = unbounded();
        s.spawn("observer", "looks, then opens", move |_| {
            let row = waits_of(s, "(body)", "next");
            tell.send((row.waits_for_first_of, s.dump_status()))?;
            drop(first);
            eventually("the wait for the last", || waits_of(s, "(body)", "next").waits_for.len() == 1);
            tell.send((None, s.dump_status()))?;
            Ok(drop(second))
        })?;
        let line = line!() + 1;
        while let Some((_, result)) = set.next(s.context())? {
            result?;
        }
        let at = format!("at {}:{line}", file!());
        let (count, both) = told.recv()?;
        assert_eq!(count, Some(2));
        assert!(both.contains(&format!("waits: next of 2 threads {at}")), "{both}");
        let (_, last) = told.recv()?;
        assert!(last.contains("waits: next of /") && last.contains(&format!("/b {at}")), "{last}");
        Ok(())
    });
}

#[test]
fn jo6_a_last_member_that_waits_for_the_caller_is_refused() {
    // catches: two threads that wait for each other for ever
    type Slot<'s> = Arc<Mutex<Option<Handle<'s, ()>>>>;
    for member_first in [true, false] {
        in_scope(move |s| {
            let owner: Slot<'_> = Slot::default();
            let (open, closed) = gate();
            let (mine, tell) = (owner.clone(), unbounded());
            let (say, heard) = tell;
            let handle = s.spawn("owner", "has a set", move |cx| {
                let mut set = JoinSet::new();
                let told = say.clone();
                set.spawn(s, "member", "joins the owner of its set", move |_| {
                    pass(&closed);
                    if !member_first {
                        waits_of(s, "owner", "next");
                    }
                    let owner = mine.lock().unwrap().take().expect("given");
                    Ok(told.send(("member", owner.join().is_err()))?)
                })?;
                if member_first {
                    waits_of(s, "member", "join");
                }
                let (_, result) = set.next(cx)?.expect("one");
                say.send(("owner", matches!(result, Err(JoinError::WouldDeadlock { .. }))))?;
                Ok(assert!(set.next(cx)?.is_none(), "it has left the set"))
            })?;
            let done = handle.done().clone();
            *owner.lock().unwrap() = Some(handle);
            drop(open);
            assert!(done.recv().is_err());
            // The later of the two. A wait is seen a moment before it is entered, so it may be
            // either.
            Ok(assert_eq!(heard.try_iter().filter(|(_, refused)| *refused).count(), 1))
        });
    }
}

#[test]
fn jo6_ten_thousand_ends_cost_the_same_each() {
    // catches: a `next` that looks at all members
    within(|| {
        let cost = |count: usize| {
            scope(|s| {
                let mut set = JoinSet::new();
                for _ in 0..count {
                    set.spawn(s, "short", "ends at once", |_| Ok(()))?;
                }
                while !s.active_threads().is_empty() {
                    linger(1);
                }
                let before = thread_time();
                while set.next(s.context())?.is_some() {}
                Ok(thread_time() - before)
            })
            .unwrap()
        };
        let (few, many) = (cost(1_000), cost(16_000));
        assert!(many < few * 16 * 6, "1,000 ends: {few:?}, 16,000: {many:?}");
    });
}

#[test]
fn jo6_a_set_crosses_threads_and_is_shown() {
    // catches: a set that cannot be a field of a struct that another thread owns
    in_scope(|s| {
        let mut set = JoinSet::default();
        set.spawn(s, "one", "returns 1", |_| Ok(1))?;
        assert_eq!(format!("{set:?}"), "JoinSet { members: 1, .. }");
        let other = s.spawn("other", "takes the ends", move |cx| Ok(set.join_all(cx)?))?;
        assert_eq!(other.join()?, [1]);
        Ok(shared(&JoinSet::<()>::new()))
    });
}
