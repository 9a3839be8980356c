//! Owns the guard's list for clippy, and its place among the settings that the project has for
//! clippy.
//! Refuses to touch the project's own `clippy.toml`.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use toml::{Table, Value};

use crate::finding::catalog::{self, Entry, Kind};
use crate::finding::fault::{Fault, Faults, Place};
use crate::finding::rule::Rule;

const KEY: &str = "disallowed-methods";

/// The reasons of the guard's entries begin with this. Messages about entries of the project's own
/// do not.
pub(super) const MARK: &str = "homebound: ";

/// The paths on the list.
fn banned() -> impl Iterator<Item = &'static Entry> {
    catalog::ENTRIES.iter().filter(|entry| entry.kind != Kind::Exit)
}

/// The list, for a `clippy.toml`.
pub(crate) fn listed() -> String {
    let mut text = format!("{KEY} = [\n");
    for entry in banned() {
        let path = entry.path;
        let reason = format!("{MARK}{}", Rule::RawThread);
        let _infallible =
            writeln!(text, "    {{ path = \"{path}\", reason = \"{reason}\", allow-invalid = true }},");
    }
    text + "]\n"
}

/// Writes the project's settings for clippy, with the guard's list among them, into a folder.
pub(super) fn write(project: &Path, folder: &Path) -> Result<(), Faults> {
    let text = merged(project)?.to_string();
    let file = folder.join("clippy.toml");
    // A file that is the same stays untouched, because cargo would check everything again.
    if fs::read_to_string(&file).is_ok_and(|there| there == text) {
        return Ok(());
    }
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&file, text));
    written.map_err(|error| Fault::io("write", &file, &error).into())
}

fn merged(project: &Path) -> Result<Table, Faults> {
    // In clippy's own order.
    let own = [".clippy.toml", "clippy.toml"].map(|name| project.join(name));
    let own = own.into_iter().find(|file| file.is_file());
    let mut table = match &own {
        Some(file) => read(file)?,
        None => Table::new(),
    };
    let ours: Table = listed().parse().expect("our own list is TOML");
    let ours = ours[KEY].as_array().cloned().unwrap_or_default();
    let path = |entry: &Value| {
        let text = entry.get("path").unwrap_or(entry);
        text.as_str().map(str::to_owned)
    };
    let known: Vec<_> = ours.iter().filter_map(path).collect();
    let old = table.remove("disallowed_methods");
    let theirs = table.remove(KEY).or(old).and_then(|list| list.as_array().cloned()).unwrap_or_default();
    let kept = theirs.into_iter().filter(|entry| path(entry).is_none_or(|path| !known.contains(&path)));
    let all: Vec<_> = kept.chain(ours).collect();
    table.insert(KEY.to_owned(), Value::Array(all));
    Ok(table)
}

fn read(file: &Path) -> Result<Table, Faults> {
    let text = fs::read_to_string(file).map_err(|error| Fault::io("read", file, &error))?;
    text.parse::<Table>().map_err(|error| {
        let (path, span) = (file.display().to_string(), error.span().unwrap_or(0..0));
        let fault = Fault::new(format!("clippy's settings are no TOML: {}", error.message()));
        fault.at(Place { path, text, span, label: String::new() }).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_projects_settings_stay_and_ours_are_added_once() {
        let folder = std::env::temp_dir().join(format!("homebound-conf-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let own = "msrv = \"1.95\"\ndisallowed-methods = [\"std::env::set_var\", { path = \"std::thread::spawn\" }]\n";
        fs::write(folder.join("clippy.toml"), own).unwrap();
        write(&folder, &folder.join("out")).unwrap();
        let text = fs::read_to_string(folder.join("out/clippy.toml")).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert!(text.contains("msrv = \"1.95\"") && text.contains("std::env::set_var"), "{text}");
        assert_eq!(text.matches("\"std::thread::spawn\"").count(), 1, "{text}");
        assert!(text.contains("homebound: raw-thread"), "{text}");
    }
}
