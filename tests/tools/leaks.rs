//! Owns the tests of `testing::no_leaks`: which threads are found, whose they are, and which are
//! none of its business.
//! Refuses to run alone: beside each test others start and end threads all the time.
#![cfg(target_os = "linux")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use homebound_testing::{LeakedThread, Leaks, NoLeaks, no_leaks};

use crate::common::{gate, linger, pass, within};

const SHORT: Duration = Duration::from_millis(30);

/// A thread of std's with this name, that ends when the other half of `gate` is dropped.
fn raw(name: &str, gate: &Receiver<()>) -> JoinHandle<()> {
    let gate = gate.clone();
    let (up, is_up) = bounded::<()>(0);
    let body = move || {
        drop(up);
        let _ = gate.recv();
    };
    let thread = thread::Builder::new().name(name.to_owned()).spawn(body).expect("a thread of std's starts");
    // It has its name then.
    let _ = is_up.recv();
    thread
}

fn names(leaks: &Leaks) -> Vec<&str> {
    let mut names: Vec<_> = leaks.threads().iter().map(|thread| thread.name.as_str()).collect();
    names.sort_unstable();
    names
}

/// While `f` runs, others start threads, some of which stay until it is over.
fn beside_others<R>(f: impl FnOnce() -> R) -> R {
    let over = AtomicBool::new(false);
    let (stay, leave) = bounded(0);
    let (began, begin) = bounded(1);
    let result = thread::scope(|threads| {
        threads.spawn(|| {
            let mut left = Vec::new();
            while !over.load(Ordering::Relaxed) {
                left.extend((left.len() < 100).then(|| raw("other", &leave)));
                thread::spawn(|| {}).join().unwrap();
                let _ = began.try_send(());
            }
            left
        });
        begin.recv().unwrap();
        let over = scopeguard::guard(&over, |over| over.store(true, Ordering::Relaxed));
        let result = f();
        drop(over);
        result
    });
    drop(stay);
    result
}

#[test]
fn what_comes_home_is_no_leak_and_the_value_comes_back() {
    within(|| {
        let value = beside_others(|| {
            no_leaks(|| {
                thread::spawn(|| {}).join().unwrap();
                homebound::scope(|scope| {
                    let numbers =
                        (0..20).map(|n| scope.spawn("worker", "returns its number", move |_| Ok(n)));
                    let handles: Vec<_> = numbers.collect::<Result<_, _>>()?;
                    Ok(handles.into_iter().map(|handle| handle.join().unwrap()).sum::<i32>())
                })
                .unwrap()
            })
        });
        assert_eq!(value.unwrap(), 190);
    });
}

#[test]
fn a_thread_that_stays_is_named_and_nobody_elses_is() {
    within(|| {
        let (stay, leave) = bounded(0);
        let leaks =
            beside_others(|| NoLeaks::new().patience(SHORT).check(|| raw("lost", &leave)).unwrap_err());
        assert_eq!(names(&leaks), ["lost"], "{leaks}");
        let text = leaks.to_string();
        assert!(text.starts_with("a thread was left behind: \"lost\", not homebound's, tid "), "{text}");
        drop(stay);
    });
}

#[test]
fn a_thread_of_a_thread_is_found() {
    within(|| {
        let (stay, leave) = bounded(0);
        let checked = NoLeaks::new().patience(SHORT).check(|| {
            let leave = leave.clone();
            thread::spawn(move || raw("grandchild", &leave)).join().unwrap()
        });
        assert_eq!(names(&checked.unwrap_err()), ["grandchild"]);
        drop(stay);
    });
}

#[test]
fn one_that_ends_in_time_is_no_leak() {
    within(|| {
        let (stay, leave) = bounded(0);
        let ends = thread::spawn(move || {
            crate::common::linger(20);
            drop(stay);
        });
        let checked = NoLeaks::new().patience(Duration::from_secs(20)).check(|| drop(raw("late", &leave)));
        assert!(checked.is_ok(), "{checked:?}");
        ends.join().unwrap();
    });
}

#[test]
fn ignored_names_are_no_leak_also_where_the_kernel_cuts_them() {
    within(|| {
        let (stay, leave) = bounded(0);
        let settings =
            NoLeaks::new().patience(SHORT).ignore("pool").ignore("a-name-that-is-longer-than-the-kernel's");
        let checked = settings.clone().check(|| {
            raw("pool", &leave);
            raw("a-name-that-is-longer-than-the-kernel's", &leave);
        });
        assert!(checked.is_ok(), "{checked:?}");
        let checked = settings.check(|| {
            raw("pool", &leave);
            raw("pool-2", &leave);
        });
        assert_eq!(names(&checked.unwrap_err()), ["pool-2"]);
        drop(stay);
    });
}

#[test]
fn threads_of_a_scope_around_are_its_own() {
    within(|| {
        let (stay, leave) = bounded::<()>(0);
        homebound::scope(|scope| {
            let settings = NoLeaks::new().patience(SHORT);
            let checked = settings.check(|| {
                scope.spawn("worker", "stays", move |_| {
                    let _ = leave.recv();
                    Ok(())
                })
            });
            assert!(checked.is_ok(), "{checked:?}");
            drop(stay);
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn a_scope_that_lives_on_in_a_lost_thread_is_named_with_its_spawn_sites() {
    within(|| {
        let (stay, leave) = bounded::<()>(0);
        let (up, is_up) = bounded(0);
        let leaks = NoLeaks::new()
            .patience(SHORT)
            .check(|| {
                let lost = thread::Builder::new().name("lost".into()).spawn(move || {
                    homebound::scope(|scope| {
                        scope.spawn("child", "waits", move |_| {
                            let _ = leave.recv();
                            Ok(())
                        })?;
                        up.send(())?;
                        Ok(())
                    })
                });
                is_up.recv().unwrap();
                lost.unwrap()
            })
            .unwrap_err();
        let child =
            |thread: &&LeakedThread| thread.path.as_deref().is_some_and(|path| path.ends_with("/child"));
        let child = leaks.threads().iter().find(child).unwrap_or_else(|| panic!("{leaks}"));
        assert!(child.spawned_from.is_some_and(|at| at.file().ends_with(file!())));
        assert!(leaks.to_string().contains(concat!("/child, spawned at ", file!(), ":")), "{leaks}");
        assert_eq!(leaks.threads().len(), 2, "it and the thread that runs the body: {leaks}");
        drop(stay);
    });
}

#[test]
fn the_guard_panics_where_it_is_dropped() {
    within(|| {
        let (stay, leave) = bounded(0);
        let caught = std::panic::catch_unwind(|| {
            let _guard = NoLeaks::new().patience(SHORT).guard();
            raw("lost", &leave);
        });
        let payload = caught.unwrap_err();
        let text = payload.downcast_ref::<String>().unwrap();
        assert!(text.contains("\"lost\""), "{text}");

        let _guard = NoLeaks::new().guard();
        thread::spawn(|| {}).join().unwrap();
        drop(stay);
    });
}

#[test]
fn a_panic_goes_through_and_the_mark_is_given_back() {
    within(|| {
        let (stay, leave) = bounded(0);
        // More often than there are marks.
        for _ in 0..100 {
            let caught = std::panic::catch_unwind(|| no_leaks(|| std::panic::resume_unwind(Box::new(7))));
            assert_eq!(caught.unwrap_err().downcast_ref::<i32>(), Some(&7));
        }
        let after = raw("after", &leave);
        assert!(no_leaks(|| ()).is_ok(), "what was started outside does not count");
        drop(stay);
        after.join().unwrap();
    });
}

#[test]
fn many_at_once_see_each_their_own() {
    within(|| {
        let (stay, leave) = bounded(0);
        thread::scope(|threads| {
            for number in 0..20 {
                let leave = &leave;
                threads.spawn(move || {
                    let own = format!("own-{number}");
                    let leaks = NoLeaks::new().patience(SHORT).check(|| raw(&own, leave)).unwrap_err();
                    assert_eq!(names(&leaks), [own.as_str()], "{leaks}");
                });
            }
        });
        drop(stay);
    });
}

/// All signals are blocked in a thread until it is first let run: what a busy machine does, held
/// open here.
#[allow(unsafe_code, clippy::multiple_unsafe_ops_per_block)]
fn with_all_signals_blocked(meanwhile: impl FnOnce()) {
    // SAFETY: all-zero is a valid set, and is filled next; both sets are valid for the calls.
    unsafe {
        let (mut all, mut before): (libc::sigset_t, libc::sigset_t) =
            (std::mem::zeroed(), std::mem::zeroed());
        assert_eq!(libc::sigfillset(&mut all), 0);
        assert_eq!(libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before), 0);
        meanwhile();
        assert_eq!(libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut()), 0);
    }
}

#[test]
fn a_thread_that_has_hardly_begun_is_found() {
    // catches: a thread taken for somebody else's as long as it shows no mark of its own
    within(|| {
        let (stay, leave) = gate();
        let lost = no_leaks(|| {
            let (started, has_started) = gate();
            let thread = thread::Builder::new().name("slow to start".into());
            let begin = move || {
                with_all_signals_blocked(|| {
                    drop(started);
                    linger(100);
                });
                pass(&leave);
            };
            thread.spawn(begin).expect("starts");
            pass(&has_started);
        });
        assert_eq!(lost.unwrap_err().threads()[0].name, "slow to start");
        drop(stay);
    });
}
