//! Owns the sources and pages of the project, as the rules read them.
//! Refuses to judge them.

use std::fs;
use std::path::{Path, PathBuf};

/// The crate of the guard.
pub(crate) const GUARD: &str = "cargo-homebound";
/// The crates that are made of the library, or for it, and the crate that it is to use for stacks.
pub(crate) const COMPANIONS: [&str; 5] =
    ["homebound-testing", "homebound-models", "homebound-stacks", "homebound-rayon", "homebound-tokio"];

pub(crate) struct Source {
    /// From the root of the project, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// The lines without their comments. A line that is only a comment becomes an empty line.
    pub(crate) fn code(&self) -> impl Iterator<Item = &str> {
        self.text.lines().map(|line| match line.find("//") {
            // Not the `//` of an address in a string.
            Some(at) if !line[..at].ends_with(':') => &line[..at],
            _ => line,
        })
    }

    /// `scope` for `src/scope/face.rs`, `rt` for `src/rt/latch.rs`.
    pub(crate) fn module(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        Some(inside.split_once('/').map_or(inside.trim_end_matches(".rs"), |(folder, _)| folder))
    }
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` that end in `ending`.
pub(crate) fn sources(folder: &str, ending: &str) -> Vec<Source> {
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
pub(crate) fn pages() -> Vec<Source> {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let mut pages = vec![Source { path: "README.md".to_owned(), text: readme }];
    for folder in ["docs", "src", "examples", "tests", "ci", GUARD].into_iter().chain(COMPANIONS) {
        pages.extend(sources(folder, ".md"));
    }
    pages
}

/// The guard's own code: its corpus is wrong on purpose.
pub(crate) fn guard() -> Vec<Source> {
    let mut all = sources(&format!("{GUARD}/src"), ".rs");
    all.extend(sources(&format!("{GUARD}/tests"), ".rs").into_iter().filter(|s| !s.path.contains("/corpus")));
    all
}

/// The library, and the crates around it.
pub(crate) fn library() -> Vec<Source> {
    let companions = COMPANIONS.iter().flat_map(|folder| sources(folder, ".rs"));
    sources("src", ".rs").into_iter().chain(companions).collect()
}

pub(crate) fn rust() -> Vec<Source> {
    let mut all = library();
    all.extend(sources("examples", ".rs"));
    all.extend(sources("tests", ".rs"));
    all.extend(guard());
    all
}

/// Fails with one line for each.
pub(crate) fn none(what: &str, found: impl IntoIterator<Item = String>) {
    let found: Vec<_> = found.into_iter().collect();
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

/// Name, first line (from 0) and length of each function with a body. Relies on rustfmt: the
/// closing brace stands below the `fn`.
pub(crate) fn functions(source: &Source) -> Vec<(String, usize, usize)> {
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
