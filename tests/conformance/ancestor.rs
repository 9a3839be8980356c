//! What the ancestor's own suites checked, one test each: the Python registry's promises, kept
//! here.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::*;
use crossbeam_channel::bounded;
use homebound::registry::{self, Registry};
use homebound::{Ending, Result, Role, current, scope};

#[test]
fn the_registry_is_one_per_process() {
    // catches: two registries that each believe they own the process
    child_passes(|_| {
        let exit = Registry::new("app").run(|s| {
            let first = registry::snapshot().expect("it runs").root.path;
            let worker = s.spawn("worker", "asks for the registry", |_| {
                let second = registry::run(|_| Ok(())).result.is_err();
                Ok((second, current().expect("from anywhere").path().to_owned()))
            })?;
            let (refused, path) = worker.join()?;
            Ok(assert!(refused && path == format!("{first}/worker")))
        });
        i32::from(exit.code())
    });
}

#[test]
fn spawn_passes_its_arguments() {
    // catches: args and kwargs lost or shared by mistake: here they are captures
    within(|| {
        let result = scope(|s| {
            let (args, prefix) = (vec![1, 2, 3], String::from("sum: "));
            let worker = s.spawn("adder", "adds its arguments", move |_| {
                Ok(format!("{prefix}{}", args.iter().sum::<i32>()))
            })?;
            Ok(worker.join()?)
        });
        assert_eq!(result.unwrap(), "sum: 6");
    });
}

#[test]
fn a_thread_has_a_name_a_purpose_a_start_and_a_spawn_site() {
    // catches: a TrackedThread with holes
    within(|| {
        let result = scope(|s| {
            let before = std::time::Instant::now();
            s.spawn("tracked", "is tracked", until_stopped)?;
            let tracked = s.active_threads().pop().expect("one");
            assert_eq!((tracked.name.as_str(), tracked.purpose.as_str()), ("tracked", "is tracked"));
            assert!(tracked.spawned_at >= before && tracked.role == Role::Worker);
            assert!(tracked.spawned_from.file().ends_with(file!()));
            Ok(s.stop())
        });
        result.unwrap();
    });
}

#[test]
fn a_daemon_like_thread_is_a_service_not_a_leak() {
    // catches: a background thread that blocks the end, or survives it
    within(|| {
        let lender = Lender::new();
        let result = scope(|s| {
            s.service("daemon", "would run for ever", lingering(&lender))?;
            assert_eq!(s.active_threads()[0].role, Role::Service);
            Ok(s.spawn("worker", "ends by itself", |_| Ok(1))?.join()?)
        });
        lender.assert_unused();
        assert_eq!(result.unwrap(), 1);
    });
}

#[test]
fn finished_threads_leave_the_active_list() {
    // catches: a list that only grows, also when nobody joins
    within(|| {
        let result = scope(|s| {
            for _ in 0..20 {
                s.spawn("short", "ends", |_| Ok(()))?;
            }
            eventually("all have left", || s.active_threads().is_empty());
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn shutdown_with_a_time_out() {
    // catches: a shutdown that waits for ever, or calls a live thread joined
    within(|| {
        // On a busy machine the one that listens may be late as well, but not each time.
        eventually("one is home in time", || {
            let mut in_time = 0;
            let result = scope(|s| {
                let (open, gate) = gate();
                s.spawn("good", "listens", until_stopped)?;
                s.spawn("bad", "does not listen", move |_| Ok(pass(&gate)))?;
                let report = s.shutdown(Duration::from_millis(100));
                assert_eq!((report.total, report.joined + report.timeout), (2, 2), "{report}");
                assert!(report.duration >= Duration::from_millis(100));
                let row = |name: &str| report.threads.iter().find(|t| t.name == name).expect("a row");
                assert_eq!(row("bad").ending, Ending::Overdue);
                in_time = report.joined;
                assert_eq!(in_time == 1, row("good").ending != Ending::Overdue);
                drop(open);
                Ok(())
            });
            result.unwrap();
            in_time == 1
        });
    });
}

#[test]
fn orphans_are_detected() {
    // catches: a raw thread that nobody sees
    child_passes(|_| {
        let (_open, gate) = gate();
        let exit = registry::run(|_| {
            for _ in 0..3 {
                let gate = gate.clone();
                std::thread::spawn(move || pass(&gate));
            }
            Ok(())
        });
        let report = &exit.shutdown;
        assert_eq!((report.total, report.orphaned, report.foreign.len()), (3, 3, 3), "{report}");
        i32::from(exit.code())
    });
}

#[test]
fn the_stop_flag_before_and_after() {
    // catches: a flag that is set too early, or only in some places
    within(|| {
        let result = scope(|s| {
            let (give, take) = bounded(1);
            let worker = s.spawn("worker", "looks at the flag", move |cx| {
                give.send(cx.is_stopping())?;
                cx.wait_for_stop();
                Ok(cx.is_stopping())
            })?;
            assert!(!take.recv()? && !s.is_stopping() && !s.stopper().is_stopping());
            s.stop();
            assert!(worker.join()? && s.is_stopping() && s.stopper().is_stopping());
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn no_orphan_after_shutdown() {
    // catches: a thread of the tree that the audit takes for foreign, or that is left over
    child_passes(|_| {
        let exit = registry::run(|s| {
            for i in 0..20 {
                s.spawn(format!("worker-{i}"), "listens", until_stopped)?;
            }
            s.service("service", "listens", until_stopped)?;
            let report = s.shutdown(LIMIT);
            assert_eq!((report.total, report.joined, report.orphaned), (21, 21, 0), "{report}");
            Ok(())
        });
        assert_eq!((exit.shutdown.orphaned, exit.shutdown.timeout), (0, 0), "{}", exit.shutdown);
        i32::from(exit.code())
    });
}

#[test]
fn the_thread_count_returns_to_its_baseline() {
    // catches: OS threads that stay behind a scope or a run, once or every time
    child_passes(|_| {
        let before = os_threads();
        for _ in 0..10 {
            let result = scope(|s| {
                for i in 0..10 {
                    s.spawn(format!("worker-{}", i % 3), "is short", |_| Ok(()))?;
                }
                Ok(())
            });
            assert!(result.is_ok());
            // The kernel lists a joined thread for a moment longer: `pthread_join` wakes before it
            // is unlisted.
            eventually("all are gone after a scope", || os_threads() == before);
            let exit = registry::run(|s| Ok(drop(s.service("service", "listens", until_stopped)?)));
            assert_eq!(exit.code(), 0);
            eventually("all are gone after a run", || os_threads() == before);
        }
        0
    });
}

#[test]
fn no_zombie_process() {
    // catches: a child process of a stopped thread that nobody waits for
    child_passes(|_| {
        let exit = registry::run(|s| {
            let (ready, is_ready) = bounded(1);
            s.spawn("keeper", "keeps a process", move |cx| {
                let mut process = std::process::Command::new("sleep").arg("3600").spawn()?;
                ready.send(process.id())?;
                cx.wait_for_stop();
                process.kill()?;
                assert!(!process.wait()?.success());
                Ok(())
            })?;
            is_ready.recv()?;
            s.stop();
            Ok(())
        });
        let me = std::process::id().to_string();
        let children: HashSet<String> = std::fs::read_dir("/proc")
            .expect("Linux")
            .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("stat")).ok())
            .filter(|stat| stat.rsplit(')').next().and_then(|s| s.split(' ').nth(2)) == Some(&me))
            .collect();
        assert!(children.is_empty(), "{children:?}");
        i32::from(exit.code())
    });
}

#[test]
fn services_do_not_block_the_shutdown() {
    // catches: a program of services and workers that waits for its services first
    within(|| {
        let order = Log::new();
        let result = scope(|s| {
            for name in ["monitor", "scanner"] {
                let order = order.clone();
                s.service(name, "runs all the time", move |cx| {
                    cx.ticks(Duration::from_millis(1)).for_each(drop);
                    Ok(order.add("service"))
                })?;
            }
            let order = order.clone();
            s.spawn("worker", "does the work", move |_| {
                linger(10);
                Ok(order.add("worker"))
            })?;
            Ok(())
        });
        assert!(result.is_ok());
        assert_eq!(order.all(), ["worker", "service", "service"]);
    });
}

#[test]
fn shutdown_is_idempotent() {
    // catches: a second shutdown that fails, waits or counts again
    within(|| {
        let result = scope(|s| {
            s.spawn("worker", "listens", until_stopped)?;
            let (first, second) = (s.shutdown(LIMIT), s.shutdown(LIMIT));
            assert!(!first.repeated && second.repeated);
            assert_eq!((first.total, first.joined), (second.total, second.joined));
            assert!(s.spawn("late", "comes after it", |_| Ok(())).is_err());
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn a_second_registry_after_the_first_starts_afresh() {
    // catches: counts, reasons or threads carried over
    child_passes(|_| {
        for _ in 0..3 {
            let exit = registry::run(|s| {
                assert!(!s.is_stopping() && s.active_threads().is_empty());
                s.spawn("worker", "listens", until_stopped)?;
                Ok(drop(s.shutdown(LIMIT)))
            });
            assert_eq!((exit.shutdown.total, exit.code()), (1, 0), "{}", exit.shutdown);
        }
        0
    });
}

#[test]
fn threads_in_io_like_waits_come_home() {
    // catches: a wait on a queue, a timer or a full pipe that the stop does not end
    within(|| {
        let result = scope(|s| {
            for (kind, wait) in every_wait() {
                s.spawn(kind, "waits", wait)?;
            }
            let report = s.shutdown(LIMIT);
            assert_eq!(report.joined, every_wait().len(), "{report}");
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn threads_in_cpu_loops_come_home() {
    // catches: a flag that a busy loop does not see
    within(|| {
        let turns = AtomicUsize::new(0);
        let result = scope(|s| {
            for _ in 0..4 {
                s.spawn("busy", "computes", |cx| {
                    while !cx.is_stopping() {
                        turns.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(())
                })?;
            }
            eventually("they turn", || turns.load(Ordering::Relaxed) > 1000);
            let report = s.shutdown(LIMIT);
            assert_eq!((report.joined, report.timeout), (4, 0), "{report}");
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn crashed_threads_come_home() {
    // catches: a crash that takes the others along, or hides
    within(|| {
        let others_ran = AtomicBool::new(false);
        let result = scope(|s| {
            let crash = s.thread("crashed", "panics").isolated().spawn(|_| -> Result { panic!("crash") })?;
            let _ = crash.done().recv();
            s.spawn("other", "goes on", |_| Ok(others_ran.store(true, Ordering::SeqCst)))?.join()?;
            let report = s.shutdown(LIMIT);
            assert_eq!(report.timeout, 0, "{report}");
            Ok(())
        });
        assert_eq!(result.unwrap_err().failures().len(), 1);
        assert!(others_ran.into_inner());
    });
}
