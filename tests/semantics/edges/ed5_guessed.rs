//! Owns locks that do not tell their owner: mutexes of std and of `parking_lot`.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::{Arc, Barrier, Mutex};

use homebound::{LockKind, Result, Scope, Stacks};

use super::{holder, look, over, row, shown, until_held, until_locked};
use crate::common::*;

#[inline(never)]
fn book(first: &Mutex<u64>, second: &Mutex<u64>, met: &Barrier) -> u64 {
    let mut first = first.lock().unwrap();
    met.wait();
    *first += *second.lock().unwrap();
    *first
}

/// Two threads, of which each holds a mutex of std's and wants the other's.
fn crossed(s: &Scope<'_, '_>, a: &Arc<Mutex<u64>>, b: &Arc<Mutex<u64>>) -> Result {
    let met = Arc::new(Barrier::new(2));
    for (name, first, second) in [("ledger-in", a, b), ("ledger-out", b, a)] {
        let (first, second, met) = (first.clone(), second.clone(), met.clone());
        s.spawn(name, "books", move |_| over(book(&first, &second, &met)))?;
    }
    Ok(())
}

#[test]
fn ed6_two_mutexes_of_std_are_shown_as_a_cycle_that_is_a_guess() {
    // catches: no cycle; a guess that is called certain; the owner of both mutexes as a third
    shown(|s| {
        let (a, b) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
        crossed(s, &a, &b)?;
        eventually("both wait", || {
            let snapshot = look(s, Stacks::Asleep);
            let [cycle] = &snapshot.cycles[..] else { return false };
            let mut names: Vec<_> = cycle.edges.iter().map(|edge| &*edge.path).collect();
            names.sort_unstable();
            assert_eq!((cycle.known, &names[..]), (false, &["/shop/ledger-in", "/shop/ledger-out"][..]));
            assert!(cycle.edges.iter().all(|edge| edge.lock.unwrap().kind == LockKind::StdMutex));
            let text = snapshot.to_string();
            assert!(text.contains("perhaps held by /shop/ledger-"), "{text}");
            // The beginning of the line says for all steps that they are guesses.
            let circle = text.lines().find(|line| line.starts_with("deadlock")).expect("a line");
            assert!(circle.starts_with("deadlock, perhaps: /shop/ledger-"), "{circle}");
            assert!(circle.matches(" -> ").count() == 2 && !circle.contains("-(perhaps)->"), "{circle}");
            true
        });
        Ok(drop((a, b)))
    });
}

#[inline(never)]
fn audits(books: &Mutex<u64>, ledger: &crossbeam_channel::Receiver<homebound::Handle<'_, ()>>) -> Result {
    let books = books.lock().unwrap();
    say("held");
    ledger.recv()?.join()?;
    over(books)
}

#[test]
fn ed6_a_circle_marks_the_steps_that_are_guesses_if_others_are_not() {
    // catches: a join that is told as a guess; a guess that is told as certain beside a join
    shown(|s| {
        let (books, (told, hear)) = (Arc::new(Mutex::new(0)), crossbeam_channel::bounded(1));
        let (held, probe) = (books.clone(), books.clone());
        s.spawn("auditor", "joins with a lock held", move |_| audits(&held, &hear))?;
        eventually("it holds", || probe.try_lock().is_err());
        let ledger = s.spawn("ledger", "wants the lock", move |_| over(books.lock().unwrap()))?;
        assert!(told.send(ledger).is_ok());
        drop(probe);
        let steps = "/shop/auditor -> /shop/ledger -(perhaps)-> /shop/auditor";
        let turned = "/shop/ledger -(perhaps)-> /shop/auditor -> /shop/ledger";
        eventually("both wait", || {
            let text = look(s, Stacks::Asleep).to_string();
            [steps, turned].iter().any(|circle| text.contains(&format!("deadlock, perhaps: {circle}\n")))
        });
        Ok(())
    });
}

#[test]
fn ed5_a_cycle_is_shown_beside_a_thread_that_computes() {
    // catches: a thread whose stack cannot be read, and for which a deadlock is not told
    shown(|s| {
        s.spawn("renderer", "computes", |_| -> Result {
            loop {
                std::hint::spin_loop();
            }
        })?;
        crossed(s, &Arc::new(Mutex::new(0)), &Arc::new(Mutex::new(0)))?;
        eventually("both wait", || look(s, Stacks::Asleep).cycles.len() == 1);
        // The kernel's word for no function.
        let text = look(s, Stacks::Asleep).to_string();
        assert!(!text.contains("(kernel: 0)"), "{text}");
        Ok(())
    });
}

#[inline(never)]
fn load_prices(cache: &parking_lot::Mutex<Vec<u64>>, gate: &crossbeam_channel::Receiver<()>) {
    let mut held = cache.lock();
    held.push(1);
    say("held");
    pass(gate);
    held.push(2);
}

#[test]
fn ed5_the_holder_of_a_mutex_of_parking_lot_is_perhaps_named() {
    // catches: the word at which the waiter waits, taken for the lock; a name without "perhaps"
    shown(|s| {
        let cache = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let (open, gate) = gate();
        let held = cache.clone();
        s.spawn("loader", "holds the lock", move |_| Ok(load_prices(&held, &gate)))?;
        eventually("it holds", || cache.is_locked());
        let wanted = cache.clone();
        s.spawn("user", "wants it", move |_| Ok(wanted.lock().clear()))?;
        let snapshot = until_held(s, "user", "/shop/loader");
        let edge = holder(&snapshot, "user").unwrap();
        assert_eq!((edge.known, edge.lock.unwrap().kind), (false, LockKind::ParkingLot), "{edge:?}");
        assert_eq!(edge.lock.unwrap().address, std::ptr::from_ref(&*cache) as u64, "this very lock");
        Ok(drop(open))
    });
}

#[test]
fn ed5_of_a_hundred_threads_with_the_lock_at_hand_none_is_named() {
    // catches: each owner of an `Arc` taken for a holder; the first of many
    shown(|s| {
        let lock = Arc::new(Mutex::new(0_u64));
        let (open, gate) = gate();
        // The guard is nobody's: its thread has left it.
        let left = lock.clone();
        s.spawn("leaver", "leaves the lock held", move |_| Ok(std::mem::forget(left.lock())))?.join()?;
        for place in 0..100 {
            let (lock, gate) = (lock.clone(), gate.clone());
            s.spawn(format!("owner-{place}"), "has the lock at hand", move |_| {
                let at_hand = std::hint::black_box(&*lock);
                pass(&gate);
                over(std::hint::black_box(at_hand))
            })?;
        }
        s.spawn("waiter", "wants it", move |_| Ok(drop(lock.lock())))?;
        until_locked(s, "waiter");
        let snapshot = look(s, Stacks::Asleep);
        assert!(row(&snapshot, "waiter").stack.is_some(), "{snapshot}");
        assert!(holder(&snapshot, "waiter").is_none(), "{snapshot}");
        assert!(snapshot.cycles.is_empty());
        Ok(drop(open))
    });
}

/// Has the lock in its frame, and has used it.
#[inline(never)]
pub(super) fn has_used(lock: &Mutex<u64>, gate: &crossbeam_channel::Receiver<()>) {
    *lock.lock().unwrap() += 1;
    pass(gate);
    std::hint::black_box(lock);
}

#[inline(never)]
pub(super) fn computes_with(lock: &Mutex<u64>, told: &crossbeam_channel::Sender<()>) {
    let mut held = lock.lock().unwrap();
    told.send(()).unwrap();
    loop {
        *std::hint::black_box(&mut *held) += 1;
    }
}

#[test]
fn ed5_beside_a_holder_that_computes_no_bystander_is_named() {
    // catches: the only thread that could be read, taken for the holder
    shown(|s| {
        let lock = Arc::new(Mutex::new(0));
        let (open, gate) = gate();
        let used = lock.clone();
        s.spawn("bystander", "has used the lock", move |_| over(has_used(&used, &gate)))?;
        let ((told, hear), held) = (crossbeam_channel::bounded(1), lock.clone());
        s.spawn("holder", "computes with the lock", move |_| over(computes_with(&held, &told)))?;
        hear.recv()?;
        s.spawn("waiter", "wants it", move |_| Ok(drop(lock.lock())))?;
        until_locked(s, "waiter");
        for _ in 0..20 {
            let snapshot = look(s, Stacks::Asleep);
            assert!(holder(&snapshot, "waiter").is_none(), "{snapshot}");
        }
        Ok(drop(open))
    });
}

#[test]
fn ed5_a_thread_that_computes_without_the_lock_hides_no_holder() {
    // catches: any thread that computes, taken for a holder
    shown(|s| {
        s.spawn("renderer", "computes", |_| -> Result {
            loop {
                std::hint::spin_loop();
            }
        })?;
        let cache = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let (open, gate) = gate();
        let held = cache.clone();
        s.spawn("loader", "holds the lock", move |_| Ok(load_prices(&held, &gate)))?;
        eventually("it holds", || cache.is_locked());
        s.spawn("user", "wants it", move |_| Ok(cache.lock().clear()))?;
        until_held(s, "user", "/shop/loader");
        Ok(drop(open))
    });
}

#[test]
fn ed5_the_looking_thread_counts_as_a_holder() {
    // catches: the thread that looks has no stack, so another is named for it
    shown(|s| {
        let lock = Mutex::new(0_u64);
        let lock: &'static Mutex<u64> = Box::leak(Box::new(lock));
        let (open, gate) = gate();
        s.spawn("bystander", "has used the lock", move |_| over(has_used(lock, &gate)))?;
        eventually("it has used it", || *lock.lock().unwrap() == 1);
        let held = lock.lock().unwrap();
        s.spawn("waiter", "wants it", move |_| Ok(drop(lock.lock())))?;
        until_locked(s, "waiter");
        let snapshot = look(s, Stacks::Asleep);
        assert!(holder(&snapshot, "waiter").is_none(), "{snapshot}");
        drop(held);
        Ok(drop(open))
    });
}

/// A mutex that a thread has locked already, and a mutex whose holder has left it locked.
#[test]
fn ed5_an_unknown_holder_is_called_so_with_the_reason() {
    // catches: a lock without a word; a thread that waits for itself and of which nothing is said
    shown(|s| {
        s.spawn("twice", "locks twice", |_| {
            let lock = Mutex::new(0_u64);
            let _first = lock.lock().unwrap();
            over(lock.lock().map(drop))
        })?;
        let lock = Arc::new(Mutex::new(0_u64));
        let left = lock.clone();
        s.spawn("leaver", "leaves the lock held", move |_| Ok(std::mem::forget(left.lock())))?.join()?;
        for name in ["one", "two"] {
            let lock = lock.clone();
            s.spawn(name, "wants it", move |_| over(lock.lock().map(drop)))?;
        }
        let reasons = [
            ("twice", "no other stack has its address: perhaps this thread holds it itself"),
            ("one", "only threads that wait for it have its address"),
            ("two", "only threads that wait for it have its address"),
        ];
        reasons.iter().for_each(|(name, _)| until_locked(s, name));
        let snapshot = look(s, Stacks::Asleep);
        for (name, why) in reasons {
            assert!(holder(&snapshot, name).is_none(), "{snapshot}");
            let wanted = row(&snapshot, name).wants.expect("a lock");
            assert_eq!((wanted.lock.kind, &*wanted.why), (LockKind::StdMutex, why), "{name}: {snapshot}");
            assert!(
                snapshot.to_string().contains(&format!("std mutex, holder unknown ({why})")),
                "{snapshot}"
            );
        }
        Ok(())
    });
}

#[test]
fn ed5_a_guess_says_its_reason() {
    // catches: a name without the reason for which the thread is named
    shown(|s| {
        let (a, b) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
        crossed(s, &a, &b)?;
        eventually("both wait", || {
            let dump = look(s, Stacks::Asleep).to_string();
            dump.contains("std mutex perhaps held by /shop/ledger-in (no other stack has its address)")
        });
        Ok(drop((a, b)))
    });
}
