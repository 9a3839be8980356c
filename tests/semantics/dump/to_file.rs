//! Owns the file for dumps: TX6.
#![cfg(target_os = "linux")]
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::Duration;

use homebound::registry::Registry;
use homebound::{DumpTo, Exit};

use crate::common::{eventually, in_child, linger, own_path, pass};

/// A folder of this test alone.
fn folder(name: &str) -> PathBuf {
    let path = own_path(name);
    let _left_by_an_earlier_run = fs::remove_dir_all(&path);
    fs::create_dir(&path).expect("a new folder");
    path
}

fn run(path: PathBuf) -> Exit<()> {
    Registry::new("filed").dump_to(DumpTo::File(path)).run(|_| Ok(()))
}

fn dumps(signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::getpid(), signal).expect("it is there");
}

#[test]
fn tx6_dumps_and_last_words_are_in_the_file_as_well_as_on_stderr() {
    // catches: a dump that is only on a stderr which goes nowhere; a file that is cut at each dump;
    // last words that are lost because the process ends
    let dir = folder("both");
    let path = dir.join("dumps");
    let done = in_child(path.to_str().expect("a path in ASCII"), |path| {
        let file = DumpTo::File(path.into());
        let exit = Registry::new("filed").grace(Duration::from_secs(60)).dump_to(file).run(|s| {
            let (keep, never) = crate::common::gate();
            s.spawn("deaf", "stays", move |_| Ok(pass(&never)))?;
            dumps(rustix::process::Signal::QUIT);
            eventually("a dump", || fs::read_to_string(path).is_ok_and(|text| text.contains("SIGQUIT")));
            dumps(rustix::process::Signal::TERM);
            s.context().wait_for_stop();
            linger(600);
            dumps(rustix::process::Signal::TERM);
            linger(60_000);
            Ok(drop(keep))
        });
        i32::from(exit.code())
    });
    let text = fs::read_to_string(&path).expect("the file");
    assert_eq!(done.err, text, "the same text in both");
    assert!(text.contains("homebound: SIGQUIT; ") && text.contains("homebound: a second signal; "), "{text}");
    let mode = fs::metadata(&path).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    fs::remove_dir_all(dir).expect("removed");
}

#[test]
fn tx6_a_file_that_is_not_the_programs_own_is_refused_before_the_body() {
    // catches: a link that is followed to a file of somebody else's; a FIFO that is waited for
    let dir = folder("own");
    let (target, link, second, fifo) =
        (dir.join("target"), dir.join("link"), dir.join("second"), dir.join("fifo"));
    fs::write(&target, "a document").expect("written");
    symlink(&target, &link).expect("a link");
    fs::hard_link(&target, &second).expect("a second name");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .expect("a FIFO");
    for path in [&link, &second, &fifo, &dir, &dir.join("no/such/folder")] {
        let exit = run(path.clone());
        let error = exit.into_result().expect_err("refused").to_string();
        assert!(error.contains(path.to_str().expect("ASCII")), "{error}");
    }
    assert_eq!(fs::read_to_string(&target).expect("there"), "a document");
    fs::remove_dir_all(dir).expect("removed");
}

#[test]
fn tx6_a_file_that_was_there_is_kept_and_closed_to_others() {
    // catches: the dumps of the run before, lost; a file that all may read
    let dir = folder("kept");
    let path = dir.join("dumps");
    fs::write(&path, "of the run before\n").expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("open to all");
    assert_eq!(run(path.clone()).code(), 0);
    assert_eq!(fs::read_to_string(&path).expect("there"), "of the run before\n");
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    fs::remove_dir_all(dir).expect("removed");
}
