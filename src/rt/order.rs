//! Owns the order of lists, with one sort for the lists of all types.
//! Refuses to know what is sorted.
//!
//! The sorts of std compile to 10 KB of code for each kind of element. Here the sort is compiled
//! once: it orders the places of the elements, and then the elements are moved.

use std::cmp::Ordering;

/// Sorts by a key. Elements with equal keys stay in their order.
pub(crate) fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    let swaps = {
        let keys: Vec<K> = items.iter().map(key).collect();
        swaps(keys.len(), &|one, other| keys[one].cmp(&keys[other]))
    };
    swaps.into_iter().for_each(|(one, other)| items.swap(one, other));
}

/// The swaps that bring the elements into their order. `compare` gets the places of two elements.
fn swaps(len: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<(usize, usize)> {
    // The places of the elements, in the order that they are to have.
    let mut order: Vec<usize> = (0..len).collect();
    order.sort_by(|one, other| compare(*one, *other));
    let mut swaps = Vec::new();
    // The moves form cycles. Each swap puts one element of a cycle in its final place, and carries
    // the displaced element on to the next place of the cycle.
    for start in 0..len {
        let mut place = start;
        loop {
            let from = std::mem::replace(&mut order[place], place);
            // The carried element is where it belongs; or it was there from the beginning.
            if from == start || from == place {
                break;
            }
            swaps.push((place, from));
            place = from;
        }
    }
    swaps
}
