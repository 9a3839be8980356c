//! The waits of a context, W1, W2 and W4: what each gives back, shows, and leaves alone.

mod a16_calls;
mod channel;
mod time;
mod w1_shown;
mod w2_callbacks;
mod w2_cycles;
mod w2_groups;
mod w4_park;

use std::time::Duration;

use homebound::{JoinError, Result};

const SOON: Duration = Duration::from_millis(20);

fn cycle_of<T: std::fmt::Debug>(joined: Result<T, JoinError>) -> Option<Vec<String>> {
    match joined {
        Err(JoinError::WouldDeadlock { cycle }) => Some(cycle),
        _ => None,
    }
}
