//! Owns the models of a packet's two ends: closure and result are dropped once, in time, and by the
//! right end.
//! Refuses to know the owners of the ends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use loom::thread::spawn;

use super::explore;
use crate::rt::packet::{Claim, Packet, Ran, Repeated, Task};
use crate::rt::result::BoxError;
use crate::sync::{ThreadId, current_thread};

/// A value that a closure captures or returns. Like a user's value, its `Drop` may use the packet.
struct Value {
    packet: Arc<OnceLock<Weak<dyn Claim<Value>>>>,
    drops: Arc<Drops>,
}

#[derive(Default)]
struct Drops {
    count: AtomicUsize,
    by: OnceLock<ThreadId>,
}

impl Drops {
    fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.drops.count.fetch_add(1, Ordering::Relaxed);
        let _first = self.drops.by.set(current_thread().id());
        if let Some(packet) = self.packet.get().and_then(Weak::upgrade) {
            assert!(packet.take().is_none(), "a value that is dropped is in no slot");
        }
    }
}

struct Parts {
    task: Arc<dyn Task<()>>,
    claim: Arc<dyn Claim<Value>>,
    captured: Arc<Drops>,
    returned: Arc<Drops>,
}

fn parts() -> Parts {
    let packet: Arc<OnceLock<Weak<dyn Claim<Value>>>> = Arc::default();
    let (captured, returned) = (Arc::<Drops>::default(), Arc::<Drops>::default());
    let capture = Value { packet: Arc::default(), drops: Arc::clone(&captured) };
    let value = Value { packet: Arc::clone(&packet), drops: Arc::clone(&returned) };
    let made = Packet::new(move |(): &()| {
        let _lives_as_long_as_the_closure = &capture;
        Ok::<_, BoxError>(value)
    });
    let claim: Arc<dyn Claim<Value>> = made.clone();
    let _once = packet.set(Arc::downgrade(&claim));
    Parts { task: made, claim, captured, returned }
}

/// The handle is dropped while the thread runs. When both have returned, one of them has dropped
/// the value.
#[test]
fn packet_run_against_disown() {
    explore("packet_run_against_disown", 4, || {
        let Parts { task, claim, captured, returned } = parts();
        let captures = Arc::clone(&captured);
        let runner = spawn(move || {
            assert!(matches!(task.run(&()), Ran::Done));
            assert_eq!(captures.count(), 1, "captures are gone when `run` has returned");
            current_thread().id()
        });
        claim.disown();
        let before = returned.count();
        let runner = runner.join().unwrap();
        assert_eq!(returned.count(), 1, "a result is dropped once");
        let by = *returned.by.get().expect("it was dropped");
        assert!(by == runner || (before == 1 && by == current_thread().id()), "in `run`, or in `disown`");
    });
}

/// A joiner takes the value, or there is none yet. Afterwards the scope clears the rest.
#[test]
fn packet_run_against_take() {
    explore("packet_run_against_take", 4, || {
        let Parts { task, claim, captured, returned } = parts();
        let own = Arc::clone(&task);
        let runner = spawn(move || assert!(matches!(own.run(&()), Ran::Done)));
        let value = claim.take();
        runner.join().unwrap();
        let taken = usize::from(value.is_some());
        assert_eq!(returned.count(), 1 - taken, "what was not taken is dropped by the runner");
        drop(value);
        task.clear();
        assert_eq!((captured.count(), returned.count()), (1, 1));
    });
}

/// The thread has not run its closure to the end when the scope, the handle and the thread itself
/// all want to drop it.
#[test]
fn packet_run_against_clear_and_disown() {
    explore("packet_run_against_clear_and_disown", 4, || {
        let Parts { task, claim, captured, returned } = parts();
        let own = Arc::clone(&task);
        let runner = spawn(move || drop(own.run(&())));
        let dropper = spawn(move || drop(claim.disown()));
        assert!(task.clear().is_none(), "nothing in it panics");
        runner.join().unwrap();
        dropper.join().unwrap();
        assert_eq!((captured.count(), returned.count()), (1, 1));
    });
}

/// A closure that fails in its first run, and returns the value in its second.
fn parts_of_two_runs() -> Parts {
    let (captured, returned) = (Arc::<Drops>::default(), Arc::<Drops>::default());
    let capture = Value { packet: Arc::default(), drops: Arc::clone(&captured) };
    let mut value = Some(Value { packet: Arc::default(), drops: Arc::clone(&returned) });
    let (seen, mut failed) = (Arc::clone(&captured), false);
    let made = Repeated::new(move |(): &()| {
        let _lives_as_long_as_the_closure = &capture;
        assert_eq!(seen.count(), 0, "captures live while the closure runs");
        if !std::mem::replace(&mut failed, true) {
            return Err(BoxError::from("once more"));
        }
        Ok(value.take().expect("there is no third run"))
    });
    let claim: Arc<dyn Claim<Value>> = made.clone();
    Parts { task: made, claim, captured, returned }
}

/// A thread hands its closure over to its heir, while the closure is let go and the handle is
/// dropped. The thread that has the closure then drops it, once.
#[test]
fn packet_handed_over_against_let_go_and_disown() {
    explore("packet_handed_over_against_let_go_and_disown", 4, || {
        let Parts { task, claim, captured, returned } = parts_of_two_runs();
        let own = Arc::clone(&task);
        let dying = spawn(move || drop(own.run(&())));
        let own = Arc::clone(&task);
        let heir = spawn(move || {
            dying.join().unwrap();
            drop(own.run(&()));
        });
        assert!(task.let_go().is_none(), "nothing in it panics");
        claim.disown();
        heir.join().unwrap();
        assert_eq!((captured.count(), returned.count()), (1, 1), "whatever came first");
    });
}

/// If no thread lets go, the closure is there for both runs, and its captures live until it is let
/// go. The handle takes the value, or drops it when it comes.
#[test]
fn packet_is_back_after_each_run() {
    explore("packet_is_back_after_each_run", 4, || {
        let Parts { task, claim, captured, returned } = parts_of_two_runs();
        let own = Arc::clone(&task);
        let dying = spawn(move || assert!(matches!(own.run(&()), Ran::Failed(_))));
        let own = Arc::clone(&task);
        let heir = spawn(move || {
            dying.join().unwrap();
            assert!(matches!(own.run(&()), Ran::Done));
        });
        drop(claim.take());
        heir.join().unwrap();
        assert_eq!(captured.count(), 0, "the closure is back");
        assert!(task.let_go().is_none(), "nothing in it panics");
        assert_eq!((captured.count(), returned.count()), (1, 1));
    });
}
