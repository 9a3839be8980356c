//! Owns the decisions of a project: exempt files, allowed findings with their last day, and the
//! hook that reports a rule.
//! Refuses to look at code.
//!
//! Read `settings` first, the decisions as data; then `read` (from TOML) and `allow` (which
//! findings count).

pub(crate) mod allow;
pub(crate) mod day;
pub(crate) mod pre_commit;

mod glob;
mod read;
mod settings;

use std::path::{Path, PathBuf};

use crate::finding::fault::{Fault, Faults};
use crate::source::project::{CONFIG, Project};

pub(crate) use glob::escaped;
pub(crate) use settings::{Allow, Config};

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
            let what = format!("the guard is configured twice: in `{CONFIG}` and in [{table}] of Cargo.toml");
            let place = read::place_of(&second, "one of the two is not read; which is a matter of guessing");
            Err(Fault::new(what).at(place).help("keep one of them").into())
        }
        (true, None) => read::file(project, &own),
        (false, Some(manifest)) => Ok(manifest),
        (false, None) => Ok(Config { path: CONFIG.to_owned(), ..Config::default() }),
    }
}

/// The file that a project's configuration would be written to.
pub(crate) fn own_file(project: &Project) -> PathBuf {
    project.root.join(CONFIG)
}
