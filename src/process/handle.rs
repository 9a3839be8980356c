//! Owns the public face of a child process that was started: waiting for it, signals, its output.
//! Refuses to look after the child: a thread of the scope does, in `supervise`.

use std::convert::Infallible;
use std::panic::Location;
use std::process::{ChildStderr, ChildStdin, ChildStdout, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use std::{fmt, io};

use crate::outcome::errors::error::WaitError;
use crate::process::leader::ChildState;
use crate::process::lines::{Line, LineReader};
use crate::rt::time::after;
use crate::shutdown::long_wait::For;
use crate::sync::locks::Mutex;
use crate::sys::child::Pipes;
use crate::thread::blocking;
use crate::thread::context::current;
use crate::thread::handle::Handle;
use crate::tree::wait_mark::WaitMark;
use crossbeam_channel::Receiver;

/// A child process that was started. To drop this handle changes nothing for the child, because its
/// scope looks after it.
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
    /// Of the service thread that looks after the child and ends after it is reaped.
    handle: Handle<'scope, ()>,
    shared: Arc<ChildState>,
    /// This process's ends of the child's pipes, until the caller takes them.
    pipes: Mutex<Pipes>,
    stdout: Arc<LineReader>,
    stderr: Arc<LineReader>,
}

impl<'scope> Process<'scope> {
    pub(crate) fn new(
        handle: Handle<'scope, ()>,
        shared: Arc<ChildState>,
        pipes: Pipes,
        [stdout, stderr]: [Arc<LineReader>; 2],
    ) -> Self {
        Process { handle, shared, pipes: Mutex::new(pipes), stdout, stderr }
    }

    /// The pid, which is also the number of the child's process group. Once the child has ended,
    /// the system may give the number to another process, so use [`signal`](Self::signal), which
    /// sends nothing then.
    pub fn pid(&self) -> u32 {
        self.handle.record().process().map_or(0, |facts| facts.pid)
    }

    /// Asks the child to end: its group gets SIGTERM, and SIGKILL after the grace. Does not wait.
    /// An end after this call is no failure.
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

    /// Blocks until the child has ended and was reaped, and returns its status. Processes that the
    /// child has started are not waited for.
    ///
    /// The child's input is closed first, as std's `wait` does it. If the command said `piped`, and
    /// [`take_stdin`](Self::take_stdin) was not called, no code can write to the input any more,
    /// and a child that reads to the end of its input would never end.
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
    /// - [`WaitError::Stopped`]: the calling thread is asked to stop first. The scope stops the
    ///   child later, after the workers.
    /// - [`WaitError::Disconnected`]: other code in this program has reaped the child, so its
    ///   status is lost. The lost status is a failure of the scope, too.
    #[track_caller]
    #[must_use = "a stop ends it with an error, and every later wait at once: pass it on with `?`, or leave the loop"]
    pub fn wait(&self) -> Result<ExitStatus, WaitError> {
        self.wait_until(None, Location::caller())
    }

    /// As [`wait`](Self::wait), for at most `timeout`. Closes the child's input as `wait` does,
    /// also if the time passes.
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
    /// As [`wait`](Self::wait), and [`WaitError::TimedOut`].
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
        // Closes the input, so that a child that reads to its end can end.
        drop(self.take_stdin());
        let context = current();
        context.iter().for_each(|context| context.point("process", caller));
        if !self.handle.is_finished() {
            let _mark = WaitMark::new("process", caller);
            // `done` disconnects when the child's thread ends, after it has stored the status
            // (`supervise`). Outside of a scope there is no stop to listen for.
            let record = self.handle.record();
            let waited = self.shared.awaited(|| match &context {
                Some(cx) => {
                    blocking::receive(For::Thread(record), cx.node(), end, self.handle.done()).map(|_| ())
                }
                None => match blocking::until_done(record, end, &|| false) {
                    true => Ok(()),
                    false => Err(WaitError::TimedOut),
                },
            });
            // A child that is reaped has ended, though the wait ended with a stop: the end of the
            // child may have caused that stop (`OnExit`), which is sent before the child's thread
            // is done. Pairs with `ChildState::set_end`, which comes before both.
            let is_over = || self.shared.is_over() || self.handle.is_finished();
            waited.or_else(|cause| if is_over() { Ok(()) } else { Err(cause) })?;
        }
        // No status: the thread could not reap the child, because other code had done it.
        self.shared.status().ok_or(WaitError::Disconnected)
    }

    /// A receiver that is disconnected when the child has ended and was reaped: for a `select!`
    /// over many children.
    pub fn done(&self) -> &Receiver<Infallible> {
        self.handle.done()
    }

    /// Sends a signal to the child alone, not to its group: SIGHUP to reload, SIGUSR1. If the child
    /// ends by that signal, it was asked to end, and has not failed.
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
    /// - `NotFound`: the child has ended. No other process ever gets the signal.
    /// - `InvalidInput`: the number is no signal.
    /// - Any other error is a refusal of the kernel's, for instance if the child runs as another
    ///   user.
    pub fn signal(&self, number: i32) -> io::Result<()> {
        self.shared.signal(number)
    }

    /// The lines of the child's output, in order, if
    /// [`ProcessBuilder::lines`](crate::ProcessBuilder::lines) asked for them. The receiver is
    /// disconnected when no more lines will come. `cx.iter(process.stdout_lines())` reads until the
    /// stop.
    ///
    /// The caller is expected to read: from this call on, the child waits while 1,024 lines wait.
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

    /// The lines of the child's errors; as [`stdout_lines`](Self::stdout_lines).
    pub fn stderr_lines(&self) -> &Receiver<Line> {
        self.stderr.take()
    }

    /// The beginning of the line of output that the child has not ended yet, such as a prompt.
    /// Empty if no line has begun. At most 4,096 bytes, which will come in a [`Line`] as well.
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

    /// The beginning of the child's unfinished line of errors; as
    /// [`stdout_partial`](Self::stdout_partial).
    pub fn stderr_partial(&self) -> String {
        self.stderr.begun()
    }

    /// The number of lines of both streams that were lost so far: see
    /// [`ProcessBuilder::lines`](crate::ProcessBuilder::lines). A gap in [`Line::number`] shows
    /// where.
    pub fn lost_lines(&self) -> u64 {
        // With both views locked, so that a reader that has seen the gap finds the line counted.
        // Pairs with `LineQueue::with_view_locked`.
        self.stdout.settled(|| self.stderr.settled(|| self.shared.lost.load(Ordering::Relaxed)))
    }

    /// Takes this process's end of the child's input, if the command said `stdin(Stdio::piped())`.
    /// `None` if it has been taken, and after a [`wait`](Self::wait), which closes it.
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

    /// Takes this process's end of the child's output, if the command said `stdout(Stdio::piped())`
    /// and the builder does not read lines. `None` if it has been taken. Read from it, because a
    /// child whose pipe is full waits.
    pub fn take_stdout(&self) -> Option<ChildStdout> {
        self.pipes.lock().stdout.take()
    }

    /// Takes this process's end of the child's errors; as [`take_stdout`](Self::take_stdout).
    pub fn take_stderr(&self) -> Option<ChildStderr> {
        self.pipes.lock().stderr.take()
    }

    /// The names of the scopes around the child, and its own name: `/studio/web`.
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
