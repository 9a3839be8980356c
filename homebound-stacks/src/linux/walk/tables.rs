//! Owns the way from an address of code to its row in the unwind tables, in memory that may be gone
//! or damaged.
//! Refuses to apply the row: `rule` has what it says, `frames` applies it.
//!
//! One row needs one entry of `.eh_frame` and the entry that it has in common with others. Both are
//! copied into one buffer, which gimli reads as if it were the whole section.

use gimli::{
    BaseAddresses, EhFrame, EhFrameOffset, EndianSlice, LittleEndian, UnwindContext, UnwindContextStorage,
    UnwindSection, UnwindTableRow,
};

use super::arch::Arch;
use super::memory::View;
use super::module::{Module, module_at};
use super::rule::{Rule, Section};
use crate::stack::Cut;

/// Bytes of the longest pair of entries. Seen: 9 KiB.
const LONGEST: usize = 64 * 1024;
/// Rows that are remembered, by the low bits of their addresses.
const REMEMBERED: usize = 256;

/// How deep rows are put aside, and how many rules a row has. The depth is that of gimli's own
/// storage. The rules are fewer than gimli's 192, because the context is part of a box, but comes
/// into being on the stack of the caller, which may be small. There is room for the 33 registers
/// of a walk, and for the vector registers that calls preserve on any machine of `arch` (24 at
/// most). A table with more is `DamagedTable`.
#[derive(Debug)]
struct Fixed;

impl UnwindContextStorage<usize> for Fixed {
    type Rules = [(gimli::Register, gimli::RegisterRule<usize>); 64];
    type Stack = [UnwindTableRow<usize, Fixed>; 4];
}

/// Reads the tables. After `new` nothing here allocates.
pub(crate) struct Tables {
    remembered: Vec<Option<(u64, Rule)>>,
    context: Box<UnwindContext<usize, Fixed>>,
    buffer: Vec<u8>,
}

impl Tables {
    pub(crate) fn new() -> Self {
        Tables {
            remembered: vec![None; REMEMBERED],
            context: Box::new(UnwindContext::new_in()),
            buffer: vec![0; LONGEST],
        }
    }

    /// The modules have changed: what was read may be another module's.
    pub(crate) fn forget(&mut self) {
        self.remembered.fill(None);
    }

    /// The rule for the frame of the function that holds the byte at `address`.
    pub(crate) fn rule(
        &mut self,
        arch: &Arch,
        modules: &[Module],
        view: &View<'_>,
        address: u64,
    ) -> Result<Rule, Cut> {
        let place = (address ^ address >> 9) as usize % REMEMBERED;
        if let Some((_, rule)) = self.remembered[place].filter(|(known, _)| *known == address) {
            return Ok(rule);
        }
        let module = module_at(modules, address).ok_or(Cut::NoModule { at: address })?;
        let index = module.index.as_ref().ok_or(Cut::NoTable { at: address })?;
        let entry = find_entry(view, index.start, index.end, address).ok_or(Cut::NoTable { at: address })?;
        let rule = self.read_entry(arch, view, entry, address)?;
        self.remembered[place] = Some((address, rule));
        Ok(rule)
    }

    fn read_entry(&mut self, arch: &Arch, view: &View<'_>, entry: u64, address: u64) -> Result<Rule, Cut> {
        let damaged = Cut::DamagedTable { at: address };
        let (common, common_length) = self.copy_pair(view, entry).ok_or(damaged)?;
        let (bytes, length) = (&self.buffer[..], entry_length(&self.buffer[common_length..]).ok_or(damaged)?);
        let bytes = bytes.get(..common_length + length).ok_or(damaged)?;
        let mut section = EhFrame::from(EndianSlice::new(bytes, LittleEndian));
        section.set_address_size(8);
        // Addresses in an entry are relative to where they stand. The common entry has only
        // addresses that are of no use here.
        let bases = BaseAddresses::default().set_eh_frame(entry.wrapping_sub(common_length as u64));
        let read = section.fde_from_offset(&bases, EhFrameOffset(common_length), EhFrame::cie_from_offset);
        let function = read.map_err(|_| damaged)?;
        if !function.contains(address) {
            return Err(Cut::NoTable { at: address });
        }
        let row = function.unwind_info_for_address(&section, &bases, &mut self.context, address);
        let row = row.map_err(|_| damaged)?;
        let section = Section { common, common_length, entry, encoding: function.cie().encoding() };
        let mut rule = Rule::of_row(arch, row, &section).ok_or(damaged)?;
        rule.start = function.initial_address();
        rule.is_signal_frame = function.is_signal_trampoline();
        Ok(rule)
    }

    /// Copies the common entry and behind it this one, which is then told where the first is.
    fn copy_pair(&mut self, view: &View<'_>, entry: u64) -> Option<(u64, usize)> {
        let [length, distance] = [0, 4].map(|at| view.bytes(entry.wrapping_add(at)).map(u32::from_le_bytes));
        let common = entry.wrapping_add(4).checked_sub(distance?.into())?;
        let length = usize::try_from(length?).ok()?.checked_add(4)?;
        let common_length = usize::try_from(u32::from_le_bytes(view.bytes(common)?)).ok()?.checked_add(4)?;
        let buffer = self.buffer.get_mut(..common_length.checked_add(length)?)?;
        let (first, second) = buffer.split_at_mut(common_length);
        let is_there =
            (view.read)(common, first) == first.len() && (view.read)(entry, second) == second.len();
        let distance = u32::try_from(common_length).ok()?.checked_add(4)?;
        second.get_mut(4..8)?.copy_from_slice(&distance.to_le_bytes());
        is_there.then_some((common, common_length))
    }
}

/// The length of the entry at the beginning of `bytes`, with the word that says it.
fn entry_length(bytes: &[u8]) -> Option<usize> {
    let length = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?);
    usize::try_from(length).ok()?.checked_add(4)
}

/// Looks an address up in `.eh_frame_hdr`: the entry of the last function that begins at or before
/// it. Knows the one form of the table that GNU ld, gold, lld and mold write.
fn find_entry(view: &View<'_>, start: u64, end: u64, address: u64) -> Option<u64> {
    const HEAD: u64 = 12;
    const ROW: u64 = 8;
    // Version 1; pointers as 4 bytes, relative to the pointer and to the table.
    if view.bytes::<4>(start)? != [1, 0x1b, 0x03, 0x3b] {
        return None;
    }
    let rows = u64::from(u32::from_le_bytes(view.bytes(start.checked_add(8)?)?));
    if rows > end.checked_sub(start)?.checked_sub(HEAD)? / ROW {
        return None;
    }
    // A row: where the function begins, and where its entry is, relative to the table.
    let row = |place: u64| -> Option<[u64; 2]> {
        let bytes: [u8; 8] = view.bytes(start.checked_add(HEAD + place * ROW)?)?;
        let [a, b, c, d, e, f, g, h] = bytes;
        let absolute = |bytes| start.wrapping_add_signed(i64::from(i32::from_le_bytes(bytes)));
        Some([absolute([a, b, c, d]), absolute([e, f, g, h])])
    };
    let (mut low, mut high) = (0, rows);
    while low < high {
        let middle = low + (high - low) / 2;
        if row(middle)?[0] <= address {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Some(row(low.checked_sub(1)?)?[1])
}
