//! Owns the models of a start: either the starter gets the value and the thread counts as ready, or
//! neither is so; a starter is woken when nothing more can come; a value is dropped once.
//! Refuses to know scopes: `work::ready` and `tree::starting` do here what they do on a record.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use loom::thread::spawn;

use super::explore;
use crate::rt::latch::Latch;
use crate::sync::{AtomicU32, Mutex};
use crate::tree::readiness::{Readiness, Stage, Starting};
use crate::work::slot::Slot;

/// Its drop wakes the starter, as the drop of a sender does.
struct Alarm(Arc<Latch>);

impl Drop for Alarm {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// A value that counts its drops.
struct Value(Arc<AtomicU32>);

impl Drop for Value {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A thread with a starter.
struct Thread {
    readiness: Mutex<Readiness<Alarm>>,
    slot: Slot<Value>,
    /// Disconnects, in the library, when the thread is ready or never will be.
    woken: Arc<Latch>,
    done: Latch,
    dropped: Arc<AtomicU32>,
}

impl Thread {
    fn starting() -> Arc<Thread> {
        let woken = Arc::new(Latch::default());
        let starting = Starting { since: Instant::now(), alarm: Alarm(Arc::clone(&woken)) };
        Arc::new(Thread {
            readiness: Mutex::new(Readiness::Starting(Box::new(starting))),
            slot: Slot::new(),
            woken,
            done: Latch::default(),
            dropped: Arc::default(),
        })
    }

    fn look<R>(&self, look: impl FnOnce(&mut Readiness<Alarm>) -> R) -> R {
        look(&mut self.readiness.lock())
    }

    /// As `Ready::set`, and its drop after it. True if the thread counts as ready.
    fn say(&self) -> bool {
        let value = Value(Arc::clone(&self.dropped));
        let mut is_ready = false;
        if self.look(|it| it.stage()) == Stage::Starting {
            let handed_back = self.slot.put(value);
            if handed_back.is_none() {
                let (ready, alarm) = self.look(Readiness::set);
                drop(alarm);
                is_ready = ready;
            }
        }
        self.drop_word();
        is_ready
    }

    /// As the drop of a `Ready`.
    fn drop_word(&self) {
        let alarm = self.look(Readiness::lose_hope);
        drop(alarm);
    }

    /// As `judge_end` and `come_home`. True if a failure of the thread would be its starter's.
    fn end(&self) -> bool {
        self.look(Readiness::end);
        let isolated = self.look(|it| it.is_isolated());
        self.done.set();
        let alarm = self.look(Readiness::take_alarm);
        drop(alarm);
        isolated
    }

    /// As `Record::give_up_start`.
    fn give_up(&self) -> Stage {
        let (stage, alarm) = self.look(Readiness::give_up);
        drop(alarm);
        stage
    }

    /// After all: the value that the starter has not got was dropped, once.
    fn drops(&self, values: u32) {
        assert_eq!(self.dropped.load(Ordering::Relaxed), values, "each value is dropped once");
    }
}

fn wait(latch: &Latch) {
    latch.wait(None, &|| false);
}

/// The time of the starter is over, or a stop has come to it, at any instant of the thread's.
#[test]
fn ready_word_against_a_starter_that_leaves() {
    explore("ready_word_against_a_starter_that_leaves", 3, || {
        let thread = Thread::starting();
        let own = Arc::clone(&thread);
        let says = spawn(move || {
            let is_ready = own.say();
            (is_ready, own.end())
        });
        let stage = thread.give_up();
        let value = thread.slot.close();
        let (is_ready, starters) = says.join().unwrap();
        assert_eq!(is_ready, stage == Stage::Ready, "both sides say the same");
        assert!(!is_ready || value.is_some(), "a starter that finds it ready finds the value");
        // A starter that has left a thread which is not over gets no failure of it.
        assert!(stage == Stage::Ended || !starters, "the failure has an owner that listens");
        drop(value);
        drop(thread.slot.close());
        thread.drops(1);
    });
}

/// The starter has all the time, and the word comes from another thread than the service, which may
/// be over before. The starter is woken, and gets the value if the thread is ready.
#[test]
fn ready_word_of_another_thread_against_the_end() {
    explore("ready_word_of_another_thread_against_the_end", 3, || {
        let thread = Thread::starting();
        let (own, word) = (Arc::clone(&thread), Arc::clone(&thread));
        let ends = spawn(move || own.end());
        let says = spawn(move || word.say());
        wait(&thread.woken);
        if thread.look(|it| it.stage()) != Stage::Ready {
            wait(&thread.done);
        }
        let stage = thread.give_up();
        let value = thread.slot.close();
        let (starters, is_ready) = (ends.join().unwrap(), says.join().unwrap());
        assert_eq!(is_ready, stage == Stage::Ready, "both sides say the same");
        assert!(!is_ready || value.is_some(), "a starter that finds it ready finds the value");
        assert_eq!(starters, stage != Stage::Ready, "whose a failure is");
        drop(value);
        drop(thread.slot.close());
        thread.drops(1);
    });
}

/// The word is dropped unsaid, and the thread goes on until it is told to stop. The starter is
/// woken.
#[test]
fn ready_word_that_is_dropped() {
    explore("ready_word_that_is_dropped", 3, || {
        let thread = Thread::starting();
        let (own, told) = (Arc::clone(&thread), Arc::new(Latch::default()));
        let stop = Arc::clone(&told);
        let ends = spawn(move || {
            own.drop_word();
            wait(&stop);
            own.end()
        });
        wait(&thread.woken);
        assert_eq!(thread.look(|it| it.stage()), Stage::Hopeless);
        told.set();
        wait(&thread.done);
        assert_eq!(thread.give_up(), Stage::Ended);
        assert!(ends.join().unwrap(), "its failure is the starter's");
        thread.drops(0);
    });
}
