//! Owns what may become a finding and cannot be decided before the whole file is known: waits,
//! handles, ends of the process.
//! Refuses to decide it: the rules do, at the end of the walk.

use proc_macro2::Span;

use crate::check::resolve::waits::If;

/// A wait that may count.
#[derive(Debug)]
pub(crate) struct PendingWait {
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) when: If,
    /// The function in which it counts if that is called where a context is at hand.
    pub(crate) function: Option<usize>,
}

/// The waits of a file, as the check has found them so far.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    pub(crate) met: Vec<PendingWait>,
    /// Some descriptor was told not to wait.
    pub(crate) nonblocking: bool,
    /// Which kinds of channels are made here.
    pub(crate) bounded: bool,
    pub(crate) unbounded: bool,
}

impl Waits {
    /// How many waits there are, for `heard`.
    pub(crate) fn so_far(&self) -> usize {
        self.met.len()
    }

    /// Takes back what was said of waits since `first`: all, if the stop wakes who waits there;
    /// else what listens to several, if the stop is among them.
    pub(crate) fn heard(&mut self, first: usize, woken: bool, listens: bool) {
        let mut at = 0;
        self.met.retain(|wait| {
            at += 1;
            at <= first || !(woken || (listens && wait.when == If::Alone))
        });
    }
}
