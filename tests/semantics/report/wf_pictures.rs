//! WF2, WF3: which threads are links of the chain, and what a bar and the table of a page say of
//! single threads.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::Duration;

use super::wf_waterfall::{chain, named, shut, slow};
use crate::common::{NEVER, eventually, linger, within};
use homebound::status::Delayed;
use homebound::{Ending, ShutdownReport, scope_named};

/// The report of services that need this many milliseconds each, one after the other.
fn report(services: &'static [(&'static str, u64)]) -> ShutdownReport {
    within(move || {
        let shut = scope_named("app", |s| {
            for (name, ms) in services {
                s.service(*name, "needs its time", |cx| {
                    cx.wait_for_stop();
                    Ok(linger(*ms))
                })?;
            }
            Ok(s.shutdown(NEVER))
        });
        shut.unwrap()
    })
}

/// The characters of the bar of this label.
#[track_caller]
fn bar(report: &ShutdownReport, label: &str) -> String {
    let text = report.waterfall().to_string();
    let line = text.lines().find(|line| line.starts_with(label)).unwrap_or_else(|| panic!("{text}"));
    line.split('|').nth(1).expect("a bar").to_owned()
}

#[test]
fn wf3_a_thread_that_is_spawned_during_the_stop_has_a_bar_from_then_on() {
    // catches: a bar from the stop on, of a thread that was not there
    let report = within(|| {
        let shut = scope_named("app", |s| {
            s.spawn("saver", "saves at the stop", |cx| {
                cx.wait_for_stop();
                linger(100);
                let saved = cx.shield(NEVER, |cx| {
                    cx.subscope("save", |inner| {
                        inner.spawn("part", "saves a part", |_| Ok(linger(100)))?;
                        Ok(())
                    })
                });
                Ok(saved?)
            })?;
            Ok(s.shutdown(NEVER))
        });
        shut.unwrap()
    });
    let (saver, part) = (bar(&report, "saver "), bar(&report, "saver/save/part "));
    assert!(saver.starts_with('='), "{saver}");
    assert!(part.starts_with("       ") && part.contains("======"), "{part}");
}

#[test]
fn wf3_a_service_that_was_not_told_has_no_bar() {
    // catches: a thread that is shown as late, or as home, although nothing was asked of it
    let mut report = report(&[("log", 5)]);
    let row = &mut report.threads[0];
    (row.ending, row.told, row.ended, row.overdue) = (Ending::NotTold, None, None, None);
    let bar = bar(&report, "log ");
    assert!(!bar.contains(['=', '#', '>']), "{bar}");
    assert!(report.waterfall().to_string().contains("not told yet"), "{}", report.waterfall());
    assert!(!report.waterfall().to_svg().contains("class=\"o\" x="), "no red bar");
}

#[test]
fn wf3_a_bar_of_many_is_open_if_one_of_them_is_not_home() {
    // catches: a crowd that looks home because its first thread is
    let mut report = within(|| {
        let shut = scope_named("app", |s| {
            for n in 0..200 {
                s.spawn(format!("worker-{n}"), "is one of many", |cx| Ok(drop(cx.wait_for_stop())))?;
            }
            Ok(s.shutdown(NEVER))
        });
        shut.unwrap()
    });
    // The last one home is in the chain, and has a bar of its own.
    for row in &mut report.threads {
        row.ending = Ending::Overdue;
    }
    assert!(!bar(&report, "worker-*").contains('>'), "{}", report.waterfall());
    let duration = report.duration;
    report.duration = duration + Duration::from_secs(1);
    let home: Vec<_> = report.threads.iter().map(|row| row.ended).collect();
    let latest = home.iter().max().copied().flatten();
    let away = report.threads.iter_mut().filter(|row| row.ended != latest).take(2);
    away.for_each(|row| row.ended = None);
    assert!(bar(&report, "worker-*").ends_with('>'), "{}", report.waterfall());
}

#[test]
fn wf2_a_worker_that_only_woke_up_is_no_link_and_a_service_is_one() {
    // catches: links that delayed nothing; a turn that is left out; a bar without a mark
    // A busy machine may delay a thread that is home at once, but not each time.
    eventually("the quick ones are quick", || {
        let report = shut(|s| {
            s.service("slow", "needs its time", slow(400))?;
            s.service("quick", "is home at once", slow(0))?;
            s.spawn("worker", "is home at once", slow(0)).map(drop)?;
            Ok(())
        });
        let text = report.waterfall().to_string();
        let mut bars = text.lines().filter(|line| line.contains('|'));
        assert!(bars.all(|bar| bar.contains('=')), "{text}");
        chain(&report) == named([("slow", Delayed::End), ("quick", Delayed::Turn)])
    });
}

#[test]
fn wf3_a_link_of_the_chain_has_a_bar_of_its_own() {
    // catches: the thread that delayed the end in one bar with all that are alike
    let report = within(|| {
        let shut = scope_named("app", |s| {
            for n in 0..200 {
                s.spawn(format!("worker-{n}"), "is one of many", |cx| Ok(drop(cx.wait_for_stop())))?;
            }
            Ok(s.shutdown(NEVER))
        });
        shut.unwrap()
    });
    let picture = report.waterfall().to_string();
    let path = &report.critical_chain()[0].path;
    let own = |line: &str| line.contains('|') && line.split(' ').next() == path.rsplit('/').next();
    assert!(picture.lines().any(own), "{path} in {picture}");
}

#[test]
fn wf3_the_bar_of_the_rest_ends_as_the_last_of_them() {
    // catches: a bar of many that shows the end of the first, which may have ended otherwise
    let letters = move |n: u32| [n / 26, n % 26].map(|place| char::from_u32('a' as u32 + place).unwrap());
    let mut report = within(move || {
        let shut = scope_named("app", |s| {
            for n in 0..200 {
                // Names that differ in more than digits have no bar in common.
                let name: String = letters(n).into_iter().collect();
                s.spawn(name, "is one of many", |cx| Ok(drop(cx.wait_for_stop())))?;
            }
            Ok(s.shutdown(NEVER))
        });
        shut.unwrap()
    });
    // The last one home is in the chain, and has a bar of its own. The one before has the shortest
    // bar of all, and so is among the rest.
    let mut by_end: Vec<_> = report.threads.iter_mut().collect();
    by_end.sort_by_key(|row| std::cmp::Reverse(row.ended));
    let latest = by_end[0].ended;
    let last_of_rest = by_end.into_iter().find(|row| row.ended < latest).expect("another moment");
    (last_of_rest.told, last_of_rest.ending) = (last_of_rest.ended, Ending::Stopped);
    let picture = report.waterfall().to_string();
    let rest = picture.lines().find(|line| line.contains(" more ")).expect("a bar of the rest");
    assert!(rest.ends_with("stopped"), "{picture}");
}

#[test]
fn wf3_the_table_of_a_page_begins_with_the_slowest() {
    // catches: a table whose first rows, and perhaps its only ones, are those of no interest
    let page = report(&[("quick", 1), ("slow", 120), ("middle", 40)]).waterfall().to_html();
    let table = page.split("<tbody>").nth(1).expect("a table");
    let at =
        |name: &str| table.find(&format!("<td>{name}</td>")).unwrap_or_else(|| panic!("{name}: {table}"));
    assert!(at("slow") < at("middle") && at("middle") < at("quick"), "{table}");
}

#[test]
fn wf3_threads_of_which_the_report_has_no_row_are_counted() {
    // catches: 1,024 threads shown as all, where there were 3,000
    let report = within(|| {
        let shut = scope_named("app", |s| {
            for n in 0..3_000 {
                s.spawn(format!("worker-{n}"), "is one of many", |cx| Ok(drop(cx.wait_for_stop())))?;
            }
            Ok(s.shutdown(NEVER))
        });
        shut.unwrap()
    });
    let without = 3_000 - report.threads.len();
    assert!(report.total == 3_000 && without >= 1_000, "{without} without a row");
    let said =
        format!("{},{:03} threads that came home earlier have no row", without / 1_000, without % 1_000);
    let picture = report.waterfall();
    for text in [picture.to_string(), picture.to_svg(), picture.to_html()] {
        assert!(text.contains(&said), "{said}: {picture}");
    }
    // Orphaned threads are in the total, and never have a row among the threads.
    let mut few = self::report(&[("log", 1)]);
    (few.total, few.orphaned) = (few.total + 2, 2);
    assert!(!few.waterfall().to_string().contains("no row"), "{}", few.waterfall());
}

#[test]
fn wf3_a_slow_stop_is_shown_below_its_report() {
    // catches: no picture where it is needed, one below every report
    let quick = shut(|s| Ok(drop(s.service("clock", "ticks", slow(0))?)));
    assert!(!quick.to_string().contains("waterfall of"), "{quick}");
    let report = shut(|s| {
        for n in 0..30 {
            s.spawn(format!("worker-{n}"), "is quick", slow(0))?;
        }
        Ok(drop(s.service("clock", "is slow", slow(1_050))?))
    });
    let text = report.to_string();
    let (_, below) = text.split_once("waterfall of /app").expect("a picture");
    // On a busy machine the slowest of them is a link of the chain, with a bar of its own.
    let are_one = below.contains("worker-* x30") || below.contains("worker-* x29");
    assert!(are_one && below.contains("clock"), "{text}");
    assert!(below.lines().count() <= 20, "{text}");
    assert!(below.contains("critical chain, from the last one home back to the stop:"), "{text}");
}
