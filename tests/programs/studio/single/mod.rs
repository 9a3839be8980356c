//! The single instance: the second studio hands over, exactly one is first, and nobody else gets a
//! word in.

mod handover;
mod trouble;

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::studio::call::{Run, Studio};
use crate::studio::folders::{Folder, picture};
use crate::studio::place::Runtime;
use image::ImageFormat;

fn single(dir: &Folder, runtime: &Runtime) -> Studio {
    let mut studio = dir.studio();
    studio.arg("--single").env("XDG_RUNTIME_DIR", runtime.text());
    studio
}

/// A studio that is first, and stays.
fn first(dir: &Folder, runtime: &Runtime) -> Run {
    let mut run = single(dir, runtime).arg("--watch").start();
    run.until_stdout("watching ");
    run
}

/// A second one, with pictures of its own.
fn second(dir: &Folder, runtime: &Runtime, pictures: &Path) -> Studio {
    let mut studio = Studio::new();
    studio.arg(pictures).arg("--out").arg(dir.out()).arg("--single").env("XDG_RUNTIME_DIR", runtime.text());
    studio
}

/// A folder with one picture, old enough for `--watch`.
fn more_pictures(dir: &Folder, name: &str) -> PathBuf {
    let folder = dir.0.join(name);
    let path = folder.join("a.png");
    picture(&path, ImageFormat::Png);
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    folder
}

/// What the first answers to these bytes; nothing if it hangs up.
fn answer(runtime: &Runtime, request: &[u8]) -> String {
    let mut stream = UnixStream::connect(runtime.socket()).unwrap();
    let _cut_off = stream.write_all(request);
    let _hung_up = stream.shutdown(Shutdown::Write);
    let mut answer = String::new();
    let _reset = stream.read_to_string(&mut answer);
    answer
}
