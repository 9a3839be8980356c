//! Owns what a dump says of a thread that runs a callback or a deferred function: TX11.
//! Refuses to pin a layout beyond the words that a reader looks for.

#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::Duration;

use homebound::channel::{Receiver, bounded};
use homebound::registry::Registry;
use homebound::status::{Role, ThreadStatus};
use homebound::{Context, Result, Snapshot, scope_named};

use crate::common::{all_threads, child_passes, eventually, gate, pass, until_stopped};

fn row(snapshot: &Snapshot, is_it: impl Fn(&ThreadStatus) -> bool) -> Option<ThreadStatus> {
    all_threads(snapshot).into_iter().find(|row| is_it(row))
}

fn is_waiting(snapshot: &Snapshot, name: &str) -> bool {
    row(snapshot, |row| row.name == name).is_some_and(|row| row.wait.is_some())
}

/// A thread whose callback hangs until the gate opens.
fn device(cx: &Context, gate: &Receiver<()>) -> Result {
    let (begin, begun) = bounded(1);
    let hangs = || {
        begin.send(()).expect("there is room");
        pass(gate)
    };
    cx.with_on_stop(hangs, || {
        let stopped = until_stopped(cx);
        // A callback that has not begun when the thread leaves is forgotten.
        begun.recv()?;
        stopped
    })
}

#[test]
fn tx11_a_body_that_runs_a_callback_says_whose_and_its_thread_waits_for_it() {
    // catches: a body that is said to wait for its threads, while they wait for it; a thread in a
    // futex of ours without a name
    let (open, gate) = gate();
    let done = scope_named("shop", |s| {
        s.service("device", "reads from a device", move |cx| device(cx, &gate))?;
        s.spawn("looker", "looks", move |_| {
            let (mut seen, mut dump) = (None, String::new());
            eventually("the callback is run, and waited for", || {
                let snapshot = s.snapshot();
                dump = snapshot.to_string();
                seen = row(&snapshot, |row| row.call.is_some());
                let waits = row(&snapshot, |row| row.name == "device").and_then(|row| row.wait);
                seen.is_some() && waits.is_some_and(|wait| wait.what == "the end of its callback")
            });
            let body = seen.expect("it was seen");
            assert_eq!(
                (body.role, body.call.map(|call| call.what)),
                (Role::Body, Some("callback of /shop/device".into()))
            );
            assert!(body.wait.is_none() && body.waits_for.is_empty(), "{dump}");
            let at = |what: &str| dump.find(what).unwrap_or_else(|| panic!("no {what}: {dump}"));
            assert!(at("in a callback of /shop/device for ") < at("─ device  (service"), "{dump}");
            assert!(dump.contains("waits: the end of its callback for "), "without a line: {dump}");
            drop(open);
            eventually("it is over", || row(&s.snapshot(), |row| row.call.is_some()).is_none());
            Ok(())
        })?;
        // Otherwise the thread runs the callback itself.
        eventually("the callback is registered", || is_waiting(&s.snapshot(), "device"));
        Ok(s.stop())
    });
    done.unwrap();
}

#[test]
fn tx11_a_body_in_a_deferred_function_says_which_and_waits_for_no_thread() {
    // catches: a body that is said to wait for its threads when all of them are home
    let (open, gate) = gate();
    let done = scope_named("app", |s| {
        s.spawn("looker", "looks", move |_| {
            let mut seen = None;
            eventually("the function runs", || {
                let snapshot = s.snapshot();
                seen = row(&snapshot, |row| row.call.is_some() && row.path == "/app/shop");
                seen.is_some()
            });
            let (row, dump) = (seen.expect("it was seen"), s.dump_status());
            let what = row.call.expect("it is in a call").what;
            assert!(what.starts_with("deferred function \"remove\" of /app/shop, from "), "{what}");
            assert!(row.wait.is_none() && row.waits_for.is_empty(), "{dump}");
            assert!(dump.contains("in a deferred function \"remove\" of /app/shop, from "), "{dump}");
            Ok(drop(open))
        })?;
        Ok(s.subscope("shop", |inner| Ok(inner.defer("remove", move || Ok(pass(&gate)))))?)
    });
    done.unwrap();
}

#[test]
fn tx11_stopper_in_a_callback_stands_above_the_tree() {
    // catches: a thread of homebound's that is left out above the tree although the program's code
    // holds it
    child_passes(|_| {
        let (open, gate) = gate();
        let exit = Registry::new("shop").grace(Duration::from_secs(60)).run(|s| {
            s.spawn("device", "reads from a device", move |cx| device(cx, &gate))?;
            eventually("the callback is registered", || is_waiting(&s.snapshot(), "device"));
            let pid = rustix::process::getpid();
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
            let mut dump = String::new();
            eventually("stopper runs it", || {
                dump = s.dump_status();
                dump.contains("in a callback of /shop/device for ")
            });
            let (above, tree) = dump.split_once("\n/shop  [").expect("a tree");
            assert!(above.contains("homebound-stopper  (internal"), "{dump}");
            assert!(above.contains("in a callback of /shop/device for "), "{dump}");
            assert!(!tree.contains("in a callback"), "once: {dump}");
            Ok(drop(open))
        });
        i32::from(exit.code() != 0)
    });
}
