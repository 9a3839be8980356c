//! Owns the facts about x86_64.
//! Refuses to decode more than the beginning of a function, a call, and a stub.

use super::{Arch, Target, word};

pub(crate) const X86_64: Arch = Arch {
    elf: 62,
    sp: 7,
    fp: 6,
    pc: 16,
    ra: 16,
    // rbx, rbp, r12 to r15.
    preserved: 1 << 3 | 1 << 6 | 0xf << 12,
    // The C library keeps the return address in rdi, since the child shares the stack.
    vfork: Some((58, 0)),
    // The table of the C library has it all.
    signal_frame: None,
    system_call: &[0x0f, 0x05],
    address: u64::MAX,
    frame_size,
    call_before,
    stub,
};

const ENDBR64: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];

/// `sub rsp, 4096; mov qword ptr [rsp], 0; cmp rsp, r11; jne` back to the beginning.
const TO_R11: [u8; 20] = [
    0x48, 0x81, 0xec, 0x00, 0x10, 0x00, 0x00, 0x48, 0xc7, 0x04, 0x24, 0, 0, 0, 0, 0x4c, 0x39, 0xdc, 0x75,
    0xec,
];

/// `push rbp; mov rbp, rsp`, then pushes, then `sub rsp, n`, in pages if the function probes them.
fn frame_size(code: &[u8]) -> Option<u64> {
    let mut rest = code.strip_prefix(&ENDBR64).unwrap_or(code);
    rest = rest.strip_prefix(&[0x55])?;
    rest = rest.strip_prefix(&[0x48, 0x89, 0xe5]).or_else(|| rest.strip_prefix(&[0x48, 0x8b, 0xec]))?;
    let mut size = 0_u64;
    loop {
        rest = match rest {
            // push of an old register, of a new one
            [0x50..=0x57, rest @ ..] | [0x41, 0x50..=0x57, rest @ ..] => {
                size += 8;
                rest
            }
            // lea r11, [rsp - n], and a loop that goes there and touches each page
            [0x4c, 0x8d, 0x9c, 0x24, _, _, _, _, after @ ..] => {
                size += u64::from((word(rest, 4) as i32).unsigned_abs());
                after.strip_prefix(&TO_R11)?
            }
            // and rsp, n: the size depends on where the stack was
            [0x48, 0x83 | 0x81, 0xe4, ..] => return None,
            // sub rsp, n: 8 bits
            [0x48, 0x83, 0xec, n, ..] => return Some(size + u64::from(*n)),
            // sub rsp, n: 32 bits; if a page is touched then, there is more to come
            [0x48, 0x81, 0xec, _, _, _, _, after @ ..] => {
                size += u64::from(word(rest, 3));
                // mov qword ptr [rsp], 0
                match after.strip_prefix(&[0x48, 0xc7, 0x04, 0x24, 0, 0, 0, 0]) {
                    Some(more) => more,
                    None => return Some(size),
                }
            }
            _ => return Some(size),
        }
    }
}

fn call_before(code: &[u8; 8], ret: u64) -> Option<Target> {
    let relative = || ret.wrapping_add_signed(i64::from(word(code, 4) as i32));
    // Calls through a register or a place in memory: opcode ff, with 2 in the middle of the next
    // byte.
    let is_indirect = |at: usize| code[at] == 0xff && code[at + 1] >> 3 & 7 == 2;
    match code {
        [_, _, _, 0xe8, ..] => Some(Target::At(relative())),
        [_, _, 0xff, 0x15, ..] => Some(Target::Through(relative())),
        _ => [6, 5, 4, 2, 1].into_iter().any(is_indirect).then_some(Target::Unknown),
    }
}

/// `[endbr64;] [bnd] jmp [rip + n]`
fn stub(code: &[u8; 16], at: u64) -> Option<u64> {
    let mut skipped = if code.starts_with(&ENDBR64) { 4 } else { 0 };
    skipped += usize::from(code[skipped] == 0xf2);
    if code[skipped..skipped + 2] != [0xff, 0x25] {
        return None;
    }
    let distance = word(code, skipped + 2) as i32;
    Some(at.wrapping_add(skipped as u64 + 6).wrapping_add_signed(i64::from(distance)))
}
