//! RE7: what a service that is not ready looks like.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::Duration;

use homebound::{Ending, Role, StartError, ThreadState, scope_named};

use super::{SOON, status};
use crate::common::*;

#[test]
fn re7_until_it_is_ready_it_is_shown_as_starting_with_its_wait() {
    // catches: a view that shows the wait, and not that nobody can use the service yet
    within(|| {
        let (open, gate) = gate();
        scope_named("app", |s| {
            let watcher = s.spawn("watcher", "looks at the others", move |cx| {
                let look = || status(s, "web").filter(|row| row.wait.is_some());
                let starts = || s.dump_status().contains("waits: start of ");
                eventually("both wait", || look().is_some() && starts());
                let (row, dump) = (look().expect("it is there"), s.dump_status());
                assert_eq!(row.state, ThreadState::Starting);
                assert!(row.starting_for.is_some() && row.waiting_for.is_some());
                assert_eq!(row.wait.map(|wait| wait.what), Some("recv"));
                let line = dump.lines().find(|line| line.contains("serves pages")).expect("its line");
                assert!(line.contains("starting (not ready) for "), "{dump}");
                assert!(line.contains("waits: recv at ") && line.contains("shown.rs:"), "{dump}");
                assert!(dump.contains("waits: start of /app/web at "), "{dump}");
                let body = s.snapshot().root.threads.into_iter().find(|row| row.role == Role::Body);
                let edges = body.expect("the body").waits_for;
                assert_eq!(edges.first().map(|edge| &*edge.path), Some("/app/web"));
                drop(open);
                Ok(drop(cx.checkpoint()))
            })?;
            let (_web, ()) = s.thread("web", "serves pages").start(NEVER, move |cx, ready| {
                let _open = cx.recv(&gate);
                Ok(ready.set(()))
            })?;
            watcher.join()?;
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn re7_left_behind_it_is_shown_as_starting_in_dump_and_report() {
    // catches: a deaf service that is reported like any other, so that nobody sees why it is there
    in_scope(|s| {
        let (open, gate) = gate();
        let started = s.thread("deaf", "is never ready").start(SOON, move |_, ready| {
            pass(&gate);
            Ok(ready.set(()))
        });
        assert!(matches!(started, Err(StartError::TimedOut { .. })), "{started:?}");
        let row = status(s, "deaf").expect("it is there");
        assert!(row.state == ThreadState::Starting && row.starting_for >= Some(SOON), "{row:?}");
        assert!(s.dump_status().contains("starting (not ready) for "));
        let report = s.shutdown(Duration::ZERO);
        let row = report.threads.iter().find(|row| row.name == "deaf").expect("its row");
        assert!(row.starting_for >= Some(SOON) && row.ending == Ending::Overdue, "{report}");
        assert!(report.to_string().contains("starting (not ready) for "), "{report}");
        drop(open);
        let report = s.shutdown(NEVER);
        let row = report.threads.iter().find(|row| row.name == "deaf").expect("its row");
        Ok(assert_eq!(row.starting_for, None, "{report}"))
    });
}
