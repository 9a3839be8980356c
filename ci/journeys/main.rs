//! The journeys of docs/JOURNEYS.md as programs, for ci/journeys.sh: `journeys spawn|stop|signal|panic`.

use std::process::{ExitCode, Termination};
use std::thread::sleep;
use std::time::Duration;

use homebound::registry::{Exit, Registry};
use homebound::{Result, channel, scope};

/// Long enough that each thread which is not measured has come to rest.
const REST: Duration = Duration::from_millis(500);

unsafe extern "C" {
    /// From here to `journey_end` each call of a function is noted (`calls.c`).
    safe fn journey_begin();
    safe fn journey_end();
}

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("spawn") => spawn(),
        Some("stop") => stop(),
        Some("signal") => return signal().report(),
        Some("panic") => panic(),
        _ => return ExitCode::FAILURE,
    }
    ExitCode::SUCCESS
}

/// From `spawn` to `join`, and until the OS thread rests.
fn spawn() {
    let ended = scope(|s| {
        journey_begin();
        let answer = s.spawn("worker", "answers", |_| Ok(42))?.join()?;
        sleep(REST);
        journey_end();
        assert_eq!(answer, 42);
        Ok(())
    });
    ended.expect("it ends well");
}

/// From `stop` until a blocked thread has left its wait.
fn stop() {
    let ended = scope(|s| {
        let (_to, from) = channel::unbounded::<()>();
        s.spawn("worker", "waits", move |cx| {
            let received = cx.recv(&from);
            sleep(REST * 3);
            Ok(received?)
        })?;
        sleep(REST);
        journey_begin();
        s.stop();
        sleep(REST);
        journey_end();
        Ok(())
    });
    ended.expect("it ends well");
}

/// From SIGTERM to the exit code.
fn signal() -> Exit<()> {
    let exit = Registry::new("app").run(|s| {
        let (_to, from) = channel::unbounded::<()>();
        s.spawn("worker", "waits", move |cx| Ok(cx.recv(&from)?))?;
        std::thread::spawn(|| {
            sleep(REST);
            journey_begin();
            // SAFETY: a signal to this process, which has a handler for it.
            unsafe { libc::kill(libc::getpid(), libc::SIGTERM) };
        });
        s.context().wait_for_stop();
        Ok(())
    });
    assert_eq!(exit.code(), 0);
    exit
}

/// From a panic until it is in the scope's error.
fn panic() {
    let ended = scope(|s| {
        s.spawn("worker", "panics", |_| -> Result {
            journey_begin();
            panic!("oh")
        })?;
        Ok(())
    });
    journey_end();
    assert_eq!(ended.expect_err("it failed").failures().len(), 1);
}
