//! The map by id does what `BTreeMap` does, in any order of ids.

#[path = "../../../src/rt/by_id.rs"]
#[allow(dead_code)]
mod by_id;

use std::collections::BTreeMap;

use by_id::ById;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    /// So many with the next ids, as most are.
    Add(u64),
    /// Any id, free or not.
    Put(u64),
    Remove(u64),
    RemoveOldest(usize),
    PopLast,
    ChangeLast,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ids = 0..64_u64;
    let step = prop_oneof![
        2 => (1..40_u64).prop_map(Step::Add),
        2 => ids.clone().prop_map(Step::Put),
        9 => ids.prop_map(Step::Remove),
        2 => (1..40_usize).prop_map(Step::RemoveOldest),
        1 => Just(Step::PopLast),
        1 => Just(Step::ChangeLast),
    ];
    proptest::collection::vec(step, 0..100)
}

proptest! {
    #[test]
    fn it_is_the_map_that_btreemap_is(steps in steps()) {
        let (mut ours, mut theirs) = (ById::new(), BTreeMap::new());
        let mut value = 0;
        for step in steps {
            value += 1;
            match step {
                Step::Add(count) => {
                    let next = theirs.keys().next_back().map_or(0, |last| last + 1);
                    for id in next..next + count {
                        ours.insert(id, value);
                        theirs.insert(id, value);
                    }
                }
                Step::Put(id) => {
                    ours.insert(id, value);
                    theirs.insert(id, value);
                }
                Step::Remove(id) => prop_assert_eq!(ours.remove(id), theirs.remove(&id)),
                Step::RemoveOldest(count) => {
                    for _ in 0..count.min(theirs.len()) {
                        let oldest = theirs.pop_first();
                        prop_assert_eq!(oldest.and_then(|(id, _)| ours.remove(id)), oldest.map(|(_, value)| value));
                    }
                }
                Step::PopLast => prop_assert_eq!(ours.pop_last(), theirs.pop_last()),
                Step::ChangeLast => {
                    let mut last = theirs.last_entry();
                    let (ours, theirs) = (ours.last_mut(), last.as_mut().map(|last| last.get_mut()));
                    prop_assert_eq!(&ours, &theirs);
                    ours.into_iter().chain(theirs).for_each(|last| *last = value);
                }
            }
            prop_assert_eq!((ours.len(), ours.is_empty()), (theirs.len(), theirs.is_empty()));
            prop_assert!(ours.values().eq(theirs.values()));
            prop_assert!(ours.values().rev().eq(theirs.values().rev()));
            for id in 0..64 {
                prop_assert_eq!(ours.get(id), theirs.get(&id));
            }
            prop_assert!(ours.values_from(20).eq(theirs.range(20..).map(|(_, value)| value)));
        }
        prop_assert!(ours.into_values().eq(theirs.into_values()));
    }
}
