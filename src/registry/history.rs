//! Owns the history of a program: one line for each run, in a file that outlives the runs.
//! Refuses to change a deadline by it: the operator does.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::outcome::history_line::{Facts, line};
use crate::outcome::report::ShutdownReport;
use crate::registry::face::Registry;
use crate::registry::settings::Settings;
use crate::rt::contain::log_contained;
use crate::rt::shown::shown;
use crate::sys;

/// The history of a run, from the setting to the line.
#[derive(Debug)]
pub(crate) struct History {
    path: PathBuf,
    /// Opened when the run begins, so that the end of the run looks up no path. `None` before, and
    /// if the system refused.
    file: Option<File>,
}

impl Registry {
    /// Adds a line to this file at the end of the run: how long the stop took, and how long each
    /// thread of it. `cargo homebound graces FILE` shows, over all runs, what part of the grace
    /// each thread needs, and suggests a grace. No deadline changes by itself.
    ///
    /// The file is opened when the run begins, made if it is not there, and is for the user alone
    /// (mode 0600) from then on. A link and a file of another user are refused. Several processes
    /// may add to one file, because each adds its line by a single write to the end. A run that is
    /// ended by force adds its line as well, unless the file hangs, or unless the end is silent
    /// ([`Quiet`](crate::registry::SecondSignal::Quiet)). If the file cannot be opened or written,
    /// that is logged, and the run goes on.
    ///
    /// A line is JSON of at most 64 KiB. Nothing shortens the file.
    ///
    /// ```
    /// use homebound::Registry;
    ///
    /// let path = std::env::temp_dir().join(format!("history-{}.jsonl", std::process::id()));
    /// let exit = Registry::new("web").history(&path).run(|scope| {
    ///     scope.service("clock", "waits to be told", |cx| Ok(drop(cx.wait_for_stop())))?;
    ///     Ok(())
    /// });
    /// let history = std::fs::read_to_string(&path)?;
    /// assert!(history.starts_with("{\"version\":1,") && history.contains("/web/clock"));
    /// # std::fs::remove_file(&path)?;
    /// # exit.into_result()?;
    /// # Ok::<(), homebound::BoxError>(())
    /// ```
    pub fn history(mut self, path: impl AsRef<Path>) -> Registry {
        self.settings.history = Some(History { path: path.as_ref().to_owned(), file: None });
        self
    }
}

impl History {
    /// Opens the file. A refusal is logged: the program is worth more than its history.
    pub(crate) fn open(&mut self) {
        match sys::open_dump_file(&self.path) {
            Ok(file) => self.file = Some(file),
            Err(error) => self.complain("the history cannot be opened", &error),
        }
    }

    /// Adds the line of this run. Called on the thread that ran the body, while *watch* is there.
    pub(crate) fn add(&self, report: &ShutdownReport, kill_after: Duration) {
        if let Err(error) = self.write(report, kill_after, false) {
            self.complain("the history lacks this run", &error);
        }
    }

    /// For the last words of *watch*: logs nothing, because the subscriber is the program's.
    pub(crate) fn add_at_last(&self, report: &ShutdownReport, kill_after: Duration) {
        let _nobody_is_left_to_tell = self.write(report, kill_after, true);
    }

    fn write(&self, report: &ShutdownReport, kill_after: Duration, forced: bool) -> io::Result<()> {
        let Some(mut file) = self.file.as_ref() else { return Ok(()) };
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let line = line(report, &Facts { at, pid: std::process::id(), kill_after, forced });
        // One write, so that lines of several processes do not mix.
        match file.write(line.as_bytes())? {
            whole if whole == line.len() => Ok(()),
            _ => {
                // The disk is full. The next line must not be glued to this piece.
                let _full_as_well = file.write(b"\n");
                Err(io::Error::new(io::ErrorKind::WriteZero, "only a part of the line was written"))
            }
        }
    }

    fn complain(&self, what: &'static str, error: &io::Error) {
        log_contained(|| {
            tracing::error!(
                target: "homebound::registry",
                path = &*shown(&self.path.to_string_lossy()),
                %error,
                "{what}"
            );
        });
    }
}

/// Adds the line of a run that has one.
pub(crate) fn remember(settings: &Settings, report: &ShutdownReport) {
    settings.history.iter().for_each(|history| history.add(report, settings.kill_after));
}
