//! Owns the scan of one package: the places in its files that start threads, and under which conditions they are compiled.
//! Refuses to know the graph, and what is printed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{Package, TargetKind};

use super::gate::{Build, Gate};
use super::modules::{self, File};
use super::native;
use crate::catalog::{self, Kind};
use crate::check;

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
    /// All conditions around it.
    pub(crate) gates: Vec<Gate>,
    /// Whether it is in this build. `None`: that cannot be known.
    pub(crate) enabled: Option<bool>,
}

/// What was found in one package.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) places: Vec<Place>,
    pub(crate) files: usize,
    /// Those that could not be parsed, with what the parser said.
    pub(crate) unparsed: Vec<String>,
    /// Why all files were taken, and not those alone that belong to the target.
    pub(crate) missing: Vec<String>,
    /// Whether it compiles code that a build script makes.
    pub(crate) generated: bool,
}

/// Looks through a package. `features` are those of it that are on.
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
    // Most packages have no word of threads in them, and need no parser.
    let worth = |path: &PathBuf| std::fs::read(path).is_ok_and(|bytes| check::is_worth_a_look(&bytes));
    if !listing.rust.iter().any(worth) {
        return Ok(scan);
    }
    let macros = modules::macros(&listing.rust);
    let free = Build { features: None, target: target.cloned() };
    let exact = Build { features: Some(features), target: target.cloned() };
    let mut look = Look { free: &free, exact: &exact, scan: &mut scan, found: BTreeMap::new() };
    let mut reached = BTreeSet::new();
    for target in package.targets.iter().filter(|target| counts(&target.kind, build_scripts)) {
        let root = target.src_path.as_std_path();
        let walked = modules::walk(root, &macros, &free, &mut |file| look.file(file));
        look.scan.generated |= walked.generated;
        reached.extend(walked.files);
        if !walked.missing.is_empty() {
            let around = root.parent().unwrap_or(root);
            for path in listing.rust.iter().filter(|path| path.starts_with(around)) {
                if !reached.contains(path) && Some(&**path) != build_script(package) {
                    look.alone(path);
                }
            }
            look.scan.missing.extend(walked.missing);
        }
    }
    let found = std::mem::take(&mut look.found);
    scan.places.extend(found.into_values());
    Ok(scan)
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
    /// Any features.
    free: &'a Build,
    /// Those that are on.
    exact: &'a Build,
    scan: &'a mut Scan,
    /// By where they are, since a file can be reached more than once.
    found: BTreeMap<(PathBuf, usize, usize, &'static str), Place>,
}

impl Look<'_> {
    fn alone(&mut self, path: &Path) {
        let Ok(bytes) = std::fs::read(path) else { return };
        let text = String::from_utf8_lossy(&bytes);
        let outline = super::outline::Outline::of(&text, &BTreeMap::new());
        self.file(&File { path, text: &text, gates: &[], outline: outline.as_ref() });
    }

    fn file(&mut self, file: &File<'_>) {
        if !check::is_worth_a_look(file.text.as_bytes()) {
            return;
        }
        let starts = match check::starts(file.text) {
            Ok(starts) => starts,
            Err((line, column, says)) => {
                let note = format!("{}:{line}:{column}: {says}", file.path.display());
                if !self.scan.unparsed.contains(&note) {
                    self.scan.unparsed.push(note);
                }
                return;
            }
        };
        for start in starts.into_iter().filter(|start| !start.test) {
            let Some(kind) = kind(start.what) else { continue };
            let mut gates = file.gates.to_vec();
            if let Some(outline) = file.outline {
                gates.extend(outline.gates_at(start.line, start.column));
            }
            // What the parser saw and the tokens did not.
            let mut known = BTreeSet::new();
            gates.iter().for_each(|gate| gate.features(&mut known));
            let more = start.features.into_iter().filter(|name| !known.contains(name));
            gates.extend(more.map(|name| Gate::Is("feature".to_owned(), Some(name))));
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
        if gates.iter().any(|gate| gate.holds(self.free) == Some(false)) {
            return;
        }
        let enabled = Gate::All(gates.clone()).holds(self.exact);
        let file = file.to_owned();
        let key = (file.clone(), line, column, what);
        let place = Place { file, line, column, what, kind, gates, enabled };
        // Reached twice: what is in the build counts.
        let rank = |enabled: Option<bool>| enabled.map_or(1, |enabled| 2 * usize::from(enabled));
        match self.found.get(&key) {
            Some(before) if rank(before.enabled) >= rank(enabled) => {}
            _ => drop(self.found.insert(key, place)),
        }
    }
}

/// `None`: it ends the process, or is no start of a thread for other reasons.
fn kind(what: &str) -> Option<&'static str> {
    let entry = catalog::ENTRIES.iter().find(|entry| entry.path == what);
    match entry.map(|entry| entry.kind) {
        Some(Kind::Pool) => Some("pool"),
        Some(Kind::Exit) => None,
        Some(Kind::Thread) | None => Some("thread"),
    }
}
