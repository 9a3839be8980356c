//! Owns the test that a capture allocates nothing: it must work while another thread holds the lock
//! of the allocator for ever.
//! Refuses to look at names, which allocate.
#![cfg(target_os = "linux")]

mod common;

use std::alloc::System;

use common::sys::Counting;
use common::{LONG, asleep, functions, sleepers};
use homebound_stacks::{Cut, Stacks, Way, thread_id};

#[global_allocator]
static HEAP: Counting = Counting::new(System);

/// One test, since others beside it would allocate.
#[test]
fn a_capture_allocates_nothing() {
    let mut stacks = Stacks::new().unwrap();
    let sleepers = sleepers(true);
    for sleeper in &sleepers {
        let inside = |stacks: &Stacks, stack: &_| {
            functions(stacks, stack).iter().any(|name| name.contains(sleeper.name))
        };
        asleep(&mut stacks, sleeper.tid, inside);
    }
    // Other rows of the tables than those that are remembered.
    let mut stacks = Stacks::new().unwrap();
    let (before, mut whole, own) = (HEAP.calls_of_this_thread(), 0, thread_id());
    for sleeper in &sleepers {
        let stack = stacks.capture(sleeper.tid, Way::Asleep, LONG);
        whole += usize::from(stack.is_ok_and(|stack| stack.cut.is_none()));
    }
    let by_signal = stacks.capture(own, Way::Signal, LONG).is_ok_and(|stack| stack.cut.is_none());
    let after = HEAP.calls_of_this_thread();
    assert_eq!(after, before, "calls of the allocator");
    assert_eq!(whole, sleepers.len());
    assert!(by_signal);

    // Code that was loaded later.
    let (may_load, wait) = std::sync::mpsc::channel();
    let tid = common::start(move || common::sys::sleep_in_a_second_libc(&wait));
    let mut frozen = Stacks::new().unwrap().frozen();
    may_load.send(()).unwrap();
    let (before, mut last) = (HEAP.calls_of_this_thread(), None);
    while !matches!(last, Some(Some(Cut::NoModule { .. }))) {
        last = frozen.capture(tid, Way::Asleep, LONG).ok().map(|stack| stack.cut);
    }
    assert_eq!(HEAP.calls_of_this_thread(), before, "calls of the allocator");
    // The first session was made before as well, and reads the list of modules again.
    let stack = stacks.capture(tid, Way::Asleep, LONG).unwrap();
    assert_eq!(stack.cut, None);
    assert_eq!(stacks.module(stack.addresses()[0]).map(|(path, _)| path.ends_with("libc.so.6")), Some(true));
}
