//! Owns what could not be done as asked: what, why, where it is written, and what to write instead.
//! Refuses to print it, and to hold what was found in source code: that is a finding.

use std::ops::Range;
use std::path::Path;

/// One reason for the exit code 2.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// What is wrong, in one line.
    pub(crate) what: String,
    /// Where it is written, if it is in a file that was read.
    pub(crate) place: Option<Box<Place>>,
    /// What to do.
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

    /// What the system refused to do with a file.
    pub(crate) fn io(doing: &str, path: &Path, error: &std::io::Error) -> Fault {
        Fault::new(format!("cannot {doing} `{}`: {error}", path.display()))
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Faults {
        vec![fault]
    }
}
