//! Owns the choice of work by the bytes of its step.
//! Refuses to know the steps around it: `bytes` does.

use homebound::AtStop;
use homebound::work::Strategy;

use super::tree::Errors;
use super::work::{Care, Raced, Task, Trade};

/// The kinds from 32 to 35 are these.
pub(super) fn trade(kind: u8, flags: u8, choice: u8) -> Trade {
    match kind {
        32 => Trade::Pool(if flags & 2 == 2 { AtStop::Drain } else { AtStop::Drop }),
        33 => Trade::JoinSet,
        34 => {
            let strategy = match choice % 4 {
                2 => Strategy::RestForOne,
                3 => Strategy::OneForAll,
                _ => Strategy::OneForOne,
            };
            Trade::Supervisor(Care { strategy, vital: flags & 1 == 1, hasty: flags & 2 == 2 })
        }
        _ => Trade::Restart,
    }
}

/// One entrant to four, of which most often one has to succeed.
pub(super) fn raced(flags: u8, choice: u8, errors: Errors) -> Raced {
    let wanted = match flags & 0b111 {
        0b111 => 0,
        flags if flags & 0b11 == 0b11 => 3,
        flags if flags & 0b10 == 0b10 => 2,
        _ => 1,
    };
    Raced { wanted, tasks: tasks(flags, choice), errors }
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
