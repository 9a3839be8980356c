//! Owns the models of the stop tree: a stop misses no node that is attached, and leaves no waiter
//! asleep.
//! Refuses to know scopes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::TryRecvError;
use loom::thread::spawn;

use super::explore;
use crate::outcome::reason::StopReason;
use crate::rt::packet::Packet;
use crate::rt::result::BoxError;
use crate::stop::callback::{Callback, Caller};
use crate::stop::listen::Keeper;
use crate::stop::node::{Link, Node};
use crate::sync::AtomicUsize;

fn stop(node: &Arc<Node>) {
    node.stop(StopReason::Signal(2));
}

fn below(parent: &Arc<Node>) -> Arc<Node> {
    let node = Node::new(Link::Inside);
    node.attach(parent);
    node
}

/// A child with a grandchild is attached to the tree while the tree is stopped.
#[test]
fn stop_against_attach() {
    explore("stop_against_attach", 4, || {
        let root = Node::new(Link::Scope);
        let middle = below(&root);
        let (own, other) = (Arc::clone(&root), Arc::clone(&middle));
        let child = spawn(move || below(&own));
        let grandchild = spawn(move || below(&other));
        stop(&root);
        let (child, grandchild) = (child.join().unwrap(), grandchild.join().unwrap());
        assert!(child.is_marked() && middle.is_marked() && grandchild.is_marked());
    });
}

/// Two threads stop the same tree. Each returns after every node below is marked (P5).
#[test]
fn stops_race() {
    explore("stops_race", 4, || {
        let root = Node::new(Link::Scope);
        let middle = below(&root);
        let leaf = below(&middle);
        let stoppers = [(); 2].map(|()| {
            let (root, leaf) = (Arc::clone(&root), Arc::clone(&leaf));
            spawn(move || {
                stop(&root);
                assert!(leaf.is_marked(), "a stop that loses returns after the marking, too");
            })
        });
        stoppers.into_iter().for_each(|stopper| stopper.join().unwrap());
    });
}

/// A thread is stopped alone, and with all others. The nodes below it get the stop that it got.
#[test]
fn stops_of_two_nodes() {
    explore("stops_of_two_nodes", 4, || {
        let root = Node::new(Link::Scope);
        let middle = below(&root);
        let leaf = below(&middle);
        let own = Arc::clone(&middle);
        let alone = spawn(move || stop(&own));
        stop(&root);
        alone.join().unwrap();
        assert_eq!(leaf.cause().id, middle.cause().id, "one stop, on whatever way it came");
    });
}

/// One of two siblings is marked first. The other knows the stop as its own, marked or not.
#[test]
fn stop_is_known_before_its_mark() {
    explore("stop_is_known_before_its_mark", 4, || {
        let root = Node::new(Link::Scope);
        let siblings = [below(&root), below(&root)];
        let judge = spawn(move || {
            for [one, other] in [[0, 1], [1, 0]] {
                if siblings[one].is_marked() {
                    assert!(siblings[other].is_stopped_by(siblings[one].cause().id));
                }
            }
        });
        stop(&root);
        judge.join().unwrap();
    });
}

/// One thread stops a node that another closes. Each returns after every node below is marked.
#[test]
fn stop_races_with_close() {
    explore("stop_races_with_close", 4, || {
        let root = Node::new(Link::Scope);
        let middle = below(&root);
        let leaf = below(&middle);
        let (own, last) = (Arc::clone(&root), Arc::clone(&leaf));
        let closer = spawn(move || {
            own.close();
            assert!(last.is_marked(), "the closing thread stops the nodes below");
        });
        stop(&root);
        assert!(
            leaf.is_marked(),
            "a thread that finds the node swept by the other returns after the marking too"
        );
        closer.join().unwrap();
        drop(middle);
    });
}

/// A waiter on a node is woken by a stop of a node above it.
#[test]
fn stop_wakes_who_rests() {
    explore("stop_wakes_who_rests", 4, || {
        let root = Node::new(Link::Scope);
        let child = below(&root);
        let resting = spawn(move || {
            while !child.is_stopping() {
                child.rest(None);
            }
            assert!(matches!(*child.reason(), StopReason::Signal(2)), "the reason is there before the flag");
        });
        stop(&root);
        resting.join().unwrap();
    });
}

/// A signal that is asked for while the stop comes is disconnected.
#[test]
fn stop_against_signal() {
    explore("stop_against_signal", 4, || {
        let root = Node::new(Link::Scope);
        let own = Arc::clone(&root);
        let selector = spawn(move || own.signal(Keeper::Timer).clone());
        stop(&root);
        assert_eq!(selector.join().unwrap().try_recv(), Err(TryRecvError::Disconnected));
    });
}

/// A thread ends while it is stopped, with a callback that borrows from it. The callback is over
/// when `close` returns.
#[test]
fn stop_against_close() {
    explore("stop_against_close", 4, || {
        let root = Node::new(Link::Scope);
        let child = below(&root);
        let counts = Arc::<[AtomicUsize; 2]>::default();
        let inside = Arc::clone(&counts);
        let task = Packet::new(move |_: &Caller| {
            inside[0].fetch_add(1, Ordering::Relaxed);
            inside[1].fetch_add(1, Ordering::Relaxed);
            Ok::<_, BoxError>(())
        });
        let callback = Callback::new(task, Box::new(drop));
        assert!(child.on_stop(&callback), "it is not stopped yet");
        let own = Arc::clone(&child);
        let closer = spawn(move || {
            own.forget_callback(callback.key());
            callback.abandon(|| ());
            let begun = counts[0].load(Ordering::Relaxed);
            assert_eq!(begun, counts[1].load(Ordering::Relaxed), "what has begun is over");
            own.close();
            (begun, counts)
        });
        stop(&root);
        let (at_close, counts) = closer.join().unwrap();
        assert_eq!(at_close, counts[0].load(Ordering::Relaxed), "it does not begin after that");
        assert!(at_close <= 1, "it runs once at most");
        assert!(child.is_marked() && root.is_marked());
    });
}

/// A thread that has closed its node stops the nodes that it leaves behind, even if no other thread
/// does.
#[test]
fn close_against_attach() {
    explore("close_against_attach", 4, || {
        let root = Node::new(Link::Scope);
        let own = Arc::clone(&root);
        let child = spawn(move || below(&own));
        root.close();
        assert!(child.join().unwrap().is_marked());
    });
}
