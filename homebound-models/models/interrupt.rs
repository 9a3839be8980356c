//! Owns the models of a waiter at a condvar: the waiter misses no stop, whichever thread holds the
//! mutex, and its interrupt uses the mutex only while the waiter is there.
//! Refuses time-outs, and more than one mutex.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use loom::thread::spawn;

use super::explore;
use crate::outcome::reason::StopReason;
use crate::rt::contain::Payload;
use crate::rt::packet::{Ran, Task};
use crate::stop::calls::Calls;
use crate::stop::condvar::delivery::deliver_each;
use crate::stop::condvar::interrupt::{Effort, Interrupt, Retrier};
use crate::stop::condvar::waiter::{Held, WaitEnd, Waiter};
use crate::stop::node::{Link, Node};
use crate::sync::{AtomicBool, Condvar, Mutex, TryMutex, TryMutexGuard};

/// The part that belongs to the program: its mutex and its condvar.
struct Program {
    mutex: TryMutex<()>,
    condvar: Condvar,
    /// Set by the waiter when it leaves. The interrupt may not use mutex and condvar after that.
    left: AtomicBool,
}

impl Program {
    fn assert_there(&self) {
        assert!(!self.left.load(Ordering::Acquire), "the waiter is still there");
    }
}

struct Place(Arc<Program>);

impl Task<Effort> for Place {
    fn run(&self, effort: &Effort) -> Ran {
        self.0.assert_there();
        let held = match effort {
            Effort::Try => self.0.mutex.try_lock(),
            Effort::For(_) => Some(self.0.mutex.lock()),
        };
        self.0.condvar.notify_all();
        let got = held.is_some();
        drop(held);
        self.0.assert_there();
        if got { Ran::Done } else { Ran::Nothing }
    }

    fn clear(&self) -> Option<Payload> {
        None
    }
}

struct Holds<'a> {
    program: &'a Program,
    guard: Option<TryMutexGuard<'a, ()>>,
}

impl Held for Holds<'_> {
    fn park(&mut self, _end: Option<Instant>) -> bool {
        self.guard.as_mut().expect("it is held").wait_at(&self.program.condvar);
        true
    }

    fn unlocked<R>(&mut self, f: impl FnOnce() -> R) -> R {
        drop(self.guard.take());
        let result = f();
        self.guard = Some(self.program.mutex.lock());
        result
    }

    fn notify_one(&self) {
        self.program.condvar.notify_one();
    }
}

/// Hands interrupts from the stopping thread to the thread that rings later.
#[derive(Default)]
struct Shared {
    list: Mutex<(Vec<Arc<Interrupt>>, bool)>,
    news: Condvar,
}

impl Retrier for Shared {
    fn retry_later(&self, interrupts: Vec<Arc<Interrupt>>) -> Calls {
        self.list.lock().0.extend(interrupts);
        self.news.notify_all();
        Calls::default()
    }
}

impl Shared {
    fn work(&self) {
        loop {
            let mut list = self.list.lock();
            while list.0.is_empty() && !list.1 {
                self.news.wait(&mut list);
            }
            let interrupts = std::mem::take(&mut list.0);
            if interrupts.is_empty() {
                return;
            }
            drop(list);
            for interrupt in deliver_each(interrupts) {
                interrupt.deliver(Effort::For(Duration::ZERO));
            }
        }
    }

    fn close(&self) {
        self.list.lock().1 = true;
        self.news.notify_all();
    }
}

/// Runs a waiter, the thread that rings later, and a stop, which holds the mutex or not.
fn waits_and_is_stopped(under_the_mutex: bool) {
    let program = Program { mutex: TryMutex::new(()), condvar: Condvar::new(), left: AtomicBool::new(false) };
    let (program, shared, root) = (Arc::new(program), Arc::<Shared>::default(), Node::new(Link::Scope));
    let (own, ringer, node) = (Arc::clone(&program), Arc::clone(&shared), Arc::clone(&root));
    let waiter = spawn(move || {
        let mut held = Holds { program: &own, guard: Some(own.mutex.lock()) };
        let interrupt = Interrupt::new((1, 2), Arc::new(Place(Arc::clone(&own))), ringer);
        let ended = Waiter::new(&node, interrupt, &mut held).wait_while(|_| true, None, false);
        own.left.store(true, Ordering::Release);
        ended
    });
    let working = Arc::clone(&shared);
    let rings = spawn(move || working.work());
    let held = under_the_mutex.then(|| program.mutex.lock());
    root.stop(StopReason::Signal(2));
    drop(held);
    assert_eq!(waiter.join().unwrap(), WaitEnd::Stopped);
    shared.close();
    rings.join().unwrap();
}

/// The stop comes before, after and between the waiter's check and its wait.
#[test]
fn stop_against_wait() {
    explore("stop_against_wait", 3, || waits_and_is_stopped(false));
}

/// The stopping thread holds the mutex, and the waiter leaves while its interrupt is rung.
#[test]
fn stop_under_the_mutex() {
    explore("stop_under_the_mutex", 3, || waits_and_is_stopped(true));
}
