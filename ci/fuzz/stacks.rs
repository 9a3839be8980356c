//! Owns the fuzz target of `homebound-stacks`: any bytes are a damaged stack, and damage to the
//! unwind tables of this program; each walk ends, and neither faults nor panics.
//! Refuses to know how a stack is walked: the sources of the crate are compiled in.
#![no_main]
#![allow(dead_code, unreachable_pub)]

#[path = "../../homebound-stacks/tests/damaged/linux.rs"]
mod linux;
#[path = "../../homebound-stacks/src/stack.rs"]
mod stack;
#[path = "../../homebound-stacks/tests/damaged/world.rs"]
mod world;

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use world::{Case, Process};

thread_local!(static PROCESS: RefCell<Process> = RefCell::new(Process::new()));

/// The next bytes as a number; zeros behind the end.
fn take<const N: usize>(bytes: &mut &[u8]) -> u64 {
    let mut number = [0; 8];
    for byte in &mut number[..N] {
        if let Some((first, rest)) = bytes.split_first() {
            (*byte, *bytes) = (*first, rest);
        }
    }
    u64::from_le_bytes(number)
}

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    let (damage, seed) = (take::<2>(&mut rest) as u16, take::<8>(&mut rest));
    let (place, fp) = (take::<4>(&mut rest) as u32, take::<8>(&mut rest));
    let mut words = Vec::new();
    while !rest.is_empty() {
        words.push((take::<1>(&mut rest) as u8, take::<4>(&mut rest)));
    }
    let case = Case { damage, seed, place, fp: (fp != 0).then_some(fp), words };
    PROCESS.with(|process| process.borrow_mut().walk(&case));
});
