//! Owns the order of the threads above the tree, and what their rows say of the way into the
//! function that does not end: TX2, TX10.
#![cfg(all(target_os = "linux", feature = "stacks"))]
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::hint::black_box;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use homebound::channel::bounded;
use homebound::{Context, Examine, Result, Scope, Stacks, scope, scope_named};

use crate::common::{child_passes, eventually, gate, linger, pass, within};

/// The lines of the two calls below.
const READS: u32 = line!() + 6;
const CALLS: u32 = line!() + 11;

#[inline(never)]
fn read_never() -> Result {
    let (mut reader, _writer) = std::io::pipe()?;
    reader.read_exact(&mut [0])?;
    Ok(black_box(()))
}

#[inline(never)]
fn resize() -> Result {
    black_box(read_never())
}

/// The dump of a scope, as SIGQUIT has it.
fn dump(s: &Scope<'_, '_>) -> String {
    s.examine(Examine::new().kernel().stacks(Stacks::Asleep).within(Duration::from_secs(5))).to_string()
}

/// Runs the body in a child process, which ends with its threads as they are.
fn shown(body: fn(&Scope<'_, '_>) -> Result) -> i32 {
    let done = scope_named("s", |s| -> Result {
        let done = catch_unwind(AssertUnwindSafe(|| body(s)));
        std::process::exit(i32::from(!matches!(done, Ok(Ok(())))))
    });
    unreachable!("the process has ended: {done:?}")
}

/// The place of a text in the dump.
#[track_caller]
fn at(dump: &str, what: &str) -> usize {
    dump.find(what).unwrap_or_else(|| panic!("no {what}: {dump}"))
}

#[test]
fn tx2_a_consumer_that_is_stuck_stands_above_its_producers() {
    // catches: the victims of a full queue before the thread that does not empty it
    child_passes(|_| {
        shown(|s| {
            let (send, receive) = bounded::<u32>(1);
            for name in ["upload-1", "upload-2"] {
                let send = send.clone();
                s.spawn(name, "takes pictures", move |cx| -> Result {
                    loop {
                        cx.send(&send, 1)?;
                    }
                })?;
            }
            s.spawn("resizer", "resizes them", move |cx| {
                cx.recv(&receive)?;
                resize()
            })?;
            eventually("they are held up", || dump(s).contains("2 held up by a full queue"));
            let dump = dump(s);
            let (stuck, held) = (at(&dump, "  /s/resizer  ("), at(&dump, "held up by a full queue:"));
            let path = dump.lines().find(|line| line.contains("/upload-1  (")).expect("a row");
            Ok(assert!(stuck < held && held < at(&dump, path), "{dump}"))
        })
    });
}

#[test]
fn tx2_a_thread_for_which_others_wait_comes_before_a_thread_for_which_none_does() {
    // catches: an order by chance; the joined thread behind a long list
    child_passes(|_| {
        shown(|s| {
            for n in 0..3 {
                s.spawn(format!("alone-{n}"), format!("reads {n}"), |_| read_never())?;
            }
            let mailer = s.spawn("mailer", "sends", |_| read_never())?;
            s.spawn("invoices", "joins", move |_| Ok(mailer.join()?))?;
            eventually("all wait", || {
                let dump = dump(s);
                dump.contains("4 blocked outside") && dump.contains("waits: join of ")
            });
            let dump = dump(s);
            Ok(assert!(at(&dump, "/mailer  (worker") < at(&dump, "/alone-0  (worker"), "{dump}"))
        })
    });
}

#[test]
fn tx2_a_holder_that_waits_for_a_message_stands_above_the_tree() {
    // catches: the thread that has the lock somewhere in the tree, because its own wait is known
    child_passes(|_| {
        shown(|s| {
            let lock = Arc::new(Mutex::new(0));
            let (_open, never) = gate();
            let (held, holds) = gate();
            let own = lock.clone();
            s.spawn("holder", "holds the lock", move |cx| {
                let mut count = own.lock().unwrap();
                drop(held);
                drop(cx.recv(&never));
                Ok(*count += 1)
            })?;
            pass(&holds);
            s.spawn("user", "wants the lock", move |_| Ok(*lock.lock().unwrap() += 1))?;
            eventually("it is named", || dump(s).contains("std mutex perhaps held by "));
            let dump = dump(s);
            let tree = at(&dump, "[open]");
            let holder = at(&dump, "/holder  (worker");
            assert!(
                at(&dump, "named as holder of a lock:") < holder && holder < at(&dump, "/user  ("),
                "{dump}"
            );
            Ok(assert!(holder < tree, "{dump}"))
        })
    });
}

#[test]
fn tx2_a_crowd_of_one_kind_hides_no_other_and_is_counted_as_a_whole() {
    // catches: a verdict that counts what there was room for; 40 blocked threads that push a full
    // queue off the page
    child_passes(|_| {
        shown(|s| {
            for n in 0..50 {
                s.thread(format!("odd-{n}"), format!("reads {n}")).spawn(|_| read_never())?;
            }
            let (send, _full) = bounded::<u32>(0);
            s.spawn("upload", "hands over", move |cx| Ok(cx.send(&send, 1)?))?;
            eventually("they are blocked", || {
                let dump = dump(s);
                dump.contains(" 50 blocked outside of homebound, 1 held up by a full queue")
            });
            let dump = dump(s);
            assert!(
                dump.contains("\nblocked outside of homebound (20 of 50, the others in the tree):\n"),
                "{dump}"
            );
            assert!(at(&dump, "/upload  (worker") < at(&dump, "[open]"), "{dump}");
            for n in 0..50 {
                let purpose = format!("(worker: reads {n})");
                assert_eq!(dump.matches(&purpose).count(), 1, "{dump}");
            }
            Ok(())
        })
    });
}

#[test]
fn tx10_a_row_above_the_tree_names_the_callers_and_their_lines() {
    // catches: a stack of one frame, of which nobody knows the way to it
    child_passes(|_| {
        shown(|s| {
            s.spawn("stuck", "reads", |_| resize())?;
            eventually("it is blocked", || dump(s).contains("1 blocked outside"));
            let dump = dump(s);
            let mut lines = dump.lines().skip_while(|line| !line.contains("/stuck  (worker"));
            let (_row, stack, callers) =
                (lines.next(), lines.next().expect("a stack"), lines.next().expect("callers"));
            assert!(stack.contains("in semantics::dump::culprit::read_never"), "{dump}");
            let by =
                callers.trim().strip_prefix("called by semantics::dump::culprit::resize").expect("a caller");
            assert!(by.contains(" < semantics::dump::culprit::tx10_"), "{dump}");
            let debug = s.examine(Examine::new().stacks(Stacks::Asleep).within(Duration::from_secs(5)));
            let stuck = debug.root.threads.iter().find(|thread| thread.name == "stuck").expect("a row");
            let own = stuck.stack.as_ref().and_then(|stack| stack.own_frame()).expect("a stack");
            // Without debug information, or with more of it than is read, there are no lines.
            if let (Some(file), Some(line)) = (&own.file, own.line) {
                assert_eq!((&**file, line), (file!(), READS), "{dump}");
                assert!(stack.contains(&format!("read_never at {file}:{READS} (")), "{dump}");
                assert!(by.starts_with(&format!(" at {file}:{CALLS} < ")), "{dump}");
            }
            Ok(())
        })
    });
}

#[test]
fn tx10_a_thread_that_runs_says_how_to_see_its_stack() {
    // catches: a row that ends in a dead end
    child_passes(|_| {
        shown(|s| {
            s.spawn("search", "computes", |_| -> Result {
                loop {
                    black_box(1);
                }
            })?;
            eventually("it computes", || dump(s).contains("1 computing"));
            let dump = dump(s);
            let stack =
                dump.lines().find(|line| line.contains("no stack: ")).unwrap_or_else(|| panic!("{dump}"));
            assert!(
                stack.contains("it is running: only a signal can tell its stack (`Stacks::All` sends"),
                "{dump}"
            );
            let all = s.examine(Examine::new().kernel().stacks(Stacks::All)).to_string();
            Ok(assert!(
                !all.contains("no stack: ") && all.contains("culprit::tx10_a_thread_that_runs"),
                "{all}"
            ))
        })
    });
}

#[test]
fn tx10_a_body_that_waits_to_be_told_does_not_look_as_if_a_stop_were_under_way() {
    // catches: `waits: stop`
    within(|| {
        let result = scope(|s| {
            s.service("clock", "ticks", |cx: &Context| Ok(drop(cx.wait_for_stop())))?;
            eventually("it waits", || s.dump_status().contains("waits: to be told to stop at "));
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn ed1_a_child_that_does_not_end_is_shown_with_what_it_does() {
    // catches: a wait for a child of which a reader has to ask another tool
    child_passes(|_| {
        shown(|s| {
            let mut child = Command::new("sleep").arg("1000").spawn()?;
            let id = child.id();
            let pid = rustix::process::Pid::from_child(&child);
            s.spawn("printer", "waits for a child", move |_| Ok(child.wait()?.success()))?;
            let sleeps = format!("wait4 child {id} \"sleep\" [sleeps");
            eventually("it sleeps", || dump(s).contains(&sleeps));
            rustix::process::kill_process(pid, rustix::process::Signal::STOP)?;
            let suspended = format!("child {id} \"sleep\" [is suspended]");
            eventually("it is suspended", || dump(s).contains(&suspended));
            rustix::process::kill_process(pid, rustix::process::Signal::KILL)?;
            Ok(linger(1))
        })
    });
}
