//! RA7: what a race looks like, in the dump and in the log.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use crossbeam_channel::unbounded;
use homebound::{Race, scope_named};

use super::slow;
use crate::common::subscriber::Told;
use crate::common::*;

#[test]
fn ra7_the_dump_shows_entrants_by_name_and_the_callers_lines() {
    // catches: threads that were spawned at a line of the library, and a wait for nobody
    within(|| {
        scope_named("app", |s| {
            let (open, gate) = gate();
            s.spawn("watcher", "looks", move |_| {
                let shown = |dump: &str| {
                    dump.contains("near  (worker: asks the near mirror)")
                        && dump.contains("far  (worker: asks the far mirror)")
                        && dump.contains(
                            "waits: race /app/mirrors (2: near, far) at tests/semantics/work/race/shown.rs:",
                        )
                        && dump.contains("/app/mirrors  [open]")
                };
                eventually("the race is shown", || shown(&s.dump_status()));
                let dump = s.dump_status();
                let lines =
                    dump.lines().filter(|line| line.trim_start_matches(['│', ' ']).starts_with("spawned "));
                assert!(lines.into_iter().all(|line| line.contains("race/shown.rs:")), "{dump}");
                Ok(drop(open))
            })?;
            let race = Race::new()
                .add("near", "asks the near mirror", |cx| {
                    let _open = cx.recv(&gate);
                    Ok(1)
                })
                .add("far", "asks the far mirror", slow);
            Ok(assert_eq!(s.race("mirrors", race)?, 1))
        })
        .unwrap();
    });
}

#[test]
fn ra7_failures_of_entrants_are_warnings_and_a_slow_loser_is_named() {
    // catches: an error for what another one made up for, and a race that is slow for no reason
    child_passes(|_| {
        let (tell, told) = unbounded();
        let subscriber = Told::new(move |line: &str| drop(tell.send(line.to_owned())));
        tracing::subscriber::with_default(subscriber, || {
            scope_named("app", |s| {
                let race = Race::new()
                    .add("fails", "fails", |_| Err(boom("no route")))
                    .add_after(NEVER, "winner", "wins when the first has failed", |_| Ok(()))
                    .add("sleepy", "is slow to hear", |cx| {
                        cx.wait_for_stop();
                        linger(150);
                        Ok(())
                    });
                Ok(s.race("mirrors", race)?)
            })
            .unwrap();
        });
        let lines: Vec<String> = told.try_iter().collect();
        let count =
            |words: &[&str]| lines.iter().filter(|line| words.iter().all(|word| line.contains(word))).count();
        assert_eq!(count(&["event WARN", "/app/mirrors/fails", "no route"]), 1, "{lines:#?}");
        assert_eq!(count(&["event ERROR"]), 0, "{lines:#?}");
        assert_eq!(count(&["event DEBUG", "/app/mirrors/sleepy", "took="]), 1, "{lines:#?}");
        assert_eq!(count(&["took="]), 1, "only the slow one: {lines:#?}");
        0
    });
}
