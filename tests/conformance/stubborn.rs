//! Owns the few tests of gasket, taskvisor and boxlite that speak of a stop: pauses, graces, and
//! readers that block.
//! Refuses retries, priorities and affinities: they are not in the API.

use std::io::Read;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use homebound::{BoxError, Ending, Stopped};

use crate::common::*;

#[test]
fn a_pause_between_two_tries_is_cut_short_by_the_stop() {
    // from: gasket: honors_cancel_in_time; pins P6
    in_scope(|s| {
        let (tried, has_tried) = bounded(1);
        let tries = s.spawn("tries", "tries again every hour", move |cx| {
            for n in 1.. {
                let _told_once = tried.try_send(());
                if cx.sleep(NEVER).is_err() {
                    return Ok(n);
                }
            }
            unreachable!("it tries for ever")
        })?;
        has_tried.recv()?;
        s.stop();
        Ok(assert_eq!(tries.join()?, 1))
    });
}

#[test]
fn a_stubborn_one_costs_the_grace_and_the_others_nothing() {
    // from: taskvisor: tests/shutdown.rs; pins R2, R4
    const GRACE: Duration = Duration::from_millis(300);
    in_scope(|s| {
        let (open, closed) = gate();
        s.spawn("stubborn", "ignores the stop", move |_| Ok(pass(&closed)))?;
        s.spawn("willing", "listens", until_stopped)?;
        let start = Instant::now();
        let report = s.shutdown(GRACE);
        assert!(start.elapsed() >= GRACE, "it gave up too early: {report}");
        assert_eq!((report.total, report.joined, report.timeout), (2, 1, 1), "{report}");
        let ending = |name: &str| report.threads.iter().find(|row| row.name == name).map(|row| row.ending);
        assert_eq!((ending("stubborn"), ending("willing")), (Some(Ending::Overdue), Some(Ending::Stopped)));
        drop(open);
        let again = s.shutdown(NEVER);
        Ok(assert!(again.repeated && s.active_threads().is_empty(), "{again}"))
    });
}

#[test]
fn a_reader_that_blocks_is_woken_by_a_callback() {
    // from: boxlite: stream_stdin_does_not_block_runtime_shutdown_after_abort; pins S9, P5
    in_scope(|s| {
        let (mut ours, theirs) = UnixStream::pair()?;
        let (reads, is_reading) = bounded(1);
        let reader = s.spawn("reader", "reads until the stream is shut", move |cx| {
            let other = ours.try_clone()?;
            let shut = || drop(other.shutdown(Shutdown::Both));
            let read = cx.with_on_stop(shut, || {
                reads.send(())?;
                Ok::<_, BoxError>(cx.waiting("the stream", || ours.read(&mut [0; 8]))?)
            });
            Ok((read?, cx.checkpoint().map_err(|stopped: Stopped| stopped.reason().clone())))
        })?;
        is_reading.recv()?;
        linger(3);
        let report = s.shutdown(NEVER);
        assert_eq!((report.total, report.joined), (1, 1), "{report}");
        let (bytes, stopped) = reader.join()?;
        drop(theirs);
        Ok(assert!(bytes == 0 && stopped.is_err()))
    });
}
