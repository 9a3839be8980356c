//! Owns the source of a map: the iterator over the items, which one worker at a time may ask, the
//! order of the items, the bound on how far they are ahead, and the number of workers.
//! Refuses to know what becomes of an item, and how a thread sleeps: a waiter leaves a *seat* here,
//! and the drop of the seat wakes the waiter.
//!
//! ```text
//!        lend (a worker, if there is room)
//!  Free ----------------------------------> Lent      the worker calls `next()`, no lock is held
//!   ^                                        |  \
//!   |  put_back: it gave an item             |   \  end: it gave none, it panicked
//!   +----------------------------------------+    +--------------------------------> Over
//!
//!  Free --close--> Over        and Lent --close, put_back--> Over
//! ```
//!
//! `next()` is the program's code. It may block, be slow, or panic. So no lock is held while it
//! runs: the worker takes the iterator out, and the state *Lent* keeps the others away.
//!
//! # Invariants
//!
//! 1. `next()` is called by one thread at a time, and never again after it gave `None` or panicked.
//!    An item has the number of the items before it.
//! 2. Of the items that were taken, at most `ahead` were not given on.
//! 3. If a waiting worker could go on (the iterator is free and there is room), then a worker has
//!    been woken that has not looked since. A woken worker looks by `lend`, or says by `get_up`
//!    that it does not. After each change the rule is applied again (`wake_one`), so no wake-up is
//!    lost, and one change wakes one worker.
//! 4. When the source is over, every waiter is woken, and none comes.

use std::collections::VecDeque;

mod lent;

use crate::rt::contain::{Payload, drop_contained};
use crate::sync::Mutex;
pub(crate) use lent::Lent;

pub(crate) struct Source<I: Iterator, S> {
    state: Mutex<State<I, S>>,
    /// Number of items that may be taken and not yet given on.
    ahead: usize,
}

struct State<I: Iterator, S> {
    items: Items<I>,
    /// The first item, if the owner of the map took it before there were workers.
    first: Option<I::Item>,
    /// Number of items that `next()` gave.
    taken: usize,
    /// Number of items whose results were given on. Written by `give`.
    given: usize,
    /// `next()` gave `None`, and no stop had come: there are `taken` items in all.
    complete: bool,
    /// The iterator says that it has more, or does not know. Read for the decision to make a
    /// worker.
    more: bool,
    /// `close` was called while the iterator was lent.
    closed: bool,
    /// Seats of workers that wait for the iterator or for room, by the number of the seat, the
    /// first to come first.
    waiting: VecDeque<(u64, S)>,
    /// The number of the next seat.
    next_seat: u64,
    /// Number of workers that were woken and have not looked since (invariant 3).
    woken: usize,
    /// Number of workers that were made, with the workers that have left.
    made: usize,
    /// The most workers that may be made.
    most: usize,
}

/// Where the iterator is; the header of this file draws the transitions.
enum Items<I> {
    Free(I),
    Lent,
    /// With the iterator, if it was not dropped yet: `clear` takes it.
    Over(Option<I>),
}

/// The answer to a worker that asks for an item.
pub(crate) enum Asked<'a, I: Iterator, S> {
    /// The iterator is the worker's until it has called [`Lent::pull`].
    Turn(Lent<'a, I, S>),
    /// The item of this number, which was taken before.
    Item(usize, I::Item),
    /// The worker is to sleep until its seat, which has this number, is dropped; and then asks
    /// again.
    Wait(u64),
    /// No item will come any more.
    Over,
}

impl<I: Iterator, S> Source<I, S> {
    /// `most`: number of workers that may be made. `ahead`: see there.
    pub(crate) fn new(items: I, most: usize, ahead: usize) -> Self {
        // The iterator may say too little or too much: this decides about workers only, and
        // `next()` about items.
        let more = items.size_hint().1 != Some(0);
        let state = State {
            items: Items::Free(items),
            first: None,
            taken: 0,
            given: 0,
            complete: false,
            more,
            closed: false,
            waiting: VecDeque::new(),
            next_seat: 0,
            woken: 0,
            made: 0,
            most,
        };
        Source { state: Mutex::new(state), ahead }
    }

    /// Asks for an item. `seat` makes the seat of the caller, if it has to wait. `woken`: the
    /// number of the seat from which the caller comes.
    pub(crate) fn lend(&self, woken: Option<u64>, seat: impl FnOnce() -> S) -> Asked<'_, I, S> {
        let mut state = self.state.lock();
        woken.into_iter().for_each(|seat| state.get_up(seat));
        // Taken by the owner of the map before there were workers, so it comes before the iterator.
        if let Some(first) = state.first.take() {
            return Asked::Item(0, first);
        }
        let room = state.has_room(self.ahead);
        match std::mem::replace(&mut state.items, Items::Lent) {
            // Free -> Lent. The others find it lent until `put_back` or `end`.
            Items::Free(items) if room => {
                // The iterator leaves the lock, because `next()` is the program's code. The number
                // is this worker's until `put_back` counts the item.
                let number = state.taken;
                Asked::Turn(Lent::new(self, items, number))
            }
            Items::Over(items) => {
                state.items = Items::Over(items);
                Asked::Over
            }
            other => {
                // Lent, or without room. The seat is left in the hold in which the worker finds
                // that it must wait. Pairs with `wake_one`.
                state.items = other;
                let number = state.next_seat;
                state.next_seat += 1;
                state.waiting.push_back((number, seat()));
                Asked::Wait(number)
            }
        }
    }

    /// The worker of this seat goes away instead of waiting, because of a stop. If it had been
    /// woken, another worker is woken in its place.
    pub(crate) fn get_up(&self, seat: u64) {
        let mut state = self.state.lock();
        state.get_up(seat);
        let woken = state.wake_one(self.ahead);
        // With the lock free, because the woken worker asks at once.
        drop(state);
        drop(woken);
    }

    /// Keeps the first item for the first worker. Called before there are workers.
    pub(crate) fn keep_first(&self, item: I::Item) {
        self.state.lock().first = Some(item);
    }

    /// An item has been given on, so that there is room for another.
    pub(crate) fn give(&self) {
        let mut state = self.state.lock();
        // More room: a worker that waits for it is woken (invariant 3).
        state.given += 1;
        let woken = state.wake_one(self.ahead);
        drop(state);
        drop(woken);
    }

    /// No item is wanted any more.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        // Free -> Over. A lent iterator stays with its worker, and `put_back` ends it.
        let free = matches!(state.items, Items::Free(_));
        let woken = if free { state.end(None) } else { Vec::new() };
        drop(state);
        drop(woken);
    }

    /// Lent -> Free, or Over if `close` was called meanwhile. Returns true if the caller is to make
    /// one more worker: there is more to take, and no worker waits for it.
    fn put_back(&self, items: I, more: bool) -> bool {
        let mut state = self.state.lock();
        // Before `Free`, so that the next worker gets the next number.
        state.taken += 1;
        state.more = more;
        state.items = Items::Free(items);
        if state.closed {
            let woken = state.end(None);
            drop(state);
            drop(woken);
            return false;
        }
        let woken = state.wake_one(self.ahead);
        // After `wake_one`: a worker that is woken for the rest is enough, and none is made beside
        // it.
        let grow = state.wants_worker(self.ahead);
        drop(state);
        drop(woken);
        grow
    }

    /// Lent -> Over. `wreck`: the iterator, if it is not fit to be dropped here.
    fn end(&self, complete: bool, wreck: Option<I>) {
        let mut state = self.state.lock();
        // Written once, and read when no worker is left (`total`).
        state.complete = complete;
        let woken = state.end(wreck);
        drop(state);
        drop(woken);
    }

    /// Drops what is left: the iterator, and the first item. Called when no worker is left.
    /// `raised` gets the payloads of their panics.
    pub(crate) fn clear<R>(&self, raised: impl FnMut(Payload) -> R) {
        let mut state = self.state.lock();
        let (items, first) = (std::mem::replace(&mut state.items, Items::Over(None)), state.first.take());
        // With the lock free, because both are the program's; each for itself, as `drop_each` does.
        drop(state);
        [drop_contained(items), drop_contained(first)].into_iter().flatten().map(raised).for_each(drop);
    }

    /// True if there may be an item: the iterator does not say that it has none.
    pub(crate) fn may_have_more(&self) -> bool {
        self.state.lock().more
    }

    /// Number of all items, if `next()` has given its last.
    pub(crate) fn total(&self) -> Option<usize> {
        let state = self.state.lock();
        state.complete.then_some(state.taken)
    }

    /// Counts one more worker, unless there are as many as may be. Returns its number, from 1.
    pub(crate) fn enlist(&self) -> Option<usize> {
        let mut state = self.state.lock();
        let may = state.made < state.most;
        state.made += usize::from(may);
        may.then_some(state.made)
    }

    /// The worker that was counted last was not made, for now: a later item may make one.
    pub(crate) fn dismiss(&self) {
        // Counted by the caller in `enlist`, so it is above 0.
        self.state.lock().made -= 1;
    }

    /// True if a worker that has an item should make one more, also after [`Asked::Item`].
    pub(crate) fn wants_worker(&self) -> bool {
        self.state.lock().wants_worker(self.ahead)
    }

    /// No more workers are made, because the system has refused one.
    pub(crate) fn make_no_more(&self) {
        let mut state = self.state.lock();
        // A system that has refused one thread is not asked again for each item.
        state.most = state.made;
    }
}

impl<I: Iterator, S> State<I, S> {
    fn has_room(&self, ahead: usize) -> bool {
        self.taken - self.given < ahead
    }

    /// A worker leaves its seat. If the seat is gone, the worker was woken, and now looks.
    fn get_up(&mut self, seat: u64) {
        match self.waiting.iter().position(|(number, _)| *number == seat) {
            // Nobody is woken by this drop: the seat is the caller's own.
            Some(place) => drop(self.waiting.remove(place)),
            None => self.woken -= 1,
        }
    }

    /// Applies invariant 3. Returns the seat of a worker that is to be woken, for the time when the
    /// lock is free. Pairs with `lend`, which left the seat.
    fn wake_one(&mut self, ahead: usize) -> Option<S> {
        // One worker at a time: it passes the iterator on in `put_back`, which wakes the next one.
        let may_go_on = matches!(self.items, Items::Free(_)) && self.has_room(ahead);
        if !may_go_on || self.woken > 0 {
            return None;
        }
        let (_, seat) = self.waiting.pop_front()?;
        self.woken += 1;
        Some(seat)
    }

    /// To Over, from Free or Lent. Returns the seats of all workers that wait (invariant 4).
    fn end(&mut self, wreck: Option<I>) -> Vec<S> {
        let items = std::mem::replace(&mut self.items, Items::Over(None));
        let left = if let Items::Free(items) = items { Some(items) } else { wreck };
        self.items = Items::Over(left);
        // Each of them looks once more, and finds that it is over.
        self.woken += self.waiting.len();
        self.waiting.drain(..).map(|(_, seat)| seat).collect()
    }

    fn wants_worker(&self, ahead: usize) -> bool {
        // An idle worker would take the next item, so a new one would find none.
        let idle = !self.waiting.is_empty() || self.woken > 0;
        let over = matches!(self.items, Items::Over(_));
        self.more && !over && !idle && self.made < self.most && self.has_room(ahead)
    }
}
