//! S1 to S11: how a stop travels, what it ends and what it does not.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use crate::common::*;
use crossbeam_channel::{RecvTimeoutError, Sender, bounded, unbounded};
use homebound::{
    BoxError, Cause, Context, JoinError, OnStop, Result, Scope, ScopeError, SpawnError, StopReason, Stopped,
    WaitError, scope,
};

const SOON: Duration = Duration::from_millis(20);

#[test]
fn s1_every_wait_returns_at_once_again_and_again_after_a_stop() {
    // catches: a stop that is consumed by the first wait that sees it
    within(|| {
        let result = scope(|s| {
            s.stop();
            for (kind, wait) in every_wait() {
                for _ in 0..3 {
                    assert!(wait(s.context()).is_err(), "{kind}");
                }
            }
            Ok(())
        });
        assert!(result.is_ok());
    });
}

#[test]
fn s1_every_wait_that_blocks_is_ended_by_a_stop() {
    // catches: a kind of wait that the stop does not wake
    within(|| {
        for (kind, wait) in every_wait() {
            let result = scope(|s| {
                let waiting = s.spawn(kind, "waits", wait)?;
                linger(3);
                s.stop();
                assert!(matches!(waiting.join(), Err(JoinError::Stopped(_))), "{kind}");
                Ok(())
            });
            assert!(result.is_ok(), "{kind}: {result:?}");
        }
    });
}

#[test]
fn s1_an_ended_threads_node_is_closed_and_its_callbacks_are_dropped_unrun() {
    // catches: a context that says "go on" for a thread that is gone; a callback run by mistake
    within(|| {
        let (ran, runs) = unbounded::<()>();
        let result = scope(|s| {
            let worker = s.spawn("short", "leaves a context behind", move |cx| {
                std::mem::forget(cx.on_stop(move || ran.send(()).unwrap()));
                Ok(cx.clone())
            })?;
            let cx = worker.join()?;
            assert!(cx.is_stopping() && disconnected(cx.stop_signal()) && cx.sleep(NEVER).is_err());
            assert!(!s.is_stopping(), "the end of a thread stops nobody else");
            Ok(())
        });
        assert!(result.is_ok());
        assert!(disconnected(&runs), "the callback was run, or is still kept");
    });
}

#[test]
fn s2_a_stop_goes_down_only() {
    // catches: a stop that reaches a parent or a sibling
    within(|| {
        let result = scope(|outer| {
            let sibling = outer.spawn("sibling", "goes on", until_stopped)?;
            outer.subscope("inner", |inner| {
                inner.spawn("below", "is stopped", until_stopped)?;
                inner.stop();
                assert!(inner.is_stopping() && inner.context().is_stopping());
                assert!(!outer.is_stopping() && !outer.context().is_stopping());
                Ok(())
            })?;
            let group = outer.group("group")?;
            group.stop();
            assert!(group.is_stopping() && !outer.is_stopping());
            let one = outer.spawn("one", "is stopped alone", until_stopped)?;
            one.stop();
            assert!(matches!(one.join(), Err(JoinError::Stopped(_))));
            assert!(!outer.is_stopping() && !sibling.is_finished());
            sibling.stop();
            Ok(())
        });
        assert!(result.is_ok());
    });
}

#[test]
fn s2_a_child_of_a_stopping_parent_is_born_stopped() {
    // catches: a scope opened during the stop that nobody tells
    within(|| {
        let result = scope(|s| {
            s.stop();
            s.subscope("sub", |sub| {
                assert!(sub.is_stopping() && disconnected(sub.stop_signal()));
                let reason = sub.context().stop_reason().expect("it has a reason");
                assert!(matches!(origin(&reason), StopReason::Requested { .. }), "{reason:?}");
                Ok(())
            })?;
            Ok(scope(|free| Ok(assert!(free.is_stopping())))?)
        });
        assert!(result.is_ok());
    });
}

#[test]
fn s3_the_first_reason_wins_and_is_there_before_the_flag() {
    // catches: a flag seen without its reason; a reason replaced by a later one
    within(|| {
        for _ in 0..200 {
            let result = scope(|s| {
                let go = Arc::new(Barrier::new(3));
                for why in ["one", "other"] {
                    let (go, stopper) = (go.clone(), s.stopper());
                    s.spawn("stops", "gives its reason", move |_| {
                        go.wait();
                        Ok(stopper.stop_because(why))
                    })?;
                }
                let cx = s.context();
                go.wait();
                while !cx.is_stopping() {
                    std::hint::spin_loop();
                }
                let first = cx.stop_reason().expect("the reason comes first");
                assert!(matches!(first, StopReason::Custom(_)), "{first:?}");
                assert_eq!(cx.wait_for_stop(), first);
                s.stop();
                assert_eq!(cx.stop_reason(), Some(first.clone()));
                assert_eq!(*cx.checkpoint().unwrap_err().reason(), first);
                Ok(())
            });
            result.unwrap();
        }
    });
}

#[test]
fn s3_a_thread_that_is_overdue_before_the_stop_has_come_to_it_has_the_reason_of_the_stop() {
    // catches: a reason of the library's own, given by whoever finds it late while another still marks
    within(|| {
        for _ in 0..20 {
            let (reasons, seen) = unbounded();
            let result = scope(|s| {
                for _ in 0..300 {
                    let reasons = reasons.clone();
                    s.spawn("late", "tells why it was stopped", move |cx| {
                        Ok(reasons.send(cx.wait_for_stop())?)
                    })?;
                }
                let stopper =
                    s.spawn("stopper", "leaves them no time", |_| Ok(drop(s.shutdown(Duration::ZERO))))?;
                while !s.is_stopping() {
                    std::hint::spin_loop();
                }
                // To leave now is to drive the shutdown beside it.
                Ok(drop(stopper))
            });
            result.unwrap();
            drop(reasons);
            for reason in seen {
                assert!(matches!(reason, StopReason::Requested { .. }), "{reason:?}");
            }
        }
    });
}

#[test]
fn s3_a_request_names_its_source_line() {
    // catches: a stop without track_caller
    within(|| {
        let result = scope(|s| {
            let line = line!() + 1;
            s.stop();
            let Some(StopReason::Requested { at }) = s.context().stop_reason() else {
                panic!("{:?}", s.context().stop_reason());
            };
            assert!(at.line() == line && at.file().ends_with(file!()), "{at}");
            Ok(())
        });
        result.unwrap();
    });
}

#[derive(Debug)]
struct Opaque(#[allow(dead_code)] BoxError);

impl fmt::Display for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("says nothing of its source")
    }
}

impl Error for Opaque {}

#[derive(Debug, thiserror::Error)]
enum Wrapper {
    #[error(transparent)]
    Transparent(#[from] Stopped),
    #[error("while waiting")]
    Source(#[source] WaitError),
}

type Carrier = (&'static str, fn(&Context, Stopped) -> BoxError);

/// All the ways in which a program may carry a stop.
fn carriers() -> Vec<Carrier> {
    vec![
        ("plain", |_, s| s.into()),
        ("clone", |_, s| s.clone().into()),
        ("io", |_, s| io::Error::other(s).into()),
        ("io in io", |_, s| io::Error::other(io::Error::other(s)).into()),
        ("transparent", |_, s| Wrapper::from(s).into()),
        ("source", |_, s| Wrapper::Source(WaitError::Stopped(s)).into()),
        ("opaque", |_, s| Opaque(s.into()).into()),
        ("anyhow", |_, s| anyhow::Error::from(s).into()),
        ("anyhow context", |_, s| anyhow::Error::from(s).context("a").context("b").into()),
        ("recv", |cx, _| {
            let (_keep, never) = gate();
            cx.recv(&never).unwrap_err().into()
        }),
        ("send", |cx, _| {
            let (never, _keep) = gate();
            cx.send(&never, ()).unwrap_err().into()
        }),
        ("send cause", |cx, _| {
            let (never, _keep) = gate();
            cx.send(&never, ()).map_err(|e| e.cause).unwrap_err().into()
        }),
        ("spawn", |cx, _| cx.spawn("no", "is refused", |_| Ok(())).unwrap_err().into()),
        ("scope", |_, _| scope(|s| Ok(s.context().checkpoint()?)).unwrap_err().into()),
    ]
}

#[test]
fn s3_i_was_stopped_is_never_a_failure_however_it_is_wrapped() {
    // catches: source() walks and downcasts that lose the stop in a wrapper
    within(|| {
        for (name, carry) in carriers() {
            let result = scope(|s| {
                let worker = s.spawn("worker", "is stopped", move |cx| -> Result {
                    let stopped = cx.sleep(NEVER).unwrap_err();
                    Err(carry(cx, stopped))
                })?;
                s.stop();
                match worker.join() {
                    Err(JoinError::Stopped(_)) => Ok(()),
                    other => panic!("{name}: {other:?}"),
                }
            });
            assert!(result.is_ok(), "{name}: {result:?}");
            let body: Result<(), _> = scope(|s| {
                s.stop();
                let stopped = s.context().checkpoint().unwrap_err();
                Err(carry(s.context(), stopped))
            });
            let error = body.unwrap_err();
            assert!(error.stop_reason().is_some() && error.failures().is_empty(), "{name}: {error}");
        }
    });
}

#[test]
fn s3_a_join_of_a_stopped_thread_carries_the_stop_on() {
    // catches: JoinError::Stopped that counts as a failure of its joiner
    within(|| {
        let result: Result<(), _> = scope(|s| {
            let worker = s.spawn("worker", "is stopped", until_stopped)?;
            s.stop();
            Ok(worker.join()?)
        });
        let error = result.unwrap_err();
        assert!(error.failures().is_empty() && error.stop_reason().is_some(), "{error}");
    });
}

#[test]
fn s3_a_stop_of_somebody_else_is_a_failure() {
    // catches: suture#77: another context's stop taken for one's own
    within(|| {
        let result = scope(|s| {
            let other = s.spawn("other", "is stopped alone", until_stopped)?;
            other.stop();
            let worker = s.thread("worker", "is not stopped").isolated().spawn(|_| Ok(other.join()?))?;
            assert!(matches!(worker.join(), Err(JoinError::Failed(_))));
            Ok(())
        });
        assert!(result.is_ok(), "{result:?}");
    });
}

#[test]
fn s3_a_failure_by_somebody_elses_stop_stays_one_where_its_error_is_hidden() {
    // catches: a failure of an inner scope that is taken for the stop inside of it
    within(|| {
        let hiding: [fn(ScopeError) -> BoxError; 2] =
            [|error| error.into(), |error| Opaque(error.into()).into()];
        for hide in hiding {
            let result: Result<(), _> = scope(|s| {
                let other = s.spawn("other", "is stopped", until_stopped)?;
                s.stop();
                s.context().shield(NEVER, |_| {
                    let inner = s.subscope("inner", |_| Ok(other.join()?));
                    Err(hide(inner.unwrap_err()))
                })
            });
            assert_eq!(result.unwrap_err().failures().len(), 1);
        }
    });
}

#[test]
fn s3_a_failure_that_was_dealt_with_does_not_make_a_stop_one() {
    // catches: an error that is judged by the older of two things that it hides
    #[derive(Debug, thiserror::Error)]
    #[error("what failed before, and the stop")]
    struct Both(#[allow(dead_code)] JoinError, #[allow(dead_code)] Stopped);
    within(|| {
        let result = scope(|s| {
            let watcher = s.spawn("watcher", "joins, and waits", |cx| -> Result {
                let alone =
                    cx.thread("alone", "fails").isolated().spawn(|_| -> Result { Err(boom("no")) })?;
                let failed = alone.join().unwrap_err();
                Err(Both(failed, cx.sleep(NEVER).unwrap_err()).into())
            })?;
            watcher.stop();
            Ok(assert!(matches!(watcher.join(), Err(JoinError::Stopped(_)))))
        });
        result.unwrap();
    });
}

#[test]
fn s3_a_real_error_in_the_clean_up_is_a_failure_during_stop() {
    // catches: an error swallowed because the thread happened to be stopping
    within(|| {
        let result = scope(|s| {
            s.spawn("worker", "fails in its clean-up", |cx| -> Result {
                let stopped = cx.sleep(NEVER).unwrap_err();
                Err(boom(&format!("disk full after: {stopped}")))
            })?;
            s.stop();
            Ok(())
        });
        let error = result.unwrap_err();
        assert_eq!((error.failures().len(), error.during_stop().len()), (1, 1));
        assert!(error.stop_reason().is_none());
    });
}

#[test]
fn s4_a_body_that_returns_ok_gives_ok_stopped_or_not() {
    // catches: a clean stop reported as an error; a stopped end reported as a failure
    within(|| {
        let fine = scope(|s| {
            s.spawn("worker", "is stopped", until_stopped)?;
            s.stop();
            Ok(3)
        });
        assert_eq!(fine.unwrap(), 3);
        let stopped = scope(|s| {
            s.stopper().stop_because("enough");
            Ok(s.context().sleep(NEVER)?)
        });
        let error = stopped.unwrap_err();
        assert_eq!(error.stop_reason(), Some(&StopReason::Custom("enough".into())));
        assert!(error.failures().is_empty() && error.first().is_none() && error.omitted() == 0);
    });
}

#[test]
fn s5_the_stop_signal_is_empty_and_then_disconnected() {
    // catches: a stop that is a message, which one receiver takes from the others
    within(|| {
        let result = scope(|s| {
            let signals = [s.stop_signal().clone(), s.context().stop_signal().clone()];
            assert!(signals.iter().all(|r| r.is_empty() && !disconnected(r)));
            s.stop();
            for signal in &signals {
                for _ in 0..3 {
                    assert!(disconnected(signal) && signal.recv().is_err());
                }
            }
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s6_a_value_that_was_not_sent_comes_back() {
    // catches: a value lost, or sent although the error says stopped
    within(|| {
        let result = scope(|s| {
            let (full, queue) = bounded(1);
            full.send(1)?;
            let (blocked, to) = (
                s.spawn("sends", "to a full queue", {
                    let full = full.clone();
                    move |cx| Ok(cx.send(&full, 2).unwrap_err())
                })?,
                full,
            );
            linger(3);
            s.stop();
            let back = blocked.join()?;
            assert!(back.value == 2 && matches!(back.cause, WaitError::Stopped(_)));
            assert_eq!((queue.try_recv(), queue.is_empty()), (Ok(1), true));
            let back = s.context().send(&to, 3).unwrap_err();
            assert!(back.value == 3 && matches!(back.cause, WaitError::Stopped(_)));
            Ok(())
        });
        result.unwrap();
        let gone = scope(|s| {
            let (to, queue) = bounded::<u8>(1);
            drop(queue);
            let back = s.context().send(&to, 4).unwrap_err();
            assert!(back.value == 4 && matches!(back.cause, WaitError::Disconnected));
            Ok(())
        });
        gone.unwrap();
    });
}

#[test]
fn s7_stop_wins_over_data_except_in_drain() {
    // catches: recv or iter that hand out data after the stop; drain that loses some
    within(|| {
        let result = scope(|s| {
            let cx = s.context();
            let (to, queue) = unbounded();
            (0..100).try_for_each(|n| to.send(n))?;
            assert_eq!(cx.drain(&queue).take(10).last(), Some(9));
            s.stop();
            for _ in 0..20 {
                assert!(matches!(cx.recv(&queue), Err(WaitError::Stopped(_))));
                assert!(matches!(cx.recv_timeout(&queue, NEVER), Err(WaitError::Stopped(_))));
                assert_eq!(cx.iter(&queue).next(), None);
                assert!(cx.sleep(Duration::ZERO).is_err() && cx.sleep_until(Instant::now()).is_err());
            }
            assert_eq!(cx.drain(&queue).collect::<Vec<_>>(), (10..100).collect::<Vec<_>>());
            to.send(100)?;
            assert_eq!(cx.drain(&queue).next(), Some(100), "what came later is drained too");
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s7_what_was_sent_before_the_stop_is_drained() {
    // catches: a drain that wakes for the stop and leaves what came just before it
    within(|| {
        for round in 0..300_u32 {
            let result = scope(|s| {
                let (to, queue) = unbounded();
                let drainer = s.spawn("drains", "waits for both", move |cx| Ok(cx.drain(&queue).count()))?;
                (0..round % 20 * 50).for_each(|_| std::hint::spin_loop());
                to.send(())?;
                s.stop();
                let drained = drainer.join()?;
                drop(to);
                Ok(assert_eq!(drained, 1, "in round {round}"))
            });
            result.unwrap();
        }
    });
}

#[test]
fn s7_an_overdue_drain_ends_though_there_is_data() {
    // catches: a drain that a busy sender keeps alive past the grace
    within(|| {
        let result = scope(|s| {
            let (to, queue) = unbounded();
            to.send(0)?;
            s.spawn("drains", "refills what it drains", move |cx| {
                cx.drain(&queue).for_each(|n| to.send(n + 1).unwrap());
                assert!(cx.is_overdue() && !queue.is_empty());
                Ok(())
            })?;
            s.shutdown(Duration::from_millis(50));
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s8_a_shield_hides_the_stop_for_its_time_and_no_longer() {
    // catches: a shield that lets the stop through, counts from the wrong moment, or never ends
    within(|| {
        let max = Duration::from_millis(150);
        let result = scope(|s| {
            let cx = s.context();
            assert!(!cx.shield(max, |inner| inner.is_stopping()));
            linger(2);
            cx.shield(max, |inner| {
                assert!(inner.sleep(2 * max).is_ok(), "without a stop it changes nothing");
                let stopped = Instant::now();
                s.stop();
                assert!(cx.is_stopping() && !inner.is_stopping() && inner.checkpoint().is_ok());
                assert!(!disconnected(inner.stop_signal()));
                scope(|below| Ok(assert!(!below.is_stopping()))).unwrap();
                let reason = inner.wait_for_stop();
                assert!(matches!(origin(&reason), StopReason::Requested { .. }));
                assert!(stopped.elapsed() >= max && inner.is_stopping());
            });
            let entered = Instant::now();
            cx.shield(max, |inner| assert!(inner.sleep(NEVER).is_err()));
            assert!(entered.elapsed() >= max, "entered after the stop it counts from the entry");
            assert!(cx.checkpoint().is_err());
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s8_an_inner_shield_ends_with_the_outer_one_and_both_when_overdue() {
    // catches: nested shields that add up; a shield that outlasts the grace
    within(|| {
        let result = scope(|s| {
            let cx = s.context();
            s.stop();
            let start = Instant::now();
            cx.shield(Duration::from_millis(100), |outer| {
                outer.shield(NEVER, |inner| assert!(inner.sleep(NEVER).is_err()));
            });
            assert!(start.elapsed() < Duration::from_secs(10));
            Ok(())
        });
        result.unwrap();
        let overdue = scope(|s| {
            s.spawn("shielded", "until it is overdue", |cx| {
                cx.shield(NEVER, |inner| assert!(inner.sleep(NEVER).is_err()));
                Ok(assert!(cx.is_overdue()))
            })?;
            s.shutdown(Duration::from_millis(50));
            Ok(())
        });
        overdue.unwrap();
    });
}

#[test]
fn s9_a_callback_runs_once_in_the_stopping_thread_or_at_once() {
    // catches: a callback run by a helper thread, twice, or never when it comes late
    within(|| {
        let result = scope(|s| {
            let cx = s.context();
            let (ran, runs) = unbounded();
            let note = || {
                let ran = ran.clone();
                move || ran.send(std::thread::current().id()).unwrap()
            };
            let kept = cx.on_stop(note());
            drop(cx.on_stop(note()));
            let stopper = s.stopper();
            let by = s.spawn("stops", "stops its scope", move |_| {
                stopper.stop();
                stopper.stop();
                Ok(std::thread::current().id())
            })?;
            let by = by.join()?;
            assert_eq!(runs.try_iter().collect::<Vec<_>>(), [by]);
            let late = cx.on_stop(note());
            assert_eq!(runs.try_iter().collect::<Vec<_>>(), [std::thread::current().id()]);
            drop((kept, late));
            assert!(runs.is_empty());
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s9_all_is_marked_before_the_first_callback_runs() {
    // catches: callbacks in between the marking, which see siblings that go on
    within(|| {
        let result = scope(|s| {
            let (give, contexts) = unbounded::<Context>();
            for _ in 0..5 {
                let give = give.clone();
                s.spawn("worker", "is below", move |cx| {
                    give.send(cx.clone())?;
                    until_stopped(cx)
                })?;
            }
            let all: Vec<Context> = contexts.iter().take(5).collect();
            let guards: Vec<OnStop> = all
                .iter()
                .map(|cx| {
                    let all = all.clone();
                    cx.on_stop(move || assert!(all.iter().all(Context::is_stopping)))
                })
                .collect();
            s.stop();
            drop(guards);
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s9_dropping_the_guard_waits_for_a_callback_that_runs_elsewhere() {
    // catches: a guard whose drop returns while the callback still uses what it guards
    within(|| {
        let result = scope(|s| {
            let (entered, entry) = bounded(0);
            let ended = Arc::new(AtomicBool::new(false));
            let end = ended.clone();
            let guard = s.context().on_stop(move || {
                entered.send(()).unwrap();
                linger(200);
                end.store(true, Ordering::SeqCst);
            });
            let stopper = s.stopper();
            s.spawn("stops", "runs the callback", move |_| Ok(stopper.stop()))?;
            entry.recv()?;
            s.stop();
            assert!(!ended.load(Ordering::SeqCst), "a losing stop returns after the marking");
            drop(guard);
            assert!(ended.load(Ordering::SeqCst));
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s9_a_callback_may_drop_its_own_guard() {
    // catches: a guard that waits for the callback it is dropped in
    within(|| {
        let result = scope(|s| {
            let (give, take) = bounded::<OnStop>(1);
            let (ran, runs) = bounded(1);
            let guard = s.context().on_stop(move || {
                drop(take.recv().unwrap());
                ran.send(()).unwrap();
            });
            assert!(give.send(guard).is_ok());
            s.stop();
            Ok(runs.try_recv()?)
        });
        result.unwrap();
    });
}

#[test]
fn s9_a_callback_that_panics_is_a_failure_and_stops_no_other() {
    // catches: a panic that escapes from stop(), or that keeps the other callbacks from running
    within(|| {
        let (ran, runs) = unbounded();
        let result = scope(|s| {
            let cx = s.context();
            let note = || {
                let ran = ran.clone();
                move || ran.send(()).unwrap()
            };
            let guards = (cx.on_stop(note()), cx.on_stop(|| panic!("in it")), cx.on_stop(note()));
            s.stop();
            drop(guards);
            Ok(())
        });
        let error = result.unwrap_err();
        assert!(
            matches!(error.failures(), [f] if matches!(f.cause(), Cause::Panic { message: "in it", .. }))
        );
        assert_eq!(runs.len(), 2);
    });
}

#[test]
fn s9_with_on_stop_borrows_and_unregisters() {
    // catches: a borrowing callback run after its body, or not run during it
    within(|| {
        let result = scope(|s| {
            let cx = s.context();
            let count = AtomicUsize::new(0);
            let add = || {
                count.fetch_add(1, Ordering::SeqCst);
            };
            assert_eq!(cx.with_on_stop(add, || 5), 5);
            let stopper = s.stopper();
            cx.with_on_stop(add, || {
                drop(std::thread::spawn(move || stopper.stop()).join());
                assert_eq!(count.load(Ordering::SeqCst), 1);
            });
            assert_eq!(cx.with_on_stop(add, || count.load(Ordering::SeqCst)), 2);
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s9_with_on_stop_returns_and_unwinds_only_after_a_callback_that_runs_elsewhere() {
    // catches: a borrowing callback that is still running when its frame is gone
    within(|| {
        for falls in [false, true] {
            let result = scope(|s| {
                let lender = Lender::new();
                let loan = lender.lend();
                let (entered, entry) = bounded(0);
                let (registered, is_registered) = gate();
                let stopper = s.stopper();
                s.spawn("stops", "runs the callback", move |_| {
                    pass(&is_registered);
                    Ok(stopper.stop())
                })?;
                let callback = move || {
                    entered.send(()).unwrap();
                    linger(50);
                    loan.touch();
                };
                let body = || {
                    s.context().with_on_stop(callback, move || {
                        drop(registered);
                        entry.recv().unwrap();
                        assert!(!falls, "out of the body");
                    });
                };
                let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
                lender.assert_unused();
                assert_eq!(ended.is_err(), falls);
                Ok(())
            });
            result.unwrap();
        }
    });
}

#[test]
fn s2_a_reason_is_wrapped_once_per_scope_on_its_way_down() {
    // catches: a reason that loses where it comes from, or is wrapped by threads and shields too
    within(|| {
        let result = scope(|s| {
            s.stopper().stop_because("why");
            let top = StopReason::Custom("why".into());
            assert_eq!(s.context().stop_reason().as_ref(), Some(&top));
            s.subscope("one", |one| {
                let below = StopReason::Parent(Box::new(top.clone()));
                assert_eq!(one.context().stop_reason().as_ref(), Some(&below));
                one.subscope("two", |two| {
                    let deep = StopReason::Parent(Box::new(below.clone()));
                    assert_eq!(two.context().wait_for_stop(), deep);
                    two.context().with_deadline(Instant::now() + NEVER, |cx| {
                        assert_eq!(cx.stop_reason(), Some(deep));
                    });
                    Ok(())
                })?;
                Ok(())
            })?;
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s9_a_deep_tree_is_stopped_to_the_bottom() {
    // catches: recursion over the tree, a level that is left out
    fn nest(s: &Scope<'_, '_>, depth: usize, deepest: Sender<Context>) -> Result {
        if depth == 0 {
            deepest.send(s.context().clone())?;
            return until_stopped(s.context());
        }
        s.spawn("level", "has one below", move |_| Ok(scope(|below| nest(below, depth - 1, deepest))?))?;
        Ok(())
    }
    within(|| {
        let result = scope(|s| {
            let (to, deepest) = bounded(1);
            nest(s, 100, to)?;
            let deepest = deepest.recv()?;
            s.stop();
            assert!(deepest.is_stopping() && disconnected(deepest.stop_signal()));
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s9_the_end_of_a_deep_tree_walks_what_is_below_once() {
    // catches: each level that ends marks all below it again, as long as somebody has a context of the deepest: for 400 levels,
    // ten times the work
    fn nest(s: &Scope<'_, '_>, depth: usize, deepest: &Sender<Context>) -> Result<Duration> {
        if depth > 0 {
            return Ok(s.subscope("level", |below| nest(below, depth - 1, deepest))?);
        }
        deepest.send(s.context().clone())?;
        s.context().wait_for_stop();
        Ok(thread_time())
    }
    fn end(keep: bool) -> Duration {
        let ended = scope(|s| {
            let (to, deepest) = bounded(1);
            let nested = s.thread("nested", "ends level by level").stack_size(256 << 20);
            let nested = nested.spawn(move |_| {
                let start = scope(|top| nest(top, 400, &to))?;
                Ok(thread_time() - start)
            })?;
            let kept = Some(deepest.recv()?).filter(|_| keep);
            s.stop();
            let took = nested.join()?;
            drop(kept);
            Ok(took)
        });
        ended.unwrap()
    }
    within(|| {
        let fastest = |keep| (0..3).map(|_| end(keep)).min().expect("three");
        let (forgotten, kept) = (fastest(false), fastest(true));
        assert!(kept < forgotten * 4, "{kept:?}, and {forgotten:?} if nobody has a context");
    });
}

#[test]
fn s9_depth_costs_no_more_than_its_length_where_nothing_stops() {
    // catches: each level that ends looks at all levels around it: for four times as many, sixteen times the work
    fn nest(s: &Scope<'_, '_>, depth: usize) -> Result<Duration> {
        if depth > 0 {
            return Ok(s.subscope("level", |below| nest(below, depth - 1))?);
        }
        Ok(thread_time())
    }
    fn end(depth: usize) -> Duration {
        let ended = scope(|s| {
            let nested = s.thread("nested", "ends level by level").stack_size(256 << 20);
            let nested = nested.spawn(move |_| {
                let start = scope(|top| nest(top, depth))?;
                Ok(thread_time() - start)
            })?;
            Ok(nested.join()?)
        });
        ended.unwrap()
    }
    within(|| {
        let fastest = |depth| (0..3).map(|_| end(depth)).min().expect("three");
        let (shallow, deep) = (fastest(300), fastest(1200));
        assert!(deep < shallow * 9, "{deep:?}, and {shallow:?} for a quarter of the depth");
    });
}

#[test]
fn s8_who_waits_in_a_shield_already_learns_of_its_end() {
    // catches: a stop that does not tell those who wait behind a shield when it will be theirs
    let waits: [fn(&Context) -> bool; 3] = [
        |cx| cx.sleep(NEVER).is_err(),
        |cx| cx.recv(&crossbeam_channel::never::<()>()).is_err(),
        |cx| cx.with_deadline(Instant::now() + NEVER, |cx| cx.sleep(NEVER).is_err()),
    ];
    for wait in waits {
        in_scope(move |s| {
            let waiter = s.spawn("waiter", "waits in a shield", move |cx| {
                let start = Instant::now();
                assert!(cx.shield(SOON, wait));
                Ok(assert!(start.elapsed() >= SOON))
            })?;
            let waiting = || {
                s.active_threads().iter().any(|t| matches!(t.state, homebound::ThreadState::Waiting { .. }))
            };
            eventually("it waits", waiting);
            s.stop();
            Ok(waiter.join()?)
        });
    }
}

#[test]
fn s8_many_shields_and_deadlines_in_each_other_cost_what_one_does_each() {
    // catches: an end that asks twice for the end around it: twice the work for each two levels
    fn nest(cx: &Context, depth: usize) -> bool {
        if depth == 0 {
            return cx.is_stopping();
        }
        cx.with_deadline(Instant::now() + NEVER, |cx| cx.shield(NEVER, |cx| nest(cx, depth - 1)))
    }
    in_scope(|s| {
        assert!(!nest(s.context(), 100));
        s.stop();
        Ok(assert!(!nest(s.context(), 100), "the shields hide it"))
    });
}

#[test]
fn s10_a_deadline_stops_its_closure_and_what_is_opened_inside() {
    // catches: a deadline that leaks out, comes late, or misses the scopes inside
    within(|| {
        let result = scope(|s| {
            let cx = s.context();
            assert_eq!(cx.deadline(), None);
            // Late enough for a busy machine to have spawned before it.
            let at = Instant::now() + SOON * 20;
            let outside = cx.with_deadline(at, |timed| {
                assert_eq!(timed.deadline(), Some(at));
                let outside = s.spawn("outside", "is not below the deadline", until_stopped)?;
                let inside = scope(|below| {
                    assert_eq!(below.context().deadline(), Some(at));
                    below.spawn("inside", "is stopped by it", until_stopped)?;
                    Ok(())
                });
                assert!(inside.is_ok() && Instant::now() >= at);
                assert_eq!(timed.wait_for_stop(), StopReason::Deadline);
                assert!(timed.is_stopping() && disconnected(timed.stop_signal()));
                assert_eq!(*timed.checkpoint().unwrap_err().reason(), StopReason::Deadline);
                Ok::<_, SpawnError>(outside)
            })?;
            assert!(!cx.is_stopping() && !outside.is_finished());
            outside.stop();
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s10_the_nearer_deadline_counts() {
    // catches: an inner deadline that extends the outer one
    within(|| {
        let result = scope(|s| {
            let (near, far) = (Instant::now() + SOON, Instant::now() + NEVER);
            s.context().with_deadline(near, |outer| {
                outer.with_deadline(far, |inner| {
                    assert_eq!(inner.deadline(), Some(near));
                    assert!(inner.sleep(NEVER).is_err());
                });
            });
            s.context().with_deadline(far, |outer| {
                outer.with_deadline(near, |inner| {
                    assert_eq!(inner.deadline(), Some(near));
                    assert!(inner.sleep(NEVER).is_err());
                });
                assert!(!outer.is_stopping());
            });
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s10_each_kind_of_wait_and_select_and_callbacks_see_the_deadline() {
    // catches: a wait without its own time-out; a signal or callback that arms no timer
    within(|| {
        for (kind, wait) in every_wait() {
            let result = scope(|s| {
                let at = Instant::now() + SOON;
                let error = s.context().with_deadline(at, wait).unwrap_err();
                assert!(Instant::now() >= at, "{kind}: too early");
                drop(error);
                Ok(())
            });
            assert!(result.is_ok(), "{kind}: {result:?}");
        }
        let called = scope(|s| {
            let (ran, runs) = bounded(1);
            s.context().with_deadline(Instant::now() + SOON, |timed| {
                let _guard = timed.on_stop(move || ran.send(()).unwrap());
                Ok(runs.recv()?)
            })
        });
        called.unwrap();
    });
}

#[test]
fn s10_a_stop_before_the_deadline_is_a_stop() {
    // catches: a deadline context cut off from its parent
    within(|| {
        let result = scope(|s| {
            let stopper = s.stopper();
            s.spawn("stops", "stops its scope", move |_| Ok(stopper.stop_because("now")))?;
            s.context().with_deadline(Instant::now() + NEVER, |timed| {
                let reason = timed.wait_for_stop();
                assert_eq!(*origin(&reason), StopReason::Custom("now".into()));
            });
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s10_an_error_of_ones_own_deadline_is_not_a_stop_of_the_thread() {
    // catches: a time-out that passes for a stop although nobody asked the thread to stop
    within(|| {
        let result = scope(|s| {
            let timed = |cx: &Context| cx.with_deadline(Instant::now() + SOON, until_stopped);
            let worker = s.thread("timed", "runs into its deadline").isolated().spawn(timed)?;
            assert!(matches!(worker.join(), Err(JoinError::Failed(_))));
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s11_a_stopping_scope_refuses_and_makes_no_thread() {
    // catches: a thread started only to be stopped; a closure that is run or leaked
    within(|| {
        let result = scope(|s| {
            let cx = s.context();
            let lender = Arc::new(());
            s.stop();
            let (a, b) = (lender.clone(), lender.clone());
            match s.spawn("no", "is refused", move |_| -> Result { panic!("it ran: {a:?}") }) {
                Err(SpawnError::Stopped(why)) => {
                    assert!(matches!(why.reason(), StopReason::Requested { .. }));
                }
                other => panic!("{other:?}"),
            }
            let service = cx.service("no", "is refused", move |_| panic!("it ran: {b:?}"));
            assert!(matches!(service, Err(SpawnError::Stopped(_))));
            assert!(matches!(s.group("no"), Err(SpawnError::Stopped(_))));
            let built = s.thread("no", "is refused").isolated().spawn(|_| Ok(()));
            assert!(matches!(built, Err(SpawnError::Stopped(_))));
            assert_eq!((Arc::strong_count(&lender), s.active_threads().len()), (1, 0));
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn s11_a_spawn_that_races_with_a_stop_is_refused_or_sees_it() {
    // catches: a thread that starts after the marking and is never told
    within(|| {
        let (mut refused, mut started) = (0, 0);
        for round in 0..500_u64 {
            let result = scope(|s| {
                let go = Arc::new(Barrier::new(2));
                let (ready, stopper) = (go.clone(), s.stopper());
                s.spawn("stops", "stops its scope", move |_| {
                    ready.wait();
                    (0..round % 50).for_each(|_| std::hint::spin_loop());
                    Ok(stopper.stop())
                })?;
                go.wait();
                match s.spawn("late", "waits for the stop", until_stopped) {
                    Ok(_) => started += 1,
                    Err(SpawnError::Stopped(_)) => refused += 1,
                    Err(other) => return Err(other.into()),
                }
                Ok(())
            });
            result.unwrap();
        }
        assert_eq!(refused + started, 500);
    });
}

#[test]
fn s8_who_listens_inside_a_shield_when_the_stop_comes_learns_of_its_end() {
    // catches: a shield whose end nobody keeps the time for, since all that listen do so by a channel, or by a callback
    let max = Duration::from_millis(50);
    within(move || {
        let by_channel = scope(|s| {
            s.context().shield(max, |inside| {
                let signal = inside.stop_signal().clone();
                s.stop();
                assert_eq!(signal.recv_timeout(NEVER), Err(RecvTimeoutError::Disconnected));
            });
            Ok(())
        });
        by_channel.unwrap();
        let by_callback = scope(|s| {
            s.context().shield(max, |inside| {
                let (called, calls) = bounded(1);
                let _guard = inside.on_stop(move || called.send(()).expect("somebody waits"));
                s.stop();
                calls.recv().expect("it was called");
            });
            Ok(())
        });
        by_callback.unwrap();
    });
}

fn last_moment() -> Instant {
    let (mut last, mut step) = (Instant::now(), Duration::MAX);
    while !step.is_zero() {
        match last.checked_add(step) {
            Some(later) => last = later,
            None => step /= 2,
        }
    }
    last
}

/// Every way to wait for long, in a deadline at the last of all moments; each is ended by the stop.
fn waits_for_ever(s: &Scope<'_, '_>) -> Result {
    type Wait = fn(&Context) -> bool;
    let waits: [(&'static str, Wait); 9] = [
        ("sleep", |cx| cx.sleep(Duration::MAX).is_err()),
        ("sleep-until", |cx| cx.sleep_until(last_moment()).is_err()),
        ("receive", |cx| cx.recv_timeout(&bounded::<()>(0).1, Duration::MAX).is_err()),
        ("select", |cx| cx.stop_signal().recv().is_err()),
        ("callback", |cx| {
            let (told, tells) = bounded(1);
            let _told = cx.on_stop(move || told.send(()).expect("it is waited for"));
            tells.recv().is_ok()
        }),
        ("ticks", |cx| cx.ticks(Duration::MAX).next().is_none()),
        ("read", |cx| {
            let (ours, _theirs) = io::pipe().expect("a pipe");
            cx.wait_readable(&ours, Some(Duration::MAX)).is_err()
        }),
        ("shield", |cx| {
            cx.shield(Duration::MAX, |cx| cx.sleep(SOON).is_ok())
                && cx.wait_for_stop() == cx.stop_reason().unwrap()
        }),
        ("scope", |cx| {
            let ended =
                scope(|s| Ok(s.spawn("inner", "waits", |cx| Ok(cx.sleep(Duration::MAX)?))?.join()?));
            ended.is_err() && cx.is_stopping()
        }),
    ];
    let workers = waits.into_iter().map(|(name, wait)| {
        s.spawn(name, "waits", move |cx| {
            let at = last_moment();
            Ok(cx.with_deadline(at, |cx| cx.with_deadline(at, wait)))
        })
    });
    let workers = workers.collect::<std::result::Result<Vec<_>, _>>()?;
    for worker in &workers {
        assert!(!worker.is_finished());
    }
    linger(20);
    s.shutdown(Duration::MAX);
    for worker in workers {
        let name = worker.name().to_owned();
        let joined = worker.join_timeout(Duration::MAX).expect("it has ended");
        assert!(joined?, "{name} was ended by the stop");
    }
    Ok(())
}

#[test]
fn s10_the_last_of_all_moments_is_a_moment() {
    // catches: arithmetic on a deadline that overflows
    child_passes(|_| {
        scope(waits_for_ever).unwrap();
        let forever = homebound::Registry::new("app").grace(Duration::MAX).kill_after(Duration::MAX);
        forever.run(waits_for_ever).into_result().unwrap();
        0
    });
}

/// A callback of one deadline is held up, while another deadline, a shield and a stop are due.
fn is_told_in_time(s: &Scope<'_, '_>, stop: impl FnOnce()) -> Result {
    let (begun, begins) = bounded(1);
    let (open, gate) = gate();
    let slow = s.spawn("slow", "has a callback that takes its time", move |cx| {
        cx.with_deadline(Instant::now() + SOON, |cx| {
            let opens = gate.clone();
            let _held = cx.on_stop(move || {
                begun.send(()).expect("it is waited for");
                pass(&gate);
            });
            Ok(pass(&opens))
        })
    })?;
    begins.recv_timeout(LIMIT)?;
    let told = s.spawn("told", "selects in a deadline", |cx| {
        cx.with_deadline(Instant::now() + SOON, |cx| Ok(cx.stop_signal().recv_timeout(LIMIT)))
    })?;
    assert_eq!(told.join()?, Err(RecvTimeoutError::Disconnected), "a deadline");
    let shielded = s.spawn("shielded", "selects in a shield", |cx| {
        cx.shield(SOON, |cx| Ok(cx.stop_signal().recv_timeout(LIMIT)))
    })?;
    stop();
    assert_eq!(shielded.join()?, Err(RecvTimeoutError::Disconnected), "a stop, and the end of a shield");
    assert!(!slow.is_finished(), "its callback is held up");
    drop(open);
    Ok(slow.join()?)
}

#[test]
fn s9_a_slow_callback_delays_no_deadline_of_others() {
    // catches: a timer thread that marks no deadline while it is in the program's code
    within(|| {
        let result = scope(|s| {
            is_told_in_time(s, || s.stop())?;
            let names = s.snapshot().root.threads.into_iter().map(|row| row.name);
            let timers = names.filter(|name| name.contains("timer")).count();
            Ok(assert!(timers <= 2, "{timers}"))
        });
        assert!(result.is_ok(), "{result:?}");
    });
}

#[test]
fn s9_a_slow_callback_delays_neither_a_deadline_nor_a_signal_of_a_run() {
    // catches: a stopper that marks nothing while it is in the program's code
    child_passes(|_| {
        let exit = homebound::Registry::new("app").run(|s| {
            let term = || {
                let own = rustix::process::getpid();
                rustix::process::kill_process(own, rustix::process::Signal::TERM).expect("it is ours");
            };
            is_told_in_time(s, term)
        });
        assert!(exit.result.is_ok(), "{:?}", exit.result);
        0
    });
}
