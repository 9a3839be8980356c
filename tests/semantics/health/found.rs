//! HE1: the four kinds of a pulse are told apart.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use homebound::{Priority, Registry};

/// Waits until the pulse of a thread is such a one.
fn until_pulse(name: &str, what: &str, is: impl Fn(&Pulse) -> bool) {
    eventually(&format!("{name}: {what}"), || pulse(name).as_ref().is_some_and(&is));
}

#[test]
fn he1_a_wait_work_and_a_block_are_told_apart() {
    child_passes(|_| {
        static OVER: AtomicBool = AtomicBool::new(false);
        let lock = Arc::new(Mutex::new(()));
        let held = lock.lock().unwrap();
        let exit = Registry::new("app").health(quick()).run(|s| {
            s.service("idle", "waits", |cx| Ok(drop(cx.wait_for_stop())))?;
            s.spawn("busy", "spins", |_| {
                while !OVER.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
                Ok(())
            })?;
            s.spawn("poller", "sleeps in std, again and again", |_| {
                while !OVER.load(Ordering::Relaxed) {
                    sleep_outside(Duration::from_millis(5));
                }
                Ok(())
            })?;
            let own = lock.clone();
            s.spawn("locked", "wants a lock of std's", move |_| Ok(drop(own.lock())))?;
            until_pulse("idle", "waits", |pulse| *pulse == Pulse::Waits);
            until_pulse("busy", "works", |pulse| matches!(pulse, Pulse::Works { cpu } if !cpu.is_zero()));
            until_pulse("poller", "works", |pulse| matches!(pulse, Pulse::Works { .. }));
            until_pulse("locked", "is blocked", |pulse| {
                let Pulse::Blocked { kernel, since, .. } = pulse else { return false };
                since.elapsed() < LIMIT && kernel.as_deref().is_some_and(|kernel| kernel.contains("futex"))
            });
            OVER.store(true, Ordering::Relaxed);
            drop(held);
            Ok(())
        });
        i32::from(exit.code())
    });
}

/// A thread that gets the processor only when no other thread wants it is starved, and no alarm.
#[test]
fn he1_a_thread_without_a_processor_is_starved_and_not_blocked() {
    child_passes(|_| {
        static OVER: AtomicBool = AtomicBool::new(false);
        let lines = Lines::of_process();
        let exit = Registry::new("app").health(quick().warn_after(LOOK)).run(|s| {
            let spin = |_: &homebound::Context| {
                while !OVER.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
                Ok(())
            };
            let core = homebound_core();
            s.thread("poor", "spins").priority(Priority::Background).cores([core]).spawn(spin)?;
            for name in ["rich-1", "rich-2"] {
                s.thread(name, "spins").cores([core]).spawn(spin)?;
            }
            until_pulse("poor", "is starved", |pulse| *pulse == Pulse::Starved);
            let_pass(LOOK * 10);
            assert!(lines.all().is_empty(), "{:?}", lines.all());
            OVER.store(true, Ordering::Relaxed);
            Ok(())
        });
        i32::from(exit.code())
    });
}

/// A core on which this process may run.
fn homebound_core() -> usize {
    let allowed = rustix::thread::sched_getaffinity(None).expect("the cores of this process");
    (0..1024).find(|core| allowed.is_set(*core)).expect("at least one")
}
