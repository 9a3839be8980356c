//! Owns the signal handler: the only code of this crate that runs on a thread that did not call it.
//! Refuses to walk a stack, to find a name, to choose a signal and to wait.
//!
//! The handler touches the slot for which its signal was sent, the `siginfo` and `ucontext` that
//! the kernel gave to it, and `errno`, which it restores. It makes at most 18 system calls:
//! `getpid`, `process_vm_readv`, and a `futex` that wakes. It takes no lock, allocates nothing,
//! uses no thread-local but `errno`, and cannot panic: nothing in it indexes beyond a bound.

use std::ffi::{c_int, c_void};

use super::memory;
use super::slot::{Slot, Ticket};
use super::words::{AtomicU64, Place};
use crate::linux::walk::Registers;

/// How much of a stack is copied. A deeper stack is shown as cut.
pub(crate) const DEEPEST: usize = 256 * 1024;

/// So many threads ask by signals at the same time. Others wait for a slot.
const SLOTS: usize = 4;

/// The answer of a handler: the registers and the copy of the stack.
pub(crate) struct Copied {
    pub(crate) registers: Registers,
    /// Bytes of `stack` that are set. They begin at the stack pointer.
    pub(crate) length: usize,
    /// The number with which the kernel refused to copy, or zero.
    pub(crate) refused: i32,
    pub(crate) stack: [u8; DEEPEST],
}

/// Static, so that no slot is ever freed. Pages that were never used cost nothing.
static ALL: [Slot<Copied>; SLOTS] = [const {
    Slot {
        state: AtomicU64::new(0),
        value: Place::new(Copied { registers: Registers::NONE, length: 0, refused: 0, stack: [0; DEEPEST] }),
    }
}; SLOTS];

/// A slot that waits for its answer.
#[derive(Clone, Copy)]
pub(crate) struct Armed {
    pub(crate) slot: &'static Slot<Copied>,
    pub(crate) ticket: Ticket,
    /// The ticket, and in its low bits the place of the slot: what the signal carries.
    pub(crate) value: u64,
}

/// Claims a slot. Returns `None` if each slot is in use, or its handler still writes.
pub(crate) fn arm() -> Option<Armed> {
    ALL.iter().enumerate().find_map(|(place, slot)| {
        let ticket = slot.arm()?;
        Some(Armed { slot, ticket, value: ticket.0 | place as u64 })
    })
}

const PLACE: u64 = 7;

pub(crate) extern "C" fn answer(_signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the C library gives each thread a place for its error number.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: that place is valid for as long as this thread runs.
    let before = unsafe { *errno };
    if let Some(value) = value_of(info) {
        // A value that does not come from `arm` fits no slot, or none that is armed.
        if let Some(slot) = ALL.get((value & PLACE) as usize) {
            slot.fill(Ticket(value & !PLACE), |copied| fill(copied, context));
        }
    }
    // SAFETY: as above.
    unsafe { *errno = before };
}

/// What the signal carries, if this process queued it.
fn value_of(info: *mut libc::siginfo_t) -> Option<u64> {
    // SAFETY: with SA_SIGINFO the kernel passes a `siginfo_t` that is valid during the handler.
    let info = unsafe { info.as_ref() }?;
    if info.si_code != libc::SI_QUEUE {
        return None;
    }
    // SAFETY: a queued signal has a sender.
    let sender = unsafe { info.si_pid() };
    // SAFETY: a queued signal has a value, which is any bits.
    let value = unsafe { info.si_value() };
    (sender == rustix::process::getpid().as_raw_nonzero().get()).then_some(value.sival_ptr as u64)
}

fn fill(copied: &mut Copied, context: *mut c_void) {
    // SAFETY: with SA_SIGINFO the kernel passes a `ucontext_t` that is valid during the handler.
    let Some(context) = (unsafe { context.cast::<libc::ucontext_t>().as_ref() }) else { return };
    copied.registers = registers(&context.uc_mcontext);
    let from = copied.registers.stack_pointer().unwrap_or(0);
    (copied.length, copied.refused) = match memory::copy(from, &mut copied.stack) {
        Ok(length) => (length, 0),
        Err(errno) => (0, errno),
    };
}

#[cfg(target_arch = "x86_64")]
fn registers(machine: &libc::mcontext_t) -> Registers {
    /// The general registers in the order in which the unwind tables number them.
    const ORDER: [c_int; 17] = [
        libc::REG_RAX,
        libc::REG_RDX,
        libc::REG_RCX,
        libc::REG_RBX,
        libc::REG_RSI,
        libc::REG_RDI,
        libc::REG_RBP,
        libc::REG_RSP,
        libc::REG_R8,
        libc::REG_R9,
        libc::REG_R10,
        libc::REG_R11,
        libc::REG_R12,
        libc::REG_R13,
        libc::REG_R14,
        libc::REG_R15,
        libc::REG_RIP,
    ];
    let mut registers = Registers::NONE;
    for (number, place) in ORDER.into_iter().enumerate() {
        registers.set(number as u16, Some(machine.gregs[place as usize] as u64));
    }
    registers
}

#[cfg(target_arch = "aarch64")]
fn registers(machine: &libc::mcontext_t) -> Registers {
    let mut registers = Registers::NONE;
    for (number, value) in machine.regs.into_iter().enumerate() {
        registers.set(number as u16, Some(value));
    }
    registers.set(31, Some(machine.sp));
    registers.set(32, Some(machine.pc));
    registers
}
