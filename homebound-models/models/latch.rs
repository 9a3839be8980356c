//! Owns the models of threads that sleep until a fact changes: words, latches.
//! Refuses to know what they sleep for.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::TryRecvError;
use loom::thread::spawn;

use super::explore;
use crate::rt::event_count::EventCount;
use crate::rt::flags::Flags;
use crate::rt::latch::Latch;
use crate::sync::AtomicBool;

/// Two threads sleep. A thread that sets a flag and then wakes leaves none of them asleep.
#[test]
fn flags_wake_all() {
    explore("flags_wake_all", 4, || {
        let flags = Arc::new(Flags::new(0));
        let sleepers = [(); 2].map(|()| {
            let flags = Arc::clone(&flags);
            spawn(move || {
                flags.sleep_while(1, 0, None);
                assert_eq!(flags.load() & 1, 1, "a sleep without end is ended by the flag");
            })
        });
        flags.set(1);
        if flags.has_sleepers() {
            flags.wake();
        }
        sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
        assert!(!flags.has_sleepers(), "a thread that is awake is not counted");
    });
}

/// A sleeper that has looked for a change in vain and went to sleep sees every change that was made
/// before a note.
#[test]
fn changes_are_not_missed() {
    explore("changes_are_not_missed", 4, || {
        let told = Arc::new((EventCount::default(), AtomicBool::new(false)));
        let sleepers = [(); 2].map(|()| {
            let told = Arc::clone(&told);
            spawn(move || {
                loop {
                    let seen = told.0.epoch();
                    if told.1.load(Ordering::Relaxed) {
                        return;
                    }
                    told.0.wait(seen, None);
                }
            })
        });
        told.1.store(true, Ordering::Relaxed);
        told.0.notify();
        sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
    });
}

/// Two threads wait for a fact. When it is set, both go on.
#[test]
fn latch_wakes_all() {
    explore("latch_wakes_all", 4, || {
        let latch = Arc::new(Latch::default());
        let waiters = [(); 2].map(|()| {
            let latch = Arc::clone(&latch);
            spawn(move || assert!(latch.wait(None, &|| false), "it is set"))
        });
        latch.set();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
}

/// A thread that asks for the signal gets a signal that ends, whether the latch is set before,
/// meanwhile or after.
#[test]
fn latch_ends_its_signal() {
    explore("latch_ends_its_signal", 4, || {
        let latch = Arc::new(Latch::default());
        let selectors = [(); 2].map(|()| {
            let latch = Arc::clone(&latch);
            spawn(move || latch.signal().clone())
        });
        latch.set();
        for selector in selectors {
            assert_eq!(selector.join().unwrap().try_recv(), Err(TryRecvError::Disconnected));
        }
    });
}

/// One of two waiters is told to give up; the other waits on.
#[test]
fn latch_lets_one_give_up() {
    explore("latch_lets_one_give_up", 4, || {
        let shared = Arc::new((Latch::default(), AtomicBool::new(false)));
        let own = Arc::clone(&shared);
        let gives_up =
            spawn(move || assert!(!own.0.wait(None, &|| own.1.load(Ordering::Acquire)), "nobody has set it"));
        let own = Arc::clone(&shared);
        let waits = spawn(move || assert!(own.0.wait(None, &|| false), "it is set"));
        shared.1.store(true, Ordering::Release);
        shared.0.look_again();
        gives_up.join().unwrap();
        shared.0.set();
        waits.join().unwrap();
    });
}
