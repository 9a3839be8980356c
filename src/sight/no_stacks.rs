//! Owns the place of stacks where none can be captured: without the feature `stacks`, and on other
//! systems than Linux.
//! Refuses each capture, and says why once.

use std::time::Instant;

use crate::outcome::status::stack::{Stack, Stacks};
use crate::sight::files::Files;

const WHY: &str = if cfg!(feature = "stacks") {
    "stacks: they are captured on Linux alone"
} else {
    "stacks: the program was built without the feature `stacks` of homebound"
};

/// The stacks of one look: none.
#[derive(Default)]
pub(super) struct Capturing {
    is_asked: bool,
}

/// Nothing, because nothing was captured.
#[derive(Default)]
pub(super) struct Taken;

impl Capturing {
    pub(super) fn new(_until: Instant) -> Capturing {
        Capturing::default()
    }

    pub(super) fn take(&mut self, _os_tid: u32, stacks: Stacks) {
        self.is_asked |= stacks != Stacks::Off;
    }

    pub(super) fn named(self, _until: Instant, _files: Files, limits: &mut Vec<String>) -> Taken {
        limits.extend(self.is_asked.then(|| WHY.to_owned()));
        Taken
    }
}

impl Taken {
    pub(super) fn of(&self, _os_tid: u32) -> (Option<Stack>, Option<String>) {
        (None, None)
    }
}
