//! P7: a run ends, whatever its threads do, and says which of them did not come home.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::cell::RefCell;
use std::time::Duration;

use crate::common::subscriber::Told;
use crate::common::*;
use crossbeam_channel::Receiver;
use homebound::registry::Registry;
use homebound::{Context, OnOverdue, Result, Scope, scope};

const BRIEF: Duration = Duration::from_millis(300);

/// Runs a program that gets stuck in the way `how` says.
fn stuck(how: &str) -> i32 {
    let (_keep, never) = gate();
    let on_overdue = match how {
        "abort" => OnOverdue::Abort,
        "77" => OnOverdue::Exit(77),
        _ => OnOverdue::Exit(70),
    };
    let root = Registry::new("p7").grace(BRIEF).kill_after(BRIEF).on_overdue(on_overdue);
    let exit = root.run(|s| {
        match how {
            "body" | "deferred" | "callback" | "subscriber" => stuck_body(s, how, &never)?,
            "service" | "group" => return stuck_service(s, how, &never),
            "drop" | "result" | "tls" => stuck_in_a_drop(s, how, never.clone())?,
            _ => stuck_worker(s, how, never.clone())?,
        }
        say("ready");
        Err(boom("time to go"))
    });
    i32::from(exit.code())
}

fn stuck_worker<'s>(s: &'s Scope<'s, '_>, how: &str, never: Receiver<()>) -> Result {
    let wait = move || pass(&never);
    match how {
        "spin" => drop(s.spawn("stuck-one", "spins", |_| -> Result {
            loop {
                std::hint::spin_loop();
            }
        })?),
        "nested" => {
            let (ready, is_ready) = gate();
            drop(s.spawn("outer", "has one below", move |_| {
                Ok(scope(|below| {
                    drop(below.spawn("stuck-one", "is deaf", move |_| Ok(wait()))?);
                    Ok(drop(ready))
                })?)
            })?);
            pass(&is_ready);
        }
        "stderr-lock" => drop(s.spawn("stuck-one", "holds stderr", move |_| {
            let _lock = std::io::stderr().lock();
            Ok(wait())
        })?),
        "stderr-full" => {
            fill_stderr();
            drop(s.spawn("stuck-one", "is deaf", move |_| Ok(wait()))?);
        }
        _ => drop(s.spawn("stuck-one", "never comes home", move |cx| Ok(cx.waiting("printer", wait)))?),
    }
    Ok(())
}

fn stuck_in_a_drop<'s>(s: &'s Scope<'s, '_>, how: &str, never: Receiver<()>) -> Result {
    thread_local!(static LAST: RefCell<Option<Box<dyn std::any::Any>>> = const { RefCell::new(None) });
    let hangs = OnDrop(move || pass(&never));
    match how {
        "drop" => drop(s.spawn("stuck-one", "drops for ever", move |_| {
            let _unused = &hangs;
            Ok(())
        })?),
        "result" => {
            // The handle goes first: else the body itself drops the result, before anybody asked
            // for a stop.
            let (open, gate) = gate();
            drop(s.spawn("stuck-one", "its result drops for ever", move |_| {
                pass(&gate);
                Ok(hangs)
            })?);
            drop(open);
        }
        _ => drop(s.spawn("stuck-one", "never ends its thread-locals", move |_| {
            LAST.set(Some(Box::new(hangs)));
            Ok(())
        })?),
    }
    Ok(())
}

fn stuck_service<'s>(s: &'s Scope<'s, '_>, how: &str, never: &Receiver<()>) -> Result {
    let never = never.clone();
    if how == "group" {
        let group = s.group("group")?;
        drop(group.service("stuck-one", "is deaf", move |_| Ok(pass(&never)))?);
        std::mem::forget(group);
    } else {
        drop(s.service("stuck-one", "is deaf", move |_| Ok(pass(&never)))?);
    }
    say("ready");
    Ok(())
}

fn stuck_body<'s>(s: &'s Scope<'s, '_>, how: &str, never: &Receiver<()>) -> Result {
    let wait = {
        let never = never.clone();
        move || pass(&never)
    };
    match how {
        "deferred" => s.defer("stuck-one", move || Ok(wait())),
        "subscriber" => {
            let deaf = never.clone();
            let alarm = |line: &str| line.starts_with("event WARN") || line.starts_with("event ERROR");
            let subscriber = Told::new(move |line: &str| {
                if alarm(line) {
                    wait()
                }
            });
            tracing::subscriber::set_global_default(subscriber)?;
            s.spawn("stuck-one", "is deaf, and its alarm hangs", move |_| Ok(pass(&deaf)))?;
        }
        "callback" => {
            std::mem::forget(s.context().on_stop(wait));
            say("ready");
            s.stop();
        }
        _ => {
            s.stop();
            say("ready");
            wait();
        }
    }
    Ok(())
}

/// Runs a stuck program and checks that it is gone in time, not before, with a dump.
#[track_caller]
fn gone_in_time(how: &str, named: bool) -> Done {
    let mut child = child(how, stuck);
    child.until("ready");
    let done = child.finish();
    // The grace, and as much again.
    assert!(done.took > 2 * BRIEF, "too early: {done:#?}");
    if named {
        for part in ["stuck-one", "/p7/", concat!(file!(), ":")] {
            assert!(done.err.contains(part), "no {part:?} in the dump: {done:#?}");
        }
    }
    done
}

#[test]
fn p7_a_deaf_worker_is_named_with_the_place_where_it_stands() {
    // catches: a process that hangs; a dump without purpose, wait or path
    let done = gone_in_time("worker", true);
    assert_eq!(done.code, Some(70));
    for part in ["never comes home", "printer", "/p7/stuck-one"] {
        assert!(done.err.contains(part), "no {part:?} in the dump: {done:#?}");
    }
}

#[test]
fn p7_a_spinning_worker() {
    // catches: a watch that needs the stuck thread's cooperation
    assert_eq!(gone_in_time("spin", true).code, Some(70));
}

#[test]
fn p7_a_capture_whose_drop_hangs() {
    // catches: a thread that counts as home before its captures are dropped
    assert_eq!(gone_in_time("drop", true).code, Some(70));
}

#[test]
fn p7_a_result_whose_drop_hangs() {
    // catches: results dropped where the clock does not run
    assert_eq!(gone_in_time("result", false).code, Some(70));
}

#[test]
fn p7_a_thread_local_whose_drop_hangs() {
    // catches: a pthread_join without a deadline behind it
    assert_eq!(gone_in_time("tls", false).code, Some(70));
}

#[test]
fn p7_a_deaf_service_after_a_normal_end() {
    // catches: a kill clock that only a stop request starts
    assert_eq!(gone_in_time("service", true).code, Some(70));
}

#[test]
fn p7_a_deaf_service_of_a_group() {
    // catches: the same one level down
    assert_eq!(gone_in_time("group", true).code, Some(70));
}

#[test]
fn p7_a_deaf_worker_of_a_nested_scope() {
    // catches: a clock that knows the root's own threads only
    assert_eq!(gone_in_time("nested", true).code, Some(70));
}

#[test]
fn p7_a_deaf_body() {
    // catches: a deadline that only the exit path drives
    assert_eq!(gone_in_time("body", false).code, Some(70));
}

#[test]
fn p7_a_deferred_function_that_hangs() {
    // catches: a clock that ends with the last join
    assert_eq!(gone_in_time("deferred", false).code, Some(70));
}

#[test]
fn p7_a_callback_that_hangs() {
    // catches: a kill clock behind the callbacks
    assert_eq!(gone_in_time("callback", false).code, Some(70));
}

#[test]
fn p7_a_subscriber_that_hangs() {
    // catches: a watch, or a deadline, that logs
    assert_eq!(gone_in_time("subscriber", true).code, Some(70));
}

#[test]
fn p7_stderr_is_locked_by_the_stuck_thread() {
    // catches: a dump through std's stderr
    assert_eq!(gone_in_time("stderr-lock", true).code, Some(70));
}

#[test]
fn p7_stderr_is_a_full_pipe() {
    // catches: a dump that blocks in write
    assert_eq!(gone_in_time("stderr-full", false).code, Some(70));
}

#[test]
fn p7_the_exit_code_can_be_chosen() {
    // catches: a fixed code
    assert_eq!(gone_in_time("77", true).code, Some(77));
}

#[test]
fn p7_abort_leaves_a_core() {
    // catches: Abort that exits
    assert_eq!(gone_in_time("abort", true).signal, Some(6));
}

#[test]
fn p7_wait_and_standalone_scopes_never_kill() {
    // catches: a kill under OnOverdue::Wait, or by a standalone scope
    child_passes(|_| {
        let brief = Duration::from_millis(50);
        let root = Registry::new("p7").grace(brief).kill_after(brief).on_overdue(OnOverdue::Wait);
        let late = |cx: &Context| {
            eventually("it is overdue", || cx.is_overdue());
            // Longer than from there to the end by force, if there were one.
            linger(400);
            Ok(())
        };
        let exit = root.run(|s| {
            s.spawn("late", "is late", late)?;
            s.stop();
            Ok(())
        });
        assert!(exit.result.is_ok());
        assert_eq!((exit.shutdown.timeout, exit.code()), (1, 70));
        let alone = scope(|s| {
            s.spawn("late", "is late", late)?;
            assert_eq!(s.shutdown(brief).timeout, 1);
            Ok(())
        });
        i32::from(alone.is_err())
    });
}
