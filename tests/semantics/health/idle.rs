//! HE2, HE4, HE8, HE10: what never is an alarm, what a look costs, and what is claimed without
//! `/proc`.

use super::*;
use homebound::Registry;
use libc::{SIGCONT, SIGSTOP};

#[test]
fn he2_a_thread_in_a_known_wait_is_never_an_alarm() {
    child_passes(|_| {
        let lines = Lines::of_process();
        let (_keep, never) = gate();
        let exit = Registry::new("app").health(quick()).run(|s| {
            let (queue, jobs) = crossbeam_channel::unbounded::<()>();
            s.service("receiver", "waits for jobs", move |cx| Ok(drop(cx.recv(&jobs))))?;
            s.service("sleeper", "sleeps", |cx| Ok(drop(cx.sleep(NEVER))))?;
            let far = never.clone();
            let (done, over) = crossbeam_channel::bounded::<()>(0);
            let end = over.clone();
            s.spawn("marked", "is in a wait that it has described", move |cx| {
                Ok(cx.waiting(
                    "a foreign call",
                    || crossbeam_channel::select! { recv(far) -> _ => {}, recv(over) -> _ => {} },
                ))
            })?;
            s.spawn("nested", "runs a body inside of a wait that it has described", move |cx| {
                Ok(cx.waiting("a foreign call", || homebound::scope(|_| Ok(end.recv().is_ok())))?)
            })?;
            // The body of an inner scope waits: its thread does, too.
            s.service("outer", "waits in a scope of its own", |cx| {
                let cx = cx.clone();
                Ok(homebound::scope(move |s| {
                    drop(cx);
                    Ok(drop(s.context().wait_for_stop()))
                })?)
            })?;
            s.pool("pool", "has nothing to do").threads(1).start()?.execute(s.context(), |_| Ok(()))?;
            let_pass(STUCK * 4);
            assert_eq!(lines.all(), Vec::<String>::new());
            for name in ["receiver", "sleeper", "marked", "nested", "outer"] {
                assert_eq!(pulse(name), Some(Pulse::Waits), "{name}");
            }
            drop((queue, done));
            Ok(())
        });
        i32::from(exit.code())
    });
}

/// A `select!` and a poll that can hear the stop are waits, marked or not. A lock is none.
#[test]
fn he2_a_select_on_the_stop_is_no_alarm() {
    child_passes(|_| {
        let lines = Lines::of_process();
        let lock = Arc::new(Mutex::new(()));
        let held = lock.lock().unwrap();
        let (_keep, never) = crossbeam_channel::unbounded::<()>();
        let exit = Registry::new("app").health(quick()).run(|s| {
            let jobs = never.clone();
            s.service("selects", "waits for jobs", move |cx| {
                Ok(crossbeam_channel::select! { recv(cx.stop_signal()) -> _ => {}, recv(jobs) -> _ => {} })
            })?;
            let jobs = never.clone();
            s.spawn("borrows", "uses the signal of its scope", move |_| {
                Ok(crossbeam_channel::select! { recv(s.stop_signal()) -> _ => {}, recv(jobs) -> _ => {} })
            })?;
            s.service("polls", "waits for descriptors", |cx| {
                let stop = cx.stop_fd()?;
                let mut fds = [rustix::event::PollFd::new(&stop, rustix::event::PollFlags::IN)];
                rustix::event::poll(&mut fds, None)?;
                Ok(())
            })?;
            let_pass(STUCK * 2);
            assert_eq!(lines.all(), Vec::<String>::new());
            for name in ["selects", "borrows", "polls"] {
                assert_eq!(pulse(name), Some(Pulse::Waits), "{name}");
            }
            let own = lock.clone();
            s.service("locks", "has its stop, and wants a lock", move |cx| {
                let _stop = cx.stop_signal();
                Ok(drop(own.lock()))
            })?;
            lines.wait_for("WARN", 1);
            assert!(lines.of("WARN")[0].contains("path=/app/locks"));
            drop(held);
            Ok(s.stop())
        });
        i32::from(exit.code())
    });
}

#[test]
fn he2_adopted_threads_and_guests_are_not_looked_at() {
    // catches: the waits of another library's threads, taken for blocks
    child_passes(|_| {
        let lines = Lines::of_process();
        let exit = Registry::new("app").health(quick()).run(|s| {
            let ((open, shut), (told, hear)) = (gate(), crossbeam_channel::bounded(0));
            let foreign = ["adopted", "guest"].map(|name| {
                let (cx, shut, told) = (s.context().clone(), shut.clone(), told.clone());
                std::thread::spawn(move || {
                    let stay = match name {
                        "guest" => cx.adopt_guest(name, "blocks"),
                        _ => cx.adopt(name, "blocks"),
                    };
                    told.send(()).expect("it is listened to");
                    pass(&shut);
                    drop(stay);
                })
            });
            foreign.iter().for_each(|_| s.context().recv(&hear).expect("it has come"));
            s.context().sleep(STUCK * 2)?;
            assert_eq!((pulse("adopted"), pulse("guest")), (None, None));
            assert_eq!(lines.all(), Vec::<String>::new());
            drop(open);
            Ok(foreign.into_iter().for_each(|thread| thread.join().expect("home")))
        });
        i32::from(exit.code())
    });
}

#[test]
fn he8_a_look_goes_on_behind_the_threads_that_the_look_before_has_read() {
    // catches: more threads than one look reads, of which the same are left out each time
    child_passes(|_| {
        let exit = Registry::new("app").health(quick().warn_after(NEVER).stuck_after(NEVER)).run(|s| {
            let (open, shut) = gate();
            for number in 0..1_040 {
                let shut = shut.clone();
                s.spawn(format!("late-{number}"), "blocks", move |_| Ok(pass(&shut)))?;
            }
            for name in ["late-0", "late-1039"] {
                eventually("it was looked at twice", || {
                    let _ = s.context().sleep(LOOK);
                    matches!(pulse(name), Some(Pulse::Blocked { .. }))
                });
            }
            Ok(drop(open))
        });
        i32::from(exit.code())
    });
}

#[test]
fn he8_nothing_is_claimed_of_a_thread_that_a_look_did_not_read() {
    // catches: more threads than one look reads: an alarm by the pulse of an earlier look; an alarm
    // that is over in each look that leaves its thread out
    const COUNT: usize = 1_040;
    const WARN: Duration = Duration::from_secs(2);
    fn app(_: &str) -> i32 {
        let lines = Lines::of_process();
        let health = quick().look_every(LOOK * 3).warn_after(WARN).stuck_after(NEVER);
        let exit = Registry::new("app").health(health).run(|s| {
            let ((open, shut), (open_again, shut_again)) = (gate(), gate());
            for number in 0..COUNT {
                let (first, second) = (shut.clone(), shut_again.clone());
                s.spawn(format!("late-{number}"), "blocks twice", move |_| {
                    pass(&first);
                    Ok(pass(&second))
                })?;
            }
            let since = || match pulse("late-0") {
                Some(Pulse::Blocked { since, .. }) => Some(since),
                _ => None,
            };
            eventually("it is blocked", || since().is_some());
            // Each of them runs for a moment just before the time is over.
            let begin = since().unwrap_or_else(Instant::now);
            let_pass((begin + WARN).saturating_duration_since(Instant::now() + LOOK));
            drop(open);
            let_pass(LOOK * 6);
            say(&format!("early: {}", lines.all().len()));
            lines.wait_for("WARN", COUNT);
            let_pass(LOOK * 30);
            assert_eq!((lines.of("WARN").len(), lines.of("INFO").len()), (COUNT, 0));
            // Most lines have no stack, because a stack takes time.
            let with_stack = lines.of("WARN").iter().filter(|line| line.contains("stack=in ")).count();
            assert!(with_stack <= COUNT / 4, "{with_stack}");
            Ok(drop(open_again))
        });
        i32::from(exit.code())
    }
    // A busy machine may let them run too late, but not each time.
    eventually("no line comes before the time is over", || {
        let done = in_child("", app);
        println!("{done:#?}");
        done.code == Some(0) && done.out.contains("early: 0")
    });
}

#[test]
fn he3_the_looks_come_as_often_as_was_asked_for() {
    // catches: looks with a period of their own
    child_passes(|_| {
        let lines = Lines::of_process();
        let health = Health::new().look_every(NEVER).warn_after(Duration::ZERO);
        let exit = Registry::new("app").health(health).run(|s| {
            let (open, shut) = gate();
            let late = s.spawn("late", "blocks", move |_| Ok(pass(&shut)))?;
            s.context().sleep(Duration::from_millis(2_500))?;
            assert_eq!((pulse("late"), lines.all()), (None, Vec::new()));
            drop(open);
            Ok(late.join()?)
        });
        i32::from(exit.code())
    });
}

#[test]
fn he4_a_suspension_is_no_alarm() {
    let mut child = child("", |_| {
        let lines = Lines::of_process();
        let exit = Registry::new("app").health(quick()).run(|s| {
            let beats = s.thread("beats", "makes progress").expect_every(Duration::from_millis(500));
            beats.service(|cx| Ok(while cx.sleep(Duration::from_millis(100)).is_ok() {}))?;
            s.service("poller", "sleeps in std", |cx| {
                while !cx.is_stopping() {
                    sleep_outside(Duration::from_millis(100));
                }
                Ok(())
            })?;
            let_pass(LOOK * 5);
            say("ready");
            let start = Instant::now();
            // Suspended meanwhile, for longer than every limit.
            while start.elapsed() < Duration::from_secs(4) {
                linger(10);
            }
            let_pass(LOOK * 10);
            Ok(assert_eq!(lines.all(), Vec::<String>::new()))
        });
        i32::from(exit.code())
    });
    child.until("ready").signal(SIGSTOP);
    let_pass(Duration::from_secs(3));
    child.signal(SIGCONT);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}
