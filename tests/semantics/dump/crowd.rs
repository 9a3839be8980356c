//! Owns the dump of many threads that are alike: TX2, TX3.
#![cfg(target_os = "linux")]
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::io::Read;

use homebound::registry::Registry;
use homebound::{Scope, scope};
use libc::SIGQUIT;

use crate::common::{child, gate, pass, say, within};

/// Threads that are alike, and one that is stuck where homebound does not look.
fn crowd(s: &Scope<'_, '_>, count: usize) -> homebound::Result {
    let (keep, never) = homebound::channel::bounded::<()>(0);
    for n in 0..count {
        let never = never.clone();
        let conn = s.thread(format!("conn-{n}"), format!("serves peer {n}")).stack_size(32 << 10);
        conn.spawn(move |cx| Ok(drop(cx.recv(&never))))?;
        if n == count / 2 {
            s.spawn("stuck", "reads a pipe that nobody writes to", |_| {
                let (mut reader, _writer) = std::io::pipe()?;
                Ok(reader.read_exact(&mut [0])?)
            })?;
        }
    }
    crate::common::eventually("all of them wait", || s.dump_status().contains("9,999 alike: recv at "));
    say("ready");
    s.context().wait_for_stop();
    drop(keep);
    Ok(())
}

fn ten_thousand(_: &str) -> i32 {
    i32::from(Registry::new("crowd").run(|s| crowd(s, 9_999)).code())
}

#[test]
fn tx2_ten_thousand_that_are_alike_are_one_row_and_the_stuck_one_is_among_the_first_lines() {
    // catches: a row for each thread; the one that matters in the middle of them
    let mut child = child("", ten_thousand);
    child.until("ready").signal(SIGQUIT).until_stderr("homebound-stopper  (internal");
    let dump = child.stderr();
    child.signal(libc::SIGKILL);
    child.finish();
    assert!(dump.lines().count() <= 60, "{dump}");
    assert!(dump.lines().take(10).any(|line| line.contains("/crowd/stuck  (worker: reads a pipe")), "{dump}");
    assert!(dump.contains("9,999 alike: recv at tests/semantics/dump/crowd.rs:"), "{dump}");
    assert_eq!(dump.matches("reads a pipe that nobody").count(), 1, "{dump}");
    assert!(dump.len() < 16 << 10, "more than is read in a moment: {dump}");
}

/// Two functions of one text, so that their waits have one line. Each is the innermost of its
/// stack that is the program's own.
macro_rules! deaf {
    ($($name:ident)*) => { $(
        #[inline(never)]
        fn $name(cx: &homebound::Context, nothing: &homebound::channel::Receiver<()>) -> homebound::Result {
            cx.waiting("its turn", || nothing.recv())?;
            Ok(())
        }
    )* };
}
deaf!(reads_orders reads_prices);

#[test]
fn tx3_threads_with_different_stacks_are_not_shown_with_one() {
    // catches: the stack of the first thread as that of all
    within(|| {
        let (keep, never) = homebound::channel::bounded::<()>(0);
        let result = scope(|s| {
            for n in 0..10 {
                let (work, never) = (if n % 2 == 0 { reads_orders } else { reads_prices }, never.clone());
                s.spawn(format!("deaf-{n}"), "hears nothing", move |cx| work(cx, &never))?;
            }
            s.shutdown(std::time::Duration::from_millis(100));
            crate::common::eventually("both stacks are there", || {
                let dump = s.dump_status();
                // At first they are in time, and a wait that names its line needs no stack.
                !dump.contains("10 alike")
                    && dump.matches("5 alike: its turn at ").count() == 2
                    && ["reads_orders", "reads_prices"].iter().all(|name| dump.contains(name))
            });
            Ok(drop(keep))
        });
        drop(result);
    });
}

#[test]
fn tx3_rows_that_say_something_of_their_own_are_not_put_together() {
    // catches: a failed thread in a group; threads of two lines of the program, or with two
    // purposes, in one row
    within(|| {
        let result = scope(|s| {
            let (open, gate) = gate();
            for n in 0..5 {
                let gate = gate.clone();
                s.spawn(format!("same-{n}"), "waits", move |cx| Ok(cx.waiting("its turn", || pass(&gate))))?;
            }
            for (n, purpose) in ["one", "two", "three", "four", "five"].into_iter().enumerate() {
                let gate = gate.clone();
                s.spawn(format!("other-{n}"), purpose, move |cx| Ok(cx.waiting("its turn", || pass(&gate))))?;
            }
            let failed = gate.clone();
            let (told, is_told) = crate::common::gate();
            s.spawn("bad", "fails and goes on", move |cx| {
                cx.fail("a bad sector");
                drop(told);
                Ok(cx.waiting("its turn", || pass(&failed)))
            })?;
            pass(&is_told);
            crate::common::eventually("they wait", || s.dump_status().matches("its turn").count() == 7);
            let dump = s.dump_status();
            assert!(dump.contains("5 alike: its turn at "), "{dump}");
            for name in ["same-0", "same-4"] {
                assert!(dump.contains(name), "each of a few is named: {dump}");
            }
            for row in ["other-3  (worker: four)", "bad  (worker: fails and goes on)"] {
                assert!(dump.contains(row), "{row} {dump}");
            }
            drop(open);
            Ok(())
        });
        assert!(result.unwrap_err().to_string().contains("a bad sector"));
    });
}
