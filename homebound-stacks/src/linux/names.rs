//! Owns the names of functions, and the text of a stack with names.
//! Refuses to read debug information: `lines` does, if it is asked for.

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

use crate::linux::folded;
use crate::linux::lines::lines_of_own;
use crate::linux::mounts::Mounts;
use crate::linux::sys::memory;
use crate::linux::walk::module::Module;
use crate::place::{Alike, Line, Place, Reading, Unread};
use crate::stack::{Code, Frame, Stack};

/// The names of the functions in some stacks.
///
/// A function without a name, because its file was stripped, is shown as `module+offset
/// [build-id]`: tools such as `addr2line` find its name in a file that was not stripped.
#[derive(Clone, Debug, Default)]
pub struct Names {
    found: HashMap<Code, Place>,
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
        let wanted: BTreeSet<Code> = frames.into_iter().map(|frame| frame.code()).collect();
        let mut by_module = BTreeMap::<u32, Vec<u64>>::new();
        for Code { module, instruction } in wanted {
            by_module.entry(module).or_default().push(instruction);
        }
        let mounts = reading.local_only.then(Mounts::read);
        let (mut found, mut unread) = (HashMap::new(), Vec::new());
        for module in &*self.0 {
            let Some(addresses) = by_module.remove(&module.number) else { continue };
            let (places, refused) = names_in(module, &addresses, reading.until, mounts.as_ref());
            let code = |instruction| Code { module: module.number, instruction };
            found.extend(places.into_iter().map(|(address, place)| (code(address), place)));
            unread.extend(refused.map(|why| Unread { module: module.path.clone(), why }));
        }
        Names { found, unread, folded: Vec::new() }
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
        self.found.get(&frame.code())
    }

    /// Folds functions whose names begin with `prefix` as well, such as `my_channel::`.
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
    /// of a crate by which threads wait or write their log. The one line of a stack folds it.
    #[must_use]
    pub fn is_folded(&self, frame: &Frame) -> bool {
        self.place(frame).is_some_and(|place| self.is_folded_place(place))
    }

    fn is_folded_place(&self, place: &Place) -> bool {
        folded::is_system(&place.module) || self.is_folded_name(place.function.as_deref())
    }

    fn is_folded_name(&self, function: Option<&str>) -> bool {
        let function = function.unwrap_or_default();
        let bare = function.trim_start_matches('<');
        folded::is_folded(function) || self.folded.iter().any(|prefix| bare.starts_with(prefix.as_str()))
    }

    /// Reads the lines of the frames that are not folded, from the debug information of the
    /// program's own file, if it has `.debug_aranges`, which the Rust compiler writes. Not after
    /// `until`, and not of a file of which [`Names::unread`] tells.
    #[must_use]
    pub fn with_lines(mut self, until: Option<Instant>) -> Names {
        let is_unread = |place: &Place| self.unread.iter().any(|unread| unread.module == place.module);
        let is_wanted =
            |place: &Place| is_own(&place.module) && !self.is_folded_place(place) && !is_unread(place);
        let wanted = self.found.iter().filter(|(_, place)| is_wanted(place));
        let wanted: BTreeMap<u64, Code> = wanted.map(|(code, place)| (place.offset, *code)).collect();
        let offsets: Vec<u64> = wanted.keys().copied().collect();
        if !offsets.is_empty() {
            for (code, lines) in wanted.values().zip(lines_of_own(&offsets, until)) {
                self.found.get_mut(code).into_iter().for_each(|place| place.lines.clone_from(&lines));
            }
        }
        self
    }

    /// The line of the source at which a frame is: in a function that is not folded, or in code of
    /// such a function that was inlined. `None` unless [`Names::with_lines`] has read it.
    #[must_use]
    pub fn line(&self, frame: &Frame) -> Option<&Line> {
        let is_own = |line: &&Line| !self.is_folded_name(line.function.as_deref()) && !line.is_of_std();
        self.place(frame)?.lines.iter().find(is_own)
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
                let distance = place.distance + u64::from(frame.is_return_address);
                write!(f, "{mark}{function}{}+{distance:#x}", Alike(&place.alike))
            }
            Some(function) => write!(f, "{mark}{function}{}", Alike(&place.alike)),
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

/// The function at an address.
#[derive(Clone, Default)]
struct Function {
    /// Its names. Several if the compiler or the linker has made one of functions that are alike:
    /// then no table tells which of them the program has called.
    names: Vec<String>,
    /// How far the address is behind the beginning of the function.
    distance: u64,
}

impl Function {
    /// Adds a name. The names that C libraries give to one function, such as `read` and `__read`,
    /// mean the same, so the first of them is kept.
    fn add(&mut self, name: &str) {
        let is_rust = rustc_demangle::try_demangle(name).is_ok();
        let name = format!("{:#}", rustc_demangle::demangle(name));
        if self.names.is_empty() || is_rust && !self.names.contains(&name) {
            self.names.push(name);
        }
    }
}

/// The functions at sorted addresses, and true if there was time for all symbols.
type Functions = (Vec<Function>, bool);

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
    functions.resize(addresses.len(), Function::default());
    let build_id = module.build_id.as_ref().map(|id| Arc::from(hexadecimal(id)));
    let named = addresses.iter().zip(functions).map(|(address, function)| {
        let offset = address.wrapping_sub(module.bias);
        let (module, build_id) = (module.path.clone(), build_id.clone());
        let Function { names, distance } = function;
        let mut names = names.into_iter().map(Arc::from);
        let (function, alike) = (names.next(), names.collect());
        let lines = Vec::new();
        (*address, Place { function, alike, distance, module, offset, build_id, lines })
    });
    (named.collect(), refused)
}

/// The file of a module. The program's own may have been replaced or removed since it was started.
fn open(path: &str) -> io::Result<File> {
    File::open(if is_own(path) { "/proc/self/exe" } else { path })
}

/// True for the file that this process runs.
fn is_own(path: &str) -> bool {
    std::fs::read_link("/proc/self/exe").is_ok_and(|own| own == Path::new(path))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The function at each of the sorted addresses.
///
/// # Errors
///
/// The file cannot be read, or is not the one that is in memory.
fn functions<'data>(
    data: impl ReadRef<'data>,
    module: &Module,
    addresses: &[u64],
    until: Option<Instant>,
) -> Result<Functions, String> {
    let file = ElfFile::<FileHeader64<Endianness>, _>::parse(data).map_err(|error| error.to_string())?;
    let build_id = file.build_id().map_err(|error| error.to_string())?;
    // A file may have lost its symbols since, and is the same by its id. Without an id the
    // beginning decides, in which the linker has put where all else is.
    let is_same = build_id == module.build_id.as_deref()
        && (build_id.is_some() || data.read_bytes_at(0, module.head.len() as u64) == Ok(&module.head));
    if !is_same {
        return Err("the file was replaced after it was loaded".to_owned());
    }
    let mut found = vec![Function::default(); addresses.len()];
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
            let inside = addresses[first..].iter().take_while(|address| **address < end);
            for (address, function) in inside.zip(&mut found[first..]) {
                let distance = address - start;
                if function.names.is_empty() || function.distance == distance {
                    function.distance = distance;
                    symbol.name().ok().iter().for_each(|name| function.add(name));
                }
            }
        }
    }
    Ok((found, true))
}
