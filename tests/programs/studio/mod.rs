//! Runs the built `studio` example as its users do: on good and bad folders, with signals, on a full disk.
//!
//! No test sleeps to synchronise. Each waits, within a bound, for a line that the studio prints; where the
//! studio would be too quick to be caught, `STUDIO_FAULT` (see `examples/studio/faults.rs`) makes it wait.

#![cfg(unix)]
#![allow(unreachable_pub, reason = "in a program, `pub` tells what a module is for the others")]

mod call;
mod eight;
mod folders;
mod place;
mod single;
mod web;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use image::ImageFormat;
use rustix::process::Signal;

use call::{End, PATIENCE, Studio};
use folders::{bad_folder, encoded, folder, fresh, made_long_ago, picture, put, thumbs, unzip, whole_files};

#[test]
fn the_samples_that_we_ship_are_all_made() {
    let out = fresh("samples").join("out");
    let end = Studio::new().arg("--out").arg(&out).start().end();
    assert_eq!(end.code, Some(0), "{end:?}");
    end.counts(6, 6, 0, 0).says("orphaned: 0").says("OS threads: 1 at the start, 1 at the end");
    assert_eq!(whole_files(&out), 6);
    let index = fs::read_to_string(out.join("index.html")).unwrap();
    assert!(index.contains("more/rings.jpeg") && index.contains("contact-sheet.png"), "{index}");
    for name in ["report.txt", "dump.txt", "log.txt", "settings.txt"] {
        assert!(!unzip(&out, name).is_empty(), "{name} has something in it");
    }
    assert!(unzip(&out, "dump.txt").contains("thumbs-1"));
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
    // The good ones: two of the same name, a mislabelled one, one not UTF-8, an ugly name, one without
    // extension.
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
fn ctrl_c_drains_the_queue() {
    let (end, out) = stopped_with_four_in_the_queue("drain", "--drain", Signal::INT);
    assert_eq!(end.code, Some(130), "{end:?}");
    end.counts(5, 5, 0, 0).says("Interrupted: signal 2 (SIGINT)").says("orphaned: 0");
    assert_eq!(whole_files(&out), 5);
}

#[test]
fn ctrl_c_drops_the_queue_and_counts_it() {
    let (end, out) = stopped_with_four_in_the_queue("drop", "--drop", Signal::INT);
    assert_eq!(end.code, Some(130), "{end:?}");
    end.counts(5, 1, 0, 4).says("Interrupted: signal 2 (SIGINT)").says("orphaned: 0");
    assert_eq!(whole_files(&out), 1);
}

#[test]
fn sigterm_is_a_clean_end() {
    let (end, out) = stopped_with_four_in_the_queue("term", "--drain", Signal::TERM);
    assert_eq!(end.code, Some(0), "{end:?}");
    end.counts(5, 5, 0, 0).says("Interrupted: signal 15 (SIGTERM)").says("orphaned: 0");
    assert_eq!(whole_files(&out), 5);
}

#[test]
fn a_second_ctrl_c_ends_a_hanging_run_at_once() {
    let dir = folder("twice", &["a.png"]);
    let mut run = dir.studio().env("STUDIO_FAULT", "hang:a.png").start();
    run.until_stdout("fault: thumbs-1 hangs");
    run.signal(Signal::INT);
    run.until_stdout("stopping: signal 2");
    // Sooner, it would count as one press of a nervous finger.
    run.pump_for(Duration::from_millis(700));
    let second = Instant::now();
    run.signal(Signal::INT);
    let end = run.end();
    assert_eq!(end.code, Some(130), "{end:?}");
    assert!(second.elapsed() < Duration::from_secs(5), "at once: {:?}", second.elapsed());
    assert!(end.stderr.contains("thumbs-1"), "the dump names the culprit: {end:?}");
    assert_eq!(whole_files(&dir.out()), 0);
}

#[test]
fn a_hanging_worker_cannot_hold_the_process() {
    let dir = folder("overdue", &["a.png"]);
    let mut run = dir.studio().arg("--grace").arg("0.5").env("STUDIO_FAULT", "hang:a.png").start();
    run.until_stdout("fault: thumbs-1 hangs");
    run.signal(Signal::TERM);
    let end = run.end();
    assert_eq!(end.code, Some(70), "{end:?}");
    assert!(end.stderr.contains("thumbs-1"), "the dump names the culprit: {end:?}");
}

#[test]
fn sigquit_dumps_and_goes_on() {
    let dir = folder("quit", &["a.png", "b.png"]);
    let mut run = dir.studio().arg("--watch").env("STUDIO_FAULT", "pause:a.png").start();
    run.until_stdout("fault: thumbs-1 waits for the stop");
    run.until_stdout("watching ");
    run.signal(Signal::QUIT);
    run.until_stderr("makes thumbnails of queued pictures");
    run.signal(Signal::TERM);
    let end = run.end();
    assert_eq!(end.code, Some(0), "{end:?}");
    end.counts(2, 2, 0, 0);
}

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

/// The studio has seen it whole and tried it, in each of the three pauses: the thumbnail of a picture that was queued behind it is there.
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

/// A limit on the size of files stands for the full disk: it needs no mount, and fails at the same place.
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
fn a_stage_without_progress_is_reported() {
    let dir = folder("stall", &["a.png"]);
    let mut run = dir.studio().arg("--stall").arg("0.1").env("STUDIO_FAULT", "pause:a.png").start();
    run.until_stderr("watchdog: thumbs-1 has made no progress for 0.");
    run.signal(Signal::TERM);
    let end = run.end();
    assert_eq!(end.code, Some(0), "{end:?}");
    assert!(end.number("stalls:") >= 1, "{end:?}");
    assert!(unzip(&dir.out(), "dump.txt").contains("watchdog: thumbs-1"));
}

/// The shell starts a child and then becomes the studio, which so inherits a child that it knows nothing of.
#[cfg(target_os = "linux")]
#[test]
fn a_stray_child_process_is_ended() {
    let dir = folder("stray", &["a.png"]);
    let script = "sleep 1000 >/dev/null 2>&1 & exec \"$0\" \"$@\"";
    let mut run = dir.studio().through("sh", &["-c", script]).arg("--watch").arg("--idle").arg("0.2").start();
    run.until_stdout("(sleep) has ended");
    run.signal(Signal::TERM);
    let end = run.end();
    assert_eq!(end.code, Some(0), "{end:?}");
    end.says("strays:     1 found, 1 ended");
}

#[cfg(target_os = "linux")]
#[test]
fn every_thread_bears_its_name() {
    let dir = folder("names", &["a.png"]);
    let mut run = dir.studio().arg("--watch").start();
    run.until_stdout("watching ");
    // A thread takes its name with its first step, which may come after that of another.
    let deadline = Instant::now() + PATIENCE;
    let mut names = run.thread_names();
    while names.iter().filter(|name| *name == "studio").count() > 1 && Instant::now() < deadline {
        run.pump_for(Duration::from_millis(10));
        names = run.thread_names();
    }
    for name in ["folder", "scanner", "studio", "thumbs-1", "watchdog"] {
        let bearers = names.iter().filter(|bearer| *bearer == name).count();
        assert_eq!(bearers, 1, "{name} in {names:?}");
    }
    run.signal(Signal::INT);
    assert_eq!(run.end().code, Some(130));
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

/// One worker waits with the first picture, the other four are in the queue when the signal comes.
fn stopped_with_four_in_the_queue(name: &str, at_stop: &str, signal: Signal) -> (End, PathBuf) {
    let dir = folder(name, &["a.png", "b.png", "c.png", "d.png", "e.png"]);
    let mut studio = dir.studio();
    let mut run = studio.arg("--watch").arg(at_stop).env("STUDIO_FAULT", "pause:a.png").start();
    run.until_stdout("fault: thumbs-1 waits for the stop");
    // Said when all have been queued.
    run.until_stdout("watching ");
    run.signal(signal);
    (run.end(), dir.out())
}
