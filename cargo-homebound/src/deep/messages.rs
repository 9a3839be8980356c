//! Owns the reading of cargo's JSON messages: the findings of the guard's lint, and the errors of a
//! build that failed.
//! Refuses all other messages of the compiler.

use std::ops::Range;
use std::path::Path;

use serde::Deserialize;

use super::conf::MARK;
use crate::finding::rule::Rule;
use crate::finding::{Finding, FoundBy};
use crate::source::project::Project;

/// One message as a finding, with the lines that its span covers.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) finding: Finding,
    pub(super) lines: Range<usize>,
}

#[derive(Deserialize)]
struct Line {
    reason: String,
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    level: String,
    message: String,
    code: Option<Code>,
    #[serde(default)]
    spans: Vec<Span>,
    #[serde(default)]
    children: Vec<Child>,
    rendered: Option<String>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Child {
    message: String,
}

#[derive(Deserialize, Clone)]
struct Span {
    file_name: String,
    is_primary: bool,
    line_start: usize,
    line_end: usize,
    column_start: usize,
    byte_start: usize,
    byte_end: usize,
    #[serde(default)]
    text: Vec<Text>,
    expansion: Option<Box<Expansion>>,
}

#[derive(Deserialize, Clone)]
struct Text {
    text: String,
    highlight_start: usize,
    highlight_end: usize,
}

#[derive(Deserialize, Clone)]
struct Expansion {
    span: Span,
}

/// Adds clippy's findings in the project's files. Returns the compiler's words about a build that
/// failed.
pub(super) fn read(project: &Project, folder: &Path, output: &[u8], seen: &mut Vec<Seen>) -> String {
    let mut errors = String::new();
    for line in output.split(|byte| *byte == b'\n') {
        let Ok(Line { reason, message: Some(message) }) = serde_json::from_slice(line) else { continue };
        let ours = message.code.as_ref().is_some_and(|code| code.code == "clippy::disallowed_methods");
        if reason != "compiler-message" {
            continue;
        }
        if !ours {
            if message.level.starts_with("error") && errors.len() < 4096 {
                errors.push_str(message.rendered.as_deref().unwrap_or(&message.message));
            }
            continue;
        }
        if message.children.iter().any(|child| child.message.starts_with(MARK)) {
            let found = seen_by(project, folder, &message);
            let is_new = |new: &Seen| !seen.iter().any(|seen| seen.finding == new.finding);
            // cargo compiles a library once more for its tests, and so reports it twice.
            seen.extend(found.filter(is_new));
        }
    }
    errors
}

fn seen_by(project: &Project, folder: &Path, message: &Message) -> Option<Seen> {
    let mut span = message.spans.iter().find(|span| span.is_primary)?;
    let mut called = false;
    // In a macro of another crate: the finding is at the line that calls the macro.
    let path = loop {
        let path = project.name(&folder.join(&span.file_name));
        if !path.starts_with('/') && !span.file_name.starts_with('<') {
            break path;
        }
        span = &span.expansion.as_ref()?.span;
        called = true;
    };
    let what = message.message.split('`').nth(1).unwrap_or("a method");
    let (column, bytes) =
        if called { (span.column_start, span.byte_start..span.byte_end) } else { name(span) };
    let where_from = if called { ", in a macro of another crate" } else { "" };
    let finding = Finding {
        rule: Rule::RawThread,
        path,
        line: span.line_start,
        column,
        span: bytes,
        message: format!("`{what}` starts a thread that no scope owns{where_from}"),
        help: "spawn it in a scope: `scope.spawn(name, purpose, |cx| ..)`".to_owned(),
        found_by: FoundBy::Clippy,
    };
    Some(Seen { finding, lines: span.line_start..span.line_end + 1 })
}

/// Column and bytes of the name alone, since clippy marks the whole path: `spawn` of
/// `std::thread::spawn::<F, T>`.
fn name(span: &Span) -> (usize, Range<usize>) {
    let whole = (span.column_start, span.byte_start..span.byte_end);
    let [line] = span.text.as_slice() else { return whole };
    let width = line.highlight_end.saturating_sub(line.highlight_start);
    let marked: String = line.text.chars().skip(line.highlight_start.saturating_sub(1)).take(width).collect();
    let path = marked.split("::<").next().unwrap_or_default();
    let Some(at) = path.rfind("::").map(|at| at + 2) else { return whole };
    let start = span.byte_start + at;
    (span.column_start + path[..at].chars().count(), start..start + path.len() - at)
}
