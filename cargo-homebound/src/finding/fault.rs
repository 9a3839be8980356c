//! Owns the reasons for which a command could not be done: what, why, where it is written, and what
//! to write instead.
//! Refuses to print them, and to hold findings in source code.

use std::ops::Range;
use std::path::Path;

/// One reason for the exit code 2.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// The mistake, in one line.
    pub(crate) what: String,
    /// Where the mistake is written, if it is in a file that was read.
    pub(crate) place: Option<Box<Place>>,
    /// What to do about it.
    pub(crate) help: Option<String>,
}

/// Some bytes of a file.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) span: Range<usize>,
    pub(crate) label: String,
}

/// One fault or more.
pub(crate) type Faults = Vec<Fault>;

impl Fault {
    pub(crate) fn new(what: impl Into<String>) -> Fault {
        Fault { what: what.into(), place: None, help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Fault {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn at(mut self, place: Place) -> Fault {
        self.place = Some(Box::new(place));
        self
    }

    /// A file operation that the system refused.
    pub(crate) fn io(doing: &str, path: &Path, error: &std::io::Error) -> Fault {
        Fault::new(format!("cannot {doing} `{}`: {error}", path.display()))
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Faults {
        vec![fault]
    }
}
