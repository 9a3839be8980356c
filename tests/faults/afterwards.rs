//! What hangs when all threads are home: the program's `Drop`, `Display` and subscriber, and a
//! stderr that nobody reads. The process ends all the same (P7).

use std::cell::RefCell;
use std::fmt;
use std::process::Termination;
use std::time::Duration;

use homebound::registry::Registry;
use homebound::{BoxError, Exit, Result, Scope};

use crate::common::subscriber::Told;
use crate::common::*;

/// Hangs where its name says.
#[derive(Debug)]
struct Hangs(&'static str);

impl Hangs {
    fn here(&self, place: &str) {
        if self.0 == place {
            say("hangs");
            std::thread::park_timeout(NEVER);
        }
    }
}

impl fmt::Display for Hangs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.here("display");
        f.write_str("an error that takes its time")
    }
}

impl std::error::Error for Hangs {}

impl Drop for Hangs {
    fn drop(&mut self) {
        self.here("drop");
    }
}

fn root() -> Registry {
    Registry::new("afterwards").grace(Duration::from_millis(300)).kill_after(Duration::from_millis(200))
}

/// Ends by the failure of a worker; the body has returned its value before.
fn fails_with<T>(error: impl Into<BoxError> + Send + 'static, value: T) -> Exit<T> {
    root().run(|s: &Scope<'_, '_>| {
        s.spawn("worker", "fails", move |_| -> Result { Err(error.into()) })?;
        s.context().wait_for_stop();
        Ok(value)
    })
}

fn what_hangs(what: &str) -> i32 {
    match what {
        "value" => i32::from(fails_with("boom", Hangs("drop")).code()),
        "display" => i32::from(fails_with(Hangs("display"), ()).code()),
        _ => {
            let subscriber = Told::new(|line: &str| {
                if line.contains("unwinding") {
                    Hangs("subscriber").here("subscriber");
                }
            });
            tracing::subscriber::set_global_default(subscriber).unwrap();
            let exit: Exit<()> = root().run(|s| {
                s.defer("second", || Err(boom("it fails as well")));
                panic!("the body fails");
            });
            i32::from(exit.code())
        }
    }
}

#[test]
fn what_is_run_of_the_program_after_the_last_join_may_hang() {
    // catches: a Drop, a Display or a subscriber that is called when nobody watches any more
    for what in ["value", "display", "subscriber"] {
        let done = in_child(what, what_hangs);
        assert!(done.code == Some(70) && done.out.contains("<hangs>"), "{what}: {done:#?}");
    }
}

#[test]
fn the_errors_of_an_exit_that_main_returns_are_not_dropped() {
    // catches: the Drop of an error when nobody watches any more
    let done = in_child("", |_| {
        let exit = fails_with(Hangs("drop"), ());
        assert_eq!(exit.code(), 1);
        assert_eq!(format!("{:?}", exit.report()), format!("{:?}", std::process::ExitCode::from(1)));
        1
    });
    assert!(done.code == Some(1) && done.err.contains("an error that takes its time"), "{done:#?}");
}

#[test]
fn a_failure_is_printed_to_a_stderr_that_nobody_reads() {
    // catches: std's lock, and a write that blocks, after the last watching thread is gone
    let done = in_child("", |_| {
        fill_stderr();
        std::mem::forget(std::io::stderr().lock());
        let _code = fails_with("boom", ()).report();
        9
    });
    assert_eq!(done.code, Some(9), "{done:#?}");
}

#[test]
fn the_last_words_of_a_scope_that_is_settled_say_who_came_home() {
    // catches: a report that is empty as soon as the books are closed
    fn scenario(_: &str) -> i32 {
        thread_local!(static LAST: RefCell<Option<Hangs>> = const { RefCell::new(None) });
        let exit = root().run(|s| {
            s.service("codec", "keeps a handle per thread", |cx| {
                LAST.set(Some(Hangs("drop")));
                cx.wait_for_stop();
                Ok(())
            })?;
            s.service("clock", "ends well", until_stopped)?;
            Ok(())
        });
        i32::from(exit.code())
    }
    let done = in_child("", scenario);
    assert_eq!(done.code, Some(70), "{done:#?}");
    for part in ["2 total, 2 joined", "/afterwards/codec", "/afterwards/clock", "on its way out"] {
        assert!(done.err.contains(part), "no {part:?}: {done:#?}");
    }
}

#[test]
fn the_defaults_fit_into_the_ten_seconds_that_a_container_has() {
    // catches: a grace that SIGKILL cuts short, before the deferred functions and before anything
    // is said
    fn scenario(what: &str) -> i32 {
        let limit = if what == "late" { 4_500 } else { 60_000 };
        let exit = Registry::new("container").run(|s| {
            s.defer("put away", || Ok(say("deferred")));
            say("ready");
            s.context().wait_for_stop();
            Ok(linger(limit))
        });
        i32::from(exit.code())
    }
    // A busy machine may be too slow for either, but not each time.
    for (what, code, deferred) in [("late", Some(0), true), ("deaf", Some(70), false)] {
        eventually(what, || {
            let mut child = child(what, scenario);
            child.until("ready").signal(libc::SIGTERM);
            let done = child.finish();
            assert!(deferred || done.err.contains("threads are not home"), "{done:#?}");
            (done.code, done.out.contains("<deferred>")) == (code, deferred)
                && done.took < Duration::from_secs(10)
        });
    }
}
