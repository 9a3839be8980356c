//! Owns the making of a configuration from today's findings, and its way down.
//! Refuses to invent reasons: an entry says since when, and a person says why.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use crate::check;
use crate::config::day::Day;
use crate::config::{self, Allow, Config};
use crate::deep;
use crate::finding::fault::{Fault, Faults};
use crate::finding::report::plural;
use crate::finding::rule::Rule;
use crate::finding::{Finding, FoundBy};
use crate::source::project::{CONFIG, Project};
use crate::source::walk;

/// Writes `homebound.toml`. Returns what to print.
///
/// # Errors
///
/// There is a configuration already and no `force`, or a file cannot be read or written.
pub(crate) fn write(force: bool, with_clippy: bool) -> Result<String, Faults> {
    let project = super::check::project(&[])?;
    let file = config::own_file(&project);
    if file.exists() && !force {
        let fault = Fault::new(format!("`{}` is there already", file.display()));
        let help = "`init --lower` lowers it to the findings that are left; `init --force` writes it anew, and keeps its reasons";
        return Err(fault.help(help).into());
    }
    let old = config::of(&project, None)?;
    if old.is_written && !file.exists() {
        let fault = Fault::new(format!("the guard is configured in `{}` already", old.path));
        return Err(fault.help("take the table out of there first, or keep it and write no file").into());
    }
    let found = look(&project, &old, with_clippy)?;
    let entries = entries(&found);
    let text = text(&old, &entries);
    fs::write(&file, text).map_err(|error| Fault::io("write", &file, &error))?;
    let found = plural(found.len(), "finding");
    let entries = match entries.len() {
        1 => "1 entry".to_owned(),
        n => format!("{n} entries"),
    };
    Ok(format!(
        "wrote {CONFIG}: {found} allowed by {entries}

Next:
  1. read the entries; put why where the reason says since when, or mend the code;
  2. commit {CONFIG}; from now on `cargo homebound check` fails on anything new;
  3. have it run: `cargo homebound install-hook`, pre-commit or CI (docs/GUARD.md);
  4. whenever something is mended: `cargo homebound init --lower`.
"
    ))
}

/// Lowers the numbers of the configuration to the findings that are left. No number is raised.
pub(crate) fn lower(with_clippy: bool) -> Result<String, Faults> {
    let project = super::check::project(&[])?;
    let config = config::of(&project, None)?;
    if !config.is_written {
        return Err(Fault::new("there is no configuration to lower")
            .help("`cargo homebound init` writes one")
            .into());
    }
    let found = look(&project, &config, with_clippy)?;
    let mut left = vec![0; config.allow.len()];
    for finding in &found {
        let fits = |entry: &Allow| entry.rule == finding.rule && entry.path.matches(&finding.path);
        let has_room = |n: usize| config.allow[n].count.is_none_or(|count| left[n] < count);
        let place = (0..left.len()).find(|n| fits(&config.allow[*n]) && has_room(*n));
        place.inspect(|n| left[*n] += 1);
    }
    let broken: Vec<_> = found.iter().filter(|f| f.rule == Rule::BrokenSource).map(|f| &f.path).collect();
    let is_known =
        |entry: &Allow| (with_clippy || !entry.deep) && !broken.iter().any(|path| entry.path.matches(path));
    let (mut text, mut said) = (config.text.clone(), Vec::new());
    // From the end of the file, so that the spans of earlier entries stay right.
    for (n, entry) in config.allow.iter().enumerate().rev().filter(|(_, entry)| is_known(entry)) {
        let (line, _) = crate::source::text::position(&config.text, entry.span.start);
        let what = format!("{}:{line}: {} in `{}`", config.path, entry.rule, entry.path.text);
        match (left[n], &entry.count_span) {
            (0, _) => said.push(match header_to_next(&config, n) {
                Some(span) => {
                    text.replace_range(span, "");
                    format!("{what}: taken out")
                }
                None => format!("{what}: matches nothing; take it out by hand"),
            }),
            (left, Some(span)) if Some(left) < entry.count => {
                text.replace_range(span.clone(), &left.to_string());
                said.push(format!("{what}: {left}, not {}", entry.count.unwrap_or_default()));
            }
            _ => {}
        }
    }
    if said.is_empty() {
        return Ok("nothing to lower\n".to_owned());
    }
    let file = project.root.join(&config.path);
    fs::write(&file, text).map_err(|error| Fault::io("write", &file, &error))?;
    said.reverse();
    Ok(said.join("\n") + "\n")
}

/// The list for `clippy.toml`, with a comment above it.
pub(crate) fn clippy_list() -> Result<String, Faults> {
    Ok(format!(
        "# For clippy.toml in the root of the workspace. A member with a clippy.toml of its own needs it there as well: clippy
# reads the nearest file alone. `cargo homebound check --deep` needs none of this: it brings the list along.
{}",
        deep::listed()
    ))
}

/// All findings of the project outside of exempt files.
fn look(project: &Project, config: &Config, with_clippy: bool) -> Result<Vec<Finding>, Faults> {
    let walked = super::check::wanted(config, walk::all(project));
    let mut found = check::scan(&walked);
    if with_clippy {
        let told = deep::look(project, &[])?;
        if !told.faults.is_empty() {
            return Err(told.faults);
        }
        deep::fold(&mut found, told.seen, &walked);
    }
    Ok(found)
}

/// The number of findings for each file, rule and way of looking. `true`: clippy alone sees them.
fn entries(found: &[Finding]) -> BTreeMap<(String, Rule, bool), usize> {
    let mut entries = BTreeMap::new();
    for finding in found {
        let is_deep = finding.found_by == FoundBy::Clippy;
        *entries.entry((finding.path.clone(), finding.rule, is_deep)).or_insert(0) += 1;
    }
    entries
}

fn text(old: &Config, entries: &BTreeMap<(String, Rule, bool), usize>) -> String {
    let mut text = String::from(
        "# What `cargo homebound check` leaves out, and why. Written by `cargo homebound init`; it may only become less.\n\n# Files that are not looked at: globs from this folder.\n",
    );
    let exempt: Vec<_> = old.exempt.iter().map(|glob| quoted(&glob.text)).collect();
    let _infallible = writeln!(text, "exempt = [{}]", exempt.join(", "));
    if !entries.is_empty() {
        text.push_str("\n# What was there before: the rule, where, how often at most, and why.\n");
    }
    for ((path, rule, is_deep), count) in entries {
        let path = config::escaped(path);
        let known = old
            .allow
            .iter()
            .find(|entry| entry.rule == *rule && entry.path.text == path && entry.deep == *is_deep);
        let reason = known.map_or_else(
            || format!("here before the guard ({})", Day::today()),
            |entry| entry.reason.clone(),
        );
        let _infallible = write!(
            text,
            "\n[[allow]]\nrule = \"{rule}\"\npath = {}\ncount = {count}\nreason = {}\n",
            quoted(&path),
            quoted(&reason)
        );
        if let Some(until) = known.and_then(|entry| entry.until) {
            let _infallible = writeln!(text, "until = {until}");
        }
        if *is_deep {
            text.push_str("deep = true # only --deep sees it\n");
        }
    }
    let deps = of_deps(&old.text);
    if deps.is_empty() { text } else { text + "\n" + &deps }
}

/// The section `deps` of an older file, which is kept: `init` does not write it.
fn of_deps(old: &str) -> String {
    let mut inside = false;
    let kept = old.split_inclusive('\n').filter(|line| {
        if line.starts_with('[') {
            inside = line.trim_start_matches('[').starts_with("deps");
        }
        inside
    });
    kept.collect()
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// From the header of an entry to the next header. `None` for an entry that has no header of its
/// own.
fn header_to_next(config: &Config, n: usize) -> Option<std::ops::Range<usize>> {
    let start = config.allow[n].span.start;
    let rest = &config.text[start..];
    let is_header = rest.starts_with("[[");
    let next = rest
        .match_indices('\n')
        .map(|(at, _)| at + 1)
        .find(|at| rest[*at..].trim_start_matches([' ', '\t']).starts_with('['));
    is_header.then(|| start..start + next.unwrap_or(rest.len()))
}
