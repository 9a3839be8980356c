//! Owns the word that says when and how the process ends by the kernel's timer: a moment in
//! nanoseconds of the monotonic clock, with the code of the end and one mark in place of its last
//! ten bits. So the smaller word is the earlier end.
//! Refuses to arm the timer: `last` does.

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Exit(i32),
    Abort,
    /// The process is never ended by force.
    Never,
}

impl End {
    pub(super) fn code(self) -> u64 {
        match self {
            // The kernel keeps only the last eight bits of an exit code.
            End::Exit(code) => u64::from(code.to_le_bytes()[0]),
            // `prepare` does not enable `Never`, so its code is never used.
            End::Abort | End::Never => ABORT,
        }
    }
}

/// In place of a word or of a time: at no moment.
pub(super) const NEVER: u64 = u64::MAX;
/// In the place of an exit code: the process aborts.
pub(super) const ABORT: u64 = 0x100;
/// The bits of an exit code or of `ABORT`.
pub(super) const CODE: u64 = 0x1FF;
/// The bit of a process that is near its end: the timer has come once, and comes again at the end.
pub(super) const NEAR: u64 = 0x200;
/// In nanoseconds: from the first coming of the timer to the end, at least.
pub(super) const LEAD: u64 = 250_000_000;

pub(super) fn due_at(at: u64, code: u64) -> u64 {
    (at & !(NEAR | CODE)) | (code & CODE)
}

/// Returns when the timer comes for this word: before the end, or at the end.
pub(super) fn comes_at(due: u64) -> u64 {
    if due & NEAR == 0 { due.saturating_sub(LEAD) } else { due }
}
