//! Owns walks over stacks and tables that are damaged: the walker's own sources, with memory that
//! is this process's, but for some bytes.
//! Refuses to judge the stacks: a walk must end, and neither fault nor panic.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::linux::maps;
use crate::linux::walk::Registers;
use crate::linux::walk::arch::{Arch, aarch64::AARCH64, x86_64::X86_64};
use crate::linux::walk::frames::{World, walk};
use crate::linux::walk::memory::View;
use crate::linux::walk::module::Module;
use crate::linux::walk::tables::Tables;
use crate::stack::{Cut, Frames, MOST_FRAMES};

/// Where the invented stacks lie: no mapping of a process is there.
pub(crate) const STACK: u64 = 0x10_0000;

/// This process, as a walk sees it.
pub(crate) struct Process {
    memory: File,
    pub(crate) modules: Vec<Module>,
    tables: [Tables; 2],
}

/// The state with which a walk begins, and the damage to the world around it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// How many of 2^16 bytes of code and tables are wrong. The seed decides at which places.
    pub(crate) damage: u16,
    pub(crate) seed: u64,
    /// A place in the code of all modules.
    pub(crate) place: u32,
    pub(crate) fp: Option<u64>,
    /// Words of the stack, each with how it is to be read.
    pub(crate) words: Vec<(u8, u64)>,
}

impl Process {
    pub(crate) fn new() -> Process {
        let memory = File::open("/proc/self/mem").unwrap();
        let read = |at: u64, into: &mut [u8]| memory.read_at(into, at).unwrap_or(0);
        let modules = maps::modules(&View { stack: [(0, &[]); 2], read: &read }).unwrap();
        assert!(modules.len() > 1, "{modules:?}");
        Process { memory, modules, tables: [Tables::new(), Tables::new()] }
    }

    /// An address of code.
    fn code(&self, place: u64) -> u64 {
        let module = &self.modules[place as usize % self.modules.len()];
        module.code.start + place % (module.code.end - module.code.start)
    }

    /// Walks the case as both machines would. Returns how many frames each found.
    pub(crate) fn walk(&mut self, case: &Case) -> [usize; 2] {
        let stack: Vec<u8> = case.words.iter().flat_map(|word| self.word(*word).to_le_bytes()).collect();
        let address = self.code(case.place.into());
        let Process { memory, modules, tables } = self;
        let wrong = |at: u64| {
            let mixed = (at ^ case.seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            if mixed as u16 >= case.damage { 0 } else { (mixed >> 40) as u8 }
        };
        let read = |at: u64, into: &mut [u8]| {
            let length = memory.read_at(into, at).unwrap_or(0);
            into[..length].iter_mut().zip(at..).for_each(|(byte, at)| *byte ^= wrong(at));
            length
        };
        let machines: [&Arch; 2] = [&X86_64, &AARCH64];
        let mut found = [0; 2];
        for ((arch, tables), found) in machines.into_iter().zip(tables).zip(&mut found) {
            let world =
                World { arch, modules, view: View { stack: [(STACK, &stack), (0, &[])], read: &read } };
            let mut registers = Registers::NONE;
            registers.set(arch.sp, Some(STACK));
            registers.set(arch.pc, Some(address));
            registers.set(arch.fp, case.fp);
            let mut frames = Frames::new();
            // Forget the remembered rows of an earlier walk, because that walk may have been
            // undamaged.
            tables.forget();
            let cut = walk(&world, tables, registers, None, &mut frames);
            *found = frames.len();
            assert!((1..=MOST_FRAMES).contains(found));
            assert_eq!(cut == Some(Cut::TooDeep), *found == MOST_FRAMES && cut.is_some());
        }
        found
    }

    fn word(&self, (kind, value): (u8, u64)) -> u64 {
        match kind % 4 {
            0 => value,
            1 => STACK + value % 4096,
            2 => self.code(value),
            _ => value % 64,
        }
    }
}
