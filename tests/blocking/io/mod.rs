//! Waits in system calls: streams, listeners, connections, any descriptor. With real sockets and pipes.
#![cfg(unix)]
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::common::*;
use homebound::registry::Registry;
use homebound::{Context, Result, Scope, Stopped, ThreadState, scope};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const SOON: Duration = Duration::from_millis(20);

/// Returns when all threads of the scope wait, as they themselves say.
fn until_all_wait(s: &Scope<'_, '_>, what: &str, count: usize) {
    let waits = |state: &ThreadState| matches!(state, ThreadState::Waiting { what: now, .. } if *now == what);
    eventually("all wait", || s.active_threads().iter().filter(|t| waits(&t.state)).count() == count);
}

fn is_stop(error: &std::io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Stopped>())
}

/// True if a look at the descriptor finds it readable.
fn is_readable(fd: &impl AsFd) -> bool {
    let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&now)).expect("it polls") == 1
}

/// A listener that answers no more: its queue is full, so that a connection stays on its way.
fn full_listener() -> Result<(TcpListener, Vec<TcpStream>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    rustix::net::listen(&listener, 0)?;
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&listener.local_addr()?, Duration::from_millis(100)) {
        queued.push(stream);
    }
    Ok((listener, queued))
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("there is /proc").count()
}

fn many_descriptors() {
    let before = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: before.maximum, maximum: before.maximum };
    setrlimit(Resource::Nofile, wanted).expect("allowed");
}

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
    // catches: an accept that only a connection ends; a time-out loop; a listener that two threads take from
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

#[test]
fn one_connection_is_taken_by_one_of_many() {
    // catches: a thread that was told of a connection which another took, and then hears no stop
    in_scope(|s| {
        let listener = std::sync::Arc::new(UnixListener::bind(socket_path("many"))?);
        let (give, take) = crossbeam_channel::unbounded();
        for _ in 0..8 {
            let (listener, give) = (listener.clone(), give.clone());
            s.spawn("door", "takes connections", move |cx| -> Result {
                loop {
                    let (mut stream, _) = cx.accept(&*listener)?;
                    cx.io(&mut stream).write_all(b"welcome")?;
                    give.send(())?;
                }
            })?;
        }
        for _ in 0..200 {
            let mut guest = UnixStream::connect(socket_path("many"))?;
            let mut word = String::new();
            guest.read_to_string(&mut word)?;
            assert_eq!(word, "welcome");
            take.recv()?;
        }
        until_all_wait(s, "accept", 8);
        s.stop();
        let report = s.shutdown(LIMIT);
        std::fs::remove_file(socket_path("many"))?;
        Ok(assert_eq!((report.joined, take.len()), (8, 0), "{report}"))
    });
}

fn socket_path(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("homebound-{name}-{}", std::process::id()))
}

#[test]
fn everything_that_is_written_is_read() {
    // catches: bytes lost or doubled where a transfer is cut into parts: sockets and pipes, small and large buffers
    fn through(cx: &Context, size: usize, from: impl AsFd + Send, to: impl AsFd + Send) {
        let sent: Vec<u8> = (0..3_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let got = std::thread::scope(|t| {
            let sent = &sent;
            t.spawn(move || {
                let mut to = cx.io(to);
                sent.chunks(size).try_for_each(|part| to.write_all(part)).expect("written");
            });
            let mut got = Vec::new();
            BufReader::with_capacity(size, cx.io(from)).read_to_end(&mut got).expect("read");
            got
        });
        assert!(got == sent, "{size}");
    }
    in_scope(|s| {
        for size in [1000, 4096, 100_000] {
            let (ours, theirs) = UnixStream::pair()?;
            through(s.context(), size, ours, theirs);
            let (reader, writer) = std::io::pipe()?;
            through(s.context(), size, reader, writer);
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let ours = s.context().connect(listener.local_addr()?, LIMIT)?;
            let (theirs, _) = s.context().accept(&listener)?;
            through(s.context(), size, ours, theirs);
        }
        Ok(())
    });
}

#[test]
fn errors_of_the_system_are_passed_on() {
    // catches: a signal for a broken pipe, a wait for ever, a panic
    in_scope(|s| {
        let cx = s.context();
        let (ours, theirs) = UnixStream::pair()?;
        drop(theirs);
        assert_eq!(cx.io(&ours).write(b"word").unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(cx.io(&ours).read(&mut [0])?, 0);
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        assert_eq!(cx.io(&writer).write(b"word").unwrap_err().kind(), ErrorKind::BrokenPipe);
        let gone = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        assert_eq!(cx.connect(gone, LIMIT).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        let nobody: &[SocketAddr] = &[];
        assert_eq!(cx.connect(nobody, LIMIT).unwrap_err().kind(), ErrorKind::InvalidInput);
        // The second address answers.
        let listener = TcpListener::bind("127.0.0.1:0")?;
        cx.connect(&[gone, listener.local_addr()?][..], None)?;
        assert_eq!(cx.io(&ours).read(&mut [])?, 0);
        let mut text = String::new();
        cx.io(std::fs::File::open("Cargo.toml")?).read_to_string(&mut text)?;
        Ok(assert_eq!(text, std::fs::read_to_string("Cargo.toml")?))
    });
}

#[test]
fn without_descriptors_a_wait_is_refused() {
    // catches: a panic, or a wait that hears no stop
    child_passes(|_| {
        let (ours, _theirs) = UnixStream::pair().expect("made");
        let before = getrlimit(Resource::Nofile);
        let result = scope(|s| {
            setrlimit(Resource::Nofile, Rlimit { current: Some(3), maximum: before.maximum })?;
            let cx = s.context();
            assert!(cx.stop_fd().is_err());
            let error = cx.io(&ours).read(&mut [0]).unwrap_err();
            assert!(!is_stop(&error) && error.raw_os_error().is_some(), "{error:?}");
            setrlimit(Resource::Nofile, before)?;
            assert!(!is_readable(&cx.stop_fd()?));
            Ok(())
        });
        result.unwrap();
        0
    });
}

#[test]
fn no_descriptor_is_left_behind() {
    // catches: an event that outlives its thread, a socket that was on its way
    child_passes(|_| {
        let (listener, queued) = full_listener().expect("full");
        let address = listener.local_addr().expect("bound");
        let before = descriptors();
        for _ in 0..500 {
            let result = scope(|s| {
                s.spawn("connects", "is never answered", move |cx| Ok(drop(cx.connect(address, NEVER)?)))?;
                s.spawn("reads", "hears nothing", |cx| {
                    let (ours, _theirs) = UnixStream::pair()?;
                    Ok(cx.io(ours).read_exact(&mut [0])?)
                })?;
                Ok(s.stop())
            });
            result.unwrap();
        }
        assert_eq!(descriptors(), before);
        drop(queued);
        0
    });
}

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
    // catches: a write of more than a terminal takes that says that it is ready; two writers, of which one is late
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
                    // Those who write are full now, those who read are still at it.
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

#[test]
fn datagrams_of_one_socket_go_to_many_and_end_on_stop() {
    // catches: a thread that was told of a datagram which another took, and then hears no stop
    in_scope(|s| {
        let socket = std::sync::Arc::new(UdpSocket::bind("127.0.0.1:0")?);
        let address = socket.local_addr()?;
        for _ in 0..8 {
            let socket = socket.clone();
            s.spawn("receiver", "shares the socket", move |cx| -> Result {
                let mut buffer = [0; 16];
                loop {
                    let (count, from) = cx.recv_from(&socket, &mut buffer)?;
                    cx.send_to(&socket, &buffer[..count], from)?;
                }
            })?;
        }
        let (client, cx) = (UdpSocket::bind("127.0.0.1:0")?, s.context());
        for i in 0..500_u32 {
            let mut buffer = [0; 16];
            assert_eq!(cx.send_to(&client, &i.to_le_bytes(), address)?, 4);
            assert_eq!(cx.recv_from(&client, &mut buffer)?, (4, address));
            assert_eq!(buffer[..4], i.to_le_bytes());
        }
        client.set_read_timeout(Some(SOON))?;
        assert_eq!(cx.recv_from(&client, &mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
        let nobody: &[SocketAddr] = &[];
        assert_eq!(cx.send_to(&client, b"word", nobody).unwrap_err().kind(), ErrorKind::InvalidInput);
        until_all_wait(s, "recv_from", 8);
        s.stop();
        assert!(is_stop(&cx.recv_from(&client, &mut [0]).unwrap_err()));
        assert!(is_stop(&cx.send_to(&client, b"word", address).unwrap_err()));
        Ok(assert_eq!(s.shutdown(LIMIT).joined, 8))
    });
}

#[test]
fn the_opening_of_a_fifo_ends_on_stop_when_there_are_descriptors_again() {
    // catches: a stop that tries to open the other end once, without a descriptor: the thread stays in the call for ever
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

/// An echo server whose connections are cut in the middle: what a client was told is there is there.
#[test]
fn every_byte_that_was_acknowledged_was_received() {
    // catches: data that is taken from a socket by a read that then reports the stop instead
    const CLIENTS: usize = 500;
    child_passes(|_| {
        many_descriptors();
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let address = listener.local_addr().expect("bound");
        let received = std::sync::Mutex::new(std::collections::HashMap::new());
        let clients: Vec<_> = (0..CLIENTS).map(|_| std::thread::spawn(move || client(address))).collect();
        let result = scope(|s| {
            s.service("door", "takes connections", |cx| {
                loop {
                    let (stream, from) = cx.accept(&listener)?;
                    let received = &received;
                    s.spawn("guest", "counts, then acknowledges", move |cx| {
                        let mut buffer = [0; 256];
                        loop {
                            let count = cx.io(&stream).read(&mut buffer)?;
                            if count == 0 {
                                return Ok(());
                            }
                            *received.lock().unwrap().entry(from).or_insert(0) += count;
                            cx.io(&stream).write_all(&vec![1; count])?;
                        }
                    })?;
                }
            })?;
            let all = || received.lock().unwrap().values().filter(|count| **count > 2000).count() == CLIENTS;
            eventually("all talk", all);
            Ok(s.stop())
        });
        assert!(result.is_ok(), "{result:?}");
        let received = received.into_inner().unwrap();
        for client in clients {
            let (from, acknowledged) = client.join().expect("it ends");
            let counted = received.get(&from).copied().unwrap_or_default();
            assert!(counted >= acknowledged && acknowledged > 0, "{counted} of {acknowledged}");
        }
        0
    });
}

/// Sends until the server hangs up; returns how many bytes it has acknowledged.
fn client(server: SocketAddr) -> (SocketAddr, usize) {
    let mut stream = TcpStream::connect(server).expect("connected");
    let mut acknowledged = 0;
    let mut answer = [0; 100];
    while stream.write_all(&[7; 100]).and_then(|()| stream.read_exact(&mut answer)).is_ok() {
        acknowledged += answer.len();
    }
    (stream.local_addr().expect("bound"), acknowledged)
}
