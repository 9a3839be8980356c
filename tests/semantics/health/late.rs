//! HE4: a suspension of the process takes nothing from the time that a thread has asked for.

use std::sync::OnceLock;

use super::*;
use homebound::{Registry, Scope};
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

/// Keeps *stopper* in the program's code for `time`, so that no look is made. Unlike a suspension,
/// it leaves the other threads asleep. `meanwhile` is run in that time. Returns when the looks go
/// on.
fn without_looks(s: &Scope<'_, '_>, time: Duration, meanwhile: impl FnOnce()) -> Instant {
    static END: OnceLock<Instant> = OnceLock::new();
    let (told, hear) = crossbeam_channel::bounded(1);
    // The deadline is passed by a thread that waits for nothing, so *stopper* marks it.
    s.context().with_deadline(Instant::now(), |cx| {
        let hold = cx.on_stop(move || {
            let _ = told.send(());
            let_pass(time);
            let _ = END.set(Instant::now());
        });
        eventually("the looks pause", || hear.try_recv().is_ok());
        meanwhile();
        eventually("the looks go on", || END.get().is_some());
        drop(hold);
    });
    *END.get().expect("it was waited for")
}

/// Takes all descriptors from the process for `time`, so that the looks cannot read `/proc`.
/// Returns when they can again.
fn without_proc(time: Duration) -> Instant {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let before = getrlimit(Resource::Nofile);
    let none = Rlimit { current: Some(0), maximum: before.maximum };
    setrlimit(Resource::Nofile, none).expect("less is allowed");
    let_pass(time);
    // Before the descriptors are back, so that no look that can read comes earlier.
    let end = Instant::now();
    setrlimit(Resource::Nofile, before).expect("it was allowed before");
    end
}

#[test]
fn he4_a_late_look_claims_nothing() {
    // catches: a thread that is called blocked for a time in which nobody looked at it; a pulse
    // from before that time; an alarm that is called over by a late look
    const LOOK: Duration = Duration::from_millis(500);
    const WARN: Duration = Duration::from_millis(1_500);
    fn app(_: &str) -> i32 {
        let lines = Lines::of_process();
        let health = quick().look_every(LOOK).warn_after(WARN).stuck_after(NEVER);
        let exit = Registry::new("app").health(health).run(|s| {
            let ((open, shut), (open_late, shut_late)) = (gate(), gate());
            s.spawn("over", "blocks, and waits", move |cx| {
                pass(&shut);
                Ok(drop(cx.wait_for_stop()))
            })?;
            lines.wait_for("WARN", 1);
            s.spawn("late", "blocks all the while", move |_| Ok(pass(&shut_late)))?;
            eventually("it is seen", || matches!(pulse("late"), Some(Pulse::Blocked { .. })));
            let end = without_looks(s, WARN * 2, || drop(open));
            eventually("the next look", || pulse("late").is_none());
            say(&format!("at once: {}", end.elapsed() < LOOK / 2));
            lines.wait_for("INFO", 1);
            assert!(end.elapsed() >= LOOK, "{:?} {:?}", end.elapsed(), lines.all());
            lines.wait_for("WARN", 2);
            assert!(end.elapsed() >= WARN, "{:?} {:?}", end.elapsed(), lines.all());
            drop(open_late);
            Ok(s.stop())
        });
        i32::from(exit.code())
    }
    // A busy machine may delay the look, but not each time.
    eventually("the look after the pause takes the pulse back", || {
        let done = in_child("", app);
        assert_eq!(done.code, Some(0), "{done:#?}");
        done.out.contains("at once: true")
    });
}

#[test]
fn he10_a_block_is_counted_from_the_time_at_which_it_is_seen_again() {
    // catches: a thread that is called blocked for a time in which nothing could be read
    const WARN: Duration = Duration::from_millis(1_500);
    child_passes(|_| {
        let lines = Lines::of_process();
        let health = quick().warn_after(WARN).stuck_after(NEVER);
        let exit = Registry::new("app").health(health).run(|s| {
            let (open, shut) = gate();
            s.spawn("late", "blocks all the while", move |_| Ok(pass(&shut)))?;
            eventually("it is seen", || matches!(pulse("late"), Some(Pulse::Blocked { .. })));
            let end = without_proc(WARN * 2);
            lines.wait_for("WARN", 1);
            assert!(end.elapsed() >= WARN, "{:?} {:?}", end.elapsed(), lines.all());
            Ok(drop(open))
        });
        i32::from(exit.code())
    });
}

#[test]
fn he4_a_suspicion_ends_with_a_late_look() {
    // catches: a thread that is called stuck by the first look after a late one, because it was
    // late with its progress once before
    const LOOK: Duration = Duration::from_secs(1);
    const EVERY: Duration = Duration::from_millis(900);
    fn app(_: &str) -> i32 {
        let lines = Lines::of_process();
        let exit = Registry::new("app").health(quick().look_every(LOOK)).run(|s| {
            silent(s, EVERY)?;
            // Between the look that finds it late, and the look that would find it stuck.
            let_pass(EVERY + EVERY / 4);
            let end = without_looks(s, LOOK * 3, || {});
            if lines.of("ERROR").is_empty() {
                lines.wait_for("ERROR", 1);
                assert!(end.elapsed() >= LOOK + EVERY / 2, "{:?} {:?}", end.elapsed(), lines.all());
                say("judged anew");
            }
            Ok(s.stop())
        });
        i32::from(exit.code())
    }
    // On a busy machine the looks may go on until the thread is called stuck, but not each time.
    eventually("it is judged anew", || {
        let done = in_child("", app);
        assert_eq!(done.code, Some(0), "{done:#?}");
        done.out.contains("judged anew")
    });
}

/// Starts a service that makes no progress.
fn silent(s: &Scope<'_, '_>, every: Duration) -> Result<(), homebound::SpawnError> {
    let silent = s.thread("silent", "computes").expect_every(every);
    silent.service(|cx| {
        Ok(while !cx.is_stopping() {
            sleep_outside(Duration::from_millis(10));
        })
    })?;
    Ok(())
}

#[test]
fn he6_news_do_not_hide_that_a_look_is_late() {
    // catches: a look that is taken for one in time, because a thread was started meanwhile
    const EVERY: Duration = Duration::from_secs(2);
    child_passes(|_| {
        let lines = Lines::of_process();
        // Without looks at all threads: each thread that says what to expect is news.
        let exit = Registry::new("app").run(|s| {
            silent(s, EVERY)?;
            let_pass(LOOK);
            let end = without_looks(s, EVERY * 2, || {
                let other = s.thread("other", "waits").expect_every(NEVER);
                other.service(|cx| Ok(drop(cx.wait_for_stop()))).expect("it starts");
            });
            lines.wait_for("ERROR", 1);
            assert!(end.elapsed() >= EVERY, "{:?} {:?}", end.elapsed(), lines.all());
            Ok(s.stop())
        });
        i32::from(exit.code())
    });
}
