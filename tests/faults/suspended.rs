//! The process is suspended while it is being stopped (SIGSTOP, as a container that is paused):
//! that time does not count.

use std::process::Stdio;
use std::time::{Duration, Instant};

use homebound::registry::Registry;

use crate::common::*;
use crate::held::{hold_watch, let_watch_go};

/// Longer than grace and the rest together, and than the kernel's timer waits after that.
const SUSPENDED: u64 = 4_500;

/// Needs the larger part of its grace, or of its shield, from the stop on.
fn saves_something(what: &str) -> i32 {
    let grace = Duration::from_millis(1_500);
    let root = Registry::new("suspended").grace(grace).kill_after(Duration::from_millis(500));
    let exit = root.run(|s| {
        let save = || {
            say("saving");
            (0..8).for_each(|_| linger(100));
            say("saved");
        };
        match what {
            "grace" => drop(s.spawn("saver", "saves what there is", move |cx| {
                cx.wait_for_stop();
                save();
                Ok(assert!(!cx.is_overdue(), "suspended, not late"))
            })?),
            _ => drop(s.spawn("saver", "hears the stop when its shield ends", move |cx| {
                cx.shield(Duration::from_millis(1_200), |cx| {
                    say("ready");
                    s.stop_signal().recv().unwrap_err();
                    save();
                    Ok(cx.checkpoint()?)
                })
            })?),
        }
        say("ready");
        s.context().wait_for_stop();
        Ok(())
    });
    assert_eq!(exit.shutdown.timeout, 0, "{}", exit.shutdown);
    assert!(exit.shutdown.duration < Duration::from_millis(SUSPENDED), "{}", exit.shutdown);
    i32::from(exit.code())
}

#[test]
fn the_time_for_which_the_process_is_suspended_does_not_count() {
    // catches: a process that is ended at once when it goes on, with nothing saved; a shield that
    // ends while nobody runs
    for what in ["grace", "shield"] {
        // A busy machine may need longer than the grace, but not each time.
        eventually(what, || {
            let mut child = child(what, saves_something);
            child.until("ready").signal(libc::SIGTERM).until("saving");
            child.signal(libc::SIGSTOP);
            linger(SUSPENDED);
            child.signal(libc::SIGCONT);
            let done = child.finish();
            println!("{what}: {done:#?}");
            done.code == Some(0) && done.out.contains("<saved>")
        });
    }
}

#[test]
fn a_process_that_goes_on_just_after_its_end_is_not_ended() {
    // catches: a kernel timer that takes a suspended process for one whose *watch* hangs, because
    // its signal is only a moment late
    const SECOND: Duration = Duration::from_secs(1);
    let scenario: fn(&str) -> i32 = |_| {
        let exit = Registry::new("suspended").grace(SECOND).kill_after(SECOND).run(|s| {
            say("ready");
            s.context().wait_for_stop();
            say("stopping");
            let mut word = String::new();
            std::io::stdin().read_line(&mut word)?;
            Ok(say("saved"))
        });
        i32::from(exit.code())
    };
    // A busy machine may need longer than the grace, but not each time.
    eventually("it is saved", || {
        let mut child = child_with("", scenario, |command| {
            command.stdin(Stdio::piped());
        });
        child.until("ready").signal(libc::SIGTERM);
        // Grace and rest, and the 2 s by which the kernel's timer is later than both.
        let end = Instant::now() + 4 * SECOND;
        child.until("stopping").signal(libc::SIGSTOP);
        let goes_on = end + Duration::from_millis(100);
        linger(u64::try_from(goes_on.saturating_duration_since(Instant::now()).as_millis()).unwrap());
        child.signal(libc::SIGCONT).write_line();
        let done = child.finish();
        println!("{done:#?}");
        done.code == Some(0) && done.out.contains("<saved>")
    });
}

#[test]
fn a_thread_that_is_late_after_a_suspension_is_ended_all_the_same() {
    // catches: a clock that stands still for ever
    let mut child = child("", |_| {
        let brief = Duration::from_millis(400);
        let root = Registry::new("suspended").grace(brief).kill_after(brief);
        let exit = root.run(|s| {
            say("ready");
            s.context().wait_for_stop();
            say("stopping");
            Ok(linger(3_600_000))
        });
        i32::from(exit.code())
    });
    child.until("ready").signal(libc::SIGTERM).until("stopping").signal(libc::SIGSTOP);
    linger(1_500);
    child.signal(libc::SIGCONT);
    let done = child.finish();
    assert_eq!(done.code, Some(70), "{done:#?}");
    assert!(done.err.contains("threads are not home"), "{done:#?}");
}

#[test]
fn of_two_signals_around_a_suspension_the_verdict_is_one() {
    // catches: a second one by the clock of the system, and none by the clock of *watch*: the
    // process is ended in the middle of its grace
    let mut child = child("", |_| {
        let exit = Registry::new("suspended").grace(Duration::from_secs(60)).run(|s| {
            say("ready");
            s.context().wait_for_stop();
            say("stopping");
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP)?;
            // Longer than the kernel's timer waits after a second signal.
            (0..30).for_each(|_| linger(100));
            Ok(say("saved"))
        });
        i32::from(exit.code())
    });
    child.until("ready").signal(libc::SIGTERM).until("stopping");
    linger(1_500);
    child.signal(libc::SIGCONT);
    // *watch* takes the suspension off its clock meanwhile.
    linger(60);
    child.signal(libc::SIGTERM);
    let done = child.finish();
    let is_second = done.code == Some(128 + libc::SIGTERM) && done.err.contains("a second signal");
    let is_same = done.code == Some(0) && done.out.contains("<saved>");
    // On a machine that is very busy the first signal may be long past when the process suspends
    // itself.
    assert!(is_same || is_second, "{done:#?}");
}

#[test]
fn a_suspension_before_watch_has_woken_up_for_the_stop_does_not_count() {
    // catches: a first beat that has none before it to be measured by; a clock that runs on until
    // the first beat
    let scenario: fn(&str) -> i32 = |_| {
        let root = Registry::new("suspended").grace(Duration::from_millis(1_500));
        let exit = root.kill_after(Duration::from_millis(500)).run(|s| {
            hold_watch(s);
            s.spawn("saver", "needs most of the grace", |cx| {
                cx.wait_for_stop();
                say("saving");
                rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP)?;
                // The child goes on with this thread, or another.
                let deadline = Instant::now() + Duration::from_millis(100);
                while Instant::now() < deadline {
                    assert!(!cx.is_overdue(), "suspended, not late, though watch has not looked");
                }
                let_watch_go();
                (0..8).for_each(|_| linger(100));
                assert!(!cx.is_overdue(), "suspended, not late");
                Ok(say("saved"))
            })?;
            Ok(s.stop())
        });
        assert_eq!(exit.shutdown.timeout, 0, "{}", exit.shutdown);
        i32::from(exit.code())
    };
    // A busy machine may need longer than the grace, but not each time.
    eventually("it is saved", || {
        let mut child = child("", scenario);
        child.until("saving");
        linger(SUSPENDED);
        child.signal(libc::SIGCONT);
        let done = child.finish();
        println!("{done:#?}");
        done.code == Some(0) && done.out.contains("<saved>")
    });
}
