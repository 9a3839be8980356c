//! Owns the models of the lists that the library compiles once for all types: the map in any order,
//! the map by id, the sort. Each is tried with every sequence of steps up to a length, beside
//! std's.
//! Refuses threads: these lists are used under a lock.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Instant;

use super::tell;
use crate::rt::by_id::ById;
use crate::rt::index::Index;
use crate::rt::order::sort_by_key;

/// Number of ids: so many that a last entry, a first one and one in between exist.
const IDS: u64 = 4;

/// Calls `model` with every sequence of `length` numbers below `choices`.
fn every(name: &str, length: u32, choices: u64, model: impl Fn(&[u64])) {
    let (start, tried) = (Instant::now(), Cell::new(0));
    for number in 0..choices.pow(length) {
        let digit = |place| number / choices.pow(place) % choices;
        model(&(0..length).map(digit).collect::<Vec<_>>());
        tried.set(tried.get() + 1);
    }
    tell(name, tried.get(), start.elapsed(), "every sequence");
}

/// The value of a step: each differs.
fn values() -> impl FnMut() -> u64 {
    let mut next = 0;
    move || {
        next += 1;
        next
    }
}

#[test]
fn index_is_a_map() {
    // Insert, make, remove, each of each id; keep the even ones.
    every("index_is_a_map", 5, 3 * IDS + 1, |steps| {
        let (mut ours, mut theirs, mut value) = (Index::new(), BTreeMap::new(), values());
        for step in steps {
            let (id, value) = (step % IDS, value());
            match step / IDS {
                0 => assert_eq!(ours.insert(id, value), theirs.insert(id, value)),
                1 => assert_eq!(ours.get_or_insert_with(id, || value), theirs.entry(id).or_insert(value)),
                2 => assert_eq!(ours.remove(id), theirs.remove(&id)),
                _ => {
                    ours.retain(|id, _| id % 2 == 0);
                    theirs.retain(|id, _| id % 2 == 0);
                }
            }
            assert_eq!((ours.len(), ours.is_empty()), (theirs.len(), theirs.is_empty()));
            for id in 0..IDS {
                assert_eq!((ours.get(id), ours.contains(id)), (theirs.get(&id), theirs.contains_key(&id)));
                assert_eq!(ours.get_mut(id).copied(), theirs.get(&id).copied());
            }
            let mut listed: Vec<_> = ours.iter().map(|(id, value)| (id, *value)).collect();
            assert!(listed.iter().map(|(id, _)| *id).eq(ours.keys()), "in one order");
            assert!(listed.iter().map(|(_, value)| value).eq(ours.values()), "in one order");
            listed.sort_unstable();
            assert!(
                listed.into_iter().eq(theirs.iter().map(|(id, value)| (*id, *value))),
                "each is listed once"
            );
        }
    });
}

#[test]
fn by_id_is_a_map_in_order() {
    // Insert and remove, each of each id; remove the newest; change the newest.
    every("by_id_is_a_map_in_order", 6, 2 * IDS + 2, |steps| {
        let (mut ours, mut theirs, mut value) = (ById::new(), BTreeMap::new(), values());
        for step in steps {
            let (id, value) = (step % IDS, value());
            match (step / IDS, id) {
                (0, _) => {
                    ours.insert(id, value);
                    theirs.insert(id, value);
                }
                (1, _) => assert_eq!(ours.remove(id), theirs.remove(&id)),
                (_, 0) => assert_eq!(ours.pop_last(), theirs.pop_last()),
                (_, _) => {
                    let mut newest = theirs.last_entry();
                    let changed = [ours.last_mut(), newest.as_mut().map(|newest| newest.get_mut())];
                    changed.into_iter().flatten().for_each(|newest| *newest = value);
                }
            }
            assert_eq!((ours.len(), ours.is_empty()), (theirs.len(), theirs.is_empty()));
            assert!(ours.values().eq(theirs.values()), "the oldest first");
            assert!(ours.values().rev().eq(theirs.values().rev()), "the newest first");
            for id in 0..IDS {
                assert_eq!(ours.get(id), theirs.get(&id));
                assert!(ours.values_from(id).eq(theirs.range(id..).map(|(_, value)| value)));
            }
        }
    });
}

#[test]
fn order_is_a_stable_sort() {
    // The last key stands for none, so that shorter lists are tried as well.
    every("order_is_a_stable_sort", 7, 5, |keys| {
        // Each with its place, so that equal keys can be told apart.
        let mut ours: Vec<_> = keys.iter().copied().enumerate().filter(|(_, key)| *key < 4).collect();
        let mut theirs = ours.clone();
        sort_by_key(&mut ours, |(_, key)| *key);
        theirs.sort_by_key(|(_, key)| *key);
        assert_eq!(ours, theirs);
    });
}
