//! Owns `diagnostics.zip`: what somebody needs who was not there, in one file to send.
//! Refuses to know what the texts say.

use std::io::{Cursor, Write};
use std::path::Path;

use homebound::Result;
use parking_lot::Mutex;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::output::{BUNDLE, Output};

/// So many dumps are kept, the first: the beginning of a trouble says more than its hundredth repetition.
const DUMPS: usize = 32;

#[derive(Default)]
pub struct Bundle {
    dumps: Mutex<Vec<String>>,
}

/// The files of the bundle.
pub struct Texts {
    pub report: String,
    pub log: String,
    pub settings: String,
}

impl Bundle {
    /// Keeps a dump of all threads, with the reason why it was made.
    pub fn keep_dump(&self, why: impl std::fmt::Display, dump: String) {
        let mut dumps = self.dumps.lock();
        if dumps.len() < DUMPS {
            dumps.push(format!("=== {why}\n\n{dump}\n"));
        }
    }

    pub fn close(&self, output: &Output, texts: Texts) -> Result {
        let dump = self.dumps.lock().join("\n");
        let Texts { report, log, settings } = texts;
        let zip = pack(&[
            ("report.txt", &report),
            ("dump.txt", &dump),
            ("log.txt", &log),
            ("settings.txt", &settings),
        ])?;
        output.write(Path::new(BUNDLE), |file| Ok(file.write_all(&zip)?))
    }
}

/// In memory, since the texts are small, and since a `ZipWriter` that cannot finish its file speaks to stderr
/// itself.
fn pack(texts: &[(&str, &str)]) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, text) in texts {
        zip.start_file(*name, options)?;
        zip.write_all(text.as_bytes())?;
    }
    Ok(zip.finish()?.into_inner())
}
