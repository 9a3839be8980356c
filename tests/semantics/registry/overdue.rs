//! A run names the threads that do not come home in time, and ends.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::Duration;

use crate::common::subscriber::Told;
use crate::common::*;
use crossbeam_channel::unbounded;
use homebound::OnOverdue;
use homebound::registry::Registry;
use libc::SIGTERM;

#[test]
fn a_stop_by_signal_that_is_not_obeyed_ends_overdue() {
    // catches: a kill clock that signals do not start
    fn scenario(_: &str) -> i32 {
        let brief = Duration::from_millis(200);
        let root = Registry::new("stuck").grace(brief).kill_after(brief);
        let (_keep, never) = gate();
        let exit = root.on_overdue(OnOverdue::Exit(70)).run(|s| {
            s.spawn("deaf-one", "does not listen", |_| {
                pass(&never);
                Ok(())
            })?;
            say("ready");
            Ok(pass(&never))
        });
        i32::from(exit.code())
    }
    let mut child = child("", scenario);
    child.until("ready").signal(SIGTERM);
    let done = child.finish();
    assert!(done.code == Some(70) && done.err.contains("deaf-one"), "{done:#?}");
}

#[test]
fn r3_an_overdue_thread_is_logged_by_the_stopper_while_it_is_stuck() {
    // catches: an overdue thread that nobody hears of before the end; a log from the wrong thread
    child_passes(|_| {
        let (tell, told) = unbounded();
        let subscriber = Told::new(move |line: &str| {
            let by = std::thread::current().name().unwrap_or_default().to_owned();
            let _ = tell.send((by, line.to_owned()));
        });
        tracing::subscriber::set_global_default(subscriber).expect("the first one");
        let exit = Registry::new("late").grace(Duration::from_millis(100)).kill_after(LIMIT).run(|s| {
            let (open, gate) = gate();
            s.spawn("stuck-one", "does not listen", move |cx| Ok(cx.waiting("printer", || pass(&gate))))?;
            s.stop();
            let overdue = |(_, line): &(String, String)| {
                let loud = line.contains("WARN") || line.contains("ERROR");
                loud && line.contains("stuck-one")
            };
            let (by, line) = told.iter().find(overdue).expect("it is logged while it is stuck");
            assert!(by.contains("stopper"), "{by}: {line}");
            for part in ["does not listen", "/late/stuck-one", "printer", concat!(file!(), ":")] {
                assert!(line.contains(part), "no {part:?} in {line}");
            }
            drop(open);
            Ok(())
        });
        i32::from(exit.code() != 70)
    });
}
