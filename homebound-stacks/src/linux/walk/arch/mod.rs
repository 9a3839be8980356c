//! Owns what differs between machines: the numbers of registers, and the few instructions that tell
//! where a frame is if its frame pointer is not known.
//! Refuses to read memory and to walk. Both machines are compiled on both, so that each is tested.
//!
//! Read `x86_64` first.

#[cfg_attr(
    not(target_arch = "aarch64"),
    allow(dead_code, reason = "compiled on both, so that both are tested")
)]
pub(crate) mod aarch64;
#[cfg_attr(
    not(target_arch = "x86_64"),
    allow(dead_code, reason = "compiled on both, so that both are tested")
)]
pub(crate) mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(crate) use aarch64::AARCH64 as HOST;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::X86_64 as HOST;

/// How many bytes of a function's beginning are looked at.
pub(crate) const PROLOGUE: usize = 96;

/// One machine.
#[derive(Debug)]
pub(crate) struct Arch {
    /// The machine's number in an ELF header.
    pub(crate) elf: u16,
    /// Numbers in the unwind tables: stack pointer, frame pointer, program counter.
    pub(crate) sp: u16,
    pub(crate) fp: u16,
    pub(crate) pc: u16,
    /// The column of the return address. On aarch64 it is the link register.
    pub(crate) ra: u16,
    /// The registers that a called function preserves, as bits: without a rule in the table they
    /// keep their values.
    pub(crate) preserved: u64,
    /// The frame of the thread that calls `vfork`, if it is known: the argument of that system call
    /// which has the return address.
    pub(crate) vfork: Option<(u64, usize)>,
    /// The frame behind a signal handler, for kernels where the tables of the kernel's own code do
    /// not lead to the place at which the thread was interrupted.
    pub(crate) signal_frame: Option<SignalFrame>,
    /// The instruction by which a thread enters the kernel for a system call.
    pub(crate) system_call: &'static [u8],
    /// The bits of an address. Above them a return address may be signed.
    pub(crate) address: u64,
    /// How far above the stack pointer the frame pointer points, by the beginning of the function:
    /// `None` if the function does not begin in one of the usual ways.
    pub(crate) frame_size: fn(&[u8]) -> Option<u64>,
    /// Whether the eight bytes that end at a return address end with a call, and of what.
    pub(crate) call_before: fn(&[u8; 8], u64) -> Option<Target>,
    /// The place of the pointer through which the stub at this address jumps, if it is a stub of a
    /// linkage table.
    pub(crate) stub: fn(&[u8; 16], u64) -> Option<u64>,
}

/// The registers of an interrupted thread, as the kernel puts them on the stack for a handler.
#[derive(Debug)]
pub(crate) struct SignalFrame {
    /// The code to which a handler returns.
    pub(crate) code: [u8; 8],
    /// How far above the stack pointer of that code register 0 stands. The others follow, then
    /// the stack pointer and the program counter.
    pub(crate) registers: u64,
}

/// The target of a call instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// This address.
    At(u64),
    /// The address that stands at this address.
    Through(u64),
    /// A register knows it.
    Unknown,
}

/// Four bytes of code as a number, or zero beyond the end.
pub(crate) fn word(code: &[u8], at: usize) -> u32 {
    let bytes = code.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(0, u32::from_le_bytes)
}
