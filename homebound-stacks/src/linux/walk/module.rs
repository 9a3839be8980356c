//! Owns where a module lies, and where its unwind tables begin.
//! Refuses to know how modules are found: `maps` finds those of this process.

use std::ops::Range;
use std::sync::Arc;

use super::memory::View;
use crate::stack::Frames;

/// Bytes of a module that are kept to know it again: the ELF header, the program headers, and in
/// most files the build id. No program writes to them.
pub(crate) const HEAD: usize = 1024;

/// A program, a library or the vDSO in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Module {
    /// One number for one file at one place, in all sessions; not 0. A module that was found again
    /// as it was keeps its number.
    pub(crate) number: u32,
    /// Its path in `/proc/self/maps`.
    pub(crate) path: Arc<str>,
    /// All of it.
    pub(crate) range: Range<u64>,
    /// From the first executable byte to the last.
    pub(crate) code: Range<u64>,
    /// The difference between an address in memory and the same address in the file.
    pub(crate) bias: u64,
    /// `.eh_frame_hdr`: a sorted table that leads to `.eh_frame`.
    pub(crate) index: Option<Range<u64>>,
    /// The identity that the linker gave to the file, if it did.
    pub(crate) build_id: Option<Box<[u8]>>,
    /// Its first bytes, as they are in the file and in memory.
    pub(crate) head: Box<[u8]>,
}

impl Module {
    /// True if the module in memory is still this one, as far as its first bytes tell.
    fn is_there(&self, view: &View<'_>, room: &mut [u8]) -> bool {
        let Some(now) = room.get_mut(..self.head.len()) else { return false };
        (view.read)(self.range.start, now) == now.len() && *now == *self.head
    }
}

/// Notes the module of each frame, which is looked at in memory: another library may have taken the
/// place of the module that is known. Returns the first frame whose module is not there any more.
/// `room` has [`HEAD`] bytes.
pub(crate) fn find_modules(
    modules: &[Module],
    view: &View<'_>,
    room: &mut [u8],
    frames: &mut Frames,
) -> Option<(usize, u64)> {
    // A stack goes through few modules, and through each many times.
    let mut seen = [0; 8];
    for (place, (address, number)) in frames.of_modules().enumerate() {
        let Some(module) = module_at(modules, address.wrapping_sub(1)) else { continue };
        if !seen.contains(&module.number) {
            if !module.is_there(view, room) {
                return Some((place, address));
            }
            seen[place % seen.len()] = module.number;
        }
        *number = module.number;
    }
    None
}

/// The module at an address. `modules` is sorted by address, and none overlap.
pub(crate) fn module_at(modules: &[Module], address: u64) -> Option<&Module> {
    let after = modules.partition_point(|module| module.range.start <= address);
    modules[..after].last().filter(|module| module.range.contains(&address))
}

pub(crate) fn is_code(modules: &[Module], address: u64) -> bool {
    module_at(modules, address).is_some_and(|module| module.code.contains(&address))
}
