//! Owns the tests of threads that get no signal, and of signals that are not free.
//! Refuses to look at what an answer says.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use homebound_stacks::{How, NotCaptured, Stacks, Way, free_signal};

use crate::common::{LONG, sys};
use crate::{Runner, until};

fn status(tid: i32, name: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/self/task/{tid}/status")).unwrap();
    text.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned()
}

/// A thread that computes with these signals blocked: a signal would stay pending for ever if it
/// were sent before that.
fn deaf(block: fn()) -> Runner {
    let (is_deaf, seen) = mpsc::channel();
    let runner = Runner::new(move || {
        block();
        is_deaf.send(()).unwrap();
    });
    seen.recv().unwrap();
    runner
}

/// How long a capture takes to say that a thread with these signals blocked blocks the signal. The
/// thread gets none.
fn time_to_see_deaf(block: fn(), within: Duration) -> Duration {
    let mut stacks = Stacks::new().unwrap();
    let runner = deaf(block);
    let mut took = None;
    until("the thread is seen while it runs", || {
        let begun = Instant::now();
        match stacks.capture(runner.tid, Way::Signal, within) {
            Err(NotCaptured::Blocked) => took = Some(begun.elapsed()),
            // The thread slept at that moment.
            Ok(stack) => assert_eq!(stack.how, How::Asleep),
            Err(reason) => panic!("{reason}"),
        }
        took.is_some()
    });
    assert_eq!(status(runner.tid, "SigPnd:"), "0000000000000000");
    took.unwrap()
}

#[test]
fn a_thread_that_blocks_the_signal_gets_none() {
    assert!(time_to_see_deaf(sys::block_all_signals, LONG) < LONG);
}

#[test]
fn a_thread_with_the_mask_of_the_handler_is_waited_for_and_gets_no_signal() {
    let within = Duration::from_millis(20);
    // The thread may be on its way out of the handler.
    assert!(time_to_see_deaf(sys::block_all_signals_but_those_of_faults, within) >= within);
}

#[test]
fn a_signal_of_the_callers_choice_must_be_free() {
    let taken = libc::SIGRTMIN() + 3;
    sys::ignore(taken);
    let runner = Runner::new(|| {});
    let tid = runner.tid;
    let mut stacks = Stacks::new().unwrap().signal(taken);
    let reason = |stacks: &mut Stacks| stacks.capture(tid, Way::Signal, LONG).err();
    until("it is refused", || reason(&mut stacks) == Some(NotCaptured::NoSignal));
    let mut stacks = Stacks::new().unwrap().signal(libc::SIGRTMIN() + 4);
    until("it is used", || {
        stacks.capture(tid, Way::Signal, LONG).is_ok_and(|stack| stack.how == How::Signal)
    });
    assert!(free_signal().is_some_and(|signal| signal > libc::SIGRTMIN() + 4));
}
