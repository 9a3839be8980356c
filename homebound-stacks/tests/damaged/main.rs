//! Owns the tests of damaged stacks and tables, with the walker's sources as they are.
//! Refuses to look at threads.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#![allow(dead_code, unreachable_pub, reason = "the walk is one part of the sources")]

mod linux;
mod made;
#[path = "../../src/stack.rs"]
mod stack;
mod walks;
mod world;

use std::cell::RefCell;

use linux::maps;
use linux::walk::memory::View;
use proptest::prelude::*;
use world::{Case, Process};

thread_local!(static PROCESS: RefCell<Process> = RefCell::new(Process::new()));

fn cases() -> impl Strategy<Value = Case> {
    let words = prop::collection::vec((any::<u8>(), any::<u64>()), 0..600);
    let damage = prop_oneof![Just(0), 1..64_u16, any::<u16>()];
    (damage, any::<u64>(), any::<u32>(), any::<Option<u64>>(), words)
        .prop_map(|(damage, seed, place, fp, words)| Case { damage, seed, place, fp, words })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_walk_over_anything_ends(case in cases()) {
        PROCESS.with(|process| process.borrow_mut().walk(&case));
    }

    #[test]
    fn any_list_of_mappings_is_read(text in "([0-9a-f]{1,4}-[0-9a-f]{1,5} r[w-][x-]p 0 0:0 0 /[a-z]{0,3}\n|\\PC{0,40}\n){0,8}", seed: u64) {
        let read = |at: u64, into: &mut [u8]| {
            for (byte, at) in into.iter_mut().zip(at..) {
                *byte = (at.wrapping_mul(seed | 1) >> 32) as u8;
            }
            if let Some(head) = into.get_mut(..6) {
                head.copy_from_slice(b"\x7fELF\x02\x01");
            }
            into.len()
        };
        let found = maps::modules_of(&text, &View { stack: [(0, &[]); 2], read: &read });
        prop_assert!(found.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start));
    }
}

#[test]
fn stacks_are_walked_at_all() {
    let words = (0..600).map(|place| (2, place * 7919)).collect();
    let case = Case { damage: 0, seed: 0, place: 4711, fp: None, words };
    let frames = PROCESS.with(|process| {
        let mut process = process.borrow_mut();
        let one = |place: u32| process.walk(&Case { place: place * 977, ..case.clone() })[0];
        (0..1000).map(one).collect::<Vec<_>>()
    });
    // The stack has nothing but addresses of code, so a walk goes on by chance alone.
    assert!(frames.iter().max() > Some(&2), "{frames:?}");
    assert!(frames.iter().filter(|count| **count > 1).count() > 100, "{frames:?}");
}
