//! Owns the test that a session is opened, and captures, on a small stack: a thread that dumps may
//! have little.
//! Refuses to ask how little: other code of such a thread needs more.
#![cfg(target_os = "linux")]

use std::sync::mpsc::channel;
use std::thread::Builder;
use std::time::Duration;

use homebound_stacks::{Stacks, Way, thread_id};

/// Less than the smallest stack with which homebound's own tests take a dump.
const STACK: usize = 48 * 1024;

#[test]
fn a_session_is_opened_on_a_small_stack() {
    // catches: rows of unwind tables that come into being on the stack of the caller; frames that
    // are returned by value from function to function. An overflow ends the process of this test
    let ((say, told), (end, wait)) = (channel(), channel::<()>());
    let sleeper = std::thread::spawn(move || {
        say.send(thread_id()).unwrap();
        let _closed = wait.recv();
    });
    let tid = told.recv().unwrap();
    let small = Builder::new().stack_size(STACK).spawn(move || {
        let mut stacks = Stacks::new().unwrap();
        loop {
            match stacks.capture(tid, Way::Asleep, Duration::from_millis(100)) {
                Ok(stack) if stack.cut.is_none() => return stack.frames().len(),
                // It is on its way to its sleep.
                Ok(_) | Err(_) => std::thread::yield_now(),
            }
        }
    });
    let frames = small.expect("starts").join().unwrap();
    assert!(frames > 3, "{frames}");
    drop(end);
    sleeper.join().unwrap();
}
