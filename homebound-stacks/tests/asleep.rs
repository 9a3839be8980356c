//! Owns the tests of threads that sleep.
//! Refuses to send a signal.
#![cfg(target_os = "linux")]

mod common;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use common::{LONG, asleep, functions, sleepers, start, sys};
use homebound_stacks::{Cut, How, MOST_FRAMES, Stacks, Way};

#[test]
fn a_thread_in_each_sort_of_sleep_has_its_whole_stack() {
    let mut stacks = Stacks::new().unwrap();
    let mut wrong = Vec::new();
    for sleeper in sleepers(true) {
        let inside = |stacks: &Stacks, stack: &_| {
            functions(stacks, stack).iter().any(|name| name.contains(sleeper.name))
        };
        let stack = asleep(&mut stacks, sleeper.tid, inside);
        let names = stacks.names(std::slice::from_ref(&stack));
        assert_eq!(stack.how, How::Asleep);
        if stack.cut.is_some() || stack.frames().any(|frame| frame.is_guess) {
            wrong.push(format!("{}: {:#}", sleeper.name, names.show(&stack)));
        }
    }
    assert!(wrong.is_empty(), "cut or guessed:\n{}", wrong.join("\n"));
}

#[test]
fn a_stack_goes_on_behind_a_handler_that_has_a_stack_of_its_own() {
    let mut stacks = Stacks::new().unwrap();
    let tid = start(sys::sleep_in_a_handler);
    let in_handler = |stacks: &Stacks, stack: &_| {
        functions(stacks, stack).iter().any(|name| name.ends_with("sleeps_in_handler"))
    };
    let stack = asleep(&mut stacks, tid, in_handler);
    let names = functions(&stacks, &stack);
    assert_eq!(stack.cut, None, "{names:?}");
    assert!(names.iter().any(|name| name.ends_with("sleep_in_a_handler")), "{names:?}");
    assert!(stack.frames().all(|frame| !frame.is_guess));
}

#[test]
fn a_deep_stack_is_copied_in_full_and_cut_at_the_outer_end() {
    #[inline(never)]
    fn deep(levels: u32) -> u64 {
        let large = std::hint::black_box([u64::from(levels); 100]);
        if levels == 0 {
            sys::pause();
        } else {
            deep(levels - 1);
        }
        std::hint::black_box(large)[7]
    }
    let mut stacks = Stacks::new().unwrap();
    let is_deep = |least: usize| {
        move |stacks: &Stacks, stack: &_| {
            functions(stacks, stack).iter().filter(|name| name.ends_with("deep")).count() >= least
        }
    };
    let tid = start(|| common::ended(deep(100)));
    let stack = asleep(&mut stacks, tid, is_deep(101));
    assert_eq!(stack.cut, None);
    let tid = start(|| common::ended(deep(500)));
    let stack = asleep(&mut stacks, tid, is_deep(200));
    assert_eq!((stack.cut, stack.frames().len()), (Some(Cut::TooDeep), MOST_FRAMES));
}

#[test]
fn a_copy_is_of_one_moment() {
    // catches: a stack pointer and a copy between which the thread ran
    const MARK: u64 = 0x5eed_0f57_ac4e_00d2;
    #[inline(never)]
    fn nest(left: u64, depth: u64) {
        let mark = std::hint::black_box([MARK, depth]);
        if left == 0 {
            sys::nanosleep_for(Duration::from_micros(1));
        } else {
            nest(left - 1, depth);
        }
        std::hint::black_box(mark);
    }
    let mut stacks = Stacks::new().unwrap();
    let tid = start(|| (0..u64::MAX).map(|turn| turn * 17 % 40).for_each(|depth| nest(depth, depth)));
    let (mut is_nest, mut compared) = (HashMap::new(), 0);
    while compared < 2_000 {
        // It is on its way.
        let Ok(stack) = stacks.capture(tid, Way::Asleep, LONG) else { continue };
        let sleeps = [libc::SYS_nanosleep, libc::SYS_clock_nanosleep];
        if !stack.call.is_some_and(|call| sleeps.contains(&(call.number as i64))) {
            continue;
        }
        assert_eq!((stack.cut, stack.frames().any(|frame| frame.is_guess)), (None, false));
        if stack.addresses().iter().any(|address| !is_nest.contains_key(address)) {
            let names = functions(&stacks, &stack);
            is_nest
                .extend(names.iter().zip(stack.addresses()).map(|(name, at)| (*at, name.ends_with("nest"))));
        }
        let nests: Vec<_> = stack.frames().map(|frame| is_nest[&frame.address]).collect();
        let ends: Vec<_> = stack.frames().map(|frame| frame.stack_pointer).collect();
        let innermost = nests.iter().position(|is_nest| *is_nest).expect("it sleeps there alone");
        let words: Vec<_> = stacks.words(ends[innermost]..ends[innermost + 1]).collect();
        let said: BTreeSet<_> = words.windows(2).filter(|two| two[0] == MARK).map(|two| two[1]).collect();
        let depth = nests.iter().filter(|is_nest| **is_nest).count() as u64 - 1;
        assert_eq!(
            said,
            BTreeSet::from([depth]),
            "{:#}",
            stacks.names(std::slice::from_ref(&stack)).show(&stack)
        );
        compared += 1;
    }
}

#[test]
fn the_words_of_a_frame_are_those_of_its_function_alone() {
    const MARK: u64 = 0x5eed_0f57_ac4e_00d1;
    #[inline(never)]
    fn marked() -> u64 {
        let mut mark = [0; 4];
        fills(&mut mark);
        wipes();
        sleeps();
        std::hint::black_box(mark)[0]
    }
    /// Writes the marks in a call of its own, so that the caller has no mark in a register, which a
    /// function further inside would save.
    #[inline(never)]
    fn fills(words: &mut [u64; 4]) {
        words.iter_mut().for_each(|word| *word = std::hint::black_box(MARK));
    }
    /// Overwrites the marks that the call of `fills` has left on the stack below.
    #[inline(never)]
    fn wipes() {
        std::hint::black_box([0_u64; 1024]);
    }
    #[inline(never)]
    fn sleeps() {
        sys::pause();
        std::hint::black_box(());
    }
    let mut stacks = Stacks::new().unwrap();
    let place = |stacks: &Stacks, stack: &_| {
        functions(stacks, stack).iter().position(|name| name.ends_with("marked"))
    };
    let tid = start(|| common::ended(marked()));
    let stack = asleep(&mut stacks, tid, |stacks, stack| place(stacks, stack).is_some());
    let place = place(&stacks, &stack).unwrap();
    let ends: Vec<_> = stack.frames().map(|frame| frame.stack_pointer).collect();
    let count = |from: usize, to: usize| {
        let words = stacks.words(ends[from]..ends[to]);
        words.filter(|word| *word == MARK).count()
    };
    assert!(count(place, place + 1) >= 4, "in the frame of the function");
    assert_eq!(count(0, place), 0, "further inside");
    assert_eq!(stacks.words(0..8).count(), 0, "no stack is there");
    let copied = stacks.copied().map(|piece| (piece.end - piece.start) as usize / 8);
    assert_eq!(stacks.words(0..u64::MAX).count(), copied.iter().sum(), "all, and a mad range ends");
}
