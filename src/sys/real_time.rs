//! Owns the choice of real-time signals: for the timer that ends the process, and for the marks of threads.
//! Refuses to take one that has a handler: it is somebody else's.

use super::action::get_action;

/// What a real-time signal is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// It is sent, to one thread of ours.
    Sent,
    /// It is never sent: to block it marks a thread.
    Mark,
}

/// How many from the top are kept for those that are sent.
const KEPT: usize = 4;

/// Those that can be used now, the best first: from the top, since programs that use some begin at the bottom; only those whose action
/// is the default. To be asked again before each use.
pub(crate) fn real_time_signals(what: Use) -> impl Iterator<Item = i32> {
    let from_the_top = (libc::SIGRTMIN()..=libc::SIGRTMAX()).rev();
    let skipped = if what == Use::Mark { KEPT } else { 0 };
    from_the_top
        .skip(skipped)
        .filter(|signal| get_action(*signal).is_ok_and(|now| now.sa_sigaction == libc::SIG_DFL))
}
