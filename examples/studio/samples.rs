//! Owns the making of the sample pictures that come with the studio: `studio --make-samples DIR`.
//! Refuses to read a file: every picture is a formula.

use std::f32::consts::TAU;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use homebound::Result;
use image::codecs::gif::{GifEncoder, Repeat};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, Frame, Rgb, RgbImage};

pub fn make(dir: &Path) -> Result {
    fs::create_dir_all(dir.join("more"))?;
    let file = |name: &str| File::create(dir.join(name)).map(BufWriter::new);
    let jpeg = |name, image: RgbImage| -> Result {
        Ok(image.write_with_encoder(JpegEncoder::new_with_quality(file(name)?, 80))?)
    };
    let png = |name, image: RgbImage| -> Result {
        let encoder = PngEncoder::new_with_quality(file(name)?, CompressionType::Best, FilterType::Adaptive);
        Ok(image.write_with_encoder(encoder)?)
    };
    jpeg("dusk.jpg", draw(640, 400, dusk))?;
    jpeg("more/rings.jpeg", draw(400, 520, rings))?;
    png("squares.png", draw(360, 360, squares))?;
    png("more/dusk.png", draw(240, 320, dusk))?;
    draw(320, 240, waves).write_with_encoder(WebPEncoder::new_lossless(file("waves.webp")?))?;
    turning(file("turning.gif")?)
}

fn draw(width: u32, height: u32, formula: impl Fn(f32, f32) -> [f32; 3]) -> RgbImage {
    let longer = width.max(height) as f32;
    RgbImage::from_fn(width, height, |x, y| {
        let color = formula(x as f32 / longer, y as f32 / longer);
        Rgb(color.map(|part| (part.clamp(0.0, 1.0) * 255.0) as u8))
    })
}

/// A sun over hills.
fn dusk(x: f32, y: f32) -> [f32; 3] {
    let hill = |height: f32, pitch: f32| height + 0.05 * (x * pitch).sin() + 0.02 * (x * pitch * 2.7).cos();
    let sun = 0.09 - ((x - 0.62).powi(2) + (y - 0.25).powi(2)).sqrt();
    match () {
        () if y > hill(0.52, 7.0) => [0.10, 0.12, 0.22],
        () if y > hill(0.42, 11.0) => [0.22, 0.18, 0.34],
        () if sun > 0.0 => [1.0, 0.86, 0.55],
        () => [0.35 + y, 0.25 + 0.6 * y, 0.55 - 0.3 * y],
    }
}

fn rings(x: f32, y: f32) -> [f32; 3] {
    let distance = ((x - 0.4).powi(2) + (y - 0.5).powi(2)).sqrt();
    let wave = (distance * 60.0).sin() * 0.5 + 0.5;
    [0.2 + 0.6 * wave, 0.4 + 0.2 * wave, 0.7 - 0.5 * wave * distance]
}

fn squares(x: f32, y: f32) -> [f32; 3] {
    let (column, row) = ((x * 9.0) as u32, (y * 9.0) as u32);
    match (column * 5 + row * 3) % 7 {
        0 | 3 => [0.85, 0.33, 0.24],
        1 | 5 => [0.95, 0.80, 0.40],
        2 => [0.20, 0.45, 0.55],
        _ => [0.93, 0.91, 0.86],
    }
}

fn waves(x: f32, y: f32) -> [f32; 3] {
    let crest = ((x * 3.0 + (y * 9.0).sin() * 0.2) * TAU).sin() > 0.0;
    if crest { [0.16, 0.50, 0.56] } else { [0.80, 0.92, 0.90] }
}

/// Eight frames of a turning pointer.
fn turning(file: BufWriter<File>) -> Result {
    let mut gif = GifEncoder::new(file);
    gif.set_repeat(Repeat::Infinite)?;
    for step in 0..8_u8 {
        let (sin, cos) = (f32::from(step) * TAU / 8.0).sin_cos();
        let frame = draw(120, 120, |x, y| {
            let (x, y) = (x - 0.5, y - 0.5);
            let on = (x * sin - y * cos).abs() < 0.04 && x * cos + y * sin > 0.0 && x.hypot(y) < 0.42;
            if on { [0.98, 0.75, 0.30] } else { [0.18, 0.24, 0.30] }
        });
        gif.encode_frame(Frame::new(DynamicImage::from(frame).to_rgba8()))?;
    }
    Ok(())
}
