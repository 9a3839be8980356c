//! Owns what a project has decided: which files are exempt, and which findings are allowed, with a reason.
//! Refuses to apply it: `judge` does.

mod glob;
mod read;

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::day::Day;
use crate::fault::{Fault, Faults};
use crate::place::{CONFIG, Project};
use crate::rule::Rule;

pub(crate) use glob::{Glob, escaped};

/// The whole of it.
#[derive(Debug, Default)]
pub(crate) struct Config {
    /// Where it is written, as told.
    pub(crate) path: String,
    /// What is written there.
    pub(crate) text: String,
    /// Whether there is any.
    pub(crate) is_written: bool,
    pub(crate) exempt: Vec<Glob>,
    pub(crate) allow: Vec<Allow>,
}

/// One entry: what is allowed, where, and why.
#[derive(Debug, Clone)]
pub(crate) struct Allow {
    pub(crate) rule: Rule,
    pub(crate) path: Glob,
    pub(crate) reason: String,
    /// The last day on which it holds.
    pub(crate) until: Option<Day>,
    /// How many findings at most; any number without it.
    pub(crate) count: Option<usize>,
    /// Whether it is for what only `--deep` sees.
    pub(crate) deep: bool,
    /// Where the entry begins.
    pub(crate) span: Range<usize>,
    /// Where its count is written.
    pub(crate) count_span: Option<Range<usize>>,
}

impl Config {
    /// The configuration of a project; an empty one if none is written.
    pub(crate) fn of(project: &Project, chosen: Option<&Path>) -> Result<Config, Faults> {
        if let Some(file) = chosen {
            return if file.file_name().is_some_and(|name| name == "Cargo.toml") {
                Ok(read::manifest(project, file)?.unwrap_or_default())
            } else {
                read::file(project, file)
            };
        }
        let own = project.root.join(CONFIG);
        let manifest = read::manifest(project, &project.root.join("Cargo.toml"))?;
        match (own.exists(), manifest) {
            (true, Some(second)) => {
                let table = read::table_of(&second);
                let what =
                    format!("the guard is configured twice: in `{CONFIG}` and in [{table}] of Cargo.toml");
                let place =
                    read::place_of(&second, "one of the two is not read; which is a matter of guessing");
                Err(Fault::new(what).at(place).help("keep one of them").into())
            }
            (true, None) => read::file(project, &own),
            (false, Some(manifest)) => Ok(manifest),
            (false, None) => Ok(Config { path: CONFIG.to_owned(), ..Config::default() }),
        }
    }

    /// Whether a file is not to be looked at.
    pub(crate) fn is_exempt(&self, path: &str) -> bool {
        self.exempt.iter().any(|glob| glob.matches(path))
    }
}

/// The file that a project's configuration would be written to.
pub(crate) fn own_file(project: &Project) -> PathBuf {
    project.root.join(CONFIG)
}
