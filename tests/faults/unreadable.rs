//! Owns runs without `/proc`: covered by an empty file system, or unreadable for want of
//! descriptors.
//! Refuses to run where mounting is not permitted: then it says so.
#![allow(unsafe_code)] // unshare and mount have no safe form here

use std::fs;
use std::io;
use std::ptr::null;

use homebound::{Exit, Result, ShutdownReport, registry, scope};

use crate::common::*;

/// Hides `/proc` from the calling thread, and from the threads that it starts.
fn hide_proc() -> io::Result<()> {
    // SAFETY: it changes only what the calling thread sees of the file system.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let private = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: all strings end with a zero; null means "none" for the arguments that are not needed.
    if unsafe { libc::mount(null(), c"/".as_ptr(), null(), private, null()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: as above.
    if unsafe { libc::mount(c"none".as_ptr(), c"/proc".as_ptr(), c"tmpfs".as_ptr(), 0, null()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    assert!(fs::read_dir("/proc/self/task").is_err(), "it is hidden");
    Ok(())
}

/// Runs `scenario` in a child without `/proc`, or says why not.
#[track_caller]
fn without_proc(scenario: fn(&str) -> i32) {
    let done = in_child("", scenario);
    match done.out.lines().find(|line| line.starts_with("<skipped")) {
        Some(reason) => eprintln!("{reason}"),
        None => assert_eq!(done.code, Some(0), "{done:#?}"),
    }
}

/// True if the scenario cannot be run here.
fn skipped() -> bool {
    match hide_proc() {
        Ok(()) => false,
        Err(error) => {
            say(&format!("skipped: /proc cannot be hidden: {error}"));
            true
        }
    }
}

fn run() -> Exit<()> {
    registry::run(|s| {
        s.spawn("worker", "waits", until_stopped)?;
        s.thread("panics", "panics")
            .isolated()
            .spawn(|_| -> Result { panic!("of its own") })?
            .join()
            .unwrap_err();
        let dump = registry::dump_status();
        assert!(dump.contains("worker  (worker: waits)"), "{dump}");
        scope(|below| Ok(drop(below.spawn("deep", "ends", |_| Ok(()))?)))?;
        s.stop();
        Ok(())
    })
}

#[test]
fn without_proc_a_run_comes_to_its_end_and_reports_its_own_threads() {
    // catches: a panic or an error where the kernel's list is not there; threads that vanish from
    // the report
    without_proc(|_| {
        if skipped() {
            return 0;
        }
        let exit = run();
        let report = &exit.shutdown;
        assert_eq!((report.total, report.joined, report.timeout), (1, 1, 0), "{report}");
        i32::from(exit.code())
    });
}

#[test]
fn without_proc_a_late_thread_is_named_and_the_process_ends() {
    // catches: last words that wait for a wait channel which cannot be read
    let done = in_child("", |_| {
        if skipped() {
            return 70;
        }
        let root = registry::Registry::new("late");
        let (grace, kill) = (std::time::Duration::from_millis(50), std::time::Duration::from_millis(50));
        let exit = root.grace(grace).kill_after(kill).run(|s| {
            let (keep, never) = gate();
            s.spawn("deaf", "does not listen", move |_| {
                let _keep = keep;
                Ok(pass(&never))
            })?;
            Ok(s.stop())
        });
        i32::from(exit.code()) + 1
    });
    assert_eq!(done.code, Some(70), "{done:#?}");
    assert!(done.out.contains("<skipped") || done.err.contains("does not listen"), "{done:#?}");
}

#[test]
fn without_proc_report_and_dump_say_what_is_not_known() {
    // catches: "orphaned: 0" from a run that has seen no list of threads
    without_proc(|_| {
        if skipped() {
            return 0;
        }
        let mut dump = String::new();
        let exit = registry::run(|_| Ok(dump = registry::dump_status()));
        let report = exit.shutdown.to_string();
        assert!(dump.contains("foreign threads: unknown (/proc/self/task: "), "{dump}");
        assert!(report.contains("orphaned: unknown"), "{report}");
        assert!(report.contains("foreign threads: unknown"), "{report}");
        let ShutdownReport { total, joined, timeout, orphaned, foreign, .. } = &exit.shutdown;
        assert_eq!((*total, joined + timeout, *orphaned), (0, 0, 0), "a row that says so is no thread");
        let why: Vec<_> = foreign.iter().map(|row| row.unknown.as_deref().unwrap_or_default()).collect();
        assert!(matches!(why[..], [why] if !why.is_empty()), "{foreign:?}");
        i32::from(exit.code())
    });
}

#[test]
fn threads_that_were_there_before_are_no_orphans_even_if_the_beginning_was_not_readable() {
    // catches: a list of "before" that could not be made, taken for an empty one, or for a list
    // without orphans
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    child_passes(|_| {
        let (open, closed) = gate();
        let old = std::thread::spawn(move || pass(&closed));
        // The first run makes the pipe, so that the second needs no descriptor to begin.
        assert_eq!(registry::run(|_| Ok(())).code(), 0);
        let before = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(3), maximum: before.maximum }).expect("allowed");
        let exit = registry::run(|_| Ok(setrlimit(Resource::Nofile, before)?));
        assert_eq!(exit.shutdown.orphaned, 0, "{}", exit.shutdown);
        assert!(exit.shutdown.to_string().contains("orphaned: unknown"), "{}", exit.shutdown);
        drop(open);
        old.join().expect("it ends");
        i32::from(exit.code())
    });
}

#[test]
fn without_proc_a_check_for_leaks_fails_and_says_so() {
    // catches: "no thread was left behind" from a check that has seen no list of threads
    without_proc(|_| {
        if skipped() {
            return 0;
        }
        let blind = homebound_testing::no_leaks(|| ()).expect_err("it cannot see");
        assert!(
            blind.threads().is_empty() && blind.unknown().is_some_and(|why| why.contains("/proc/self/task"))
        );
        assert!(blind.to_string().contains("is not known"), "{blind}");
        0
    });
}

#[test]
fn he10_without_proc_no_pulse_is_claimed_and_an_expectation_holds() {
    // catches: a thread that is called idle or blocked by a look that could read nothing
    without_proc(|_| {
        if skipped() {
            return 0;
        }
        let short = std::time::Duration::from_millis(100);
        let health = registry::Health::new().look_every(short).warn_after(short).stuck_after(short);
        let exit = registry::Registry::new("blind").health(health).run(|s| {
            let (_keep, never) = gate();
            let deaf = never.clone();
            let (open, shut) = gate();
            s.spawn("blocked", "is blocked outside", move |_| Ok(pass(&shut)))?;
            s.service("idle", "waits", until_stopped)?;
            s.thread("silent", "waits for a peer").expect_every(short).service(move |cx| {
                let _a_stop = cx.recv(&deaf);
                Ok(())
            })?;
            let found = |name: &str| {
                let snapshot = registry::snapshot().expect("a registry runs");
                snapshot.root.threads.iter().find(|thread| thread.name == name).cloned().expect("a row")
            };
            eventually("what was expected is judged", || found("silent").alarm.is_some());
            for name in ["blocked", "idle", "silent"] {
                assert_eq!(found(name).pulse, None, "{name}");
            }
            assert_eq!((found("blocked").alarm, found("idle").alarm), (None, None));
            let limits = registry::snapshot().unwrap().limits;
            assert!(limits.iter().any(|limit| limit.contains("the pulse of threads")), "{limits:?}");
            drop(open);
            Ok(())
        });
        i32::from(exit.code())
    });
}
