//! Owns looks in a program without the feature `stacks`.
//! Refuses to expect a stack.
#![cfg(not(feature = "stacks"))]

use crate::common::*;
use homebound::{Examine, Stacks, scope};

#[test]
fn st3_without_the_feature_a_look_says_why_there_are_no_stacks() {
    // catches: a program that was built without stacks, and is silent about it
    scope(|s| {
        let (keep, never) = gate();
        s.spawn("reader", "waits for the gate", move |_| Ok(pass(&never)))?;
        let why = "stacks: the program was built without the feature `stacks` of homebound";
        for stacks in [Stacks::Asleep, Stacks::All] {
            assert_eq!(s.examine(Examine::new().stacks(stacks)).limits, [why]);
        }
        assert_eq!(s.examine(Examine::new()).limits, [""; 0]);
        assert!(s.dump_status().contains(why), "{}", s.dump_status());
        drop(keep);
        Ok(())
    })
    .unwrap();
}
