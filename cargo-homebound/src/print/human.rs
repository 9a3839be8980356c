//! Owns the form of findings and faults for people: as rustc prints them.
//! Refuses to know colours: the renderer does.

use std::io::{self, Write};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::sources::Sources;
use crate::finding::fault::Fault;
use crate::finding::report::{Deep, Report};
use crate::finding::{Finding, FoundBy};
use crate::source::text::excerpt;

/// The whole report, with the summary as the last line.
pub(crate) fn print(
    report: &Report,
    sources: &mut Sources,
    colour: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let renderer = renderer(colour);
    for finding in &report.findings {
        writeln!(out, "{}\n", one(finding, sources, &renderer, report.deep.is_some()))?;
    }
    for note in &report.notes {
        writeln!(out, "{}\n", renderer.render(&[Group::with_title(Level::NOTE.secondary_title(note))]))?;
    }
    if let Some(deep) = &report.deep {
        writeln!(out, "{}", tally(deep))?;
    }
    writeln!(out, "{}", report.summary())
}

/// How many findings the two ways of looking share, and the findings of each alone.
pub(crate) fn tally(deep: &Deep) -> String {
    let Deep { both, source, clippy } = deep;
    let mut text = format!(
        "found by both: {both}; by the text alone: {}; by clippy alone: {}",
        source.len(),
        clippy.len()
    );
    for (who, alone) in [("text", source), ("clippy", clippy)] {
        for place in alone {
            text.push_str(&format!("\n  {who:>6} alone: {place}"));
        }
    }
    text
}

/// The reasons for which a command could not be done.
pub(crate) fn faults(faults: &[Fault], colour: bool) -> String {
    let renderer = renderer(colour);
    let mut texts = Vec::new();
    for fault in faults {
        let mut group = Group::with_title(Level::ERROR.primary_title(&fault.what));
        if let Some(place) = &fault.place {
            let found = excerpt(&place.text, &place.span);
            let mark = AnnotationKind::Primary.span(found.span).label(&place.label);
            let snippet = Snippet::source(found.lines).path(&place.path).line_start(found.line);
            group = group.element(snippet.annotation(mark));
        }
        group = group.elements(fault.help.iter().map(|help| Level::HELP.message(help)));
        texts.push(renderer.render(&[group]));
    }
    texts.join("\n\n")
}

fn one(finding: &Finding, sources: &mut Sources, renderer: &Renderer, deep: bool) -> String {
    let mut group = Group::with_title(Level::ERROR.primary_title(&finding.message).id(finding.rule.name()));
    group = match sources.lines(finding) {
        Some(found) => {
            let snippet = Snippet::source(found.lines).path(&finding.path).line_start(found.line);
            let mark = AnnotationKind::Primary.span(found.span);
            group.element(snippet.annotation(mark))
        }
        None => group.element(Origin::path(&finding.path).line(finding.line).char_column(finding.column)),
    };
    group = group.elements(finding.help.lines().map(|help| Level::HELP.message(help)));
    if deep && finding.found_by != FoundBy::Both {
        let who = if finding.found_by == FoundBy::Clippy { "clippy" } else { "the source text" };
        group = group.element(Level::NOTE.message(format!("found by {who} alone")));
    }
    let explain = format!("cargo homebound explain {}", finding.rule);
    renderer.render(&[group.element(Level::NOTE.message(explain))])
}

fn renderer(colour: bool) -> Renderer {
    if colour { Renderer::styled() } else { Renderer::plain() }
}
