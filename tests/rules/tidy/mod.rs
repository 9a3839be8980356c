//! House rules, held by reading the sources, so that nobody has to remember them. `docs/STYLE.md` has the reasons.

mod citations;
mod journeys;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The folders of `src`, from the ground up, with the one file that stands beside them. A file may use its own folder, and the
/// folders in the rows before. Folders of one row do not know each other.
const FOLDERS: [&[&str]; 11] = [
    &["sys"],
    &["sync"],
    &["rt"],
    &["outcome"],
    &["stop"],
    &["tree"],
    &["shutdown"],
    &["thread"],
    &["wait", "scope"],
    &["process", "registry"],
    &["for_testing"],
];

/// The types that have methods outside of their folder: such a method stands with the type that it returns.
const FACES: [&str; 2] = ["Context", "Scope"];

/// Where a promise about a lifetime is given, by file and function, how often.
const PROMISES: [(&str, &str, usize); 5] = [
    ("src/scope/run.rs", "live", 1),
    ("src/wait/condvar.rs", "wait_at", 1),
    ("src/thread/builder.rs", "thread", 1),
    ("src/thread/stopper.rs", "with_on_stop", 1),
    ("src/scope/group.rs", "open_static", 1),
];

/// The kernel's list of threads offers nothing to wait on, nor does a descriptor that was closed, nor a terminal that says that it is
/// ready and takes nothing: these look again after a pause.
const KERNEL_IS_ASKED: [&str; 4] =
    ["src/registry/audit.rs", "src/sys/stderr.rs", "src/sys/unix.rs", "homebound-testing/src/leaks.rs"];

/// The crate of the guard.
const GUARD: &str = "cargo-homebound";
/// The crates that are made of the library, or for it.
const COMPANIONS: [&str; 2] = ["homebound-testing", "homebound-models"];

const LONGEST_FILE: usize = 350;
const LONGEST_FUNCTION: usize = 70;
const LONGEST_README: usize = 175;
const LONGEST_EXAMPLE: usize = 70;

pub(super) struct Source {
    /// From the root of the project, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

impl Source {
    /// The lines without their comments; what is left of a line that is only a comment is empty.
    fn code(&self) -> impl Iterator<Item = &str> {
        self.text.lines().map(|line| match line.find("//") {
            // Not the `//` of an address in a string.
            Some(at) if !line[..at].ends_with(':') => &line[..at],
            _ => line,
        })
    }

    /// `scope` for `src/scope/face.rs`, `rt` for `src/rt/latch.rs`.
    fn module(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        Some(inside.split_once('/').map_or(inside.trim_end_matches(".rs"), |(folder, _)| folder))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` that end in `ending`.
pub(super) fn sources(folder: &str, ending: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().is_some_and(|path| path.ends_with(ending)) {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The README, and all Markdown beside the code and in `docs`.
pub(super) fn pages() -> Vec<Source> {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let mut pages = vec![Source { path: "README.md".to_owned(), text: readme }];
    for folder in ["docs", "src", "examples", "ci", GUARD].into_iter().chain(COMPANIONS) {
        pages.extend(sources(folder, ".md"));
    }
    pages
}

/// The guard's own code: its corpus is wrong on purpose.
fn guard() -> Vec<Source> {
    let mut all = sources(&format!("{GUARD}/src"), ".rs");
    all.extend(sources(&format!("{GUARD}/tests"), ".rs").into_iter().filter(|s| !s.path.contains("/corpus")));
    all
}

/// The library, and the crates around it.
fn library() -> Vec<Source> {
    let companions = COMPANIONS.iter().flat_map(|folder| sources(folder, ".rs"));
    sources("src", ".rs").into_iter().chain(companions).collect()
}

fn rust() -> Vec<Source> {
    let mut all = library();
    all.extend(sources("examples", ".rs"));
    all.extend(sources("tests", ".rs"));
    all.extend(guard());
    all
}

/// Fails with one line for each.
fn none(what: &str, found: impl IntoIterator<Item = String>) {
    let found: Vec<_> = found.into_iter().collect();
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

/// Name, first line (from 0) and length of each function with a body. Relies on rustfmt: the closing brace stands
/// below the `fn`.
fn functions(source: &Source) -> Vec<(String, usize, usize)> {
    let lines: Vec<_> = source.code().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = &line[..line.len() - line.trim_start().len()];
        let closing = format!("{indent}}}");
        let (mut length, mut opened) = (0, false);
        for (place, line) in lines.iter().enumerate().skip(start) {
            let line = line.trim_end();
            opened |= line.ends_with('{');
            let whole = place == start && line.ends_with('}');
            let no_body = !opened && line.ends_with(';');
            if whole || no_body || (opened && line == closing) {
                length = place - start + 1;
                break;
            }
        }
        found.push((name, start, length));
    }
    found
}

fn function_name(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let known = |word: &&str| {
        word.starts_with("pub") || ["const", "unsafe", "async", "extern", "\"C\"", "crate)"].contains(word)
    };
    let word = words.find(|word| !known(word))?;
    if word != "fn" {
        return None;
    }
    let name = words.next()?;
    Some(name.split(['(', '<']).next()?.to_owned())
}

/// The modules of this crate that a file names, with the line (from 1).
fn used(source: &Source) -> BTreeSet<(String, usize)> {
    let mut found = BTreeSet::new();
    let code: Vec<_> = source.code().collect();
    for (place, line) in code.iter().enumerate() {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            let names = if rest.starts_with('{') {
                let all = std::iter::once(rest).chain(code[place + 1..].iter().copied()).collect::<String>();
                first_names(&all)
            } else {
                vec![first_name(rest)]
            };
            found.extend(names.into_iter().map(|name| (name, place + 1)));
        }
    }
    found
}

fn first_name(path: &str) -> String {
    path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// `{a::b, c::{d, e}}`: `a` and `c`.
fn first_names(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut start) = (0, Vec::new(), 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => {
                depth += 1;
                if depth == 1 {
                    start = at + 1;
                }
            }
            '}' | ',' if depth == 1 => {
                names.push(first_name(group[start..at].trim()));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    names
}

#[test]
fn every_file_says_what_it_owns_and_what_it_refuses() {
    let guard = guard().into_iter().filter(|source| source.path.starts_with("cargo-homebound/src/"));
    let silent = library().into_iter().filter(|source| !source.path.ends_with("src/lib.rs")).chain(guard);
    let silent = silent.filter(|source| {
        // A public module has a page for users: there it is said beside the page.
        let header: Vec<_> = source.text.lines().take_while(|line| line.starts_with("//")).collect();
        let public = source.path == "src/registry/mod.rs";
        let first = if public { header.iter().find(|line| line.starts_with("// ")) } else { header.first() };
        let owns = first.is_some_and(|line| line.trim_start_matches(['/', '!']).starts_with(" Owns "));
        !owns || !header.iter().any(|line| line.contains("Refuses"))
    });
    none("no `//! Owns ..`, or no `Refuses ..`", silent.map(|source| source.path));
    let tests_and_examples = rust().into_iter().filter(|source| {
        let part = ["tests/rules/ui/", "src/", "cargo-homebound/src/", "homebound-"]
            .iter()
            .any(|part| source.path.starts_with(part));
        !part && !source.text.starts_with("//! ")
    });
    none("no `//!` on the first line", tests_and_examples.map(|source| source.path));
}

#[test]
fn files_fit_in_a_head_and_functions_on_a_screen() {
    let length = |source: &Source| source.text.lines().count();
    let long = library().into_iter().chain(guard()).filter(|s| length(s) > LONGEST_FILE);
    none("files that are too long", long.map(|source| format!("{}: {}", source.path, length(&source))));
    let examples = sources("examples", ".rs").into_iter();
    let examples =
        examples.filter(|s| !s.path.starts_with("examples/studio/") && length(s) > LONGEST_EXAMPLE);
    none("examples that are too long", examples.map(|source| source.path));
    let mut long = Vec::new();
    for source in rust() {
        let functions = functions(&source).into_iter().filter(|(_, _, length)| *length > LONGEST_FUNCTION);
        long.extend(functions.map(|(name, start, n)| format!("{}:{}: {name}, {n}", source.path, start + 1)));
    }
    none("functions that are too long", long);
}

#[test]
fn unsafe_is_where_the_proof_is() {
    let (mut elsewhere, mut unexplained) = (Vec::new(), Vec::new());
    for source in library() {
        let lines: Vec<_> = source.text.lines().collect();
        for (place, code) in source.code().enumerate() {
            let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
            if !words.any(|word| word == "unsafe") {
                continue;
            }
            let here = format!("{}:{}", source.path, place + 1);
            if source.path != "src/rt/erase.rs" && !source.path.starts_with("src/sys/") {
                elsewhere.push(here.clone());
            }
            let above = lines[..place].iter().rev().take_while(|line| line.trim_start().starts_with("//"));
            if !above.into_iter().any(|line| line.contains("// SAFETY: ")) {
                unexplained.push(here);
            }
        }
    }
    none("unsafe outside rt/erase.rs and sys/", elsewhere);
    none("unsafe without a `// SAFETY:` above it", unexplained);
}

#[test]
fn a_lifetime_is_promised_only_where_the_proof_says_so() {
    let call = ["Lease::", "promise()"].concat();
    let mut found = BTreeMap::new();
    for source in sources("src", ".rs") {
        let functions = functions(&source);
        for (place, _) in source.code().enumerate().filter(|(_, line)| line.contains(&call)) {
            let inside =
                functions.iter().rfind(|(_, start, length)| (*start..start + length).contains(&place));
            let name = inside.map_or("no function", |(name, _, _)| name).to_owned();
            *found.entry((source.path.clone(), name)).or_insert(0) += 1;
        }
    }
    let listed = PROMISES.map(|(file, name, count)| ((file.to_owned(), name.to_owned()), count));
    assert_eq!(found, BTreeMap::from(listed), "a new promise needs a proof in src/rt/README.md first");
    for page in ["src/rt/erase.rs", "src/rt/README.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let unnamed = PROMISES.iter().filter(|(_, name, _)| !text.contains(&format!("::{name}`")));
        none(&format!("promises that {page} does not name"), unnamed.map(|(_, name, _)| (*name).to_owned()));
    }
}

fn height(folder: &str) -> Option<usize> {
    FOLDERS.iter().position(|row| row.contains(&folder))
}

#[test]
fn folders_use_only_what_is_below() {
    let (mut homeless, mut upward) = (BTreeSet::new(), Vec::new());
    for source in sources("src", ".rs") {
        let Some(folder) = source.module().filter(|folder| *folder != "lib") else { continue };
        let Some(own) = height(folder) else {
            homeless.insert(folder.to_owned());
            continue;
        };
        for (name, line) in used(&source) {
            if name != folder && height(&name).is_some_and(|other| other >= own) {
                upward.push(format!("{}:{line}: {folder} uses {name}", source.path));
            }
        }
    }
    none("folders and files without a place", homeless);
    none("uses of what is above or beside", upward);
    // `ci/structure.py` goes by that list, and so does a reader.
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let modules = text
        .lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'));
    let listed: Vec<_> = modules.filter(|name| height(name).is_some()).collect();
    assert_eq!(listed, FOLDERS.concat(), "the modules in src/lib.rs, and the folders from the ground up");
}

#[test]
fn each_folder_says_which_file_to_read_first() {
    let tables = sources("src", "/mod.rs").into_iter();
    let silent = tables.filter(|source| {
        !source
            .text
            .lines()
            .any(|line| line.starts_with("//") && line.contains("Read `") && line.contains(" first"))
    });
    none("folders without `Read .. first`", silent.map(|source| source.path));
}

/// A method of a type that lives below is called without an import: where it stood above, no import would show that the folder
/// of its callers reaches up.
#[test]
fn methods_stand_in_the_folder_of_their_type() {
    let sources = sources("src", ".rs");
    let mut homes = BTreeMap::<&str, BTreeSet<&str>>::new();
    for source in &sources {
        let Some(folder) = source.module() else { continue };
        for name in source.code().filter_map(|line| named_by(line, &["struct ", "enum "])) {
            homes.entry(name).or_default().insert(folder);
        }
    }
    let mut astray = Vec::new();
    for source in &sources {
        let folder = source.module().unwrap_or_default();
        for (place, line) in source.code().enumerate() {
            let Some(name) = inherent_impl(line).filter(|name| !FACES.contains(name)) else { continue };
            if !homes.get(name).is_some_and(|folders| folders.contains(folder)) {
                astray.push(format!("{}:{}: {name}", source.path, place + 1));
            }
        }
    }
    none("methods outside of the folder of their type", astray);
}

/// `Node` for `pub(crate) struct Node {`.
fn named_by<'a>(line: &'a str, words: &[&str]) -> Option<&'a str> {
    let line = line.trim_start();
    let rest =
        line.strip_prefix("pub").map_or(line, |rest| rest.split_once(' ').map_or("", |(_, rest)| rest));
    let name = words.iter().find_map(|word| rest.strip_prefix(word))?;
    name.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

/// `Handle` for `impl<T> Handle<'_, T> {`; `None` for the `impl` of a trait. Relies on rustfmt.
fn inherent_impl(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("impl")?;
    let rest = if rest.starts_with('<') { rest.split_once("> ")?.1 } else { rest.strip_prefix(' ')? };
    let is_of_trait = rest.contains(" for ");
    (!is_of_trait).then(|| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next())?
}

/// A subscriber is user code: one that panics may unwind nothing of ours.
#[test]
fn subscribers_are_contained() {
    let levels = ["error", "warn", "info", "debug", "trace"].map(|level| format!("tracing::{level}!"));
    let mut loose = Vec::new();
    for source in sources("src", ".rs") {
        let lines: Vec<_> = source.code().collect();
        let functions = functions(&source);
        for (place, _) in lines.iter().enumerate().filter(|(_, line)| levels.iter().any(|l| line.contains(l)))
        {
            let inside =
                functions.iter().rfind(|(_, start, length)| (*start..start + length).contains(&place));
            let body = inside.map_or(&lines[..0], |(_, start, length)| &lines[*start..start + length]);
            // `Scene::of` makes a span, and is contained as a whole.
            let is_scene =
                inside.is_some_and(|(name, _, _)| source.path == "src/thread/spawn.rs" && name == "of");
            if !is_scene && !body.iter().any(|line| line.contains("told(") || line.contains("contain(")) {
                loose.push(format!("{}:{}", source.path, place + 1));
            }
        }
    }
    none("calls of tracing that are not contained", loose);
}

/// Locks that are not counted hide code of the program's that runs under them. The condvar's are the program's own.
#[test]
fn locks_are_counted() {
    // What is below the locks runs no code of the program's.
    let counted = ["src/sync/locks.rs", "src/wait/condvar.rs"];
    let all = sources("src", ".rs");
    let others =
        all.iter().filter(|source| !counted.contains(&&*source.path) && !source.path.starts_with("src/sys/"));
    let raw = |line: &str| {
        ["parking_lot::", "std::sync::Mutex", "std::sync::RwLock"].iter().any(|lock| line.contains(lock))
    };
    none(
        "locks that nobody counts",
        others.flat_map(|source| {
            source.code().filter(|line| raw(line)).map(|line| format!("{}: {}", source.path, line.trim()))
        }),
    );
}

/// A planted bug that cannot be planted, or that no model looks for, proves nothing.
#[test]
fn every_planted_bug_has_its_place_and_its_model() {
    let models: String =
        sources("homebound-models/models", ".rs").into_iter().map(|source| source.text).collect();
    none(
        "patches in ci/planted",
        sources("ci/planted", ".patch").iter().flat_map(|patch| {
            let faults = unknown_models(patch, &models).into_iter().chain(lost_places(patch));
            faults.map(|fault| format!("{}: {fault}", patch.path)).collect::<Vec<_>>()
        }),
    );
}

/// What is wrong with the models that must find the bug of this patch.
fn unknown_models(patch: &Source, models: &str) -> Vec<String> {
    let rows = patch.text.lines().filter_map(|line| line.strip_prefix("Found by: "));
    let named: Vec<_> = rows.filter_map(|row| row.split_whitespace().nth(1)).collect();
    if named.is_empty() {
        return vec!["names no model that finds the bug".to_owned()];
    }
    let unknown = named.iter().filter(|model| !models.contains(&format!("fn {model}()")));
    unknown.map(|model| format!("there is no model {model}")).collect()
}

/// The changes of this patch whose lines are not in their file, or more than once.
fn lost_places(patch: &Source) -> Vec<String> {
    let mut lost = Vec::new();
    for change in patch.text.split("\n--- a/").skip(1) {
        let (file, hunks) = change.split_once('\n').expect("lines below the name of a file");
        let text = fs::read_to_string(root().join(file)).unwrap_or_default();
        for hunk in hunks.split("@@\n").skip(1) {
            let old = hunk.lines().filter(|line| line.starts_with([' ', '-']));
            let old: String = old.map(|line| format!("\n{}", &line[1..])).collect();
            let places = format!("\n{text}").matches(&format!("{old}\n")).count();
            if places != 1 {
                lost.push(format!("in {file} {places} times, and not once:{old}"));
            }
        }
    }
    lost
}

#[test]
fn nobody_sleeps_to_synchronise() {
    let sleep = ["thread::", "sleep"].concat();
    let asleep = rust().into_iter().filter(|source| !KERNEL_IS_ASKED.contains(&source.path.as_str())).filter(
        |source| {
            // There, the paths are what is looked for in others.
            if source.path.starts_with("cargo-homebound/src/check/") {
                return false;
            }
            let imported = |line: &str| line.starts_with("use std::thread::") && line.contains("sleep");
            source.code().any(|line| imported(line) || line.contains(&sleep))
        },
    );
    none("sleeps", asleep.map(|source| source.path));
}

#[test]
fn nothing_is_left_for_later() {
    let marks = ["TO", "FIX", "XX"].iter().zip(["DO", "ME", "X"]).map(|(a, b)| format!("{a}{b}"));
    let marks: Vec<_> = marks.collect();
    let mut left = Vec::new();
    for source in rust().into_iter().chain(pages()) {
        for (place, line) in source.text.lines().enumerate() {
            let mut words = line.split(|c: char| !c.is_alphanumeric());
            if words.any(|word| marks.iter().any(|mark| word == mark)) {
                left.push(format!("{}:{}", source.path, place + 1));
            }
        }
    }
    none("left for later", left);
}

#[test]
fn pages_are_short_and_their_links_lead_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        if page.path == "README.md" {
            let lines = page.text.lines().count();
            assert!(lines <= LONGEST_README, "the README has {lines} lines, more than {LONGEST_README}");
        }
        let folder = root().join(&page.path).parent().unwrap().to_owned();
        for link in links(&page.text) {
            let target = link.split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !folder.join(target).exists() {
                broken.push(format!("{}: {link}", page.path));
            }
        }
    }
    none("links to nowhere", broken);
}

/// What stands in `](..)`, outside of code blocks.
fn links(text: &str) -> Vec<&str> {
    let (mut found, mut in_code) = (Vec::new(), false);
    for line in text.lines() {
        in_code ^= line.trim_start().starts_with("```");
        if in_code {
            continue;
        }
        for (at, _) in line.match_indices("](") {
            let rest = &line[at + 2..];
            found.extend(rest.split_once(')').map(|(link, _)| link));
        }
    }
    found
}

#[test]
fn the_code_map_has_a_row_for_each_folder() {
    let map = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    let row = |name: &str| map.lines().any(|line| line.starts_with(&format!("| `{name}` |")));
    let folders = FOLDERS.iter().copied().flatten().filter(|name| **name != "for_testing");
    let folders = folders.map(|name| format!("{name}/"));
    let rows = folders.chain(["for_testing.rs", "lib.rs"].map(str::to_owned));
    let missing = rows.chain(COMPANIONS.map(str::to_owned)).filter(|name| !row(name));
    none("folders that docs/ARCHITECTURE.md does not name", missing);
}
