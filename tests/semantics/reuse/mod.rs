//! C: warm OS threads, as a program can see them: which jobs share one, which do not, and that all
//! are joined.
//! Refuses to look into the cache: thread ids, thread-locals and snapshots tell.
#![allow(clippy::unit_arg)] // `Ok(set(..))` reads well as the last word of a body

#[cfg(target_os = "linux")]
mod attributes;
#[cfg(target_os = "linux")]
mod cores;
#[cfg(target_os = "linux")]
mod priority;

use std::cell::Cell;
use std::sync::RwLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ThreadId};

use crate::common::{boom, child_passes, disconnected, eventually, gate, linger, pass, within};
use homebound::{Context, JoinError, Result, Scope, Stopped, registry, scope};

fn id(_: &Context) -> Result<ThreadId> {
    Ok(thread::current().id())
}

fn spawn_and_join(s: &Scope<'_, '_>, name: &'static str) -> ThreadId {
    s.spawn(name, "tells its id", id).expect("spawned").join().expect("joined")
}

#[test]
fn c1_the_next_job_of_a_name_finds_the_thread_of_the_last() {
    // catches: no reuse; a joiner that is woken before the thread is idle
    within(|| {
        scope(|s| {
            let first = spawn_and_join(s, "warm");
            (0..1000).for_each(|_| assert_eq!(spawn_and_join(s, "warm"), first));
            let below = s.subscope("below", |below| Ok(spawn_and_join(below, "warm")))?;
            assert_eq!(below, first, "the threads are the root's");
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn c1_name_stack_size_dedication_and_panics_keep_threads_apart() {
    // catches: a name in `ps` that is another's; a small stack for a deep job; a thread used after
    // a panic
    within(|| {
        scope(|s| {
            let warm = spawn_and_join(s, "warm");
            assert_ne!(spawn_and_join(s, "other"), warm);
            assert_ne!(s.thread("warm", "is large").stack_size(1 << 23).spawn(id)?.join()?, warm);
            let dedicated = s.thread("warm", "is alone").dedicated().spawn(id)?.join()?;
            assert_ne!(dedicated, warm);
            assert_ne!(spawn_and_join(s, "warm"), dedicated, "a dedicated one is not used again");
            let named =
                s.spawn("warm", "tells its name", |_| Ok(thread::current().name().map(str::to_owned)))?;
            assert_eq!(named.join()?.as_deref(), Some("warm"));
            let mut lost = None;
            let raised = s
                .thread("once", "panics")
                .isolated()
                .spawn(|_| -> Result { panic!("{:?}", thread::current().id()) })?;
            if let Err(JoinError::Failed(failure)) = raised.join() {
                lost = failure.take_payload().and_then(|payload| payload.downcast::<String>().ok());
            }
            let after = format!("{:?}", spawn_and_join(s, "once"));
            assert_ne!(*lost.expect("it panicked"), after);
            Ok(())
        })
        .unwrap();
    });
}

#[test]
#[cfg(target_os = "linux")]
fn c1_a_thread_that_was_given_another_priority_is_not_used_again() {
    // catches: a job that runs with the nice value of the one before it
    let nice = || -> Result<i32> { Ok(rustix::process::getpriority_process(None)?) };
    within(move || {
        // The tests themselves may run with `nice`.
        let _only_with_privileges = rustix::process::setpriority_process(None, 0);
        scope(|s| {
            let (warm, before) = (spawn_and_join(s, "worker"), nice()?);
            let nicer = s.spawn("worker", "steps back", move |cx| {
                rustix::process::setpriority_process(None, before + 3)?;
                assert_eq!(nice()?, before + 3);
                id(cx)
            })?;
            assert_eq!(nicer.join()?, warm, "it had not changed yet");
            let next = s.spawn("worker", "tells how nice it is", move |cx| Ok((id(cx)?, nice()?)))?.join()?;
            assert_eq!((next.0 == warm, next.1), (false, before));
            assert_eq!(spawn_and_join(s, "worker"), next.0, "that one is as it was, and warm");
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn c1_an_idle_thread_goes_after_a_while() {
    // catches: a thread that idles for as long as its root lives; takes the ten seconds after which
    // it goes
    within(|| {
        scope(|s| {
            let warm = spawn_and_join(s, "warm");
            assert_eq!(s.snapshot().idle.len(), 1, "it is warm");
            eventually("it has gone", || s.snapshot().idle.is_empty());
            assert_ne!(spawn_and_join(s, "warm"), warm);
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn c2_a_spawn_waits_for_nobody() {
    // catches: a spawn that queues behind a running job of its name
    within(|| {
        scope(|s| {
            let (open, closed) = gate();
            let busy = s.spawn("same", "is busy", move |cx| {
                pass(&closed);
                id(cx)
            })?;
            let second = spawn_and_join(s, "same");
            drop(open);
            assert_ne!(busy.join()?, second);
            Ok(())
        })
        .unwrap();
    });
}

static EXITS: RwLock<()> = RwLock::new(());

/// Its thread cannot end while `EXITS` is taken.
struct Held;

impl Drop for Held {
    fn drop(&mut self) {
        drop(EXITS.read());
    }
}

thread_local!(static HELD: Cell<Option<Held>> = const { Cell::new(None) });

#[test]
fn c2_a_spawn_does_not_wait_for_those_that_leave() {
    // catches: a spawn that waits until fewer threads are on their way out, not for some turns only
    within(|| {
        scope(|s| {
            let closed = EXITS.write().expect("nobody panics with it");
            for _ in 0..100 {
                let leaves = s.thread("leaves", "cannot end yet").dedicated();
                leaves.spawn(|_| Ok(HELD.set(Some(Held))))?.join()?;
            }
            spawn_and_join(s, "next");
            Ok(drop(closed))
        })
        .unwrap();
    });
}

thread_local!(static LAST: Cell<Option<Counted>> = const { Cell::new(None) });
static DROPPED: AtomicUsize = AtomicUsize::new(0);

struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        linger(5);
        DROPPED.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn p2_thread_locals_of_warm_threads_have_run_when_the_root_returns() {
    // catches: idle threads that the root sends home and does not join
    child_passes(|_| {
        for round in 1..=20 {
            scope(|s| {
                for name in ["a", "b", "c"] {
                    s.spawn(name, "leaves a thread-local", |_| Ok(LAST.set(Some(Counted))))?.join()?;
                }
                Ok(())
            })
            .unwrap();
            assert_eq!(DROPPED.load(Ordering::SeqCst), 3 * round);
        }
        0
    });
}

#[test]
fn c1_idle_threads_are_shown_bounded_and_never_foreign() {
    // catches: a thousand names that leave a thousand threads; idle threads taken for somebody
    // else's
    child_passes(|_| {
        let exit = registry::run(|s| {
            let before = s.snapshot().foreign.len();
            for index in 0..1000 {
                s.spawn(format!("name-{index}"), "is short", |_| Ok(()))?.join()?;
            }
            let most = 64.max(2 * thread::available_parallelism().map_or(1, usize::from));
            let snapshot = s.snapshot();
            assert!((1..=most).contains(&snapshot.idle.len()), "{} idle", snapshot.idle.len());
            assert!(snapshot.idle.iter().any(|idle| idle.name == "name-999"), "{snapshot}");
            assert!(s.active_threads().is_empty());
            eventually("nobody is foreign", || s.snapshot().foreign.len() == before);
            Ok(())
        });
        assert_eq!(exit.shutdown.orphaned, 0, "{}", exit.shutdown);
        exit.into_result().unwrap();
        0
    });
}

#[test]
fn c1_as_many_stay_idle_as_may_and_no_fewer() {
    // catches: a bound that is one too low or compared the wrong way, so that threads go which
    // could be used
    within(|| {
        let most = 64.max(2 * thread::available_parallelism().map_or(1, usize::from));
        scope(|s| {
            for index in 1..=most + 5 {
                s.spawn(format!("name-{index}"), "is short", |_| Ok(()))?.join()?;
                assert_eq!(s.snapshot().idle.len(), index.min(most), "after {index}");
            }
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn c1_a_stop_of_the_last_job_is_not_the_next_ones() {
    // catches: a node, a mark or a token of a job that is over, seen by the next one on its thread
    within(|| {
        scope(|s| {
            let (tell, told) = crossbeam_channel::bounded::<(ThreadId, Stopped)>(1);
            let first = s.spawn("same", "is stopped", move |cx| {
                let stopped = cx.sleep(crate::common::NEVER).expect_err("it is stopped");
                tell.send((thread::current().id(), stopped.clone()))?;
                Err::<(), _>(stopped.into())
            })?;
            first.stop();
            assert!(matches!(first.join(), Err(JoinError::Stopped(_))));
            let (warm, kept) = told.recv()?;
            let second = s.thread("same", "fails with what another left").isolated().spawn(move |cx| {
                assert_eq!(thread::current().id(), warm);
                assert!(!cx.is_stopping() && !disconnected(cx.stop_signal()));
                Err::<(), _>(kept.into())
            })?;
            let failed = second.join();
            assert!(matches!(failed, Err(JoinError::Failed(_))), "{failed:?}");
            let third = s.thread("same", "fails").isolated().spawn(|_| Err::<(), _>(boom("of its own")))?;
            assert!(matches!(third.join(), Err(JoinError::Failed(_))));
            Ok(())
        })
        .unwrap();
    });
}
