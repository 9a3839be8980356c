//! Owns the look into many files: open, decide whether to parse, check, forget the text.
//! Refuses to decide which findings count: a file that cannot be read or parsed is a finding like
//! any other.

use std::fs;

use crate::check::one_file;
use crate::finding::rule::Rule;
use crate::finding::{Finding, FoundBy};
use crate::source::walk::Walked;

/// The findings of all rules in all these files.
pub(crate) fn scan(walked: &Walked) -> Vec<Finding> {
    let mut found: Vec<Finding> = walked
        .unread
        .iter()
        .map(|(path, why)| unread(path, format!("cannot be looked into: {why}")))
        .collect();
    for item in &walked.items {
        match fs::read(&item.file) {
            Ok(bytes) => file(&item.path, bytes, &mut found),
            Err(error) => found.push(unread(&item.path, format!("cannot be read: {error}"))),
        }
    }
    found
}

fn file(path: &str, bytes: Vec<u8>, found: &mut Vec<Finding>) {
    let worth = one_file::is_worth_a_look(&bytes);
    match String::from_utf8(bytes) {
        // A file that is not worth a parse must be UTF-8 all the same: rustc would refuse it as
        // well.
        Ok(text) if worth => {
            found.extend(one_file::source(path, &text));
            // The parser keeps the text of each file for its spans. No span is left here.
            proc_macro2::extra::invalidate_current_thread_spans();
        }
        Ok(_) => {}
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let bytes = error.into_bytes();
            let (line, column) = crate::source::text::position(&String::from_utf8_lossy(&bytes[..at]), at);
            let mut finding = unread(path, format!("this is no UTF-8, from byte {at} on"));
            (finding.line, finding.column, finding.span) = (line, column, at..at);
            found.push(finding);
        }
    }
}

fn unread(path: &str, message: String) -> Finding {
    Finding {
        rule: Rule::BrokenSource,
        path: path.to_owned(),
        line: 1,
        column: 1,
        span: 0..0,
        message,
        help: "it was not checked: make it readable, or exempt it in homebound.toml".to_owned(),
        found_by: FoundBy::Source,
    }
}
