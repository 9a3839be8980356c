//! P1 to P11, at least one test each, by number. Fatal ones run in a re-executed child.
#![allow(clippy::incompatible_msrv)] // tests are built with a newer Rust than the library asks for
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

#[path = "../common/mod.rs"]
mod common;
mod exits;

use std::cell::RefCell;
use std::panic::panic_any;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use std::sync::Arc;

use common::subscriber::Told;
use common::*;
use crossbeam_channel::{Receiver, bounded, unbounded};
use homebound::registry::{self, Registry};
use homebound::{Cause, Context, JoinError, OnOverdue, Result, Role, Scope, SpawnError, ThreadState, scope};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than any address space holds: the OS must refuse it.
const ABSURD_STACK: usize = 1 << 47;

// P1: nothing borrowed is used after the scope returned, on every exit.

#[test]
fn p1_return() {
    // catches: a scope that does not wait for a worker it has no handle of
    within(|| {
        let lender = Lender::new();
        let result = scope(|s| {
            let (_open, gate) = gate();
            let loan = lender.lend();
            s.spawn("slow", "outlives the body", move |_| {
                pass(&gate);
                linger(30);
                loan.touch();
                Ok(())
            })?;
            Ok(7)
        });
        lender.assert_unused();
        assert_eq!(result.unwrap(), 7);
    });
}

#[test]
fn p1_err() {
    // catches: an early return on Err past the join
    within(|| {
        let lender = Lender::new();
        let result: Result<(), _> = scope(|s| {
            s.spawn("slow", "uses its loan", lingering(&lender))?;
            Err(boom("the body gives up"))
        });
        lender.assert_unused();
        assert_eq!(result.unwrap_err().failures().len(), 1);
    });
}

#[test]
fn p1_body_panics() {
    // catches: unwinding out of the scope without waiting, or without stopping first
    within(|| {
        let lender = Lender::new();
        let payload = panics(|| {
            scope(|s| {
                s.spawn("slow", "uses its loan", lingering(&lender))?;
                if true {
                    panic!("the body falls");
                }
                Ok(())
            })
        });
        lender.assert_unused();
        assert_eq!(text(&*payload), "the body falls");
    });
}

#[test]
fn p1_thread_panics() {
    // catches: a panicked thread that ends the wait for its siblings
    within(|| {
        let lender = Lender::new();
        let result = scope(|s| {
            s.spawn("slow", "uses its loan", lingering(&lender))?;
            s.spawn("falls", "panics", |_| if true { panic!("it falls") } else { Ok(()) })?;
            Ok(())
        });
        lender.assert_unused();
        assert_eq!(result.unwrap_err().failures().len(), 1);
    });
}

#[test]
fn p1_payload_whose_drop_panics() {
    // catches: a count-down skipped, or an abort, when the payload's drop panics in turn
    child_passes(|_| {
        let lender = Lender::new();
        let result = scope(|s| {
            s.spawn("slow", "uses its loan", lingering(&lender))?;
            s.spawn("bomber", "panics with a bomb", |_| -> Result { panic_any(Bomb::chain(3)) })?;
            Ok(())
        });
        lender.assert_unused();
        assert_eq!(result.as_ref().unwrap_err().failures().len(), 1);
        drop_quietly(result);
        0
    });
}

#[test]
fn p1_result_whose_drop_panics() {
    // catches: a join loop that unwinds while it drops a result nobody took
    child_passes(|_| {
        let lender = Lender::new();
        let result = scope(|s| {
            s.spawn("slow", "uses its loan", lingering(&lender))?;
            s.spawn("bomber", "returns a bomb", |_| Ok(Bomb::new()))?;
            Ok(())
        });
        lender.assert_unused();
        let failures = result.unwrap_err();
        let first = failures.first().expect("a drop that panics is a failure");
        assert!(matches!(first.cause(), Cause::Panic { .. }));
        0
    });
}

#[test]
fn p1_refused_spawn() {
    // catches: a refusal that leaves its place in the count, or skips the wait for the others
    within(|| {
        let lender = Lender::new();
        let result = scope(|s| {
            s.spawn("slow", "uses its loan", lingering(&lender))?;
            let refused = lender.lend();
            s.thread("huge", "is refused").stack_size(ABSURD_STACK).spawn(move |_| {
                refused.touch();
                Ok(())
            })?;
            Ok(())
        });
        lender.assert_unused();
        assert!(result.is_err());
    });
}

#[test]
fn p1_stop() {
    // catches: a stop taken for "all are home"
    within(|| {
        let lender = Lender::new();
        let result = scope(|s| {
            s.spawn("slow", "uses its loan", lingering(&lender))?;
            s.stop();
            Ok(())
        });
        lender.assert_unused();
        assert!(result.is_ok());
    });
}

#[test]
fn p1_deadline() {
    // catches: a deadline, or an expired grace, taken for "all are home"
    within(|| {
        let lender = Lender::new();
        let result = scope(|outer| {
            let soon = Instant::now() + Duration::from_millis(20);
            let inner = outer.context().with_deadline(soon, |_| {
                scope(|s| {
                    s.spawn("slow", "uses its loan", lingering(&lender))?;
                    Ok(s.context().sleep(NEVER)?)
                })
            });
            lender.assert_unused();
            assert!(inner.unwrap_err().failures().is_empty());
            outer.spawn("late", "is not home at the deadline", lingering(&lender))?;
            let report = outer.shutdown(Duration::ZERO);
            assert_eq!((report.total, report.timeout), (1, 1));
            Ok(())
        });
        lender.assert_unused();
        assert!(result.is_ok());
    });
}

// P2: joined by the OS.

static ENDED: AtomicUsize = AtomicUsize::new(0);

type AtTheEnd<F> = RefCell<Option<OnDrop<F>>>;

thread_local! {
    static SLOW_END: AtTheEnd<fn()> = const { RefCell::new(None) };
}

/// Gives the calling thread a slow thread-local destructor.
fn end_slowly() {
    let ended: OnDrop<fn()> = OnDrop(|| {
        linger(2);
        ENDED.fetch_add(1, Ordering::SeqCst);
    });
    SLOW_END.with(|slot| *slot.borrow_mut() = Some(ended));
}

#[test]
fn p2_five_hundred_roots_wait_for_thread_local_destructors() {
    // catches: a root that returns on "closure done" instead of after pthread_join
    child_passes(|_| {
        for round in 1..=500 {
            let result = scope(|s| {
                let slow = |_: &Context| {
                    end_slowly();
                    Ok(())
                };
                match round % 5 {
                    0 => drop(s.spawn("dropped", "ends slowly", slow)?),
                    1 => s.spawn("joined", "ends slowly", slow)?.join()?,
                    2 => std::mem::forget(s.spawn("forgotten", "ends slowly", slow)?),
                    3 => drop(s.service("service", "ends slowly", slow)?),
                    _ => drop(s.thread("alone", "ends slowly").dedicated().spawn(slow)?),
                }
                Ok(())
            });
            assert!(result.is_ok());
            assert_eq!(ENDED.load(Ordering::SeqCst), round, "root {round} returned early");
        }
        0
    });
}

#[test]
fn p2_run_waits_for_thread_local_destructors() {
    // catches: the same in `run`, also for threads of nested scopes and groups
    child_passes(|_| {
        let exit = registry::run(|s| {
            let slow = |_: &Context| {
                end_slowly();
                Ok(())
            };
            s.spawn("worker", "ends slowly", slow)?;
            s.subscope("below", |below| Ok(drop(below.spawn("nested", "ends slowly", slow)?)))?;
            let group = s.group("group")?;
            group.spawn("member", "ends slowly", slow)?;
            Ok(group.close()?)
        });
        assert_eq!(ENDED.load(Ordering::SeqCst), 3);
        i32::from(exit.code())
    });
}

#[test]
fn p2_nested_scope_drops_captures_and_results() {
    // catches: captures or results that live on in a warm thread after a nested scope
    within(|| {
        let lender = Lender::new();
        let result = scope(|s| {
            for _ in 0..50 {
                s.subscope("below", |below| {
                    let (capture, result) = (lender.lend(), lender.lend());
                    below.spawn("worker", "returns a loan", move |_| {
                        capture.touch();
                        Ok(result)
                    })?;
                    Ok(())
                })?;
                lender.assert_unused();
            }
            Ok(())
        });
        assert!(result.is_ok());
    });
}

// P3: no way out.

#[test]
fn p3_forgotten_handle() {
    // catches: a wait that hangs on the handle's drop, and a result that lives as long as the handle
    within(|| {
        let lender = Lender::new();
        let result = scope(|s| {
            let (_open, gate) = gate();
            let loan = lender.lend();
            std::mem::forget(s.spawn("slow", "its handle is forgotten", move |_| {
                pass(&gate);
                linger(20);
                Ok(loan)
            })?);
            Ok(())
        });
        lender.assert_unused();
        assert!(result.is_ok());
    });
}

#[test]
fn p3_forgotten_group() {
    // catches: a group that is joined only by its drop
    within(|| {
        let lender = Lender::new();
        let result = scope(|s| {
            let group = s.group("forgotten")?;
            group.spawn("member", "uses its loan", lingering(&lender))?;
            group.service("clerk", "uses its loan", lingering(&lender))?;
            std::mem::forget(group);
            Ok(())
        });
        lender.assert_unused();
        assert!(result.is_ok());
    });
}

#[test]
fn p3_forgotten_callback_guard() {
    // catches: a callback that needs its guard to be dropped: leaked, it still runs once at the stop
    within(|| {
        let (ran, runs) = unbounded();
        let result = scope(|s| {
            std::mem::forget(s.context().on_stop(move || ran.send(()).unwrap()));
            s.stop();
            Ok(())
        });
        assert!(result.is_ok());
        assert_eq!(runs.iter().count(), 1);
    });
}

#[test]
fn p3_forgotten_adoption() {
    // catches: a scope that waits for ever for a foreign thread that is long gone
    within(|| {
        let result = scope(|s| {
            std::thread::scope(|threads| {
                threads.spawn(|| std::mem::forget(s.context().adopt("guest", "forgets its guard")));
            });
            Ok(())
        });
        assert!(result.is_ok());
    });
}

#[test]
fn p3_an_adoption_does_not_outlast_the_scope_that_its_own_thread_runs() {
    // catches: a scope that waits at its end for the thread that waits there, since it was adopted into one of its groups
    for forgets in [false, true] {
        within(move || {
            let mut kept = None;
            let result = scope(|s| {
                let group = s.context().group("group")?;
                kept = Some(group.context().adopt("body", "keeps its guard for longer than the scope"));
                Ok(if forgets { std::mem::forget(group) } else { drop(group) })
            });
            assert!(result.is_ok());
            assert!(kept.as_ref().is_some_and(|kept| kept.is_stopping()));
            assert!(homebound::current().is_none(), "the stay is over");
            let after = scope(|s| Ok(s.is_stopping())).unwrap();
            assert!(!after, "a new scope is not below the one that is over");
            drop(kept);
        });
    }
}

thread_local!(static LAST: RefCell<Option<AdoptsAtLast>> = const { RefCell::new(None) });

struct AdoptsAtLast(Context);

impl Drop for AdoptsAtLast {
    fn drop(&mut self) {
        std::mem::forget(self.0.adopt("late", "comes in its last destructor"));
    }
}

#[test]
fn p3_an_adoption_in_a_last_destructor_holds_no_scope() {
    // catches: a forgotten guard whose thread is past the point at which we learn of its end
    within(|| {
        let result = scope(|s| {
            let cx = s.context().clone();
            let guest = std::thread::spawn(move || {
                // Before anything of ours is there, so that it is dropped after all that is ours.
                LAST.with(|last| *last.borrow_mut() = Some(AdoptsAtLast(cx.clone())));
                drop(cx.adopt("guest", "comes and goes"));
            });
            Ok(guest.join().expect("it ends"))
        });
        assert!(result.is_ok());
    });
}

#[test]
fn p3_result_that_owns_its_own_handle() {
    // catches: a cycle of handle and result that keeps borrows alive after settle
    within(|| {
        struct Own<'a>(#[allow(dead_code)] Loan<'a>, #[allow(dead_code)] Box<dyn Send + 'a>);
        let lender = Lender::new();
        let result = scope(|s| {
            let (give, take) = bounded::<Box<dyn Send + '_>>(1);
            let loan = lender.lend();
            let handle = s.spawn("ouroboros", "returns its handle", move |_| Ok(Own(loan, take.recv()?)))?;
            drop(give.send(Box::new(handle)));
            Ok(())
        });
        lender.assert_unused();
        assert!(result.is_ok());
    });
}

// P4: no failure is lost.

fn failing(s: &Scope<'_, '_>, n: usize) -> Result {
    for i in 0..n {
        let fail = move |_: &Context| -> Result { Err(boom(&format!("failure {i}"))) };
        let handle = s.thread("isolated", "fails alone").isolated().spawn(fail)?;
        let _ = handle.done().recv();
    }
    Ok(())
}

#[test]
fn p4_an_error_and_a_panic_reach_the_result() {
    // catches: a failure lost with its handle; a panic without message, location or payload
    within(|| {
        let result = scope(|s| {
            let panics = |_: &Context| -> Result { panic_any(42_u64) };
            let handle = s.thread("number", "panics").isolated().spawn(panics)?;
            let _ = handle.done().recv();
            let says = |_: &Context| -> Result { panic!("it is {}", "raining") };
            let words = s.thread("words", "panics").isolated().spawn(says)?;
            let _ = words.done().recv();
            s.spawn("error", "fails", |_| -> Result { Err("nope".parse::<u8>().unwrap_err().into()) })?;
            Ok(())
        });
        let error = result.unwrap_err();
        let [number, words, parse] = error.failures() else { panic!("three failures: {error}") };
        let payload = number.take_payload().expect("the payload is kept");
        assert_eq!(payload.downcast_ref::<u64>(), Some(&42));
        assert!(number.take_payload().is_none());
        let Cause::Panic { message, location: Some(at) } = words.cause() else { panic!("{error}") };
        assert_eq!(message, "it is raining");
        assert!(at.contains(concat!(file!(), ":")), "{at}");
        assert!(parse.downcast_ref::<std::num::ParseIntError>().is_some());
    });
}

#[test]
fn p4_isolated_reaches_its_joiner_or_else_the_scope() {
    // catches: isolation that swallows; a failure listed though its joiner has it
    within(|| {
        let fail = |_: &Context| -> Result { Err(boom("alone")) };
        let joined = scope(|s| {
            let handle = s.thread("joined", "fails").isolated().spawn(fail)?;
            assert!(matches!(handle.join(), Err(JoinError::Failed(f)) if f.name() == "joined"));
            Ok(())
        });
        assert!(joined.is_ok());
        let dropped = scope(|s| Ok(drop(s.thread("dropped", "fails").isolated().spawn(fail)?)));
        assert_eq!(dropped.unwrap_err().first().unwrap().name(), "dropped");
        let forgotten = scope(|s| Ok(std::mem::forget(s.thread("lost", "fails").isolated().spawn(fail)?)));
        assert_eq!(forgotten.unwrap_err().first().unwrap().name(), "lost");
    });
}

#[test]
fn p4_keeps_the_first_1024_and_counts_the_rest() {
    // catches: an unbounded list, a ring that keeps the last, a count that is off
    within(|| {
        let error = scope(|s| failing(s, 1100)).unwrap_err();
        assert_eq!((error.failures().len(), error.omitted()), (1024, 76));
        let last = error.failures()[1023].cause();
        assert!(matches!(last, Cause::Error(e) if e.to_string() == "failure 1023"));
    });
}

// P5: stop reaches all.

#[test]
fn p5_stop_reaches_body_workers_and_all_below_and_services_in_turn() {
    // catches: a stop that returns before every node is marked; a service told too early
    within(|| {
        let (known, contexts) = unbounded::<Context>();
        let (open, gate) = gate();
        let result = scope(|s| {
            let to_service = known.clone();
            s.service("clerk", "is told last", move |cx| {
                to_service.send(cx.clone())?;
                until_stopped(cx)
            })?;
            let clerk = contexts.recv()?;
            s.spawn("manager", "has threads below", move |cx| {
                known.send(cx.clone())?;
                scope(|below| {
                    known.send(below.context().clone())?;
                    let to = known.clone();
                    below.spawn("deep", "is far below", move |cx| {
                        to.send(cx.clone())?;
                        cx.with_deadline(Instant::now() + NEVER, |cx| {
                            to.send(cx.clone())?;
                            pass(&gate);
                            Ok(())
                        })
                    })?;
                    Ok(())
                })?;
                Ok(())
            })?;
            let told: Vec<Context> = contexts.iter().take(3).chain([s.context().clone()]).collect();
            assert!(told.iter().all(|cx| !cx.is_stopping()));
            s.stop();
            for cx in &told {
                assert!(cx.is_stopping() && disconnected(cx.stop_signal()), "{}", cx.path());
                assert!(cx.sleep(NEVER).is_err() && cx.checkpoint().is_err());
            }
            assert!(!clerk.is_stopping() && !disconnected(clerk.stop_signal()));
            drop(open);
            Ok(())
        });
        assert!(result.is_ok());
    });
}

// P6: stop never polls.

#[test]
fn p6_waiting_threads_do_not_wake_up() {
    // catches: any wait, also of the body and of internal threads, that polls its stop flag, with pauses or without
    child_passes(|_| {
        let exit = registry::run(|s| {
            let (ids, tids) = unbounded();
            let tid = || rustix::thread::gettid().as_raw_nonzero().get();
            ids.send(tid())?;
            for (kind, wait) in every_wait() {
                let ids = ids.clone();
                s.spawn(kind, "only waits", move |cx| {
                    ids.send(tid())?;
                    wait(cx)
                })?;
            }
            let waiting = every_wait().len();
            s.spawn("auditor", "counts wake-ups", move |cx| {
                let mut tids: Vec<i32> = tids.iter().take(waiting + 1).collect();
                let internal = || all_threads(&registry::snapshot().unwrap());
                tids.extend(internal().iter().filter(|t| t.role == Role::Internal).map(os_tid));
                assert_eq!(tids.len(), waiting + 3);
                linger(200);
                let spent = || tids.iter().map(processor_time).sum::<Duration>();
                let (before, spent_before): (Vec<usize>, _) = (tids.iter().map(switches).collect(), spent());
                linger(500);
                let after: Vec<usize> = tids.iter().map(switches).collect();
                let spent = spent() - spent_before;
                assert!(spent < Duration::from_millis(20), "{spent:?} of processor time");
                let woken: usize = before.iter().zip(&after).map(|(b, a)| a - b).sum();
                assert!(woken <= 1, "{woken} wake-ups: {before:?} {after:?}");
                cx.stopper().stop();
                Ok(())
            })?;
            Ok(())
        });
        i32::from(exit.code())
    });
}

#[test]
fn p6_who_waits_in_a_shield_or_at_a_deadline_does_not_wake_up() {
    // catches: a wait that is told again and again that its end is known, or that it is not
    within(|| {
        let result = scope(|s| {
            let (ids, tids) = unbounded();
            let tid = || rustix::thread::gettid().as_raw_nonzero().get();
            for (kind, wait) in every_wait() {
                let (by_shield, by_deadline) = (ids.clone(), ids.clone());
                s.spawn(kind, "waits in a shield", move |cx| {
                    by_shield.send((true, tid()))?;
                    cx.shield(NEVER, wait)
                })?;
                s.spawn(kind, "waits at a deadline", move |cx| {
                    by_deadline.send((false, tid()))?;
                    cx.with_deadline(Instant::now() + NEVER, wait)
                })?;
            }
            let all: Vec<(bool, i32)> = tids.iter().take(2 * every_wait().len()).collect();
            // A busy machine may take its time until all have gone to sleep.
            let come_to_rest = |threads: Vec<i32>| {
                let spent = || threads.iter().map(processor_time).sum::<Duration>();
                let woken = || threads.iter().map(switches).sum::<usize>();
                let mut seen = (Duration::ZERO, 0);
                let rest = |_| {
                    let before = (spent(), woken());
                    linger(300);
                    seen = (spent() - before.0, woken() - before.1);
                    seen.0 < Duration::from_millis(20) && seen.1 <= 1
                };
                assert!((0..10).any(rest), "{:?}, {} wake-ups", seen.0, seen.1);
            };
            come_to_rest(all.iter().map(|(_, tid)| *tid).collect());
            s.stop();
            come_to_rest(all.iter().filter(|(shielded, _)| *shielded).map(|(_, tid)| *tid).collect());
            // They are overdue at once: that ends their shields.
            s.shutdown(Duration::ZERO);
            Ok(())
        });
        assert!(result.is_ok(), "{result:?}");
    });
}

#[test]
fn p5_many_who_wait_through_one_context_are_all_woken() {
    // catches: a wake-up of fewer than sleep on one node
    in_scope(|s| {
        for _ in 0..100 {
            let shared = s.context().clone();
            s.spawn("waits", "through the context of the body", move |_| {
                shared.wait_for_stop();
                Ok(shared.checkpoint()?)
            })?;
        }
        let waits = |thread: &homebound::ThreadStatus| matches!(thread.state, ThreadState::Waiting { .. });
        eventually("all wait", || s.active_threads().iter().filter(|thread| waits(thread)).count() == 100);
        s.stop();
        Ok(())
    });
}

fn os_tid(thread: &homebound::ThreadStatus) -> i32 {
    i32::try_from(thread.os_tid.expect("known on Linux")).unwrap()
}

/// For how long a thread has had a processor; nothing where the kernel does not tell.
fn processor_time(tid: &i32) -> Duration {
    let times = std::fs::read_to_string(format!("/proc/self/task/{tid}/schedstat")).unwrap_or_default();
    Duration::from_nanos(times.split_whitespace().next().map_or(0, |time| time.parse().unwrap()))
}

/// How often a thread has given up its processor to wait.
fn switches(tid: &i32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/self/task/{tid}/status")).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("voluntary_ctxt_switches:")).unwrap();
    line.trim().parse().unwrap()
}

/// What the machine makes of a wake-up just now: a plain thread at a plain channel.
fn plain_latency() -> Duration {
    let (open, closed) = gate();
    let waits = std::thread::spawn(move || {
        pass(&closed);
        Instant::now()
    });
    linger(5);
    let start = Instant::now();
    drop(open);
    waits.join().unwrap().saturating_duration_since(start)
}

#[test]
fn p6_a_stop_is_a_wake_up_away() {
    // catches: latencies of a polling period in any wait
    within(|| {
        for (kind, wait) in every_wait() {
            let mut seen = (Vec::new(), Vec::new());
            let quick = |_| {
                let pairs = (0..9).map(|_| (stop_latency(wait), plain_latency()));
                let (mut latencies, mut plain): (Vec<Duration>, Vec<Duration>) = pairs.unzip();
                latencies.sort();
                plain.sort();
                let limit = Duration::from_millis(20) + 4 * plain[4];
                seen = (latencies, plain);
                seen.0[4] < limit
            };
            // A busy machine may have been elsewhere; a period is there each time.
            assert!((0..3).any(quick), "{kind}: {:?}, and plain ones {:?}", seen.0, seen.1);
        }
    });
}

fn stop_latency(wait: fn(&Context) -> Result) -> Duration {
    let start = scope(|s| {
        let handle = s.spawn("waiting", "waits", wait)?;
        let id = handle.id();
        eventually("it waits", || {
            let threads = s.active_threads();
            let state = threads.iter().find(|t| t.id == id).map(|t| t.state);
            !matches!(state, Some(ThreadState::Starting))
        });
        linger(2);
        let start = Instant::now();
        s.stop();
        Ok(start)
    });
    start.unwrap().elapsed()
}

// P7: it ends.

/// Runs a program that gets stuck in the way `how` says.
fn stuck(how: &str) -> i32 {
    let (_keep, never) = gate();
    let on_overdue = match how {
        "abort" => OnOverdue::Abort,
        "77" => OnOverdue::Exit(77),
        _ => OnOverdue::Exit(70),
    };
    let brief = Duration::from_millis(300);
    let root = Registry::new("p7").grace(brief).kill_after(brief).on_overdue(on_overdue);
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
            // The handle goes first: else the body itself drops the result, before anybody asked for a stop.
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

/// Makes stderr a pipe that is full and that nobody reads.
fn fill_stderr() {
    use rustix::fs::{OFlags, fcntl_setfl};
    let (read, write) = std::io::pipe().unwrap();
    fcntl_setfl(&write, OFlags::NONBLOCK).unwrap();
    while rustix::io::write(&write, &[b'x'; 512]).is_ok() {}
    fcntl_setfl(&write, OFlags::empty()).unwrap();
    rustix::stdio::dup2_stderr(&write).unwrap();
    std::mem::forget(read);
}

/// Runs a stuck program and checks that it is gone in time, not before, with a dump.
#[track_caller]
fn gone_in_time(how: &str, named: bool) -> Done {
    let mut child = child(how, stuck);
    child.until("ready");
    let done = child.finish();
    assert!(done.took < Duration::from_secs(10), "{done:#?}");
    assert!(done.took > Duration::from_millis(400), "too early: {done:#?}");
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
        let late = |_: &Context| {
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

// P8: all is visible.

#[test]
fn p8_every_thread_shows_what_it_waits_on_and_where() {
    // catches: a wait without a record, a record that stays, a wrong source line
    within(|| {
        let result = scope(|s| {
            let line = line!() + 1;
            let spawned = s.spawn("sleeper", "sleeps in the test", |cx| {
                linger(1);
                let at = line!() + 1;
                let slept = cx.sleep(NEVER);
                Ok((at, slept.is_err()))
            })?;
            let mut seen = None;
            eventually("the sleeper waits", || {
                seen = s.active_threads().pop();
                seen.as_ref().is_some_and(|t| matches!(t.state, ThreadState::Waiting { .. }))
            });
            let seen = seen.expect("just seen");
            assert_eq!((seen.name.as_str(), seen.purpose.as_str()), ("sleeper", "sleeps in the test"));
            assert_eq!((seen.id, seen.path.as_str()), (spawned.id(), spawned.path()));
            assert_eq!((seen.spawned_from.line(), seen.role), (line, Role::Worker));
            assert!(seen.spawned_from.file().ends_with(file!()) && seen.os_tid.is_some());
            let ThreadState::Waiting { what, at } = seen.state else { unreachable!() };
            assert_eq!(what, "sleep");
            let dump = s.dump_status();
            for part in ["sleeper", "sleeps in the test", &format!("{}:{}", file!(), at.line())] {
                assert!(dump.contains(part), "no {part:?} in\n{dump}");
            }
            s.stop();
            assert_eq!(spawned.join()?, (at.line(), true));
            Ok(())
        });
        result.unwrap();
    });
}

#[test]
fn p8_foreign_threads_are_found() {
    // catches: a snapshot that knows only its own; one of ours taken for foreign
    child_passes(|_| {
        assert!(registry::snapshot().is_none());
        let (open, gate) = gate();
        let exit = registry::run(|s| {
            s.spawn("ours", "is no stranger", until_stopped)?;
            let before = registry::snapshot().expect("it runs").foreign.len();
            let gate = gate.clone();
            let alien = std::thread::Builder::new().name("alien".into()).spawn(move || pass(&gate))?;
            eventually("it has its name", || registry::dump_status().contains("alien"));
            let after = registry::snapshot().expect("it runs").foreign;
            assert_eq!(after.len(), before + 1, "{after:?}");
            drop(open);
            alien.join().expect("it ends");
            s.stop();
            Ok(())
        });
        i32::from(exit.code())
    });
}

#[test]
fn p8_a_foreign_thread_that_changes_its_name_is_found() {
    // catches: threads told apart by their names, between the looks of one snapshot
    child_passes(|_| {
        let exit = registry::run(|_| {
            let (tell, told) = unbounded();
            let (open, gate) = gate();
            let alien = std::thread::spawn(move || {
                tell.send(rustix::thread::gettid().as_raw_nonzero().get()).expect("somebody asks");
                while !disconnected(&gate) {
                    for name in [c"this", c"that"] {
                        rustix::thread::set_name(name).expect("short enough");
                    }
                }
            });
            let id = told.recv()?;
            let foreign = registry::snapshot().expect("it runs").foreign;
            drop(open);
            alien.join().expect("it ends");
            Ok(assert!(foreign.iter().any(|thread| i64::from(thread.os_tid) == i64::from(id)), "{foreign:?}"))
        });
        i32::from(exit.code())
    });
}

// P9: bounded.

/// Many short threads one after another: flat memory, few OS threads.
fn many(how: &str) -> i32 {
    const MANY: usize = if cfg!(debug_assertions) { 25_000 } else { 100_000 };
    let most = AtomicUsize::new(0);
    let result = scope(|s| {
        let mut early = 0;
        for i in 0..MANY {
            let name = if how == "different" { format!("worker-{i}") } else { "worker".into() };
            let handle = s.spawn(name, "is short", move |_| Ok(i))?;
            if how == "dropped" {
                let done = handle.done().clone();
                drop(handle);
                let _ = done.recv();
            } else {
                assert_eq!(handle.join()?, i);
            }
            if i == MANY / 10 {
                early = resident_kib();
            }
            if i % 1_000 == 0 {
                most.fetch_max(os_threads(), Ordering::SeqCst);
            }
        }
        let grown = resident_kib().saturating_sub(early);
        assert!(grown < 4 * 1024, "{how}: grown by {grown} KiB");
        Ok(())
    });
    result.unwrap();
    let most = most.into_inner();
    assert!(most < 500, "{how}: {most} OS threads at once");
    0
}

#[test]
fn p9_same_name() {
    // catches: ended threads, records or handles that pile up until the scope ends
    child_passes_with("same", many);
}

#[test]
fn p9_different_names() {
    // catches: a cache, or a table of names, that grows with every name
    child_passes_with("different", many);
}

#[test]
fn p9_dropped_handles() {
    // catches: reaping that only a join does
    child_passes_with("dropped", many);
}

#[test]
fn p9_nodes_are_unlinked() {
    // catches: scopes, groups, callbacks, deadlines and adoptions that leave something behind
    child_passes(|_| {
        let result = scope(|s| {
            let cx = s.context();
            let mut early = 0;
            for i in 0..10_000 {
                s.subscope("below", |_| Ok(()))?;
                let group = s.group("group")?;
                let member = group.spawn("member", "ends before its group", |_| Ok(()))?;
                let _ = member.done().recv();
                group.close()?;
                member.join()?;
                drop(cx.on_stop(|| ()));
                cx.with_on_stop(|| (), || ());
                cx.with_deadline(Instant::now() + NEVER, |cx| cx.stop_signal().is_empty());
                cx.shield(NEVER, |cx| cx.is_stopping());
                std::thread::scope(|t| {
                    t.spawn(|| drop(cx.adopt("guest", "comes and goes")));
                });
                if i == 1_000 {
                    early = resident_kib();
                }
            }
            let grown = resident_kib().saturating_sub(early);
            assert!(grown < 2 * 1024, "grown by {grown} KiB");
            Ok(())
        });
        i32::from(result.is_err())
    });
}

// P10: no hidden threads.

#[test]
fn p10_run_starts_two_internal_threads_and_joins_them() {
    // catches: helper threads that are not in the tree, or not joined
    child_passes(|_| {
        let before = os_threads();
        let exit = registry::run(|s| {
            assert_eq!(os_threads(), before + 2);
            let snapshot = all_threads(&registry::snapshot().expect("it runs"));
            let mut names: Vec<_> = snapshot.iter().filter(|t| t.role == Role::Internal).collect();
            names.sort_by(|a, b| a.name.cmp(&b.name));
            assert_eq!(names.len(), 2, "{names:?}");
            assert!(names[0].name.contains("stopper") && names[1].name.contains("watch"));
            assert!(s.active_threads().is_empty());
            Ok(())
        });
        assert_eq!((os_threads(), exit.shutdown.total), (before, 0));
        i32::from(exit.code())
    });
}

#[test]
fn p10_a_standalone_root_starts_at_most_one_and_only_for_a_deadline() {
    // catches: a timer thread for everybody, one per deadline, one that stays
    child_passes(|_| {
        let before = os_threads();
        let result = scope(|s| {
            let worker = s.spawn("worker", "waits", until_stopped)?;
            assert_eq!(os_threads(), before + 1);
            let later = Instant::now() + NEVER;
            for _ in 0..3 {
                s.context().with_deadline(later, |cx| {
                    assert!(cx.sleep(Duration::from_millis(1)).is_ok());
                    assert!(!disconnected(cx.stop_signal()));
                    assert!(os_threads() <= before + 2);
                });
            }
            worker.stop();
            Ok(())
        });
        assert_eq!(os_threads(), before);
        i32::from(result.is_err())
    });
}

/// From now on the kernel refuses the calling thread new ones, until the limit given back is set.
fn refuse_threads() -> Rlimit {
    let before = getrlimit(Resource::Nproc);
    let none = Rlimit { current: Some(0), maximum: before.maximum };
    setrlimit(Resource::Nproc, none).expect("lowering is allowed");
    if rustix::process::getuid().is_root() {
        rustix::thread::set_thread_uid(rustix::fs::Uid::from_raw(65534)).expect("root may");
    }
    before
}

#[test]
fn p10_run_returns_the_refusal_of_its_internal_threads() {
    // catches: a body that runs without a watch; a panic instead of an error
    child_passes(|_| {
        refuse_threads();
        let ran = AtomicBool::new(false);
        let exit = registry::run(|_| Ok(ran.store(true, Ordering::SeqCst)));
        assert!(exit.result.is_err() && !ran.into_inner());
        i32::from(exit.code() == 0)
    });
}

// P11: the OS may refuse.

#[test]
fn p11_a_refused_closure_is_dropped_by_the_caller_before_the_return() {
    // catches: closures leaked or dropped later, a place kept for a thread that never was
    within(|| {
        let result = scope(|s| {
            let dropped = Arc::new(AtomicUsize::new(0));
            let me = std::thread::current().id();
            let capture = || {
                let dropped = dropped.clone();
                OnDrop(move || {
                    assert_eq!(std::thread::current().id(), me);
                    dropped.fetch_add(1, Ordering::SeqCst);
                })
            };
            let huge = || s.thread("huge", "asks for too much").stack_size(ABSURD_STACK);
            let (one, two, three) = (capture(), capture(), capture());
            let worker = huge().spawn(move |_| Ok(drop(one)));
            assert!(matches!(worker, Err(SpawnError::Os(_))), "{worker:?}");
            assert_eq!(dropped.load(Ordering::SeqCst), 1);
            let service = huge().service(move |_| Ok(drop(two)));
            assert!(matches!(service, Err(SpawnError::Os(_))), "{service:?}");
            let sibling = s.context().thread("huge", "asks too").stack_size(ABSURD_STACK);
            assert!(matches!(sibling.spawn(move |_| Ok(drop(three))), Err(SpawnError::Os(_))));
            assert_eq!(dropped.load(Ordering::SeqCst), 3);
            // Such sizes overflow where they are rounded up: they do not get there.
            for size in [isize::MAX as usize / 2 + 1, usize::MAX] {
                let worker = s.thread("huge", "asks for more still").stack_size(size).spawn(|_| Ok(()));
                let Err(SpawnError::Os(refused)) = worker else { panic!("{size}: {worker:?}") };
                assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
            }
            assert!(s.active_threads().is_empty() && !s.is_stopping());
            assert_eq!(s.spawn("small", "still works", |_| Ok(5))?.join()?, 5);
            Ok(())
        });
        assert!(result.is_ok());
    });
}

#[test]
fn p11_the_kernel_refuses_with_eagain() {
    // catches: another error in place of EAGAIN; a scope that is unusable afterwards
    child_passes(|_| {
        let result = scope(|s| {
            s.spawn("early", "was let in", until_stopped)?;
            let before = refuse_threads();
            for _ in 0..100 {
                match s.spawn("late", "is refused", |_| Ok(())) {
                    Err(SpawnError::Os(e)) => assert_eq!(e.raw_os_error(), Some(libc::EAGAIN)),
                    other => panic!("not refused: {other:?}"),
                }
            }
            setrlimit(Resource::Nproc, before)?;
            assert_eq!(s.spawn("late", "is let in", |_| Ok(5))?.join()?, 5);
            assert_eq!(s.active_threads().len(), 1);
            s.stop();
            Ok(())
        });
        i32::from(result.is_err())
    });
}
