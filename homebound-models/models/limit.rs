//! Owns the models of deadlines and shields: a listener in one is told of its end, even if the end
//! becomes known while the listener arms its wait.
//! Refuses to let time pass: the models look at what was armed instead.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use loom::thread::spawn;

use super::explore;
use crate::outcome::reason::StopReason;
use crate::rt::packet::Packet;
use crate::rt::result::BoxError;
use crate::stop::callback::{Callback, Caller};
use crate::stop::calls::Calls;
use crate::stop::limit::{Limit, Timer};
use crate::stop::listen::Keeper;
use crate::stop::node::{Link, Node};
use crate::sync::Mutex;

const HOUR: Duration = Duration::from_secs(3600);

/// The root's timer: the node that it would call, and when.
#[derive(Default)]
struct Armed(Mutex<BTreeMap<(Instant, u64), Weak<Node>>>);

impl Timer for Armed {
    fn arm(&self, at: Instant, key: u64, node: Weak<Node>) -> Calls {
        self.0.lock().insert((at, key), node);
        Calls::default()
    }

    fn disarm(&self, at: Instant, key: u64) {
        self.0.lock().remove(&(at, key));
    }
}

impl Armed {
    /// Asserts that the timer calls this node at its end, and at no other moment.
    fn assert_calls(&self, node: &Arc<Node>) {
        let armed = self.0.lock();
        let all =
            armed.iter().filter(|(_, armed)| armed.upgrade().is_some_and(|armed| Arc::ptr_eq(&armed, node)));
        let moments: Vec<Instant> = all.map(|((at, _), _)| *at).collect();
        assert_eq!(moments, Vec::from_iter(node.limit_end()), "armed once, for its end");
    }
}

fn timer(armed: &Arc<Armed>) -> Arc<dyn Timer> {
    Arc::<Armed>::clone(armed)
}

fn shield(max: Duration, armed: &Arc<Armed>, around: &Arc<Node>) -> Arc<Node> {
    let node = Node::limited(Limit::shield(max, around, timer(armed)));
    node.attach(around);
    node
}

/// A thread begins to listen in a shield while the stop comes that the shield hides.
fn listens_in_a_shield<R: 'static>(listen: fn(&Arc<Node>) -> R) {
    let (armed, root) = (Arc::<Armed>::default(), Node::new(Link::Scope));
    let shield = shield(HOUR, &armed, &root);
    let own = Arc::clone(&shield);
    let listener = spawn(move || listen(&own));
    root.stop(StopReason::Signal(2));
    let _still_listens = listener.join().unwrap();
    assert!(!shield.is_marked() && shield.limit_end().is_some());
    armed.assert_calls(&shield);
}

#[test]
fn shield_end_reaches_a_signal() {
    explore("shield_end_reaches_a_signal", 3, || {
        listens_in_a_shield(|shield| shield.signal(Keeper::Timer).clone());
    });
}

#[test]
fn shield_end_reaches_a_callback() {
    explore("shield_end_reaches_a_callback", 3, || {
        listens_in_a_shield(|shield| {
            let task = Packet::new(|_: &Caller| Ok::<_, BoxError>(()));
            assert!(shield.on_stop(&Callback::new(task, Box::new(drop))), "it is not stopped");
        });
    });
}

/// A node below the shield is stopped with it, so it listens too.
#[test]
fn shield_end_reaches_what_is_below() {
    explore("shield_end_reaches_what_is_below", 3, || {
        listens_in_a_shield(|shield| {
            let below = Node::new(Link::Scope);
            below.attach(shield);
            below
        });
    });
}

/// A waiter in a shield computes its time-out, and is woken when the end becomes known. Here that
/// is the moment of the stop.
#[test]
fn shield_end_reaches_who_rests() {
    explore("shield_end_reaches_who_rests", 3, || {
        let root = Node::new(Link::Scope);
        let shield = shield(Duration::ZERO, &Arc::default(), &root);
        let own = Arc::clone(&shield);
        let rests = spawn(move || {
            while !own.is_stopping() {
                own.rest(None);
            }
        });
        root.stop(StopReason::Signal(2));
        rests.join().unwrap();
        assert!(shield.is_marked() && matches!(*shield.reason(), StopReason::Signal(2)));
    });
}

/// The end of a deadline in a shield becomes earlier while two threads arm it, and the thread that
/// computed the later end arms it last.
#[test]
fn deadline_moves_earlier_while_it_is_armed() {
    explore("deadline_moves_earlier_while_it_is_armed", 3, || {
        let (armed, root) = (Arc::<Armed>::default(), Node::new(Link::Scope));
        let shield = shield(HOUR, &armed, &root);
        let at = Instant::now() + 2 * HOUR;
        let deadline = Node::limited(Limit::deadline(at, &shield, timer(&armed)));
        deadline.attach(&shield);
        let own = Arc::clone(&deadline);
        let listener = spawn(move || drop(own.signal(Keeper::Timer).clone()));
        root.stop(StopReason::Signal(2));
        listener.join().unwrap();
        assert!(deadline.limit_end() < Some(at));
        armed.assert_calls(&deadline);
        armed.assert_calls(&shield);
    });
}
