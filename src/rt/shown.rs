//! Owns how text that may be a peer's is shown: control characters and direction marks are written out, and an error inside an
//! error is followed so far and no further.
//! Refuses to change any data: names, purposes, paths and errors stay what they are, whatever a terminal makes of them.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt::{self, Display, Write};

/// A text on one line.
#[derive(Debug)]
pub struct Shown<T>(pub T);

/// The same for a field of a log, which is a text as well; most need no copy.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if text.contains(misleads) { Cow::Owned(Shown(text).to_string()) } else { Cow::Borrowed(text) }
}

/// A thread's name as the kernel is given it, which keeps so many bytes: escaped, and cut at a character.
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

/// A text that may have several lines, an error's: those after the first begin with a rail, so that none is taken for ours.
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

/// Passes on what is written to it, escaped.
struct Escaping<'a, 'f> {
    out: &'a mut fmt::Formatter<'f>,
    /// `None`: a line feed is one of the characters that are written out.
    rail: Option<&'a str>,
    /// A line feed has come: the next line begins if there is one.
    owed: bool,
}

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while !rest.is_empty() {
            self.begin_line()?;
            let (plain, odd) = rest.split_at(rest.find(misleads).unwrap_or(rest.len()));
            self.out.write_str(plain)?;
            let mut odd = odd.chars();
            match odd.next() {
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
    fn begin_line(&mut self) -> fmt::Result {
        match self.rail {
            Some(rail) if std::mem::take(&mut self.owed) => write!(self.out, "\n{rail}"),
            _ => Ok(()),
        }
    }
}

/// Control characters, which a terminal obeys; separators of lines, which some viewers obey; marks that change the direction of
/// what follows, so that it is read in another order than it was written.
fn misleads(c: char) -> bool {
    let direction =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}');
    c.is_control() || direction || matches!(c, '\u{2028}' | '\u{2029}')
}

std::thread_local! {
    static LEVEL: Cell<usize> = const { Cell::new(0) };
}

/// How deep the texts of errors are nested on this thread, while it lives: each may ask for that of an error that it holds, and a
/// chain of them may be longer than the stack.
pub(crate) struct Level(pub(crate) usize);

impl Level {
    pub(crate) fn enter() -> Level {
        Level(LEVEL.replace(LEVEL.get() + 1))
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        LEVEL.set(self.0);
    }
}
