//! Owns the property of guesses: whatever threads do with a lock, no thread is named that does not
//! hold it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use homebound::{Scope, Stacks, scope_named};
use proptest::prelude::*;

use super::{look, over, row};
use crate::common::*;

/// A mutex that does not keep its owner.
trait Plain: Default + Send + Sync + 'static {
    /// Calls `inside` with the lock held.
    fn held(&self, inside: &mut dyn FnMut());

    /// The same, with the guard on the heap.
    fn held_from_heap(&self, inside: &mut dyn FnMut());
}

impl Plain for Mutex<u64> {
    #[inline(never)]
    fn held(&self, inside: &mut dyn FnMut()) {
        let mut guard = self.lock().unwrap();
        inside();
        *guard += 1;
    }

    #[inline(never)]
    fn held_from_heap(&self, inside: &mut dyn FnMut()) {
        let guard = Box::new(self.lock().unwrap());
        inside();
        drop(guard);
    }
}

impl Plain for parking_lot::Mutex<u64> {
    #[inline(never)]
    fn held(&self, inside: &mut dyn FnMut()) {
        let mut guard = self.lock();
        inside();
        *guard += 1;
    }

    #[inline(never)]
    fn held_from_heap(&self, inside: &mut dyn FnMut()) {
        let guard = Box::new(self.lock());
        inside();
        drop(guard);
    }
}

/// A lock in the middle of other fields.
#[derive(Default)]
struct Shared<L> {
    _before: [u64; 3],
    lock: L,
    over: AtomicBool,
}

impl<L> Shared<L> {
    /// Sleeps until the case is over.
    fn sleep(&self) {
        while !self.over.load(Ordering::Relaxed) {
            linger(1);
        }
    }

    /// Computes until the case is over.
    fn compute(&self) {
        while !self.over.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
    }
}

/// Ends the case, also if it fails.
struct Over<'a, L>(&'a Shared<L>);

impl<L> Drop for Over<'_, L> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

/// What a thread does beside the holder.
#[derive(Debug, Clone, Copy)]
enum Beside {
    OwnsTheArc,
    HasAReference,
    HasUsedIt,
    Computes,
    HasUsedItAndComputes,
    HoldsAnother,
    WaitsToo,
}

/// How the holder holds the lock.
#[derive(Debug, Clone, Copy)]
enum Holding {
    Asleep,
    Computing,
    FromTheHeap,
}

fn beside<L: Plain>(what: Beside, shared: &Shared<L>) {
    let lock = std::hint::black_box(&shared.lock);
    match what {
        Beside::OwnsTheArc => shared.sleep(),
        Beside::HasAReference => {
            shared.sleep();
            std::hint::black_box(lock);
        }
        Beside::HasUsedIt => {
            lock.held(&mut || {});
            shared.sleep();
        }
        Beside::Computes => shared.compute(),
        Beside::HasUsedItAndComputes => {
            lock.held(&mut || {});
            shared.compute();
        }
        Beside::HoldsAnother => L::default().held(&mut || shared.sleep()),
        Beside::WaitsToo => {}
    }
}

/// All threads but the holder have come to their places when it begins, and the waiters come last.
fn case<L: Plain>(s: &Scope<'_, '_>, others: &[Beside], holding: Holding, stacks: Stacks) {
    let shared = Arc::new(Shared::<L>::default());
    let kept = shared.clone();
    let _over = Over(&kept);
    let (told, hear) = crossbeam_channel::unbounded();
    for (place, what) in others.iter().copied().enumerate() {
        let (shared, told) = (shared.clone(), told.clone());
        let waits = matches!(what, Beside::WaitsToo);
        let run = move |_: &homebound::Context| {
            told.send(()).unwrap();
            over(beside(what, &shared))
        };
        if !waits {
            s.spawn(format!("other-{place}"), "is beside", run).unwrap();
            hear.recv().unwrap();
        }
    }
    let (held, told) = (shared.clone(), told);
    let holder = s.spawn("holder", "holds", move |_| {
        let mut inside = || {
            told.send(()).unwrap();
            match holding {
                Holding::Asleep | Holding::FromTheHeap => held.sleep(),
                Holding::Computing => held.compute(),
            }
        };
        match holding {
            Holding::FromTheHeap => held.lock.held_from_heap(&mut inside),
            Holding::Asleep | Holding::Computing => held.lock.held(&mut inside),
        }
        Ok(())
    });
    let holder = holder.unwrap();
    hear.recv().unwrap();
    let waiters = 1 + others.iter().filter(|what| matches!(what, Beside::WaitsToo)).count();
    for place in 0..waiters {
        let wanted = shared.clone();
        let wait = move |_: &homebound::Context| over(wanted.lock.held(&mut || {}));
        s.spawn(format!("waiter-{place}"), "wants the lock", wait).unwrap();
    }
    for _ in 0..3 {
        let snapshot = look(s, stacks);
        for place in 0..waiters {
            let edges = row(&snapshot, &format!("waiter-{place}")).waits_for;
            let named: Vec<_> = edges.iter().map(|edge| (&*edge.path, edge.known)).collect();
            assert!(named.is_empty() || named == [(holder.path(), false)], "{named:?} in {snapshot}");
        }
        assert!(snapshot.cycles.is_empty(), "{:?}", snapshot.cycles);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    fn no_thread_is_named_that_does_not_hold(
        others in prop::collection::vec(prop::sample::select(vec![
            Beside::OwnsTheArc, Beside::HasAReference, Beside::HasUsedIt, Beside::Computes,
            Beside::HasUsedItAndComputes, Beside::HoldsAnother, Beside::WaitsToo,
        ]), 0..5),
        holding in prop::sample::select(vec![Holding::Asleep, Holding::Computing, Holding::FromTheHeap]),
        is_std in any::<bool>(),
        all in any::<bool>(),
    ) {
        let stacks = if all { Stacks::All } else { Stacks::Asleep };
        let run = if is_std { case::<Mutex<u64>> } else { case::<parking_lot::Mutex<u64>> };
        scope_named("shop", |s| Ok(run(s, &others, holding, stacks))).unwrap();
    }
}

#[test]
fn ed5_no_thread_is_named_that_does_not_hold() {
    // catches: a thread that has used the lock, taken for its holder
    child_passes(|_| {
        no_thread_is_named_that_does_not_hold();
        0
    });
}
