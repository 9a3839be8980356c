//! ST3: what a look has not read is missing, with its reason.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::{Duration, Instant};

use super::looks::*;
use super::sleeps::*;
use crate::common::*;
use homebound::{Examine, scope};

#[test]
fn st3_a_look_ends_in_its_time_and_says_how_much_is_missing() {
    // catches: a limit that is not kept, stacks that are missing without a word
    child_passes(|_| {
        scope(|s| -> homebound::Result {
            spawn_each(s, &SLEEPS);
            checked(s, |s| {
                settled(s, &SLEEPS);
                let begin = Instant::now();
                let snapshot = s.examine(asleep().within(Duration::ZERO));
                assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
                let poll = row(&snapshot, "in_poll");
                assert_eq!((poll.stack, poll.no_stack.as_deref()), (None, Some("there was no time left")));
                let limit = format!("the stacks of {} threads: there was no time left", SLEEPS.len());
                assert!(snapshot.limits.contains(&limit), "{:?}", snapshot.limits);
            })
        })
        .map_or(1, |()| 0)
    });
}

#[test]
fn st3_a_look_reads_only_what_is_asked_for() {
    // catches: a snapshot that is no longer cheap
    scope(|s| {
        let (keep, never) = gate();
        s.spawn("reader", "waits for the gate outside of homebound", move |_| Ok(pass(&never)))?;
        for snapshot in [s.snapshot(), s.examine(Examine::new())] {
            let reader = row(&snapshot, "reader");
            assert_eq!(
                (reader.stack, reader.no_stack, reader.run_state, reader.cpu),
                (None, None, None, None)
            );
            assert_eq!(snapshot.limits, [""; 0]);
        }
        let kernel = || row(&s.examine(Examine::new().kernel()), "reader");
        eventually("the kernel tells", || kernel().run_state.is_some() && kernel().cpu.is_some());
        assert!(kernel().stack.is_none(), "{:?}", kernel());
        drop(keep);
        Ok(())
    })
    .unwrap();
}
