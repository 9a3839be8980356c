//! Owns the history of a program: one line for each run, in a file that outlives the runs.
//! Refuses to change a deadline by it: the operator does.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::outcome::report::history_line::{Facts, line};
use crate::outcome::report::shutdown::ShutdownReport;
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
    /// Makes the line. Set with the path, so that a program without a history has no code for it.
    line: fn(&ShutdownReport, &Facts) -> String,
}

impl History {
    /// The history in the file `path`, which is not open yet.
    pub(crate) fn at(path: &Path) -> History {
        History { path: path.to_owned(), file: None, line }
    }

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
        let mut line = (self.line)(report, &Facts { at, pid: std::process::id(), kill_after, forced });
        if !ends_a_line(file)? {
            // A full disk, or a crash of the machine, has cut the line before.
            line.insert(0, '\n');
        }
        // One write, so that lines of several processes do not mix.
        if sys::with_refused_writes(|| file.write(line.as_bytes()))? < line.len() {
            return Err(io::Error::new(io::ErrorKind::WriteZero, "only a part of the line was written"));
        }
        Ok(())
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

/// True if the file is empty, or its last byte is a line feed.
fn ends_a_line(mut file: &File) -> io::Result<bool> {
    let Some(last) = file.metadata()?.len().checked_sub(1) else { return Ok(true) };
    // The file is open for appending, so this position does not matter to the writes.
    file.seek(SeekFrom::Start(last))?;
    let mut byte = [0];
    // Nothing there: another program has made the file shorter meanwhile.
    Ok(file.read(&mut byte)? == 0 || byte == *b"\n")
}
