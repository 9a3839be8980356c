//! Owns the form of the answer for people: an aligned table, at most 100 columns wide where names
//! allow.
//! Refuses to leave out anything but places of one package beyond the first few, and counts those.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::known::{Compared, Verdict};
use super::report::{Report, Start};

const WIDTH: usize = 100;
/// Places of one kind that are listed for a package.
const PLACES: usize = 4;
const PACKAGE: usize = 26;
const WHAT: usize = 32;

/// Prints all of it.
pub(crate) fn print(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let target = if report.target == "all" { "all targets" } else { &report.target };
    writeln!(out, "{} packages with {} files scanned for {target}", report.packages, report.files)?;
    let native = |start: &&Start| start.kind == "native";
    let here = |start: &&Start| !native(start) && start.enabled != Some(false);
    let off = |start: &&Start| !native(start) && start.enabled == Some(false);
    section(out, "start threads in this build", report.starts.iter().filter(here).collect())?;
    section(
        out,
        "can, but a feature or a condition is off in this build",
        report.starts.iter().filter(off).collect(),
    )?;
    let title = "native code that can, by text (whether it is compiled is up to a build script)";
    section(out, title, report.starts.iter().filter(native).collect())?;
    compared(out, &report.compared)?;
    notes(out, report)
}

fn section(out: &mut dyn Write, title: &str, starts: Vec<&Start>) -> io::Result<()> {
    let packages: BTreeSet<&str> = starts.iter().map(|start| start.id.as_str()).collect();
    writeln!(out, "\n{title}: {}", count(packages.len(), "package"))?;
    if starts.is_empty() {
        return Ok(());
    }
    writeln!(out, "{:PACKAGE$} {:WHAT$} PLACE", "PACKAGE", "STARTS")?;
    for of_package in starts.chunk_by(|a, b| a.id == b.id) {
        package(out, of_package)?;
    }
    Ok(())
}

fn package(out: &mut dyn Write, starts: &[&Start]) -> io::Result<()> {
    let first = starts[0];
    let mut label = format!("{} {}", first.package, first.version);
    let mut conditions: Vec<Vec<String>> = Vec::new();
    for start in starts {
        let condition = condition(start);
        if !conditions.contains(&condition) {
            conditions.push(condition);
        }
    }
    for lines in conditions {
        let group: Vec<_> = starts.iter().filter(|start| condition(start) == lines).collect();
        for start in group.iter().take(PLACES) {
            let place = format!("{}:{}", start.path, start.line);
            row(out, &std::mem::take(&mut label), start.what, &place)?;
        }
        if group.len() > PLACES {
            writeln!(out, "{:PACKAGE$} and {} like these", "", count(group.len() - PLACES, "place"))?;
        }
        for line in lines {
            detail(out, &line)?;
        }
    }
    if let Some(reason) = &first.allowed {
        detail(out, &format!("allowed: {reason}"))?;
    }
    detail(out, &format!("via {}", first.way.join(" > ")))
}

/// One row. A part that does not fit stands on a line of its own.
fn row(out: &mut dyn Write, label: &str, what: &str, place: &str) -> io::Result<()> {
    let own_line = label.len() > PACKAGE;
    if own_line {
        writeln!(out, "{label}")?;
    }
    let label = if own_line { "" } else { label };
    if PACKAGE + 1 + what.len().max(WHAT) + 1 + place.len() <= WIDTH {
        return writeln!(out, "{label:PACKAGE$} {what:WHAT$} {place}");
    }
    writeln!(out, "{label:PACKAGE$} {what}")?;
    let indent = WIDTH.saturating_sub(place.len()).min(PACKAGE + 3);
    writeln!(out, "{:indent$}{place}", "")
}

/// The conditions for a place to be compiled, one line each.
fn condition(start: &Start) -> Vec<String> {
    let mut lines = Vec::new();
    let is_on = |feature: &String| start.enabled_by.iter().any(|by| by.feature == *feature);
    // Of a place in the build, the features that brought it in. Of any other, the conditions that
    // keep it out.
    let off = start.enabled == Some(false);
    let some_off = start.features.iter().any(|feature| !is_on(feature));
    let told = |feature: &&String| is_on(feature) != (off && some_off);
    for feature in start.features.iter().filter(told) {
        let by: Vec<_> = start.enabled_by.iter().filter(|by| by.feature == *feature).collect();
        let who = by.iter().take(2).map(|by| {
            let who = by.by.as_deref().unwrap_or("this workspace");
            let under = by.under.as_ref().map(|under| format!(" [{under}]")).unwrap_or_default();
            let asked =
                if by.asked == *feature { String::new() } else { format!(" as part of `{}`", by.asked) };
            format!("{who}{under}{asked}")
        });
        let who = who.collect::<Vec<_>>().join(", ");
        let more = if by.len() > 2 { format!(" and {} more", by.len() - 2) } else { String::new() };
        lines.push(match by.len() {
            0 => format!("feature {feature}: off"),
            _ => format!("feature {feature}: on, by {who}{more}"),
        });
    }
    let others = start.cfg.iter().filter(|cfg| !cfg.starts_with("feature = "));
    let others: Vec<_> = others.map(|cfg| format!("cfg({cfg})")).collect();
    if (off && !some_off) || start.enabled.is_none() {
        lines.extend((!others.is_empty()).then(|| format!("where {}", others.join(" and "))));
    }
    lines
}

fn detail(out: &mut dyn Write, text: &str) -> io::Result<()> {
    let indent = PACKAGE + 1;
    for line in wrapped(text, WIDTH - indent - 2) {
        writeln!(out, "{:indent$}{line}", "")?;
    }
    Ok(())
}

fn compared(out: &mut dyn Write, compared: &[Compared]) -> io::Result<()> {
    writeln!(out, "\ncompared with the list of crates known to start threads, or known not to")?;
    let of = |verdict: Verdict| compared.iter().filter(move |one| one.verdict == verdict);
    let label = |one: &Compared| format!("{} {}", one.package, one.version);
    for (verdict, title) in
        [(Verdict::Missed, "known to, nothing found"), (Verdict::Contradicted, "known not to, but found")]
    {
        for one in of(verdict) {
            let reason = one.reason.as_deref().unwrap_or_default();
            paragraph(out, &format!("{title}:"), &format!("{} ({reason})", label(one)))?;
        }
    }
    for (verdict, title) in
        [(Verdict::Agreed, "both say the same:"), (Verdict::Unlisted, "found, not on the list:")]
    {
        let names: Vec<_> = of(verdict).map(label).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        paragraph(out, title, &names)?;
    }
    Ok(())
}

fn paragraph(out: &mut dyn Write, title: &str, text: &str) -> io::Result<()> {
    let lines = wrapped(text, WIDTH - PACKAGE - 3);
    for (place, line) in lines.iter().enumerate() {
        writeln!(out, "{:PACKAGE$} {line}", if place == 0 { title } else { "" })?;
    }
    Ok(())
}

fn notes(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let unfollowed: BTreeSet<&str> = report.unfollowed.iter().map(|note| note.package.as_str()).collect();
    writeln!(out, "\n{} could not be parsed", count(report.unparsed.len(), "file"))?;
    for note in &report.unparsed {
        writeln!(out, "  {}: {}", note.package, note.says)?;
    }
    if !unfollowed.is_empty() {
        let names: Vec<_> = unfollowed.into_iter().collect();
        let title = "not every `mod` led to a file, so all files were taken, in";
        listed(out, title, &names)?;
    }
    let generated: Vec<_> = report.generated.iter().map(String::as_str).collect();
    if !generated.is_empty() {
        listed(out, "code that build scripts make was not read, in", &generated)?;
    }
    for name in &report.stale {
        writeln!(out, "[deps] allow has {name}, which starts no threads in this build")?;
    }
    Ok(())
}

fn listed(out: &mut dyn Write, title: &str, names: &[&str]) -> io::Result<()> {
    wrapped(&format!("{title} {}", names.join(", ")), WIDTH)
        .iter()
        .try_for_each(|line| writeln!(out, "{line}"))
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Breaks a text at blanks. A word that is longer than the width stays whole.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("one line at least");
        if last.is_empty() {
            last.push_str(word);
        } else if last.len() + 1 + word.len() <= width {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(format!("  {word}"));
        }
    }
    lines
}
