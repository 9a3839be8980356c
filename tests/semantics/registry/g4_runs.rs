//! G4: a process has one run at a time, and may have one after another.
#![allow(unsafe_code)] // sigaction has no safe form
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::*;
use homebound::registry;
use homebound::{Result, scope};

#[test]
fn g4_a_second_run_is_refused_and_its_body_not_run() {
    // catches: two owners of the signals; a panic, or a hang, in place of a clear error
    child_passes(|_| {
        let ran = AtomicUsize::new(0);
        let refused = |from: &str| {
            let exit = registry::run(|_| Ok(ran.fetch_add(1, Ordering::SeqCst)));
            assert_eq!(exit.code(), 1, "from {from}");
            assert!(exit.result.unwrap_err().to_string().len() > 10, "from {from}");
        };
        let exit = registry::run(|s| {
            refused("the body");
            s.spawn("worker", "tries", |_| Ok(refused("a worker")))?.join()?;
            std::thread::scope(|threads| {
                threads.spawn(|| refused("another thread"));
            });
            assert!(!s.is_stopping());
            s.subscope("sub", |_| Ok(refused("a subscope")))?;
            Ok(())
        });
        assert!(exit.result.is_ok());
        scope(|_| Ok(refused("a standalone scope"))).unwrap();
        assert_eq!(ran.load(Ordering::SeqCst), 0);
        i32::from(exit.code())
    });
}

#[test]
fn g4_run_after_run_works_whatever_became_of_the_first() {
    // catches: a slot that stays taken after an error or a panic
    child_passes(|_| {
        let before = os_threads();
        for _ in 0..3 {
            assert_eq!(registry::run(|_| Ok(5)).into_result().unwrap(), 5);
            assert_eq!(registry::run(|_| -> Result { Err(boom("no")) }).code(), 1);
            let payload = panics(|| registry::run(|_| -> Result { panic!("out of the body") }));
            assert_eq!(text(&*payload), "out of the body");
            assert!(registry::snapshot().is_none());
            assert_eq!(os_threads(), before, "internal threads are joined");
        }
        0
    });
}

#[test]
fn g4_a_panicking_body_is_told_of_the_other_failures_on_stderr() {
    // catches: failures lost behind the body's panic
    fn scenario(_: &str) -> i32 {
        let payload = panics(|| {
            registry::run(|s| -> Result {
                s.spawn("culprit", "fails when it is stopped", |cx| -> Result {
                    cx.wait_for_stop();
                    Err(boom("found in the clean-up"))
                })?;
                panic!("out of the body")
            })
        });
        i32::from(text(&*payload) != "out of the body")
    }
    let done = in_child("", scenario);
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert!(done.err.contains("found in the clean-up"), "{done:#?}");
}

#[test]
fn run_is_named_after_the_executable() {
    // catches: a root without a name
    child_passes(|_| {
        let exe = std::env::current_exe().unwrap();
        let exe = exe.file_stem().unwrap().to_str().unwrap();
        let exit = registry::run(|s| Ok(assert!(s.context().path().starts_with(&format!("/{exe}")))));
        i32::from(exit.code())
    });
}

#[test]
fn a_scope_that_ends_in_a_forked_child_aborts_with_a_message() {
    // catches: a fork's copy of the scope that waits for ever for threads it does not have
    fn scenario(_: &str) -> i32 {
        let mut forked = 0;
        let result = scope(|s| {
            s.spawn("worker", "is not there in the copy", until_stopped)?;
            // SAFETY: the copy only leaves the scope, which must abort it.
            forked = unsafe { libc::fork() };
            if forked != 0 {
                s.stop();
            }
            Ok(())
        });
        let mut status = 0;
        eventually("the copy is gone", || {
            // SAFETY: `status` is a local.
            let ended = unsafe { libc::waitpid(forked, &mut status, libc::WNOHANG) };
            ended == forked
        });
        assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGABRT, "{status}");
        i32::from(result.is_err())
    }
    let done = in_child("", scenario);
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert!(done.err.contains("fork"), "{done:#?}");
}
