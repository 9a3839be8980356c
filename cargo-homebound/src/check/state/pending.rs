//! Owns the waits that may become findings once the whole file is known.
//! Refuses to decide that: `rules::deaf` does, at the end of the walk.

use proc_macro2::Span;

use crate::check::resolve::waits::If;

/// A wait that counts if the rest of the file says so.
#[derive(Debug)]
pub(crate) struct PendingWait {
    /// The name of the call.
    pub(crate) span: Span,
    pub(crate) message: String,
    /// The condition on the file under which the call is a wait.
    pub(crate) when: If,
    /// The function of this file that waits, if it has no context of its own: the wait counts if
    /// some caller has one. `None`: a context is at hand, and the wait counts.
    pub(crate) function: Option<usize>,
}

/// The waits of one file, and what the file says that may excuse them.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    /// In the order of the walk.
    pub(crate) met: Vec<PendingWait>,
    /// The file calls `set_nonblocking` somewhere. On which descriptor is not followed.
    pub(crate) nonblocking: bool,
    /// The file makes channels with a bound, or without one. A `send` waits only in the former.
    pub(crate) bounded: bool,
    pub(crate) unbounded: bool,
}

impl Waits {
    /// How many waits have been met; the mark that `heard` takes.
    pub(crate) fn so_far(&self) -> usize {
        self.met.len()
    }

    /// Takes back the waits that were met since `first`, because the code there hears the stop in
    /// another way.
    ///
    /// `woken`: a callback of the stop wakes the thread, whatever it waits for. `listens`: the stop
    /// is among several things that are waited for, which excuses such waits alone.
    pub(crate) fn heard(&mut self, first: usize, woken: bool, listens: bool) {
        // `retain` gives no places, so they are counted. `first` waits were met before the frame
        // was entered.
        let mut at = 0;
        self.met.retain(|wait| {
            at += 1;
            at <= first || !(woken || (listens && wait.when == If::Alone))
        });
    }
}
