//! HE: what the health looks of a registry find, and what they never claim.
//! Each test runs in a re-executed child, because one registry runs in a process.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body
#![cfg(target_os = "linux")]

mod expected;
mod found;
mod idle;
mod late;
mod outside;
mod stopper;
mod stuck;
mod told;
mod waits;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::subscriber::Told;
use crate::common::*;
use homebound::registry::{self, Health};
use homebound::status::{Pulse, ThreadStatus};

const LOOK: Duration = Duration::from_millis(100);
const WARN: Duration = Duration::from_millis(600);
const STUCK: Duration = Duration::from_millis(1500);

/// Short limits, so that a test need not take a minute.
fn quick() -> Health {
    Health::new().look_every(LOOK).warn_after(WARN).stuck_after(STUCK)
}

/// The lines that the looks have logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    /// Installs the subscriber of the process.
    fn of_process() -> Lines {
        let lines = Lines::default();
        let into = lines.clone();
        let told = Told::new(move |line: &str| {
            if line.contains("homebound::health") {
                into.0.lock().unwrap().push(line.to_owned());
            }
        });
        tracing::subscriber::set_global_default(told).expect("the first of the process");
        lines
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// The lines of this level.
    fn of(&self, level: &str) -> Vec<String> {
        let mut all = self.all();
        all.retain(|line| line.starts_with(&format!("event {level} ")));
        all
    }

    fn wait_for(&self, level: &str, count: usize) {
        eventually(&format!("{count} lines at {level}"), || self.of(level).len() >= count);
    }
}

/// The thread of this name in a snapshot of the registry.
fn row(name: &str) -> ThreadStatus {
    let snapshot = registry::snapshot().expect("a registry runs");
    let mut list = vec![&snapshot.root];
    while let Some(scope) = list.pop() {
        if let Some(thread) = scope.threads.iter().find(|thread| thread.name == name) {
            return thread.clone();
        }
        list.extend(&scope.scopes);
    }
    panic!("no thread {name}")
}

fn pulse(name: &str) -> Option<Pulse> {
    row(name).pulse
}

/// Lets `time` pass, in which something must not happen.
fn let_pass(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        linger(5);
    }
}

/// Sleeps in no wait of homebound's, as a call of a library would.
fn sleep_outside(time: Duration) {
    linger(u64::try_from(time.as_millis()).expect("a short time"));
}
