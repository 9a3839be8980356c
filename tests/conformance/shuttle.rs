//! Owns what shuttle's tests of threads ask: scopes, joins of dropped handles, thread-locals, park
//! tokens.
//! Refuses its scheduler: these run on the system's.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use homebound::scope;

use crate::common::*;

#[test]
fn scopes_side_by_side_and_one_after_another_share_what_they_borrow() {
    // from: thread_scope, thread_scope_multiple, thread_scope_join; pins P1
    within(|| {
        let (left, right) = (Mutex::new(0), Mutex::new(0));
        scope(|outer| {
            for half in [&left, &right] {
                outer.spawn("half", "has a scope of its own", move |_| {
                    Ok(scope(|inner| {
                        let first = inner.spawn("first", "adds", move |_| Ok(*half.lock().unwrap() += 1))?;
                        first.join()?;
                        assert_eq!(*half.lock().unwrap(), 1);
                        inner.spawn("second", "adds", move |_| Ok(*half.lock().unwrap() += 1))?;
                        Ok(())
                    })?)
                })?;
            }
            Ok(())
        })
        .unwrap();
        assert_eq!((left.into_inner().unwrap(), right.into_inner().unwrap()), (2, 2));
    });
}

#[test]
fn a_dropped_handle_stops_nothing_and_loses_nothing() {
    // from: thread_join_drop; pins P3
    within(|| {
        let (open, closed) = gate();
        let ran = AtomicUsize::new(0);
        scope(|s| {
            drop(s.spawn("held", "runs on without its handle", |_| {
                pass(&closed);
                Ok(_ = ran.fetch_add(1, Ordering::SeqCst))
            })?);
            assert_eq!(ran.load(Ordering::SeqCst), 0);
            Ok(drop(open))
        })
        .unwrap();
        assert_eq!(ran.into_inner(), 1);
    });
}

/// Adds to its log when it is dropped.
struct Tells(Log, &'static str);

impl Drop for Tells {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
}

thread_local!(static KEPT: RefCell<Option<Tells>> = const { RefCell::new(None) });

#[test]
fn a_thread_local_is_dropped_with_its_thread_and_not_with_the_owners() {
    // from: thread_local drop, drop_main_thread; pins P2
    within(|| {
        let log = Log::new();
        KEPT.set(Some(Tells(log.clone(), "owner's")));
        scope(|s| {
            let tells = Tells(log.clone(), "thread's");
            s.spawn("keeps", "has a value of its own", move |_| {
                assert!(KEPT.with_borrow(Option::is_none));
                Ok(KEPT.set(Some(tells)))
            })?;
            Ok(())
        })
        .unwrap();
        assert_eq!(log.all(), ["thread's"]);
        assert!(KEPT.with_borrow(Option::is_some));
    });
}

/// Makes a second thread-local as it is dropped.
struct Makes(Log);

impl Drop for Makes {
    fn drop(&mut self) {
        KEPT.set(Some(Tells(self.0.clone(), "made late")));
    }
}

#[test]
fn a_thread_local_that_is_made_by_a_destructor_is_dropped_too() {
    // from: thread_local drop_init; pins P2, E7
    thread_local!(static MAKER: RefCell<Option<Makes>> = const { RefCell::new(None) });
    within(|| {
        let log = Log::new();
        scope(|s| {
            let makes = Makes(log.clone());
            s.spawn("keeps", "has a destructor that makes another", move |_| Ok(MAKER.set(Some(makes))))?;
            Ok(())
        })
        .unwrap();
        assert_eq!(log.all(), ["made late"]);
    });
}

/// Takes a lock as it is dropped.
struct Locks(Arc<Mutex<usize>>);

impl Drop for Locks {
    fn drop(&mut self) {
        *self.0.lock().unwrap() += 1;
    }
}

#[test]
fn a_thread_locals_destructor_may_take_a_lock_that_others_hold() {
    // from: thread_local drop_lock; pins P2, E7
    thread_local!(static LOCKS: RefCell<Option<Locks>> = const { RefCell::new(None) });
    within(|| {
        let shared = Arc::new(Mutex::new(0));
        scope(|s| {
            for _ in 0..4 {
                let shared = shared.clone();
                s.thread("keeps", "locks at its very end").dedicated().spawn(move |_| {
                    let mut held = shared.lock().unwrap();
                    LOCKS.set(Some(Locks(shared.clone())));
                    linger(1);
                    Ok(*held += 1)
                })?;
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(*shared.lock().unwrap(), 8);
    });
}

#[test]
fn a_wait_neither_wakes_for_a_park_token_nor_takes_it() {
    // from: thread_park_spuriously_wakeup, thread_unpark_after_spurious_wakeup; pins W4
    in_scope(|s| {
        let parks = s.spawn("parks", "waits with a token, then parks", |cx| {
            thread::current().unpark();
            let end = std::time::Instant::now() + std::time::Duration::from_millis(5);
            cx.sleep_until(end)?;
            assert!(std::time::Instant::now() >= end, "woken by the token");
            Ok(thread::park())
        })?;
        parks.join()?;
        Ok(())
    });
}
