//! Owns the check of one file: parse, walk, sort what was found.
//! Refuses to know where files come from.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proc_macro2::Span;

use crate::check::quick;
use crate::check::resolve::bodies;
use crate::check::rules::{deaf, detached, exit};
use crate::check::state::{Hit, Start, Walk};
use crate::finding::rule::Rule;
use crate::finding::{Finding, FoundBy};

/// What the rules have to say about a file, in the order of its lines. `path` is only carried into
/// the findings.
///
/// A file that cannot be parsed gives one finding, `broken-source`; so does one that is nested so
/// deeply that to parse it would need more than a gigabyte of stack. A file that is nested deeply,
/// but not that deeply, is parsed by a thread of its own, with a stack of the size that it needs,
/// which has ended when this returns.
pub fn source(path: &str, text: &str) -> Vec<Finding> {
    match look(text) {
        Ok((findings, _)) => {
            findings.into_iter().map(|finding| Finding { path: path.to_owned(), ..finding }).collect()
        }
        Err(broken) => vec![Finding {
            rule: Rule::BrokenSource,
            path: path.to_owned(),
            line: broken.line,
            column: broken.column,
            span: broken.offset..broken.offset,
            message: format!("this file cannot be parsed, and was not checked: {}", broken.message),
            help: "the compiler says more: run `cargo check`".to_owned(),
            found_by: FoundBy::Source,
        }],
    }
}

/// The places of a file that start threads.
///
/// # Errors
///
/// A file that cannot be parsed: line, column, and what the parser says.
pub fn starts(text: &str) -> Result<Vec<Start>, (usize, usize, String)> {
    look(text).map(|(_, starts)| starts).map_err(|broken| (broken.line, broken.column, broken.message))
}

/// Whether a file can hold anything that the rules speak of: a quick look at its bytes, before it
/// is parsed.
///
/// It looks for words without which no rule can speak: `spawn`, `thread` together with `sleep`, and
/// the like. Small files are always worth it, and so are parsed; a larger one without such words is
/// not, so that nothing is said if it is broken.
pub fn is_worth_a_look(bytes: &[u8]) -> bool {
    quick::is_worth_a_look(bytes)
}

/// Why a file could not be read as Rust.
struct Broken {
    line: usize,
    column: usize,
    offset: usize,
    message: String,
}

type Looked = Result<(Vec<Finding>, Vec<Start>), Broken>;

/// Bytes of stack for one step of `quick::depth`, and how many there are without a thread for it.
const STEP: usize = if cfg!(debug_assertions) { 16 << 10 } else { 4 << 10 };
const AT_HAND: usize = 1 << 20;
const MOST: usize = 1 << 30;

fn look(text: &str) -> Looked {
    let needed = quick::depth(text).saturating_mul(STEP);
    if needed <= AT_HAND {
        return guarded(text);
    }
    let refused = |message: String| Err(Broken { line: 1, column: 1, offset: 0, message });
    if needed > MOST {
        return refused("it is nested too deeply".to_owned());
    }
    std::thread::scope(|scope| {
        let builder =
            std::thread::Builder::new().name("homebound-deep-file".to_owned()).stack_size(needed + AT_HAND);
        match builder.spawn_scoped(scope, || guarded(text)) {
            Ok(handle) => {
                handle.join().unwrap_or_else(|_| refused("the guard itself failed here".to_owned()))
            }
            Err(error) => refused(format!("it is nested deeply, and there is no stack for that: {error}")),
        }
    })
}

/// A fault of the guard's own is said of the file, and does not end the run.
fn guarded(text: &str) -> Looked {
    let looked = catch_unwind(AssertUnwindSafe(|| parsed(text)));
    // Else the texts of all files would be kept, for spans that nobody has any more.
    proc_macro2::extra::invalidate_current_thread_spans();
    looked.unwrap_or_else(|_| {
        Err(Broken { line: 1, column: 1, offset: 0, message: "the guard itself failed here".to_owned() })
    })
}

fn parsed(whole: &str) -> Looked {
    let mut text = whole.strip_prefix('\u{feff}').unwrap_or(whole);
    if text.starts_with("#!") && !is_attribute(&text[2..]) {
        text = &text[text.find('\n').unwrap_or(text.len())..];
    }
    let before = whole.len() - text.len();
    let file = syn::parse_file(text).map_err(|error| broken(&error, text, before))?;
    let mut walk = Walk::new();
    walk.wakes_parked = bodies::wakes_parked(&file);
    walk.file(&file);
    detached::settle_handles(&mut walk);
    exit::settle_exits(&mut walk);
    deaf::settle_waits(&mut walk);
    let mut findings: Vec<_> = walk.hits.into_iter().map(|hit| finding(hit, before)).collect();
    findings.sort_by_key(|one| (one.line, one.column, one.rule));
    findings.dedup_by(|a, b| (a.line, a.column, a.rule) == (b.line, b.column, b.rule));
    let mut starts: Vec<_> = walk.starts.into_iter().map(|(span, start)| placed(span, start)).collect();
    starts.sort_by_key(|start| (start.line, start.column));
    starts.dedup_by_key(|start| (start.line, start.column));
    Ok((findings, starts))
}

/// `#![allow(..)]` is no `#!/bin/sh`.
fn is_attribute(after: &str) -> bool {
    after.trim_start().starts_with('[')
}

fn placed(span: Span, start: Start) -> Start {
    let at = span.start();
    Start { line: at.line, column: at.column + 1, ..start }
}

fn finding(hit: Hit, before: usize) -> Finding {
    let (at, bytes) = (hit.span.start(), hit.span.byte_range());
    Finding {
        rule: hit.rule,
        path: String::new(),
        line: at.line,
        column: at.column + 1,
        span: bytes.start + before..bytes.end + before,
        message: hit.message,
        help: hit.help.to_owned(),
        found_by: FoundBy::Source,
    }
}

fn broken(error: &syn::Error, text: &str, before: usize) -> Broken {
    let (at, bytes) = (error.span().start(), error.span().byte_range());
    let ends = error.to_string().contains("unexpected end of input");
    let (line, column, offset) = if ends && at.line <= 1 && at.column == 0 {
        // The parser has no place for it: the end of the file.
        let last = text.lines().last().map_or(0, |line| line.chars().count());
        (text.lines().count().max(1), last + 1, text.len())
    } else {
        (at.line.max(1), at.column + 1, bytes.start)
    };
    Broken { line, column, offset: offset + before, message: error.to_string() }
}
