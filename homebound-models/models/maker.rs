//! Owns the models of *maker*: a spawner in the background is answered once, by *maker* or by being
//! sent to the system itself, and *maker* ends with its root.
//! Refuses to start OS threads: what is wanted is a number, and the system counts it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::thread::{JoinHandle, spawn};

use super::explore;
use crate::rt::maker::Maker;

/// A root, and the sum of the numbers that its *maker* has started.
#[derive(Default)]
struct Root {
    maker: Maker<usize>,
    started: AtomicUsize,
}

impl Root {
    /// Starts *maker* if the caller has to, as `tree::internal` does. `granted` is the answer of
    /// the system.
    fn need(self: &Arc<Self>, granted: bool) -> Option<JoinHandle<()>> {
        if !self.maker.may_start() {
            return None;
        }
        let root = Arc::clone(self);
        let serve = move || {
            root.maker.serve(|wanted| match wanted {
                0 => Err(io::ErrorKind::WouldBlock.into()),
                wanted => {
                    root.started.fetch_add(*wanted, Ordering::Relaxed);
                    Ok(())
                }
            });
        };
        let maker = granted.then(|| spawn(serve));
        self.maker.has_started(granted);
        maker
    }

    fn started(&self) -> usize {
        self.started.load(Ordering::Relaxed)
    }
}

/// Two spawners ask one *maker*. Each has the answer to its own request, when it is done.
#[test]
fn maker_answers_each() {
    explore("maker_answers_each", 2, || {
        let root = Arc::<Root>::default();
        let maker = root.need(true).expect("the first starts it");
        let other = spawn({
            let root = Arc::clone(&root);
            move || assert!(root.maker.ask(0).is_some_and(|answer| answer.is_err()), "it was refused")
        });
        assert!(root.maker.ask(1).is_some_and(|answer| answer.is_ok()), "it was started");
        assert_eq!(root.started(), 1, "it is started before the spawner is told");
        other.join().unwrap();
        root.maker.close();
        maker.join().unwrap();
        assert_eq!(root.started(), 1, "nothing is started twice");
    });
}

/// The root is closed while a spawner asks: it has an answer, or asks the system itself.
#[test]
fn maker_closes_against_a_request() {
    explore("maker_closes_against_a_request", 3, || {
        let root = Arc::<Root>::default();
        let maker = root.need(true).expect("the first starts it");
        let spawner = spawn({
            let root = Arc::clone(&root);
            move || usize::from(root.maker.ask(1).is_some())
        });
        root.maker.close();
        assert!(!root.maker.may_start(), "a closed root has no other");
        maker.join().unwrap();
        let answered = spawner.join().unwrap();
        assert_eq!(root.started(), answered, "what *maker* did not start, the spawner asks for itself");
    });
}

/// Two spawners need *maker* at once, and the system may refuse it to the first: there is never a
/// second beside it, and none goes on before that is decided.
#[test]
fn maker_is_started_once() {
    explore("maker_is_started_once", 3, || {
        let root = Arc::<Root>::default();
        let other = spawn({
            let root = Arc::clone(&root);
            move || root.need(false).is_none()
        });
        let maker = root.need(true).expect("a refused start leaves the next to the next");
        assert!(root.maker.ask(1).is_some(), "it is there when its need was answered");
        assert!(other.join().unwrap(), "the other has none");
        root.maker.close();
        maker.join().unwrap();
        assert_eq!(root.started(), 1);
    });
}
