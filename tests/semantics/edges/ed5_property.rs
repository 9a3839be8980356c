//! Owns the property of guesses: whatever threads do with a lock, no thread is named that does not
//! hold it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use homebound::{Scope, Stacks, scope_named};
use proptest::prelude::*;

use super::{look, over, row};
use crate::common::*;

/// A lock that does not keep its owner.
trait Plain: Default + Send + Sync + 'static {
    /// Several threads may hold it at once.
    const IS_SHARED: bool = false;

    /// Calls `inside` with the lock held, so that no other thread holds it.
    fn held(&self, inside: &mut dyn FnMut());

    /// Calls `inside` with the lock held, beside other threads if the lock can be shared.
    fn shared(&self, inside: &mut dyn FnMut()) {
        self.held(inside);
    }

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

/// A read-write lock of std's.
#[derive(Default)]
struct Std(std::sync::RwLock<u64>);

/// A read-write lock of `parking_lot`.
#[derive(Default)]
struct Parking(parking_lot::RwLock<u64>);

impl Plain for Std {
    const IS_SHARED: bool = true;

    #[inline(never)]
    fn held(&self, inside: &mut dyn FnMut()) {
        let mut guard = self.0.write().unwrap();
        inside();
        *guard += 1;
    }

    #[inline(never)]
    fn shared(&self, inside: &mut dyn FnMut()) {
        let guard = self.0.read().unwrap();
        inside();
        std::hint::black_box(*guard);
    }

    #[inline(never)]
    fn held_from_heap(&self, inside: &mut dyn FnMut()) {
        let guard = Box::new(self.0.write().unwrap());
        inside();
        drop(guard);
    }
}

impl Plain for Parking {
    const IS_SHARED: bool = true;

    #[inline(never)]
    fn held(&self, inside: &mut dyn FnMut()) {
        let mut guard = self.0.write();
        inside();
        *guard += 1;
    }

    #[inline(never)]
    fn shared(&self, inside: &mut dyn FnMut()) {
        let guard = self.0.read();
        inside();
        std::hint::black_box(*guard);
    }

    #[inline(never)]
    fn held_from_heap(&self, inside: &mut dyn FnMut()) {
        let guard = Box::new(self.0.read());
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
    /// Waits beside a holder that shares the lock, or because a writer waits.
    WaitsToShare,
}

/// How the holder holds the lock.
#[derive(Debug, Clone, Copy)]
enum Holding {
    Asleep,
    Computing,
    FromTheHeap,
    /// Asleep, with a share of a lock that can be shared.
    Sharing,
    /// The same, beside a second holder.
    SharingInTwo,
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
        Beside::WaitsToo | Beside::WaitsToShare => {}
    }
}

/// All threads but the holders have come to their places when it begins, and the waiters come last.
fn case<L: Plain>(s: &Scope<'_, '_>, others: &[Beside], holding: Holding, stacks: Stacks) {
    let shared = Arc::new(Shared::<L>::default());
    let kept = shared.clone();
    let _over = Over(&kept);
    let (told, hear) = crossbeam_channel::unbounded();
    let waits = |what: &Beside| matches!(what, Beside::WaitsToo | Beside::WaitsToShare);
    for (place, what) in others.iter().copied().enumerate() {
        let (shared, told) = (shared.clone(), told.clone());
        let run = move |_: &homebound::Context| {
            told.send(()).unwrap();
            over(beside(what, &shared))
        };
        if !waits(&what) {
            s.spawn(format!("other-{place}"), "is beside", run).unwrap();
            hear.recv().unwrap();
        }
    }
    let in_two = L::IS_SHARED && matches!(holding, Holding::SharingInTwo);
    for name in ["holder", "second holder"].into_iter().take(if in_two { 2 } else { 1 }) {
        let (held, told) = (shared.clone(), told.clone());
        let hold = move |_: &homebound::Context| {
            let mut inside = || {
                told.send(()).unwrap();
                if matches!(holding, Holding::Computing) { held.compute() } else { held.sleep() }
            };
            match holding {
                Holding::FromTheHeap => held.lock.held_from_heap(&mut inside),
                Holding::Asleep | Holding::Computing => held.lock.held(&mut inside),
                Holding::Sharing | Holding::SharingInTwo => held.lock.shared(&mut inside),
            }
            Ok(())
        };
        s.spawn(name, "holds", hold).unwrap();
        hear.recv().unwrap();
    }
    // The first one wants the lock for itself, so that threads which would share it wait, too.
    let wishes: Vec<_> = [Beside::WaitsToo].into_iter().chain(others.iter().copied().filter(waits)).collect();
    for (place, wish) in wishes.iter().copied().enumerate() {
        let wanted = shared.clone();
        let wait = move |_: &homebound::Context| {
            let shares = matches!(wish, Beside::WaitsToShare);
            over(if shares { wanted.lock.shared(&mut || {}) } else { wanted.lock.held(&mut || {}) })
        };
        s.spawn(format!("waiter-{place}"), "wants the lock", wait).unwrap();
        if place == 0 {
            super::until_locked(s, "waiter-0");
        }
    }
    let names: &[_] = if in_two { &[] } else { &["/shop/holder"] };
    for _ in 0..3 {
        let snapshot = look(s, stacks);
        for place in 0..wishes.len() {
            let waiter = row(&snapshot, &format!("waiter-{place}"));
            let named: Vec<_> = waiter.waits_for.iter().map(|edge| (&*edge.path, edge.known)).collect();
            let is_right = names.iter().any(|name| named == [(*name, false)]);
            assert!(named.is_empty() || is_right, "{named:?} in {snapshot}");
            assert!(named.is_empty() || waiter.wants.is_none(), "{:?} in {snapshot}", waiter.wants);
        }
        assert!(snapshot.cycles.is_empty(), "{:?}", snapshot.cycles);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    fn no_thread_is_named_that_does_not_hold(
        others in prop::collection::vec(prop::sample::select(vec![
            Beside::OwnsTheArc, Beside::HasAReference, Beside::HasUsedIt, Beside::Computes,
            Beside::HasUsedItAndComputes, Beside::HoldsAnother, Beside::WaitsToo, Beside::WaitsToShare,
        ]), 0..5),
        holding in prop::sample::select(vec![
            Holding::Asleep, Holding::Computing, Holding::FromTheHeap, Holding::Sharing, Holding::SharingInTwo,
        ]),
        run in prop::sample::select(vec![
            case::<Mutex<u64>> as Case, case::<parking_lot::Mutex<u64>>, case::<Std>, case::<Parking>,
        ]),
        all in any::<bool>(),
    ) {
        let stacks = if all { Stacks::All } else { Stacks::Asleep };
        scope_named("shop", |s| Ok(run(s, &others, holding, stacks))).unwrap();
    }
}

/// A case of one kind of lock.
type Case = fn(&Scope<'_, '_>, &[Beside], Holding, Stacks);

#[test]
fn ed5_no_thread_is_named_that_does_not_hold() {
    // catches: a thread that has used the lock, taken for its holder
    child_passes(|_| {
        no_thread_is_named_that_does_not_hold();
        0
    });
}
