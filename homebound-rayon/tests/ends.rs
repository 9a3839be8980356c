//! Owns the tests of how a pool of rayon's begins and ends: where its threads are, that they are
//! joined, the system's refusals.
//! Refuses to know what the pool computes: see `work`.

#![cfg(unix)]
#![allow(clippy::incompatible_msrv)] // tests are built with a newer Rust than the library asks for
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

#[path = "../../tests/common/mod.rs"]
mod common;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use common::*;
use homebound::registry::{Health, Registry};
use homebound::{Result, SpawnError, ThreadState, scope, scope_named};
use homebound_rayon::RayonPool;
use homebound_testing::stop_everywhere;
use rayon::prelude::*;

/// Counts the thread-locals of a pool whose destructors have run.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        linger(5); // what is not waited for is not over yet
        self.0.fetch_add(1, SeqCst);
    }
}

thread_local! {
    static KEPT: RefCell<Option<Counted>> = const { RefCell::new(None) };
}

/// Has each thread of the pool keep a thread-local.
fn keep_in_each(pool: &RayonPool<'_>, gone: &Arc<AtomicUsize>) {
    let keep = |_: rayon::BroadcastContext<'_>| KEPT.set(Some(Counted(Arc::clone(gone))));
    pool.install(|| rayon::broadcast(keep)).expect("nothing stops it");
}

#[test]
fn in1_threads_are_shown_and_joined_with_their_thread_locals() {
    // catches: threads of rayon's own, names of the kernel's, a drop that only tells
    child_passes(|_| {
        let done = scope_named("app", |s| {
            let pool = RayonPool::new(s, "ray", "crunches", 3)?;
            let mut seen: Vec<_> =
                s.active_threads().into_iter().map(|row| (row.path, row.purpose)).collect();
            seen.sort();
            let expected = ["/app/ray/ray-0", "/app/ray/ray-1", "/app/ray/ray-2"];
            assert_eq!(seen, expected.map(|path| (path.to_owned(), "crunches".to_owned())));
            let dump = s.dump_status();
            assert!(dump.contains("ray-2  (worker: crunches)"), "{dump}");
            assert!(dump.contains(&format!("{}:", file!())), "the line that made the pool\n{dump}");
            let gone = Arc::new(AtomicUsize::new(0));
            keep_in_each(&pool, &gone);
            assert_eq!(pool.install(|| (1..=100).into_par_iter().sum::<u32>())?, 5050);
            let before = os_threads();
            drop(pool);
            assert_eq!((s.active_threads().len(), gone.load(SeqCst)), (0, 3));
            eventually("the system has ended the threads", || os_threads() == before - 3);
            Ok(())
        });
        done.unwrap();
        0
    });
}

#[test]
fn in2_a_forgotten_pool_is_stopped_and_joined_with_its_scope() {
    // catches: a pool that only its own drop ends
    within(|| {
        let gone = Arc::new(AtomicUsize::new(0));
        let forgot = Arc::clone(&gone);
        scope(|s| {
            let pool = RayonPool::new(s, "ray", "crunches", 2)?;
            keep_in_each(&pool, &forgot);
            std::mem::forget(pool);
            Ok(())
        })
        .unwrap();
        assert_eq!(gone.load(SeqCst), 2);
        let error = scope(|s| -> Result {
            std::mem::forget(RayonPool::new(s, "ray", "crunches", 2)?);
            Err("the body fails")?
        });
        assert_eq!(error.unwrap_err().failures().len(), 1);
    });
}

#[test]
fn in3_a_refusal_for_the_second_thread_is_an_error_with_the_first_one_home() {
    // catches: a build that waits for a thread that never comes; a first thread that is left over
    child_passes(|_| {
        if !rustix::process::getuid().is_root() {
            return 0; // only root can become a user without other threads
        }
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        // This thread, and one more.
        let limit = Rlimit { current: Some(2), maximum: getrlimit(Resource::Nproc).maximum };
        setrlimit(Resource::Nproc, limit).expect("lowering is allowed");
        let nobody_else = rustix::fs::Uid::from_raw(own_user());
        rustix::thread::set_thread_uid(nobody_else).expect("root may");
        scope(|s| {
            let refused = RayonPool::new(s, "ray", "crunches", 2).expect_err("there is room for one");
            assert!(matches!(refused, SpawnError::Os(_)), "{refused}");
            assert_eq!(s.active_threads().len(), 0);
            // The scope is usable. A place is free when the kernel has put its thread away.
            eventually("the first one is put away", || os_threads() == 2);
            let pool = RayonPool::new(s, "ray", "crunches", 1)?;
            assert_eq!(pool.install(|| 1 + 1)?, 2);
            drop(pool);
            eventually("it is put away as well", || os_threads() == 2);
            Ok(s.spawn("after", "shows that the scope goes on", |_| Ok(()))?.join()?)
        })
        .unwrap();
        0
    });
}

#[test]
fn a_pool_that_one_of_its_own_threads_drops_hangs_nothing() {
    // catches: a thread that waits for its own thread-locals
    within(|| {
        let gone = Arc::new(AtomicUsize::new(0));
        let ended = Arc::clone(&gone);
        scope(|s| {
            let pool = Arc::new(RayonPool::in_scope_of(s.context(), "ray", "crunches", 1)?);
            keep_in_each(&pool, &ended);
            let (left, has_left) = gate();
            let last = Arc::clone(&pool);
            pool.spawn(move |_| {
                pass(&has_left);
                Ok(drop(last))
            })?;
            drop(pool);
            Ok(drop(left))
        })
        .unwrap();
        assert_eq!(gone.load(SeqCst), 1);
    });
}

#[test]
fn rayons_own_settings_hold() {
    within(|| {
        scope(|s| {
            let ended = Arc::new(AtomicBool::new(false));
            let tell = Arc::clone(&ended);
            let builder = rayon::ThreadPoolBuilder::new()
                .num_threads(1)
                .stack_size(8 << 20)
                .thread_name(|index| format!("deep {index}"))
                .exit_handler(move |_| tell.store(true, SeqCst));
            let pool = RayonPool::with_builder(s, "deep", "descends", builder)?;
            assert_eq!(s.active_threads()[0].name, "deep 0");
            fn descend(left: u32) -> u64 {
                let here = std::hint::black_box([1_u64; 512]);
                if left == 0 { 0 } else { here[0] + descend(left - 1) }
            }
            assert_eq!(pool.install(|| descend(1_000))?, 1_000);
            pool.close()?;
            assert!(ended.load(SeqCst));
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn a_stop_and_a_panic_at_every_point_come_home() {
    // catches: a build that hangs when it unwinds; a pool that outlives its scope
    within(|| {
        let done = stop_everywhere(|s| {
            let pool = RayonPool::new(s, "ray", "crunches", 3)?;
            let cx = s.context();
            let sum = pool.install(|| {
                (0..4_u32).into_par_iter().map(|n| cx.checkpoint().map(|()| n)).sum::<Result<u32, _>>()
            })??;
            assert_eq!(sum, 6);
            assert!(s.active_threads().iter().all(|row| row.state != ThreadState::Ended));
            Ok(())
        });
        let done = done.unwrap();
        assert!(done.stops > 4 && done.panics > 4, "{done}");
    });
}

#[test]
#[cfg(target_os = "linux")]
fn he2_threads_without_a_job_are_no_alarm() {
    // catches: a pool that has nothing to do, or that is at a long job, and is taken for blocked
    child_passes(|_| {
        let lines = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let into = lines.clone();
        let told = common::subscriber::Told::new(move |line: &str| {
            if line.contains("homebound::health") {
                into.lock().push(line.to_owned());
            }
        });
        tracing::subscriber::set_global_default(told).expect("the first of the process");
        let (look, warn) = (Duration::from_millis(50), Duration::from_millis(300));
        let health = Health::new().look_every(look).warn_after(warn).stuck_after(warn * 2);
        let exit = Registry::new("app").health(health).run(|s| {
            let pool = RayonPool::new(s, "ray", "crunches", 2)?;
            s.context().sleep(warn * 4)?;
            pool.install(|| rayon::join(|| linger(1), || linger(900)))?;
            // The same wait of a worker is an alarm, so the looks do look.
            let (open, shut) = gate();
            let late = s.spawn("late", "blocks", move |_| Ok(pass(&shut)))?;
            eventually("it is told of", || !lines.lock().is_empty());
            drop(open);
            late.join()?;
            Ok(assert!(lines.lock().iter().all(|line| line.contains("path=/app/late")), "{:?}", lines.lock()))
        });
        i32::from(exit.code())
    });
}
