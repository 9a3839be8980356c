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
fn starves(look_every: &str) -> i32 {
    static OVER: AtomicBool = AtomicBool::new(false);
    let lines = Lines::of_process();
    let look = Duration::from_millis(look_every.parse().expect("a number"));
    let exit = Registry::new("app").health(quick().look_every(look).warn_after(Duration::ZERO)).run(|s| {
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
        let cx = s.context();
        eventually("poor: is starved", || {
            let _ = cx.sleep(Duration::from_millis(1));
            pulse("poor") == Some(Pulse::Starved)
        });
        let _ = cx.sleep(look.max(LOOK) * 4);
        // The body itself may be blocked for a moment, in the look at foreign threads.
        let of_poor = |line: &String| line.contains("path=/app/poor");
        assert!(!lines.all().iter().any(of_poor), "{:?}", lines.all());
        Ok(OVER.store(true, Ordering::Relaxed))
    });
    i32::from(exit.code())
}

#[test]
fn he1_a_thread_that_got_no_processor_between_two_looks_is_starved_and_not_blocked() {
    // catches: a thread that could run and was not put on a processor, taken for asleep
    child_passes_with("10", starves);
}

#[test]
fn he1_a_thread_that_got_next_to_no_processor_is_starved() {
    // catches: a few milliseconds in a second, taken for work
    child_passes_with("1000", starves);
}

/// A core on which this process may run.
fn homebound_core() -> usize {
    let allowed = rustix::thread::sched_getaffinity(None).expect("the cores of this process");
    (0..1024).find(|core| allowed.is_set(*core)).expect("at least one")
}
