//! Owns read-write locks, which several threads may hold: their only holder is a guess.
#![allow(clippy::unit_arg)] // `Ok(drop(..))` reads well as the last word of a body

use std::sync::Arc;

use homebound::{LockKind, Result, Scope, Stacks};

use super::{holder, look, over, shown};
use crate::common::*;

/// A read-write lock that does not keep its owner.
trait Shared: Default + Send + Sync + 'static {
    /// Calls `inside` with the lock held for reading.
    fn read_held(&self, inside: &dyn Fn());
    /// The same, for writing.
    fn write_held(&self, inside: &dyn Fn());
}

impl Shared for std::sync::RwLock<u64> {
    #[inline(never)]
    fn read_held(&self, inside: &dyn Fn()) {
        let guard = self.read().unwrap();
        inside();
        std::hint::black_box(*guard);
    }

    #[inline(never)]
    fn write_held(&self, inside: &dyn Fn()) {
        let mut guard = self.write().unwrap();
        inside();
        *guard += 1;
    }
}

impl Shared for parking_lot::RwLock<u64> {
    #[inline(never)]
    fn read_held(&self, inside: &dyn Fn()) {
        let guard = self.read();
        inside();
        std::hint::black_box(*guard);
    }

    #[inline(never)]
    fn write_held(&self, inside: &dyn Fn()) {
        let mut guard = self.write();
        inside();
        *guard += 1;
    }
}

/// As `until_held`. Each look is made by a new thread, because a look may leave the address that it
/// has looked for on the stack of its thread, in which the next one would find it.
fn until_held_by_fresh_eyes<'scope>(
    s: &'scope Scope<'scope, '_>,
    waiter: &str,
    holder_path: &str,
) -> Result<homebound::Snapshot> {
    let end = std::time::Instant::now() + LIMIT / 2;
    loop {
        let eyes = s.thread("eyes", "look").dedicated();
        let snapshot = eyes.spawn(move |_| Ok(look(s, Stacks::Asleep)))?.join()?;
        if holder(&snapshot, waiter).is_some_and(|edge| edge.path == holder_path) {
            return Ok(snapshot);
        }
        assert!(std::time::Instant::now() < end, "{snapshot}");
        linger(5);
    }
}

/// A writer holds the lock, then a reader; each time a reader and a writer want it.
fn the_only_holder_is_named<L: Shared>(s: &Scope<'_, '_>, kind: LockKind) -> Result {
    for holder_writes in [true, false] {
        s.subscope(if holder_writes { "written" } else { "read" }, |s| {
            let lock = Arc::new(L::default());
            let ((open, gate), (told, hear)) = (gate(), crossbeam_channel::bounded(1));
            let held = lock.clone();
            let owner = s.spawn("holder", "holds the lock", move |_| {
                let inside = || {
                    told.send(()).unwrap();
                    pass(&gate);
                };
                if holder_writes {
                    held.write_held(&inside)
                } else {
                    held.read_held(&inside)
                }
                Ok(())
            })?;
            hear.recv()?;
            let (reads, writes) = (lock.clone(), lock.clone());
            s.spawn("writer", "wants to write", move |_| over(writes.write_held(&|| {})))?;
            let of_writer = until_held_by_fresh_eyes(s, "writer", owner.path())?;
            // Behind a writer that waits, a reader waits as well.
            s.spawn("reader", "wants to read", move |_| over(reads.read_held(&|| {})))?;
            let of_reader = until_held_by_fresh_eyes(s, "reader", owner.path())?;
            let edges = [holder(&of_writer, "writer"), holder(&of_reader, "reader")];
            // After the looks: the address is on the stack of the looking thread from here on.
            let address = std::ptr::from_ref(&*lock).addr() as u64;
            for edge in edges.into_iter().flatten() {
                assert_eq!((edge.known, edge.lock.unwrap().kind), (false, kind), "{edge:?}");
                assert_eq!(edge.lock.unwrap().address, address, "this very lock");
                assert!(edge.why.is_some(), "{edge:?}");
            }
            Ok(drop(open))
        })?;
    }
    Ok(())
}

#[test]
fn ed5_the_only_holder_of_a_read_write_lock_of_std_is_perhaps_named() {
    // catches: the word at which writers wait, taken for the lock; a reader that is not found
    shown(|s| the_only_holder_is_named::<std::sync::RwLock<u64>>(s, LockKind::StdRwLock));
}

#[test]
fn ed5_the_only_holder_of_a_read_write_lock_of_parking_lot_is_perhaps_named() {
    // catches: a writer that has the lock already, and waits for the readers at another key
    shown(|s| the_only_holder_is_named::<parking_lot::RwLock<u64>>(s, LockKind::ParkingLotRwLock));
}
