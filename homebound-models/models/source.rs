//! Owns the models of a map's source: one worker at a time is in `next()`, each item comes once,
//! and no worker sleeps on while it could go on.
//! Refuses to run code on the items, and stops.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use loom::thread::spawn;

use super::explore;
use crate::rt::latch::Latch;
use crate::sync::{AtomicBool, AtomicU32, Mutex};
use crate::work::map::source::{Asked, Source};

/// The seat of a model: its drop wakes the sleeper, as the drop of a sender does.
struct Seat(Arc<Latch>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// Items 0, 1, .. Notes whether two threads are inside.
struct Items {
    inside: Arc<AtomicBool>,
    left: u32,
}

impl Iterator for Items {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        assert!(!self.inside.swap(true, Ordering::Relaxed), "two threads are in `next`");
        let item = self.left.checked_sub(1);
        self.left = item.unwrap_or(0);
        self.inside.store(false, Ordering::Relaxed);
        item
    }
}

type Shared = Source<Items, Seat>;

/// Leaked, because the threads of a model may not borrow. It is small.
fn source(items: u32, ahead: usize) -> &'static Shared {
    let inside = Arc::new(AtomicBool::new(false));
    Box::leak(Box::new(Source::new(Items { inside, left: items }, 2, ahead)))
}

fn sit(latch: &Arc<Latch>) -> Seat {
    Seat(Arc::clone(latch))
}

/// One worker: takes items until there are none. Returns the numbers that it had.
fn work(source: &Shared, each: impl Fn(usize)) -> Vec<usize> {
    let (mut mine, mut woken) = (Vec::new(), None);
    loop {
        let latch = Arc::new(Latch::default());
        match source.lend(woken.take(), || sit(&latch)) {
            Asked::Turn(lent) => {
                let number = lent.number;
                if lent.pull(|| false).is_none() {
                    return mine;
                }
                mine.push(number);
                each(number);
            }
            Asked::Item(number, _) => mine.push(number),
            Asked::Wait(seat) => {
                woken = Some(seat);
                latch.wait(None, &|| false);
            }
            Asked::Over => return mine,
        }
    }
}

/// Two workers share three items.
#[test]
fn source_gives_each_item_once() {
    explore("source_gives_each_item_once", 2, || {
        let source = source(3, usize::MAX);
        let all = Arc::new(Mutex::new(Vec::new()));
        let workers = [(); 2].map(|()| {
            let all = Arc::clone(&all);
            spawn(move || {
                let mine = work(source, |_| {});
                all.lock().extend(mine);
            })
        });
        workers.into_iter().for_each(|worker| drop(worker.join()));
        all.lock().sort_unstable();
        assert_eq!(*all.lock(), [0, 1, 2]);
        assert_eq!(source.total(), Some(3));
    });
}

/// There is room for one item. Two workers wait for it by turns, while the body gives items on.
#[test]
fn source_wakes_a_worker_for_each_place() {
    explore("source_wakes_a_worker_for_each_place", 2, || {
        let source = source(3, 1);
        let done = Arc::new(AtomicU32::new(0));
        let workers = [(); 2].map(|()| {
            let done = Arc::clone(&done);
            spawn(move || {
                work(source, |_| {
                    done.fetch_add(1, Ordering::Relaxed);
                    // As the body does when it has the result.
                    source.give();
                })
            })
        });
        let both = workers.map(|worker| worker.join().unwrap());
        assert_eq!(both.concat().len(), 3);
        assert_eq!(done.load(Ordering::Relaxed), 3);
    });
}

/// A worker that was to wait goes away, because of a stop. If it was woken, the other is.
#[test]
fn source_passes_a_wake_up_on() {
    explore("source_passes_a_wake_up_on", 3, || {
        let source = source(1, usize::MAX);
        let latch = Arc::new(Latch::default());
        let Asked::Turn(lent) = source.lend(None, || sit(&latch)) else { panic!("it is free") };
        let Asked::Wait(seat) = source.lend(None, || sit(&latch)) else { panic!("it is lent") };
        let waits = spawn(move || work(source, |_| {}));
        let stopped = spawn(move || source.get_up(seat));
        assert!(lent.pull(|| false).is_some());
        stopped.join().unwrap();
        assert!(waits.join().unwrap().is_empty());
        assert_eq!(source.total(), Some(1));
    });
}
