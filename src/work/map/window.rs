//! Owns the results of a stream that the body has not asked for yet, in the order of the items.
//! Refuses to bound them: the source does, by the items that were taken and not given on.

use std::collections::VecDeque;

use crate::Failure;
use crate::sync::Mutex;

/// The result of one item.
pub(crate) enum Slot<U> {
    Value(U),
    Failed(Failure),
    /// Its worker was stopped.
    Stopped,
}

/// The answer to the body that asks for the next result.
pub(crate) enum Next<U> {
    Slot(Slot<U>),
    /// All results were given.
    End,
    /// The body is to sleep until its seat is dropped, and then asks again.
    Wait,
}

pub(crate) struct Window<U, S>(Mutex<Results<U, S>>);

struct Results<U, S> {
    /// The number of the item of the first slot: the one that the body asks for next.
    first: usize,
    /// `None` until the result is there. Written by the workers, emptied by the body.
    slots: VecDeque<Option<Slot<U>>>,
    /// Number of all items, when the source has said that there are no more.
    end: Option<usize>,
    /// The seat of the body, if it sleeps.
    asker: Option<S>,
}

impl<U, S> Window<U, S> {
    pub(crate) fn new() -> Self {
        Window(Mutex::new(Results { first: 0, slots: VecDeque::new(), end: None, asker: None }))
    }

    /// A worker has the result of this item. Wakes the body if the body waits for it. Pairs with
    /// `next`.
    pub(crate) fn put(&self, number: usize, slot: Slot<U>) {
        let mut results = self.0.lock();
        // Workers end in any order, so there may be gaps before this place: `None`.
        let place = number - results.first;
        if results.slots.len() <= place {
            results.slots.resize_with(place + 1, || None);
        }
        results.slots[place] = Some(slot);
        // The body waits for the first slot only, so any other result wakes nobody.
        let woken = if place == 0 { results.asker.take() } else { None };
        // With the lock free, because the body asks at once.
        drop(results);
        drop(woken);
    }

    /// There are `total` items in all. Wakes the body, which may have all of them. Pairs with
    /// `next`.
    pub(crate) fn end(&self, total: usize) {
        let mut results = self.0.lock();
        results.end = Some(total);
        let woken = results.asker.take();
        drop(results);
        drop(woken);
    }

    /// The body asks for the next result. `seat` is called if the body has to wait.
    pub(crate) fn next(&self, seat: impl FnOnce() -> S) -> Next<U> {
        let mut results = self.0.lock();
        // Before the slots are looked at: at the end there are none.
        if results.end == Some(results.first) {
            return Next::End;
        }
        if let Some(slot) = results.slots.front_mut().and_then(Option::take) {
            results.slots.pop_front();
            results.first += 1;
            return Next::Slot(slot);
        }
        // In the hold in which the body finds no result. Pairs with `put` and `end`. An earlier
        // seat is the body's own, of a sleep that a stop has ended.
        let earlier = results.asker.replace(seat());
        drop(results);
        drop(earlier);
        Next::Wait
    }

    /// Takes out the results that the body has not asked for, to be dropped by the caller, when the
    /// lock is free.
    pub(crate) fn left(&self) -> impl Iterator<Item = Slot<U>> + use<U, S> {
        std::mem::take(&mut self.0.lock().slots).into_iter().flatten()
    }
}
