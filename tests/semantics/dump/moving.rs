//! Owns threads that go on while a dump is made: the tree is read first, and the kernel is asked
//! later (TX12).
#![cfg(target_os = "linux")]
#![allow(clippy::unit_arg)] // `Ok(drop(..))` reads well as the last word of a body

use homebound::channel::bounded;
use homebound::{Result, scope_named};

use crate::common::*;

#[test]
fn tx12_a_thread_that_begins_a_wait_or_comes_home_during_a_dump_is_in_no_trouble() {
    // catches: a thread of which the kernel has seen a wait of homebound's, and that is called
    // blocked outside of homebound; a thread that has come home, and is called gone
    child_passes(|_| {
        let result = scope_named("shop", |s| -> Result {
            let ((open, gate), (_never, nothing)) = (gate(), bounded::<u32>(1));
            let home = gate.clone();
            s.spawn("mover", "begins a wait", move |cx| {
                pass(&gate);
                Ok(drop(cx.recv(&nothing)))
            })?;
            s.spawn("homer", "comes home", move |_| Ok(pass(&home)))?;
            eventually("both are where no wait is known", || {
                s.dump_status().contains("2 blocked outside of homebound")
            });
            // The name of the program is looked up behind the tree, and before the kernel is asked.
            let held = hold_lookups();
            let dump = std::thread::scope(|helpers| {
                helpers.spawn(|| {
                    held.wait();
                    drop(open);
                    eventually("one is in its wait, and one is home", || {
                        let threads = s.active_threads();
                        let mover = threads.iter().find(|row| row.name == "mover");
                        mover.is_some_and(|row| row.wait.is_some())
                            && threads.iter().all(|row| row.name != "homer")
                    });
                    drop(held);
                });
                s.dump_status()
            });
            let row = dump.lines().find(|line| line.contains("mover  (worker")).expect("a row");
            assert!(row.contains("waits: recv at "), "{dump}");
            assert!(
                dump.contains(": nothing stands out") && !dump.contains("gone, or about to be"),
                "{dump}"
            );
            std::process::exit(0)
        });
        result.map_or(1, |()| 1)
    });
}

#[test]
fn tx12_no_stack_is_read_that_no_row_shows() {
    // catches: a look that spends its time on stacks of threads whose rows name the line of their
    // wait; a dump in which nothing stands out, and whose last line says that stacks are missing
    child_passes(|_| {
        let result = scope_named("shop", |s| -> Result {
            s.service("clerk", "waits for orders", until_stopped)?;
            eventually("it waits", || s.active_threads().iter().any(|row| row.wait.is_some()));
            // So each attempt to read a stack is told.
            refuse_call(libc::SYS_process_vm_readv);
            let dump = s.dump_status();
            assert!(dump.contains(": nothing stands out") && !dump.contains("not seen"), "{dump}");
            let all = s.examine(homebound::Examine::new().stacks(homebound::Stacks::Asleep));
            assert!(all.limits.iter().any(|limit| limit.starts_with("stacks: ")), "{:?}", all.limits);
            std::process::exit(0)
        });
        result.map_or(1, |()| 1)
    });
}
