//! Owns the line on which a text of homebound's begins on stderr.
//! Refuses to write the text.

use std::io::IsTerminal;

/// The beginning of each such text. On a terminal it is a line end, because the program may have
/// drawn a line without one, as a progress bar, and because the terminal shows a key as `^\`. A
/// file or a pipe has whole lines, and gets nothing.
pub(crate) fn fresh_line() -> &'static str {
    if std::io::stderr().is_terminal() { "\n" } else { "" }
}
