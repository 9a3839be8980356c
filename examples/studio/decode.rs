//! Owns the way from the bytes of a file to pixels: within bounds, for any bytes.
//! Refuses to know where the bytes come from.

use std::any::Any;
use std::cell::Cell;
use std::io::Cursor;
use std::panic::{self, AssertUnwindSafe};

use homebound::Result;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::pictures::FORMATS;

/// Pictures of more pixels are refused before any is decoded: a file of a kilobyte may claim any
/// size.
const MAX_PIXELS: u64 = 64_000_000;

/// Bytes that a decoder may allocate beyond the pixels' own memory.
const MAX_ALLOC: u64 = 768 << 20;

pub fn decode(bytes: &[u8]) -> Result<DynamicImage> {
    let format = image::guess_format(bytes).map_err(|_| "no picture: its content is of no known format")?;
    if !FORMATS.contains(&format) {
        return Err(format!("{format:?} pictures are not supported").into());
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_ALLOC);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(format!("{width} x {height} pixels: more than {MAX_PIXELS}").into());
    }
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    if format == ImageFormat::Jpeg && !jpeg_has_end(bytes) {
        return Err("truncated: the end of the picture is missing".into());
    }
    image.apply_orientation(orientation);
    Ok(image)
}

/// True if a JPEG has its end marker. The decoder paints missing parts in grey and calls that a
/// success.
///
/// Within the picture's own data a byte FF is never followed by D9, so such a pair behind the
/// header is the end.
fn jpeg_has_end(bytes: &[u8]) -> bool {
    let mut at = 2;
    // Skip the segments of the header: one may hold a small JPEG of its own, with its own end.
    while let Some(&[0xff, kind, high, low]) = bytes.get(at..at + 4) {
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
        if kind == 0xda {
            break;
        }
    }
    let data = bytes.get(at..).unwrap_or_default();
    data.windows(2).any(|pair| pair == [0xff, 0xd9])
}

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Makes the panics of `contain` silent. All others are printed as before. Call it once, at the
/// start.
pub fn quiet_contained_panics() {
    let others = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !CONTAINED.get() {
            others(info);
        }
    }));
}

/// Runs `f`, and turns its panic into an error, so that a decoder's bug costs one picture.
pub fn contain<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    CONTAINED.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(f));
    CONTAINED.set(false);
    outcome.unwrap_or_else(|payload| Err(format!("the decoder panicked: {}", message(&*payload)).into()))
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
