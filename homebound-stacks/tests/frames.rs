//! Owns the tests of frames that are found without their frame pointer, which the kernel does not
//! tell of a thread that sleeps.
//! Refuses to send a signal.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod common;

use common::sys::frames::{Missing, call_at_the_end, pause_in_a_large_frame, pause_in_an_aligned_frame};
use common::{asleep, ended, functions, start, sys};
use homebound_stacks::{Stack, Stacks};

/// The sleeping function is the innermost: nothing inside of it has saved the frame pointer.
fn sleeps_in(function: &str) -> impl Fn(&Stacks, &Stack) -> bool {
    move |stacks, stack| functions(stacks, stack).first().is_some_and(|name| name == function)
}

#[test]
fn a_frame_whose_pages_are_touched_in_a_loop_is_found() {
    // catches: a frame of more than some pages that is taken for a small one
    let mut stacks = Stacks::new().unwrap();
    let tid = start(|| ended(pause_in_a_large_frame()));
    let stack = asleep(&mut stacks, tid, sleeps_in("pauses_in_a_large_frame"));
    let guessed = stack.frames().any(|frame| frame.is_guess);
    assert_eq!(
        (stack.cut, guessed),
        (None, false),
        "{:#}",
        stacks.names(std::slice::from_ref(&stack)).show(&stack)
    );
}

#[test]
fn a_thread_that_waits_for_a_page_at_the_end_of_a_function_has_no_frame_left_out_unmarked() {
    // catches: the size of a frame in the middle of its function, taken for the size at its end
    let Some(page) = Missing::new() else { return println!("skipped: no userfaultfd here") };
    let mut stacks = Stacks::new().unwrap();
    let tid = start(move || ended(page.touch()));
    let stack = asleep(&mut stacks, tid, sleeps_in("touches_at_its_end"));
    assert_eq!(stack.call, None, "it is in no call");
    let caller = stack.frames().nth(1).expect("it has a caller");
    let is_right = functions(&stacks, &stack)[1] == "calls_what_touches";
    assert!(is_right || caller.is_guess, "{:#}", stacks.names(std::slice::from_ref(&stack)).show(&stack));
}

#[test]
fn a_frame_that_was_searched_for_is_a_guess() {
    // catches: a place that only looks right, shown as certain
    let mut stacks = Stacks::new().unwrap();
    let tid = start(|| ended(pause_in_an_aligned_frame()));
    let stack = asleep(&mut stacks, tid, sleeps_in("pauses_in_an_aligned_frame"));
    let guesses: Vec<_> = stack.frames().map(|frame| frame.is_guess).collect();
    assert_eq!(stack.cut, None, "{stack:?}");
    assert!(!guesses[0] && guesses[1..].iter().all(|is_guess| *is_guess), "{guesses:?}");
}

#[test]
fn a_call_at_the_end_of_a_function_is_of_that_function() {
    // catches: a return address looked up as if it were of the function that made the call
    extern "C" fn pauses() {
        sys::pause();
    }
    let mut stacks = Stacks::new().unwrap();
    let tid = start(|| call_at_the_end(pauses));
    let is_there = |name: &String| name == "calls_at_its_end" || name == "follows";
    let stack = asleep(&mut stacks, tid, |stacks, stack| functions(stacks, stack).iter().any(is_there));
    let names = functions(&stacks, &stack);
    assert!(names.iter().any(|name| name == "calls_at_its_end"), "{names:?}");
    assert_eq!((stack.cut, stack.frames().any(|frame| frame.is_guess)), (None, false), "{names:?}");
}
