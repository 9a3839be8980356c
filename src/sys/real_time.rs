//! Owns the choice of real-time signals: for the timer that ends the process, and for the marks of
//! threads.
//! Refuses to choose a signal that has a handler, because other code uses that signal.

use super::action::get_action;

/// The use of a real-time signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// The signal is sent to a thread of ours.
    Sent,
    /// The signal is never sent. A thread that blocks it is marked.
    Mark,
}

/// The number of signals, from the top, that are kept for `Use::Sent`.
const KEPT: usize = 4;

/// Returns the signals that can be used now, the best first. It begins at the top, because programs
/// that use real-time signals begin at the bottom. It leaves out every signal whose action is not
/// the default. The program may begin to use a signal at any time, so ask again before each use.
pub(crate) fn real_time_signals(what: Use) -> impl Iterator<Item = i32> {
    let from_the_top = (libc::SIGRTMIN()..=libc::SIGRTMAX()).rev();
    // Signals of different uses come from different ranges: a thread that blocks a mark must not
    // block a signal that is sent to it.
    let skipped = if what == Use::Mark { KEPT } else { 0 };
    from_the_top
        .skip(skipped)
        .filter(|signal| get_action(*signal).is_ok_and(|now| now.sa_sigaction == libc::SIG_DFL))
}
