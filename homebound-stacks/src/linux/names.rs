//! Owns the names of functions, and the text of a stack with names.
//! Refuses to look for source lines and inlined functions: their tables are large.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use object::elf::FileHeader64;
use object::read::elf::ElfFile;
use object::read::{ReadCache, ReadRef};
use object::{Endianness, Object, ObjectSymbol, ObjectSymbolTable, SymbolKind};

use crate::linux::sys::memory;
use crate::linux::walk::module::{Module, module_at};
use crate::stack::{Frame, Stack};

/// Functions that are folded in the one line of a stack: they say how a thread waits, and not where
/// in the program.
const FOLDED: [&str; 9] = [
    "std::",
    "core::",
    "alloc::",
    "__rust",
    "<std::",
    "<core::",
    "<alloc::",
    "parking_lot",
    "crossbeam_channel",
];

/// Libraries all of whose functions are folded.
const SYSTEM: [&str; 5] = ["libc.so", "libc-", "libpthread", "ld-linux", "ld-musl"];

/// The names of the functions in some stacks.
///
/// A function without a name, because its file was stripped, is shown as `module+offset
/// [build-id]`: tools such as `addr2line` find its name in a file that was not stripped.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// By the address of an instruction.
    found: HashMap<u64, Name>,
    folded: Vec<String>,
}

/// Function, module and offset of an address.
#[derive(Clone, Debug)]
struct Name {
    /// Demangled, and how far the address is behind its beginning.
    function: Option<(String, u64)>,
    module: Arc<str>,
    /// The address as the file knows it.
    offset: u64,
    build_id: Option<Arc<str>>,
}

impl Names {
    pub(crate) fn of(modules: &[Module], stacks: &[Stack]) -> Names {
        let wanted: BTreeSet<u64> =
            stacks.iter().flat_map(|stack| stack.frames().map(|frame| frame.instruction())).collect();
        let mut by_module = BTreeMap::<u64, (&Module, Vec<u64>)>::new();
        for address in wanted {
            if let Some(module) = module_at(modules, address) {
                by_module.entry(module.range.start).or_insert((module, Vec::new())).1.push(address);
            }
        }
        let found = by_module.into_values().flat_map(|(module, addresses)| names_in(module, &addresses));
        Names { found: found.collect(), folded: FOLDED.map(str::to_owned).to_vec() }
    }

    /// Folds functions whose names begin with `prefix` as well, as functions of std are.
    #[must_use]
    pub fn folding(mut self, prefix: &str) -> Names {
        self.folded.push(prefix.to_owned());
        self
    }

    /// The function of a frame, demangled, if its name is known.
    #[must_use]
    pub fn function(&self, frame: &Frame) -> Option<&str> {
        let name = self.found.get(&frame.instruction())?;
        name.function.as_ref().map(|(function, _)| function.as_str())
    }

    /// A stack as text. `{}` is one line: the first function that is the program's own, and behind
    /// it in parentheses the functions through which it waits, the innermost last. `{:#}` has a
    /// line for each frame.
    ///
    /// ```text
    /// in shop::book (std::sys::sync::mutex::futex::Mutex::lock_contended > syscall)
    /// ```
    #[must_use]
    pub fn show<'a>(&'a self, stack: &'a Stack) -> Shown<'a> {
        Shown { names: self, stack }
    }

    /// Whether this frame says how the thread waits, and not where.
    fn is_folded(&self, frame: &Frame) -> bool {
        let Some(name) = self.found.get(&frame.instruction()) else { return false };
        let file =
            Path::new(&*name.module).file_name().and_then(|file| file.to_str()).unwrap_or(&name.module);
        let is_system = SYSTEM.iter().any(|start| file.starts_with(start)) || file == "[vdso]";
        let function = name.function.as_ref().map_or("", |(function, _)| function.as_str());
        is_system || self.folded.iter().any(|prefix| function.starts_with(prefix.as_str()))
    }
}

/// A stack with its names, for `{}` and `{:#}`: see [`Names::show`].
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    names: &'a Names,
    stack: &'a Stack,
}

impl Shown<'_> {
    fn place(&self, frame: &Frame, with_distance: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if frame.is_guess { "? " } else { "" };
        let name = self.names.found.get(&frame.instruction());
        match name {
            None => write!(f, "{mark}{:#x}", frame.address),
            Some(Name { function: Some((function, distance)), .. }) if with_distance => {
                write!(f, "{mark}{function}+{:#x}", distance + u64::from(frame.is_return_address))
            }
            Some(Name { function: Some((function, _)), .. }) => write!(f, "{mark}{function}"),
            Some(Name { module, offset, build_id, .. }) => {
                let offset = offset + u64::from(frame.is_return_address);
                let file = module.rsplit('/').next().unwrap_or(module);
                write!(f, "{mark}{file}+{offset:#x}")?;
                build_id.as_ref().map_or(Ok(()), |id| write!(f, " [{id}]"))
            }
        }
    }

    fn line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frames: Vec<Frame> = self.stack.frames().collect();
        let own = frames.iter().position(|frame| !self.names.is_folded(frame));
        // A stack that has none is shown by the outermost function that it has.
        let Some(own) = own.or(frames.len().checked_sub(1)) else { return f.write_str("no frames") };
        f.write_str("in ")?;
        self.place(&frames[own], false, f)?;
        for (count, frame) in frames[..own].iter().rev().enumerate() {
            f.write_str(if count == 0 { " (" } else { " > " })?;
            self.place(frame, false, f)?;
        }
        f.write_str(if own == 0 { "" } else { ")" })?;
        self.stack.cut.map_or(Ok(()), |cut| write!(f, "; cut: {cut}"))
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return self.line(f);
        }
        for (place, frame) in self.stack.frames().enumerate() {
            write!(f, "  #{place:<3} {:#018x} ", frame.address)?;
            self.place(&frame, true, f)?;
            writeln!(f)?;
        }
        self.stack.cut.map_or(Ok(()), |cut| writeln!(f, "  cut: {cut}"))
    }
}

/// Names for sorted addresses of one module.
fn names_in(module: &Module, addresses: &[u64]) -> Vec<(u64, Name)> {
    let functions = match &*module.path {
        // The kernel's page of code has its symbols in memory.
        "[vdso]" => {
            let mut copy = vec![0; (module.range.end - module.range.start).min(1 << 20) as usize];
            let length = memory::copy(module.range.start, &mut copy).unwrap_or(0);
            functions(&copy[..length], module, addresses)
        }
        path => open(path).and_then(|file| functions(&ReadCache::new(file), module, addresses)),
    };
    let mut functions = functions.unwrap_or_default();
    functions.resize(addresses.len(), None);
    let build_id = module.build_id.as_ref().map(|id| Arc::from(hexadecimal(id)));
    let named = addresses.iter().zip(functions).map(|(address, function)| {
        let offset = address.wrapping_sub(module.bias);
        let (module, build_id) = (module.path.clone(), build_id.clone());
        (*address, Name { function, module, offset, build_id })
    });
    named.collect()
}

/// The file of a module. The program's own may have been replaced or removed since it was started.
fn open(path: &str) -> Option<File> {
    let own = std::fs::read_link("/proc/self/exe");
    let path = if own.is_ok_and(|own| own == Path::new(path)) { "/proc/self/exe" } else { path };
    File::open(path).ok()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The function at each of the sorted addresses, with the distance from its beginning. `None` if
/// this is not the file that is in memory.
fn functions<'data>(
    data: impl ReadRef<'data>,
    module: &Module,
    addresses: &[u64],
) -> Option<Vec<Option<(String, u64)>>> {
    let file = ElfFile::<FileHeader64<Endianness>, _>::parse(data).ok()?;
    if module.build_id.as_deref() != file.build_id().ok()? {
        return None;
    }
    let mut found = vec![None; addresses.len()];
    for table in [file.symbol_table(), file.dynamic_symbol_table()].into_iter().flatten() {
        for symbol in table.symbols() {
            if symbol.kind() != SymbolKind::Text || symbol.size() == 0 {
                continue;
            }
            let start = symbol.address().wrapping_add(module.bias);
            let end = start.saturating_add(symbol.size());
            let first = addresses.partition_point(|address| *address < start);
            let inside = addresses[first..].iter().take_while(|address| **address < end).count();
            for place in first..first + inside {
                if found[place].is_none() {
                    let name = symbol.name().ok();
                    let demangled = name.map(|name| format!("{:#}", rustc_demangle::demangle(name)));
                    found[place] = demangled.map(|name| (name, addresses[place] - start));
                }
            }
        }
    }
    Some(found)
}
