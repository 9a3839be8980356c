//! No code of the program's runs under a lock of the library's.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Held, fails, falls};
use crate::common::subscriber::Told;
use crate::common::*;
use homebound::{Context, Result, scope};

/// An error whose end asks the library, about itself and about all.
#[derive(Debug)]
struct Asks(Context);

impl fmt::Display for Asks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("asks")
    }
}

impl std::error::Error for Asks {}

impl Drop for Asks {
    fn drop(&mut self) {
        let _overdue = self.0.is_overdue();
        let _dump = self.0.stopper().is_stopping();
        let opened = scope(|s| Ok(s.dump_status().len()));
        assert!(opened.is_ok());
        ASKED.fetch_add(1, Ordering::SeqCst);
    }
}

static ASKED: AtomicUsize = AtomicUsize::new(0);

#[test]
fn e7_a_failure_that_is_one_too_many_is_dropped_with_no_lock_held() {
    // catches: the error of a failure that no list keeps, dropped under the lock of its thread's
    // record
    within(|| {
        let error = scope(|s| {
            for _ in 0..1024 {
                let failing = s.thread("fails", "fails").isolated().spawn(fails)?;
                let done = failing.done().clone();
                drop(failing);
                let _ended = done.recv();
            }
            for isolated in [true, false] {
                let thread = s.thread("one-too-many", "fails with what asks");
                let thread = if isolated { thread.isolated() } else { thread };
                let (open, gate) = gate();
                let failing = thread.spawn(move |cx| {
                    pass(&gate);
                    Err::<(), _>(Asks(cx.clone()).into())
                });
                // The handle is gone before the thread fails.
                drop(failing?);
                drop(open);
            }
            Ok(())
        })
        .unwrap_err();
        assert_eq!(error.failures().len() + error.omitted(), 1026);
        drop(error);
        assert_eq!(ASKED.load(Ordering::SeqCst), 2);
    });
}

/// What panics when it is dropped.
struct Falls;

impl Drop for Falls {
    fn drop(&mut self) {
        panic!("falls");
    }
}

#[test]
fn f1_the_stop_waits_for_no_code_of_the_programs() {
    // catches: a failure that is logged, or whose error is asked, before its scope is stopped; a
    // subscriber that hears of the stop of one scope before the next one is marked
    child_passes(|_| {
        type Fail = fn(&homebound::Scope<'_, '_>, crossbeam_channel::Receiver<()>) -> Result;
        let ways: [(&str, Fail); 8] = [
            ("an error", |s, _| Ok(drop(s.spawn("fails", "fails", fails)?))),
            ("a panic", |s, _| Ok(drop(s.spawn("falls", "panics", falls)?))),
            ("a capture", |s, _| {
                let falls = Falls;
                Ok(drop(s.spawn("drops", "has what panics", move |_| {
                    let _it = &falls;
                    Ok(())
                })?))
            }),
            ("an error that asks", |s, gate| {
                Ok(drop(s.spawn("held", "fails", move |_| Err::<(), _>(Held(gate).into()))?))
            }),
            ("a vital thread", |s, _| Ok(drop(s.thread("vital", "ends").vital().spawn(|_| Ok(()))?))),
            ("a group", |s, _| {
                let group = s.context().group("group")?;
                drop(group.spawn("fails", "fails", fails)?);
                Ok(std::mem::forget(group))
            }),
            ("a body", |_, gate| Err(Held(gate).into())),
            ("a failure without an end", |s, gate| {
                let goes_on = move |cx: &homebound::Context| Ok(assert!(cx.fail(Held(gate)), "it is told"));
                Ok(drop(s.spawn("says so", "goes on", goes_on)?))
            }),
        ];
        for (name, fail) in ways {
            let (open, gate) = gate();
            let held = gate.clone();
            let subscriber = Told::new(move |line: &str| {
                if line.contains("ERROR") || line.contains("stopping") || line.contains("ended") {
                    pass(&held);
                }
            });
            let result = tracing::subscriber::with_default(subscriber, || {
                scope(|s| {
                    s.spawn("sibling", "opens when it is stopped", move |cx| {
                        cx.wait_for_stop();
                        Ok(drop(open))
                    })?;
                    fail(s, gate)
                })
            });
            assert_eq!(result.is_err(), name != "a vital thread", "{name}");
        }
        0
    });
}
