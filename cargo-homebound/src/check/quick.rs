//! Owns the two questions to a text before it is parsed: is it worth parsing, and how much stack
//! will the parser need.
//! Refuses to know Rust beyond strings, comments and brackets.

use memchr::memmem::Finder;
use std::sync::LazyLock;

/// Files of up to this size are always parsed.
const SMALL: usize = 4096;

/// Words of which one is enough.
static ALONE: LazyLock<Vec<Finder<'static>>> = LazyLock::new(|| {
    finders(&[
        "homebound",
        "spawn",
        "pthread_",
        "beginthread",
        "threadpool",
        "rusty_pool",
        "async_std",
        "unblock",
        "ctrlc",
        "actix",
        "recv_timeout",
        "recv_deadline",
        "park_timeout",
        "usleep",
        "nanosleep",
        "subscope",
        "service(",
    ])
});

/// Looked for only in files up to `LARGE`: a larger file with this word is a list of bindings,
/// which declares the function and does not call it.
static WINDOWS: LazyLock<Vec<Finder<'static>>> = LazyLock::new(|| finders(&["CreateThread"]));
const LARGE: usize = 1 << 20;

/// Pairs of words that must both be there: a crate, and one of its names. Alone, the crate's name
/// says too little.
static TOGETHER: LazyLock<Vec<(Finder<'static>, Vec<Finder<'static>>)>> = LazyLock::new(|| {
    [
        ("thread::", &["scope", "sleep", "park"][..]),
        ("thread as", &["scope", "sleep", "park"][..]),
        ("crossbeam", &["scope"][..]),
        ("rayon", &["ThreadPool", "scope"][..]),
        ("tokio", &["untime", "main", "test", "sleep"][..]),
        ("futures", &["ThreadPool"][..]),
        ("libc", &["clone", "sleep"][..]),
    ]
    .into_iter()
    .map(|(name, with)| (Finder::new(name), finders(with)))
    .collect()
});

fn finders(words: &[&'static str]) -> Vec<Finder<'static>> {
    words.iter().map(|word| Finder::new(*word)).collect()
}

/// See [`crate::check::is_worth_a_look`].
pub(super) fn is_worth_a_look(bytes: &[u8]) -> bool {
    let any = |words: &[Finder<'_>]| words.iter().any(|word| word.find(bytes).is_some());
    bytes.len() <= SMALL
        || any(&ALONE)
        || (bytes.len() <= LARGE && any(&WINDOWS))
        || TOGETHER.iter().any(|(name, with)| name.find(bytes).is_some() && any(with))
}

/// The steps that one bracket counts for: a parser goes through about this many functions for it.
const BRACKET: usize = 8;

/// The depth of a file for a recursive parser, in steps of about the same size; never too small.
///
/// Brackets nest in brackets. In each bracket, the operators and words since the last comma or
/// semicolon count too, because the parser also recurs for `a + b + c` and `!!!a`.
pub(super) fn depth(text: &str) -> usize {
    let bytes = text.as_bytes();
    // One entry per open bracket: the steps of its own since the last comma or semicolon. `sum` is
    // the total of all entries and brackets.
    let mut levels: Vec<usize> = vec![0];
    let (mut sum, mut most, mut at) = (0usize, 0usize, 0usize);
    while at < bytes.len() {
        let byte = bytes[at];
        match byte {
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |end| at + end);
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at = end_of_comment(bytes, at);
                continue;
            }
            // Brackets in texts and comments open nothing.
            b'"' => {
                at = end_of_string(bytes, at + 1);
                continue;
            }
            b'r' if starts_raw(bytes, at) => {
                at = end_of_raw(bytes, at + 1);
                continue;
            }
            b'\'' => {
                at = end_of_char(bytes, at);
                continue;
            }
            b'(' | b'[' | b'{' => {
                levels.push(0);
                sum += BRACKET;
            }
            // A closing bracket without an opening one is ignored: the parser will say more about
            // it.
            b')' | b']' | b'}' if levels.len() > 1 => {
                sum -= BRACKET + levels.pop().unwrap_or(0);
                // A block ends a statement, and so the steps before it do not add up:
                // `if a {} if b {}`.
                if byte == b'}' && !goes_on(bytes, at + 1) {
                    sum -= std::mem::take(levels.last_mut().unwrap_or(&mut 0));
                }
            }
            b',' | b';' => sum -= std::mem::take(levels.last_mut().unwrap_or(&mut 0)),
            _ if byte.is_ascii_whitespace() => {}
            _ => {
                sum += 1;
                if let Some(last) = levels.last_mut() {
                    *last += 1;
                }
                // A word is one step, however long it is.
                if is_word(byte) {
                    while at + 1 < bytes.len() && is_word(bytes[at + 1]) {
                        at += 1;
                    }
                }
            }
        }
        most = most.max(sum);
        at += 1;
    }
    most
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Whether the text after a `}` continues the expression before it, as in `{ .. }.len()`.
fn goes_on(bytes: &[u8], at: usize) -> bool {
    let rest = bytes[at..].trim_ascii_start();
    rest.starts_with(b"else") || rest.first().is_some_and(|byte| b".?+-*/%^&|<>=:!@".contains(byte))
}

fn end_of_comment(bytes: &[u8], mut at: usize) -> usize {
    let mut open = 0usize;
    while at < bytes.len() {
        // Comments of Rust nest.
        if bytes[at..].starts_with(b"/*") {
            open += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            open -= 1;
            at += 2;
            if open == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            // An escaped quote does not end the text.
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

fn starts_raw(bytes: &[u8], at: usize) -> bool {
    // `r"` in `for"` is no raw string; `br"` and `cr"` are.
    let before = at.checked_sub(1).map_or(b' ', |before| bytes[before]);
    let hashes = bytes[at + 1..].iter().take_while(|byte| **byte == b'#').count();
    (!is_word(before) || matches!(before, b'b' | b'c')) && bytes.get(at + 1 + hashes) == Some(&b'"')
}

fn end_of_raw(bytes: &[u8], at: usize) -> usize {
    let hashes = bytes[at..].iter().take_while(|byte| **byte == b'#').count();
    let mut at = at + hashes + 1;
    while let Some(quote) = memchr::memchr(b'"', bytes.get(at..).unwrap_or_default()) {
        at += quote + 1;
        if bytes[at..].iter().take(hashes).filter(|byte| **byte == b'#').count() == hashes {
            return at + hashes;
        }
    }
    bytes.len()
}

/// The place after a character literal, or after the `'` of a lifetime.
fn end_of_char(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at + 1) {
        Some(b'\\') => {
            memchr::memchr(b'\'', bytes.get(at + 3..).unwrap_or_default()).map_or(at + 2, |end| at + 4 + end)
        }
        Some(first) => {
            let long = match first {
                0..=0x7f => 1,
                0x80..=0xdf => 2,
                0xe0..=0xef => 3,
                _ => 4,
            };
            if bytes.get(at + 1 + long) == Some(&b'\'') { at + 2 + long } else { at + 1 }
        }
        None => at + 1,
    }
}
