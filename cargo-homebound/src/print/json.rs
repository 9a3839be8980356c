//! Owns the form for programs: one JSON object a line for each finding, and nothing else.
//! Refuses a wrapper around them: lines can be read while they are written.

use std::io::{self, Write};

use serde::Serialize;

use crate::finding::FoundBy;
use crate::finding::report::Report;

#[derive(Serialize)]
struct Line<'a> {
    rule: &'a str,
    path: &'a str,
    line: usize,
    column: usize,
    message: &'a str,
    help: &'a str,
    found_by: &'a str,
}

/// All findings, in order.
pub(crate) fn print(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for finding in &report.findings {
        let line = Line {
            rule: finding.rule.name(),
            path: &finding.path,
            line: finding.line,
            column: finding.column,
            message: &finding.message,
            help: &finding.help,
            found_by: who(finding.found_by),
        };
        serde_json::to_writer(&mut *out, &line)?;
        writeln!(out)?;
    }
    Ok(())
}

/// The way of looking that found it, as written in JSON and SARIF.
pub(super) fn who(found_by: FoundBy) -> &'static str {
    match found_by {
        FoundBy::Source => "source",
        FoundBy::Clippy => "clippy",
        FoundBy::Both => "both",
    }
}
