//! Owns where a module lies, and where its unwind tables begin.
//! Refuses to know how modules are found: `maps` finds those of this process.

use std::ops::Range;
use std::sync::Arc;

/// A program, a library or the vDSO in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Module {
    /// Its path in `/proc/self/maps`.
    pub(crate) path: Arc<str>,
    /// All of it.
    pub(crate) range: Range<u64>,
    /// From the first executable byte to the last.
    pub(crate) code: Range<u64>,
    /// What was added to the addresses in its file.
    pub(crate) bias: u64,
    /// `.eh_frame_hdr`: a sorted table that leads to `.eh_frame`.
    pub(crate) index: Option<Range<u64>>,
    /// The identity that the linker gave to the file, if it did.
    pub(crate) build_id: Option<Box<[u8]>>,
}

/// The module at an address. `modules` is sorted by address, and none overlap.
pub(crate) fn module_at(modules: &[Module], address: u64) -> Option<&Module> {
    let after = modules.partition_point(|module| module.range.start <= address);
    modules[..after].last().filter(|module| module.range.contains(&address))
}

pub(crate) fn is_code(modules: &[Module], address: u64) -> bool {
    module_at(modules, address).is_some_and(|module| module.code.contains(&address))
}
