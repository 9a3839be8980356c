//! Owns the tests of each way in which a walk ends, over a made program: a stack with a fault is
//! marked as cut or as a guess, and a stack without a fault is whole.
//! Refuses to test by chance: `world` does.

use crate::made::{BY_RBP, BY_RSP, Function, JIT, Made, OUTERMOST, R12, RAX, RBP, RBX, told};
use crate::stack::{Cut, MOST_FRAMES};
use crate::world::STACK;

const ALL: usize = 4096;

/// A word on the stack that nothing should use.
const JUNK: u64 = 0xdead;

fn word(place: u64) -> u64 {
    STACK + 8 * place
}

/// All words that a walk may use, and no guess.
fn certain(addresses: &[u64]) -> Vec<(u64, bool)> {
    addresses.iter().map(|address| (*address, false)).collect()
}

/// A whole stack of junk words, except the given words at their places.
fn stack(given: &[(usize, u64)]) -> Vec<u64> {
    let mut words = vec![JUNK; ALL / 8];
    given.iter().for_each(|(place, value)| words[*place] = *value);
    words
}

#[test]
fn frames_that_lead_back_are_a_circle() {
    // catches: a walk that goes round until its room is full, or for ever
    let made = Made::new(&[BY_RBP]);
    let (place, own) = (Made::asleep(), Made::behind_call(0));
    // The saved frame pointer points below the frame in which it was saved.
    let words = stack(&[(4, word(0)), (5, own), (0, word(4)), (1, own)]);
    let walked = made.walk(&[(RBP, word(4))], &words, ALL);
    assert_eq!(told(&walked), (Some(Cut::Circle), certain(&[place, own])));
    // The saved frame pointer points to its own place.
    let words = stack(&[(4, word(4)), (5, own)]);
    let walked = made.walk(&[(RBP, word(4))], &words, ALL);
    assert_eq!(told(&walked), (Some(Cut::Circle), certain(&[place, own])));
}

#[test]
fn a_table_that_says_that_a_caller_has_the_same_frame_is_a_circle() {
    // catches: a frame without a size that calls itself, 256 times
    let without_size = Function { row: &[0x0e, 0], ..BY_RSP };
    let made = Made::new(&[BY_RSP, Function { calls: 1, ..without_size }]);
    let words = stack(&[(1, Made::behind_call(1))]);
    let walked = made.walk(&[], &words, ALL);
    let places: [u64; 2] = Made::places();
    assert_eq!(told(&walked), (Some(Cut::Circle), certain(&places)));
}

#[test]
fn frames_of_signals_that_lead_back_end_and_are_marked() {
    // catches: a walk without end, since a signal may lead to a stack that is below
    let made = Made::new(&[Function { is_signal_frame: true, ..BY_RBP }]);
    let own = Made::behind_call(0);
    let words = stack(&[(4, word(4)), (5, own)]);
    let walked = made.walk(&[(RBP, word(4))], &words, ALL);
    assert_eq!((walked.cut, walked.frames().len()), (Some(Cut::TooDeep), MOST_FRAMES));
}

#[test]
fn code_of_no_file_is_a_cut_or_a_guess() {
    // catches: code without a table that is passed as if a table had led through it
    let made = Made::new(&[BY_RSP, OUTERMOST]);
    let [own, outer] = Made::places();
    let cut = Some(Cut::NoModule { at: JIT });
    // The code without a table is innermost. The walk ends, because nothing tells where the frame
    // ends.
    assert_eq!(told(&made.walk_from(JIT, &[], &stack(&[]), ALL)), (cut, certain(&[JIT])));
    // The code without a table is in the middle of the stack.
    let cut = Some(Cut::NoModule { at: JIT - 1 });
    assert_eq!(told(&made.walk(&[], &stack(&[(1, JIT)]), ALL)), (cut, certain(&[own, JIT])));
    // The code keeps a frame pointer, so the walk goes on, but marks the frame beyond as a guess.
    let words = stack(&[(1, JIT), (8, JUNK), (9, outer)]);
    let beyond = (None, vec![(own, false), (JIT, false), (outer, true)]);
    assert_eq!(told(&made.walk(&[(RBP, word(8))], &words, ALL)), beyond);
    // The frame pointer points below the frame of the code, or not to a return address.
    let large = Made::new(&[Function { row: &[0x0e, 48], ..BY_RSP }, OUTERMOST]);
    for (frame, returns_to) in [(0, outer), (8, outer - 1), (8, JUNK)] {
        let words = stack(&[(5, JIT), (frame + 1, returns_to)]);
        let walked = large.walk(&[(RBP, word(frame as u64))], &words, ALL);
        assert_eq!(told(&walked), (cut, certain(&[own, JIT])), "{frame} {returns_to:#x}");
    }
}

#[test]
fn registers_that_a_function_saves_are_the_callers_afterwards() {
    // catches: a caller's frame that is found by the registers of the frame inside of it
    let saves = Function { row: &[0x0e, 48, 0x86, 2, 0x83, 3, 0x8c, 4], ..BY_RSP };
    let by_r12 = Function { row: &[0x0c, 12, 8], ..BY_RSP };
    let by_rbx = Function { row: &[0x0c, 3, 8], ..BY_RSP };
    let made = Made::new(&[saves, BY_RSP, BY_RBP, by_r12, by_rbx, OUTERMOST]);
    let places: [u64; 6] = Made::places();
    let words = stack(&[
        (2, word(20)), // r12
        (3, word(30)), // rbx
        (4, word(10)), // rbp
        (5, places[1]),
        (7, places[2]),
        (10, JUNK),
        (11, places[3]),
        (20, places[4]),
        (30, places[5]),
    ]);
    // The innermost function has values of its own in these registers. The walk needs none of them.
    let own = [(RBP, word(12)), (RBX, word(12)), (R12, word(12))];
    assert_eq!(told(&made.walk(&own, &words, ALL)), (None, certain(&places)));
    // The walk is the same if the registers of the innermost function are not known.
    assert_eq!(told(&made.walk(&[], &words, ALL)), (None, certain(&places)));
}

#[test]
fn registers_that_no_function_saves_stay_and_others_are_lost() {
    // catches: a register that each function may overwrite, taken for the caller's
    let by_rbx = Function { row: &[0x0c, 3, 16], ..BY_RSP };
    let by_rax = Function { row: &[0x0c, 0, 16], ..BY_RSP };
    // Even its table cannot say that rax is kept, because a call that it makes overwrites rax.
    let says_kept = Function { row: &[0x0e, 16, 0x08, 0], ..BY_RSP };
    let lost = Some(Cut::LostRegister);
    for (inner, by, cut) in [(BY_RSP, by_rbx, None), (BY_RSP, by_rax, lost), (says_kept, by_rax, lost)] {
        let made = Made::new(&[inner, by, OUTERMOST]);
        let places: [u64; 3] = Made::places();
        let words = stack(&[(1, places[1]), (9, places[2])]);
        let walked = made.walk(&[(RBX, word(8)), (RAX, word(8))], &words, ALL);
        let reached = if cut.is_none() { 3 } else { 2 };
        assert_eq!(told(&walked), (cut, certain(&places[..reached])));
    }
}

#[test]
fn a_register_may_be_kept_in_another_and_be_computed() {
    // catches: a rule that is applied to the wrong register, or before the base is known
    let in_r12 = Function { row: &[0x0e, 16, 0x09, 6, 12], ..BY_RSP };
    // rbx is the caller's stack pointer and 24.
    let computed = Function { row: &[0x0e, 16, 0x15, 3, 0x7d], ..BY_RSP };
    let by_rbx = Function { row: &[0x0c, 3, 8], ..BY_RSP };
    let made = Made::new(&[in_r12, computed, by_rbx, BY_RBP, OUTERMOST]);
    let places: [u64; 5] = Made::places();
    let words = stack(&[(1, places[1]), (3, places[2]), (7, places[3]), (20, JUNK), (21, places[4])]);
    let walked = made.walk(&[(RBP, JUNK), (R12, word(20))], &words, ALL);
    assert_eq!(told(&walked), (None, certain(&places)));
}

/// The kernel's frame for a handler: the caller's stack pointer stands 24 bytes above its own.
const BY_MEMORY: Function = Function { row: &[0x0f, 3, 0x77, 24, 0x06], is_signal_frame: true, ..BY_RSP };

#[test]
fn a_copy_that_ends_anywhere_is_a_cut_there() {
    // catches: a word that is half in the copy, and words of the stack as it is now, which belong
    // to a later moment than the copy
    let functions = [BY_RBP, BY_RSP, BY_MEMORY, BY_RBP, OUTERMOST];
    let made = Made::new(&[BY_RBP, BY_RSP, BY_MEMORY, BY_RBP, OUTERMOST]);
    let places: [u64; 5] = Made::places();
    let words = stack(&[
        (4, word(14)), // rbp of `BY_RBP`
        (5, places[1]),
        (7, places[2]),
        (11, word(13)), // the stack pointer before the signal
        (12, places[3]),
        (14, JUNK),
        (15, places[4]),
    ]);
    // The copy must reach behind these words for one more frame each.
    let ends = [0, 6, 8, 13, 16].map(|words: usize| words * 8);
    assert_eq!(ends.len(), functions.len());
    for frame_pointer in [Some(word(4)), None] {
        let known: Vec<_> = frame_pointer.map(|at| (RBP, at)).into_iter().collect();
        for copied in 0..=ends[4] + 8 {
            let walked = made.walk(&known, &words, copied);
            let reached = ends.iter().filter(|end| copied >= **end).count();
            let (cut, frames) = told(&walked);
            assert_eq!(frames, certain(&places[..reached]), "{copied} bytes");
            assert_eq!(
                matches!(cut, Some(Cut::NotCopied { .. })),
                reached < places.len(),
                "{copied}: {cut:?}"
            );
            assert_eq!(cut.is_none(), reached == places.len(), "{copied}: {cut:?}");
        }
    }
}

#[test]
fn a_word_behind_the_copy_is_not_read_from_the_live_stack() {
    // catches: a table that leads behind the copy, followed with words of a later moment, or with
    // the register of the frame inside
    let by_rbx = Function { row: &[0x0c, 3, 8], ..BY_RSP };
    // Each of these needs the last word of the stack, and its return address is far below it.
    let lost = (Some(Cut::LostRegister), 2);
    let functions: [(&str, &[u8], _); 4] = [
        ("the base", &[0x0f, 4, 0x77, 0xd0, 0, 0x06], (Some(Cut::NotCopied { at: word(10) }), 1)),
        ("rbx, by its distance", &[0x0e, 16, 0x11, 3, 0x78], lost),
        ("rbx, by its address", &[0x0e, 16, 0x10, 3, 2, 0x23, 64], lost),
        ("rbx, by its value", &[0x0e, 16, 0x16, 3, 3, 0x23, 64, 0x06], lost),
    ];
    for (what, row, cut) in functions {
        let made = Made::new(&[Function { row, ..BY_RSP }, by_rbx, OUTERMOST]);
        let places: [u64; 3] = Made::places();
        // The base is right above the first return address. rbx is the address of the second.
        let last = if matches!(cut.0, Some(Cut::NotCopied { .. })) { word(2) } else { word(6) };
        let words = stack(&[(1, places[1]), (6, places[2]), (10, last)])[..11].to_vec();
        let ends = [((None, 3), 88), (cut, 80)];
        for ((cut, reached), copied) in ends {
            let walked = made.walk(&[(RBX, word(6))], &words, copied);
            assert_eq!(told(&walked), (cut, certain(&places[..reached])), "{what}, {copied} bytes");
        }
    }
}

#[test]
fn a_frame_pointer_that_nobody_knows_is_found_where_the_function_has_put_it() {
    // catches: a place that only looks right, shown as certain
    let made = Made::new(&[BY_RBP, OUTERMOST, Function { calls: 1, ..BY_RSP }]);
    let places: [u64; 2] = Made::places();
    // By the beginning of the function: 32 bytes above the stack pointer.
    let walked = made.walk(&[], &stack(&[(5, places[1])]), ALL);
    assert_eq!(told(&walked), (None, certain(&places)));
    // Another place has a call of this function, but is not where the beginning says.
    let another = Made::behind_call(2);
    let walked = made.walk(&[], &stack(&[(7, another), (9, places[1])]), ALL);
    assert_eq!(told(&walked), (None, vec![(places[0], false), (places[1], true)]));
    // The thread is in no call, so it may be in the beginning of the function or in its end.
    let walked = made.walk_from(places[0] + 1, &[], &stack(&[(5, places[1])]), ALL);
    assert_eq!(told(&walked), (None, vec![(places[0] + 1, false), (places[1], true)]));
    // No place has one.
    let walked = made.walk(&[], &stack(&[]), ALL);
    assert_eq!(told(&walked), (Some(Cut::NoFramePointer), certain(&places[..1])));
}

#[test]
fn a_table_in_a_form_that_is_not_known_is_a_cut() {
    // catches: a table that is read as if it were of the version that is known
    let own = Made::asleep();
    let words = stack(&[(1, Made::behind_call(1))]);
    let at = own;
    let (none, damaged) = (Cut::NoTable { at }, Cut::DamagedTable { at });
    let entry = Made::entry(0);
    type Change<'a> = (&'a str, usize, &'a [u8], Cut);
    let changes: [Change<'_>; 14] = [
        ("another version of the index", 0, &[2], none),
        ("an index with other pointers", 2, &[4], none),
        ("an index with absolute addresses", 3, &[0x0b], none),
        ("more rows than there is room for", 8, &[0, 2, 0, 0], none),
        ("no rows", 8, &[0; 4], none),
        ("a row that begins behind the code", 12, &[0, 0x40, 0, 0], none),
        ("an entry of another function", entry + 12, &[0x40, 0, 0, 0], none),
        ("an entry that is longer than the memory", entry, &[0, 0, 1, 0], damaged),
        ("an entry of the 64-bit form", entry, &[0xff; 4], damaged),
        ("a common entry where there is none", entry + 4, &[0xff; 4], damaged),
        ("another version of the common entry", Made::COMMON + 8, &[2], damaged),
        ("a version to come", Made::COMMON + 8, &[5], damaged),
        ("a form of the common entry that is not known", Made::COMMON + 10, b"?", damaged),
        ("an instruction that is not known", entry + 17, &[0x3f], damaged),
    ];
    assert_eq!(Made::new(&[BY_RSP, OUTERMOST]).walk(&[], &words, ALL).cut, None, "the table as it was made");
    for (what, place, bytes, cut) in changes {
        let mut made = Made::new(&[BY_RSP, OUTERMOST]);
        made.put(place, bytes);
        let walked = made.walk(&[], &words, ALL);
        assert_eq!(told(&walked), (Some(cut), certain(&[own])), "{what}");
    }
}
