//! Owns `diagnostics.zip`: everything that an absent engineer needs, in one file to send.
//! Refuses to decide when the run is over.
//!
//! A service writes the bundle whenever a signal asks (SIGUSR1), because a program that hangs never
//! reaches its end. It is also written at the end, and once more when the run is over, with the
//! report and the waterfall of the shutdown.

use std::fmt::Display;
use std::io::{Cursor, Write};
use std::path::Path;

use crossbeam_channel::Receiver;
use homebound::{Result, Scope, ShutdownReport};
use parking_lot::Mutex;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::output::BUNDLE;
use crate::studio::Studio;

/// The number of dumps that are kept. The first ones are kept, because the beginning of a trouble
/// says more than its hundredth repetition.
const DUMPS: usize = 32;

pub struct Bundle {
    dumps: Mutex<Vec<String>>,
    /// Each message asks for a bundle now.
    wishes: Receiver<i32>,
    /// What was written at the end, for the bundle with the report of the shutdown.
    last: Mutex<Vec<Text>>,
}

/// A file of the bundle: its name, and what is in it.
type Text = (&'static str, String);

impl Bundle {
    pub fn new(wishes: Receiver<i32>) -> Self {
        Bundle { dumps: Mutex::default(), wishes, last: Mutex::default() }
    }

    /// Keeps a dump of all threads, with the reason why it was made.
    pub fn keep_dump(&self, why: impl Display, dump: String) {
        let mut dumps = self.dumps.lock();
        if dumps.len() < DUMPS {
            dumps.push(section(&why, &dump));
        }
    }
}

/// A service that writes the bundle on each request, until the workers are home.
pub fn start<'scope, 'env>(scope: &'scope Scope<'scope, 'env>, studio: &'env Studio) -> Result {
    scope.service("bundle", "writes the diagnostics bundle when a signal asks for it", move |cx| {
        for _ in cx.iter(&studio.bundle.wishes) {
            let note = "This was written in the middle of the run.";
            match write(studio, note, "when this bundle was asked for", &scope.dump_status()) {
                Ok(()) => studio.console.say(format_args!("bundle: {BUNDLE} is written")),
                Err(error) => studio.console.complain(format_args!("bundle: {BUNDLE}: {error}")),
            }
        }
        // Without the sender no request can come.
        cx.wait_for_stop();
        Ok(())
    })?;
    Ok(())
}

/// Writes the bundle anew, with `note` below the report, and with this dump behind the kept ones.
pub fn write(studio: &Studio, note: &str, why: &str, dump: &str) -> Result {
    let mut dumps = studio.bundle.dumps.lock().clone();
    dumps.push(section(&why, dump));
    let texts = vec![
        ("report.txt", format!("{}\n\n{note}\n", studio.tally)),
        ("dump.txt", dumps.join("\n")),
        ("log.txt", studio.console.log()),
        ("settings.txt", studio.options.to_string()),
    ];
    store(studio, &texts)?;
    *studio.bundle.last.lock() = texts;
    Ok(())
}

/// Writes the last bundle once more, with what became known after it: how the threads came home.
/// Does nothing if no bundle could be written.
pub fn add_shutdown(studio: &Studio, report: &ShutdownReport) -> Result {
    let mut texts = std::mem::take(&mut *studio.bundle.last.lock());
    if texts.is_empty() {
        return Ok(());
    }
    let waterfall = report.waterfall();
    texts.push(("shutdown.txt", format!("{report}\n\n{waterfall}\n")));
    texts.push(("shutdown.svg", waterfall.to_svg()));
    texts.push(("shutdown.html", waterfall.to_html()));
    store(studio, &texts)
}

fn store(studio: &Studio, texts: &[Text]) -> Result {
    let zip = pack(texts)?;
    studio.output.write(Path::new(BUNDLE), |file| Ok(file.write_all(&zip)?))
}

fn section(why: &dyn Display, dump: &str) -> String {
    format!("=== {why}\n\n{dump}\n")
}

/// Packs in memory, because the texts are small, and because a `ZipWriter` that cannot finish its
/// file writes to stderr itself.
fn pack(texts: &[Text]) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, text) in texts {
        zip.start_file(*name, options)?;
        zip.write_all(text.as_bytes())?;
    }
    Ok(zip.finish()?.into_inner())
}
