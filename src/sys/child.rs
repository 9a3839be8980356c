//! Owns the kernel's side of a child process: the fork, signals to it and to its group, the wait for it, its reaping.
//! Refuses to know why it is ended. No signal goes to a pid that may be somebody else's: none is sent after the reaping.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

use super::groups::{self, Known};
use super::mask::Blocked;
use super::namespace::{own_group, own_session};
use super::standard::{above_standard, standard_taken};
use super::terminal::{self, Terminal};

pub(crate) const TERMINATE: i32 = libc::SIGTERM;
pub(crate) const CONTINUE: i32 = libc::SIGCONT;
pub(crate) const KILL: i32 = libc::SIGKILL;

/// How long to wait where the kernel does not wait for us.
const PAUSE: Duration = Duration::from_millis(10);

/// A descriptor that can be read when the child has ended; none where the kernel has no such thing.
pub(crate) type Ended = Option<Arc<OwnedFd>>;

/// What the child leads from its `exec` on. Whatever it is, its pid is the number of its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Leads {
    #[default]
    Group,
    /// A group that has the terminal of this process while it runs.
    Foreground,
    Session,
    /// A session whose controlling terminal is the child's standard input.
    Terminal,
}

/// The leader of a process group of its own, from the fork until it is reaped. Dropped before that, it is killed first.
#[derive(Debug)]
pub(crate) struct Leader {
    child: Child,
    ended: Ended,
    /// Until it is to be reaped.
    known: Option<Known>,
}

/// The ends of its pipes, where the command asked for some.
#[derive(Debug)]
pub(crate) struct Pipes {
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<ChildStdout>,
    pub(crate) stderr: Option<ChildStderr>,
}

impl Leader {
    /// Forks and executes. The calling thread must live until the child is reaped: on Linux the child dies with it. The
    /// terminal, if there is one, is lent to the child.
    pub(crate) fn start(
        command: &mut Command,
        leads: Leads,
        terminal: Option<&Terminal>,
    ) -> io::Result<(Leader, Pipes)> {
        if let Some(why) = super::handlers::why_no_children() {
            return Err(io::Error::new(io::ErrorKind::Unsupported, why));
        }
        lead(command, leads, terminal.and_then(Terminal::for_child));
        die_with_parent(command);
        // std moves the child's ends of its pipes to the standard numbers, and does not see that one may have such a number.
        let taken = standard_taken();
        let mut child = command.spawn()?;
        drop(taken);
        let pid = pid_of(&child);
        // From here on what it starts ends with this process, too. What it has started before this line is ended by its own
        // end alone: the kernel ends the child with us.
        let known = Some(Known::new(pid));
        terminal.into_iter().for_each(|terminal| terminal.taken_by(pid));
        let pipes =
            Pipes { stdin: child.stdin.take(), stdout: child.stdout.take(), stderr: child.stderr.take() };
        let ended = descriptor_of(pid);
        Ok((Leader { child, ended, known }, pipes))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn ended(&self) -> Ended {
        self.ended.clone()
    }

    /// Whether it has ended; it stays there to be reaped. An error if somebody else has reaped it.
    pub(crate) fn has_ended(&self) -> io::Result<bool> {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        loop {
            match waitid(WaitId::Pid(pid_of(&self.child)), look) {
                Ok(status) => return Ok(status.is_some()),
                Err(Errno::INTR) => {}
                Err(lost) => {
                    groups::stand_still_at_the_end();
                    return Err(lost.into());
                }
            }
        }
    }

    /// Whether it has been suspended since the last look.
    pub(crate) fn was_suspended(&self) -> bool {
        let look = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
        waitid(WaitId::Pid(pid_of(&self.child)), look).is_ok_and(|status| status.is_some())
    }

    /// To the child alone.
    pub(crate) fn signal(&self, number: i32) -> io::Result<()> {
        // If somebody else has reaped it, its pid may be anybody's: that is an error here.
        if self.has_ended()? {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the child process has ended"));
        }
        send(pid_of(&self.child), self.ended.as_deref(), signal_of(number)?)
    }

    /// To the child and to all that it started and that stayed in its group. The group's number is nobody else's while its
    /// leader is not reaped.
    pub(crate) fn signal_group(&self, number: i32) -> io::Result<()> {
        self.has_ended()?;
        match kill_process_group(pid_of(&self.child), signal_of(number)?) {
            // It has left its group for one of another number.
            Err(Errno::SRCH) => self.signal(number),
            sent => Ok(sent?),
        }
    }

    /// Blocks until it has ended, and takes it out of the kernel's list.
    pub(crate) fn reap(mut self) -> io::Result<ExitStatus> {
        // Before its pid may be another's.
        self.known = None;
        self.child.wait()
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if self.known.is_some() {
            let _gone_already = self.signal_group(KILL);
            self.known = None;
            let _reaped_by_somebody_else = self.child.wait();
        }
    }
}

/// Why nobody is told how a child of ours has ended.
pub(crate) fn who_reaps() -> String {
    let others = "something else in this program waits for children";
    super::handlers::why_no_children().map_or(others.to_owned(), |why| format!("{others}: {why}"))
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_child(child)
}

fn signal_of(number: i32) -> io::Result<Signal> {
    if let Some(signal) = Signal::from_named_raw(number) {
        return Ok(signal);
    }
    #[cfg(target_os = "linux")]
    if (libc::SIGRTMIN()..=libc::SIGRTMAX()).contains(&number) {
        // SAFETY: a signal that libc leaves to programs, by its own account.
        return Ok(unsafe { Signal::from_raw_unchecked(number) });
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{number} is no signal")))
}

#[cfg(target_os = "linux")]
fn descriptor_of(pid: Pid) -> Ended {
    // A refusal (an old kernel, no descriptor left) is no reason to end the child: then it is looked at.
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())
        .ok()
        .map(above_standard)
        .map(Arc::new)
}

#[cfg(not(target_os = "linux"))]
fn descriptor_of(_pid: Pid) -> Ended {
    None
}

#[cfg(target_os = "linux")]
fn send(pid: Pid, ended: Option<&OwnedFd>, signal: Signal) -> io::Result<()> {
    match ended {
        Some(fd) => Ok(rustix::process::pidfd_send_signal(fd, signal)?),
        None => Ok(kill_process(pid, signal)?),
    }
}

#[cfg(not(target_os = "linux"))]
fn send(pid: Pid, _ended: Option<&OwnedFd>, signal: Signal) -> io::Result<()> {
    Ok(kill_process(pid, signal)?)
}

/// Has the child lead a group or a session. Last of what is done between fork and `exec`, so that a function of the program's own
/// that calls `setsid` there is not refused: it has done what is wanted.
fn lead(command: &mut Command, leads: Leads, terminal: Option<RawFd>) {
    // The child starts with what this thread blocks; what that is because of us, the fork takes away. If it came from the parent
    // of this process, or if the program takes its signals itself, the child would not hear that it is asked to end. What a
    // function of the program's own blocks between fork and `exec` stays blocked.
    let asked = Blocked::of_this_thread(&[&super::stop_signals()[..], &super::dump_signals()].concat());
    let lead = move || {
        asked.unblock();
        let me = rustix::process::getpid();
        if matches!(leads, Leads::Session | Leads::Terminal) && own_session() != Some(me) {
            rustix::process::setsid()?;
        }
        if own_group() != Some(me) {
            rustix::process::setpgid(None, None)?;
        }
        if leads == Leads::Terminal {
            rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
        }
        terminal.map_or(Ok(()), terminal::take)
    };
    // SAFETY: between fork and exec of a process with threads only what is async-signal-safe may be done: these are system
    // calls, and errors without allocation.
    unsafe { command.pre_exec(lead) };
}

/// Has the kernel kill the child when the thread that forks it ends: if that thread outlives the child, only by a crash.
#[cfg(target_os = "linux")]
fn die_with_parent(command: &mut Command) {
    let parent = rustix::process::getpid();
    let ask = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        match rustix::process::getppid() {
            // It died before we asked. (No parent at all: it is in another namespace of pids.)
            Some(now) if now != parent => Err(io::Error::from_raw_os_error(libc::ESRCH)),
            _ => Ok(()),
        }
    };
    // SAFETY: between fork and exec of a process with threads only what is async-signal-safe may be done: these are two
    // system calls, and an error without allocation.
    unsafe { command.pre_exec(ask) };
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut Command) {}

/// Blocks until one of them can be read, or has been closed at its other end, or until `until`; says which. May return early,
/// and name one that is not ready.
pub(crate) fn wait_for_any<const N: usize>(
    fds: [Option<BorrowedFd<'_>>; N],
    until: Option<Instant>,
) -> [bool; N] {
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    let timeout = left.and_then(|left| Timespec::try_from(left).ok());
    let mut asked: Vec<PollFd<'_>> =
        fds.iter().flatten().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    let (known, closed) = match poll(&mut asked, timeout.as_ref()) {
        Ok(_) => (true, asked.iter().any(|fd| fd.revents().contains(PollFlags::NVAL))),
        Err(Errno::INTR) => return [false; N],
        Err(_) => (false, false),
    };
    if !known || closed {
        // Out of kernel memory, a limit of open files below their number, or the program has closed one that is ours:
        // without a pause we would spin.
        let pause = Timespec::try_from(PAUSE).ok();
        let _no_descriptors = poll(&mut [], pause.as_ref());
    }
    let mut asked = asked.iter();
    // What is not known may be: whoever looks does not block.
    fds.map(|fd| fd.and_then(|_| asked.next()).is_some_and(|fd| !known || !fd.revents().is_empty()))
}

/// A pipe from which is taken what is there.
#[derive(Debug)]
pub(crate) struct Source(File);

impl Source {
    pub(crate) fn new(pipe: impl Into<OwnedFd>) -> Source {
        let pipe = pipe.into();
        // So that nothing can block; nothing should, since it is read only when there is something.
        let _refused_to_no_pipe = rustix::io::ioctl_fionbio(&pipe, true);
        Source(pipe.into())
    }

    /// How many bytes are in it now.
    pub(crate) fn len(&self) -> usize {
        let count = rustix::io::ioctl_fionread(&self.0).unwrap_or(0);
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// Takes what is there, at most as much as there is room for: `None` at its end, 0 if there is nothing now.
    pub(crate) fn take(&mut self, room: &mut [u8]) -> Option<usize> {
        match self.0.read(room) {
            Ok(0) => None,
            Ok(count) => Some(count),
            Err(error) if [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted].contains(&error.kind()) => {
                Some(0)
            }
            Err(_) => None,
        }
    }
}

impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
