//! A thousand threads in one kind of wait end at one stop, and none wakes up before it.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use super::{full_listener, is_stop, many_descriptors, until_all_wait};
use crate::common::*;
use homebound::{Context, scope};

/// How often the threads of this name went to sleep so far, by the kernel's count (Linux).
fn wake_ups(name: &str) -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let texts = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("status")).ok());
    let ours = texts.filter(|text| text.starts_with(&format!("Name:\t{name}\n")));
    let count = |text: String| {
        text.lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse::<u64>().ok())
    };
    ours.filter_map(count).sum::<u64>()
}

/// A thousand threads in the same wait, none of which looks up before one stop ends them all.
fn a_thousand(what: &'static str, wait: impl Fn(&Context, usize) -> std::io::Result<()> + Sync) -> i32 {
    many_descriptors();
    let result = scope(|s| {
        for i in 0..1000 {
            let wait = &wait;
            s.spawn("blocked", "waits in a system call", move |cx| {
                let error = wait(cx, i).expect_err("nothing comes");
                assert!(is_stop(&error) && error.kind() == ErrorKind::Other, "{error:?}");
                Ok(Err::<(), _>(error)?)
            })?;
        }
        until_all_wait(s, what, 1000);
        // A look now and then would be a thousand of them. Each went to sleep at least once.
        if cfg!(target_os = "linux") {
            eventually("all sleep", || wake_ups("blocked") >= 1000);
        }
        eventually("nobody wakes before the stop", || {
            let before = wake_ups("blocked");
            linger(200);
            wake_ups("blocked") == before
        });
        let start = Instant::now();
        s.stop();
        let report = s.shutdown(LIMIT);
        println!("{what}: {:?} from the stop to the last of a thousand", start.elapsed());
        assert_eq!((report.joined, report.timeout), (1000, 0), "{report}");
        Ok(())
    });
    result.unwrap();
    0
}

#[test]
fn a_thousand_accepts_end_on_stop() {
    // catches: an accept that only a connection ends; a time-out loop; a listener that two threads
    // take from
    child_passes(|_| {
        let listeners: Vec<_> = (0..10).map(|_| TcpListener::bind("127.0.0.1:0").expect("bound")).collect();
        a_thousand("accept", |cx, i| cx.accept(&listeners[i % 10]).map(drop))
    });
}

#[test]
fn a_thousand_reads_end_on_stop() {
    // catches: a read that only data ends
    child_passes(|_| {
        many_descriptors();
        let pairs: Vec<_> = (0..1000).map(|_| UnixStream::pair().expect("made")).collect();
        a_thousand("read", |cx, i| cx.io(&pairs[i].0).read_exact(&mut [0]))
    });
}

#[test]
fn a_thousand_writes_end_on_stop() {
    // catches: a write that only a reader ends
    child_passes(|_| {
        many_descriptors();
        let pairs: Vec<_> = (0..1000).map(|_| UnixStream::pair().expect("made")).collect();
        let much = vec![0; 1 << 20];
        a_thousand("write", |cx, i| cx.io(&pairs[i].0).write_all(&much))
    });
}

#[test]
fn a_thousand_connects_end_on_stop() {
    // catches: a connect that the system's time-out of minutes ends
    child_passes(|_| {
        many_descriptors();
        let (listener, _queued) = full_listener().expect("full");
        let address = listener.local_addr().expect("bound");
        a_thousand("connect", |cx, _| cx.connect(address, None).map(drop))
    });
}
