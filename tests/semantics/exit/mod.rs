//! E1 to E7: how a scope ends.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::cell::RefCell;
use std::panic::panic_any;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::subscriber::Told;
use crate::common::*;
use crossbeam_channel::{bounded, unbounded};
use homebound::{BoxError, Cause, Context, Group, JoinError, Result, Scope, SpawnError, StopReason, scope};

/// A service that logs when it is told to stop and when it goes home, with time between.
fn logging(log: &Log, name: &'static str) -> impl FnOnce(&Context) -> Result + Send + use<> {
    let log = log.clone();
    move |cx| {
        cx.wait_for_stop();
        log.add(format!("{name} told"));
        linger(10);
        log.add(format!("{name} home"));
        Ok(())
    }
}

#[test]
fn e1_ok_waits_for_the_workers_without_stopping_them() {
    // catches: a stop at the end of the body; a stop of one worker when another ends
    within(|| {
        let result = scope(|s| {
            let (_open, gate) = gate();
            s.spawn("short", "ends first", |_| Ok(()))?;
            s.spawn("long", "works on after the body", move |cx| {
                pass(&gate);
                linger(50);
                if cx.is_stopping() { Err(boom("it was stopped")) } else { Ok(()) }
            })?;
            Ok("value")
        });
        assert_eq!(result.unwrap(), "value");
    });
}

#[test]
fn e1_services_and_groups_stop_last_made_first_each_joined_before_the_next() {
    // catches: all told at once, the wrong order, a forgotten group that loses its place
    within(|| {
        let log = Log::new();
        let result = scope(|s| {
            s.service("a", "first", logging(&log, "a"))?;
            let b = s.group("b")?;
            b.service("b", "in a forgotten group", logging(&log, "b"))?;
            std::mem::forget(b);
            s.service("c", "third", logging(&log, "c"))?;
            s.spawn("worker", "ends by itself", |_| Ok(()))?;
            s.service("d", "last", logging(&log, "d"))?;
            let log = log.clone();
            s.defer("deferred", move || Ok(log.add("deferred")));
            Ok(())
        });
        assert!(result.is_ok());
        let expected = "d told,d home,c told,c home,b told,b home,a told,a home,deferred";
        assert_eq!(log.all().join(","), expected);
    });
}

#[test]
fn e1_a_service_may_use_the_earlier_ones_while_it_stops() {
    // catches: a store that is gone before the writer that flushes into it
    within(|| {
        let result = scope(|s| {
            let (ask, asked) = bounded::<crossbeam_channel::Sender<u8>>(0);
            s.service("store", "answers", move |cx| {
                cx.iter(&asked).for_each(|reply| reply.send(9).unwrap());
                Ok(())
            })?;
            let writer = s.service("writer", "flushes at the end", move |cx| {
                let reason = cx.wait_for_stop();
                assert_eq!(reason, StopReason::UsersDone);
                let (reply, answer) = bounded(1);
                ask.send(reply)?;
                assert_eq!(answer.recv()?, 9);
                Ok(())
            })?;
            drop(writer);
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn e1_a_finishing_scope_refuses_spawns_and_groups_with_users_done() {
    // catches: a worker that slips in between the last join and the services' stop
    fn refused<T>(result: Result<T, SpawnError>) {
        match result {
            Err(SpawnError::Stopped(s)) => assert_eq!(*s.reason(), StopReason::UsersDone),
            _ => panic!("it was let in"),
        }
    }
    within(|| {
        let result = scope(|s| {
            s.service("late", "spawns while finishing", |cx| {
                cx.wait_for_stop();
                refused(cx.spawn("no", "is refused", |_| Ok(())));
                refused(cx.service("no", "is refused", |_| Ok(())));
                refused(cx.group("no"));
                Ok(())
            })?;
            s.defer("last", || {
                refused(s.spawn("no", "is refused", |_| Ok(())));
                refused(s.group("no").map(|group: Group<'_>| drop(group)));
                Ok(())
            });
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn e1_deferred_functions_run_last_first_on_every_way_out() {
    // catches: deferred functions skipped on Err or panic, run too early, or in the wrong order
    fn body<'s>(s: &'s Scope<'s, '_>, log: &Log, lender: &'s Lender, how: u8) -> Result {
        let add = |name: &'static str| {
            let log = log.clone();
            move || Ok(log.add(name))
        };
        s.defer("one", add("one"));
        let (two, late) = (add("two"), add("late"));
        s.defer("two", move || {
            assert_eq!(lender.in_use(), 0, "it runs after all are joined");
            s.defer("late", late);
            two()
        });
        s.defer("three", add("three"));
        s.spawn("slow", "uses its loan", lingering(lender))?;
        match how {
            0 => Ok(s.stop()),
            1 => Err(boom("no")),
            _ => panic!("no"),
        }
    }
    within(|| {
        for how in 0..3 {
            let (log, lender) = (Log::new(), Lender::new());
            drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                scope(|s| body(s, &log, &lender, how))
            })));
            assert_eq!(log.all().join(","), "three,two,late,one");
        }
    });
}

#[test]
fn e1_a_deferred_function_that_fails_or_panics_is_a_failure_and_stops_no_other() {
    // catches: a clean-up error lost, or one that skips the other clean-ups
    within(|| {
        let log = Log::new();
        let last = log.clone();
        let result = scope(|s| {
            s.defer("first made", move || Ok(last.add("ran")));
            s.defer("panics", || panic!("in the clean-up"));
            s.defer("fails", || Err(boom("no space")));
            Ok(())
        });
        let error = result.unwrap_err();
        assert_eq!((error.failures().len(), log.all().len()), (2, 1), "{error}");
    });
}

#[test]
fn e2_stop_comes_before_the_first_join() {
    // catches: crossbeam#196: siblings that wait for ever for a stop that comes after the join
    within(|| {
        for how in 0..3 {
            let run = || {
                scope(|s| {
                    for _ in 0..3 {
                        s.spawn("waits", "ends on stop only", until_stopped)?;
                    }
                    s.service("serves", "ends on stop only", until_stopped)?;
                    match how {
                        0 => return Err(boom("the body fails")),
                        1 => panic!("the body panics"),
                        _ => drop(s.spawn("fails", "stops all", |_| -> Result { Err(boom("no")) })?),
                    }
                    Ok(())
                })
            };
            let ended = std::panic::catch_unwind(run);
            assert_eq!(ended.is_err(), how == 1);
            if let Ok(result) = ended {
                assert_eq!(result.unwrap_err().failures().len(), 1);
            }
        }
    });
}

#[test]
fn e2_a_bodys_panic_is_resumed_with_its_own_payload_after_everything() {
    // catches: another payload, a panic resumed before the deferred have run
    within(|| {
        let log = Log::new();
        let seen = log.clone();
        let payload = panics(|| {
            scope(|s| {
                let log = &log;
                s.defer("last", || Ok(log.add("deferred")));
                s.spawn("also", "panics when stopped", |cx| -> Result {
                    cx.wait_for_stop();
                    log.add("worker");
                    panic_any("of the worker")
                })?;
                s.service("service", "is stopped", logging(log, "service"))?;
                if true {
                    panic_any(String::from("of the body"));
                }
                Ok(())
            })
        });
        assert_eq!(text(&*payload), "of the body");
        assert_eq!(seen.all().join(","), "worker,service told,service home,deferred");
    });
}

#[test]
fn e3_workers_are_told_at_once_services_when_the_workers_are_home() {
    // catches: a service stopped under a worker that still uses it
    within(|| {
        let log = Log::new();
        let result = scope(|s| {
            s.service("store", "is used till the end", logging(&log, "store"))?;
            let log = log.clone();
            s.spawn("worker", "uses the store", move |cx| {
                cx.wait_for_stop();
                log.add("worker told");
                linger(30);
                log.add("worker home");
                Ok(())
            })?;
            s.stop();
            Ok(())
        });
        assert!(result.is_ok());
        assert_eq!(log.all().join(","), "worker told,worker home,store told,store home");
    });
}

#[test]
fn e3_with_services_live_a_worker_is_overdue_at_three_quarters_of_the_grace() {
    // catches: services never told while a worker hangs; a share other than D - grace/4
    within(|| {
        let result = scope(|s| {
            let (told, release) = gate();
            s.service("store", "is told though the worker is not home", move |cx| {
                cx.wait_for_stop();
                let at = Instant::now();
                drop(told);
                until_overdue(cx, at);
                Ok(())
            })?;
            let worker = s.spawn("deaf", "goes home after the store was told", move |cx| {
                pass(&release);
                assert!(cx.is_overdue());
                Ok(Instant::now())
            })?;
            let start = Instant::now();
            let report = s.shutdown(Duration::from_millis(1000));
            let told = worker.join()? - start;
            assert!((650..1000).contains(&told.as_millis()), "told after {told:?}");
            assert_eq!(report.total, 2, "{report}");
            Ok(())
        });
        result.unwrap();
    });
}

/// Stays until its share of the grace has passed.
fn until_overdue(cx: &Context, since: Instant) -> Duration {
    eventually("it is overdue", || cx.is_overdue());
    since.elapsed()
}

#[test]
fn e3_without_services_a_worker_has_the_whole_grace() {
    // catches: a quarter taken away for services that are not there
    within(|| {
        let result = scope(|s| {
            let worker = s.spawn("slow", "stays until it is overdue", |cx| {
                cx.wait_for_stop();
                Ok(until_overdue(cx, Instant::now()))
            })?;
            s.shutdown(Duration::from_millis(800));
            let share = worker.join()?;
            assert!((700..1200).contains(&share.as_millis()), "overdue after {share:?}");
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn e3_no_service_is_ever_skipped_and_each_has_its_share_of_what_is_left() {
    // catches: uber-go/fx#1034: later hooks skipped when an early one takes all the time
    within(|| {
        let (tell, shares) = unbounded();
        let result = scope(|s| {
            for name in ["third", "second", "first"] {
                let tell = tell.clone();
                s.service(name, "stays until it is overdue", move |cx| {
                    cx.wait_for_stop();
                    Ok(tell.send((cx.name().to_owned(), until_overdue(cx, Instant::now())))?)
                })?;
            }
            s.shutdown(Duration::from_millis(1200));
            Ok(())
        });
        assert!(result.is_ok());
        drop(tell);
        let shares: Vec<(String, Duration)> = shares.iter().collect();
        for ((name, share), expected) in shares.iter().zip(["first", "second", "third"]) {
            assert_eq!(name, expected);
            assert!((250..700).contains(&share.as_millis()), "{shares:?}");
        }
        assert_eq!(shares.len(), 3);
    });
}

#[test]
fn e3_a_later_request_moves_the_deadline_earlier_never_later() {
    // catches: the last request's grace taken for the scope's
    within(|| {
        let result = scope(|s| {
            let (brief, start) = (Duration::from_millis(100), Instant::now());
            let worker = s.spawn("slow", "stays until it is overdue", |cx| {
                cx.wait_for_stop();
                until_overdue(cx, Instant::now());
                Ok(Instant::now())
            })?;
            std::thread::scope(|threads| {
                threads.spawn(|| s.shutdown(NEVER));
                s.context().wait_for_stop();
                threads.spawn(|| s.shutdown(brief));
                threads.spawn(|| s.shutdown(NEVER));
            });
            let overdue = worker.join()? - start;
            assert!(overdue >= brief && overdue < Duration::from_secs(10), "overdue after {overdue:?}");
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn e3_after_the_deadline_every_service_is_still_told() {
    // catches: a remaining share of zero that ends the loop
    within(|| {
        let log = Log::new();
        let result = scope(|s| {
            for name in ["a", "b", "c"] {
                s.service(name, "is told", logging(&log, name))?;
            }
            let report = s.shutdown(Duration::ZERO);
            assert_eq!(report.total, 3);
            Ok(())
        });
        assert!(result.is_ok());
        for entry in ["a told", "b told", "c told"] {
            assert!(log.has(entry));
        }
    });
}

/// An error, a result and a capture whose drop panics.
#[derive(Debug)]
struct BombError(#[allow(dead_code)] BombDebug);

struct BombDebug(#[allow(dead_code)] Bomb);

impl std::fmt::Debug for BombDebug {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("bomb")
    }
}

impl std::fmt::Display for BombError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an error with a bomb inside")
    }
}

impl std::error::Error for BombError {}

#[test]
fn e4_what_panics_while_it_is_dropped_is_a_failure_and_ends_no_wait() {
    // catches: an unwinding join loop, an abort, a drop's panic that nobody hears of
    fn one(how: &str) -> i32 {
        let lender = Lender::new();
        let result = scope(|s| {
            s.spawn("slow", "uses its loan", lingering(&lender))?;
            match how {
                "capture" => {
                    let bomb = Bomb::chain(3);
                    drop(s.spawn("bomber", "captures a bomb", move |_| {
                        let _unused = &bomb;
                        Ok(())
                    })?);
                }
                "result" => drop(s.spawn("bomber", "returns one", |_| Ok(Bomb::chain(3)))?),
                "deferred" => {
                    let bomb = Bomb::new();
                    s.defer("bomber", move || Ok(drop(bomb)));
                    s.stop();
                }
                "stopped" => {
                    let bomb = Bomb::new();
                    drop(s.spawn("bomber", "is stopped with a bomb", move |cx| {
                        let _unused = &bomb;
                        until_stopped(cx)
                    })?);
                    s.stop();
                }
                _ => {
                    let error = BombError(BombDebug(Bomb::new()));
                    drop(s.spawn("bomber", "fails", move |_| -> Result { Err(error.into()) })?);
                }
            }
            Ok(())
        });
        lender.assert_unused();
        let failures = result.as_ref().unwrap_err().failures().len();
        assert!(failures >= 1, "{how}: nobody hears of it");
        drop_quietly(result);
        0
    }
    for how in ["capture", "result", "deferred", "stopped", "error"] {
        child_passes_with(how, one);
    }
}

#[test]
fn e5_a_callback_is_dropped_before_its_thread_counts_as_finished() {
    // catches: hooks that live on after `done`
    within(|| {
        let result = scope(|s| {
            let hook = Arc::new(());
            let inside = hook.clone();
            let worker = s.spawn("hooked", "leaks its hook's guard", move |cx| {
                std::mem::forget(cx.on_stop(move || drop(inside)));
                Ok(())
            })?;
            assert!(worker.done().recv().is_err());
            assert_eq!(Arc::strong_count(&hook), 1);
            worker.join()?;
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn e6_an_ended_thread_is_gone_from_the_tree_when_it_is_joined() {
    // catches: entries that stay after the join, or hold on to a joined thread's name
    within(|| {
        let result = scope(|s| {
            for _ in 0..200 {
                let worker = s.spawn("short", "ends", |_| Ok(()))?;
                let id = worker.id();
                worker.join()?;
                assert!(s.active_threads().iter().all(|t| t.id != id));
                assert!(all_threads(&s.snapshot()).iter().all(|t| t.id != id));
            }
            Ok(())
        });
        result.unwrap();
    });
}

// E7: user code may call back from anywhere.

/// Calls everything there is to call.
fn call_back<'s>(s: &'s Scope<'s, '_>) {
    let _ = (s.is_stopping(), s.active_threads(), s.dump_status(), s.snapshot().to_string());
    let _ = (s.context().path(), homebound::current(), homebound::registry::snapshot());
    let _ = (homebound::registry::dump_status(), s.stop_signal().is_empty());
    drop(s.context().on_stop(|| ()));
    drop(s.group("from a drop"));
    s.defer("from a drop", || Ok(()));
    s.stopper().stop();
    s.stop();
    let _ = s.spawn("from a drop", "is refused", |_| Ok(()));
    let _ = s.shutdown(Duration::ZERO);
}

#[test]
fn e7_user_code_calls_back_from_drops_callbacks_and_deferred() {
    // catches: any lock of the library held while user code runs
    within(|| {
        for how in 0..6 {
            let called = AtomicUsize::new(0);
            let result = scope(|s| {
                let called = &called;
                let again = move || {
                    call_back(s);
                    called.fetch_add(1, Ordering::SeqCst);
                };
                match how {
                    0 => {
                        let capture = OnDrop(again);
                        drop(s.spawn("capture", "calls back", move |_| {
                            let _unused = &capture;
                            Ok(())
                        })?);
                    }
                    1 => drop(s.spawn("result", "calls back", move |_| Ok(OnDrop(again)))?),
                    2 => s.defer("deferred", move || Ok(again())),
                    3 => s.context().with_on_stop(again, || s.stop()),
                    4 => {
                        let late = s.spawn("taken", "calls back", move |_| Ok(OnDrop(again)))?;
                        let _ = late.done().recv();
                        drop(late);
                    }
                    _ => {
                        s.stop();
                        let refused = OnDrop(again);
                        assert!(s.spawn("no", "is refused", move |_| Ok(drop(refused))).is_err());
                    }
                }
                Ok(())
            });
            assert!(result.is_ok(), "{how}: {result:?}");
            assert_eq!(called.load(Ordering::SeqCst), 1, "{how}");
        }
    });
}

/// Payload and error that call back through a context when dropped or displayed.
struct Calls(Context, Arc<AtomicBool>);

impl Calls {
    fn call(&self) {
        let cx = &self.0;
        let _ = (cx.is_stopping(), cx.stop_reason(), cx.path(), cx.stopper().is_stopping());
        let _ = (cx.spawn("no", "may be refused", |_| Ok(())), homebound::registry::dump_status());
        cx.stopper().stop();
        drop(cx.on_stop(|| ()));
        self.1.store(true, Ordering::SeqCst);
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.call();
    }
}

impl std::fmt::Debug for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.call();
        f.write_str("Calls")
    }
}

impl std::fmt::Display for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.call();
        f.write_str("calls back")
    }
}

impl std::error::Error for Calls {}

#[test]
fn e7_payloads_and_errors_call_back() {
    // catches: Drop or Display of a failure under a lock
    within(|| {
        for how in 0..3 {
            let called = Arc::new(AtomicBool::new(false));
            let result = scope(|s| {
                let calls = Calls(s.context().clone(), called.clone());
                drop(s.spawn("calls", "calls back", move |_| -> Result {
                    match how {
                        0 => panic_any(calls),
                        1 => Err(BoxError::from(calls)),
                        _ => Err(anyhow::Error::from(calls).into()),
                    }
                })?);
                Ok(())
            });
            let error = result.unwrap_err();
            assert_eq!(error.failures().len(), 1);
            assert!(!error.to_string().is_empty() && !format!("{error:?}").is_empty());
            drop(error);
            assert!(called.load(Ordering::SeqCst), "{how}");
        }
    });
}

#[test]
fn e7_thread_local_destructors_call_back_and_have_no_context() {
    // catches: a current() that is still set, or a panic, in a thread-local's drop
    type Last = RefCell<Option<OnDrop<Box<dyn FnMut()>>>>;
    thread_local!(static LAST: Last = const { RefCell::new(None) });
    within(|| {
        let (tell, told) = unbounded();
        let result = scope(|s| {
            s.spawn("ends", "calls back at its very end", move |cx| {
                let cx = cx.clone();
                LAST.set(Some(OnDrop(Box::new(move || {
                    let none = homebound::current().is_none();
                    let _ = cx.spawn("no", "may be refused", |_| Ok(()));
                    cx.stopper().stop();
                    let _ = tell.send((none, cx.is_stopping()));
                }))));
                Ok(())
            })?;
            Ok(())
        });
        assert!(result.is_ok());
        assert_eq!(told.iter().collect::<Vec<_>>(), [(true, true)]);
    });
}

#[test]
fn e7_a_tracing_subscriber_calls_back() {
    // catches: an event or a span under a lock
    child_passes(|_| {
        let called = Arc::new(AtomicUsize::new(0));
        let count = called.clone();
        let subscriber = Told::new(move |_: &str| {
            count.fetch_add(1, Ordering::SeqCst);
            let _ = homebound::registry::dump_status();
            if let Some(cx) = homebound::current() {
                let _ = (cx.is_stopping(), cx.stop_reason(), cx.path(), cx.stop_signal().is_empty());
                drop(cx.on_stop(|| ()));
            }
        });
        let result = tracing::subscriber::with_default(subscriber, || {
            scope(|s| {
                s.service("service", "is stopped", until_stopped)?;
                let group = s.group("group")?;
                group.spawn("member", "is stopped", until_stopped)?;
                s.spawn("falls", "panics", |_| -> Result { panic!("it falls") })?;
                s.context().wait_for_stop();
                drop(group);
                s.shutdown(LIMIT);
                Ok(())
            })
        });
        assert_eq!(result.unwrap_err().failures().len(), 1);
        assert!(called.load(Ordering::SeqCst) > 0);
        0
    });
}

#[test]
fn e1_deferred_functions_of_nested_groups_run_before_those_of_their_parents() {
    // catches: a group inside a group that is stopped and joined but never settled
    within(|| {
        for forget in [false, true] {
            for shut_down in [false, true] {
                let log = Log::new();
                let result = scope(|s| {
                    let add = |name: &'static str| {
                        let log = log.clone();
                        move || Ok(log.add(name))
                    };
                    let outer = s.group("outer")?;
                    let inner = outer.group("inner")?;
                    s.defer("root", add("root"));
                    outer.defer("outer", add("outer"));
                    inner.defer("inner", add("inner"));
                    inner.service("service", "is stopped", until_stopped)?;
                    if shut_down {
                        s.shutdown(LIMIT);
                    }
                    if forget {
                        std::mem::forget((inner, outer));
                    }
                    Ok(())
                });
                assert!(result.is_ok());
                assert_eq!(log.all().join(","), "inner,outer,root", "{forget} {shut_down}");
            }
        }
    });
}

#[test]
fn e4_a_joined_result_belongs_to_its_joiner() {
    // catches: a result dropped by the scope though it was handed over, or handed over twice
    within(|| {
        let drops = Arc::new(AtomicUsize::new(0));
        let count = drops.clone();
        let kept = scope(|s| {
            let result = OnDrop(move || {
                count.fetch_add(1, Ordering::SeqCst);
            });
            Ok(s.spawn("worker", "returns", move |_| Ok(result))?.join()?)
        });
        assert_eq!(drops.load(Ordering::SeqCst), 0);
        drop(kept);
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn e2_the_value_of_a_failed_scope_is_dropped_and_the_failure_told() {
    // catches: an Ok from a scope in which a thread failed
    within(|| {
        let result = scope(|s| {
            let worker = s.spawn("fails", "fails", |_| -> Result { Err(boom("no")) })?;
            assert!(matches!(worker.join(), Err(JoinError::Failed(_))));
            Ok("a value")
        });
        let error = result.unwrap_err();
        let first = error.first().expect("one failure");
        assert!(matches!(first.cause(), Cause::Error(e) if e.to_string() == "no"));
    });
}

/// Groups in groups, the outermost first.
fn nested<'s>(s: &Scope<'s, '_>, levels: usize) -> Result<Vec<Group<'s>>> {
    let mut groups = vec![s.group("level")?];
    for level in 1..levels {
        groups.push(groups[level - 1].group("level")?);
    }
    Ok(groups)
}

fn drop_the_outermost(mut groups: Vec<Group<'_>>) -> Result {
    let outermost = groups.swap_remove(0);
    groups.into_iter().for_each(std::mem::forget);
    Ok(drop(outermost))
}

fn close_the_outermost(mut groups: Vec<Group<'_>>) -> Result {
    let outermost = groups.swap_remove(0);
    groups.into_iter().for_each(std::mem::forget);
    Ok(outermost.close()?)
}

/// All are home before the first is settled, and the last to go holds the others.
fn shut_down_and_drop_from_the_outside(groups: Vec<Group<'_>>) -> Result {
    let report = groups[0].shutdown(LIMIT);
    assert_eq!((report.total, report.joined), (1, 1), "{report}");
    Ok(drop(groups))
}

fn leave_them_to_the_scope(groups: Vec<Group<'_>>) -> Result {
    Ok(groups.into_iter().for_each(std::mem::forget))
}

#[test]
fn e1_the_end_of_deep_groups_needs_no_deep_stack() {
    // catches: recursion over the levels: of the steps, the settling, the paths, the drop of what holds what is around it
    const LEVELS: usize = 1000;
    child_passes(|_| {
        let ends = [
            drop_the_outermost,
            close_the_outermost,
            shut_down_and_drop_from_the_outside,
            leave_them_to_the_scope,
        ];
        for end in ends {
            let small = std::thread::Builder::new().stack_size(64 * 1024);
            let ended = small.spawn(move || {
                let mut outlives = None;
                let result = scope(|s| {
                    let groups = nested(s, LEVELS)?;
                    let deepest = &groups[LEVELS - 1];
                    deepest.spawn("deepest", "waits at the bottom", until_stopped)?;
                    outlives = Some(deepest.context().clone());
                    end(groups)
                });
                result.unwrap();
                let deepest = outlives.expect("it was there");
                assert!(deepest.is_stopping() && deepest.path().ends_with("/level/level"));
            });
            ended.expect("starts").join().unwrap();
        }
        0
    });
}

#[test]
fn e1_a_deep_chain_of_groups_may_lose_its_lower_half() {
    // catches: a level above that is stopped as well, or one below that is not
    const LEVELS: usize = 2000;
    in_scope(|s| {
        let mut groups = nested(s, LEVELS)?;
        for level in [0, LEVELS / 2 - 1, LEVELS / 2, LEVELS - 1] {
            groups[level].spawn("member", "waits", until_stopped)?;
        }
        let mut below = groups.split_off(LEVELS / 2);
        let deepest = below[below.len() - 1].context().clone();
        drop(below.swap_remove(0));
        assert!(deepest.is_stopping() && below.iter().all(|group| group.is_stopping()));
        assert!(groups.iter().all(|group| !group.is_stopping()));
        assert_eq!(s.active_threads().len(), 2);
        let last = &groups[groups.len() - 1];
        last.spawn("late", "is admitted", |_| Ok(()))?.join()?;
        let report = groups[0].shutdown(LIMIT);
        Ok(assert_eq!((report.total, report.timeout), (2, 0), "{report}"))
    });
}

/// Of this thread: another program's load is not in it.
fn processor_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(now).expect("not negative")
}

#[test]
fn e1_the_end_of_deep_groups_takes_time_by_their_number() {
    // catches: work for all levels at each level: eight times as deep took five hundred times as long
    fn fastest(levels: usize, end: fn(Vec<Group<'_>>) -> Result) -> Duration {
        let times = (0..5).map(|_| {
            let mut took = Duration::ZERO;
            let result = scope(|s| {
                let groups = nested(s, levels)?;
                groups[levels - 1].spawn("deepest", "waits at the bottom", until_stopped)?;
                let start = processor_time();
                end(groups)?;
                Ok(took = processor_time() - start)
            });
            result.unwrap();
            took
        });
        times.min().expect("five")
    }
    within(|| {
        for end in [drop_the_outermost, shut_down_and_drop_from_the_outside] {
            let (short, long) = (fastest(100, end), fastest(800, end));
            assert!(long < short * 64, "{short:?} for 100 levels, {long:?} for 800");
        }
    });
}

/// A group's deferred function runs on a thread that is nobody's, for a moment; it has begun when this returns.
fn flush_elsewhere(group: Group<'static>, done: &'static AtomicBool) -> std::thread::JoinHandle<()> {
    let (begun, begins) = bounded(1);
    group.defer("flush", move || {
        begun.send(())?;
        linger(60);
        done.store(true, Ordering::SeqCst);
        Err(boom("could not flush"))
    });
    let closer = std::thread::spawn(move || drop(group));
    begins.recv().expect("it begins");
    closer
}

#[test]
fn p1_a_scope_waits_for_what_another_thread_settles_in_it() {
    // catches: a group that counts as over since nothing is left in its lists; a failure of its last function that is lost
    within(|| {
        static DONE: [AtomicBool; 3] = [const { AtomicBool::new(false) }; 3];
        type Open =
            fn(&Scope<'_, '_>) -> std::result::Result<(Option<Group<'static>>, Group<'static>), SpawnError>;
        let opens: [Open; 2] = [
            |s| Ok((None, s.context().group("g")?)),
            // In a group of which nobody has the turn yet.
            |s| {
                let around = s.context().group("around")?;
                let inner = around.context().group("g")?;
                Ok((Some(around), inner))
            },
        ];
        for (open, done) in opens.into_iter().zip(&DONE) {
            let mut closers = Vec::new();
            let result = scope(|s| {
                let (around, group) = open(s)?;
                closers.push(flush_elsewhere(group, done));
                Ok(drop(around))
            });
            assert!(done.load(Ordering::SeqCst), "it is over when the scope returns");
            assert_eq!(result.unwrap_err().failures().len(), 1);
            closers.into_iter().for_each(|closer| closer.join().unwrap());
        }
        // A scope inside of a deferred function waits as well: what it lends dies next.
        let result = scope(|s| {
            s.defer("opens", || {
                let mut closer = None;
                let inner = scope(|s| Ok(closer = Some(flush_elsewhere(s.context().group("g")?, &DONE[2]))));
                assert!(DONE[2].load(Ordering::SeqCst) && inner.is_err());
                Ok(closer.expect("it was opened").join().unwrap())
            });
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn e1_close_waits_for_what_the_scope_around_settles() {
    // catches: `close` that returns, without the failure, while the exit of the scope around runs the group's last function
    within(|| {
        let (done, order) = (AtomicBool::new(false), Mutex::new(Vec::new()));
        let (over, finished) = (&done, &order);
        let result = scope(|s| {
            let (hand, handed) = bounded::<Group<'_>>(1);
            s.service("owner", "closes its group", move |cx| {
                let group = handed.recv()?;
                let _told = group.stop_signal().recv();
                linger(20);
                let closed = group.close();
                assert!(over.load(Ordering::SeqCst), "it is over when `close` returns");
                assert_eq!(closed.unwrap_err().failures().len(), 1);
                cx.wait_for_stop();
                Ok(())
            })?;
            let group = s.group("g")?;
            for name in ["first", "second", "third"] {
                group.defer(name, move || {
                    finished.lock().unwrap().push((name, "begins"));
                    linger(30);
                    finished.lock().unwrap().push((name, "ends"));
                    if name == "first" {
                        over.store(true, Ordering::SeqCst);
                        return Err(boom("could not flush"));
                    }
                    Ok(())
                });
            }
            Ok(hand.send(group).expect("the owner is there"))
        });
        assert_eq!(result.unwrap_err().failures().len(), 1);
        let expected = ["third", "second", "first"].map(|name| [(name, "begins"), (name, "ends")]);
        assert_eq!(*order.lock().unwrap(), expected.as_flattened(), "one at a time, the last first");
    });
}

#[test]
fn e1_a_group_that_is_closed_by_its_own_inside_is_left_to_the_scope_around() {
    // catches: two who settle, each waiting for the other: the exit of a group, and a last function in it that closes the group
    within(|| {
        let (begun, begins) = bounded(1);
        let mut closer = None;
        let result = scope(|s| {
            let outer = s.context().group("outer")?;
            let inner = outer.context().group("inner")?;
            let (open, gate) = gate();
            inner.defer("closes", move || {
                begun.send(())?;
                pass(&gate);
                drop(outer);
                Ok(())
            });
            closer = Some(std::thread::spawn(move || drop(inner)));
            begins.recv()?;
            std::thread::spawn(move || {
                linger(30);
                drop(open);
            });
            Ok(())
        });
        result.unwrap();
        closer.expect("it was started").join().unwrap();
    });
}
