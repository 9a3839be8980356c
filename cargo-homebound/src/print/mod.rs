//! Owns where output goes, and what happens when the reader closes the pipe.
//! Refuses to know the forms of the report: each has its own file.
//!
//! Read `human` first, the form for people; `json`, `github` and `sarif` are for programs.

pub(crate) mod github;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod sarif;
pub(crate) mod sources;

use std::fs;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::Path;

use crate::finding::fault::{Fault, Faults};

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    Always,
    Never,
}

impl Colour {
    /// Whether to use colours on a stream.
    pub(crate) fn on(self, is_terminal: bool) -> bool {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match self {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto if set("NO_COLOR") => false,
            Colour::Auto if std::env::var_os("CLICOLOR_FORCE").is_some_and(|v| !v.is_empty() && v != "0") => {
                true
            }
            Colour::Auto => is_terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
        }
    }

    pub(crate) fn on_stdout(self) -> bool {
        self.on(io::stdout().is_terminal())
    }

    pub(crate) fn on_stderr(self) -> bool {
        self.on(io::stderr().is_terminal())
    }
}

/// Writes to a file, or to standard output. A reader that closes the pipe early (`| head`) is no
/// error.
pub(crate) fn write(
    output: Option<&Path>,
    form: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Faults> {
    let Some(path) = output else {
        let mut out = io::BufWriter::new(io::stdout().lock());
        return match form(&mut out).and_then(|()| out.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Fault::new(format!("cannot write to standard output: {error}")).into())
            }
            // Nobody reads the rest, so the buffer is not flushed.
            _ => {
                let (_out, _unread) = out.into_parts();
                Ok(())
            }
        };
    };
    let written = fs::File::create(path).and_then(|file| {
        let mut out = io::BufWriter::new(file);
        form(&mut out)?;
        out.flush()
    });
    written.map_err(|error| Fault::io("write", path, &error).into())
}

/// A line on standard error. It may be lost.
pub(crate) fn say(line: &str) {
    let _nobody_reads = writeln!(io::stderr(), "{line}");
}
