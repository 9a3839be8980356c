//! What the runs of one thread share, and what is new in each.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Instant;

use super::{again, at_once, leave_local};
use crate::common::*;
use homebound::{Context, Restart, registry};

#[test]
fn rs1_all_runs_are_one_thread_with_the_same_captures() {
    // catches: a thread, an id or a path per run; captures that are lost with a panic
    within(|| {
        let mut kept = Vec::new();
        homebound::scope_named("app", |s| {
            let kept = &mut kept;
            let mut own = 0;
            let feed = s.thread("feed", "reads").restart(at_once()).spawn(move |cx| {
                own += 1;
                kept.push((cx.run_number(), cx.path().to_owned(), own));
                match own {
                    1 => panic!("a bug"),
                    2..=4 => again(),
                    _ => Ok(own),
                }
            })?;
            assert_eq!(feed.path(), "/app/feed");
            assert_eq!(feed.join()?, 5);
            Ok(())
        })
        .unwrap();
        let wanted: Vec<_> = (1..=5).map(|run| (run, "/app/feed".to_owned(), run)).collect();
        assert_eq!(kept, wanted);
    });
}

#[test]
fn rs1_a_thread_without_a_policy_is_at_run_1() {
    in_scope(|s| {
        assert_eq!(s.context().run_number(), 1);
        assert_eq!(s.spawn("one", "runs once", |cx| Ok(cx.run_number()))?.join()?, 1);
        Ok(())
    });
}

#[test]
fn rs2_what_belongs_to_a_run_is_stopped_with_it() {
    // catches: a context or a receiver that lives on in the next run; the number of the present run
    // for a context of an earlier one, or inside a deadline
    within(|| {
        let kept: Mutex<Vec<Context>> = Mutex::default();
        homebound::scope(|s| {
            let kept = &kept;
            let feed = s.thread("feed", "reads").restart(at_once()).spawn(move |cx| {
                let mut kept = kept.lock().unwrap();
                assert!(!cx.is_stopping());
                for (run, earlier) in (1..).zip(kept.iter()) {
                    assert!(earlier.is_stopping() && disconnected(earlier.stop_signal()));
                    assert_eq!(earlier.run_number(), run);
                }
                let far = Instant::now() + NEVER;
                assert_eq!(cx.with_deadline(far, Context::run_number), kept.len() as u64 + 1);
                kept.push(cx.clone());
                if kept.len() < 4 { again() } else { Ok(()) }
            })?;
            Ok(feed.join()?)
        })
        .unwrap();
        assert_eq!(kept.lock().unwrap().len(), 4);
    });
}

#[test]
fn rs2_a_callback_of_a_run_is_dropped_with_it() {
    // catches: a callback that a stop calls in a later run
    within(|| {
        let (tell, told) = homebound::channel::unbounded();
        let (call, called) = homebound::channel::unbounded();
        homebound::scope(|s| {
            let (tell, call) = (&tell, &call);
            let ((begun, third), called) = (gate(), &called);
            s.thread("feed", "reads").restart(at_once()).service(move |cx| {
                let (tell, run) = (tell.clone(), cx.run_number());
                let call = call.clone();
                std::mem::forget(cx.on_stop(move || {
                    tell.send(run).unwrap();
                    call.send(()).unwrap();
                }));
                if run < 3 {
                    return again();
                }
                begun.send(())?;
                cx.wait_for_stop();
                // The end of the run would drop a callback that has not begun.
                Ok(pass(called))
            })?;
            Ok(pass(&third))
        })
        .unwrap();
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [3]);
    });
}

#[test]
fn rs3_a_failure_is_followed_by_a_new_os_thread_and_never_by_an_overlap() {
    // catches: thread-locals of a broken run in the next one; a run that begins before they are
    // dropped; an OS thread that is not joined
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    within(|| {
        let ids = Mutex::new(Vec::new());
        homebound::scope(|s| {
            let ids = &ids;
            let feed = s.thread("feed", "reads").restart(at_once()).spawn(move |cx| {
                let before = cx.run_number() as usize - 1;
                assert_eq!(DROPPED.load(SeqCst), before, "the destructors of the run before are over");
                leave_local(&DROPPED);
                ids.lock().unwrap().push(thread::current().id());
                match before {
                    0..50 => again(),
                    50..60 => panic!("a bug"),
                    _ => Ok(()),
                }
            })?;
            Ok(feed.join()?)
        })
        .unwrap();
        assert_eq!(DROPPED.load(SeqCst), 61);
        let mut ids = ids.into_inner().unwrap();
        ids.dedup();
        assert_eq!(ids.len(), 61);
    });
}

#[test]
fn rs3_after_ok_an_always_runs_on() {
    in_scope(|s| {
        let (tell, told) = homebound::channel::unbounded();
        let policy = Restart::always().no_backoff().for_ever();
        s.thread("tick", "ticks").restart(policy).service(move |cx| {
            let _the_body_may_be_home = tell.send(cx.run_number());
            Ok(())
        })?;
        for run in 1..100 {
            assert_eq!(told.recv()?, run);
        }
        Ok(())
    });
}

#[cfg(target_os = "linux")]
#[test]
fn rs3_the_audit_finds_no_os_thread_of_any_run() {
    // catches: the OS thread of a run before that counts as foreign, or that is not joined
    fn restarts(_: &str) -> i32 {
        let exit = registry::run(|s| {
            let (tell, told) = homebound::channel::bounded(0);
            s.thread("feed", "reads").restart(at_once()).service(move |cx| {
                tell.send(())?;
                if cx.run_number() % 3 == 0 { panic!("a bug") } else { again() }
            })?;
            for _ in 0..100 {
                told.recv()?;
                let snapshot = registry::snapshot().expect("it runs");
                assert!(snapshot.foreign.iter().all(|foreign| foreign.before), "{snapshot}");
            }
            s.stop();
            Ok(drop(told))
        });
        let report = exit.shutdown;
        assert_eq!((report.orphaned, report.foreign.len(), report.timeout), (0, 0, 0), "{report}");
        0
    }
    child_passes(restarts);
}
