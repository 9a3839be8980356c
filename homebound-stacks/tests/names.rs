//! Owns the tests of names and lines.
//! Refuses to send a signal.
#![cfg(target_os = "linux")]

mod common;

use std::time::Instant;

use common::{asleep, functions, start, sys};
use homebound_stacks::{Reading, Stacks};

#[cfg(target_arch = "x86_64")]
#[test]
fn a_function_that_is_several_in_one_says_so() {
    // catches: one of two names as the truth: a read of a socket that is shown as one of another
    extern "C" fn pauses() {
        sys::pause();
    }
    let mut stacks = Stacks::new().unwrap();
    let tid = start(|| sys::in_a_twin(pauses));
    let is_twin = |name: &String| name.starts_with("twins::");
    let stack = asleep(&mut stacks, tid, |stacks, stack| functions(stacks, stack).iter().any(is_twin));
    let names = stacks.names(std::slice::from_ref(&stack));
    let place = stack.frames().filter_map(|frame| names.place(&frame).cloned());
    let mut twins =
        place.filter(|place| place.function.as_ref().is_some_and(|name| name.starts_with("twins::")));
    let twin = twins.next().expect("the function with two names");
    let (function, alike) = (twin.function.expect("a name"), twin.alike);
    assert_eq!(alike.len(), 1, "{function} {alike:?}");
    let mut both = [&*function, &*alike[0]];
    both.sort_unstable();
    assert_eq!(both, ["twins::one", "twins::two"]);
    let text = format!("{:#}", names.show(&stack));
    assert!(text.contains(&format!("{function} or {}", alike[0])), "{text}");
    // A function of the C library has many names by intent, and is shown by one.
    let of_libc = stack.frames().filter_map(|frame| names.place(&frame).cloned());
    let mut of_libc = of_libc.filter(|place| place.module.contains("libc."));
    assert!(of_libc.all(|place| place.alike.is_empty()), "{text}");
}

/// The line of the call below.
const CALLS: u32 = line!() + 5;

#[inline(never)]
fn sleeps_inside(work: fn() -> i32) -> i32 {
    // Nothing but this call is on the line.
    let woken = work();
    std::hint::black_box(woken)
}

#[test]
fn lines_are_those_of_the_calls_and_only_if_asked_for() {
    // catches: the line behind a call, a line of std's for one of the program's, a path of the
    // machine that built the program, a large file that is read unasked
    let mut stacks = Stacks::new().unwrap();
    let tid = start(|| common::ended(sleeps_inside(sys::pause)));
    let is_inside = |name: &String| name.ends_with("sleeps_inside");
    let stack = asleep(&mut stacks, tid, |stacks, stack| functions(stacks, stack).iter().any(is_inside));
    let (frames, modules): (Vec<_>, _) = (stack.frames().collect(), stacks.modules());
    let unasked = modules.names(frames.iter().copied(), Reading::default());
    assert!(frames.iter().all(|frame| unasked.line(frame).is_none()));
    let asked = unasked.clone().with_lines(None);
    let named = |frame: &&_| asked.function(frame).is_some_and(|name| name.ends_with("sleeps_inside"));
    let frame = frames.iter().find(named).expect("a frame");
    let Some(line) = asked.line(frame) else {
        // The profile of the tests may leave it out.
        let place = asked.place(frame).expect("a place");
        if cfg!(debug_assertions) {
            panic!("the test has debug information: {place:?}");
        }
        return;
    };
    assert_eq!((&*line.file, line.line), (file!(), CALLS));
    assert!(line.function.as_ref().is_some_and(|name| name.ends_with("sleeps_inside")), "{line:?}");
    let late = modules.names(frames.iter().copied(), Reading::default().until(Instant::now()));
    assert!(frames.iter().all(|frame| late.function(frame).is_none()), "there was no time");
    assert!(late.unread().iter().all(|unread| unread.why.contains("no time")), "{late:?}");
    let over = unasked.with_lines(Some(Instant::now()));
    assert!(frames.iter().all(|frame| over.line(frame).is_none()), "there was no time");
}
