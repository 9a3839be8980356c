//! Owns the heartbeats: the present step of each thread that is at work, and its beginning.
//! Refuses to know the work, and the watcher.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The threads that are at work, by name. A thread without work is not in here, because waiting for
/// work is no stall.
#[derive(Default)]
pub struct Stages(Mutex<BTreeMap<String, Task>>);

struct Task {
    what: String,
    step: &'static str,
    since: Instant,
    reported: bool,
}

/// The work of one thread, until this is dropped.
pub struct Busy<'a> {
    stages: &'a Stages,
    name: String,
}

/// A thread that made no progress for too long.
pub struct Stall {
    pub stage: String,
    pub what: String,
    pub step: &'static str,
    pub lasting: Duration,
}

impl Stages {
    pub fn begin(&self, name: &str, what: String, step: &'static str) -> Busy<'_> {
        let task = Task { what, step, since: Instant::now(), reported: false };
        self.0.lock().insert(name.to_owned(), task);
        Busy { stages: self, name: name.to_owned() }
    }

    /// The work of one of the threads. `thumbs-1` goes before `folder`.
    pub fn what(&self) -> Option<String> {
        self.0.lock().values().next_back().map(|task| task.what.clone())
    }

    /// The stalls of at least `limit` that were not reported yet.
    pub fn new_stalls(&self, limit: Duration) -> Vec<Stall> {
        let mut tasks = self.0.lock();
        let late = tasks.iter_mut().filter(|(_, task)| !task.reported && task.since.elapsed() >= limit);
        let stall = |(name, task): (&String, &mut Task)| {
            task.reported = true;
            let (stage, what, lasting) = (name.clone(), task.what.clone(), task.since.elapsed());
            Stall { stage, what, step: task.step, lasting }
        };
        late.map(stall).collect()
    }
}

impl Busy<'_> {
    /// A heartbeat: the thread is alive, and now at this step.
    pub fn step(&self, step: &'static str) {
        if let Some(task) = self.stages.0.lock().get_mut(&self.name) {
            (task.step, task.since, task.reported) = (step, Instant::now(), false);
        }
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.stages.0.lock().remove(&self.name);
    }
}
