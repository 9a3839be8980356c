//! Owns the map from ids to values, oldest first.
//! Refuses to serve other keys. Ids grow, so nearly every entry is added at the end, and the layout
//! is made for that.
//!
//! `BTreeMap` would do the same. The tree keeps nine kinds of values by id, and `BTreeMap` compiles
//! to 10 KB of code for each kind: that was a tenth of what the library added to a small program,
//! and a fifth of the time that the compiler needed.

use std::fmt;

/// The number of slots whose memory is kept although the map does not need it, so that a map whose
/// only entry comes and goes does not allocate each time.
const SPARE: usize = 16;

pub(crate) struct ById<V> {
    /// In the order of ids. A removed value leaves its slot empty, but the last slot has a value.
    slots: Vec<Slot<V>>,
    /// The index of the first slot that has a value: all slots before it are empty.
    first: usize,
    /// The number of slots that have a value.
    len: usize,
}

struct Slot<V> {
    /// Stays while the slot is empty, so that the slots can be searched.
    id: u64,
    value: Option<V>,
}

impl<V> ById<V> {
    pub(crate) const fn new() -> ById<V> {
        ById { slots: Vec::new(), first: 0, len: 0 }
    }

    /// Adds an entry, or replaces the entry of that id. At the end this is a push; elsewhere it
    /// moves all later slots.
    pub(crate) fn insert(&mut self, id: u64, value: V) {
        let place = self.place(id);
        match self.slots.get_mut(place).filter(|slot| slot.id == id) {
            // The slot is there: full, or left empty by a removal. A value that is replaced was
            // counted.
            Some(slot) => self.len -= usize::from(slot.value.replace(value).is_some()),
            None => self.slots.insert(place, Slot { id, value: Some(value) }),
        }
        // An id before `first` may have been inserted.
        self.first = self.first.min(place);
        self.len += 1;
    }

    pub(crate) fn remove(&mut self, id: u64) -> Option<V> {
        let place = self.place(id);
        // The slot stays, so that no later slot moves: entries come and go mostly at both ends.
        let value = self.slots.get_mut(place).filter(|slot| slot.id == id)?.value.take()?;
        self.len -= 1;
        self.give_back();
        Some(value)
    }

    /// Removes and returns the newest entry.
    pub(crate) fn pop_last(&mut self) -> Option<(u64, V)> {
        let id = self.slots.last()?.id;
        Some((id, self.remove(id)?))
    }

    pub(crate) fn get(&self, id: u64) -> Option<&V> {
        self.slots.get(self.place(id)).filter(|slot| slot.id == id)?.value.as_ref()
    }

    /// The value of the newest entry.
    pub(crate) fn last_mut(&mut self) -> Option<&mut V> {
        self.slots.last_mut()?.value.as_mut()
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All values, oldest first.
    pub(crate) fn values(&self) -> Values<'_, V> {
        Values(self.slots[self.first..].iter())
    }

    /// The values whose ids are `first` or later, oldest first.
    pub(crate) fn values_from(&self, first: u64) -> Values<'_, V> {
        Values(self.slots[self.place(first)..].iter())
    }

    pub(crate) fn into_values(self) -> impl Iterator<Item = V> {
        self.slots.into_iter().filter_map(|slot| slot.value)
    }

    /// The index of the slot of this id, or of the slot before which it belongs.
    fn place(&self, id: u64) -> usize {
        self.slots.partition_point(|slot| slot.id < id)
    }

    /// Called after a removal. Moves `first` to a value, and drops the empty slots at the end. The
    /// other empty slots, and the memory, are given back when only a quarter of the memory is used,
    /// so that the cost of each removal is constant on average.
    fn give_back(&mut self) {
        while self.slots.get(self.first).is_some_and(|slot| slot.value.is_none()) {
            self.first += 1;
        }
        while self.slots.last().is_some_and(|slot| slot.value.is_none()) {
            self.slots.pop();
        }
        // All slots are gone, and `first` was behind the last of them.
        self.first = self.first.min(self.slots.len());
        if self.slots.capacity() > 4 * self.len + SPARE {
            // Room for as many again, so that the next insertions do not grow the memory at once.
            self.slots.retain(|slot| slot.value.is_some());
            self.slots.shrink_to(2 * self.len);
            self.first = 0;
        }
    }
}

impl<V> Default for ById<V> {
    fn default() -> ById<V> {
        ById::new()
    }
}

impl<V> fmt::Debug for ById<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ById").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Iterates over the values of a [`ById`], oldest first.
pub(crate) struct Values<'a, V>(std::slice::Iter<'a, Slot<V>>);

impl<'a, V> Iterator for Values<'a, V> {
    type Item = &'a V;

    fn next(&mut self) -> Option<&'a V> {
        self.0.find_map(|slot| slot.value.as_ref())
    }
}

impl<V> DoubleEndedIterator for Values<'_, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.rfind(|slot| slot.value.is_some())?.value.as_ref()
    }
}
