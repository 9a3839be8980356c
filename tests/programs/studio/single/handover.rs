//! A second studio hands its folder over.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::{first, more_pictures, second, single};
use crate::studio::folders::{Folder, folder, picture, whole_files};
use crate::studio::place::{Runtime, eventually};
use image::ImageFormat;
use rustix::process::Signal;

/// A pipe without a process at its other end.
fn pipe(dir: &Folder) -> PathBuf {
    let pipe = dir.0.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    pipe
}

#[test]
fn a_second_studio_hands_its_folder_over() {
    // catches: a folder that is acknowledged and forgotten; equal names that overwrite each other;
    // files left behind
    let dir = folder("single", &["a.png", "b.png"]);
    let runtime = Runtime::new();
    let others = more_pictures(&dir, "others");
    let mut run = first(&dir, &runtime);
    let end = second(&dir, &runtime, &others).start().end();
    assert_eq!((end.code, end.stderr.as_str()), (Some(0), ""), "{end:?}");
    end.says(&format!("handed over to the studio that is running: {}", others.display()));
    run.until_stdout(&format!("1 picture more in {}", others.display()));
    // Again: it is known, and nothing in it is new. And the folder that the first began with, under
    // another name.
    let again = second(&dir, &runtime, &others.join("../others")).start().end();
    assert_eq!(again.code, Some(0), "{again:?}");
    run.until_stdout(&format!("0 pictures more in {}", others.display()));
    assert_eq!(second(&dir, &runtime, &dir.pictures().join(".")).start().end().code, Some(0));
    run.until_stdout(&format!("0 pictures more in {}", dir.pictures().display()));
    // It is watched, like the first's own.
    picture(&others.join("later.png"), ImageFormat::Png);
    run.until_stdout("4 of 4 (100 %)");
    // The second studio itself reports a path that is no folder, and asks no other.
    let missing = second(&dir, &runtime, &dir.0.join("missing")).start().end();
    assert_eq!(missing.code, Some(1), "{missing:?}");
    run.signal(Signal::TERM);
    let end = run.end();
    assert_eq!((end.code, end.stderr.as_str()), (Some(0), ""), "{end:?}");
    end.counts(4, 4, 0, 0).says("orphaned: 0");
    assert_eq!(whole_files(&dir.out()), 4);
    assert!(fs::read_to_string(dir.out().join("index.html")).unwrap().contains("others/later.png"));
    assert_eq!(runtime.left(), [""; 0]);
}

#[test]
fn without_watch_what_was_taken_is_made() {
    // catches: an acknowledgement that comes after the last look into the inbox
    let names: Vec<_> = (0..8).map(|number| format!("{number}.png")).collect();
    let dir = folder("single-short", &names.iter().map(String::as_str).collect::<Vec<_>>());
    let runtime = Runtime::new();
    let pipe = pipe(&dir);
    let mut studio = single(&dir, &runtime);
    // The only worker waits, the queue is full, and so the intake waits too.
    let mut run =
        studio.env("STUDIO_FAULT", "await:0.png").env("STUDIO_PIPE", pipe.to_str().unwrap()).start();
    run.until_stdout("thumbs-1 awaits");
    run.until_stdout("8 pictures in ");
    for name in ["others", "more-others"] {
        let end = second(&dir, &runtime, &more_pictures(&dir, name)).start().end();
        assert_eq!(end.code, Some(0), "{end:?}");
    }
    let _open = fs::File::options().write(true).open(&pipe).unwrap();
    let end = run.end();
    assert_eq!(end.code, Some(0), "{end:?}");
    end.counts(10, 10, 0, 0).says("Done.");
    assert_eq!(runtime.left(), [""; 0]);
}

#[test]
fn one_that_comes_at_any_time_is_taken_or_is_told_why_not() {
    // catches: a folder that two think the other makes
    let dir = folder("single-any-time", &["a.png", "b.png", "c.png"]);
    let runtime = Runtime::new();
    for round in 0..6 {
        let others = more_pictures(&dir, &format!("others-{round}"));
        let mut run = single(&dir, &runtime).start();
        run.until_stdout("3 pictures in ");
        run.pump_for(Duration::from_millis(round * 10));
        let second = second(&dir, &runtime, &others).start().end();
        let end = run.end();
        assert_eq!(end.code, Some(0), "{end:?}");
        let taken = usize::from(second.stdout.contains("handed over"));
        end.counts(3 + taken, 3 + taken, 0, 0);
        // Else it was refused; or there was nobody any more, and it was first itself.
        let refusals =
            ["at its end", "another studio is writing there", "gone without an answer", "reset by peer"];
        let refused = second.code == Some(1) && refusals.iter().any(|why| second.stderr.contains(why));
        let made = second.code == Some(0) && second.stdout.contains("thumbnails: 1");
        assert!(taken == 1 || refused || made, "{second:?} beside {end:?}");
    }
    assert_eq!(runtime.left(), [""; 0]);
}

#[test]
fn another_folder_of_results_is_another_studio() {
    // catches: pictures that go where nobody asked for
    let (dir, other) = (folder("single-one", &["a.png"]), folder("single-two", &["a.png"]));
    let runtime = Runtime::new();
    let run = first(&dir, &runtime);
    let end = single(&other, &runtime).start().end();
    assert_eq!(end.code, Some(0), "{end:?}");
    end.counts(1, 1, 0, 0);
    // A studio without `--single` neither hands over nor takes over.
    let end = dir.studio().env("XDG_RUNTIME_DIR", runtime.text()).start().end();
    assert_eq!(end.code, Some(1), "{end:?}");
    assert!(end.stderr.contains("another studio is writing there"), "{end:?}");
    run.signal(Signal::TERM);
    run.end().counts(1, 1, 0, 0);
    let mut loner = dir.studio().arg("--watch").start();
    loner.until_stdout("watching ");
    let end = single(&dir, &runtime).start().end();
    assert_eq!(end.code, Some(1), "{end:?}");
    assert!(end.stderr.contains("another studio is writing there"), "{end:?}");
}

/// Ten at once, twice: in an empty folder, and with the socket of a killed studio.
#[test]
fn of_ten_that_start_at_once_one_is_first() {
    // catches: the double take-over, the early knock (see the head of examples/studio/instance.rs)
    let dir = folder("single-ten", &[]);
    let runtime = Runtime::new();
    let others: Vec<_> = (0..10).map(|number| more_pictures(&dir, &format!("others-{number}"))).collect();
    // Each waits for somebody to open the other end of the pipe, then becomes the studio.
    let (pipe, script) = (pipe(&dir), ": < \"$0\"; exec \"$@\"");
    let front = ["-c", script, pipe.to_str().unwrap()];
    for round in 0..2 {
        assert_eq!(runtime.left().len(), 2 * round, "in the second round there are socket and lock");
        let start = |pictures| second(&dir, &runtime, pictures).through("sh", &front).arg("--watch").start();
        let runs: Vec<_> = others.iter().map(|pictures| start(pictures)).collect();
        let _open = fs::File::options().write(true).open(&pipe).unwrap();
        let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
        for mut run in runs {
            match run.until_one_of(&["handed over to the studio", "watching "]) {
                0 => seconds.push(run.end()),
                _ => firsts.push(run),
            }
        }
        assert_eq!((firsts.len(), seconds.len()), (1, 9));
        assert!(seconds.iter().all(|end| end.code == Some(0)), "{seconds:?}");
        let mut run = firsts.pop().unwrap();
        run.until_stdout("10 of 10 (100 %)");
        if round == 0 {
            run.kill();
        } else {
            run.signal(Signal::TERM);
            run.end().counts(10, 10, 0, 0).says("orphaned: 0");
        }
    }
    assert_eq!(runtime.left(), [""; 0]);
}

/// The first is in the moment between its lock and its socket.
#[cfg(target_os = "linux")]
#[test]
fn one_that_comes_too_early_waits_at_the_gate() {
    // catches: the early knock (see the head of examples/studio/instance.rs)
    let dir = folder("single-early", &["a.png"]);
    let runtime = Runtime::new();
    let pipe = pipe(&dir);
    let mut studio = single(&dir, &runtime);
    studio.arg("--watch").env("STUDIO_FAULT", "early:knock").env("STUDIO_PIPE", pipe.to_str().unwrap());
    let mut run = studio.start();
    run.until("it has the lock", |_, _| runtime.left() == ["lock"]);
    let mut early = second(&dir, &runtime, &more_pictures(&dir, "others")).start();
    // The kernel lists the waiters for a lock, behind an arrow.
    let waits = |line: &str| line.contains("-> FLOCK") && line.contains(&format!(" {} ", early.pid()));
    eventually("it waits", || fs::read_to_string("/proc/locks").unwrap().lines().any(waits));
    let _open = fs::File::options().write(true).open(&pipe).unwrap();
    early.until_stdout("handed over to the studio");
    assert_eq!(early.end().code, Some(0));
    run.until_stdout("2 of 2 (100 %)");
    run.signal(Signal::TERM);
    assert_eq!(run.end().code, Some(0));
}

#[test]
fn one_that_is_at_its_end_takes_nothing() {
    // catches: a folder that a stopping studio acknowledges, and then never scans, without a word
    let dir = folder("single-end", &["a.png"]);
    let runtime = Runtime::new();
    let others = more_pictures(&dir, "others");
    let mut studio = single(&dir, &runtime);
    let mut run = studio.arg("--watch").arg("--grace").arg("60").env("STUDIO_FAULT", "hang:a.png").start();
    run.until_stdout("thumbs-1 hangs");
    run.until_stdout("watching ");
    run.signal(Signal::TERM);
    run.until_stdout("stopping: ");
    // Until the intake is home, it still takes folders, and says what became of them.
    let mut taken = 0;
    run.until("one is refused", |_, _| {
        let end = second(&dir, &runtime, &others).start().end();
        taken += usize::from(end.code == Some(0));
        assert!(
            end.code == Some(0) || end.stderr.contains("it is at its end, and takes nothing more"),
            "{end:?}"
        );
        end.code == Some(1)
    });
    run.until("each that was taken is told", |_, stderr| {
        stderr.matches("was handed over, and not searched before the stop").count() == taken
    });
    run.kill();
}
