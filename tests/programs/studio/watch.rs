//! `--watch`: pictures come, grow, turn good and go.
#![allow(unreachable_pub, reason = "in a program, `pub` tells what a module is for the others")]

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use super::folders::{encoded, folder, made_long_ago, picture, put, thumbs, whole_files};
use image::ImageFormat;
use rustix::process::Signal;

#[test]
fn watch_picks_up_what_comes_later() {
    let dir = folder("watch", &["a.png"]);
    let mut run = dir.studio().arg("--watch").start();
    run.until_stdout("1 picture in ");
    run.until_stdout("watching ");
    picture(&dir.pictures().join("later/b.png"), ImageFormat::Png);
    run.until_stdout("1 picture more");
    run.until_stdout("2 of 2 (100 %)");
    run.signal(Signal::TERM);
    let end = run.end();
    assert_eq!(end.code, Some(0), "{end:?}");
    end.counts(2, 2, 0, 0);
    assert_eq!(whole_files(&dir.out()), 2);
}

#[test]
fn watch_leaves_a_file_alone_while_it_may_grow() {
    let dir = folder("growing", &["a.png"]);
    let file = File::options().write(true).open(dir.pictures().join("a.png")).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(3600)).unwrap();
    let mut run = dir.studio().arg("--watch").start();
    run.until_stdout("0 pictures in ");
    run.until_stdout("1 picture more");
    run.signal(Signal::TERM);
    assert_eq!(run.end().code, Some(0));
}

/// The studio has seen it whole and tried it, in each of the three pauses: the thumbnail of a
/// picture that was queued behind it is there.
#[test]
fn watch_does_not_tell_of_a_picture_that_is_whole_in_the_end() {
    let dir = folder("pauses", &[]);
    let whole = encoded(ImageFormat::Jpeg);
    let slow = dir.pictures().join("a.jpg");
    let mut run = None;
    for part in 1..=3 {
        put(&slow, &whole[..whole.len() * part / 4]);
        picture(&dir.pictures().join(format!("z{part}.png")), ImageFormat::Png);
        let run = run.get_or_insert_with(|| dir.studio().arg("--watch").start());
        run.until("the picture behind it is made", |_, _| thumbs(&dir.out()) == part);
    }
    let mut run = run.unwrap();
    put(&slow, &whole);
    run.until("it is made", |_, _| thumbs(&dir.out()) == 4);
    run.signal(Signal::TERM);
    let end = run.end();
    assert!(end.code == Some(0) && !end.stderr.contains("a.jpg"), "{end:?}");
    end.counts(4, 4, 0, 0).says("problems:   0");
}

/// Older than any file that is still being written: told at once, but not once for each version.
#[test]
fn watch_tells_of_a_bad_picture_once_and_takes_it_back_when_it_is_good() {
    let dir = folder("mended", &[]);
    let whole = encoded(ImageFormat::Jpeg);
    let bad = dir.pictures().join("a.jpg");
    let mut run = dir.studio().arg("--watch").start();
    run.until_stdout("watching ");
    for part in 1..=2u32 {
        put(&bad, &whole[..whole.len() * part as usize / 4]);
        made_long_ago(&bad, part);
        let behind = dir.pictures().join(format!("z{part}.png"));
        picture(&behind, ImageFormat::Png);
        made_long_ago(&behind, part);
        run.until("the picture behind it is made", |_, _| thumbs(&dir.out()) == part as usize);
        run.until("it is told", |_, said| said.contains("a.jpg"));
    }
    put(&bad, &whole);
    run.until("it is made", |_, _| thumbs(&dir.out()) == 3);
    run.signal(Signal::TERM);
    let end = run.end();
    assert_eq!((end.code, end.stderr.matches("a.jpg").count()), (Some(0), 1), "{end:?}");
    end.counts(3, 3, 0, 0).says("problems:   0");
}

#[test]
fn a_stop_tells_what_is_still_bad() {
    for at_stop in ["--drain", "--drop"] {
        let dir = folder("still_bad", &["z.png"]);
        put(&dir.pictures().join("a.jpg"), &encoded(ImageFormat::Jpeg)[..400]);
        let mut run = dir.studio().arg("--watch").arg(at_stop).start();
        run.until_stdout("1 picture more");
        picture(&dir.pictures().join("z2.png"), ImageFormat::Png);
        run.until("the picture behind it is made", |_, _| thumbs(&dir.out()) == 2);
        run.signal(Signal::TERM);
        let end = run.end();
        assert!(end.stderr.contains("a.jpg"), "{end:?}");
        end.counts(3, 2, 1, 0).says("problems:   1");
    }
}

#[test]
fn watch_takes_what_is_gone_out_of_the_results() {
    let dir = folder("gone", &["a.png", "b.png", "c.png"]);
    let mut run = dir.studio().arg("--watch").arg("--web").start();
    let index = || fs::read_to_string(dir.out().join("index.html")).unwrap_or_default();
    run.until("all are shown", |_, _| index().contains("<p>3 pictures</p>"));
    fs::remove_file(dir.pictures().join("a.png")).unwrap();
    fs::rename(dir.pictures().join("b.png"), dir.pictures().join("d.png")).unwrap();
    run.until("what is there is shown", |_, _| {
        let index = index();
        let shown = |name: &str| index.contains(&format!("<figcaption>{name}<br>"));
        !shown("a.png") && !shown("b.png") && shown("c.png") && shown("d.png")
    });
    fs::remove_file(dir.pictures().join("d.png")).unwrap();
    run.until("one is left, though no other came", |_, _| index().contains("<p>1 picture</p>"));
    run.signal(Signal::TERM);
    let end = run.end();
    assert_eq!(end.code, Some(0), "{end:?}");
    assert_eq!(whole_files(&dir.out()), 1);
    assert!(index().contains("<figcaption>c.png<br>"), "{}", index());
    end.says("problems:   0");
}
