//! Owns the scan of one package: the places that start threads, and the conditions under which each
//! is compiled.
//! Refuses to know the graph, and how the answer is printed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{Package, TargetKind};

use super::gate::{Build, Gate};
use super::modules::{self, File};
use super::native;
use super::outline::Outline;
use crate::check::{self, Start};
use crate::finding::catalog::{self, Kind};

/// One place that starts a thread.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) file: PathBuf,
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// The path in the catalog, or a word of C.
    pub(crate) what: &'static str,
    /// `thread`, `pool` or `native`.
    pub(crate) kind: &'static str,
    /// All conditions around the place.
    pub(crate) gates: Vec<Gate>,
    /// Whether the place is in this build. `None`: that is not known.
    pub(crate) enabled: Option<bool>,
}

/// The result of the scan of one package.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) places: Vec<Place>,
    pub(crate) files: usize,
    /// Files that could not be parsed, with the parser's words.
    pub(crate) unparsed: Vec<String>,
    /// The reasons for which all files were taken, and not only the files of the target.
    pub(crate) missing: Vec<String>,
    /// Whether the package compiles code that a build script makes.
    pub(crate) generated: bool,
}

/// Looks through a package. `features`: the features of the package that are on.
pub(crate) fn package(
    package: &Package,
    features: BTreeSet<String>,
    target: Option<&BTreeSet<String>>,
    build_scripts: bool,
) -> Result<Scan, std::io::Error> {
    let root = package.manifest_path.parent().map_or(Path::new("."), |root| root.as_std_path());
    let listing = modules::list(root)?;
    let mut scan = Scan { files: listing.rust.len() + listing.native.len(), ..Scan::default() };
    for path in &listing.native {
        scan.places.extend(native::starts(path).into_iter().map(|(line, what)| Place {
            file: path.clone(),
            line,
            column: 0,
            what,
            kind: "native",
            gates: Vec::new(),
            enabled: None,
        }));
    }
    // All files first, and the conditions only if some file has a place.
    let seen = starts_in(&listing.rust);
    // Most packages start nothing, and need no walk.
    if seen.is_empty() {
        return Ok(scan);
    }
    let macros = modules::macros(&listing.rust);
    let free = Build { features: None, target: target.cloned() };
    let exact = Build { features: Some(features), target: target.cloned() };
    let mut look =
        Look { free: &free, exact: &exact, root, seen: &seen, scan: &mut scan, found: BTreeMap::new() };
    let mut reached = BTreeSet::new();
    for target in package.targets.iter().filter(|target| counts(&target.kind, build_scripts)) {
        let from = target.src_path.as_std_path();
        let wanted = |path: &Path| seen.contains_key(path);
        let walked = modules::walk(from, &macros, &free, &wanted, &mut |file| look.file(file));
        look.scan.generated |= walked.generated;
        reached.extend(walked.files);
        if !walked.missing.is_empty() {
            let around = from.parent().unwrap_or(from);
            for path in seen.keys().filter(|path| path.starts_with(around)) {
                if !reached.contains(path) && Some(&**path) != build_script(package) {
                    look.alone(path);
                }
            }
            look.scan.missing.extend(walked.missing.iter().map(|what| shorter(what, root)));
        }
    }
    let found = std::mem::take(&mut look.found);
    scan.places.extend(found.into_values());
    Ok(scan)
}

type Seen = Result<Vec<Start>, (usize, usize, String)>;

/// The places that start threads, for each file that has some or cannot be parsed.
fn starts_in(files: &[PathBuf]) -> BTreeMap<PathBuf, Seen> {
    let entries = entries();
    let mut seen = BTreeMap::new();
    for path in files {
        let Ok(bytes) = std::fs::read(path) else { continue };
        if !check::is_worth_a_look(&bytes) || !entries.iter().any(|entry| entry.is_possible(&bytes)) {
            continue;
        }
        let starts = check::starts(&through_facades(&String::from_utf8_lossy(&bytes))).map(|mut starts| {
            starts.retain(|start| !start.test && kind(start.what).is_some());
            starts
        });
        if !starts.as_ref().is_ok_and(Vec::is_empty) {
            seen.insert(path.clone(), starts);
        }
    }
    seen
}

/// Many crates reach `std::thread` through a module of their own, which a model checker can
/// replace: `use crate::loom::thread;`. Such a line is read as an import of `std::thread`. Line
/// numbers stay the same.
fn through_facades(text: &str) -> String {
    let facade = |line: &str| {
        let path = line.trim().strip_prefix("use crate::").and_then(|rest| rest.strip_suffix("::thread;"));
        path.is_some_and(|path| path.chars().all(|c| c.is_alphanumeric() || "_:".contains(c)))
    };
    let lines = text.split('\n').map(|line| if facade(line) { "use std::thread;" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

/// The words that a file must have to name one path of the catalog, whatever it imports.
struct Words(Vec<memchr::memmem::Finder<'static>>);

impl Words {
    fn is_possible(&self, bytes: &[u8]) -> bool {
        self.0.iter().all(|word| word.find(bytes).is_some())
    }
}

fn entries() -> Vec<Words> {
    let starts = catalog::ENTRIES.iter().filter(|entry| kind(entry.path).is_some());
    let words = |entry: &catalog::Entry| {
        let parts: Vec<&'static str> = entry.path.split("::").collect();
        // A glob import may hide the crate's name. It cannot hide the last two names.
        let from = parts.len().saturating_sub(2);
        // The name of the call, the last one, is the rarest word and is looked for first.
        Words(parts[from..].iter().rev().map(|part| memchr::memmem::Finder::new(*part)).collect())
    };
    starts.map(words).collect()
}

/// A message without the folder of the package.
fn shorter(what: &str, root: &Path) -> String {
    what.replace(&format!("{}{}", root.display(), std::path::MAIN_SEPARATOR), "")
}

fn counts(kinds: &[TargetKind], build_scripts: bool) -> bool {
    kinds.iter().any(|kind| match kind {
        TargetKind::Lib
        | TargetKind::RLib
        | TargetKind::DyLib
        | TargetKind::CDyLib
        | TargetKind::StaticLib => true,
        TargetKind::ProcMacro | TargetKind::CustomBuild => build_scripts,
        _ => false,
    })
}

fn build_script(package: &Package) -> Option<&Path> {
    let script = package.targets.iter().find(|target| target.kind.contains(&TargetKind::CustomBuild));
    script.map(|script| script.src_path.as_std_path())
}

struct Look<'a> {
    /// The target with any features.
    free: &'a Build,
    /// The target with the features that are on.
    exact: &'a Build,
    root: &'a Path,
    seen: &'a BTreeMap<PathBuf, Seen>,
    scan: &'a mut Scan,
    /// By place, since a file can be reached more than once.
    found: BTreeMap<(PathBuf, usize, usize, &'static str), Place>,
}

impl Look<'_> {
    fn alone(&mut self, path: &Path) {
        let Ok(bytes) = std::fs::read(path) else { return };
        let outline = Outline::of(&String::from_utf8_lossy(&bytes), &BTreeMap::new());
        self.file(&File { path, gates: &[], outline: outline.as_ref() });
    }

    fn file(&mut self, file: &File<'_>) {
        let starts = match self.seen.get(file.path) {
            None => return,
            Some(Ok(starts)) => starts,
            Some(Err((line, column, says))) => {
                let path = shorter(&file.path.display().to_string(), self.root);
                let note = format!("{path}:{line}:{column}: {says}");
                if !self.scan.unparsed.contains(&note) {
                    self.scan.unparsed.push(note);
                }
                return;
            }
        };
        for start in starts {
            let Some(kind) = kind(start.what) else { continue };
            let mut gates = file.gates.to_vec();
            if let Some(outline) = file.outline {
                gates.extend(outline.gates_at(start.line, start.column));
            }
            // Features around the place that the syntax shows and the tokens did not.
            let mut known = BTreeSet::new();
            gates.iter().for_each(|gate| gate.features(&mut known));
            let more = start.features.iter().filter(|name| !known.contains(*name));
            gates.extend(more.map(|name| Gate::feature(name)));
            self.place(file.path, start.line, start.column, start.what, kind, gates);
        }
    }

    fn place(
        &mut self,
        file: &Path,
        line: usize,
        column: usize,
        what: &'static str,
        kind: &'static str,
        mut gates: Vec<Gate>,
    ) {
        let mut seen = BTreeSet::new();
        gates.retain(|gate| seen.insert(gate.clone()));
        // On another target. The answer for `--target all` has it.
        if gates.iter().any(|gate| gate.holds(self.free) == Some(false)) {
            return;
        }
        let enabled = Gate::all_hold(&gates, self.exact);
        let file = file.to_owned();
        let key = (file.clone(), line, column, what);
        let place = Place { file, line, column, what, kind, gates, enabled };
        // A file may be reached twice, under different conditions. The way that is in the build
        // counts.
        let rank = |enabled: Option<bool>| enabled.map_or(1, |enabled| 2 * usize::from(enabled));
        match self.found.get(&key) {
            Some(before) if rank(before.enabled) >= rank(enabled) => {}
            _ => drop(self.found.insert(key, place)),
        }
    }
}

/// `None`: the call ends the process, or runs a task on a pool that is listed where it is made.
fn kind(what: &str) -> Option<&'static str> {
    let parts: Vec<_> = what.split("::").collect();
    let (owner, last) = (parts[0], parts[parts.len() - 1]);
    let is_task = match owner {
        "tokio" | "tokio_util" | "actix_rt" | "actix_web" => {
            last.starts_with("spawn") && last != "spawn_blocking"
        }
        "rayon" => last.starts_with("spawn") && parts.len() > 2,
        _ => false,
    };
    let entry = catalog::ENTRIES.iter().find(|entry| entry.path == what);
    match entry.map_or(Kind::Thread, |entry| entry.kind) {
        _ if is_task => None,
        Kind::Pool => Some("pool"),
        Kind::Thread | Kind::Scoped | Kind::Task => Some("thread"),
        Kind::Exit => None,
    }
}
