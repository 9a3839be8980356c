//! GH1 and GH2: the slowest home and its margin, and a line for each run in a file.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::common::*;
use homebound::registry::Registry;
use homebound::{Result, Scope, scope_named};
use serde_json::Value;

/// A path of a file that is not there, for this test alone.
fn nowhere(name: &str) -> PathBuf {
    let path = own_path(name);
    let _not_there = fs::remove_file(&path);
    path
}

/// Waits for the stop, then needs so many milliseconds.
fn slow(s: &Scope<'_, '_>, name: &'static str, ms: u64) -> Result {
    s.service(name, "needs its time", move |cx| {
        cx.wait_for_stop();
        linger(ms);
        Ok(())
    })?;
    Ok(())
}

fn lines(path: &PathBuf) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn gh1_a_report_names_the_slowest_home_and_its_margin() {
    // catches: the last one home taken for the slowest, a margin without the time before the turn
    within(|| {
        let report = scope_named("app", |s| {
            slow(s, "last", 5)?;
            slow(s, "thumbs", 80)?;
            slow(s, "first", 5)?;
            Ok(s.shutdown(Duration::from_secs(60)))
        });
        let report = report.unwrap();
        let slowest = report.slowest_home().expect("all are home");
        assert_eq!((&*slowest.name, &*slowest.path), ("thumbs", "/app/thumbs"));
        assert!(slowest.took >= Duration::from_millis(80));
        assert_eq!(report.grace, Some(Duration::from_secs(60)));
        let row = report.threads.iter().find(|row| row.name == "thumbs").expect("a row");
        let left = Duration::from_secs(60) - row.ended.expect("it is home").after();
        assert_eq!(slowest.margin, Some(left));
        let text = report.to_string();
        let head = text.lines().next().unwrap();
        assert!(
            head.contains("; grace 60.00 s, slowest home ") || head.contains("; grace 1 min 00 s, "),
            "{head}"
        );
        assert!(head.contains("(/app/thumbs), margin 59"), "{head}");
    });
}

#[test]
fn gh2_each_run_adds_a_line() {
    // catches: a file that is written anew, a row per thread of a crowd, a name that breaks the
    // JSON, a file that others may read
    child_passes(|_| {
        let path = nowhere("adds");
        for run in 0..2 {
            let exit = Registry::new("app").history(&path).grace(LIMIT).run(|s| {
                for n in 0..50 {
                    s.spawn(format!("worker-{n}"), "is one of many", until_stopped)?;
                }
                slow(s, "odd\"\\\n\u{202e}", 20)?;
                s.stop();
                Ok(())
            });
            assert_eq!((exit.code(), lines(&path).len()), (0, run + 1));
        }
        let line = &lines(&path)[1];
        assert_eq!(
            (&line["version"], &line["scope"], &line["total"]),
            (&1.into(), &"/app".into(), &51.into())
        );
        assert_eq!((&line["forced"], &line["timeout"]), (&false.into(), &0.into()));
        assert_eq!(line["grace_us"], u64::try_from(LIMIT.as_micros()).unwrap());
        assert_eq!(line["kill_after_us"], 2_000_000);
        assert!(line["reason"].as_str().unwrap().starts_with("requested at"), "{line}");
        assert!(line["took_us"].as_u64().unwrap() >= 20_000, "{line}");
        let threads = line["threads"].as_array().unwrap();
        assert_eq!(threads.len(), 2, "{line}");
        let took = |row: &Value| row["took_us"].as_u64().unwrap();
        assert!(took(&threads[0]) >= took(&threads[1]), "the slowest first: {line}");
        // Which is the other one on a busy machine.
        let of = |path: &str| threads.iter().find(|row| row["path"] == path).expect("a row");
        assert!(took(of("/app/odd\"\\\\n\\u{202e}")) >= 20_000, "{line}");
        assert_eq!(of("/app/worker-*")["threads"], 50, "{line}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_file(path).unwrap();
        0
    });
}

#[test]
fn gh2_a_line_that_was_cut_spoils_no_other() {
    // catches: a line that is glued to the piece that a full disk has left
    child_passes(|_| {
        let path = nowhere("cut");
        fs::write(&path, "{\"version\":1,\"at\":17").unwrap();
        for _ in 0..2 {
            let registry = Registry::new("app").history(&path).grace(Duration::MAX).kill_after(Duration::MAX);
            assert_eq!(registry.run(|s| slow(s, "clock", 0)).code(), 0);
        }
        let text = fs::read_to_string(&path).unwrap();
        let read: Vec<_> = text.lines().map(serde_json::from_str::<Value>).collect();
        assert!(read[0].is_err() && read.len() == 3, "{text}");
        for line in &read[1..] {
            let line = line.as_ref().expect("a whole line");
            assert!(line["grace_us"].is_u64() && line["kill_after_us"].is_u64(), "times without end: {line}");
        }
        fs::remove_file(path).unwrap();
        0
    });
}

/// Runs once, with that history.
fn one_run(path: &str) -> i32 {
    let exit = Registry::new("app").history(path).run(|s| {
        for n in 0..200 {
            let letter = char::from_u32(0x4e00 + n).unwrap_or('x');
            s.spawn(format!("{letter}").repeat(40), "has a long name", until_stopped)?;
        }
        s.stop();
        Ok(())
    });
    i32::from(exit.code())
}

#[test]
fn gh2_lines_of_several_processes_do_not_mix() {
    // catches: a line in two writes, an offset that is not the end
    let path = nowhere("several");
    let name = path.to_str().unwrap();
    let children: Vec<_> = (0..8).map(|_| child(name, one_run)).collect();
    children.into_iter().for_each(|child| assert_eq!(child.finish().code, Some(0)));
    assert_eq!(lines(&path).len(), 8);
    assert!(fs::metadata(&path).unwrap().len() > 8 * 10_000, "the lines are long");
    fs::remove_file(path).unwrap();
}

#[test]
fn gh2_a_run_that_is_ended_by_force_adds_its_line() {
    // catches: a history of the good runs only, a thread that is stuck as a quick one
    let path = nowhere("forced");
    let done = in_child(path.to_str().unwrap(), |path| {
        let (_keep, never) = gate();
        let brief = Duration::from_millis(50);
        let registry = Registry::new("app").history(path).grace(brief).kill_after(brief);
        let _never_ends = registry.run(|s| {
            s.spawn("stuck", "does not hear", move |_| {
                let _for_ever = never.recv();
                Ok(())
            })?;
            s.stop();
            Ok(())
        });
        1
    });
    assert_eq!(done.code, Some(70), "{done:?}");
    let line = &lines(&path)[0];
    assert_eq!((&line["forced"], &line["timeout"]), (&true.into(), &1.into()), "{line}");
    let stuck = &line["threads"][0];
    assert_eq!((&stuck["path"], &stuck["took_us"]), (&"/app/stuck".into(), &Value::Null), "{line}");
    assert_eq!(stuck["overdue"], true);
    fs::remove_file(path).unwrap();
}

#[test]
fn gh2_a_file_that_cannot_be_had_stops_nothing() {
    // catches: a run that is refused or hangs because of its history, a link that is followed
    child_passes(|_| {
        let (link, target, pipe) = (nowhere("link"), nowhere("target"), nowhere("pipe"));
        symlink(&target, &link).unwrap();
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let folder = std::env::temp_dir();
        for path in [&link, &pipe, &folder, &nowhere("none").join("below")] {
            let exit = Registry::new("app").history(path).run(|s| slow(s, "clock", 0));
            assert_eq!(exit.code(), 0, "{path:?}");
        }
        assert!(!target.exists(), "the link was followed");
        [link, pipe].iter().for_each(|path| fs::remove_file(path).unwrap());
        0
    });
}
