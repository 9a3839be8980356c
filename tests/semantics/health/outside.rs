//! HE3: a thread that is blocked outside of homebound's waits: one line for each episode.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use homebound::Registry;
use homebound::status::AlarmLevel;

#[test]
fn he3_a_block_is_warned_of_once_and_its_end_is_told_once() {
    child_passes(|_| {
        let lines = Lines::of_process();
        let lock = Arc::new(Mutex::new(()));
        let exit = Registry::new("app").health(quick().stuck_after(NEVER)).run(|s| {
            for episode in 1..=2 {
                let held = lock.lock().unwrap();
                let own = lock.clone();
                let (go, gone) = crossbeam_channel::bounded(0);
                let late = s.spawn("late", "wants a lock of std's", move |cx| {
                    cx.recv(&gone)?;
                    let _mine = own.lock().unwrap();
                    cx.sleep(Duration::from_millis(1))?;
                    Ok(())
                })?;
                // In the wait, so that this is its last line.
                eventually("it waits", || row("late").wait.is_some());
                go.send(())?;
                lines.wait_for("WARN", episode);
                let alarm = row("late").alarm.expect("it is warned of");
                assert_eq!((alarm.level, alarm.expected_every), (AlarmLevel::Warned, None));
                assert!(alarm.since.elapsed() >= WARN);
                let_pass(WARN * 2);
                assert_eq!(lines.of("WARN").len(), episode, "one line for an episode");
                assert_eq!(lines.of("INFO").len(), episode - 1);
                drop(held);
                lines.wait_for("INFO", episode);
                late.join()?;
            }
            let warning = &lines.of("WARN")[0];
            let facts = [
                "path=/app/late",
                "name=late",
                "purpose=wants a lock of std's",
                "spawned_from=",
                "last_line=recv at tests/semantics/health/outside.rs",
                "kernel_wait=futex",
                "system_call=futex",
                "blocked outside of homebound",
            ];
            facts.into_iter().for_each(|fact| assert!(warning.contains(fact), "{fact} in {warning}"));
            let stack = warning.split(" stack=").nth(1).expect("a stack");
            // A busy machine may have no time for the names of the functions.
            assert!(stack.contains("lock") || stack.contains("+0x"), "{stack}");
            assert!(!stack.starts_with("none"), "{stack}");
            let over = &lines.of("INFO")[0];
            assert!(over.contains("runs again") && over.contains("path=/app/late"), "{over}");
            Ok(assert_eq!(lines.of("ERROR"), Vec::<String>::new()))
        });
        i32::from(exit.code())
    });
}

#[test]
fn he3_a_thread_that_runs_between_two_blocks_has_two_episodes() {
    // catches: an alarm that stays while the thread computes, so that its end is told in each look,
    // and the next block never
    child_passes(|_| {
        let lines = Lines::of_process();
        let exit = Registry::new("app").health(quick().stuck_after(NEVER)).run(|s| {
            let (open, shut) = gate();
            let (open_again, shut_again) = gate();
            let computes = AtomicBool::new(true);
            s.subscope("inner", |inner| {
                inner.spawn("late", "blocks, computes, and blocks", |_| {
                    pass(&shut);
                    while computes.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                    Ok(pass(&shut_again))
                })?;
                lines.wait_for("WARN", 1);
                drop(open);
                lines.wait_for("INFO", 1);
                let_pass(LOOK * 6);
                assert_eq!((lines.of("WARN").len(), lines.of("INFO").len()), (1, 1), "{:?}", lines.all());
                computes.store(false, Ordering::Relaxed);
                lines.wait_for("WARN", 2);
                drop(open_again);
                lines.wait_for("INFO", 2);
                Ok(assert_eq!(lines.all().len(), 4, "{:?}", lines.all()))
            })?;
            Ok(())
        });
        i32::from(exit.code())
    });
}

#[test]
fn he3_a_longer_block_is_stuck_and_the_snapshot_lists_it() {
    child_passes(|_| {
        let lines = Lines::of_process();
        let lock = Arc::new(Mutex::new(()));
        let held = lock.lock().unwrap();
        let exit = Registry::new("app").health(quick()).run(|s| {
            assert!(registry::snapshot().unwrap().unhealthy().is_empty());
            let own = lock.clone();
            s.spawn("late", "wants a lock of std's", move |_| Ok(drop(own.lock())))?;
            lines.wait_for("ERROR", 1);
            assert_eq!(lines.of("WARN").len(), 1, "first it was warned of");
            let snapshot = registry::snapshot().unwrap();
            let names: Vec<_> = snapshot.unhealthy().iter().map(|thread| thread.name.clone()).collect();
            assert_eq!(names, ["late"]);
            assert_eq!(snapshot.unhealthy()[0].alarm.as_ref().unwrap().level, AlarmLevel::Stuck);
            let dump = snapshot.to_string();
            assert!(dump.contains("1 unhealthy"), "{dump}");
            assert!(dump.contains("STUCK: blocked outside of homebound for "), "{dump}");
            drop(held);
            lines.wait_for("INFO", 1);
            eventually("no alarm is left", || registry::snapshot().unwrap().unhealthy().is_empty());
            Ok(assert_eq!(lines.of("ERROR").len(), 1))
        });
        i32::from(exit.code())
    });
}
