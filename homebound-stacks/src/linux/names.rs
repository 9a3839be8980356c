//! Owns the names of functions, and the text of a stack with names.
//! Refuses to look for source lines and inlined functions: their tables are large.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use object::elf::FileHeader64;
use object::read::elf::ElfFile;
use object::read::{ReadCache, ReadRef};
use object::{Endianness, Object, ObjectSymbol, ObjectSymbolTable, SymbolKind};

use crate::linux::mounts::Mounts;
use crate::linux::sys::memory;
use crate::linux::walk::module::{Module, module_at};
use crate::place::{Place, Reading, Unread};
use crate::stack::{Frame, Stack};

/// Functions that are folded in the one line of a stack: they say how a thread waits, and not where
/// in the program.
const FOLDED: [&str; 8] =
    ["std::", "core::", "alloc::", "__rust", "parking_lot", "lock_api", "crossbeam_channel", "rustix"];

/// Libraries all of whose functions are folded.
const SYSTEM: [&str; 5] = ["libc.so", "libc-", "libpthread", "ld-linux", "ld-musl"];

/// The names of the functions in some stacks.
///
/// A function without a name, because its file was stripped, is shown as `module+offset
/// [build-id]`: tools such as `addr2line` find its name in a file that was not stripped.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// By the address of an instruction.
    found: HashMap<u64, Place>,
    unread: Vec<Unread>,
    folded: Vec<String>,
}

/// Number of symbols between two looks at the clock.
const MANY: usize = 4096;

const NO_TIME: &str = "there was no time left";

/// The modules of a process, as a session knew them.
///
/// [`Stacks`](crate::Stacks) can go on, or be used by another thread, while names are read.
#[derive(Clone, PartialEq, Eq)]
pub struct Modules(pub(crate) Arc<[Module]>);

impl Modules {
    /// The names of the functions of these frames, as far as `reading` allows to read them:
    /// [`Names::unread`] says which files were not read, or not as a whole.
    #[must_use]
    pub fn names(&self, frames: impl IntoIterator<Item = Frame>, reading: Reading) -> Names {
        let wanted: BTreeSet<u64> = frames.into_iter().map(|frame| frame.instruction()).collect();
        let mut by_module = BTreeMap::<u64, (&Module, Vec<u64>)>::new();
        for address in wanted {
            if let Some(module) = module_at(&self.0, address) {
                by_module.entry(module.range.start).or_insert((module, Vec::new())).1.push(address);
            }
        }
        let mounts = reading.local_only.then(Mounts::read);
        let (mut found, mut unread) = (HashMap::new(), Vec::new());
        for (module, addresses) in by_module.into_values() {
            let (places, refused) = names_in(module, &addresses, reading.until, mounts.as_ref());
            found.extend(places);
            unread.extend(refused.map(|why| Unread { module: module.path.clone(), why }));
        }
        Names { found, unread, folded: FOLDED.map(str::to_owned).to_vec() }
    }
}

impl fmt::Debug for Modules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|module| &module.path)).finish()
    }
}

impl Names {
    pub(crate) fn of(modules: &Arc<[Module]>, stacks: &[Stack]) -> Names {
        let frames = stacks.iter().flat_map(Stack::frames);
        Modules(Arc::clone(modules)).names(frames, Reading::default())
    }

    /// The files whose names were not read, or not all of them, and why.
    #[must_use]
    pub fn unread(&self) -> &[Unread] {
        &self.unread
    }

    /// Where in a file the code of a frame is. `None` if it is in no file, because it was made at
    /// run time.
    #[must_use]
    pub fn place(&self, frame: &Frame) -> Option<&Place> {
        self.found.get(&frame.instruction())
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
        self.place(frame)?.function.as_deref()
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

    /// True if this frame only says how the thread waits: a function of std, of the C library, or
    /// of a crate by which threads wait. The one line of a stack folds it.
    #[must_use]
    pub fn is_folded(&self, frame: &Frame) -> bool {
        let Some(name) = self.place(frame) else { return false };
        let file =
            Path::new(&*name.module).file_name().and_then(|file| file.to_str()).unwrap_or(&name.module);
        let is_system = SYSTEM.iter().any(|start| file.starts_with(start)) || file == "[vdso]";
        let function = name.function.as_deref().unwrap_or_default();
        // `<std::sync::Mutex<T>>::lock` is a function of std, too.
        let function = function.trim_start_matches('<');
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
        let Some(place) = self.names.place(frame) else { return write!(f, "{mark}{:#x}", frame.address) };
        match &place.function {
            Some(function) if with_distance => {
                write!(f, "{mark}{function}+{:#x}", place.distance + u64::from(frame.is_return_address))
            }
            Some(function) => write!(f, "{mark}{function}"),
            None => {
                let offset = place.offset + u64::from(frame.is_return_address);
                let file = place.module.rsplit('/').next().unwrap_or(&place.module);
                write!(f, "{mark}{file}+{offset:#x}")?;
                place.build_id.as_ref().map_or(Ok(()), |id| write!(f, " [{id}]"))
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

/// The names of the functions at sorted addresses, with the distance from their beginnings.
type Functions = Vec<Option<(Arc<str>, u64)>>;

/// Places for sorted addresses of one module; and why the names are not all there.
fn names_in(
    module: &Module,
    addresses: &[u64],
    until: Option<Instant>,
    mounts: Option<&Mounts>,
) -> (Vec<(u64, Place)>, Option<String>) {
    let functions = match &*module.path {
        // The kernel's page of code has its symbols in memory.
        "[vdso]" => {
            let mut copy = vec![0; (module.range.end - module.range.start).min(1 << 20) as usize];
            let length = memory::copy(module.range.start, &mut copy).unwrap_or(0);
            functions(&copy[..length], module, addresses, until)
        }
        path => {
            let file = match mounts.and_then(|mounts| mounts.refusal(path)) {
                Some(refusal) => Err(refusal),
                None if until.is_some_and(|until| Instant::now() >= until) => Err(NO_TIME.to_owned()),
                None => open(path).map_err(|error| error.to_string()),
            };
            file.and_then(|file| functions(&ReadCache::new(file), module, addresses, until))
        }
    };
    let (mut functions, refused) = match functions {
        Ok((functions, is_whole)) => (functions, (!is_whole).then(|| NO_TIME.to_owned())),
        Err(refused) => (Vec::new(), Some(refused)),
    };
    functions.resize(addresses.len(), None);
    let build_id = module.build_id.as_ref().map(|id| Arc::from(hexadecimal(id)));
    let named = addresses.iter().zip(functions).map(|(address, function)| {
        let offset = address.wrapping_sub(module.bias);
        let (module, build_id) = (module.path.clone(), build_id.clone());
        let (function, distance) = function.map_or((None, 0), |(name, distance)| (Some(name), distance));
        (*address, Place { function, distance, module, offset, build_id })
    });
    (named.collect(), refused)
}

/// The file of a module. The program's own may have been replaced or removed since it was started.
fn open(path: &str) -> io::Result<File> {
    let own = std::fs::read_link("/proc/self/exe");
    let path = if own.is_ok_and(|own| own == Path::new(path)) { "/proc/self/exe" } else { path };
    File::open(path)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The function at each of the sorted addresses, and true if there was time for all symbols.
///
/// # Errors
///
/// The file cannot be read, or is not the one that is in memory.
fn functions<'data>(
    data: impl ReadRef<'data>,
    module: &Module,
    addresses: &[u64],
    until: Option<Instant>,
) -> Result<(Functions, bool), String> {
    let file = ElfFile::<FileHeader64<Endianness>, _>::parse(data).map_err(|error| error.to_string())?;
    if module.build_id.as_deref() != file.build_id().map_err(|error| error.to_string())? {
        return Err("the file was replaced after it was loaded".to_owned());
    }
    let mut found = vec![None; addresses.len()];
    for table in [file.symbol_table(), file.dynamic_symbol_table()].into_iter().flatten() {
        for (count, symbol) in table.symbols().enumerate() {
            if count % MANY == 0 && until.is_some_and(|until| Instant::now() >= until) {
                return Ok((found, false));
            }
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
                    found[place] = demangled.map(|name| (Arc::from(name), addresses[place] - start));
                }
            }
        }
    }
    Ok((found, true))
}
