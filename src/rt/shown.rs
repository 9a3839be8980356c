//! Owns how untrusted text is shown: control characters and direction marks are escaped, lines are
//! marked, and a chain of errors is followed to a limited depth.
//! Refuses to change any data: names, purposes, paths and errors stay what they are, whatever a
//! terminal makes of them.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt::{self, Display, Write};

/// Displays a text on one line, with each character escaped that could mislead a reader.
#[derive(Debug)]
pub struct Shown<T>(pub T);

/// The same for a field of a log. Borrows the text if nothing in it needs an escape.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    // Most texts are plain ones, and a look at bytes is several times as fast as one at characters.
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if !is_plain && text.contains(misleads) {
        Cow::Owned(Shown(text).to_string())
    } else {
        Cow::Borrowed(text)
    }
}

/// Returns a thread's name for the kernel, which keeps only `bytes` bytes: escaped, and cut between
/// two characters.
pub fn kernel_name(name: &str, bytes: usize) -> Cow<'_, str> {
    let end = |text: &str| (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    match shown(name) {
        Cow::Borrowed(name) => Cow::Borrowed(end(name).and_then(|end| name.get(..end)).unwrap_or_default()),
        Cow::Owned(mut name) => {
            name.truncate(end(&name).unwrap_or_default());
            Cow::Owned(name)
        }
    }
}

/// Displays a text that may have several lines, such as an error. Each line but the first begins
/// with `rail`, so that no line of the text is taken for a line of ours.
pub(crate) struct Lines<'a, T> {
    pub(crate) text: T,
    pub(crate) rail: &'a str,
}

impl<T: Display> Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping { out: f, rail: None, owed: false }, "{}", self.0)
    }
}

impl<T: Display> Display for Lines<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping { out: f, rail: Some(self.rail), owed: false }, "{}", self.text)
    }
}

/// A writer that escapes what it passes on to `out`.
struct Escaping<'a, 'f> {
    out: &'a mut fmt::Formatter<'f>,
    /// The text that begins a line. `None`: a line feed is escaped, too.
    rail: Option<&'a str>,
    /// True after a line feed, until the next line begins. A line feed at the end of the text so
    /// begins no line.
    owed: bool,
}

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while !rest.is_empty() {
            self.begin_line()?;
            // Passed on in pieces: the plain part as it is, then one character that misleads.
            let (plain, odd) = rest.split_at(rest.find(misleads).unwrap_or(rest.len()));
            self.out.write_str(plain)?;
            let mut odd = odd.chars();
            match odd.next() {
                // The rail is written with the next character, if there is one.
                Some('\n') if self.rail.is_some() => self.owed = true,
                Some(c) => write!(self.out, "{}", c.escape_default())?,
                None => {}
            }
            rest = odd.as_str();
        }
        Ok(())
    }
}

impl Escaping<'_, '_> {
    /// Begins a line, if one is owed.
    fn begin_line(&mut self) -> fmt::Result {
        match self.rail {
            Some(rail) if std::mem::take(&mut self.owed) => write!(self.out, "\n{rail}"),
            _ => Ok(()),
        }
    }
}

/// True for control characters, which a terminal obeys; for separators of lines, which some viewers
/// obey; and for marks that change the direction of the text after them, so that it is read in
/// another order than it was written.
fn misleads(c: char) -> bool {
    let direction =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}');
    c.is_control() || direction || matches!(c, '\u{2028}' | '\u{2029}')
}

std::thread_local! {
    /// The number of [`Level`]s that live on this thread.
    static LEVEL: Cell<usize> = const { Cell::new(0) };
}

/// A guard that counts how deep the texts of errors are nested on this thread, while it lives. The
/// text of an error may ask for the text of the error that it holds, and a chain of them may be
/// longer than the stack. The field is the depth outside of the guard.
pub(crate) struct Level(pub(crate) usize);

impl Level {
    /// Goes one level deeper, until the guard is dropped.
    pub(crate) fn enter() -> Level {
        Level(LEVEL.replace(LEVEL.get() + 1))
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        LEVEL.set(self.0);
    }
}
