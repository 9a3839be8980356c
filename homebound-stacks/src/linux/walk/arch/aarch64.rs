//! Owns the facts about aarch64.
//! Refuses to decode more than the beginning of a function, a call, and a stub.

use super::{Arch, SignalFrame, Target, word};

pub(crate) const AARCH64: Arch = Arch {
    elf: 183,
    sp: 31,
    fp: 29,
    pc: 32,
    ra: 30,
    // x19 to x30: the link register is preserved in so far as the table of each function that calls
    // has a rule for it.
    preserved: 0xfff << 19,
    // The return address is in the link register, which the kernel does not tell.
    vfork: None,
    signal_frame: Some(SignalFrame {
        // mov x8, 139; svc 0
        code: [0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4],
        // 128 bytes of `siginfo`, 176 of `ucontext` before the registers, and a fault address.
        registers: 128 + 176 + 8,
    }),
    // svc 0
    system_call: &[0x01, 0x00, 0x00, 0xd4],
    address: (1 << 48) - 1,
    frame_size,
    call_before,
    stub,
};

/// Sign-extends the low `bits` of `value`.
fn signed(value: u32, bits: u32) -> i64 {
    i64::from((value << (32 - bits)) as i32 >> (32 - bits))
}

/// The immediate of `add` or `sub` with the stack pointer as its source: `op rd, sp, #n{, lsl 12}`.
fn of_stack_pointer(instruction: u32, operation: u32, target: u32) -> Option<u64> {
    if instruction & 0xff80_0000 != operation || instruction >> 5 & 31 != 31 || instruction & 31 != target {
        return None;
    }
    let value = u64::from(instruction >> 10 & 0xfff);
    Some(if instruction >> 22 & 1 == 1 { value << 12 } else { value })
}

const ADD: u32 = 0x9100_0000;
const SUB: u32 = 0xd100_0000;
const FP: u32 = 29;
const SP: u32 = 31;

/// Pushes in any order, then `add x29, sp, #n` (`mov x29, sp` is the same with 0), and then perhaps
/// `sub sp, sp, #m`: the frame pointer is `n + m` above the stack pointer.
fn frame_size(code: &[u8]) -> Option<u64> {
    let mut instructions = (0..code.len() / 4).map(|place| word(code, 4 * place));
    let mut size =
        instructions.by_ref().take_while(|i| !leaves(*i)).find_map(|i| of_stack_pointer(i, ADD, FP))?;
    for instruction in instructions {
        match of_stack_pointer(instruction, SUB, SP) {
            Some(more) => size += more,
            // Stores of registers may stand between, and come after.
            None if is_store_to_stack(instruction) => {}
            None => break,
        }
    }
    Some(size)
}

/// Whether the function may not go on behind this instruction: a branch, a return, an exception.
fn leaves(instruction: u32) -> bool {
    instruction >> 26 & 0b11111 == 0b00101 || instruction >> 25 == 0b110_1011
}

/// `stp` or `str` with an offset from the stack pointer that does not change it.
fn is_store_to_stack(instruction: u32) -> bool {
    let is_pair = instruction & 0x3bc0_0000 == 0x2900_0000;
    let is_single = instruction & 0x3bc0_0000 == 0x3900_0000;
    (is_pair || is_single) && instruction >> 5 & 31 == SP
}

fn call_before(code: &[u8; 8], ret: u64) -> Option<Target> {
    let instruction = word(code, 4);
    let from = ret.wrapping_sub(4);
    // bl
    if instruction >> 26 == 0b100101 {
        return Some(Target::At(from.wrapping_add_signed(signed(instruction & 0x3ff_ffff, 26) * 4)));
    }
    // blr, with or without a check of the pointer
    let is_register = instruction & 0xffff_fc1f == 0xd63f_0000 || instruction & 0xfeff_f800 == 0xd63f_0800;
    is_register.then_some(Target::Unknown)
}

/// `[bti;] adrp x16, page; ldr x17, [x16, #n]`, the first three instructions of a stub.
fn stub(code: &[u8; 16], at: u64) -> Option<u64> {
    const BTI: u32 = 0xd503_245f;
    let skipped = if word(code, 0) == BTI { 4 } else { 0 };
    let (adrp, ldr) = (word(code, skipped), word(code, skipped + 4));
    if adrp & 0x9f00_001f != 0x9000_0010 || ldr & 0xffc0_03ff != 0xf940_0211 {
        return None;
    }
    let pages = signed((adrp >> 5 & 0x7_ffff) << 2 | adrp >> 29 & 3, 21);
    let page = (at.wrapping_add(skipped as u64) & !0xfff).wrapping_add_signed(pages << 12);
    Some(page.wrapping_add(u64::from(ldr >> 10 & 0xfff) * 8))
}
