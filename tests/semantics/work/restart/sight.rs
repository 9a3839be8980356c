//! What a person sees of a thread that restarts itself: dump, status, report, log.

use std::time::Duration;

use super::{again, at_once};
use crate::common::subscriber::Told;
use crate::common::*;
use homebound::status::ThreadState;
use homebound::{Restart, Result, Scope, ThreadStatus};

fn row(s: &Scope<'_, '_>, name: &str) -> ThreadStatus {
    all_threads(&s.snapshot()).into_iter().find(|thread| thread.name == name).expect("it is in the tree")
}

#[test]
fn rs7_the_dump_shows_runs_restarts_and_the_pause() {
    // catches: a pause that looks like any wait; a failure that is nowhere
    in_scope(|s| {
        let policy = Restart::on_failure().backoff(NEVER, NEVER);
        let feed =
            s.thread("feed", "reads").restart(policy).service(|_| -> Result { Err("a dead line")? })?;
        eventually("the pause", || row(s, "feed").pause_left.is_some());
        let status = row(s, "feed");
        assert_eq!((status.run, status.restarts), (2, 2));
        assert_eq!(status.last_failure.as_deref(), Some("a dead line"));
        assert!(status.pause_left > Some(NEVER - Duration::from_secs(600)));
        assert!(matches!(status.state, ThreadState::Waiting { what: "pause before run", .. }));
        let dump = s.snapshot().to_string();
        let line = dump.lines().find(|line| line.contains("feed")).unwrap();
        assert!(line.contains("waits: pause before run 3, ") && line.contains(" left at "), "{line}");
        assert!(line.ends_with("run 2, restarts 2, last failure: a dead line"), "{line}");
        assert!(line.contains(", 2 failures in a row (gives up at 10), last failed "), "{line}");
        assert_eq!((status.failures_in_row, status.gives_up_at, status.restarts_within), (2, Some(10), None));
        assert!(status.last_failed_ago < Some(NEVER));
        feed.stop();
        Ok(())
    });
}

#[test]
fn rs7_the_failure_inside_of_a_scope_is_shown_on_one_line() {
    // catches: a tree of many lines in the row and in the log, of which the first says nothing
    in_scope(|s| {
        let policy = Restart::on_failure().backoff(NEVER, NEVER);
        s.thread("feed", "reads").restart(policy).service(|cx| {
            cx.subscope("line", |line| {
                let socket = line.spawn("socket", "listens", |_| -> Result { Err("a dead line")? })?;
                Ok(socket.join()?)
            })?;
            Ok(())
        })?;
        eventually("the pause", || row(s, "feed").pause_left.is_some());
        let last = row(s, "feed").last_failure.expect("it has failed");
        assert!(last.ends_with("/feed/line/socket: a dead line") && !last.contains('\n'), "{last}");
        s.stop();
        Ok(())
    });
}

#[test]
fn rs7_the_dump_shows_the_restarts_of_the_period_and_those_that_are_allowed() {
    // catches: a storm that is about to be given up, and looks as one that may go on for ever; a
    // count of an old period
    in_scope(|s| {
        let minute = Duration::from_secs(60);
        for (name, period) in [("long", minute), ("short", Duration::from_millis(1))] {
            let policy = Restart::on_failure().no_backoff().intensity(3, period);
            s.thread(name, "reads")
                .restart(policy)
                .service(|cx| if cx.run_number() < 3 { again() } else { until_stopped(cx) })?;
        }
        let line = |name: &str| {
            eventually("the third run", || row(s, name).run == 3);
            let dump = s.snapshot().to_string();
            let line =
                dump.lines().find(|line| line.contains(name) && line.contains("  tid ")).map(str::to_owned);
            line.unwrap_or_else(|| panic!("{dump}"))
        };
        assert!(line("long").contains(", 2 of 3 restarts allowed within 1 min 00 s, last failed "));
        assert!(line("long").contains(", 2 failures in a row (gives up at 10), "));
        assert_eq!(row(s, "long").restarts_within, Some((2, 3, minute)));
        eventually("the period is over", || row(s, "short").last_failed_ago > Some(Duration::from_millis(1)));
        assert!(!line("short").contains("allowed within") && line("short").contains(", last failed "));
        s.stop();
        Ok(())
    });
}

#[test]
fn rs7_a_thread_that_works_again_shows_what_had_happened() {
    // catches: panics without text or place; rows that lose it at the end
    let error = within(|| {
        homebound::scope(|s| {
            let (ready, works) = gate();
            s.thread("feed", "reads").restart(at_once()).service(move |cx| match cx.run_number() {
                1 => again(),
                2 => panic!("a bug\nin two lines"),
                _ => {
                    ready.send(())?;
                    until_stopped(cx)
                }
            })?;
            pass(&works);
            let status = row(s, "feed");
            assert_eq!((status.run, status.restarts, status.pause_left), (3, 2, None));
            let text = status.last_failure.unwrap();
            assert!(text.starts_with("panicked at ") && text.ends_with(": a bug\nin two lines"), "{text}");
            let report = s.shutdown(NEVER);
            let row = &report.threads[0];
            assert_eq!((row.run, row.restarts), (3, 2));
            assert!(row.to_string().contains("run 3, restarts 2, last failure: panicked at "), "{row}");
            assert!(report.to_string().contains("a bug\\nin two lines"), "{report}");
            Ok(s.context().checkpoint()?)
        })
        .unwrap_err()
    });
    assert!(error.failures().is_empty());
}

#[test]
fn rs7_a_thread_that_runs_once_shows_nothing_of_it() {
    in_scope(|s| {
        s.service("clock", "ticks", until_stopped)?;
        let status = row(s, "clock");
        assert_eq!((status.run, status.restarts, status.last_failure), (1, 0, None));
        assert!(!s.snapshot().to_string().contains("restarts"));
        Ok(())
    });
}

#[test]
fn rs7_each_failed_run_is_logged_as_an_error_at_once() {
    // catches: a failure that is logged when the thread is over, or never; a log without the run
    fn logs(_: &str) -> i32 {
        let (tell, told) = homebound::channel::unbounded();
        let log = Told::new(move |line| tell.send(line.to_owned()).unwrap());
        let errors = move || told.try_iter().filter(|line| line.contains(" ERROR ")).collect::<Vec<_>>();
        tracing::subscriber::with_default(log, || {
            homebound::scope_named("app", |s| {
                let feed = s.thread("feed", "reads").restart(at_once());
                let lines = feed.spawn(move |cx| match cx.run_number() {
                    1 => Err("a dead line")?,
                    _ => Ok(errors()),
                })?;
                let lines = lines.join()?;
                assert_eq!(lines.len(), 1, "{lines:?}");
                for part in ["path=/app/feed", "run=1", "failure=a dead line"] {
                    assert!(lines[0].contains(part), "{lines:?}");
                }
                Ok(())
            })
        })
        .unwrap();
        0
    }
    child_passes(logs);
}
