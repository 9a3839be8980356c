//! Owns the folders of the tests: good pictures, every kind of bad one, and the check that results
//! are whole.
//! Refuses to know how the studio runs.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Cursor, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use image::{ImageFormat, RgbImage};
use rustix::process::geteuid;

use crate::studio::call::Studio;

/// An empty folder for one test.
pub(super) fn fresh(test: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("studio").join(test);
    if dir.exists() {
        fs::remove_dir_all(&dir).unwrap();
    }
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// A test's folder, with pictures in it.
pub(super) struct Folder(pub PathBuf);

impl Folder {
    pub(super) fn pictures(&self) -> PathBuf {
        self.0.join("pictures")
    }

    pub(super) fn out(&self) -> PathBuf {
        self.0.join("out")
    }

    /// A call with one worker, so that pictures come in the order of their names.
    pub(super) fn studio(&self) -> Studio {
        let mut studio = Studio::new();
        studio.arg(self.pictures()).arg("--out").arg(self.out()).arg("--workers").arg("1");
        studio
    }
}

/// The pictures are older than any that `--watch` would take for unfinished.
pub(super) fn folder(test: &str, pictures: &[&str]) -> Folder {
    let dir = Folder(fresh(test));
    fs::create_dir_all(dir.pictures()).unwrap();
    for name in pictures {
        let path = dir.pictures().join(name);
        picture(&path, ImageFormat::Png);
        made_long_ago(&path, 0);
    }
    dir
}

/// Some seconds less than an hour ago, so that a file that is written anew gets another time.
pub(super) fn made_long_ago(path: &Path, seconds: u32) {
    let file = File::options().write(true).open(path).unwrap();
    let age = Duration::from_secs(3600) - Duration::from_secs(1) * seconds;
    file.set_modified(SystemTime::now() - age).unwrap();
}

/// How many thumbnails there are, whole or not.
pub(super) fn thumbs(out: &Path) -> usize {
    let names = fs::read_dir(out.join("thumbs")).into_iter().flatten();
    names
        .filter(|entry| {
            entry.as_ref().is_ok_and(|entry| entry.path().extension().is_some_and(|end| end == "png"))
        })
        .count()
}

pub(super) fn encoded(format: ImageFormat) -> Vec<u8> {
    let image = RgbImage::from_fn(200, 150, |x, y| image::Rgb([x as u8, y as u8, (x * y / 7) as u8]));
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub(super) fn picture(path: &Path, format: ImageFormat) {
    put(path, &encoded(format));
}

pub(super) fn put(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Makes every known kind of bad file, and six good pictures. Returns the expected message for each
/// bad one.
pub(super) fn bad_folder(dir: &Path) -> Vec<(&'static str, &'static str)> {
    picture(&dir.join("one/same.png"), ImageFormat::Png);
    picture(&dir.join("two/same.png"), ImageFormat::Png);
    picture(&dir.join("a-jpeg.png"), ImageFormat::Jpeg);
    picture(&dir.join("without-extension"), ImageFormat::WebP);
    picture(&dir.join("<b>&.png"), ImageFormat::Png);
    picture(&dir.join(OsStr::from_bytes(b"not-\xff-utf8.gif")), ImageFormat::Gif);
    put(&dir.join("notes.txt"), b"no picture, and does not claim to be one");

    let mut expected = vec![];
    for (name, format) in [
        ("cut.png", ImageFormat::Png),
        ("cut.jpg", ImageFormat::Jpeg),
        ("cut.gif", ImageFormat::Gif),
        ("cut.webp", ImageFormat::WebP),
    ] {
        let bytes = encoded(format);
        put(&dir.join(name), &bytes[..bytes.len() / 2]);
        expected.push((name, ""));
    }
    put(&dir.join("empty.png"), b"");
    put(&dir.join("text.png"), b"this is no picture at all");
    put(&dir.join("bitmap.bmp"), b"BM but we do not read those");
    put(&dir.join("bomb.png"), &png_bomb());
    put(
        &dir.join("bomb.gif"),
        b"GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;",
    );
    symlink("nowhere.png", dir.join("dangling.png")).unwrap();
    symlink("ring.png", dir.join("ring.png")).unwrap();
    symlink("..", dir.join("one/loop")).unwrap();
    drop(UnixListener::bind(dir.join("socket.png")).unwrap());
    let pipe = Command::new("mkfifo").arg(dir.join("pipe.png")).status().unwrap();
    assert!(pipe.success());
    expected.extend([
        ("empty.png", "empty"),
        ("text.png", "no picture"),
        ("bitmap.bmp", "not supported"),
        ("bomb.png", "60000 x 60000 pixels"),
        ("bomb.gif", "65535 x 65535 pixels"),
        ("dangling.png", "symbolic link"),
        ("ring.png", "symbolic link"),
        ("one/loop", "symbolic link back"),
        ("socket.png", "a socket"),
        ("pipe.png", "a named pipe"),
    ]);
    // Root may read everything.
    if !geteuid().is_root() {
        let locked = dir.join("locked");
        fs::create_dir(&locked).unwrap();
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
        expected.push(("locked", "unreadable folder"));
    }
    expected
}

/// A few bytes that claim to be a picture of 3.6 billion pixels.
fn png_bomb() -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(60_000_u32.to_be_bytes());
    header.extend(60_000_u32.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    png.extend(&header);
    png.extend(crc32(&header).to_be_bytes());
    png.extend(b"\0\0\0\x0aIDAT\x78\x9c\x63\0\0\0\x01\0\x01\x0a");
    png
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// Checks that every file of the results is whole and no other is there; counts the thumbnails.
pub(super) fn whole_files(out: &Path) -> usize {
    let mut thumbs = 0;
    let names = |dir: &Path| {
        let entries = fs::read_dir(dir).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    for path in names(out) {
        match path.file_name().and_then(OsStr::to_str).unwrap() {
            "thumbs" => assert!(path.is_dir()),
            "contact-sheet.png" => drop(image::open(&path).expect("the sheet is whole")),
            "index.html" => assert!(fs::read_to_string(&path).unwrap().ends_with("</html>\n")),
            "diagnostics.zip" => assert!(!unzip(out, "settings.txt").is_empty()),
            // Results among the pictures.
            "a.png" | "b.png" => {}
            other => panic!("{other} is no result"),
        }
    }
    for path in names(&out.join("thumbs")) {
        image::open(&path).expect("a thumbnail is whole");
        thumbs += 1;
    }
    thumbs
}

pub(super) fn unzip(out: &Path, name: &str) -> String {
    let file = File::open(out.join("diagnostics.zip")).unwrap();
    let mut zip = zip::ZipArchive::new(file).expect("the bundle is whole");
    let mut text = String::new();
    zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}
