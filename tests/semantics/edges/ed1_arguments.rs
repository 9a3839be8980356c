//! Owns the arguments of system calls: one thread for each kind, in a child that is killed.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::ffi::CString;
use std::fs::File;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::Command;
use std::ptr::null_mut;
use std::time::Duration;

use homebound::{Scope, Stacks};

use super::{look, over, shown};
use crate::common::*;

/// A FIFO that nobody writes to, in a folder that the child makes and leaves.
fn fifo(name: &str) -> PathBuf {
    let path = own_path(name);
    let text = CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: the text ends with a zero.
    assert_eq!(unsafe { libc::mkfifo(text.as_ptr(), 0o600) }, 0);
    path
}

/// The call of a thread with its arguments, and where it sleeps.
fn row(s: &Scope<'_, '_>, name: &str) -> String {
    let kernel = super::row(&look(s, Stacks::Off), name).kernel.unwrap_or_default();
    let channel = kernel.channel.map(|channel| format!("(kernel: {channel})"));
    [kernel.call, kernel.about, channel].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Waits until the row of a thread has all of these words.
fn eventually_row(s: &Scope<'_, '_>, name: &str, words: &[&str]) {
    let has_all = |row: &str| words.iter().all(|word| row.contains(word));
    let end = std::time::Instant::now() + LIMIT;
    while !has_all(&row(s, name)) {
        assert!(std::time::Instant::now() < end, "{words:?} in {}", row(s, name));
        linger(5);
    }
}

#[test]
fn ed1_a_path_is_shown_as_text() {
    // catches: `openat(0xffffff9c, ..)`
    shown(|s| {
        let path = fifo("open");
        let text = format!("open {path:?}");
        let opened = path.clone();
        s.spawn("config", "opens a FIFO", |_| Ok(drop(File::open(opened)?)))?;
        eventually_row(s, "config", &["openat", &text]);
        let dump = s.dump_status();
        assert!(dump.contains(&format!("sleeps in {text}")), "said once: {dump}");
        // Relative to a descriptor.
        let folder = File::open(path.parent().unwrap())?;
        let name = CString::new(path.file_name().unwrap().to_str().unwrap()).unwrap();
        let (fd, text) = (folder.as_raw_fd(), format!("open {name:?} in fd {} ", folder.as_raw_fd()));
        s.spawn("below", "opens it below a folder", move |_| {
            // SAFETY: the text ends with a zero, and the descriptor is kept open.
            unsafe { libc::openat(fd, name.as_ptr(), libc::O_RDONLY) };
            Ok(drop(folder))
        })?;
        eventually_row(s, "below", &[&text]);
        std::fs::remove_file(path)?;
        Ok(())
    });
}

#[test]
fn ed1_a_child_is_shown_by_its_pid_and_name() {
    // catches: a pid in hexadecimal digits; `waitid` and a pidfd without the child
    shown(|s| {
        let mut child = Command::new("sleep").arg("1000").spawn()?;
        let text = format!("child {} \"sleep\"", child.id());
        let pid = child.id().cast_signed();
        s.spawn("printer", "waits for a child", move |_| over(child.wait()?))?;
        eventually_row(s, "printer", &[&text]);
        s.spawn("by-id", "waits by id", move |_| {
            // SAFETY: nothing is written, since no place is given.
            over(unsafe {
                libc::waitid(libc::P_PID, pid.cast_unsigned(), null_mut(), libc::WEXITED | libc::WNOWAIT)
            })
        })?;
        eventually_row(s, "by-id", &[&text, "waitid"]);
        // SAFETY: it makes a descriptor.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        s.spawn("by-fd", "waits by descriptor", move |_| {
            let id = libc::id_t::try_from(fd).unwrap();
            // SAFETY: as above.
            over(unsafe { libc::waitid(libc::P_PIDFD, id, null_mut(), libc::WEXITED | libc::WNOWAIT) })
        })?;
        eventually_row(s, "by-fd", &[&text, "waitid"]);
        // The shells of the program could start other children meanwhile.
        // SAFETY: as above.
        s.spawn("any", "waits for any", |_| over(unsafe { libc::wait(null_mut()) }))?;
        eventually_row(s, "any", &["wait4 any child"]);
        // SAFETY: as above.
        s.spawn("group", "waits for its group", |_| over(unsafe { libc::waitpid(0, null_mut(), 0) }))?;
        eventually_row(s, "group", &["wait4 a child in its process group"]);
        // SAFETY: it is our child.
        unsafe { libc::kill(pid, libc::SIGKILL) };
        Ok(())
    });
}

#[test]
fn ed1_a_child_that_borrows_our_memory_is_shown() {
    // catches: `syscall 58`, and a wait for a child that is not named
    shown(|s| {
        let path = fifo("spawn");
        let text = CString::new(path.to_str().unwrap()).unwrap();
        s.spawn("legacy", "starts a program whose file hangs", move |_| {
            let (mut pid, mut actions) = (0, std::mem::MaybeUninit::uninit());
            let arguments = [c"true".as_ptr().cast_mut(), null_mut()];
            // SAFETY: it makes the list.
            unsafe { libc::posix_spawn_file_actions_init(actions.as_mut_ptr()) };
            // SAFETY: the list was made.
            unsafe {
                libc::posix_spawn_file_actions_addopen(
                    actions.as_mut_ptr(),
                    5,
                    text.as_ptr(),
                    libc::O_RDONLY,
                    0,
                )
            };
            // SAFETY: all texts end with a zero, all lists with null.
            unsafe {
                libc::posix_spawn(
                    &mut pid,
                    c"/bin/true".as_ptr(),
                    actions.as_ptr(),
                    std::ptr::null(),
                    arguments.as_ptr(),
                    [null_mut()].as_ptr(),
                )
            };
            Ok(())
        })?;
        let has_children = std::path::Path::new("/proc/thread-self/children").exists();
        eventually_row(s, "legacy", if has_children { &["clone", "child "] } else { &["clone"] });
        // Opened for writing, the FIFO lets the child go on, so that it does not stay.
        drop(File::options().write(true).open(&path)?);
        std::fs::remove_file(path)?;
        Ok(())
    });
}

#[test]
fn ed1_a_descriptor_is_shown_with_both_ends_of_a_connection() {
    // catches: a socket without its peer; a peer of the wrong side
    shown(|s| {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let here = TcpStream::connect(("127.0.0.1", port))?;
        let (there, _) = listener.accept()?;
        let (own, fd) = (here.local_addr()?.port(), here.as_raw_fd());
        let mut reads = here;
        s.spawn("peer", "reads from a connection", move |_| Ok(reads.read_exact(&mut [0])?))?;
        let ends = format!("tcp 127.0.0.1:{own} -> 127.0.0.1:{port}");
        eventually_row(s, "peer", &[&format!("fd {fd} socket:["), &ends]);
        s.spawn("door", "accepts", move |_| Ok(drop(listener.accept()?)))?;
        eventually_row(s, "door", &["accept4 fd ", &format!("tcp listens at 127.0.0.1:{port}")]);
        let (mut pipe, writer) = std::io::pipe()?;
        let fd = pipe.as_raw_fd();
        s.spawn("pipe", "reads a pipe", move |_| Ok(pipe.read_exact(&mut [0])?))?;
        eventually_row(s, "pipe", &[&format!("read fd {fd} pipe:[")]);
        drop((there, writer.into_raw_fd()));
        Ok(())
    });
}

#[test]
fn ed1_a_connect_shows_where_to() {
    // catches: a connect that shows the socket alone, which has no peer yet
    shown(|s| {
        let path = own_path("ed1");
        let listener = UnixListener::bind(&path)?;
        // SAFETY: it is a socket of ours. A queue of 0 has room for one.
        unsafe { libc::listen(listener.as_raw_fd(), 0) };
        let first = std::os::unix::net::UnixStream::connect(&path)?;
        let to = path.clone();
        s.spawn("client", "connects to a full socket", move |_| {
            Ok(drop(std::os::unix::net::UnixStream::connect(to)?))
        })?;
        eventually_row(s, "client", &["connect fd ", &format!("to {path:?}")]);
        std::fs::remove_file(path)?;
        Ok(drop((first, listener)))
    });
}

#[test]
fn ed1_descriptors_of_a_poll_are_shown_and_its_time_out() {
    // catches: `poll(0x7f..)`
    shown(|s| {
        let (pipe, writer) = std::io::pipe()?;
        let fd = pipe.as_raw_fd();
        let text = format!("fd {fd} pipe:[");
        s.spawn("poll", "polls", move |_| {
            let mut entry = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
            // SAFETY: one entry is there.
            over(unsafe { libc::poll(&mut entry, 1, 3_600_000) })
        })?;
        eventually_row(s, "poll", &["poll ", &text, "time-out 3600 s"]);
        s.spawn("select", "selects", move |_| {
            // SAFETY: all-zero is an empty set.
            let mut set: libc::fd_set = unsafe { std::mem::zeroed() };
            // SAFETY: the descriptor is small.
            unsafe { libc::FD_SET(fd, &mut set) };
            // SAFETY: the set is there, and the others are left out.
            over(unsafe { libc::select(fd + 1, &mut set, null_mut(), null_mut(), null_mut()) })
        })?;
        eventually_row(s, "select", &["select", &text, "no time-out"]);
        s.spawn("timed", "selects for a time", move |_| {
            let mut time = libc::timeval { tv_sec: 1234, tv_usec: 500_000 };
            // SAFETY: the time is there, and the sets are left out.
            over(unsafe { libc::select(0, null_mut(), null_mut(), null_mut(), &mut time) })
        })?;
        eventually_row(s, "timed", &["no descriptor, time-out 1234.5 s"]);
        s.spawn("epoll", "polls an epoll", move |_| {
            // SAFETY: it makes a descriptor.
            let epoll = unsafe { libc::epoll_create1(0) };
            let mut event = libc::epoll_event { events: libc::EPOLLIN.cast_unsigned(), u64: 0 };
            // SAFETY: the event is there.
            unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &mut event) };
            // SAFETY: as above.
            over(unsafe { libc::epoll_wait(epoll, &mut event, 1, -1) })
        })?;
        eventually_row(s, "epoll", &["epoll_", "eventpoll] of fd ", &text, "no time-out"]);
        over((pipe.into_raw_fd(), writer.into_raw_fd()))
    });
}

#[test]
fn ed1_of_many_descriptors_the_number_is_told() {
    // catches: as many descriptors as were read, told as all of them
    shown(|s| {
        let (reader, writer) = std::io::pipe()?;
        let fd = reader.as_raw_fd();
        s.spawn("poll", "polls", move |_| {
            let mut entries = [libc::pollfd { fd, events: libc::POLLIN, revents: 0 }; 20];
            // SAFETY: the entries are there.
            over((unsafe { libc::poll(entries.as_mut_ptr(), 20, -1) }, reader))
        })?;
        eventually_row(s, "poll", &["poll 20 descriptors (", ", ..), no time-out"]);
        Ok(drop(writer))
    });
}

#[test]
fn ed1_a_sleep_shows_its_time_and_a_pause_nothing() {
    // catches: `pause(0x0, ..)`, which has no argument; a sleep without its length
    shown(|s| {
        s.spawn("sleep", "sleeps", |_| {
            let time = libc::timespec { tv_sec: 1234, tv_nsec: 500_000_000 };
            // SAFETY: the time is there.
            over(unsafe { libc::nanosleep(&time, null_mut()) })
        })?;
        eventually_row(s, "sleep", &["nanosleep 1234.5 s"]);
        s.spawn("until", "sleeps until a moment", |_| {
            let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            // SAFETY: it writes the time.
            unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
            time.tv_sec += 1000;
            // SAFETY: the time is there.
            over(unsafe {
                libc::clock_nanosleep(libc::CLOCK_MONOTONIC, libc::TIMER_ABSTIME, &time, null_mut())
            })
        })?;
        eventually_row(s, "until", &["clock_nanosleep for 99", " s more"]);
        // SAFETY: it waits for a signal.
        s.spawn("pause", "waits for a signal", |_| over(unsafe { libc::pause() }))?;
        let call = if cfg!(target_arch = "x86_64") { "pause (kernel:" } else { "ppoll no descriptor" };
        eventually_row(s, "pause", &[call]);
        s.spawn("park", "waits for a word", |_| Ok(std::thread::park()))?;
        eventually_row(s, "park", &["futex word 0x", "while it is 4294967295, no time-out"]);
        s.spawn("limit", "waits for a word for a time", |_| {
            Ok(std::thread::park_timeout(Duration::from_secs(900)))
        })?;
        eventually_row(s, "limit", &["futex word 0x", "with a time-out"]);
        Ok(())
    });
}
