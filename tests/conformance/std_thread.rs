//! Owns what the tests of std's threads and scoped threads ask, asked of homebound.
//! Refuses what only a compiler can refuse: that is in `tests/rules/ui`.

use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crossbeam_channel::bounded;
use homebound::{Cause, Context, JoinError, Result, SpawnError, scope};

use crate::common::*;

#[test]
fn a_thread_runs_under_its_name() {
    // from: test_named_thread; pins P8
    in_scope(|s| {
        let named = s.spawn("scribe", "tells its names", |cx| {
            Ok((thread::current().name().map(str::to_owned), cx.name().to_owned()))
        })?;
        assert_eq!(named.name(), "scribe");
        assert_eq!(named.join()?, (Some("scribe".to_owned()), "scribe".to_owned()));
        Ok(())
    });
}

#[test]
fn a_long_name_is_whole_here_and_cut_by_the_kernel_only() {
    // from: test_named_thread_truncation; pins P8
    const LONG: &str = "a-name-that-no-kernel-would-ever-hold";
    in_scope(|s| {
        let named = s.spawn(LONG, "reads its name in the kernel", |cx| {
            let kernel = std::fs::read_to_string("/proc/thread-self/comm")?;
            Ok((kernel.trim_end().to_owned(), cx.name().to_owned(), cx.path().to_owned()))
        })?;
        let (kernel, name, path) = named.join()?;
        assert!(kernel.len() == 15 && LONG.starts_with(&kernel), "{kernel}");
        assert!(name == LONG && path.ends_with(LONG), "{name}, {path}");
        Ok(())
    });
}

#[test]
fn a_name_that_no_thread_can_have_is_refused_as_a_value() {
    // from: test_invalid_named_thread; pins P11
    in_scope(|s| {
        for name in ["", "no\0no", "\0"] {
            let refused = s.spawn(name, "never runs", |_| -> Result { panic!("it ran") });
            assert!(matches!(refused, Err(SpawnError::InvalidName)), "{name:?}");
        }
        Ok(assert_eq!(s.spawn("yes", "runs", |_| Ok(1))?.join()?, 1))
    });
}

#[test]
fn a_handle_says_when_its_thread_has_ended() {
    // from: test_is_finished; pins E5
    in_scope(|s| {
        let (open, closed) = gate();
        let waits = s.spawn("waits", "waits for the gate", move |_| Ok(pass(&closed)))?;
        assert!(!waits.is_finished() && !disconnected(waits.done()));
        drop(open);
        assert!(waits.done().recv().is_err() && waits.is_finished());
        Ok(waits.join()?)
    });
}

#[test]
fn a_join_gives_a_panic_as_an_error() {
    // from: test_join_panic; pins P4
    in_scope(|s| {
        let falls = s.thread("falls", "panics").isolated().spawn(|_| -> Result<u8> { panic!("down") })?;
        let Err(JoinError::Failed(failure)) = falls.join() else { panic!("it should have failed") };
        assert_eq!(failure.name(), "falls");
        Ok(assert!(matches!(failure.cause(), Cause::Panic { message: "down", .. })))
    });
}

#[test]
fn payloads_come_back_with_their_type() {
    // from: test_try_panic_message_string_literal,
    // test_try_panic_any_message_{owned_str,any,unit_struct}; pins P4
    #[derive(Debug, PartialEq)]
    struct Unit;
    type Raise = fn(&Context) -> Result;
    type IsIt = fn(&(dyn std::any::Any + Send)) -> bool;
    let raises: [(Raise, IsIt); 4] = [
        (|_| panic!("static"), |p| p.downcast_ref() == Some(&"static")),
        (|_| panic_any("owned".to_owned()), |p| p.downcast_ref::<String>().is_some_and(|s| s == "owned")),
        (|_| panic_any(Box::new(413_u16)), |p| p.downcast_ref() == Some(&Box::new(413_u16))),
        (|_| panic_any(Unit), |p| p.downcast_ref() == Some(&Unit)),
    ];
    in_scope(move |s| {
        for (raise, is_it) in raises {
            let Err(JoinError::Failed(failure)) = s.thread("falls", "panics").isolated().spawn(raise)?.join()
            else {
                panic!("it should have failed");
            };
            let payload = failure.take_payload().expect("the payload is kept");
            assert!(is_it(&*payload) && failure.take_payload().is_none());
        }
        Ok(())
    });
}

#[test]
fn a_thread_does_not_hold_the_one_that_spawned_it() {
    // from: test_child_doesnt_ref_parent; pins E6
    fn next(cx: &Context, left: usize, last: std::sync::mpsc::Sender<Context>) -> Result {
        if left == 0 {
            last.send(cx.clone())?;
            return until_stopped(cx);
        }
        cx.spawn("link", "spawns the next and ends", move |cx| next(cx, left - 1, last))?;
        Ok(())
    }
    in_scope(|s| {
        let (to, last) = std::sync::mpsc::channel();
        let first = s.spawn("link", "spawns the next and ends", |cx| next(cx, 200, to))?;
        let id = last.recv()?.id();
        first.join()?;
        eventually("only the last is left", || {
            s.active_threads().iter().map(|thread| thread.id).collect::<Vec<_>>() == [id]
        });
        Ok(s.stop())
    });
}

#[test]
fn a_park_token_passes_through_spawn_and_join() {
    // from: test_park_unpark_before, test_park_unpark_called_other_thread; pins W4
    in_scope(|s| {
        thread::current().unpark();
        s.spawn("short", "ends at once", |_| Ok(()))?.join()?;
        thread::park_timeout(NEVER);
        let (to, parked) = bounded(1);
        let parks = s.spawn("parks", "is woken by a token", move |_| {
            to.send(thread::current())?;
            Ok(thread::park_timeout(NEVER))
        })?;
        parked.recv()?.unpark();
        Ok(parks.join()?)
    });
}

#[test]
fn threads_that_live_together_have_ids_of_their_own() {
    // from: test_thread_os_id_not_equal; pins P8
    in_scope(|s| {
        let (open, closed) = gate();
        let waits = |gate: crossbeam_channel::Receiver<()>| move |_: &Context| Ok(pass(&gate));
        let (a, b) =
            (s.spawn("twin", "waits", waits(closed.clone()))?, s.spawn("twin", "waits", waits(closed))?);
        assert_ne!(a.id(), b.id());
        let mut tids = Vec::new();
        eventually("both have started", || {
            tids = s.active_threads().iter().filter_map(|thread| thread.os_tid).collect();
            tids.len() == 2
        });
        assert_ne!(tids[0], tids[1]);
        drop(open);
        a.join()?;
        Ok(b.join()?)
    });
}

#[test]
fn a_result_that_nobody_joins_is_dropped_before_the_scope_returns() {
    // from: test_scoped_threads_drop_result_before_join; pins E5
    within(|| {
        for _ in 0..20 {
            let dropped = AtomicUsize::new(0);
            scope(|s| {
                let drops = OnDrop(|| {
                    linger(2);
                    dropped.fetch_add(1, Ordering::SeqCst);
                });
                s.spawn("gives", "has a result that borrows", move |_| Ok(drops))?;
                Ok(())
            })
            .unwrap();
            assert_eq!(dropped.into_inner(), 1);
        }
    });
}

#[test]
fn results_are_dropped_by_whoever_has_them_and_captures_by_their_thread() {
    // from: the quiz of RFC 3151 on when results are dropped; pins E5
    within(|| {
        let log = Log::new();
        let drops = |entry: &'static str| {
            let log = log.clone();
            OnDrop(move || log.add(format!("{entry} by {}", thread::current().name().unwrap_or("?"))))
        };
        let result = scope(|s| {
            let (capture, kept) = (drops("capture"), drops("result"));
            let joined = s.spawn("worker", "gives a result", move |_| {
                let _capture = &capture;
                Ok(kept)
            })?;
            let kept = joined.join()?;
            log.add("joined");
            drop(kept);
            Ok(log.add("end"))
        });
        result.unwrap();
        let by_owner = format!("result by {}", thread::current().name().unwrap_or("?"));
        assert_eq!(log.all(), ["capture by worker", "joined", &by_owner, "end"]);
    });
}

#[test]
fn a_function_may_lend_its_argument_to_a_scope() {
    // from: test_scoped_threads_nll; pins P1
    fn uses(number: &Arc<u32>) -> u32 {
        let sum = scope(|s| Ok(s.spawn("reads", "reads what is lent", |_| Ok(**number + 1))?.join()?));
        sum.unwrap()
    }
    within(|| {
        let number = Arc::new(41);
        assert_eq!(uses(&number), 42);
        assert_eq!(Arc::try_unwrap(number), Ok(41), "nothing of it is left behind");
    });
}

#[test]
fn the_memory_of_a_scope_is_free_for_others_as_soon_as_it_has_returned() {
    // from: scope_join_race; pins P1
    within(|| {
        for round in 0..1000_u32 {
            let mut words = [round; 8];
            scope(|s| {
                let (left, right) = words.split_at_mut(4);
                for half in [left, right] {
                    s.spawn("writes", "writes to its half", move |_| Ok(half.fill(round + 1)))?;
                }
                Ok(())
            })
            .unwrap();
            assert_eq!(words, [round + 1; 8]);
        }
    });
}
