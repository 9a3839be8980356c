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

/// Number of bytes of an error's text that are kept.
const MOST_TEXT: usize = 64 * 1024;

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

/// The text of the error, in the form `{:#}`, in which some errors add their sources. If `Display`
/// panics, the text ends there and says so. Runs the program's code, so the caller holds no lock of
/// ours.
pub(crate) fn text(error: &(dyn Error + 'static)) -> String {
    let mut text = Bounded(String::new());
    match contain(|| write!(text, "{error:#}")) {
        // The text is kept also if `Display` failed, or was cut off by `Bounded`.
        Ok(_) => {}
        Err(payload) => {
            discard(payload);
            text.0 += "(an error whose Display panicked)";
        }
    }
    text.0
}

/// A text of at most [`MOST_TEXT`] bytes. More is refused with an error, which ends the formatting.
/// If an error is its own source, a `Display` that walks the sources would not end otherwise.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = MOST_TEXT - self.0.len();
        if part.len() <= room {
            self.0 += part;
            return Ok(());
        }
        // Cut between two characters, because a slice within one would panic.
        let fits = (0..=room).rev().find(|&at| part.is_char_boundary(at)).unwrap_or(0);
        self.0 += &part[..fits];
        Err(fmt::Error)
    }
}
