//! Owns the check of one file: parse, walk, sort the findings.
//! Refuses to know where files come from.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proc_macro2::Span;

use crate::check::quick;
use crate::check::resolve::bodies;
use crate::check::rules::{deaf, detached, exit, hosted};
use crate::check::state::hit::Hit;
use crate::check::state::{Start, Walk};
use crate::finding::rule::Rule;
use crate::finding::{Finding, FoundBy};

/// All findings of one file, in the order of its lines. `path` is only carried into the findings.
///
/// A file that cannot be parsed gives one finding, `broken-source`. A file that is nested so deeply
/// that its parser would need more than a gigabyte of stack gives the same finding. A file that is
/// nested less deeply, but too deeply for the caller's stack, is parsed by a thread of its own.
/// That thread has a stack of the size that the file needs, and has ended when this function
/// returns.
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

/// Whether a file can hold anything that a rule is about: a quick look at its bytes, before it is
/// parsed.
///
/// The look is for words that every finding needs: `spawn`, `thread` together with `sleep`, and the
/// like. A small file is always parsed. A larger file without these words is not, so that it gives
/// no finding even if it is broken.
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

/// Bytes of stack for one step of `quick::depth`. Debug builds need four times as much.
const STEP: usize = if cfg!(debug_assertions) { 16 << 10 } else { 4 << 10 };
/// The caller's thread may be a thread of std's, which has two megabytes: half of that is left to
/// the rest of the program.
const AT_HAND: usize = 1 << 20;
/// A file that needs more stack than this is refused. No person writes such a file.
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

/// Runs the check so that a panic of the guard becomes a finding in this file, and does not end the
/// run.
fn guarded(text: &str) -> Looked {
    let looked = catch_unwind(AssertUnwindSafe(|| parsed(text)));
    // proc_macro2 keeps the text of every file for its spans. No span is left here, so the texts
    // go.
    proc_macro2::extra::invalidate_current_thread_spans();
    looked.unwrap_or_else(|_| {
        Err(Broken { line: 1, column: 1, offset: 0, message: "the guard itself failed here".to_owned() })
    })
}

fn parsed(whole: &str) -> Looked {
    // syn refuses a byte order mark and a shebang, and cargo does not. The shebang's line feed
    // stays in `text`, so that the parser counts lines as the file does.
    let mut text = whole.strip_prefix('\u{feff}').unwrap_or(whole);
    if text.starts_with("#!") && !is_attribute(&text[2..]) {
        text = &text[text.find('\n').unwrap_or(text.len())..];
    }
    let before = whole.len() - text.len();
    let file = syn::parse_file(text).map_err(|error| broken(&error, text, before))?;
    let mut walk = Walk::new();
    // Needed before the walk: the loop that parks may stand above the function that unparks it.
    walk.wakes_parked = bodies::wakes_parked(&file);
    walk.file(&file);
    // These rules need the whole file: a handle may be joined, and a function be called, further
    // down.
    detached::settle_handles(&mut walk);
    exit::settle_exits(&mut walk);
    deaf::settle_waits(&mut walk);
    hosted::settle(&mut walk);
    let mut findings: Vec<_> = walk.hits.into_iter().map(|hit| finding(hit, before)).collect();
    findings.sort_by_key(|one| (one.line, one.column, one.rule));
    // A body of `macro_rules!`, or a token that was read in two ways, may be met twice.
    findings.dedup_by(|a, b| (a.line, a.column, a.rule) == (b.line, b.column, b.rule));
    let mut starts: Vec<_> = walk.starts.into_iter().map(|(span, start)| placed(span, start)).collect();
    starts.sort_by_key(|start| (start.line, start.column));
    starts.dedup_by_key(|start| (start.line, start.column));
    Ok((findings, starts))
}

/// Whether `#!` begins an attribute, `#![allow(..)]`, and not `#!/bin/sh`.
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
        // For an early end of the file the parser gives no place: the end of the text is taken.
        let last = text.lines().last().map_or(0, |line| line.chars().count());
        (text.lines().count().max(1), last + 1, text.len())
    } else {
        (at.line.max(1), at.column + 1, bytes.start)
    };
    Broken { line, column, offset: offset + before, message: error.to_string() }
}
