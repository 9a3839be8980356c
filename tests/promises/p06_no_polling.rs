//! P6: a stop is a wake-up away, and nothing wakes up before it.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::{Duration, Instant};

use super::os_tid;
use crate::common::*;
use crossbeam_channel::unbounded;
use homebound::registry;
use homebound::{Context, Result, Role, ThreadState, scope};

#[test]
fn p6_waiting_threads_do_not_wake_up() {
    // catches: any wait, also of the body and of internal threads, that polls its stop flag, with
    // pauses or without
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
                come_to_rest(&tids, 500);
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
            come_to_rest(&all.iter().map(|(_, tid)| *tid).collect::<Vec<_>>(), 300);
            s.stop();
            let shielded = all.iter().filter(|(shielded, _)| *shielded).map(|(_, tid)| *tid);
            come_to_rest(&shielded.collect::<Vec<_>>(), 300);
            // They are overdue at once: that ends their shields.
            s.shutdown(Duration::ZERO);
            Ok(())
        });
        assert!(result.is_ok(), "{result:?}");
    });
}

/// Waits until these threads do nothing for so many milliseconds. A busy machine may take its time
/// until all have gone to sleep; a thread that polls never sleeps.
#[track_caller]
fn come_to_rest(tids: &[i32], ms: u64) {
    eventually("they rest", || {
        let spent = || tids.iter().map(processor_time).sum::<Duration>();
        let woken = || tids.iter().map(switches).sum::<usize>();
        let before = (spent(), woken());
        linger(ms);
        let (spent, woken) = (spent() - before.0, woken() - before.1);
        println!("{spent:?} of processor time, {woken} wake-ups");
        spent < Duration::from_millis(20) && woken <= 1
    });
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
            // A busy machine may have been elsewhere; a period is there each time.
            eventually(kind, || {
                let pairs = (0..9).map(|_| (stop_latency(wait), plain_latency()));
                let (mut latencies, mut plain): (Vec<Duration>, Vec<Duration>) = pairs.unzip();
                latencies.sort();
                plain.sort();
                let limit = Duration::from_millis(20) + 4 * plain[4];
                println!("{kind}: {latencies:?}, and plain ones {plain:?}");
                latencies[4] < limit
            });
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
