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

#[test]
fn st3_a_thread_with_a_small_stack_looks_at_no_stacks_and_says_why() {
    // catches: a look that overflows the stack of its caller, and ends the program that was asked
    // why it hangs
    child_passes(|_| {
        let looks = |size: usize| {
            let done = scope(|s| {
                let (open, never) = gate();
                s.spawn("reader", "waits for the gate outside of homebound", move |_| Ok(pass(&never)))?;
                let looker = s.thread("looker", "looks").stack_size(size).spawn(move |_| {
                    eventually("it blocks", || {
                        s.dump_status().contains("/reader  (worker: waits for the gate")
                    });
                    Ok(s.dump_status())
                })?;
                let dump = looker.join()?;
                drop(open);
                Ok(dump)
            });
            done.unwrap()
        };
        let (small, large) = (looks(64 << 10), looks(1 << 20));
        assert!(
            small.contains("not seen: stacks: the thread that looks has ")
                && small.contains(" KiB of stack left")
        );
        assert!(small.contains("sleeps in futex"), "the rest is there: {small}");
        assert!(!large.contains("of stack left") && large.contains("      in "), "{large}");
        // Too little for the tree as well, in a build without optimisation.
        let tiny = scope(|s| {
            let looker = s.thread("looker", "looks").stack_size(32 << 10);
            looker.spawn(move |_| Ok((s.dump_status(), s.snapshot())))?.join().map_err(Into::into)
        });
        let (dump, snapshot) = tiny.unwrap();
        let is_refused = dump.contains("not seen: the tree: the thread that looks has ");
        assert!(is_refused || dump.contains("looker"), "{dump}");
        assert!(!snapshot.limits.is_empty() || !snapshot.root.threads.is_empty(), "{snapshot:?}");
        0
    });
}

#[test]
fn st3_threads_in_waits_that_homebound_does_not_know_are_asked_about_first() {
    // catches: a look at a crowd that spends its time on threads whose wait is known; holders of
    // locks that are not looked for, and no word of it
    child_passes(|_| {
        let done = scope(|s| {
            for n in 0..1_000 {
                s.thread(format!("clerk-{n}"), "waits").stack_size(32 << 10).service(until_stopped)?;
            }
            let (open, never) = gate();
            s.spawn("reader", "is made last", move |_| Ok(pass(&never)))?;
            let brief = asleep().within(Duration::from_millis(6));
            eventually("there is time for the reader, and not for all", || {
                let snapshot = s.examine(brief);
                let is_missed = |what: &str| {
                    snapshot.limits.iter().any(|limit| limit.contains(what) && limit.contains("no time left"))
                };
                let is_asked = row(&snapshot, "reader").kernel.is_some();
                is_asked && is_missed("the stacks of ") && is_missed("holders of locks")
            });
            Ok(drop(open))
        });
        done.map_or(1, |()| 0)
    });
}
