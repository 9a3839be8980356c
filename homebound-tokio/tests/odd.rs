//! Owns the tests of odd settings and of refusals: a limit without end, a name with a NUL, a
//! runtime in a runtime, a system that refuses a thread.
//! Refuses to know what a runtime does when it is built: see `runtime`.

#![cfg(unix)]
#![allow(clippy::incompatible_msrv)] // tests are built with a newer Rust than the library asks for
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

#[path = "../../tests/common/mod.rs"]
mod common;

use std::time::Duration;

use common::*;
use homebound::{current, scope, scope_named};
use homebound_tokio::block_on_tokio;

const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_runtime_inside_a_runtime_is_an_error() {
    within(|| {
        scope(|s| {
            let inner = s.context().clone();
            block_on_tokio(s.context(), 0, LONG, |_| async move {
                let refused = block_on_tokio(&inner, 1, LONG, |_| async { Ok(()) });
                let refused = refused.unwrap_err().to_string();
                assert!(refused.contains("runs inside a tokio runtime already"), "{refused}");
                Ok(())
            })
        })
        .unwrap();
    });
}

#[test]
fn a_refusal_of_the_system_is_an_error_and_the_scope_is_usable() {
    // catches: tokio's panic; a runtime that waits for its first worker when the second is refused
    for room in ["1", "2"] {
        child_passes_with(room, |room| {
            if !rustix::process::getuid().is_root() {
                return 0; // only root can become a user without other threads
            }
            use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
            let room = Some(room.parse().expect("a number"));
            let limit = Rlimit { current: room, maximum: getrlimit(Resource::Nproc).maximum };
            setrlimit(Resource::Nproc, limit).expect("lowering is allowed");
            let nobody_else = rustix::fs::Uid::from_raw(own_user());
            rustix::thread::set_thread_uid(nobody_else).expect("root may");
            scope(|s| {
                let refused = block_on_tokio(s.context(), 2, LONG, |_| async { Ok(()) });
                let refused = refused.unwrap_err().to_string();
                assert!(refused.contains("no tokio runtime: OS can't spawn"), "{refused}");
                eventually("no worker is left", || os_threads() == 2);
                block_on_tokio(s.context(), 0, LONG, |_| async { Ok(()) })
            })
            .unwrap();
            0
        });
    }
}

#[test]
fn a_limit_may_be_zero_or_without_end() {
    // catches: an end that the clock cannot express, and the panic over it
    within(|| {
        for limit in [Duration::ZERO, Duration::MAX] {
            for workers in [0, 2] {
                let done = scope(|s| {
                    block_on_tokio(s.context(), workers, limit, |_| async {
                        Ok(tokio::task::spawn_blocking(|| 5).await?)
                    })
                });
                assert_eq!(done.unwrap(), 5);
            }
        }
    });
}

#[test]
fn a_scope_of_any_name_may_have_a_runtime() {
    // catches: a name with a NUL, which tokio cannot give to a thread
    within(|| {
        let name = scope_named("a\0b", |s| {
            block_on_tokio(s.context(), 1, LONG, |_| async {
                let own = || current().expect("a guest").name().to_owned();
                Ok(tokio::task::spawn_blocking(own).await?)
            })
        });
        assert!(name.unwrap().starts_with("ab-"));
    });
}

#[test]
fn a_panic_of_a_task_that_the_future_raises_again_has_its_place() {
    within(|| {
        let error = scope(|s| {
            s.spawn("tokio", "raises it again", |cx| -> homebound::Result {
                block_on_tokio(cx, 1, LONG, |_| async {
                    let panicked = tokio::spawn(async { panic!("the task broke") }).await;
                    std::panic::resume_unwind(panicked.unwrap_err().into_panic())
                })
            })?;
            Ok(())
        });
        let error = error.unwrap_err().to_string();
        assert!(error.contains("the task broke") && error.contains("tests/odd.rs:"), "{error}");
    });
}
