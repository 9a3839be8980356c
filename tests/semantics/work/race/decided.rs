//! RA1, RA3, RA4: the first success, delayed entrants, quorums.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::Mutex;
use std::time::{Duration, Instant};

use homebound::{Context, Race, RaceError, StopReason, scope};

use super::slow;
use crate::common::*;

const SOON: Duration = Duration::from_millis(20);

#[test]
fn ra1_the_first_success_wins_and_the_losers_are_home_before_it_is_returned() {
    // catches: an answer that is returned while a loser still uses what it has borrowed
    within(|| {
        let (log, lender) = (Log::new(), Lender::new());
        scope(|s| {
            let local = String::from("the answer");
            let loser = || {
                let (log, loan) = (log.clone(), lender.lend());
                move |cx: &Context| {
                    let reason = cx.wait_for_stop();
                    linger(10);
                    loan.touch();
                    log.add(format!("{}: {reason}", cx.name()));
                    slow(cx)
                }
            };
            let race = Race::new()
                .add("a", "hears the end", loser())
                .add("b", "knows it", |_| Ok(&*local))
                .add("c", "hears the end", loser());
            assert_eq!(s.race("answers", race)?, "the answer");
            lender.assert_unused();
            assert!(s.active_threads().is_empty(), "all of them are home");
            let mut said = log.all();
            said.sort();
            assert_eq!(said, ["a: the race is over", "c: the race is over"]);
            Ok(assert!(!s.is_stopping()))
        })
        .unwrap();
    });
}

#[test]
fn ra1_a_loser_that_succeeds_as_well_loses_its_value() {
    // catches: a value that is leaked, or the later of two successes
    in_scope(|s| {
        let log = Log::new();
        let (first, second) = (log.clone(), log.clone());
        let race = Race::new()
            .add("first", "succeeds", move |_| {
                Ok(OnDrop(Box::new(move || first.add("first")) as Box<dyn FnMut() + Send>))
            })
            .add("second", "succeeds in spite of the stop", move |cx| {
                cx.wait_for_stop();
                Ok(OnDrop(Box::new(move || second.add("second")) as Box<dyn FnMut() + Send>))
            });
        let winner = s.race("two", race)?;
        assert_eq!(log.all(), ["second"]);
        drop(winner);
        Ok(assert_eq!(log.all(), ["second", "first"]))
    });
}

#[test]
fn ra1_a_thread_that_an_entrant_has_spawned_is_stopped_with_the_race() {
    // catches: a race that waits for ever, because a body that returns `Ok` stops no worker
    in_scope(|s| {
        let race = Race::new().add("parent", "spawns a sibling", |cx| {
            cx.spawn("sibling", "goes on until it is told", |cx| Ok(drop(cx.wait_for_stop())))?;
            Ok(1)
        });
        Ok(assert_eq!(s.race("one", race)?, 1))
    });
}

#[test]
fn ra3_a_delayed_entrant_is_started_in_time_and_one_that_is_not_needed_never() {
    // catches: a hedge that is started at once, or a third thread for a race that is over
    in_scope(|s| {
        let (log, began) = (Log::new(), Instant::now());
        let (third, dropped) = (log.clone(), log.clone());
        let bomb = OnDrop(move || dropped.add("dropped"));
        let race = Race::new()
            .add("first", "is slow", slow)
            .add_after(SOON, "second", "hedges", |_| Ok(began.elapsed()))
            .add_after(NEVER, "third", "comes too late", move |_| {
                drop(bomb);
                third.add("third");
                Ok(Duration::ZERO)
            });
        let began_after = s.race("hedge", race)?;
        assert!(began_after >= SOON, "{began_after:?}");
        Ok(assert_eq!(log.all(), ["dropped"], "its closure was dropped, and did not run"))
    });
}

#[test]
fn ra3_each_failure_starts_the_next_that_waits_early() {
    // catches: a race that waits for a delay though nobody runs, and two starts for one failure
    in_scope(|s| {
        let order = Mutex::new(Vec::new());
        let entrant = |name: &'static str, wins: bool| {
            let order = &order;
            move |_: &Context| {
                order.lock().unwrap().push(name);
                if wins { Ok(name) } else { Err(boom("no")) }
            }
        };
        let race = Race::new()
            .add_after(2 * NEVER, "d", "never starts", entrant("d", true))
            .add_after(NEVER, "b", "starts when a has failed", entrant("b", false))
            .add("a", "fails", entrant("a", false))
            .add_after(NEVER, "c", "starts when b has failed", entrant("c", true));
        assert_eq!(s.race("relay", race)?, "c");
        Ok(assert_eq!(order.into_inner().unwrap(), ["a", "b", "c"]))
    });
}

#[test]
fn ra4_a_quorum_returns_its_values_in_the_order_of_the_successes() {
    // catches: the order of the entrants, or one success too many
    in_scope(|s| {
        let lives = |name: &str| s.active_threads().iter().any(|thread| thread.name == name);
        let race = Race::new().add("three", "succeeds first", |_| Ok(3)).add("two", "is slow", slow).add(
            "one",
            "succeeds when three is home",
            |_| {
                eventually("three is home", || !lives("three"));
                linger(10);
                Ok(1)
            },
        );
        Ok(assert_eq!(s.quorum("votes", 2, race)?, [3, 1]))
    });
}

#[test]
fn ra4_odd_numbers_are_decided_at_once_without_a_thread() {
    // catches: a quorum of none that waits for one, and a race that starts what cannot win
    in_scope(|s| {
        let started = Mutex::new(0);
        let race = || Race::new().add("one", "would succeed", |_| Ok(*started.lock().unwrap() += 1));
        assert!(s.quorum("none", 0, race())?.is_empty());
        assert!(s.quorum("none", 0, Race::<()>::new())?.is_empty());
        assert!(matches!(s.race("nobody", Race::<()>::new()), Err(RaceError::Empty)));
        assert!(matches!(s.quorum("nobody", 2, Race::<()>::new()), Err(RaceError::Empty)));
        let error = s.quorum("two", 2, race()).unwrap_err();
        assert!(matches!(&error, RaceError::TooFew { wanted: 2, failures } if failures.is_empty()));
        Ok(assert_eq!(*started.lock().unwrap(), 0))
    });
}

#[test]
fn ra4_a_quorum_that_cannot_be_reached_ends_at_once() {
    // catches: a wait for a voter that sleeps, though its vote changes nothing
    in_scope(|s| {
        let heard = Mutex::new(None);
        let race = Race::new()
            .add("one", "fails", |_| Err(boom("first")))
            .add("two", "fails", |_| panic!("second"))
            .add("three", "sleeps", |cx| {
                *heard.lock().unwrap() = Some(cx.wait_for_stop());
                slow::<u8>(cx)
            });
        let error = s.quorum("votes", 2, race).unwrap_err();
        let RaceError::TooFew { wanted: 2, failures } = &error else { panic!("{error}") };
        assert_eq!(failures.len(), 2, "{error}");
        assert!(matches!(heard.into_inner().unwrap(), Some(StopReason::Custom(_))));
        Ok(assert!(!s.is_stopping()))
    });
}

#[test]
fn ra4_all_of_all_is_a_quorum_too() {
    // catches: a race that ends before the last success
    in_scope(|s| {
        let mut race = Race::new();
        for number in 0..20 {
            race = race.add(format!("n{number}"), "returns its number", move |_| Ok(number));
        }
        let mut all = s.quorum("all", 20, race)?;
        all.sort_unstable();
        Ok(assert_eq!(all, Vec::from_iter(0..20)))
    });
}
