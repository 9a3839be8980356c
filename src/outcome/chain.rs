//! Owns the walk along the errors that an error shows it holds, and the reading of its text.
//! Refuses to judge what it finds, and to trust that either ends: `source` and `Display` are the program's code.

use std::error::Error;
use std::fmt::{self, Write};
use std::io;

use crate::rt::contain::{contain, discard};

/// More links than an error made by hand has, and few enough for an error that is its own source.
const LONGEST: usize = 128;

/// Of an error's text so many bytes are kept.
const MOST_TEXT: usize = 64 * 1024;

/// `error`, what it holds, what that holds, and so on: at most [`LONGEST`] of them. A `source` that panics ends the walk.
/// Runs the program's code: no lock of ours may be held.
pub(crate) fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| held_by(*error)).take(LONGEST)
}

/// An `io::Error` gives its own content as its source's source only, so it is asked for that content itself.
fn held_by<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return error.get_ref().map(|inner| inner as &(dyn Error + 'static));
    }
    contain(|| error.source()).unwrap_or_else(|payload| {
        discard(payload);
        None
    })
}

/// The text of `error` with the texts of its sources, where its `Display` gives them for `{:#}`. Ends where that panics. Runs the
/// program's code: no lock of ours may be held.
pub(crate) fn text(error: &(dyn Error + 'static)) -> String {
    let mut text = Bounded(String::new());
    match contain(|| write!(text, "{error:#}")) {
        // A `Display` that fails has said what it could.
        Ok(_) => {}
        Err(payload) => {
            discard(payload);
            text.0 += "(an error whose Display panicked)";
        }
    }
    text.0
}

/// Refuses what is too much: a `Display` that walks the sources of an error which is its own source does not end by itself.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = MOST_TEXT - self.0.len();
        if part.len() <= room {
            self.0 += part;
            return Ok(());
        }
        let fits = (0..=room).rev().find(|&at| part.is_char_boundary(at)).unwrap_or(0);
        self.0 += &part[..fits];
        Err(fmt::Error)
    }
}
