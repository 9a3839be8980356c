//! Owns locks that tell their owner: mutexes of the C library, and those that lend a priority.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use homebound::{LockKind, Result, Scope, Stacks};

use super::{holder, look, over, row, shown, until_held};
use crate::common::*;

/// A mutex as a C library has it.
struct CMutex(UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: the C library locks it.
unsafe impl Send for CMutex {}
// SAFETY: as above.
unsafe impl Sync for CMutex {}

impl CMutex {
    fn new() -> Arc<CMutex> {
        Arc::new(CMutex(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER)))
    }

    /// With a protocol of priorities.
    fn inheriting() -> Arc<CMutex> {
        let mutex = CMutex::new();
        let mut kind = std::mem::MaybeUninit::uninit();
        // SAFETY: it makes the attributes.
        unsafe { libc::pthread_mutexattr_init(kind.as_mut_ptr()) };
        // SAFETY: they were made.
        unsafe { libc::pthread_mutexattr_setprotocol(kind.as_mut_ptr(), libc::PTHREAD_PRIO_INHERIT) };
        // SAFETY: nobody uses the mutex yet.
        assert_eq!(unsafe { libc::pthread_mutex_init(mutex.0.get(), kind.as_ptr()) }, 0);
        mutex
    }

    fn lock(&self) {
        // SAFETY: it is a mutex, which stays where it is.
        unsafe { libc::pthread_mutex_lock(self.0.get()) };
    }
}

/// Two threads, of which each holds a mutex and wants the other's.
fn crossed(s: &Scope<'_, '_>, a: &Arc<CMutex>, b: &Arc<CMutex>) -> Result {
    let met = Arc::new(std::sync::Barrier::new(2));
    for (name, first, second) in [("tables-1", a, b), ("tables-2", b, a)] {
        let (first, second, met) = (first.clone(), second.clone(), met.clone());
        s.spawn(name, "locks two tables", move |_| {
            first.lock();
            met.wait();
            second.lock();
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn ed4_the_owner_of_a_mutex_of_the_c_library_is_named() {
    // catches: a waiter without the thread that it waits for; a guess where the owner is known
    shown(|s| {
        let mutex = CMutex::new();
        let (open, gate) = gate();
        let held = mutex.clone();
        let first = s.spawn("tables-1", "holds the mutex", move |_| {
            held.lock();
            say("held");
            Ok(pass(&gate))
        })?;
        eventually("it holds", || mutex_word(&mutex) != 0);
        s.spawn("tables-2", "wants it", move |_| over(mutex.lock()))?;
        let snapshot = until_held(s, "tables-2", "/shop/tables-1");
        let edge = holder(&snapshot, "tables-2").unwrap();
        assert_eq!((edge.known, edge.thread), (true, Some(first.id())), "{edge:?}");
        assert_eq!(edge.os_tid, row(&snapshot, "tables-1").os_tid);
        assert_eq!(edge.lock.unwrap().kind, LockKind::Pthread);
        assert!(snapshot.to_string().contains(" HELD BY /shop/tables-1"), "{snapshot}");
        assert!(snapshot.cycles.is_empty(), "{:?}", snapshot.cycles);
        assert!(row(&snapshot, "tables-1").waits_for.is_empty(), "the holder waits for nobody");
        Ok(drop(open))
    });
}

fn mutex_word(mutex: &CMutex) -> u32 {
    // SAFETY: glibc begins a mutex with the word of the lock.
    let word = unsafe { &*mutex.0.get().cast::<AtomicU32>() };
    word.load(Ordering::Relaxed)
}

#[test]
fn ed6_two_mutexes_of_the_c_library_are_shown_as_a_cycle() {
    // catches: no cycle; a cycle that is called a guess, has one name, or stands there twice
    shown(|s| {
        crossed(s, &CMutex::new(), &CMutex::new())?;
        let snapshot = until_held(s, "tables-1", "/shop/tables-2");
        let snapshot =
            if snapshot.cycles.is_empty() { until_held(s, "tables-2", "/shop/tables-1") } else { snapshot };
        let [cycle] = &snapshot.cycles[..] else { panic!("{:?}", snapshot.cycles) };
        let mut names: Vec<_> = cycle.edges.iter().map(|edge| &*edge.path).collect();
        names.sort_unstable();
        assert_eq!((cycle.known, &names[..]), (true, &["/shop/tables-1", "/shop/tables-2"][..]), "{cycle:?}");
        Ok(())
    });
}

#[test]
fn ed6_a_thread_that_locks_a_mutex_twice_waits_for_itself() {
    // catches: a thread that is left out as the holder of its own lock
    shown(|s| {
        let mutex = CMutex::new();
        s.spawn("twice", "locks twice", move |_| {
            mutex.lock();
            over(mutex.lock())
        })?;
        let snapshot = until_held(s, "twice", "/shop/twice");
        let [cycle] = &snapshot.cycles[..] else { panic!("{:?}", snapshot.cycles) };
        assert_eq!((cycle.known, cycle.edges.len()), (true, 1), "{cycle:?}");
        let dump = snapshot.to_string();
        assert!(dump.contains("/shop/twice waits for itself"), "{dump}");
        assert!(dump.contains("pthread mutex HELD BY itself"), "{dump}");
        Ok(())
    });
}

#[test]
fn ed4_the_owner_of_a_lock_that_lends_its_priority_is_named_without_a_stack() {
    // catches: an operation of a futex that is taken for a wait; the upper bits taken for the owner
    shown(|s| {
        let mutex = CMutex::inheriting();
        let (open, gate) = gate();
        let held = mutex.clone();
        s.spawn("motor", "holds the lock", move |_| {
            held.lock();
            Ok(pass(&gate))
        })?;
        eventually("it holds", || mutex_word(&mutex) != 0);
        s.spawn("brake", "wants it", move |_| over(mutex.lock()))?;
        eventually("the owner is named", || {
            let snapshot = look(s, Stacks::Off);
            holder(&snapshot, "brake").is_some_and(|edge| {
                let kind = edge.lock.unwrap().kind;
                (&*edge.path, edge.known, kind) == ("/shop/motor", true, LockKind::PriorityInheriting)
            })
        });
        Ok(drop(open))
    });
}

#[test]
fn ed4_a_holder_without_a_row_is_named_all_the_same() {
    // catches: a holder that is in no row of the tree, which is then nobody; one that has ended
    shown(|s| {
        let (open, gate) = gate();
        let [by_foreign, by_ended] = [CMutex::new(), CMutex::new()];
        let held = by_foreign.clone();
        std::thread::Builder::new().name("alien".to_owned()).spawn(move || {
            held.lock();
            pass(&gate);
        })?;
        eventually("it holds", || mutex_word(&by_foreign) != 0);
        s.spawn("tables", "wants it", move |_| over(by_foreign.lock()))?;
        until_held(s, "tables", "thread \"alien\"");
        let held = by_ended.clone();
        let ended = std::thread::spawn(move || {
            held.lock();
            rustix::thread::gettid().as_raw_nonzero().get()
        });
        let ended = ended.join().unwrap();
        s.spawn("late", "wants what nobody gives back", move |_| over(by_ended.lock()))?;
        until_held(s, "late", &format!("thread {ended}, which has ended"));
        Ok(drop(open))
    });
}

#[test]
fn ed4_in_a_registry_a_foreign_thread_is_called_so() {
    // catches: a foreign thread that is looked for in the tree alone; a waiter without a row
    let done = in_child("", |_| {
        let (keep, gate) = gate();
        let exit = homebound::registry::Registry::new("shop").run(move |s| {
            let [a, b] = [CMutex::new(), CMutex::new()];
            let (first, second, let_go) = (a.clone(), b.clone(), gate.clone());
            std::thread::Builder::new().name("alien".to_owned()).spawn(move || {
                first.lock();
                pass(&let_go);
                second.lock();
            })?;
            eventually("it holds", || mutex_word(&a) != 0);
            let held = b.clone();
            s.spawn("tables", "wants it", move |_| {
                held.lock();
                over(a.lock())
            })?;
            eventually("it holds", || mutex_word(&b) != 0);
            until_held(s, "tables", "foreign thread \"alien\"");
            drop(keep);
            eventually("the foreign thread waits", || !look(s, Stacks::Asleep).cycles.is_empty());
            let [cycle] = &look(s, Stacks::Asleep).cycles[..] else { panic!("one cycle") };
            assert_eq!((cycle.known, cycle.edges.len()), (true, 2), "{cycle:?}");
            std::process::exit(77)
        });
        let _: homebound::Exit<()> = exit;
        1
    });
    assert_eq!(done.code, Some(77), "{done:#?}");
}

#[test]
fn ed6_a_lock_and_a_join_make_a_cycle_together() {
    // catches: edges of one sort that are searched alone
    shown(|s| {
        let mutex = CMutex::new();
        let (told, hear) = crossbeam_channel::bounded::<homebound::Handle<'_, ()>>(1);
        let held = mutex.clone();
        s.spawn("auditor", "joins with a lock held", move |cx| {
            held.lock();
            Ok(cx.recv(&hear)?.join()?)
        })?;
        eventually("it holds", || mutex_word(&mutex) != 0);
        let ledger = s.spawn("ledger", "wants the lock", move |_| over(mutex.lock()))?;
        assert!(told.send(ledger).is_ok());
        let snapshot = until_held(s, "ledger", "/shop/auditor");
        let snapshot = if snapshot.cycles.is_empty() {
            eventually("it joins", || !row(&look(s, Stacks::Off), "auditor").waits_for.is_empty());
            until_held(s, "ledger", "/shop/auditor")
        } else {
            snapshot
        };
        let [cycle] = &snapshot.cycles[..] else { panic!("{:?}", snapshot.cycles) };
        assert_eq!((cycle.known, cycle.edges.len()), (true, 2), "{cycle:?}");
        Ok(())
    });
}

/// Waits at a word as a mutex of the C library does, with another thread's id where that has its
/// owner; and is none, although its name sounds so.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn pthread_mutex_of_ours_lock(words: &[AtomicU32; 3]) {
    loop {
        // SAFETY: the word is there, and no time is given.
        unsafe {
            libc::syscall(libc::SYS_futex, &words[0], libc::FUTEX_WAIT, 2, std::ptr::null::<libc::timespec>())
        };
    }
}

#[test]
fn ed4_a_function_outside_of_the_c_library_tells_no_owner() {
    // catches: a thread that is called a holder for certain, by the name of a function alone
    shown(|s| {
        let (_open, gate) = gate();
        s.spawn("other", "holds nothing", move |_| Ok(pass(&gate)))?;
        eventually("it is there", || row(&look(s, Stacks::Off), "other").os_tid.is_some());
        let other = row(&look(s, Stacks::Off), "other").os_tid.expect("asked above");
        s.spawn("waiter", "waits at a word", move |_| {
            let words = [AtomicU32::new(2), AtomicU32::new(0), AtomicU32::new(other)];
            over(pthread_mutex_of_ours_lock(&words))
        })?;
        eventually("it waits", || {
            let waiter = row(&look(s, Stacks::Asleep), "waiter");
            waiter.stack.is_some_and(|stack| format!("{stack:#}").contains("pthread_mutex_of_ours_lock"))
        });
        let snapshot = look(s, Stacks::Asleep);
        assert!(row(&snapshot, "waiter").waits_for.is_empty(), "{snapshot}");
        Ok(())
    });
}

/// A thread that locks a mutex in the body of a scope, and then waits for a thread that wants it.
fn holds_in_a_body(s: &Scope<'_, '_>, joins: bool) -> Result {
    let mutex = CMutex::new();
    s.thread("runner", "waits with a lock held").spawn(move |cx| {
        cx.subscope("inner", |inner| {
            mutex.lock();
            let wanted = mutex.clone();
            let worker = inner.spawn("worker", "wants the lock", move |_| over(wanted.lock()))?;
            if joins { Ok(worker.join()?) } else { Ok(()) }
        })?;
        Ok(())
    })?;
    eventually("both wait", || {
        let snapshot = look(s, Stacks::Asleep);
        let [cycle] = &snapshot.cycles[..] else { return false };
        assert_eq!((cycle.known, cycle.edges.len()), (true, 2), "{cycle:?}");
        assert!(cycle.edges.iter().any(|edge| edge.path.ends_with("/inner/worker")), "{cycle:?}");
        true
    });
    Ok(())
}

#[test]
fn ed6_the_end_of_a_scope_and_a_lock_make_a_cycle_together() {
    // catches: an end of a scope that leads to none of its threads
    shown(|s| holds_in_a_body(s, false));
}

#[test]
fn ed6_a_join_in_the_body_of_a_scope_and_a_lock_make_a_cycle_together() {
    // catches: a thread and the body that it runs, taken for two, of which one is in no wait
    shown(|s| holds_in_a_body(s, true));
}
