//! S1 to S11: how a stop travels, what it ends and what it does not.

mod s01_waits;
mod s02_down;
mod s03_proof;
mod s03_reason;
mod s04_body;
mod s05_channel;
mod s06_send;
mod s07_data;
mod s08_shield;
mod s09_at_once;
mod s09_callback;
mod s09_depth;
mod s10_deadline;
mod s11_refusal;

use std::time::Duration;

const SOON: Duration = Duration::from_millis(20);
