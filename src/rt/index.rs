//! Owns the map from numbers to values for lists in any order: of ids, of the kernel's numbers.
//! Refuses to be used where ids come in their order: `by_id` is smaller and faster there.
//!
//! `HashMap` would do the same, and compiles to 4 KB of code for each kind of value. Here one table
//! says at which place a value stands, and is compiled once for all kinds of values.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// The entries, in the order in which they were added until the first removal, which moves the last
/// entry.
pub(crate) struct Index<V> {
    entries: Vec<(u64, V)>,
    places: Places,
}

/// The place of each number in the list of entries.
#[derive(Default)]
struct Places(HashMap<u64, usize, BuildHasherDefault<Mixer>>);

/// The hash of one number. std's costs several times as much, and guards against chosen keys; these
/// are counted by us or by the kernel.
#[derive(Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn write_u64(&mut self, number: u64) {
        // An odd factor moves each bit upwards, and the shift back down: the table takes the place
        // from the lowest bits, and a tag from the highest.
        let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ (spread >> 32);
    }

    // `Hasher` requires this function, but a `u64` is hashed by `write_u64` alone.
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(self.0.rotate_left(8) ^ u64::from(*byte)));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

// Never inlined, because each copy would bring a copy of the table's code.
impl Places {
    #[inline(never)]
    fn get(&self, number: u64) -> Option<usize> {
        self.0.get(&number).copied()
    }

    /// Returns the place that the number had before.
    #[inline(never)]
    fn put(&mut self, number: u64, place: usize) -> Option<usize> {
        self.0.insert(number, place)
    }

    #[inline(never)]
    fn remove(&mut self, number: u64) -> Option<usize> {
        self.0.remove(&number)
    }

    #[inline(never)]
    fn clear(&mut self) {
        self.0.clear();
    }
}

impl<V> Index<V> {
    pub(crate) fn new() -> Index<V> {
        Index { entries: Vec::new(), places: Places::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn contains(&self, number: u64) -> bool {
        self.places.get(number).is_some()
    }

    /// The value of this number.
    pub(crate) fn get(&self, number: u64) -> Option<&V> {
        self.entries.get(self.places.get(number)?).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut V> {
        self.entries.get_mut(self.places.get(number)?).map(|(_, value)| value)
    }

    /// Adds an entry, or replaces the value of that number, and returns the old value.
    pub(crate) fn insert(&mut self, number: u64, value: V) -> Option<V> {
        match self.get_mut(number) {
            Some(present) => Some(std::mem::replace(present, value)),
            None => {
                self.places.put(number, self.entries.len());
                self.entries.push((number, value));
                None
            }
        }
    }

    /// The value of this number, which is made if there is none.
    pub(crate) fn get_or_insert_with(&mut self, number: u64, make: impl FnOnce() -> V) -> &mut V {
        // No number has the place behind the last entry, so that place says that there is none.
        let place = self.places.get(number).unwrap_or(self.entries.len());
        if place == self.entries.len() {
            self.places.put(number, place);
            self.entries.push((number, make()));
        }
        &mut self.entries[place].1
    }

    /// Removes an entry. The last entry takes its place, so that no other entry moves.
    pub(crate) fn remove(&mut self, number: u64) -> Option<V> {
        let place = self.places.remove(number)?;
        let (_, value) = self.entries.swap_remove(place);
        // None if the removed entry was itself the last.
        if let Some((moved, _)) = self.entries.get(place) {
            self.places.put(*moved, place);
        }
        Some(value)
    }

    /// Keeps the entries of which `is_kept` says true.
    pub(crate) fn retain(&mut self, mut is_kept: impl FnMut(u64, &mut V) -> bool) {
        self.entries.retain_mut(|(number, value)| is_kept(*number, value));
        // Every entry behind a removed one has moved, so all places are noted anew.
        self.places.clear();
        for (place, (number, _)) in self.entries.iter().enumerate() {
            self.places.put(*number, place);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &V)> {
        self.entries.iter().map(|(number, value)| (*number, value))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = u64> + '_ {
        self.entries.iter().map(|(number, _)| *number)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.iter().map(|(_, value)| value)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.iter_mut().map(|(_, value)| value)
    }

    pub(crate) fn into_values(self) -> impl Iterator<Item = V> {
        self.entries.into_iter().map(|(_, value)| value)
    }
}

impl Index<()> {
    /// Adds a number to a set. True if it is new.
    pub(crate) fn add(&mut self, number: u64) -> bool {
        self.insert(number, ()).is_none()
    }
}

impl<V> Default for Index<V> {
    fn default() -> Index<V> {
        Index::new()
    }
}

impl<V> Extend<(u64, V)> for Index<V> {
    fn extend<I: IntoIterator<Item = (u64, V)>>(&mut self, entries: I) {
        entries.into_iter().for_each(|(number, value)| drop(self.insert(number, value)));
    }
}

impl<V> FromIterator<(u64, V)> for Index<V> {
    fn from_iter<I: IntoIterator<Item = (u64, V)>>(entries: I) -> Index<V> {
        let mut index = Index::new();
        index.extend(entries);
        index
    }
}

impl FromIterator<u64> for Index<()> {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Index<()> {
        numbers.into_iter().map(|number| (number, ())).collect()
    }
}
