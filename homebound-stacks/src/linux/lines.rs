//! Owns the lines of the source, from the debug information of the program's own file.
//! Refuses to read all of it: a look has a fraction of a second. `.debug_aranges` tells which units
//! hold the addresses, and only these units are read of `.debug_info`, the largest section.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use addr2line::{Context, Frame};
use gimli::{DebugAranges, Dwarf, EndianSlice, NativeEndian, SectionId};
use object::elf::FileHeader64;
use object::read::elf::ElfFile;
use object::{CompressionFormat, Endianness, Object, ObjectSection};

use crate::linux::sys::map::OwnFile;
use crate::place::Line;

/// Bytes of the largest unit that is read, which is parsed in one piece, whatever the time.
const LARGEST: u64 = 16 << 20;

type Data<'data> = EndianSlice<'data, NativeEndian>;

/// The lines of each of these addresses, which are sorted, as the file counts them, as far as there
/// is time. Empty if there are none.
pub(super) fn lines_of_own(addresses: &[u64], until: Option<Instant>) -> Vec<Vec<Line>> {
    let Ok(file) = OwnFile::open() else { return Vec::new() };
    let Ok(file) = ElfFile::parse(file.bytes()) else { return Vec::new() };
    let debug = Debug { file };
    let is_over = || until.is_some_and(|until| Instant::now() >= until);
    let mut lines = vec![Vec::new(); addresses.len()];
    for (unit, places) in debug.units_of(addresses, is_over) {
        if is_over() {
            break;
        }
        let Some(context) = debug.unit(unit) else { continue };
        for place in places {
            lines[place] = lines_at(&context, addresses[place]);
        }
    }
    lines
}

/// The debug information of a file.
struct Debug<'data> {
    file: ElfFile<'data, FileHeader64<Endianness>>,
}

impl<'data> Debug<'data> {
    /// A section, which is empty if it is absent or compressed.
    fn section(&self, id: SectionId) -> Data<'data> {
        let section = self.file.section_by_name(id.name());
        let data = section.and_then(|section| section.compressed_data().ok());
        let data = data.filter(|data| data.format == CompressionFormat::None);
        Data::new(data.map_or(&[], |data| data.data), NativeEndian)
    }

    /// The units that hold some of the sorted addresses, by where each unit begins in
    /// `.debug_info`; and the places of these addresses.
    fn units_of(&self, addresses: &[u64], is_over: impl Fn() -> bool) -> BTreeMap<u64, Vec<usize>> {
        let mut units = BTreeMap::new();
        let aranges = DebugAranges::from(self.section(SectionId::DebugAranges));
        let mut headers = aranges.headers();
        while let Ok(Some(header)) = headers.next() {
            if is_over() {
                break;
            }
            let mut entries = header.entries();
            while let Ok(Some(entry)) = entries.next() {
                let end = entry.address().saturating_add(entry.length());
                let first = addresses.partition_point(|address| *address < entry.address());
                let inside = addresses[first..].iter().take_while(|address| **address < end).count();
                if inside > 0 {
                    let offset = header.debug_info_offset().0 as u64;
                    units.entry(offset).or_insert_with(Vec::new).extend(first..first + inside);
                }
            }
        }
        units
    }

    /// The unit that begins at `offset` in `.debug_info`, as if it were all of it. A reference into
    /// another unit, which link-time optimisation makes, is lost, and with it the name of an
    /// inlined function.
    fn unit(&self, offset: u64) -> Option<Context<Data<'data>>> {
        let info = self.section(SectionId::DebugInfo);
        let info = info.slice().get(usize::try_from(offset).ok()?..)?;
        // No unit is so long that its length takes eight bytes, which begin with a mark.
        let length = u64::from(u32::from_ne_bytes(*info.first_chunk()?)) + 4;
        let unit = info.get(..usize::try_from(length).ok()?).filter(|_| length <= LARGEST)?;
        let dwarf = Dwarf::load(|id| {
            Ok::<_, gimli::Error>(match id {
                SectionId::DebugInfo => Data::new(unit, NativeEndian),
                id => self.section(id),
            })
        });
        Context::from_dwarf(dwarf.ok()?).ok()
    }
}

/// The lines of one instruction, the innermost first.
fn lines_at(context: &Context<Data<'_>>, address: u64) -> Vec<Line> {
    let unit = context.find_dwarf_and_unit(address).skip_all_loads();
    let folder = unit.and_then(|unit| unit.comp_dir).map(|folder| folder.to_string_lossy());
    let mut lines = Vec::new();
    let Ok(mut frames) = context.find_frames(address).skip_all_loads() else { return lines };
    while let Ok(Some(frame)) = frames.next() {
        lines.extend(line(&frame, folder.as_deref().unwrap_or_default()));
    }
    lines
}

fn line(frame: &Frame<'_, Data<'_>>, folder: &str) -> Option<Line> {
    let place = frame.location.as_ref()?;
    let (file, line) = (place.file?, place.line?);
    let below = file.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
    let name = frame.function.as_ref().and_then(|function| function.raw_name().ok());
    let function = name.map(|name| Arc::from(format!("{:#}", rustc_demangle::demangle(&name))));
    Some(Line { function, file: Arc::from(below.unwrap_or(file)), line })
}
