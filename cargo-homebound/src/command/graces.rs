//! Owns the command `graces`: it reads histories, and prints what they say.
//! Refuses to know what a line of a history means: `graces` does.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use crate::finding::fault::{Fault, Faults};
use crate::graces::run::History;
use crate::graces::table;

/// The table of these files.
pub(crate) fn text(paths: &[PathBuf]) -> Result<String, Faults> {
    let mut history = History::default();
    let mut faults = Faults::new();
    for path in paths {
        let added = File::open(path).and_then(|file| history.add(BufReader::new(file)));
        faults.extend(added.err().map(|error| {
            Fault::io("read", path, &error)
                .help("name the file that the program gives to `Registry::history`")
        }));
    }
    if faults.is_empty() { Ok(table::text(&history)) } else { Err(faults) }
}
