//! Owns the escapes of a text inside of XML and HTML.
//! Refuses to know what is written.

use std::fmt::{self, Display, Write};

use crate::rt::shown::Shown;

/// Displays a text inside of an element or of an attribute. Control characters are written out
/// first (A19), because XML has no way to hold most of them.
pub(crate) struct Xml<T>(pub(crate) T);

impl<T: Display> Display for Xml<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", Shown(&self.0))
    }
}

struct Escaping<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match c {
            '&' => self.0.write_str("&amp;"),
            '<' => self.0.write_str("&lt;"),
            '>' => self.0.write_str("&gt;"),
            '"' => self.0.write_str("&quot;"),
            '\'' => self.0.write_str("&#39;"),
            // XML has no way to write these two, not even as an escape.
            '\u{fffe}' | '\u{ffff}' => self.0.write_char('\u{fffd}'),
            c => self.0.write_char(c),
        })
    }
}
