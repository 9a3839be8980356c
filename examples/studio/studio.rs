//! Owns what the threads of the studio share: settings, terminal, books, and the stores they fill.
//! Refuses to know the threads.

use std::fs::{self, Metadata};
use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::never;
use homebound::Result;
use parking_lot::Mutex;

use crate::bundle::Bundle;
use crate::console::Console;
use crate::faults::Faults;
use crate::handover::Inbox;
use crate::instance::Instance;
use crate::options::Options;
use crate::output::Output;
use crate::sheet::Sheet;
use crate::stages::Stages;
use crate::tally::{Problem, Tally};
use crate::text::shown;

/// It outlives all threads, so they simply borrow it.
pub struct Studio {
    pub options: Options,
    pub console: Arc<Console>,
    pub output: Output,
    pub tally: Tally,
    pub sheet: Sheet,
    pub bundle: Bundle,
    pub faults: Faults,
    pub inbox: Inbox,
    /// Held by the thread that starts a child process, until the tree knows the child.
    pub forking: Mutex<()>,
    /// With `--single`: our place as the first studio.
    pub instance: Option<Instance>,
    pub stages: Stages,
}

impl Studio {
    pub fn open(options: Options) -> Result<Self, String> {
        let (folder, out) = (&options.folder, &options.out);
        let meta = folder_of_pictures(folder)?;
        let output =
            Output::open(out).map_err(|error| format!("{}: no place for results: {error}", shown(out)))?;
        if output.owns(folder, folder, &meta) {
            return Err(format!("{}: holds the results of {}", shown(folder), shown(out)));
        }
        Ok(Studio {
            console: Arc::new(Console::new()),
            output,
            tally: Tally::new(),
            sheet: Sheet::default(),
            bundle: Bundle::new(never()),
            faults: Faults::from_env(),
            inbox: Inbox::new(),
            forking: Mutex::new(()),
            instance: None,
            stages: Stages::default(),
            options,
        })
    }

    /// Writes a problem into the books, and reports it.
    pub fn tell(&self, problem: Problem) {
        let line = problem.to_string();
        match self.tally.problem(problem) {
            true => self.console.complain(line),
            false => self.console.note(line),
        }
    }
}

/// Checks whether the folder can hold pictures at all.
pub fn folder_of_pictures(folder: &Path) -> Result<Metadata, String> {
    let meta = fs::metadata(folder).map_err(|error| format!("{}: {error}", shown(folder)))?;
    match meta.is_dir() {
        true => Ok(meta),
        false => Err(format!("{}: not a folder", shown(folder))),
    }
}
