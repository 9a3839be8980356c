//! SM: the probe file.

use std::path::Path;
use std::time::{Duration, Instant};

use homebound::Registry;

use super::own_folder;
use crate::common::*;

#[test]
fn sm9_the_probe_file_is_there_while_the_program_is_ready() {
    child_passes(|_| {
        let path = own_folder().join("ready");
        std::fs::write(&path, "left by a process that was killed").unwrap();
        let exit = Registry::new("probed").probe_file(&path).run(|scope| {
            assert!(!path.exists());
            scope.context().ready();
            assert!(path.exists());
            scope.stop();
            // *stopper* removes it.
            eventually("it is removed", || !path.exists());
            Ok(())
        });
        assert_eq!(exit.code(), 0);
        std::fs::remove_dir(path.parent().unwrap()).unwrap();
        0
    });
}

#[test]
fn sm9_the_probe_file_goes_with_the_notice() {
    let path = own_path("notice-probe");
    let mut child = child(path.to_str().unwrap(), |path| {
        let registry = Registry::new("probed").probe_file(path).drain_notice(NEVER);
        let exit = registry.run(|scope| {
            scope.context().ready();
            say("ready");
            scope.context().wait_for_drain()?;
            eventually("it is removed", || !Path::new(path).exists());
            assert!(!scope.context().is_stopping());
            Ok(())
        });
        i32::from(exit.code())
    });
    child.until("ready");
    assert!(path.exists());
    child.signal(libc::SIGTERM);
    assert_eq!(child.finish().code, Some(0));
}

fn leaves(how: &str) -> i32 {
    let (way, path) = how.split_once(' ').unwrap();
    let (_keep, never) = gate();
    let grace = if way == "overdue" { Duration::ZERO } else { LIMIT };
    let registry = Registry::new("leaves").probe_file(path).grace(grace).kill_after(Duration::ZERO);
    let exit = registry.run(|scope| {
        scope.context().ready();
        assert!(Path::new(path).exists());
        match way {
            "exit" => std::process::exit(3),
            "panic" => panic!("on purpose"),
            "overdue" => {
                scope.service("deaf", "does not listen", move |_| Ok(pass(&never)))?;
                Ok(())
            }
            _ => Ok(()),
        }
    });
    i32::from(exit.code())
}

#[test]
fn sm9_the_probe_file_is_gone_on_every_way_out() {
    for (way, code) in [("return", 0), ("exit", 3), ("panic", 101), ("overdue", 70)] {
        let path = own_path(way);
        let done = in_child(&format!("{way} {}", path.display()), leaves);
        assert_eq!(done.code, Some(code), "{way}: {done:#?}");
        assert!(!path.exists(), "{way}");
    }
}

#[test]
fn sm9_a_probe_file_that_cannot_be_made_refuses_the_run() {
    // In a process of its own: a process has one run at a time, and refuses a second one.
    child_passes(|_| {
        let exit = Registry::new("refused").probe_file("/no/such/folder/ready").run(|_| Ok(()));
        let error = exit.into_result().unwrap_err().to_string();
        assert!(error.contains("/no/such/folder/ready"), "{error}");
        0
    });
}

#[test]
fn sm9_a_probe_file_takes_the_place_of_nothing_but_a_file() {
    // catches: a device, a FIFO or a socket that is removed, because its path was given by mistake
    child_passes(|_| {
        let path = own_path("no-file");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let link = own_path("no-file-but-a-link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for path in [&path, &link] {
            let exit = Registry::new("refused").probe_file(path).run(|_| Ok(()));
            assert!(exit.result.unwrap_err().to_string().contains("it is no regular file"));
            assert!(path.symlink_metadata().is_ok(), "{path:?} is gone");
            std::fs::remove_file(path).unwrap();
        }
        0
    });
}

#[test]
fn sm9_the_probe_file_goes_while_a_callback_of_the_stop_goes_on() {
    // catches: a file that waits for the program's own code
    child_passes(|_| {
        let path = own_folder().join("ready");
        let exit = Registry::new("probed").probe_file(&path).run(|scope| {
            let cx = scope.context();
            cx.ready();
            let (gone, is_gone) = gate();
            // A signal, so that *stopper* runs the callback.
            let slow = cx.on_stop(move || pass(&is_gone));
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM)?;
            cx.wait_for_stop();
            eventually("it is removed", || !path.exists());
            drop(gone);
            Ok(drop(slow))
        });
        assert_eq!(exit.code(), 0);
        std::fs::remove_dir(path.parent().unwrap()).unwrap();
        0
    });
}

#[test]
fn sm9_a_program_that_is_stopping_makes_no_probe_file() {
    // catches: a word in a shield that makes the file, until a thread has removed it
    child_passes(|_| {
        let path = own_folder().join("ready");
        let exit = Registry::new("probed").probe_file(&path).run(|scope| {
            scope.stop();
            for _ in 0..1_000 {
                scope.context().shield(LIMIT, |cx| cx.ready());
                assert!(!path.exists());
            }
            Ok(())
        });
        assert_eq!(exit.code(), 0);
        std::fs::remove_dir(path.parent().unwrap()).unwrap();
        0
    });
}

/// Runs with a probe file whose removal hangs from the stop on.
fn removal_hangs(how: &str) -> i32 {
    let (way, path) = how.split_once(' ').unwrap();
    let registry = Registry::new("held").probe_file(path).grace(LIMIT);
    let registry = if way == "for-ever" { registry.grace(Duration::ZERO) } else { registry };
    let exit = registry.kill_after(Duration::ZERO).run(|scope| {
        let cx = scope.context();
        cx.ready();
        let held = hold_removals();
        // A signal, so that no thread of the program's carries out the stop.
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM)?;
        cx.wait_for_stop();
        held.wait();
        if way == "for-ever" {
            std::mem::forget(held);
            return Ok(());
        }
        // *stopper* makes the calls of a deadline, so it is not the thread that hangs.
        cx.shield(LIMIT, |shield| {
            let (pass_on, passed) = gate();
            shield.with_deadline(Instant::now() + Duration::from_millis(1), |cx| {
                let _told = cx.on_stop(move || drop(pass_on));
                pass(&passed);
            });
        });
        Ok(drop(held))
    });
    i32::from(exit.code())
}

#[test]
fn sm9_a_removal_that_hangs_holds_up_no_callback_of_a_stop() {
    // catches: a removal on the thread that runs the callbacks
    let path = std::env::temp_dir().join("homebound-removal-hangs");
    let done = in_child(&format!("awhile {}", path.display()), removal_hangs);
    assert_eq!(done.code, Some(0), "{done:#?}");
    std::fs::remove_file(path).expect("the removal was refused at last");
}

#[test]
fn sm9_a_removal_that_hangs_for_ever_is_ended_with_the_grace() {
    // catches: a way out that waits for the file system
    let path = std::env::temp_dir().join("homebound-removal-hangs-for-ever");
    let done = in_child(&format!("for-ever {}", path.display()), removal_hangs);
    assert_eq!(done.code, Some(70), "{done:#?}");
    assert!(done.err.contains("homebound-probe"), "the thread that hangs is named: {done:#?}");
    std::fs::remove_file(path).expect("the removal has hung");
}
