//! Owns the models of threads that restart and of maps, through the public API: runs never overlap,
//! nothing restarts after a stop, and the end of a map follows the verdict on its worker.
//! Refuses waits on channels, as `scopes` does.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::explore;
use crate::sync::{AtomicBool, Builder, Mutex};
use crate::work::Restart;
use crate::{Context, Result, scope};

shuttle::thread_local! {
    /// Dropped when the OS thread of a run is gone, as a socket in a thread-local is.
    static LEFT: RefCell<Option<Leaves>> = RefCell::new(None);
}

struct Leaves(Arc<AtomicBool>);

impl Drop for Leaves {
    fn drop(&mut self) {
        assert!(self.0.swap(false, Ordering::Relaxed));
    }
}

/// What a closure that may run again captures.
#[derive(Default)]
struct Runs {
    /// The OS thread of a run is there.
    inside: Arc<AtomicBool>,
    begun: AtomicU32,
    /// The first fault that a run has seen, because a panic would be a failure of that run.
    wrong: Mutex<Option<&'static str>>,
}

impl Runs {
    /// One run, which no other may overlap, destructors included. Returns its number.
    fn one(&self, cx: &Context) -> u64 {
        let overlaps = self.inside.swap(true, Ordering::Relaxed);
        LEFT.with(|left| *left.borrow_mut() = Some(Leaves(Arc::clone(&self.inside))));
        let before = self.begun.fetch_add(1, Ordering::Relaxed);
        let wrong = [
            (overlaps, "two runs overlap"),
            (cx.run_number() != u64::from(before) + 1, "the runs are not in order"),
        ];
        if let Some((_, what)) = wrong.into_iter().find(|(is, _)| *is) {
            *self.wrong.lock() = Some(what);
        }
        cx.run_number()
    }

    /// After the scope.
    fn are_over(&self) {
        assert!(!self.inside.load(Ordering::Relaxed), "each OS thread was joined");
        assert_eq!(*self.wrong.lock(), None);
    }
}

fn at_once() -> Restart {
    Restart::on_failure().no_backoff().for_ever()
}

/// Each run has a new OS thread, which joins the one before. The closure goes from one to the next,
/// with what it borrows.
#[test]
fn restart_hands_the_closure_over() {
    explore("restart_hands_the_closure_over", || {
        let (runs, mut seen) = (Runs::default(), Vec::new());
        let last = scope(|s| {
            let feed = s.thread("feed", "fails twice").restart(at_once());
            let feed = feed.spawn(|cx| {
                seen.push(runs.one(cx));
                if seen.len() < 3 { Err("no answer".into()) } else { Ok(seen.len()) }
            })?;
            Ok(feed.join()?)
        });
        assert_eq!(last.unwrap(), 3);
        assert_eq!(seen, [1, 2, 3]);
        runs.are_over();
    });
}

/// A stop comes at any instant of a thread that restarts for ever: in a run, at the decision, at
/// the hand-over. The closure is dropped once, before the scope returns.
#[test]
fn restart_against_a_stop() {
    explore("restart_against_a_stop", || {
        let (runs, captured) = (Runs::default(), Arc::new(()));
        let held = Arc::downgrade(&captured);
        let ended = scope(|s| {
            let stopper = s.stopper();
            let outside = Builder::new().spawn(move || stopper.stop())?;
            let feed = s.thread("feed", "fails").restart(at_once());
            // Refused, if the stop was faster.
            let _feed = feed.spawn(|cx| -> Result {
                let _capture = &captured;
                runs.one(cx);
                Err("no answer".into())
            });
            outside.join().unwrap();
            Ok(())
        });
        // A failure after the stop is plain; before it, it was answered.
        assert!(ended.is_ok() || ended.as_ref().is_err_and(|error| error.failures().len() == 1), "{ended:?}");
        drop(captured);
        assert!(held.upgrade().is_none(), "the closure is gone");
        runs.are_over();
    });
}

/// The first run hears the stop, and fails all the same. Nothing answers that failure: it is the
/// scope's, and no other run begins.
#[test]
fn restart_answers_no_failure_after_the_stop() {
    explore("restart_answers_no_failure_after_the_stop", || {
        let runs = Runs::default();
        let ended = scope(|s| {
            let feed = s.thread("feed", "fails late").restart(at_once());
            let _feed = feed.spawn(|cx| -> Result {
                runs.one(cx);
                cx.wait_for_stop();
                Err("no answer".into())
            })?;
            Ok(s.stop())
        });
        // No run begins if the stop is faster than the first.
        let failures = ended.as_ref().map_or_else(|error| error.failures().len(), |()| 0);
        assert_eq!(runs.begun.load(Ordering::Relaxed) as usize, failures, "{ended:?}");
        assert!(failures < 2, "one run, and its failure");
        runs.are_over();
    });
}

/// The body of a map goes on when its workers are home. A worker that failed has stopped the map by
/// then, so the failure is the only one, and names its item.
#[test]
fn map_ends_after_the_verdict() {
    explore("map_ends_after_the_verdict", || {
        let mapped =
            scope(|s| {
                let error = s.map("map", "fails at one", 1, 0..3, |_, n| {
                    if n == 1 { Err("no paper".into()) } else { Ok(n) }
                });
                let error = error.expect_err("one item failed");
                assert_eq!(error.failures().len(), 1, "{error}");
                assert_eq!(error.first().unwrap().notes(), ["item 1"]);
                Ok(s.map("map", "fails at none", 1, 0..3, |_, n| Ok(n * 2))?)
            });
        assert_eq!(mapped.unwrap(), [0, 2, 4]);
    });
}
