//! Owns single sentences of the text of a dump: dates, ages, the number from which on rows are one,
//! the lists of names.
//! Refuses to look at the order of the rows: `culprit` does.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use homebound::{Result, Scope, scope, scope_named};

use crate::common::{eventually, gate, linger, pass, until_stopped, within};

/// A scope of threads with these names, each of which waits for its turn; and its dump.
fn dump_of(names: &'static [&'static str], check: fn(&Scope<'_, '_>, &str)) {
    within(move || {
        let result = scope_named("s", |s| -> Result {
            let (open, gate) = gate();
            for name in names {
                let gate = gate.clone();
                s.spawn(*name, "waits", move |cx| Ok(cx.waiting("its turn", || pass(&gate))))?;
            }
            eventually("they wait", || {
                s.snapshot().root.threads.iter().filter(|row| row.wait.is_some()).count() >= names.len()
            });
            check(s, &s.dump_status());
            Ok(drop(open))
        });
        result.unwrap();
    });
}

#[test]
fn tx1_the_date_is_that_of_the_calendar() {
    // catches: a leap day, the end of a year, a century that is no leap year
    let dates = [
        (0, "1970-01-01 00:00:00 UTC"),
        (951_782_399, "2000-02-28 23:59:59 UTC"),
        (951_782_400, "2000-02-29 00:00:00 UTC"),
        (1_735_689_599, "2024-12-31 23:59:59 UTC"),
        (1_735_689_600, "2025-01-01 00:00:00 UTC"),
        (4_107_542_399, "2100-02-28 23:59:59 UTC"),
        (4_107_542_400, "2100-03-01 00:00:00 UTC"),
    ];
    let mut snapshot = scope(|s| Ok(s.snapshot())).unwrap();
    for (seconds, text) in dates {
        snapshot.taken_at = UNIX_EPOCH + Duration::from_secs(seconds);
        let dump = snapshot.to_string();
        assert!(dump.lines().next().is_some_and(|line| line.contains(text)), "{text}: {dump}");
    }
}

#[test]
fn tx1_ages_are_those_of_the_moment_of_the_snapshot() {
    // catches: an age that grows while a dump is kept; a wait that is older than its thread
    within(|| {
        let result = scope(|s| {
            s.service("clock", "waits to be told", until_stopped)?;
            let mut snapshot = s.snapshot();
            let row = snapshot.root.threads.iter_mut().find(|row| row.name == "clock").expect("a row");
            row.spawned_at =
                Instant::now().checked_sub(Duration::from_secs(10)).expect("the machine is up for that long");
            snapshot.taken_at = SystemTime::now();
            linger(1_100);
            let text = snapshot.to_string();
            Ok(assert!(text.contains("spawned 10.0"), "{text}"))
        });
        result.unwrap();
    });
}

#[test]
fn tx3_three_rows_stay_as_they_are_and_four_are_one() {
    // catches: a limit that is off by one
    dump_of(&["a-1", "a-2", "a-3"], |_, dump| {
        assert!(!dump.contains(" alike") && dump.matches("  (worker: waits)").count() == 3, "{dump}");
    });
    dump_of(&["a-1", "a-2", "a-3", "a-4"], |_, dump| {
        assert!(
            dump.contains("4 alike: its turn at ") && dump.matches("  (worker: waits)").count() == 1,
            "{dump}"
        );
        assert!(dump.contains("a-1 (") && dump.contains("a-4 ("), "a few are named: {dump}");
    });
}

#[test]
fn tx3_rows_that_differ_in_what_the_threads_do_are_not_one() {
    // catches: rows put together by the line of their spawn alone
    within(|| {
        let result = scope(|s| -> Result {
            let (open, gate) = gate();
            for n in 0..8 {
                let (gate, what) = (gate.clone(), if n % 2 == 0 { "its turn" } else { "another" });
                s.spawn(format!("d-{n}"), "waits", move |cx| Ok(cx.waiting(what, || pass(&gate))))?;
            }
            let waits = || s.snapshot().root.threads.iter().filter(|row| row.wait.is_some()).count();
            eventually("they wait", || waits() >= 8);
            let dump = s.dump_status();
            assert!(
                dump.contains("4 alike: its turn at ") && dump.contains("4 alike: another at "),
                "{dump}"
            );
            Ok(drop(open))
        });
        result.unwrap();
    });
}

#[test]
fn tx3_a_row_for_many_has_the_first_names_and_the_last_and_the_range_of_the_times() {
    // catches: all names of a crowd, or none; the time of one thread as that of all
    const NAMES: [&str; 9] = ["b-1", "b-2", "b-3", "b-4", "b-5", "b-6", "b-7", "b-8", "b-9"];
    dump_of(&NAMES, |s, dump| {
        assert!(dump.contains("9 alike: "), "{dump}");
        let names = dump.lines().find(|line| line.contains("b-1 (")).expect("the names");
        for shown in ["b-1 (", ", b-2 (", ", b-3 (", ", .. b-9 ("] {
            assert!(names.contains(shown), "{shown}: {dump}");
        }
        assert!(!names.contains("b-4"), "{dump}");
        let mut snapshot = s.snapshot();
        for (row, seconds) in snapshot.root.threads.iter_mut().filter(|row| row.wait.is_some()).zip(2..) {
            row.waiting_for = Some(Duration::from_secs(seconds));
        }
        let dump = snapshot.to_string();
        assert!(dump.contains(", for 2.00 s to 10.00 s"), "{dump}");
    });
}

#[test]
fn tx3_in_a_crowd_threads_are_alike_although_their_purposes_differ() {
    // catches: 10,000 rows because each thread tells of its own peer
    for (count, is_one) in [(60, false), (70, true)] {
        within(move || {
            let result = scope(|s| -> Result {
                let (open, gate) = gate();
                for n in 0..count {
                    let gate = gate.clone();
                    s.spawn(format!("c-{n}"), format!("peer {n}"), move |cx| {
                        Ok(cx.waiting("its turn", || pass(&gate)))
                    })?;
                }
                let waits = || s.snapshot().root.threads.iter().filter(|row| row.wait.is_some()).count();
                eventually("they wait", || waits() >= count);
                let dump = s.dump_status();
                assert_eq!(dump.contains(&format!("{count} alike: ")), is_one, "{dump}");
                assert_eq!(dump.contains(" and the like"), is_one, "{dump}");
                Ok(drop(open))
            });
            result.unwrap();
        });
    }
}

#[test]
fn tx3_children_are_never_one_row() {
    // catches: a child process that is counted and not named
    within(|| {
        let result = scope(|s| {
            let mut children = Vec::new();
            for n in 0..5 {
                let mut sleep = Command::new("sleep");
                sleep.arg("1000");
                children.push(s.process(format!("sleep-{n}"), "sleeps", sleep).spawn()?);
            }
            let dump = s.dump_status();
            assert_eq!(dump.matches("  (process: sleeps)  pid ").count(), 5, "{dump}");
            Ok(s.stop())
        });
        drop(result);
    });
}

#[test]
fn tx2_of_a_full_queue_the_thread_that_waits_longest_comes_first() {
    // catches: an order by chance, or by the spawns
    within(|| {
        let result = scope_named("s", |s| -> Result {
            let (send, _full) = homebound::channel::bounded::<u32>(0);
            for name in ["first", "second"] {
                let send = send.clone();
                s.spawn(name, "hands over", move |cx| Ok(cx.send(&send, 1)?))?;
            }
            eventually("they wait", || {
                s.snapshot().root.threads.iter().filter(|row| row.wait.is_some()).count() >= 2
            });
            let mut snapshot = s.snapshot();
            for (place, row) in snapshot.root.threads.iter_mut().filter(|row| row.wait.is_some()).enumerate()
            {
                row.waiting_for = Some(Duration::from_secs(2 + place as u64));
            }
            let dump = snapshot.to_string();
            let at = |what: &str| dump.find(what).unwrap_or_else(|| panic!("no {what}: {dump}"));
            assert!(at("/s/second  (worker") < at("/s/first  (worker"), "{dump}");
            Ok(s.stop())
        });
        drop(result);
    });
}

#[test]
fn tx10_the_end_of_a_scope_names_three_of_the_threads_that_it_waits_for() {
    // catches: four names as if they were all
    within(|| {
        let result = scope(|s| -> Result {
            let (open, gate) = gate();
            s.spawn("outer", "opens a scope", move |cx| {
                Ok(cx.subscope("inner", |inner| {
                    for name in ["a", "b", "c", "d"] {
                        let gate = gate.clone();
                        inner.spawn(name, "waits", move |_| Ok(pass(&gate)))?;
                    }
                    Ok(())
                })?)
            })?;
            eventually("it waits", || s.dump_status().contains("waits: the threads of its scope"));
            let dump = s.dump_status();
            assert!(dump.contains("(4: a, b, c, ..)"), "{dump}");
            Ok(drop(open))
        });
        result.unwrap();
    });
}
