//! HE4: a suspension of the process takes nothing from the time that a thread has asked for.

use super::*;
use homebound::Registry;
use libc::{SIGCONT, SIGSTOP};

/// What the thread has asked for, what it needs of it, and how long the process is suspended.
const PATIENCE: Duration = Duration::from_millis(2_500);
const NEEDED: Duration = Duration::from_millis(2_000);
const SUSPENDED: Duration = Duration::from_secs(3);

/// Runs a child that is suspended while it is in the middle of its work.
fn suspended(scenario: fn(&str) -> i32) {
    let mut child = child("", scenario);
    child.until("ready").signal(SIGSTOP);
    let_pass(SUSPENDED);
    child.signal(SIGCONT);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}

/// Lets `time` pass in which the process is not suspended, in small steps.
fn work_for(time: Duration) {
    let step = Duration::from_millis(10);
    for _ in 0..time.as_millis() / step.as_millis() {
        sleep_outside(step);
    }
}

#[test]
fn he4_a_suspension_takes_nothing_from_a_patience() {
    // catches: a patience that is over by the clock, although the process was suspended for most
    // of it
    suspended(|_| {
        let lines = Lines::of_process();
        let exit = Registry::new("app").health(quick()).run(|s| {
            let slow = s.thread("slow", "calls a library").expect_every(Duration::from_millis(300));
            slow.spawn(|cx| {
                Ok(cx.patience(PATIENCE, || {
                    say("ready");
                    work_for(NEEDED);
                }))
            })?
            .join()?;
            Ok(assert_eq!(lines.all(), Vec::<String>::new()))
        });
        i32::from(exit.code())
    });
}

#[test]
fn he4_a_suspension_takes_nothing_from_an_inner_patience_either() {
    // catches: the outer patience, which is longer, forgotten for the inner one
    suspended(|_| {
        let lines = Lines::of_process();
        let exit = Registry::new("app").health(quick()).run(|s| {
            let slow = s.thread("slow", "calls a library").expect_every(Duration::from_millis(300));
            slow.spawn(|cx| {
                Ok(cx.patience(PATIENCE, || {
                    cx.patience(Duration::from_millis(1), || {
                        say("ready");
                        work_for(NEEDED);
                    });
                }))
            })?
            .join()?;
            Ok(assert_eq!(lines.all(), Vec::<String>::new()))
        });
        i32::from(exit.code())
    });
}

#[test]
fn he4_a_suspension_takes_nothing_from_an_expectation() {
    // catches: a thread that is called stuck at the end of a suspension, because its last sign of
    // progress is from before it
    const EXPECTED: Duration = Duration::from_secs(6);
    fn app(_: &str) -> i32 {
        let lines = Lines::of_process();
        let exit = Registry::new("app").health(quick()).run(|s| {
            let slow = s.thread("slow", "computes").expect_every(EXPECTED);
            slow.spawn(|cx| {
                cx.beat();
                say("ready");
                // A third of what it has, and not suspended for any of it.
                work_for(EXPECTED / 3);
                Ok(cx.beat())
            })?
            .join()?;
            Ok(assert_eq!(lines.of("ERROR"), Vec::<String>::new()))
        });
        i32::from(exit.code())
    }
    // On a busy machine the work may take longer than is expected, but not each time.
    eventually("nothing is claimed", || {
        let mut child = child("", app);
        child.until("ready").signal(SIGSTOP);
        let_pass(EXPECTED + Duration::from_secs(1));
        child.signal(SIGCONT);
        let done = child.finish();
        println!("{done:#?}");
        done.code == Some(0)
    });
}

#[test]
fn he4_a_block_is_counted_from_the_end_of_a_suspension() {
    // catches: a thread that is called blocked for as long as the process was suspended
    suspended(|_| {
        let lines = Lines::of_process();
        let exit = Registry::new("app").health(quick().warn_after(SUSPENDED / 2)).run(|s| {
            let (open, shut) = gate();
            let late = s.spawn("late", "blocks for a moment", move |_| Ok(pass(&shut)))?;
            let_pass(LOOK * 4);
            say("ready");
            let begin = Instant::now();
            while begin.elapsed() < SUSPENDED {
                linger(10);
            }
            let_pass(LOOK * 6);
            drop(open);
            late.join()?;
            Ok(assert_eq!(lines.all(), Vec::<String>::new()))
        });
        i32::from(exit.code())
    });
}
