//! Owns the walk along the sources of an error, and the reading of its text.
//! Refuses to judge the errors, and to trust that the walk or the text ends: `source` and `Display`
//! are the program's code.

use std::error::Error;
use std::fmt::{self, Write};
use std::io;

use crate::rt::contain::{contain, discard};

/// Number of errors that a walk visits at most: more than real errors have, and few enough for an
/// error that is its own source.
const LONGEST: usize = 128;

/// Number of bytes of an error's text that are kept in a row of a report, or in a log.
const MOST_TEXT: usize = 64 * 1024;

/// Number of bytes of an error's text that a tree of failures shows. A tree may be the text of an
/// error in it, so the bound is wide: it is for a text without an end.
const MOST_SHOWN: usize = 4 * 1024 * 1024;

/// The error, its source, the source of its source, and so on: at most [`LONGEST`] errors. A
/// `source` that panics ends the walk. Runs the program's code, so the caller holds no lock of
/// ours.
pub(crate) fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| held_by(*error)).take(LONGEST)
}

/// The error inside `error`. `io::Error::source` skips the error that it holds, and gives the
/// source of that one. So ask an `io::Error` for its content itself.
fn held_by<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return error.get_ref().map(|inner| inner as &(dyn Error + 'static));
    }
    // A panic in `source` ends the walk here.
    contain(|| error.source()).unwrap_or_else(|payload| {
        discard(payload);
        None
    })
}

/// The text of the error, in the form `{:#}`, in which some errors add their sources.
pub(crate) fn text(error: &(dyn Error + 'static)) -> String {
    read(format_args!("{error:#}"), MOST_TEXT)
}

/// The text of the error as a tree of failures shows it.
pub(crate) fn shown_text(error: &(dyn Error + 'static)) -> String {
    read(format_args!("{error}"), MOST_SHOWN)
}

/// Reads what `Display` writes. If it panics or fails, the text ends there and says so. Runs the
/// program's code, so the caller holds no lock of ours.
fn read(written: fmt::Arguments<'_>, most: usize) -> String {
    let mut text = Bounded { text: String::new(), most };
    let ended = match contain(|| text.write_fmt(written)) {
        Ok(Ok(())) => "",
        Ok(Err(fmt::Error)) if text.text.len() == text.most => "",
        Ok(Err(fmt::Error)) => "(an error whose Display failed)",
        Err(payload) => {
            discard(payload);
            "(an error whose Display panicked)"
        }
    };
    text.text + ended
}

/// A text of at most `most` bytes. More is refused with an error, which ends the formatting. If an
/// error is its own source, a `Display` that walks the sources would not end otherwise.
struct Bounded {
    text: String,
    most: usize,
}

impl Write for Bounded {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = self.most - self.text.len();
        if part.len() <= room {
            self.text += part;
            return Ok(());
        }
        // Cut between two characters, because a slice within one would panic.
        let fits = (0..=room).rev().find(|&at| part.is_char_boundary(at)).unwrap_or(0);
        self.text += &part[..fits];
        // Close the room that is too small for the next character, so that no later part is put
        // there.
        self.most = self.text.len();
        Err(fmt::Error)
    }
}
