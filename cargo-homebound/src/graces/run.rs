//! Owns the lines of a history, as `Registry::history` of homebound writes them.
//! Refuses to judge them.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use serde::Deserialize;

/// The form of the lines that this program knows.
const VERSION: u64 = 1;

/// One run of a program.
#[derive(Debug, Deserialize)]
pub(crate) struct Run {
    version: u64,
    pub(crate) scope: String,
    pub(crate) grace_us: Option<u64>,
    pub(crate) took_us: u64,
    /// Number of threads that were not home in time.
    pub(crate) timeout: u64,
    pub(crate) forced: bool,
    pub(crate) threads: Vec<Thread>,
}

/// A thread of a run, or several whose paths differ in digits only.
#[derive(Debug, Deserialize)]
pub(crate) struct Thread {
    pub(crate) path: String,
    /// From being told until home, of the slowest one. `None` if it was not home.
    pub(crate) took_us: Option<u64>,
    pub(crate) overdue: bool,
}

/// The runs of a file, by the path of their root scope.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) programs: BTreeMap<String, Vec<Run>>,
    /// The numbers of the lines that are no runs, or have a form that is not known.
    pub(crate) odd: Vec<usize>,
}

impl History {
    /// Adds the lines of a file. A line that cannot be read is counted, since a full disk may have
    /// cut it.
    pub(crate) fn add(&mut self, file: impl BufRead) -> io::Result<()> {
        for (place, line) in file.split(b'\n').enumerate() {
            let line = line?;
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match serde_json::from_slice::<Run>(&line) {
                Ok(run) if run.version == VERSION => {
                    self.programs.entry(run.scope.clone()).or_default().push(run);
                }
                Ok(_) | Err(_) => self.odd.push(place + 1),
            }
        }
        Ok(())
    }
}
