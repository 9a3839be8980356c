//! Owns what tokio's tests of `JoinSet` (`tokio/tests/task_join_set.rs`) ask of a set of tasks.
//! Refuses detached tasks: a thread of a set is its scope's until it is home.

use std::collections::HashSet;

use crossbeam_channel::bounded;
use homebound::{JoinError, JoinSet, Result};

use crate::common::*;

#[test]
fn each_end_comes_once_and_the_set_can_be_filled_again() {
    // from: test_with_sleep; pins JO1
    in_scope(|s| {
        let mut set = JoinSet::new();
        for _ in 0..2 {
            for n in 0..10_u64 {
                set.spawn(s, "sleeper", "sleeps for a while", move |_| {
                    linger(n % 3);
                    Ok(n)
                })?;
            }
            assert_eq!(set.len(), 10);
            let mut seen = HashSet::new();
            while let Some((_, end)) = set.next(s.context())? {
                assert!(seen.insert(end?));
            }
            assert_eq!(seen.len(), 10);
            assert!(set.is_empty() && set.next(s.context())?.is_none());
        }
        Ok(())
    });
}

#[test]
fn a_set_that_is_dropped_stops_its_members() {
    // from: test_abort_on_drop, spawn_then_drop; pins JO3
    in_scope(|s| {
        let mut set = JoinSet::new();
        let (ended, ends) = bounded(16);
        for _ in 0..16 {
            let ended = ended.clone();
            set.spawn(s, "waiter", "waits", move |cx| {
                cx.wait_for_stop();
                Ok(ended.send(())?)
            })?;
        }
        drop((set, ended));
        Ok(assert_eq!(ends.iter().count(), 16))
    });
}

#[test]
fn a_new_member_for_each_end() {
    // from: alternating; pins JO1
    in_scope(|s| {
        let mut set = JoinSet::new();
        for _ in 0..2 {
            set.spawn(s, "quick", "ends", |_| Ok(()))?;
        }
        for _ in 0..16 {
            let (_, end) = set.next(s.context())?.expect("two are there");
            end?;
            assert_eq!(set.len(), 1);
            set.spawn(s, "quick", "ends", |_| Ok(()))?;
            assert_eq!(set.len(), 2);
        }
        Ok(set.join_all(s.context()).map(drop)?)
    });
}

#[test]
fn after_stop_all_each_end_is_still_told() {
    // from: abort_all, abort_tasks; pins JO3
    in_scope(|s| {
        let mut set = JoinSet::new();
        for _ in 0..5 {
            set.spawn(s, "waiter", "waits", |cx| Ok(cx.sleep(NEVER)?))?;
            set.spawn(s, "quick", "ends", |_| Ok(()))?;
        }
        eventually("the quick ones are home", || s.snapshot().root.threads.len() <= 6);
        set.stop_all();
        assert_eq!(set.len(), 10);
        let (mut done, mut stopped) = (0, 0);
        while let Some((_, end)) = set.next(s.context())? {
            match end {
                Ok(()) => done += 1,
                Err(JoinError::Stopped(_)) => stopped += 1,
                Err(error) => panic!("{error}"),
            }
        }
        Ok(assert_eq!((done + stopped, stopped >= 5), (10, true)))
    });
}

#[test]
fn all_at_once_come_in_the_order_of_the_spawns() {
    // from: join_all; pins JO5
    in_scope(|s| {
        let mut set = JoinSet::new();
        for n in [20, 10, 0] {
            set.spawn(s, "sleeper", "sleeps", move |_| {
                linger(n);
                Ok(n)
            })?;
        }
        Ok(assert_eq!(set.join_all(s.context())?, [20, 10, 0]))
    });
}

#[test]
fn a_panic_ends_the_wait_for_all_and_stops_the_rest() {
    // from: task_panics; pins JO5
    in_scope(|s| {
        let mut set = JoinSet::new();
        set.spawn(s, "waiter", "waits", |cx| Ok(cx.sleep(NEVER)?))?;
        set.spawn(s, "panics", "panics", |_| -> Result { panic!("no ink") })?;
        let Err(JoinError::Failed(failure)) = set.join_all(s.context()) else { panic!("it panicked") };
        assert!(failure.to_string().contains("no ink"));
        Ok(assert!(!s.is_stopping()))
    });
}

#[test]
fn a_thousand_ends_are_all_told() {
    // from: join_set_coop, try_join_next; pins JO1
    in_scope(|s| {
        let pool = s.pool("many", "ends at once").threads(2).queue(1_000).start()?;
        let mut set = JoinSet::new();
        let ids = (0..1_000).map(|n| set.submit(&pool, s.context(), move |_| Ok(n)));
        let spawned = ids.collect::<Result<HashSet<_>, _>>()?;
        let (mut joined, mut sum) = (HashSet::new(), 0);
        while let Some((id, end)) = set.next(s.context())? {
            joined.insert(id);
            sum += end?;
        }
        assert_eq!(joined, spawned);
        Ok(assert_eq!(sum, 499_500))
    });
}
