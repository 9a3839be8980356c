//! Standard input, terminals and pipes that nobody reads.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;

use super::until_all_wait;
use crate::common::*;
use homebound::{Result, scope};

#[test]
fn standard_input_ends_on_stop() {
    // catches: a program that waits for a last line from its terminal
    let mut waiting = child("", |_| {
        let (input, _keep) = std::io::pipe().expect("made");
        rustix::stdio::dup2_stdin(&input).expect("replaced");
        let result = scope(|s| {
            let input = s.spawn("input", "reads commands", |cx| {
                let mut line = String::new();
                BufReader::new(cx.io(std::io::stdin())).read_line(&mut line)?;
                Ok(line)
            })?;
            until_all_wait(s, "read", 1);
            s.stop();
            assert!(input.join().is_err());
            Ok(())
        });
        result.unwrap();
        say("came home");
        0
    });
    waiting.until("came home");
    assert_eq!(waiting.finish().code, Some(0));
}

/// A terminal and its line; a raw one neither edits lines nor echoes.
fn pty_line(raw: bool) -> (File, File) {
    let (master, line) = crate::common::pty::pty();
    if raw {
        let mut modes = rustix::termios::tcgetattr(&line).expect("a terminal");
        modes.make_raw();
        rustix::termios::tcsetattr(&line, rustix::termios::OptionalActions::Now, &modes).expect("set");
    }
    (master, line)
}

#[test]
fn writes_to_a_terminal_that_nobody_reads_end_on_stop() {
    // catches: a write of more than a terminal takes that says that it is ready; two writers, of
    // which one is late
    for raw in [false, true] {
        in_scope(move |s| {
            let (master, line) = pty_line(raw);
            let ends = [std::sync::Arc::new(master), std::sync::Arc::new(line)];
            let wanted = if raw { &ends[..] } else { &ends[1..] };
            for end in wanted {
                for piece in [1, 45, 1000, 1 << 20] {
                    let end = std::sync::Arc::clone(end);
                    s.spawn("printer", "fills the terminal", move |cx| -> Result {
                        let page = [vec![b'x'; piece - 1], vec![b'\n']].concat();
                        loop {
                            cx.io(&*end).write_all(&page)?;
                        }
                    })?;
                }
            }
            until_all_wait(s, "write", wanted.len() * 4);
            s.stop();
            let report = s.shutdown(LIMIT);
            Ok(assert_eq!((report.joined, report.timeout), (wanted.len() * 4, 0), "{report}"))
        });
    }
}

#[test]
fn many_writers_and_readers_of_one_pipe_or_terminal_end_on_stop() {
    // catches: a look that another's transfer makes untrue
    for terminal in [false, true] {
        in_scope(move |s| {
            let (from, to): (OwnedFd, OwnedFd) = if terminal {
                let (master, line) = pty_line(true);
                (line.into(), master.into())
            } else {
                let (reader, writer) = std::io::pipe()?;
                (reader.into(), writer.into())
            };
            let (from, to) = (std::sync::Arc::new(from), std::sync::Arc::new(to));
            let keep = (from.clone(), to.clone());
            let moved = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
            for _ in 0..6 {
                let (from, to, moved) = (from.clone(), to.clone(), moved.clone());
                let count = move |n: usize| moved.fetch_add(n, std::sync::atomic::Ordering::Relaxed);
                let reads = count.clone();
                s.spawn("end", "reads what it gets, for a while", move |cx| {
                    let mut buffer = [0; 100];
                    while reads(cx.io(&*from).read(&mut buffer)?) < 100_000 {}
                    // The writers are full now, and the readers still read.
                    Ok(cx.sleep(NEVER)?)
                })?;
                s.spawn("end", "writes", move |cx| -> Result {
                    loop {
                        cx.io(&*to).write_all(&[7; 300])?;
                    }
                })?;
            }
            until_all_wait(s, "sleep", 6);
            s.stop();
            let report = s.shutdown(LIMIT);
            drop(keep);
            Ok(assert_eq!((report.joined, report.timeout), (12, 0), "{report}"))
        });
    }
    in_scope(|s| {
        let (reader, mut writer) = std::io::pipe()?;
        let reader = std::sync::Arc::new(reader);
        for _ in 0..8 {
            let reader = reader.clone();
            s.spawn("reader", "shares the pipe", move |cx| {
                while cx.io(&*reader).read(&mut [0])? == 1 {}
                Ok(())
            })?;
        }
        for _ in 0..2000 {
            writer.write_all(b"x")?;
        }
        until_all_wait(s, "read", 8);
        s.stop();
        Ok(assert_eq!(s.shutdown(LIMIT).joined, 8))
    });
}
