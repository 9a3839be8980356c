//! All times of the fleet in one place, because they only work together.
//!
//! A process that is told to stop has [`GRACE`] and then [`KILL_AFTER`] until homebound ends it.
//! The platform must wait for longer than both, and a job must be over before its process is.

use std::time::Duration;

/// The longest time that a job goes on after its process was told to stop. Then its query is
/// cancelled, and the job is free for another worker.
pub const SHIELD: Duration = Duration::from_secs(3);

/// From the stop of a process to the end of its grace.
pub const GRACE: Duration = Duration::from_secs(6);

/// From the end of the grace to the end of the process, whatever hangs.
pub const KILL_AFTER: Duration = Duration::from_secs(2);

/// The time that the platform waits between SIGTERM and SIGKILL: `terminationGracePeriodSeconds` of
/// Kubernetes. 10 s for `docker stop`, 90 s for systemd.
pub const PLATFORM: Duration = Duration::from_secs(10);

/// The server ends a session that does nothing inside a transaction for as long: the client is
/// gone, and its job is locked. It plays the part of a lease.
pub const LEASE: Duration = Duration::from_secs(30);

/// Attempts at one job. The next one puts the job into `dead_letters`.
pub const MOST_ATTEMPTS: i64 = 5;

/// The pause of a worker that has found no job.
pub const IDLE: Duration = Duration::from_millis(50);

// Row 4 of the table in README.md, held by the compiler.
const _: () = assert!(SHIELD.as_millis() < GRACE.as_millis());
const _: () = assert!(GRACE.as_millis() + KILL_AFTER.as_millis() < PLATFORM.as_millis());
const _: () = assert!(GRACE.as_millis() < LEASE.as_millis());
