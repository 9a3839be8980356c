//! Owns the making of one thumbnail, from a picture's path to the finished file.
//! Refuses to know of queues and of other pictures.

use std::path::{Path, PathBuf};

use homebound::{Context, Result};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, RgbaImage};

use crate::decode;
use crate::output::THUMBS;
use crate::pictures::Picture;
use crate::stages::Busy;
use crate::studio::Studio;
use crate::text::fingerprint;

/// The longer side of a thumbnail, in pixels.
pub const SIZE: u32 = 160;

/// A finished thumbnail.
pub struct Thumb {
    /// The picture's name in the folder.
    pub name: PathBuf,
    /// The file in the results.
    pub file: PathBuf,
    /// Width and height of the picture.
    pub original: (u32, u32),
    pub pixels: RgbaImage,
}

/// The reason for a missing thumbnail.
pub enum Unmade {
    /// The picture is bad.
    Picture(homebound::BoxError),
    /// The picture is good, but the result could not be written.
    Output(homebound::BoxError),
}

/// Reads, decodes, shrinks, writes. A stop does not break it off, because one picture never takes
/// long.
pub fn make(cx: &Context, studio: &Studio, picture: &Picture, busy: &Busy<'_>) -> Result<Thumb, Unmade> {
    busy.step("reading");
    studio.faults.at_load(cx, &picture.path, &studio.console);
    let bytes = picture.read().map_err(|error| Unmade::Picture(error.into()))?;
    busy.step("decoding");
    let decoded = decode::contain(|| {
        studio.faults.at_decode(&picture.path);
        let image = decode::decode(&bytes)?;
        Ok(((image.width(), image.height()), shrink(&image)))
    });
    let (original, pixels) = decoded.map_err(Unmade::Picture)?;
    busy.step("writing");
    let thumb = Thumb { name: picture.name.clone(), file: file_name(&picture.name), original, pixels };
    let written = studio.output.write(&thumb.file, |file| write_png(file, &thumb.pixels));
    written.map_err(Unmade::Output)?;
    Ok(thumb)
}

/// Writes a PNG at the speed of a preview, not of an archive.
pub fn write_png(file: impl std::io::Write, pixels: &RgbaImage) -> Result {
    let encoder = PngEncoder::new_with_quality(file, CompressionType::Fast, FilterType::Adaptive);
    Ok(pixels.write_with_encoder(encoder)?)
}

fn shrink(image: &DynamicImage) -> RgbaImage {
    match image.width().max(image.height()) > SIZE {
        true => image.thumbnail(SIZE, SIZE).to_rgba8(),
        false => image.to_rgba8(),
    }
}

/// A name for people and a fingerprint of the whole path for the machine.
///
/// So equal names in different folders differ, and so do names that are not UTF-8 or differ only in
/// case.
fn file_name(picture: &Path) -> PathBuf {
    let stem = picture.file_stem().unwrap_or_default().to_string_lossy();
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }
    };
    let readable: String = stem.chars().take(48).map(safe).collect();
    let exact = fingerprint(picture.as_os_str().as_encoded_bytes());
    Path::new(THUMBS).join(format!("{readable}-{exact}.png"))
}
