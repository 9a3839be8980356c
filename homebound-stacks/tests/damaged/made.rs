//! Owns a made program: functions with unwind tables, byte by byte, in memory that is no process's.
//! Refuses to judge a walk.

use std::cell::RefCell;
use std::sync::Arc;

use crate::linux::walk::Registers;
use crate::linux::walk::arch::x86_64::X86_64;
use crate::linux::walk::frames::{World, walk};
use crate::linux::walk::memory::View;
use crate::linux::walk::module::Module;
use crate::linux::walk::tables::Tables;
use crate::stack::{Cut, Frame, Frames, How, Stack};
use crate::world::STACK;

/// Registers by their numbers in unwind tables.
pub(crate) const RAX: u16 = 0;
pub(crate) const RBX: u16 = 3;
pub(crate) const RBP: u16 = 6;
pub(crate) const R12: u16 = 12;

/// Where the program lies, and in it the index, the tables and the code.
const BASE: u64 = 0x40_0000;
const INDEX: usize = 0;
const TABLES: usize = 0x1000;
const CODE: usize = 0x3000;
const SIZE: usize = 0x5000;

/// Bytes from function to function, and from the beginning of one to the place behind its call.
const APART: usize = 0x100;
const RETURN: usize = 0x45;

/// Code that belongs to no file.
pub(crate) const JIT: u64 = 0x70_0000;

/// A function that calls one other.
#[derive(Clone, Copy)]
pub(crate) struct Function {
    pub(crate) begins: &'static [u8],
    /// Instructions for the one row of its unwind table.
    pub(crate) row: &'static [u8],
    /// The function that it calls, by its place in the program.
    pub(crate) calls: usize,
    /// Its frame is the kernel's, for a signal handler.
    pub(crate) is_signal_frame: bool,
}

/// `push rbp; mov rbp, rsp; sub rsp, 32`. The caller's frame ends at rbp + 16.
pub(crate) const BY_RBP: Function = Function {
    begins: &[0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x20],
    row: &[0x0c, 6, 16, 0x86, 2],
    calls: 0,
    is_signal_frame: false,
};

/// The caller's frame ends at rsp + 16.
pub(crate) const BY_RSP: Function = Function { begins: &[], row: &[0x0e, 16], ..BY_RBP };

/// As [`BY_RSP`], and the table says that it has no caller.
pub(crate) const OUTERMOST: Function = Function { row: &[0x0e, 16, 0x07, 16], ..BY_RSP };

/// A program in memory, and what of it a test has changed.
pub(crate) struct Made {
    image: Vec<u8>,
    modules: Vec<Module>,
    tables: RefCell<Tables>,
}

impl Made {
    pub(crate) fn new(functions: &[Function]) -> Made {
        let mut made = Made { image: vec![0; SIZE], modules: vec![module()], tables: Tables::new().into() };
        made.put(INDEX, &[1, 0x1b, 3, 0x3b]);
        made.put(INDEX + 4, &apart(TABLES, INDEX + 4));
        made.put(INDEX + 8, &(functions.len() as u32).to_le_bytes());
        // Two common entries: of functions, and of frames that the kernel makes. The caller's frame
        // ends at rsp + 8, below which the return address is.
        const COMMON: [usize; 2] = [TABLES, TABLES + 32];
        let rules: &[u8] = &[1, 0x78, 16, 1, 0x1b, 0x0c, 7, 8, 0x90, 1];
        for (at, kind) in COMMON.into_iter().zip([&b"zR\0"[..], b"zRS\0"]) {
            let head = [28, 0, 0, 0, 0, 0, 0, 0, 1];
            made.put(at, &[&head, kind, rules].concat());
        }
        for (place, function) in functions.iter().enumerate() {
            let (code, entry) = (CODE + place * APART, Made::entry(place));
            made.put(INDEX + 12 + 8 * place, &[apart(code, INDEX), apart(entry, INDEX)].concat());
            let common = COMMON[usize::from(function.is_signal_frame)];
            made.put(entry, &[60_u32.to_le_bytes(), apart(entry + 4, common)].concat());
            made.put(entry + 8, &[apart(code, entry + 8), (APART as u32).to_le_bytes()].concat());
            made.put(entry + 17, function.row);
            made.put(code, &[0x90; APART]);
            made.put(code, function.begins);
            // A system call stands behind the call.
            made.put(code + RETURN, &[0x0f, 0x05]);
            made.put(code + RETURN - 5, &[0xe8]);
            made.put(code + RETURN - 4, &apart(CODE + function.calls * APART, code + RETURN));
        }
        made
    }

    /// Where in the image the table's entry of a function is.
    pub(crate) fn entry(place: usize) -> usize {
        TABLES + 64 + 64 * place
    }

    /// Where in the image the common entry of functions is.
    pub(crate) const COMMON: usize = TABLES;

    /// Changes the image.
    pub(crate) fn put(&mut self, at: usize, bytes: &[u8]) {
        self.image[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// The places of a thread that sleeps in the first function, and of each further out.
    pub(crate) fn places<const N: usize>() -> [u64; N] {
        std::array::from_fn(|place| if place == 0 { Made::asleep() } else { Made::behind_call(place) })
    }

    /// The address behind the call that a function makes.
    pub(crate) fn behind_call(place: usize) -> u64 {
        BASE + (CODE + place * APART + RETURN) as u64
    }

    /// The address behind the system call of the first function.
    pub(crate) fn asleep() -> u64 {
        Made::behind_call(0) + 2
    }

    /// Walks from the system call of the first function on. The copy of the stack has the first
    /// `copied` bytes of `words`. The stack in memory has changed since: no copied word is left
    /// there, but all other words are.
    pub(crate) fn walk(&self, known: &[(u16, u64)], words: &[u64], copied: usize) -> Stack {
        self.walk_from(Made::asleep(), known, words, copied)
    }

    pub(crate) fn walk_from(&self, pc: u64, known: &[(u16, u64)], words: &[u64], copied: usize) -> Stack {
        let stack: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut later = stack.clone();
        later[..copied].fill(0xee);
        let read = |at: u64, into: &mut [u8]| {
            let regions = [(BASE, &self.image), (STACK, &later)];
            let from = regions.into_iter().find_map(|(start, bytes)| {
                bytes.get(usize::try_from(at.checked_sub(start)?).ok()?..).filter(|bytes| !bytes.is_empty())
            });
            let from = from.unwrap_or(&[]);
            let length = into.len().min(from.len());
            into[..length].copy_from_slice(&from[..length]);
            length
        };
        let view = View { stack: [(STACK, &stack[..copied]), (0, &[])], read: &read };
        let mut registers = Registers::NONE;
        [(X86_64.sp, STACK), (X86_64.pc, pc)]
            .iter()
            .chain(known)
            .for_each(|(number, value)| registers.set(*number, Some(*value)));
        let world = World { arch: &X86_64, modules: &self.modules, view };
        let mut frames = Frames::new();
        let tables = &mut self.tables.borrow_mut();
        tables.forget();
        let cut = walk(&world, tables, registers, None, &mut frames);
        Stack { tid: 0, how: How::Asleep, call: None, cut, frames }
    }
}

/// The whole of a walk in short: its cut, and each address with a guess's mark.
pub(crate) fn told(stack: &Stack) -> (Option<Cut>, Vec<(u64, bool)>) {
    (stack.cut, stack.frames().map(|Frame { address, is_guess, .. }| (address, is_guess)).collect())
}

fn module() -> Module {
    Module {
        number: 1,
        path: Arc::from("made"),
        range: BASE..BASE + SIZE as u64,
        code: BASE + CODE as u64..BASE + SIZE as u64,
        bias: BASE,
        index: Some(BASE + INDEX as u64..BASE + TABLES as u64),
        build_id: None,
        head: Box::new([]),
    }
}

/// A distance as tables have it.
fn apart(to: usize, from: usize) -> [u8; 4] {
    (to as i32 - from as i32).to_le_bytes()
}
