//! R4: how each thread ended, and where the report is found.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::Duration;

use super::{adds_up, some_threads};
use crate::common::*;
use homebound::registry;
use homebound::{Context, Ending, Result, StopReason, scope};

#[test]
fn r4_each_row_says_how_its_thread_ended() {
    // catches: endings that are mixed up; a time without a stop; a wrong spawn site
    within(|| {
        let result = scope(|s| {
            let finish = |cx: &Context| {
                cx.wait_for_stop();
                linger(5);
                Ok(())
            };
            let line = line!() + 1;
            s.spawn("finished", "ends well", finish)?;
            s.spawn("stopped", "ends as stopped", until_stopped)?;
            s.thread("failed", "fails").isolated().spawn(move |cx| -> Result {
                finish(cx)?;
                Err(boom("no"))
            })?;
            s.thread("panicked", "panics").isolated().spawn(move |cx| -> Result {
                finish(cx)?;
                panic!("no")
            })?;
            let report = s.shutdown(NEVER);
            let row = |name: &str| report.threads.iter().find(|t| t.name == name).expect("a row");
            let endings = [
                ("finished", Ending::Finished),
                ("stopped", Ending::Stopped),
                ("failed", Ending::Failed),
                ("panicked", Ending::Panicked),
            ];
            for (name, ending) in endings {
                let row = row(name);
                assert_eq!(row.ending, ending, "{report}");
                assert!(row.path.ends_with(name) && !row.purpose.is_empty());
                assert!(row.after_stop.is_some_and(|after| after < LIMIT), "{report}");
                assert!(report.to_string().contains(name));
            }
            assert!(row("finished").after_stop >= Some(Duration::from_millis(5)));
            assert_eq!(row("finished").spawned_from.line(), line);
            adds_up(&report);
            Ok(())
        });
        assert_eq!(result.unwrap_err().failures().len(), 2);
    });
}

#[test]
fn a_scopes_error_holds_its_report() {
    // catches: an error that says why but not what became of the threads
    within(|| {
        let result: Result<(), _> = scope(|s| {
            some_threads(s)?;
            Err(boom("the body gives up"))
        });
        let error = result.unwrap_err();
        let report = error.report();
        assert_eq!((report.total, report.joined), (5, 5), "{report}");
        adds_up(report);
    });
}

#[test]
fn the_exit_holds_the_report_of_a_stop_and_of_a_normal_end() {
    // catches: a report without reason after a stop, or with one after a normal end
    child_passes(|_| {
        let stopped = registry::run(|s| {
            some_threads(s)?;
            s.stopper().stop_because("enough");
            Ok(())
        });
        assert_eq!(stopped.shutdown.reason, Some(StopReason::Custom("enough".into())));
        assert_eq!((stopped.shutdown.total, stopped.shutdown.joined), (5, 5), "{}", stopped.shutdown);
        adds_up(&stopped.shutdown);
        let normal = registry::run(|s| Ok(drop(s.service("service", "waits", until_stopped)?)));
        assert!(normal.shutdown.reason.is_none(), "{}", normal.shutdown);
        adds_up(&normal.shutdown);
        i32::from(stopped.code() + normal.code())
    });
}
