//! Owns the tests of a stderr that does not take what is written: a terminal whose other end is
//! frozen, a pipe to which others write too, a terminal that stops a background program. *watch*
//! hears the next signal all the same.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::Duration;

use homebound::StopReason;
use homebound::registry::{self, Registry};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::Pid;
use rustix::stdio::{dup2_stderr, stderr};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr, tcsetpgrp};

use crate::common::pty::pty;
use crate::common::*;
use crate::held::{hold_watch, let_watch_go, raise};

/// Makes stderr a terminal that is nearly full and that nobody reads: it is ready for writing, for
/// less than a line.
fn freeze_a_terminal() {
    let (master, line) = pty();
    dup2_stderr(&line).unwrap();
    fill(line.as_fd());
    // Room for some bytes.
    rustix::io::read(&master, &mut [0; 100]).unwrap();
    std::mem::forget(master);
}

fn fill(fd: impl AsFd) {
    let flags = fcntl_getfl(&fd).unwrap();
    fcntl_setfl(&fd, flags | OFlags::NONBLOCK).unwrap();
    for piece in [512, 1] {
        while rustix::io::write(&fd, &vec![b'x'; piece]).is_ok() {}
    }
    fcntl_setfl(&fd, flags).unwrap();
}

/// Makes stderr a pipe to which threads write, and whose reader stops after a while. Each page that
/// the reader takes makes the pipe ready, and the first writer fills it again.
fn share_a_pipe() {
    let (read, write) = std::io::pipe().unwrap();
    dup2_stderr(&write).unwrap();
    fill(write.as_fd());
    for _ in 0..40 {
        std::thread::spawn(|| while rustix::io::write(stderr(), &[b'x'; 4096]).is_ok() {});
    }
    std::thread::spawn(move || {
        for _ in 0..30 {
            linger(1);
            rustix::io::read(&read, &mut [0; 512]).unwrap();
        }
        std::mem::forget(read);
    });
}

fn dumps_then_a_stop(what: &str) -> i32 {
    let exit = Registry::new("frozen").grace(Duration::from_secs(60)).run(|s| {
        for n in 0..300 {
            s.service(format!("service {n}"), "makes the dump longer than a page", until_stopped)?;
        }
        match what {
            "terminal" => freeze_a_terminal(),
            _ => share_a_pipe(),
        }
        say("ready");
        s.context().wait_for_stop();
        Ok(say("stopped"))
    });
    i32::from(exit.code())
}

#[track_caller]
fn hears_the_stop(what: &str) {
    let mut child = child(what, dumps_then_a_stop);
    child.until("ready").signal(libc::SIGQUIT);
    linger(100);
    child.signal(libc::SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}

#[test]
fn a_dump_to_a_frozen_terminal_does_not_keep_a_stop_from_being_heard() {
    // catches: a blocking write after a look that promises no size
    hears_the_stop("terminal");
}

#[test]
fn a_dump_to_a_pipe_that_others_write_to_does_not_keep_a_stop_from_being_heard() {
    // catches: room that was seen, and that another writer has taken
    hears_the_stop("pipe");
}

#[test]
fn dumps_that_are_queued_do_not_hold_up_a_stop() {
    // catches: a second of last words for each SIGQUIT that has come before SIGTERM
    let mut child = child("terminal", dumps_then_a_stop);
    child.until("ready");
    // With a second for each the child would hang: see `LIMIT`.
    for _ in 0..400 {
        child.signal(libc::SIGQUIT);
        linger(3);
    }
    child.signal(libc::SIGTERM);
    let done = child.finish();
    assert_eq!(done.code, Some(0), "{done:#?}");
}

#[test]
fn a_flood_of_dumps_is_one_dump_after_the_stop_behind_it() {
    // catches: a dump as soon as one was asked for, though signals that have come are not read yet
    let done = in_child("", |_| {
        let exit = Registry::new("flood").grace(Duration::from_secs(60)).run(|s| {
            hold_watch(s);
            // More than *watch* reads at once. Each has come when `raise` returns.
            registry::unblocked(|| {
                (0..200).for_each(|_| raise(libc::SIGQUIT));
                raise(libc::SIGTERM);
            });
            let_watch_go();
            s.context().wait_for_stop();
            Ok(())
        });
        i32::from(exit.code())
    });
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert_eq!(done.err.matches("threads in").count(), 1, "{done:#?}");
}

#[test]
fn wakes_while_a_dump_is_not_read_do_not_fill_the_place_of_a_stop() {
    // catches: a message for each wake: the pipe is full when the signal comes, and the signal is
    // lost
    let done = in_child("", |_| {
        let exit = Registry::new("frozen").grace(Duration::from_secs(60)).run(|s| {
            for n in 0..300 {
                s.service(format!("service {n}"), "makes the dump longer than a page", until_stopped)?;
            }
            let raise = |signal| rustix::process::kill_process(rustix::process::getpid(), signal).unwrap();
            freeze_a_terminal();
            raise(rustix::process::Signal::QUIT);
            // As many as a pipe has room for, and some.
            let at = std::time::Instant::now() + Duration::from_secs(600);
            for _ in 0..8_500 {
                // Each is the earliest, of which *watch* must know.
                s.context().with_deadline(at, |cx| drop(cx.on_stop(|| ())));
            }
            raise(rustix::process::Signal::TERM);
            s.context().wait_for_stop();
            Ok(say("stopped"))
        });
        i32::from(exit.code())
    });
    assert!(done.code == Some(0) && done.out.contains("<stopped>"), "{done:#?}");
}

/// Makes stderr a pipe, and tells of each dump that comes through it.
fn tell_of_dumps() -> crossbeam_channel::Receiver<()> {
    let (read, write) = std::io::pipe().unwrap();
    dup2_stderr(&write).unwrap();
    let (tell, told) = crossbeam_channel::unbounded();
    std::thread::spawn(move || {
        let lines = BufReader::new(read).lines().map_while(Result::ok);
        lines.filter(|line| line.contains("threads in")).try_for_each(|_| tell.send(()))
    });
    told
}

#[test]
fn as_many_dumps_as_one_read_takes_are_written_without_another_wake_up() {
    // catches: a dump that waits for the messages behind a full buffer, when there are none
    child_passes(|_| {
        let dumps = tell_of_dumps();
        let exit = Registry::new("full").run(|s| {
            // One read takes 64 messages. Some places may have a message that only wakes *watch*.
            for count in 58..=66 {
                hold_watch(s);
                registry::unblocked(|| (0..count).for_each(|_| raise(libc::SIGQUIT)));
                let_watch_go();
                let came = dumps.recv_timeout(LIMIT);
                assert!(came.is_ok(), "no dump after {count} signals");
            }
            Ok(())
        });
        i32::from(exit.code())
    });
}

#[test]
fn a_flood_that_fills_the_pipe_takes_no_stop_along() {
    // catches: a signal whose message found no room, and that no thread ever hears of
    child_passes(|_| {
        let exit = Registry::new("flood").grace(Duration::from_secs(60)).run(|s| {
            hold_watch(s);
            registry::unblocked(|| {
                // More than a pipe has room for: 64 KiB, by 8 bytes each.
                (0..9_000).for_each(|_| raise(libc::SIGQUIT));
                raise(libc::SIGTERM);
            });
            let_watch_go();
            s.context().wait_for_stop();
            Ok(())
        });
        assert_eq!(exit.shutdown.reason, Some(StopReason::Signal(libc::SIGTERM)));
        i32::from(exit.code())
    });
}

/// The code of a child whose stop was not heard in the time of a dump.
const LATE: i32 = 3;

/// Whether a stop that comes while a dump waits for a reader of stderr is heard before the dump is
/// over.
fn stop_during_a_dump(_: &str) -> i32 {
    let mut took = Duration::ZERO;
    let exit = Registry::new("frozen").grace(Duration::from_secs(60)).run(|s| {
        freeze_a_terminal();
        registry::unblocked(|| raise(libc::SIGQUIT));
        linger(50);
        let sent = std::time::Instant::now();
        registry::unblocked(|| raise(libc::SIGTERM));
        s.context().wait_for_stop();
        Ok(took = sent.elapsed())
    });
    assert_eq!(exit.code(), 0);
    // A dump has a second.
    if took < Duration::from_millis(600) { 0 } else { LATE }
}

#[test]
fn a_stop_that_comes_during_a_dump_does_not_wait_for_a_reader() {
    // catches: a *watch* that looks at nothing else until the time of its dump is over. A busy
    // machine may be slow, but not each time.
    eventually("it is heard during the dump", || {
        let done = in_child("", stop_during_a_dump);
        assert!([0, LATE].map(Some).contains(&done.code), "{done:#?}");
        done.code == Some(0)
    });
}

/// Makes stderr a terminal that stops a program which writes from the background (`stty tostop`),
/// and this program one in the background. Returns the terminal's other end, and the program in
/// front.
fn go_into_the_background() -> (File, Child) {
    rustix::process::setsid().expect("it leads no group");
    let (master, line) = pty();
    rustix::process::ioctl_tiocsctty(&line).unwrap();
    let mut modes = tcgetattr(&line).unwrap();
    modes.local_modes |= LocalModes::TOSTOP;
    tcsetattr(&line, OptionalActions::Now, &modes).unwrap();
    dup2_stderr(&line).unwrap();
    let in_front = Command::new("sleep").arg("100").process_group(0).spawn().unwrap();
    tcsetpgrp(&line, Pid::from_child(&in_front)).unwrap();
    (master, in_front)
}

#[test]
fn a_dump_of_a_background_program_is_written_and_does_not_stop_it() {
    // catches: a SIGTTOU for *watch*, which stops the process: then no SIGTERM ends it any more
    child_passes(|_| {
        let (terminal, mut in_front) = go_into_the_background();
        let mut terminal = BufReader::new(terminal);
        let exit = homebound::run(|s| {
            raise(libc::SIGQUIT);
            // On a terminal a dump may begin with an empty line.
            let mut dumped = String::new();
            while !dumped.contains("SIGQUIT") {
                terminal.read_line(&mut dumped)?;
            }
            raise(libc::SIGTERM);
            s.context().wait_for_stop();
            Ok(())
        });
        in_front.kill().and_then(|()| in_front.wait()).expect("it is there");
        // Its drop would hang up the terminal, which is a SIGHUP for this process.
        std::mem::forget(terminal);
        i32::from(exit.code())
    });
}
