//! Owns how names and numbers are written for people.
//! Refuses to know the place of the text, except for two places with rules of their own: HTML and
//! URLs.

use std::fmt::Write;
use std::path::Path;

/// A path on one line of a terminal. Bytes that are not UTF-8 show as U+FFFD.
pub fn shown(path: &Path) -> String {
    let mut text = String::new();
    for c in path.to_string_lossy().chars() {
        match c.is_control() {
            true => text.extend(c.escape_default()),
            false => text.push(c),
        }
    }
    text
}

/// A foreign message on one line of a terminal.
pub fn one_line(message: &str) -> String {
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    message.trim().chars().map(blank).collect()
}

/// `text` cut to `columns`. The beginning is left out, because the end of a path says more.
///
/// A character outside of ASCII counts as two columns, as Chinese characters take, because a line
/// that is too short is better than a wrapped one.
pub fn tail(text: &str, columns: usize) -> String {
    let wide = |c: char| if c.is_ascii() { 1 } else { 2 };
    if text.chars().map(wide).sum::<usize>() <= columns {
        return text.to_owned();
    }
    let mut room = columns.saturating_sub(3);
    let mut start = text.len();
    for (at, c) in text.char_indices().rev() {
        if wide(c) > room {
            break;
        }
        room -= wide(c);
        start = at;
    }
    let dots = ".".repeat(columns.min(3));
    format!("{dots}{}", &text[start..])
}

/// `1 picture`, `2 pictures`.
pub fn count(n: usize, one: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{n} {one}{s}")
}

pub fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// The FNV-1a hash. It is the same on every machine and in every version, and so are file names
/// made from it.
pub fn fingerprint(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    let mut text = String::new();
    let _ = write!(text, "{hash:016x}");
    text
}
