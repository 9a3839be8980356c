//! Signals stop the studio, and threads or stages that hang do not keep it.
#![allow(unreachable_pub, reason = "in a program, `pub` tells what a module is for the others")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::call::{End, PATIENCE};
use super::folders::{folder, unzip, whole_files};
use rustix::process::Signal;

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
    run.signal(Signal::INT);
    let end = run.end();
    assert_eq!(end.code, Some(130), "{end:?}");
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

#[cfg(target_os = "linux")]
#[test]
fn a_worker_that_hangs_is_told_of_with_the_reason() {
    // catches: a hang that nobody hears of before the end
    let dir = folder("stuck", &["a.png"]);
    let mut run = dir
        .studio()
        .arg("--stall")
        .arg("0.5")
        .arg("--grace")
        .arg("0.5")
        .env("STUDIO_FAULT", "hang:a.png")
        .start();
    run.until_stderr("/studio/pictures/thumbs/thumbs-1/job 1: stuck: blocked outside of homebound, ");
    run.until_stderr("watchdog: thumbs-1 has made no progress for");
    run.signal(Signal::TERM);
    assert_eq!(run.end().code, Some(70));
}

#[test]
fn a_probe_sees_when_it_is_ready_and_its_stop_is_in_the_history() {
    // catches: a program that is never ready, or ready after its stop; a stop that is not kept
    let dir = folder("probed", &["a.png"]);
    let (probe, history) = (dir.0.join("ready"), dir.0.join("stops.jsonl"));
    let mut studio = dir.studio();
    let mut run = studio.arg("--watch").arg("--probe").arg(&probe).arg("--history").arg(&history).start();
    run.until("it is ready", |_, _| probe.exists());
    run.signal(Signal::TERM);
    assert_eq!(run.end().code, Some(0));
    assert!(!probe.exists());
    let lines = std::fs::read_to_string(&history).unwrap();
    assert!(lines.lines().count() == 1 && lines.contains("/studio/pictures/folder"), "{lines}");
}

/// The shell starts a child and then becomes the studio, which so inherits a child that it knows
/// nothing of.
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
    // A thread takes its name with its first step, which may come after the first step of another;
    // before that it bears the name of the thread that started it.
    let all = ["folder", "scanner", "studio", "thumbs-1", "watchdog"];
    let once =
        |names: &[String]| all.iter().all(|name| names.iter().filter(|bearer| bearer == name).count() == 1);
    let deadline = Instant::now() + PATIENCE;
    let mut names = run.thread_names();
    while !once(&names) && Instant::now() < deadline {
        run.pump_for(Duration::from_millis(10));
        names = run.thread_names();
    }
    assert!(once(&names), "{all:?}, each once, in {names:?}");
    run.signal(Signal::INT);
    assert_eq!(run.end().code, Some(130));
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
