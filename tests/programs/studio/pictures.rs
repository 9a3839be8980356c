//! Good and bad folders, and disks that take nothing: each bad picture costs one line.
#![allow(unreachable_pub, reason = "in a program, `pub` tells what a module is for the others")]

use std::ffi::OsStr;
use std::fs;
use std::process::Stdio;

use super::call::Studio;
use super::folders::{bad_folder, folder, fresh, unzip, whole_files};
use rustix::process::Signal;

#[test]
fn the_samples_that_we_ship_are_all_made() {
    let out = fresh("samples").join("out");
    let end = Studio::new().arg("--out").arg(&out).start().end();
    assert_eq!(end.code, Some(0), "{end:?}");
    end.counts(6, 6, 0, 0).says("orphaned: 0").says("OS threads: 1 at the start, 1 at the end");
    assert_eq!(whole_files(&out), 6);
    let index = fs::read_to_string(out.join("index.html")).unwrap();
    assert!(index.contains("more/rings.jpeg") && index.contains("contact-sheet.png"), "{index}");
    for name in
        ["report.txt", "dump.txt", "log.txt", "settings.txt", "shutdown.txt", "shutdown.svg", "shutdown.html"]
    {
        assert!(!unzip(&out, name).is_empty(), "{name} has something in it");
    }
    assert!(unzip(&out, "dump.txt").contains("thumbs-1"));
    assert!(unzip(&out, "shutdown.txt").contains("critical chain"));
    assert!(unzip(&out, "shutdown.svg").contains("watchdog"));
}

#[test]
fn bad_input_costs_one_line_each_and_nothing_else() {
    let dir = fresh("bad-input");
    let pictures = dir.join("pictures");
    let expected = bad_folder(&pictures);
    let end = Studio::new().arg(&pictures).arg("--out").arg(dir.join("out")).start().end();
    assert_eq!(end.code, Some(0), "{end:?}");
    for (name, reason) in &expected {
        let about = |line: &&str| line.contains(&format!("{name}: ")) && line.contains(reason);
        assert_eq!(end.stderr.lines().filter(about).count(), 1, "one line for {name} ({reason}): {end:?}");
    }
    end.says(&format!("problems:   {}", expected.len())).says("orphaned: 0");
    assert_eq!(end.stderr.lines().count(), expected.len(), "nothing else: {end:?}");
    // The good ones: two of the same name, a mislabelled one, one not UTF-8, an ugly name, one
    // without extension.
    assert_eq!(end.number("thumbnails:"), 6, "{end:?}");
    assert_eq!(whole_files(&dir.join("out")), 6);
    let index = fs::read_to_string(dir.join("out/index.html")).unwrap();
    assert!(index.contains("&lt;b&gt;&amp;.png") && !index.contains("<b>"), "{index}");

    let strict = Studio::new().arg(&pictures).arg("--out").arg(dir.join("out")).arg("--strict").start().end();
    assert_eq!(strict.code, Some(1), "{strict:?}");
    assert!(strict.stderr.contains(&format!("{} problems", expected.len())), "{strict:?}");
}

#[test]
fn a_decoder_that_panics_costs_one_picture() {
    let dir = folder("panic", &["a.png", "b.png"]);
    let end = dir.studio().env("STUDIO_FAULT", "panic:a.png").start().end();
    assert_eq!(end.code, Some(0), "{end:?}");
    end.counts(2, 1, 1, 0);
    assert!(end.stderr.contains("a.png: the decoder panicked"), "{end:?}");
    assert_eq!(end.stderr.lines().count(), 1, "{end:?}");
}

#[test]
fn results_inside_the_folder_are_not_pictures() {
    for (name, out) in [("inside", "pictures/results"), ("same", "pictures")] {
        let dir = folder(name, &["a.png", "b.png"]);
        for _ in 0..2 {
            let mut studio = Studio::new();
            let end = studio.arg(dir.pictures()).arg("--out").arg(dir.0.join(out)).start().end();
            assert_eq!(end.code, Some(0), "{end:?}");
            end.counts(2, 2, 0, 0);
        }
    }
}

#[test]
fn what_a_crash_left_behind_is_swept_up() {
    let dir = folder("crash", &["a.png"]);
    fs::create_dir_all(dir.out().join("thumbs")).unwrap();
    for left in [".studio-1-2.part", "thumbs/.studio-1-3.part"] {
        fs::write(dir.out().join(left), "half").unwrap();
    }
    let end = dir.studio().start().end();
    assert_eq!(end.code, Some(0), "{end:?}");
    assert_eq!(whole_files(&dir.out()), 1);
}

#[test]
fn two_studios_do_not_share_a_folder_of_results() {
    let dir = folder("shared", &["a.png"]);
    let mut first = dir.studio().arg("--watch").start();
    first.until_stdout("watching ");
    let second = dir.studio().start().end();
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.stderr.contains("another studio is writing there"), "{second:?}");
    first.signal(Signal::TERM);
    assert_eq!(first.end().code, Some(0));
}

/// A limit on the size of files stands for the full disk: it needs no mount, and fails at the same
/// place.
#[test]
fn a_disk_that_takes_nothing_is_told_once_and_counted_each_time() {
    let dir = folder("full", &["a.png", "b.png", "c.png", "d.png", "e.png", "f.png"]);
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"";
    let end = dir.studio().through("sh", &["-c", script]).start().end();
    assert_eq!(end.code, Some(0), "{end:?}");
    end.counts(6, 0, 6, 0).says("orphaned: 0");
    // Six pictures, the sheet, the bundle; the page is not tried without the sheet.
    assert_eq!(end.number("problems:"), 8, "{end:?}");
    assert_eq!(end.stderr.lines().count(), 8, "{end:?}");
    assert_eq!(whole_files(&dir.out()), 0);
}

#[test]
fn a_reader_that_goes_away_does_no_harm() {
    let dir = folder("pipe", &["a.png"]);
    let mut child = dir.studio().command().stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(whole_files(&dir.out()), 1);
}

#[test]
fn wrong_calls_are_refused() {
    let dir = fresh("calls");
    let missing = dir.join("missing");
    for (args, code, reason) in [
        (vec![OsStr::new("--nonsense")], 2, "unknown option --nonsense"),
        (vec![OsStr::new("--workers"), OsStr::new("0")], 2, "--workers must be from 1 to 1024"),
        (vec![missing.as_os_str()], 1, "missing: No such file"),
    ] {
        let mut studio = Studio::new();
        studio.arg("--out").arg(dir.join("out"));
        for arg in &args {
            studio.arg(arg);
        }
        let end = studio.start().end();
        assert_eq!(end.code, Some(code), "{args:?}: {end:?}");
        assert!(end.stderr.contains(reason), "{end:?}");
    }
}
