//! Owns the lines of a text: in which line a byte is, and which characters stand there.
//! Refuses to trust a span: a file may have changed since it was parsed.

use std::ops::Range;

/// Some whole lines of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Excerpt<'a> {
    /// The number of the first line, from 1.
    pub(crate) line: usize,
    pub(crate) lines: &'a str,
    /// The span that was asked for, in bytes of `lines`.
    pub(crate) span: Range<usize>,
}

/// The lines that a span covers.
pub(crate) fn excerpt<'a>(text: &'a str, span: &Range<usize>) -> Excerpt<'a> {
    let start = boundary(text, span.start);
    let end = boundary(text, span.end.max(start));
    let first = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let last = text[end..].find('\n').map_or(text.len(), |at| end + at);
    let lines = text[first..last].trim_end_matches('\r');
    let span = (start - first).min(lines.len())..(end - first).min(lines.len());
    Excerpt { line: 1 + memchr::memchr_iter(b'\n', &text.as_bytes()[..first]).count(), lines, span }
}

/// Line and column of a byte, both from 1. Columns are characters.
pub(crate) fn position(text: &str, at: usize) -> (usize, usize) {
    let found = excerpt(text, &(at..at));
    (found.line, found.lines[..found.span.start].chars().count() + 1)
}

fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::{excerpt, position};

    #[test]
    fn lines_are_found_at_both_ends_and_beyond() {
        let text = "one\ntwø two\r\nthree";
        let middle = excerpt(text, &(9..12));
        assert_eq!((middle.line, middle.lines, &middle.lines[middle.span.clone()]), (2, "twø two", "two"));
        assert_eq!(position(text, 9), (2, 5));
        assert_eq!(excerpt(text, &(900..901)).lines, "three");
        assert_eq!(excerpt("", &(0..5)).lines, "");
        assert_eq!(position(text, 7), (2, 3), "a byte inside of a character");
    }
}
