//! Owns the choice of work by the bytes of its step.
//! Refuses to know the steps around it: `bytes` does.

use homebound::work::Strategy;

use super::work::{Task, Trade};

/// The kinds from 32 to 35 are these.
pub(super) fn trade(kind: u8, choice: u8) -> Trade {
    match kind {
        32 => Trade::Pool,
        33 => Trade::JoinSet,
        34 => Trade::Supervisor(match choice % 4 {
            2 => Strategy::RestForOne,
            3 => Strategy::OneForAll,
            _ => Strategy::OneForOne,
        }),
        _ => Trade::Restart,
    }
}

pub(super) fn width(flags: u8) -> usize {
    1 + usize::from(flags & 1)
}

/// One task to four.
pub(super) fn tasks(flags: u8, choice: u8) -> Vec<Task> {
    let task = |place: u8| match choice.rotate_right(3 * u32::from(place)) % 8 {
        0 => Task::Value,
        1 => Task::Error,
        2 => Task::Panic,
        3 => Task::Flaky,
        4 | 5 => Task::Wait,
        6 => Task::Linger,
        _ => Task::Flaky,
    };
    (0..=(flags >> 4) % 4).map(task).collect()
}
