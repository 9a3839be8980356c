//! Owns the contact sheet: takes every finished thumbnail, and draws them on one picture.
//! Refuses to know how they were made; the page around the sheet is `page`'s.

use std::collections::BTreeMap;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use homebound::Result;
use image::imageops::overlay;
use image::{Rgba, RgbaImage};
use parking_lot::Mutex;

use crate::output::{Output, SHEET};
use crate::thumbs::{SIZE, Thumb, write_png};

/// Pictures on the sheet at most, the first ones by name, so that its memory is bounded. The page
/// lists all.
pub const CELLS: usize = 256;

const MARGIN: u32 = 8;
const PAPER: Rgba<u8> = Rgba([0xf4, 0xf1, 0xea, 0xff]);

/// A finished picture, as the page needs it.
#[derive(Clone)]
pub struct Entry {
    pub file: PathBuf,
    pub original: (u32, u32),
}

#[derive(Default)]
pub struct Sheet(Mutex<Contents>);

#[derive(Default)]
struct Contents {
    entries: BTreeMap<PathBuf, Entry>,
    /// Thumbnails of the first entries. The thumbnail of an entry that moves up later is read from
    /// its file.
    cells: BTreeMap<PathBuf, Arc<RgbaImage>>,
    changes: usize,
}

impl Sheet {
    /// A picture that comes again, because it has changed, takes its old place.
    pub fn add(&self, thumb: Thumb) {
        let Thumb { name, file, original, pixels } = thumb;
        let mut contents = self.0.lock();
        contents.entries.insert(name.clone(), Entry { file, original });
        contents.cells.insert(name, Arc::new(pixels));
        if contents.cells.len() > CELLS {
            contents.cells.pop_last();
        }
        contents.changes += 1;
    }

    /// Takes out the pictures for which `is_there` is false. Returns their names and thumbnails.
    pub fn keep(&self, is_there: impl Fn(&Path) -> bool) -> Vec<(PathBuf, PathBuf)> {
        let mut contents = self.0.lock();
        let (kept, gone): (BTreeMap<_, _>, BTreeMap<_, _>) =
            mem::take(&mut contents.entries).into_iter().partition(|(name, _)| is_there(name));
        contents.entries = kept;
        let gone: Vec<_> = gone.into_iter().map(|(name, entry)| (name, entry.file)).collect();
        gone.iter().for_each(|(name, _)| drop(contents.cells.remove(name)));
        contents.changes += gone.len();
        gone
    }

    /// The number of changes so far.
    pub fn changes(&self) -> usize {
        self.0.lock().changes
    }

    /// Draws the sheet of the present pictures, and returns the list of all of them.
    pub fn write(&self, output: &Output) -> Result<BTreeMap<PathBuf, Entry>> {
        let (entries, cells) = {
            let contents = self.0.lock();
            (contents.entries.clone(), contents.cells.clone())
        };
        let first = entries.iter().take(CELLS);
        let cells: Vec<_> = first.filter_map(|(name, entry)| cell(cells.get(name), entry, output)).collect();
        let sheet = draw(cells.iter().map(|cell| &**cell));
        output.write(Path::new(SHEET), |file| write_png(file, &sheet))?;
        Ok(entries)
    }
}

/// `None` if the thumbnail cannot be read any more. Then the page shows that it is missing.
fn cell(kept: Option<&Arc<RgbaImage>>, entry: &Entry, output: &Output) -> Option<Arc<RgbaImage>> {
    let read = || Some(Arc::new(image::open(output.dir().join(&entry.file)).ok()?.to_rgba8()));
    kept.cloned().or_else(read)
}

/// As near to a square as possible.
fn draw<'a>(cells: impl ExactSizeIterator<Item = &'a RgbaImage>) -> RgbaImage {
    let columns = (1..).find(|n| n * n >= cells.len()).unwrap_or(1);
    let rows = cells.len().div_ceil(columns).max(1);
    let side = |n: usize| n as u32 * (SIZE + MARGIN) + MARGIN;
    let mut sheet = RgbaImage::from_pixel(side(columns), side(rows), PAPER);
    for (at, cell) in cells.enumerate() {
        let x = side(at % columns) + (SIZE - cell.width()) / 2;
        let y = side(at / columns) + (SIZE - cell.height()) / 2;
        overlay(&mut sheet, cell, x.into(), y.into());
    }
    sheet
}
