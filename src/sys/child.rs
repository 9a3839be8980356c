//! Owns the kernel's side of a child process: its fork, signals to it and to its group, the wait
//! for its end, its reaping.
//! Refuses to know why a child is ended, and to send a signal to a pid that another process may
//! have: no signal is sent after the reaping.
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
use super::mask::BlockedSignals;
use super::namespace::{own_group, own_session};
use super::standard::{above_standard, standard_taken};
use super::terminal::{self, Terminal};

pub(crate) const TERMINATE: i32 = libc::SIGTERM;
pub(crate) const CONTINUE: i32 = libc::SIGCONT;
pub(crate) const KILL: i32 = libc::SIGKILL;

/// The pause of [`wait_for_any`] if the kernel refuses to wait.
const PAUSE: Duration = Duration::from_millis(10);

/// A descriptor that is readable once the child has ended. `None` if the kernel does not offer one.
pub(crate) type Ended = Option<Arc<OwnedFd>>;

/// The role of the child from its `exec` on. In each role, its pid is the number of its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Leads {
    /// The leader of a process group.
    #[default]
    Group,
    /// The leader of a group that has the terminal of this process while it runs.
    Foreground,
    /// The leader of a session.
    Session,
    /// The leader of a session whose controlling terminal is the child's standard input.
    Terminal,
}

/// The leader of a process group of its own, from its fork until it is reaped. If the value is
/// dropped before that, the group is killed, and the leader is reaped.
#[derive(Debug)]
pub(crate) struct Leader {
    child: Child,
    /// Made after the fork, and shared with every waiter.
    ended: Ended,
    /// The place in the list of groups. `None` once the child is about to be reaped.
    known: Option<Known>,
}

/// Our ends of the child's pipes, if the command asked for them.
#[derive(Debug)]
pub(crate) struct Pipes {
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<ChildStdout>,
    pub(crate) stderr: Option<ChildStderr>,
}

impl Leader {
    /// Forks and executes `command`. The calling thread must live until the child is reaped,
    /// because on Linux the child dies with that thread. The terminal, if there is one, is lent to
    /// the child.
    ///
    /// # Errors
    /// `Unsupported` if this process cannot wait for children, or the refusal of the system.
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
        // std moves the child's ends of its pipes to the standard numbers, and does not see that a
        // pipe may have such a number. So occupy these numbers until the fork is over.
        let taken = standard_taken();
        let mut child = command.spawn()?;
        drop(taken);
        let pid = pid_of(&child);
        // From here on, the whole group ends with this process (`groups::end_all`). If this process
        // ends before this line, the kernel kills the child alone, and not the processes that the
        // child has started.
        let known = Some(Known::new(pid));
        terminal.into_iter().for_each(|terminal| terminal.taken_by(pid));
        let pipes =
            Pipes { stdin: child.stdin.take(), stdout: child.stdout.take(), stderr: child.stderr.take() };
        let ended = descriptor_of(pid);
        Ok((Leader { child, ended, known }, pipes))
    }

    /// Returns the pid, which is the number of the group as well.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns the descriptor that is readable once the child has ended.
    pub(crate) fn ended(&self) -> Ended {
        self.ended.clone()
    }

    /// Returns whether the child has ended. The child is not reaped by this.
    ///
    /// # Errors
    /// Other code has reaped the child.
    pub(crate) fn has_ended(&self) -> io::Result<bool> {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        loop {
            match waitid(WaitId::Pid(pid_of(&self.child)), look) {
                Ok(status) => return Ok(status.is_some()),
                Err(Errno::INTR) => {}
                Err(lost) => {
                    // Perhaps `groups::end_all` has reaped it. Then this thread must do no more.
                    groups::stand_still_at_the_end();
                    return Err(lost.into());
                }
            }
        }
    }

    /// Returns whether the child was suspended since the last look.
    pub(crate) fn was_suspended(&self) -> bool {
        let look = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
        waitid(WaitId::Pid(pid_of(&self.child)), look).is_ok_and(|status| status.is_some())
    }

    /// Sends a signal to the child alone.
    pub(crate) fn signal(&self, number: i32) -> io::Result<()> {
        // An error if other code has reaped the child, because its pid may be another process's.
        if self.has_ended()? {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the child process has ended"));
        }
        send(pid_of(&self.child), self.ended.as_deref(), signal_of(number)?)
    }

    /// Sends a signal to the child and to all its descendants that stayed in its group. No other
    /// group has the number while the leader is not reaped.
    pub(crate) fn signal_group(&self, number: i32) -> io::Result<()> {
        // An error if other code has reaped the leader, because the number may be another group's.
        self.has_ended()?;
        match kill_process_group(pid_of(&self.child), signal_of(number)?) {
            // The child has left its group for another one.
            Err(Errno::SRCH) => self.signal(number),
            sent => Ok(sent?),
        }
    }

    /// Blocks until the child has ended, and reaps it.
    pub(crate) fn reap(mut self) -> io::Result<ExitStatus> {
        // First, because the group's number may be another's after the wait.
        self.known = None;
        self.child.wait()
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if self.known.is_some() {
            // Not reaped yet, so the number is still the group's.
            let _gone_already = self.signal_group(KILL);
            self.known = None;
            let _reaped_by_somebody_else = self.child.wait();
        }
    }
}

/// Returns the reason why the end of a child cannot be found out: other code reaps children.
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
        // SAFETY: libc leaves the signals of this range to programs.
        return Ok(unsafe { Signal::from_raw_unchecked(number) });
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{number} is no signal")))
}

#[cfg(target_os = "linux")]
fn descriptor_of(pid: Pid) -> Ended {
    // A refusal (an old kernel, no descriptor left) is no reason to end the child. The caller then
    // looks for its end from time to time.
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

/// Has the child lead a group or a session. This is the last step between fork and `exec`, so that
/// a `setsid` in a function of the program's own (`pre_exec`) comes first, and is not refused. If
/// that function has made the child lead already, this step does not do so again.
fn lead(command: &mut Command, leads: Leads, terminal: Option<RawFd>) {
    // The child inherits the mask of this thread. The fork unblocks the signals that are blocked
    // because of us. Signals may also be blocked by the parent of this process, or by the program,
    // and the child would not hear that it is asked to end. So unblock the signals that ask for
    // that. A signal that a function of the program's own blocks between fork and `exec` stays
    // blocked.
    let asked =
        BlockedSignals::of_this_thread(&[&super::stop_signals()[..], &super::dump_signals()].concat());
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
    // SAFETY: between fork and `exec` in a process with threads, only async-signal-safe calls are
    // allowed. `lead` makes system calls, and its errors allocate nothing.
    unsafe { command.pre_exec(lead) };
}

/// Has the kernel kill the child when the thread that forks it ends. That thread outlives the
/// child, so this happens only in a crash.
#[cfg(target_os = "linux")]
fn die_with_parent(command: &mut Command) {
    let parent = rustix::process::getpid();
    let ask = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        match rustix::process::getppid() {
            // The parent ended before the child asked. (`None` stands for a parent in another PID
            // namespace.)
            Some(now) if now != parent => Err(io::Error::from_raw_os_error(libc::ESRCH)),
            _ => Ok(()),
        }
    };
    // SAFETY: between fork and `exec` in a process with threads, only async-signal-safe calls are
    // allowed. `ask` makes two system calls, and its error allocates nothing.
    unsafe { command.pre_exec(ask) };
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut Command) {}

/// Blocks until at least one of `fds` can be read or is closed at its other end, or until `until`.
/// Returns for each whether it is ready. May return early, and may call a descriptor ready that is
/// not.
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
        // Kernel memory is short, the limit of open files is below the number of descriptors, or
        // the program has closed a descriptor of ours. Without a pause the caller would spin.
        let pause = Timespec::try_from(PAUSE).ok();
        let _no_descriptors = poll(&mut [], pause.as_ref());
    }
    let mut asked = asked.iter();
    // If the kernel gave no answer, every descriptor counts as ready. The caller then reads, which
    // does not block.
    fds.map(|fd| fd.and_then(|_| asked.next()).is_some_and(|fd| !known || !fd.revents().is_empty()))
}

/// A pipe from which a caller takes the bytes that are there.
#[derive(Debug)]
pub(crate) struct Source(File);

impl Source {
    pub(crate) fn new(pipe: impl Into<OwnedFd>) -> Source {
        let pipe = pipe.into();
        // Set the pipe so that no read blocks. No read should block in any case, because callers
        // read only if there is something.
        let _refused_to_no_pipe = rustix::io::ioctl_fionbio(&pipe, true);
        Source(pipe.into())
    }

    /// Returns the number of bytes that are in the pipe now.
    pub(crate) fn len(&self) -> usize {
        let count = rustix::io::ioctl_fionread(&self.0).unwrap_or(0);
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// Takes the bytes that are there, as many as fit into `room`. `None` at the end of the pipe or
    /// after an error, 0 if there is nothing now.
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
