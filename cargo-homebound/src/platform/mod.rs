//! Owns the comparison of two times: how long a program may take to end, by its sources, and how
//! long its platform waits, by the unit files and manifests of the repository.
//! Refuses to run anything, and to guess: a time that is not written as a number is left out.
//!
//! Read this file first, then `program` (the sources), `unit` (systemd) and `manifest`
//! (Kubernetes).

mod limit;
mod manifest;
mod program;
mod unit;

use std::fs;
use std::path::Path;

use ignore::WalkBuilder;

use crate::platform::limit::Limit;
use crate::platform::program::Program;
use crate::source::project::Project;
use crate::source::walk::Walked;

/// Returns a note for each place where the platform's time is too short.
pub(crate) fn notes(project: &Project, walked: &Walked) -> Vec<String> {
    let files = files(project);
    if files.is_empty() {
        return Vec::new();
    }
    let programs: Vec<Program> = walked
        .items
        .iter()
        .filter_map(|item| Some((item, fs::read_to_string(&item.file).ok()?)))
        .flat_map(|(item, text)| program::of(&item.path, &text))
        .collect();
    let mut notes = Vec::new();
    for (path, text, read) in files {
        for limit in read(&text) {
            notes.extend(longest(&programs, &limit).and_then(|program| note(&path, &limit, program)));
        }
    }
    notes
}

type Read = fn(&str) -> Vec<Limit>;

/// The files of the repository that may have a limit, with their texts.
fn files(project: &Project) -> Vec<(String, String, Read)> {
    let mut found = Vec::new();
    for entry in WalkBuilder::new(&project.root).require_git(false).build().flatten() {
        let ending = entry.path().extension().and_then(|ending| ending.to_str());
        let read: Read = match ending {
            Some("service") => unit::limits,
            Some("yaml" | "yml") => manifest::limits,
            _ => continue,
        };
        let Ok(text) = fs::read_to_string(entry.path()) else { continue };
        found.push((project.name(entry.path()), text, read));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// The program that the limit is for: the slowest program of its name. If no program has the name,
/// the slowest of all programs that are neither tests nor examples.
fn longest<'a>(programs: &'a [Program], limit: &Limit) -> Option<&'a Program> {
    let named = programs.iter().filter(|program| program.names.iter().any(|name| limit.names.contains(name)));
    let all = programs.iter().filter(|program| !is_aside(&program.path));
    named.max_by_key(|program| program.needs()).or_else(|| all.max_by_key(|program| program.needs()))
}

fn is_aside(path: &str) -> bool {
    let folders = Path::new(path).parent().into_iter().flat_map(Path::components);
    folders
        .into_iter()
        .any(|part| ["tests", "examples", "benches"].iter().any(|name| part.as_os_str() == *name))
}

fn note(path: &str, limit: &Limit, program: &Program) -> Option<String> {
    let needs = program.needs() + limit.before;
    if needs < limit.time {
        return None;
    }
    let Limit { line, setting, .. } = limit;
    let default = if limit.is_default { ", its default" } else { "" };
    let hook = if limit.before.is_zero() {
        String::new()
    } else {
        format!("the preStop hook {} s + ", limit.before.as_secs_f64())
    };
    Some(format!(
        "{path}:{line}: the platform kills after {} s ({setting}{default}), and {}:{} may need {} s: {hook}{}; make the \
         platform's time longer, or these shorter",
        limit.time.as_secs_f64(),
        program.path,
        program.line,
        needs.as_secs_f64(),
        program.parts(),
    ))
}
