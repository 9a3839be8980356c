//! Owns the heartbeats: the present step of each stage of the studio, and its beginning.
//! Refuses to know the work of a stage, and the watcher.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// One stage, such as one queue worker. A stage is busy only while it has work, because waiting for
/// work is no stall.
pub struct Stage {
    pub name: String,
    task: Mutex<Option<Task>>,
}

struct Task {
    what: String,
    step: &'static str,
    since: Instant,
    reported: bool,
}

/// A stage that is busy, until this is dropped.
pub struct Busy<'a>(&'a Stage);

/// A stage that made no progress for too long.
pub struct Stall {
    pub stage: String,
    pub what: String,
    pub step: &'static str,
    pub lasting: Duration,
}

impl Stage {
    pub fn new(name: impl Into<String>) -> Self {
        Stage { name: name.into(), task: Mutex::new(None) }
    }

    pub fn begin(&self, what: String, step: &'static str) -> Busy<'_> {
        *self.task.lock() = Some(Task { what, step, since: Instant::now(), reported: false });
        Busy(self)
    }

    /// The present step of the stage.
    pub fn what(&self) -> Option<String> {
        self.task.lock().as_ref().map(|task| task.what.clone())
    }

    /// The stall of at least `limit`, if it was not reported yet.
    pub fn new_stall(&self, limit: Duration) -> Option<Stall> {
        let mut task = self.task.lock();
        let task = task.as_mut()?;
        let lasting = task.since.elapsed();
        if task.reported || lasting < limit {
            return None;
        }
        task.reported = true;
        Some(Stall { stage: self.name.clone(), what: task.what.clone(), step: task.step, lasting })
    }
}

impl Busy<'_> {
    /// A heartbeat: the stage is alive, and now at this step.
    pub fn step(&self, step: &'static str) {
        if let Some(task) = self.0.task.lock().as_mut() {
            task.step = step;
            task.since = Instant::now();
            task.reported = false;
        }
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        *self.0.task.lock() = None;
    }
}
