//! Owns the public face of a child process that was started: how it is waited for, signalled, read.
//! Refuses to look after it: a thread of the scope does, in `supervise`.

use std::convert::Infallible;
use std::panic::Location;
use std::process::{ChildStderr, ChildStdin, ChildStdout, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use std::{fmt, io};

use crate::outcome::error::WaitError;
use crate::process::leader::Shared;
use crate::process::lines::{Line, Reader};
use crate::rt::time::after;
use crate::stop::select::until_stopped;
use crate::sync::locks::Mutex;
use crate::sys::child::Pipes;
use crate::thread::context::current;
use crate::thread::handle::Handle;
use crate::tree::wait_mark::WaitMark;
use crossbeam_channel::{Receiver, RecvTimeoutError};

/// A child process that was started. Dropping it changes nothing: its scope looks after the child.
///
/// Its waits end on the stop of the calling thread's own context ([`current`](crate::current)).
///
/// ```
/// use std::process::Command;
///
/// homebound::scope(|scope| {
///     let child = scope.process("check", "checks the settings", Command::new("true")).spawn()?;
///     println!("{} is process {}", child.path(), child.pid());
///     assert!(child.wait()?.success());
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
pub struct Process<'scope> {
    handle: Handle<'scope, ()>,
    shared: Arc<Shared>,
    pipes: Mutex<Pipes>,
    stdout: Arc<Reader>,
    stderr: Arc<Reader>,
}

impl<'scope> Process<'scope> {
    pub(crate) fn new(
        handle: Handle<'scope, ()>,
        shared: Arc<Shared>,
        pipes: Pipes,
        [stdout, stderr]: [Arc<Reader>; 2],
    ) -> Self {
        Process { handle, shared, pipes: Mutex::new(pipes), stdout, stderr }
    }

    /// The pid; once the child has ended, it may be another's. [`signal`](Self::signal) takes care of that.
    pub fn pid(&self) -> u32 {
        self.handle.record().process.get().map_or(0, |facts| facts.pid)
    }

    /// Asks it to end: SIGTERM to its group, SIGKILL after the grace. Does not wait.
    ///
    /// ```
    /// use std::process::Command;
    ///
    /// homebound::scope(|scope| {
    ///     let mut command = Command::new("sh");
    ///     command.args(["-c", "exec sleep 60"]);
    ///     let child = scope.process("nap", "sleeps", command).spawn()?;
    ///     child.stop();
    ///     assert!(!child.wait()?.success()); // it ended by SIGTERM, which is no failure
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn stop(&self) {
        self.handle.stop();
    }

    /// Blocks until it has ended and was reaped, and says how it ended. What others do that it has started is not waited for.
    ///
    /// Its input is closed first, as std's `wait` does: if the command said `piped` and [`take_stdin`](Self::take_stdin) was not
    /// asked, nobody will ever write to it, and a child that reads to the end of its input would not end.
    ///
    /// ```
    /// use homebound::process::OnExit;
    /// use std::process::Command;
    ///
    /// homebound::scope(|scope| {
    ///     let mut command = Command::new("sh");
    ///     command.args(["-c", "exit 3"]);
    ///     let child = scope.process("check", "checks", command).on_exit(OnExit::Ignore).spawn()?;
    ///     assert_eq!(child.wait()?.code(), Some(3));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// [`WaitError::Stopped`] if the calling thread is asked to stop first; the child is then stopped by its scope, after the
    /// workers. [`WaitError::Disconnected`] if something else in this program has reaped it: that is a failure of the scope too.
    #[track_caller]
    #[must_use = "a stop ends it with an error, and every later wait at once: pass it on with `?`, or leave the loop"]
    pub fn wait(&self) -> Result<ExitStatus, WaitError> {
        self.wait_until(None, Location::caller())
    }

    /// As [`wait`](Self::wait), for at most `timeout`; closes its input as that does.
    ///
    /// ```
    /// use homebound::WaitError;
    /// use std::process::Command;
    /// use std::time::Duration;
    ///
    /// homebound::scope(|scope| {
    ///     let mut command = Command::new("sh");
    ///     command.args(["-c", "exec sleep 60"]);
    ///     let child = scope.process("nap", "sleeps", command).spawn()?;
    ///     let waited = child.wait_timeout(Duration::from_millis(1));
    ///     assert!(matches!(waited, Err(WaitError::TimedOut)));
    ///     Ok(child.stop())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As there, and [`WaitError::TimedOut`].
    #[track_caller]
    #[must_use = "a stop ends it with an error, and every later wait at once: pass it on with `?`, or leave the loop"]
    pub fn wait_timeout(&self, timeout: Duration) -> Result<ExitStatus, WaitError> {
        self.wait_until(Some(after(Instant::now(), timeout)), Location::caller())
    }

    fn wait_until(
        &self,
        end: Option<Instant>,
        caller: &'static Location<'static>,
    ) -> Result<ExitStatus, WaitError> {
        drop(self.take_stdin());
        let done = self.handle.done();
        let context = current();
        context.iter().for_each(|context| context.point("process", caller));
        if !self.handle.is_finished() {
            let _mark = WaitMark::new("process", caller);
            let waited = self.shared.awaited(|| match &context {
                Some(cx) => {
                    let (node, done) = (cx.node(), self.handle.done());
                    until_stopped(node, end, |select| select.recv(done), |chosen| chosen.recv(done))
                        .map(|_| ())
                }
                None => match end.map_or_else(|| Ok(done.recv()), |end| done.recv_deadline(end).map(Ok)) {
                    Err(RecvTimeoutError::Timeout) => Err(WaitError::TimedOut),
                    Err(RecvTimeoutError::Disconnected) | Ok(_) => Ok(()),
                },
            });
            // It may have ended at the same moment: then that is what is told.
            waited.or_else(|cause| if self.handle.is_finished() { Ok(()) } else { Err(cause) })?;
        }
        self.shared.status().ok_or(WaitError::Disconnected)
    }

    /// A receiver that is disconnected when it has ended and was reaped: for a `select!` over many.
    pub fn done(&self) -> &Receiver<Infallible> {
        self.handle.done()
    }

    /// Sends a signal to the child alone, not to its group: SIGHUP to reload, SIGUSR1. If it ends by it, it was asked to.
    ///
    /// ```
    /// use std::process::Command;
    ///
    /// homebound::scope(|scope| {
    ///     let mut command = Command::new("sh");
    ///     command.args(["-c", "exec sleep 60"]);
    ///     let child = scope.process("nap", "sleeps", command).spawn()?;
    ///     child.signal(libc::SIGINT)?;
    ///     assert!(!child.wait()?.success()); // it was asked to: no failure
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// `NotFound` if it has ended: nobody else ever gets the signal. `InvalidInput` for a number that is no signal. What
    /// the kernel refuses, for instance to a child that runs as another user.
    pub fn signal(&self, number: i32) -> io::Result<()> {
        self.shared.signal(number)
    }

    /// The lines of its output, in order, if [`ProcessBuilder::lines`](crate::ProcessBuilder::lines) asked for them; disconnected when
    /// there will be no more. `cx.iter(process.stdout_lines())` reads them until the stop.
    ///
    /// Who asks is expected to read: from then on the child waits while 1,024 lines do.
    ///
    /// ```
    /// use std::process::Command;
    ///
    /// homebound::scope(|scope| {
    ///     let mut command = Command::new("sh");
    ///     command.args(["-c", "echo one; echo two"]);
    ///     let child = scope.process("counter", "counts", command).lines().spawn()?;
    ///     for line in scope.context().iter(child.stdout_lines()) {
    ///         println!("{}: {line}", line.number);
    ///     }
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn stdout_lines(&self) -> &Receiver<Line> {
        self.stdout.take()
    }

    /// The lines of its errors; as [`stdout_lines`](Self::stdout_lines).
    pub fn stderr_lines(&self) -> &Receiver<Line> {
        self.stderr.take()
    }

    /// What has come of a line of its output that has not ended yet, such as a prompt, after all lines that have; empty if none has
    /// begun. At most 4,096 bytes. It will be in a [`Line`] as well.
    ///
    /// ```
    /// # #[cfg(unix)] homebound::scope(|scope| {
    /// # use std::{io::Write, process::{Command, Stdio}, time::Duration};
    /// let mut command = Command::new("sh");
    /// command.args(["-c", "printf 'name? '; read name; echo hello $name"]).stdin(Stdio::piped());
    /// let child = scope.process("asks", "asks for a name", command).lines().spawn()?;
    /// let mut input = child.take_stdin().expect("piped");
    /// // No line for a moment: does it ask?
    /// let quiet = Duration::from_millis(5);
    /// while !child.stdout_partial().ends_with("name? ") {
    ///     match scope.context().recv_timeout(child.stdout_lines(), quiet) {
    ///         Ok(line) => println!("{line}"),
    ///         Err(homebound::WaitError::TimedOut) => {}
    ///         Err(error) => Err(error)?,
    ///     }
    /// }
    /// writeln!(input, "you")?;
    /// assert_eq!(child.stdout_lines().recv()?.text, "name? hello you");
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    pub fn stdout_partial(&self) -> String {
        self.stdout.begun()
    }

    /// What has come of a line of its errors; as [`stdout_partial`](Self::stdout_partial).
    pub fn stderr_partial(&self) -> String {
        self.stderr.begun()
    }

    /// How many lines of both were lost so far: see [`ProcessBuilder::lines`](crate::ProcessBuilder::lines). [`Line::number`] tells
    /// where.
    pub fn lost_lines(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Our end of its input, if the command said `stdin(Stdio::piped())`; for the first who asks. None after a
    /// [`wait`](Self::wait), which closes it.
    ///
    /// ```
    /// use std::io::Write;
    /// use std::process::{Command, Stdio};
    ///
    /// homebound::scope(|scope| {
    ///     let mut command = Command::new("sh");
    ///     command.args(["-c", "read word; test $word = hello"]).stdin(Stdio::piped());
    ///     let child = scope.process("reader", "reads a word", command).spawn()?;
    ///     writeln!(child.take_stdin().expect("it is piped"), "hello")?;
    ///     assert!(child.wait()?.success());
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn take_stdin(&self) -> Option<ChildStdin> {
        self.pipes.lock().stdin.take()
    }

    /// Our end of its output, if the command said `stdout(Stdio::piped())` and the builder not `lines()`; for the first who
    /// asks. It is to be read: a child whose pipe is full waits.
    pub fn take_stdout(&self) -> Option<ChildStdout> {
        self.pipes.lock().stdout.take()
    }

    /// Our end of its errors; as [`take_stdout`](Self::take_stdout).
    pub fn take_stderr(&self) -> Option<ChildStderr> {
        self.pipes.lock().stderr.take()
    }

    /// Scopes and name, `/studio/web`.
    pub fn path(&self) -> &str {
        self.handle.path()
    }
}

impl fmt::Debug for Process<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("path", &self.path())
            .field("pid", &self.pid())
            .field("status", &self.shared.status())
            .finish_non_exhaustive()
    }
}
