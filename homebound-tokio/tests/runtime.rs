//! Owns the tests of a tokio runtime in a service, with the real crate: where its threads are, how
//! it hears the stop, and what it leaves behind.
//! Refuses to know the bridges: see `bridges`.

#![cfg(unix)]
#![allow(clippy::incompatible_msrv)] // tests are built with a newer Rust than the library asks for
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

#[path = "../../tests/common/mod.rs"]
mod common;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::*;
use crossbeam_channel::bounded;
use homebound::registry::{self, Registry};
use homebound::{Role, Scope, StopReason, current, scope, scope_named};
use homebound_tokio::{CancellationToken, block_on_tokio};
use tokio::sync::oneshot;

const LONG: Duration = Duration::from_secs(60);

/// Name and purpose of the guests in a scope, sorted.
fn guests(s: &Scope<'_, '_>) -> Vec<(String, String)> {
    let threads = s.snapshot().root.threads.into_iter().filter(|row| row.role == Role::Guest);
    let mut found: Vec<_> = threads.map(|row| (row.name, row.purpose)).collect();
    found.sort();
    found
}

#[test]
fn in6_its_threads_are_guests_by_name_and_purpose_until_they_are_joined() {
    // catches: threads nobody knows; workers that the scope waits for; threads that stay
    child_passes(|_| {
        let before = os_threads();
        scope_named("app", |s| {
            let (begin, begun) = bounded(1);
            let (end, ended) = oneshot::channel::<()>();
            s.service("tokio", "serves", |cx| {
                block_on_tokio(cx, 2, LONG, |token| async move {
                    let blocking = tokio::task::spawn_blocking(move || {
                        let name = current().expect("a guest").name().to_owned();
                        begin.send(name).expect("the body waits");
                        ended.blocking_recv()
                    });
                    token.cancelled().await;
                    Ok(blocking.await??)
                })
            })?;
            let expected = ["tokio-0", "tokio-1", "tokio-2"];
            assert!(expected.contains(&&*begun.recv()?));
            // The third thread may have begun before one of the others.
            eventually("three guests", || guests(s).len() == 3);
            let purpose = || "runs tasks or blocking calls of tokio".to_owned();
            assert_eq!(guests(s), expected.map(|name| (name.to_owned(), purpose())));
            assert_eq!(s.active_threads().len(), 1, "the scope waits for the service alone");
            let dump = s.dump_status();
            assert!(dump.contains("tokio  (service: serves)") && dump.contains("waits: tokio at "), "{dump}");
            end.send(()).expect("the call waits");
            Ok(())
        })
        .unwrap();
        eventually("all threads are gone", || os_threads() == before);
        0
    });
}

/// A run with a blocking call that goes on after the limit. Returns what was seen.
fn with_a_long_call(hold: Duration) -> homebound::Exit<Vec<(String, String)>> {
    Registry::new("app").run(|s| {
        let (begin, begun) = bounded(1);
        let (open, opened) = gate();
        let service = s.spawn("tokio", "serves", move |cx| {
            block_on_tokio(cx, 1, Duration::from_millis(20), |_| async move {
                tokio::task::spawn_blocking(move || {
                    begin.send(()).expect("the body waits");
                    pass(&opened);
                    linger(hold.as_millis() as u64);
                });
                Ok(tokio::time::sleep(Duration::from_millis(1)).await)
            })
        })?;
        begun.recv()?;
        service.join()?;
        let seen = guests(s);
        drop(open);
        if hold.is_zero() {
            eventually("the guest leaves", || guests(s).is_empty());
        }
        Ok(seen)
    })
}

#[test]
fn in6_a_call_that_takes_longer_than_the_limit_is_named_until_it_ends() {
    // catches: a shutdown without a limit; threads that vanish from the dump; orphans
    child_passes(|_| {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&lines);
        let told = subscriber::Told::new(move |line| into.lock().unwrap().push(line.to_owned()));
        tracing::subscriber::set_global_default(told).expect("the child's own");
        let exit = with_a_long_call(Duration::ZERO);
        assert_eq!(exit.shutdown.orphaned, 0, "{}", exit.shutdown);
        let left = exit.result.unwrap();
        let [(name, _)] = &left[..] else { panic!("{left:?}") };
        let is_told = |line: &String| line.contains("WARN") && line.contains(name);
        assert!(lines.lock().unwrap().iter().any(is_told), "{lines:?}");
        // It outlives the run, and is known by name.
        let exit = with_a_long_call(Duration::from_secs(5));
        let report = &exit.shutdown;
        assert_eq!((report.orphaned, report.timeout), (0, 0), "{report}");
        let name = &exit.result.as_ref().unwrap()[0].0;
        assert!(report.foreign.iter().any(|thread| thread.guest && thread.name == *name), "{report}");
        0
    });
}

#[test]
fn a_blocking_call_within_the_limit_is_waited_for() {
    // catches: a runtime that is left instead of shut down
    within(|| {
        scope(|s| {
            let done = Arc::new(AtomicUsize::new(0));
            let (begin, begun) = bounded(1);
            let tell = Arc::clone(&done);
            block_on_tokio(s.context(), 1, LONG, |_| async move {
                tokio::task::spawn_blocking(move || {
                    begin.send(()).expect("the future waits");
                    linger(20);
                    tell.store(1, SeqCst);
                });
                Ok(begun.recv()?)
            })?;
            assert_eq!(done.load(SeqCst), 1);
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn a_stop_ends_a_select_in_milliseconds() {
    within(|| {
        let once = || {
            let stopped_at = Mutex::new(None);
            let seen = scope(|s| {
                let (begin, begun) = bounded(1);
                let service = s.spawn("tokio", "waits", |cx| {
                    block_on_tokio(cx, 1, LONG, |token| async move {
                        begin.send(())?;
                        tokio::select! {
                            () = token.cancelled() => Ok(Instant::now()),
                            () = std::future::pending() => unreachable!(),
                        }
                    })
                })?;
                begun.recv()?;
                *stopped_at.lock().unwrap() = Some(Instant::now());
                s.stop();
                Ok(service.join()?)
            });
            seen.unwrap() - stopped_at.into_inner().unwrap().expect("stopped")
        };
        // A busy machine may take its time, but not each time.
        eventually("it is fast", || once() < Duration::from_millis(10));
    });
}

#[test]
fn without_workers_all_runs_on_the_calling_thread() {
    within(|| {
        scope(|s| {
            s.spawn("client", "needs an answer", |cx| {
                let own = std::thread::current().id();
                let task = async move { assert_eq!(std::thread::current().id(), own) };
                block_on_tokio(cx, 0, LONG, |_| async move { Ok(tokio::spawn(task).await?) })
            })?;
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn the_token_is_cancelled_when_the_future_has_returned() {
    // catches: a blocking call that waits for a token which nobody cancels any more
    within(|| {
        scope(|s| {
            let (begin, begun) = bounded(1);
            let called = s.spawn("tokio", "calls", |cx| {
                block_on_tokio(cx, 1, LONG, |token: CancellationToken| async move {
                    tokio::task::spawn_blocking(move || {
                        begin.send(()).expect("the future waits");
                        while !token.is_cancelled() {
                            std::thread::yield_now();
                        }
                    });
                    begun.recv()?;
                    Ok("done")
                })
            })?;
            assert_eq!(called.join()?, "done");
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn a_panic_and_an_error_of_the_future_are_failures_of_the_service() {
    within(|| {
        let error = scope(|s| {
            s.service("tokio", "breaks", |cx| {
                block_on_tokio(cx, 1, LONG, |_| async { panic!("the future broke") })
            })?;
            s.thread("other", "fails")
                .isolated()
                .service(|cx| block_on_tokio(cx, 1, LONG, |_| async { Err("no such host")? }))?;
            Ok(drop(s.context().wait_for_stop()))
        });
        let text = error.unwrap_err().to_string();
        assert!(text.contains("the future broke") && text.contains("tests/runtime.rs:"), "{text}");
        assert!(text.contains("no such host"), "{text}");
    });
}

#[test]
fn a_future_that_ends_with_the_stop_has_stopped() {
    within(|| {
        let result = scope(|s| {
            s.stop();
            block_on_tokio(s.context(), 1, LONG, |token| async move {
                token.cancelled().await;
                // On a thread of the runtime, with the context of its guest.
                let told = tokio::spawn(async { current().expect("a guest").checkpoint() });
                Ok(told.await??)
            })
        });
        let error = result.unwrap_err();
        assert!(matches!(error.stop_reason(), Some(StopReason::Requested { .. })), "{error}");
    });
}

#[test]
fn a_run_with_a_runtime_ends_on_a_signal_with_its_tasks_told() {
    child_passes(|_| {
        let drained = AtomicUsize::new(0);
        let exit = registry::run(|s| {
            let drained = &drained;
            s.service("tokio", "serves", move |cx| {
                block_on_tokio(cx, 2, LONG, |token| async move {
                    let mut tasks = tokio::task::JoinSet::new();
                    for _ in 0..10 {
                        let token = token.clone();
                        tasks.spawn(async move { token.cancelled().await });
                    }
                    drained.store(tasks.join_all().await.len(), SeqCst);
                    Ok(())
                })
            })?;
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM)?;
            s.context().wait_for_stop();
            Ok(())
        });
        assert!(matches!(exit.shutdown.reason, Some(StopReason::Signal(_))));
        assert_eq!((exit.shutdown.orphaned, drained.load(SeqCst)), (0, 10), "{}", exit.shutdown);
        exit.into_result().unwrap();
        0
    });
}

#[test]
fn in8_tokios_own_signals_hear_beside_the_run() {
    // catches: a page that says so of signal-hook alone
    child_passes(|_| {
        let exit = registry::run(|s| {
            s.service("tokio", "hears SIGINT through tokio", |cx| {
                block_on_tokio(cx, 1, LONG, |token| async move {
                    let pressed = tokio::signal::ctrl_c();
                    tokio::pin!(pressed);
                    // The first poll installs the handler.
                    tokio::select! {
                        biased;
                        heard = &mut pressed => return Ok(heard?),
                        () = std::future::ready(()) => {}
                    }
                    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::INT)?;
                    pressed.await?;
                    Ok(token.cancelled().await) // the run has heard as well
                })
            })?;
            s.context().wait_for_stop();
            Ok(())
        });
        assert!(matches!(exit.shutdown.reason, Some(StopReason::Signal(2))));
        assert_eq!((exit.code(), exit.shutdown.orphaned), (130, 0), "{}", exit.shutdown);
        0
    });
}
