//! Opening a FIFO ends at a stop. For a call that nothing ends, a shield or a thread is the way.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use super::{is_stop, socket_path, until_all_wait};
use crate::common::*;
use homebound::registry::Registry;
use homebound::{Context, Result, scope};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[test]
fn the_opening_of_a_fifo_ends_on_stop_when_there_are_descriptors_again() {
    // catches: a stop that tries to open the other end once, without a descriptor: the thread stays
    // in the call for ever
    child_passes(|_| {
        let exit = Registry::new("poor").grace(Duration::from_secs(20)).run(|s| {
            let path = socket_path("poor");
            rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU)?;
            let (gone, before) = (path.clone(), getrlimit(Resource::Nofile));
            let opener = s.spawn("opener", "waits for nobody", move |cx| {
                Ok(cx.open_fifo(&path, OpenOptions::new().read(true)).map(drop)?)
            })?;
            s.spawn("giver", "gives descriptors after the stop", move |cx| {
                cx.wait_for_stop();
                linger(100);
                Ok(setrlimit(Resource::Nofile, before)?)
            })?;
            eventually("it is in the call", || {
                let opener = s.active_threads().into_iter().find(|thread| thread.name == "opener");
                let tid = opener.and_then(|opener| opener.os_tid).unwrap_or_default();
                let call = std::fs::read_to_string(format!("/proc/self/task/{tid}/syscall"));
                call.is_ok_and(|call| call.split(' ').next() == Some(&libc::SYS_openat.to_string()))
            });
            std::fs::remove_file(gone)?;
            setrlimit(Resource::Nofile, Rlimit { current: Some(0), maximum: before.maximum })?;
            s.stop();
            Ok(assert!(matches!(opener.join(), Err(homebound::JoinError::Stopped(_)))))
        });
        i32::from(exit.code())
    });
}

#[test]
fn the_opening_of_a_fifo_ends_on_stop() {
    fn open(cx: &Context, path: &Path, write: bool) -> std::io::Result<File> {
        cx.open_fifo(path, OpenOptions::new().read(!write).write(write))
    }
    // catches: an opening that only the other end ends, before and after it has begun to wait
    in_scope(|s| {
        let path = socket_path("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU)?;
        let (there, back) = (path.clone(), path.clone());
        let writer = s.spawn("writer", "writes a word", move |cx| {
            let fifo = open(cx, &there, true)?;
            Ok(cx.io(fifo).write_all(b"word")?)
        })?;
        let mut word = String::new();
        s.context().io(open(s.context(), &back, false)?).read_to_string(&mut word)?;
        assert_eq!(word, "word");
        writer.join()?;
        for write in [false, true] {
            let path = path.clone();
            let waiter = s.thread("waiter", "waits for nobody").isolated();
            let waiter = waiter.spawn(move |cx| Ok(open(cx, &path, write).map(drop)?))?;
            until_all_wait(s, "open", 1);
            if write {
                linger(20);
            }
            waiter.stop();
            assert!(matches!(waiter.join(), Err(homebound::JoinError::Stopped(_))));
        }
        let error = open(s.context(), Path::new("Cargo.toml"), false).unwrap_err();
        assert!(
            error.kind() == ErrorKind::InvalidInput && error.to_string().contains("Cargo.toml"),
            "{error}"
        );
        assert_eq!(
            open(s.context(), Path::new("/no/such/fifo"), false).unwrap_err().kind(),
            ErrorKind::NotFound
        );
        // A deadline ends it as well; the path may be nobody's by then.
        let gone = path.clone();
        let late = s.spawn("late", "waits until a deadline", move |cx| {
            let at = Instant::now() + Duration::from_secs(1);
            let error = cx.with_deadline(at, |cx| open(cx, &gone, false)).unwrap_err();
            Ok(assert!(is_stop(&error) && Instant::now() >= at, "{error}"))
        })?;
        until_all_wait(s, "open", 1);
        std::fs::remove_file(&path)?;
        late.join()?;
        Ok(s.stop())
    });
}

#[test]
fn a_thread_for_a_call_that_nothing_ends_can_be_had_in_a_shield_and_at_the_end() {
    fn look_up() -> Result<u32> {
        Ok(scope(|inner| Ok(inner.spawn("look-up", "asks the system", |_| Ok(7))?.join()?))?)
    }
    // catches: a page that says so, and it is not so
    in_scope(|s| {
        s.defer("good-bye", || Ok(assert_eq!(look_up()?, 7)));
        let worker = s.spawn("worker", "finishes what it began", |cx| {
            cx.wait_for_stop();
            cx.shield(NEVER, |cx| {
                let refused = cx.spawn("look-up", "asks the system", |_| Ok(()));
                assert!(matches!(refused, Err(homebound::SpawnError::Stopped(_))));
                look_up()
            })
        })?;
        s.stop();
        Ok(assert_eq!(worker.join()?, 7))
    });
}
