//! Owns the list of the modules of this process, from `/proc/self/maps` and the ELF headers in
//! memory.
//! Refuses to ask the loader, whose lock another thread may hold for ever, and to open a module's
//! file.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::linux::walk::arch::HOST;
use crate::linux::walk::memory::View;
use crate::linux::walk::module::{HEAD, Module, module_at};

/// Program headers of one module. Seen: 14.
const MOST_HEADERS: u64 = 64;
/// Bytes of notes that are searched for the build id.
const NOTES: usize = 1024;

const LOAD: u32 = 1;
const NOTE: u32 = 4;
const EH_FRAME_HDR: u32 = 0x6474_e550;
const EXECUTABLE: u32 = 1;

/// All modules, sorted by address.
pub(crate) fn modules(view: &View<'_>) -> io::Result<Vec<Module>> {
    let text = std::fs::read("/proc/self/maps")?;
    Ok(modules_of(&String::from_utf8_lossy(&text), view))
}

/// Gives a number to each module: the number that it had in the earlier list, if it was there.
pub(crate) fn number(modules: &mut [Module], earlier: &[Module]) {
    /// The last number that was given to a module of any session.
    static LAST: AtomicU32 = AtomicU32::new(0);
    for module in modules {
        let known = module_at(earlier, module.range.start);
        module.number = known.map_or(0, |known| known.number);
        if known != Some(&*module) {
            module.number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        }
    }
}

/// One line of the file.
struct Mapping<'a> {
    range: Range<u64>,
    is_readable: bool,
    is_executable: bool,
    offset: u64,
    path: &'a str,
}

/// The modules of this text, with their headers read from memory.
pub(crate) fn modules_of(text: &str, view: &View<'_>) -> Vec<Module> {
    let mappings: Vec<_> = text.lines().filter_map(mapping).collect();
    let executable: Vec<_> = mappings.iter().filter(|m| m.is_executable).map(|m| m.range.clone()).collect();
    let heads = mappings.iter().filter(|mapping| {
        // A program, a library, a file without a name, or the kernel's page of code.
        mapping.offset == 0 && mapping.is_readable && mapping.path.starts_with(['/', '['])
    });
    let mut found: Vec<Module> = heads.filter_map(|head| module(head, &executable, view)).collect();
    found.sort_by_key(|module| module.range.start);
    // A second mapping of a file does not shadow the first.
    found.dedup_by(|later, earlier| later.range.start < earlier.range.end);
    found
}

/// `START-END PERMISSIONS OFFSET DEVICE INODE PATH`
fn mapping(line: &str) -> Option<Mapping<'_>> {
    let mut fields = line.splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let permissions = fields.next()?;
    let hexadecimal = |text| u64::from_str_radix(text, 16).ok();
    let offset = hexadecimal(fields.next()?)?;
    let path = fields.nth(2).unwrap_or_default().trim_start();
    Some(Mapping {
        range: hexadecimal(start)?..hexadecimal(end)?,
        is_readable: permissions.starts_with('r'),
        is_executable: permissions.as_bytes().get(2) == Some(&b'x'),
        offset,
        path,
    })
}

/// A program header.
struct Segment {
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    size: u64,
}

fn segments(start: u64, view: &View<'_>) -> Option<Vec<Segment>> {
    let header: [u8; 64] = view.bytes(start)?;
    let half = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    // 64 bits, lowest byte first, this machine.
    if header[..6] != [0x7f, b'E', b'L', b'F', 2, 1] || half(18) != HOST.elf || half(54) != 56 {
        return None;
    }
    let table = start.wrapping_add(u64::from_le_bytes(header[32..40].try_into().ok()?));
    let count = u64::from(half(56)).min(MOST_HEADERS);
    let segment = |place: u64| {
        let bytes: [u8; 56] = view.bytes(table.wrapping_add(place * 56))?;
        let word = |at: usize| Some(u64::from_le_bytes(bytes[at..at + 8].try_into().ok()?));
        let (kind, flags) = (word(0)? as u32, (word(0)? >> 32) as u32);
        Some(Segment { kind, flags, offset: word(8)?, address: word(16)?, size: word(40)? })
    };
    (0..count).map(segment).collect()
}

fn module(head: &Mapping<'_>, executable: &[Range<u64>], view: &View<'_>) -> Option<Module> {
    let (start, path) = (head.range.start, head.path);
    let segments = segments(start, view)?;
    let loads = || segments.iter().filter(|segment| segment.kind == LOAD);
    let first = loads().find(|segment| segment.offset == 0)?;
    let bias = start.wrapping_sub(first.address & !0xfff);
    let range = |segment: &Segment| {
        let start = bias.wrapping_add(segment.address);
        Some(start..start.checked_add(segment.size)?)
    };
    let ends = loads().filter_map(range);
    let whole = start..ends.map(|range| range.end).max()?;
    let code: Vec<_> = loads().filter(|segment| segment.flags & EXECUTABLE != 0).filter_map(range).collect();
    let code = code.iter().map(|range| range.start).min()?..code.iter().map(|range| range.end).max()?;
    // A file that is mapped to be read looks like a module, and has nothing executable in its
    // place.
    if !executable.iter().any(|range| range.contains(&code.start)) {
        return None;
    }
    let index = segments.iter().find(|segment| segment.kind == EH_FRAME_HDR).and_then(range);
    let notes = segments.iter().filter(|segment| segment.kind == NOTE).filter_map(range);
    let build_id = notes.into_iter().find_map(|range| build_id(range, view));
    let mut head = vec![0; HEAD];
    let length = (view.read)(start, &mut head);
    head.truncate(length);
    let (path, head) = (Arc::from(path), head.into());
    Some(Module { number: 0, path, range: whole, code, bias, index, build_id, head })
}

fn build_id(range: Range<u64>, view: &View<'_>) -> Option<Box<[u8]>> {
    let mut notes = [0; NOTES];
    let wanted = usize::try_from(range.end - range.start).ok()?.min(NOTES);
    let length = (view.read)(range.start, &mut notes[..wanted]);
    build_id_in(&notes[..length])
}

/// The build id among the notes of a file.
pub(crate) fn build_id_in(mut notes: &[u8]) -> Option<Box<[u8]>> {
    const BUILD_ID: u32 = 3;
    loop {
        let word = |at: usize| Some(u32::from_le_bytes(notes.get(at..at + 4)?.try_into().ok()?));
        let (name, length, kind) = (word(0)? as usize, word(4)? as usize, word(8)?);
        // Both are padded to four bytes.
        let start = 12 + name.checked_next_multiple_of(4)?;
        let value = notes.get(start..start.checked_add(length)?)?;
        if kind == BUILD_ID && notes.get(12..16) == Some(b"GNU\0") {
            return Some(value.into());
        }
        notes = notes.get(start + length.checked_next_multiple_of(4)?..)?;
    }
}
