//! The stop, the end of a shield, a deadline or data ends a wait, and the stop wins over data.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use super::{SOON, full_listener, is_readable, is_stop, until_all_wait};
use crate::common::*;
use rustix::event::{PollFd, PollFlags, poll};

#[test]
fn what_ends_by_the_stop_is_stopped_and_not_failed() {
    // catches: an error of a kind that std retries, or that hides the stop from the verdict
    in_scope(|s| {
        let (ours, _theirs) = UnixStream::pair()?;
        let reader = s.spawn("reader", "reads lines", move |cx| {
            for line in BufReader::new(cx.io(ours)).lines() {
                line?;
            }
            Ok(())
        })?;
        until_all_wait(s, "read", 1);
        let dump = s.dump_status();
        assert!(dump.contains("read") && dump.contains(concat!(file!(), ":")), "{dump}");
        s.stop();
        assert!(matches!(reader.join(), Err(homebound::JoinError::Stopped(_))));
        Ok(())
    });
}

#[test]
fn the_stop_wins_over_data() {
    // catches: a stopped thread that goes on reading what comes
    in_scope(|s| {
        let (ours, mut theirs) = UnixStream::pair()?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let _guest = TcpStream::connect(listener.local_addr()?)?;
        theirs.write_all(b"data")?;
        let cx = s.context();
        s.stop();
        assert!(is_stop(&cx.io(&ours).read(&mut [0; 4]).unwrap_err()));
        assert!(is_stop(&cx.io(&ours).write(b"more").unwrap_err()));
        assert!(is_stop(&cx.wait_readable(&ours, None).unwrap_err()));
        assert!(is_stop(&cx.wait_writable(&ours, None).unwrap_err()));
        assert!(is_stop(&cx.accept(&listener).unwrap_err()));
        assert!(is_stop(&cx.connect(listener.local_addr()?, None).unwrap_err()));
        assert!(is_readable(&cx.stop_fd()?));
        Ok(())
    });
}

#[test]
fn the_stop_fd_is_readable_from_the_stop_on() {
    // catches: an event set too early, lost when it is made after the stop, or gone with the thread
    in_scope(|s| {
        let (give, take) = crossbeam_channel::bounded(1);
        let thread = s.spawn("made before", "waits", move |cx| {
            let fd = cx.stop_fd()?;
            assert!(!is_readable(&fd) && !is_readable(&cx.stop_fd()?));
            give.send(cx.clone())?;
            poll(&mut [PollFd::new(&fd, PollFlags::IN)], None)?;
            assert!(cx.is_stopping());
            Ok(cx.checkpoint()?)
        })?;
        let outlives = take.recv()?;
        thread.stop();
        assert!(thread.join().is_err());
        assert!(is_readable(&outlives.stop_fd()?));
        assert!(!is_readable(&s.context().stop_fd()?));
        let ended = s.spawn("ended", "is over at once", |cx| Ok(cx.clone()))?.join()?;
        assert!(is_readable(&ended.stop_fd()?), "made after the end");
        Ok(())
    });
}

#[test]
fn a_shield_hides_the_stop_from_a_read_until_it_ends() {
    // catches: an event that a hidden stop sets; a shield's end that nobody is told of
    in_scope(|s| {
        let (ours, mut theirs) = UnixStream::pair()?;
        let answer = s.spawn("answer", "finishes what it began", move |cx| {
            cx.shield(NEVER, |cx| {
                let mut word = [0; 5];
                cx.io(&ours).read_exact(&mut word)?;
                Ok(assert_eq!(&word, b"hello"))
            })
        })?;
        until_all_wait(s, "read", 1);
        s.stop();
        theirs.write_all(b"hello")?;
        Ok(answer.join()?)
    });
    in_scope(|s| {
        let (ours, _theirs) = UnixStream::pair()?;
        let late = s.spawn("late", "is too slow", move |cx| {
            cx.shield(SOON, |cx| Ok(cx.io(&ours).read_exact(&mut [0])?))
        })?;
        until_all_wait(s, "read", 1);
        s.stop();
        assert!(late.join().is_err());
        Ok(())
    });
}

#[test]
fn deadlines_and_time_outs_end_a_wait() {
    // catches: a time-out that is not asked, or that hides a deadline
    in_scope(|s| {
        let cx = s.context();
        let (ours, _theirs) = UnixStream::pair()?;
        let kind = |result: std::io::Result<usize>| result.unwrap_err().kind();
        let start = Instant::now();
        assert_eq!(kind(cx.io(&ours).timeout(SOON).read(&mut [0])), ErrorKind::TimedOut);
        assert_eq!(cx.wait_readable(&ours, Some(SOON)).unwrap_err().kind(), ErrorKind::TimedOut);
        ours.set_read_timeout(Some(SOON))?;
        assert_eq!(kind(cx.io(&ours).read(&mut [0])), ErrorKind::TimedOut);
        assert_eq!(kind(cx.io(&ours).timeout(NEVER).read(&mut [0])), ErrorKind::TimedOut);
        assert!(start.elapsed() >= 4 * SOON);
        ours.set_read_timeout(None)?;
        let at = Instant::now() + SOON;
        let error = cx.with_deadline(at, |cx| cx.io(&ours).timeout(NEVER).read(&mut [0])).unwrap_err();
        assert!(is_stop(&error) && Instant::now() >= at, "{error:?}");
        let fd = cx.with_deadline(Instant::now() + SOON, |cx| {
            let fd = cx.stop_fd()?;
            poll(&mut [PollFd::new(&fd, PollFlags::IN)], None)?;
            Ok::<_, homebound::BoxError>(cx.is_stopping())
        });
        assert!(fd?, "the timer sets it");
        let (listener, _queued) = full_listener()?;
        assert_eq!(cx.connect(listener.local_addr()?, SOON).unwrap_err().kind(), ErrorKind::TimedOut);
        Ok(())
    });
}
