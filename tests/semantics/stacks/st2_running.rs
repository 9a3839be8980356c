//! ST2: a thread that computes has a stack if it may get a signal.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::Duration;

use super::looks::*;
use super::sleeps::*;
use crate::common::*;
use homebound::status::Captured;
use homebound::{Examine, Stacks, scope};

#[test]
fn st2_a_computing_thread_has_a_stack_by_a_signal_alone_and_otherwise_a_reason() {
    // catches: a signal with `Asleep`; a signal to a thread that blocks it, which stays pending
    child_passes(|_| {
        scope(|s| -> homebound::Result {
            s.spawn("loop", "computes", |cx| Ok(in_loop(cx)))?;
            s.spawn("deaf", "computes with all signals blocked", |cx| Ok(in_deaf_loop(cx)))?;
            checked(s, |s| {
                eventually("both compute", || {
                    let snapshot = s.examine(asleep());
                    ["loop", "deaf"].iter().all(|name| {
                        let row = row(&snapshot, name);
                        row.stack.is_none() && row.no_stack.is_some_and(|why| why.contains("running"))
                    })
                });
                let all = Examine::new().stacks(Stacks::All).within(Duration::from_secs(30));
                // The signal waits for a processor, like the thread.
                eventually("the loop answers", || row(&s.examine(all), "loop").stack.is_some());
                let (mut stack, deaf) = (None, "deaf");
                eventually("the loop is caught", || {
                    stack = row(&s.examine(all), "loop").stack;
                    stack.as_ref().is_some_and(|stack| stack.how == Captured::BySignal)
                });
                let stack = stack.expect("it was caught");
                assert!(has(&stack, "in_loop"), "{stack:#}");
                let deaf = row(&s.examine(all), deaf);
                assert!(
                    deaf.stack.is_none() && deaf.no_stack.as_ref().is_some_and(|why| why.contains("blocks")),
                    "{deaf:?}"
                );
                let status =
                    std::fs::read_to_string(format!("/proc/self/task/{}/status", deaf.os_tid.unwrap()));
                assert!(status.unwrap().contains("SigPnd:\t0000000000000000"), "no signal is pending");
            })
        })
        .map_or(1, |()| 0)
    });
}

#[test]
fn st2_a_process_that_uses_each_real_time_signal_has_the_stacks_of_sleepers_and_says_why_not_all() {
    // catches: a handler of the program's that is replaced; a look that fails as a whole
    child_passes(|_| {
        scope(|s| -> homebound::Result {
            use_all_real_time_signals();
            s.spawn("loop", "computes", |cx| Ok(in_loop(cx)))?;
            spawn_each(s, &SLEEPS);
            checked(s, |s| {
                settled(s, &SLEEPS);
                let all = Examine::new().stacks(Stacks::All).within(Duration::from_secs(30));
                let mut snapshot = s.examine(all);
                eventually("it computes", || {
                    snapshot = s.examine(all);
                    row(&snapshot, "loop").no_stack.is_some()
                });
                let looped = row(&snapshot, "loop");
                assert!(looped.no_stack.is_some_and(|why| why.contains("no real-time signal is free")));
                assert!(row(&snapshot, "in_poll").stack.is_some());
                assert!(
                    snapshot.limits.iter().any(|limit| limit.contains("real-time")),
                    "{:?}",
                    snapshot.limits
                );
            })
        })
        .map_or(1, |()| 0)
    });
}

#[test]
fn st2_a_foreign_thread_gets_no_signal_whatever_the_look() {
    // catches: a signal to a thread that is not the program's to disturb
    child_passes(|_| {
        let exit = homebound::Registry::new("shop").run(|s| {
            let alien = std::thread::Builder::new().name("alien".to_owned());
            // It ends with the process.
            let _alien = alien.spawn(|| {
                while !std::hint::black_box(false) {
                    std::hint::spin_loop();
                }
            })?;
            let all = Examine::new().kernel().stacks(Stacks::All).within(Duration::from_secs(30));
            let mut alone = 0;
            eventually("it computes, in three looks", || {
                let snapshot = s.examine(all);
                let row = snapshot.foreign.iter().find(|row| row.name == "alien");
                let Some(row) = row else { return false };
                assert!(row.stack.as_ref().is_none_or(|stack| stack.how == Captured::Asleep), "{snapshot}");
                alone += usize::from(row.no_stack.as_deref().is_some_and(|why| why.contains("running")));
                alone >= 3
            });
            Ok(())
        });
        i32::from(exit.code() != 0)
    });
}
