//! Owns the public face of a child process: how it is asked for, waited for, signalled, read.
//! Refuses to look after it: a thread of the scope does, in `child`.

use std::borrow::Cow;
use std::convert::Infallible;
use std::panic::Location;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use std::{fmt, io};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use parking_lot::Mutex;

use crate::child::{Plan, Refusal, Shared, Started, supervise};
use crate::context::Context;
use crate::current;
use crate::error::{SpawnError, WaitError};
use crate::handle::Handle;
use crate::limit::far;
use crate::lines::{Line, Lines};
use crate::scope::Scope;
use crate::sys::child::Pipes;
use crate::thread::ThreadBuilder;
use crate::wait::{Mark, until_stopped};

/// How long a child that is asked to end has, unless [`ProcessBuilder::grace`] says otherwise.
const GRACE: Duration = Duration::from_secs(5);
/// How many characters of a command are shown.
const SHOWN: usize = 200;

impl<'scope> Scope<'scope, '_> {
    /// A child process, as a member of this scope (unix). It is looked after by a service thread of that name and purpose;
    /// so it is stopped when the workers are home, services made later first, and it is home before the scope returns.
    ///
    /// See [`ProcessBuilder`] for what is done to the command, and what ends when.
    #[track_caller]
    pub fn process(
        &self,
        name: impl Into<Cow<'static, str>>,
        purpose: impl Into<Cow<'static, str>>,
        command: Command,
    ) -> ProcessBuilder<'scope> {
        ProcessBuilder::new(self.thread(name, purpose), command)
    }
}

impl Context {
    /// A child process in the scope that this thread is in (unix). See [`Scope::process`].
    #[track_caller]
    pub fn process(
        &self,
        name: impl Into<Cow<'static, str>>,
        purpose: impl Into<Cow<'static, str>>,
        command: Command,
    ) -> ProcessBuilder<'static> {
        ProcessBuilder::new(self.thread(name, purpose), command)
    }
}

/// What it means that a child ends though nobody asked it to.
///
/// It was asked if its scope or [`Process::stop`] stopped it, or if it ended by a signal that [`Process::signal`] sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnExit {
    /// A code other than 0, and an end by a signal, is a failure of the scope: a [`ProcessFailed`](crate::ProcessFailed).
    #[default]
    Fail,
    /// Nothing. [`Process::wait`] tells how it ended.
    Ignore,
    /// As `Fail`; and when it has ended, however it ended, the scope is stopped, with
    /// [`StopReason::Vital`](crate::StopReason::Vital).
    StopScope,
}

/// A child process to be.
///
/// The command is executed in a process group of its own. On a stop the group gets SIGTERM, and after the grace SIGKILL.
/// When the child has ended, by itself or not, what is left of its group gets SIGKILL, and it is reaped. On Linux the kernel
/// kills the child if this process dies.
///
/// Streams are as the command says; by default they are inherited, and a child that reads from the terminal is suspended by
/// the kernel, since its group is not in the foreground: give it `Stdio::null()` as its input.
///
/// ```
/// use std::process::Command;
///
/// homebound::scope(|scope| {
///     let mut command = Command::new("sh");
///     command.args(["-c", "echo one; echo two; exit 3"]);
///     let child = scope.process("counter", "counts to two", command);
///     let child = child.on_exit(homebound::OnExit::Ignore).lines().spawn()?;
///     let lines: Vec<String> = child.stdout_lines().iter().map(|line| line.text).collect();
///     assert_eq!(lines, ["one", "two"]);
///     assert_eq!(child.wait()?.code(), Some(3));
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[must_use = "a builder starts nothing until .spawn()"]
#[derive(Debug)]
pub struct ProcessBuilder<'scope> {
    thread: ThreadBuilder<'scope>,
    command: Command,
    grace: Duration,
    on_exit: OnExit,
    lines: bool,
}

impl<'scope> ProcessBuilder<'scope> {
    fn new(thread: ThreadBuilder<'scope>, command: Command) -> Self {
        ProcessBuilder { thread, command, grace: GRACE, on_exit: OnExit::default(), lines: false }
    }

    /// How long it has from SIGTERM to SIGKILL; 5 seconds unless said otherwise. Where its share of the scope's grace is less,
    /// it has three quarters of that.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// What it means that it ends though nobody asked it to.
    pub fn on_exit(mut self, on_exit: OnExit) -> Self {
        self.on_exit = on_exit;
        self
    }

    /// Reads its output and its errors as lines: [`Process::stdout_lines`], [`Process::stderr_lines`].
    ///
    /// At most 1,024 lines of each wait to be read, of at most 4,096 bytes each; a longer one comes in pieces. When nobody reads,
    /// the oldest go and are counted, with a warning to `tracing`; the child never waits.
    pub fn lines(mut self) -> Self {
        self.lines = true;
        self
    }

    /// Starts it. Blocks until the program has been executed, or refused: std's `Command::spawn` does the same.
    ///
    /// # Errors
    /// [`SpawnError::Stopped`] when the scope is stopping or its workers are home; [`SpawnError::Os`] when the system refuses the
    /// thread, the fork or the program, with its path and the reason; [`SpawnError::InvalidName`]. There is then no child.
    #[track_caller]
    pub fn spawn(self) -> Result<Process<'scope>, SpawnError> {
        let ProcessBuilder { thread, mut command, grace, on_exit, lines } = self;
        let shared = Arc::new(Shared::default());
        let (lines, received) = if lines {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            let ((out, stdout), (err, stderr)) = (Lines::new(&shared.lost), Lines::new(&shared.lost));
            (Some([out, err]), [stdout, stderr])
        } else {
            (None, [bounded(0).1, bounded(0).1])
        };
        let (tell, told) = bounded::<Started>(1);
        let text = describe(&command);
        let plan = Plan { command, text, grace, on_exit, lines, shared: Arc::clone(&shared) };
        // An OS thread of its own: the child inherits its signal mask, which no job before it may have changed.
        let handle = thread.dedicated().service(move |cx| supervise(cx, plan, &tell))?;
        let _mark = Mark::new("spawn", Location::caller());
        // The thread tells, or ends: either wakes us.
        let refused = match told.recv() {
            Ok(Ok(pipes)) => {
                let [stdout, stderr] = received;
                return Ok(Process { handle, shared, pipes: Mutex::new(pipes), stdout, stderr });
            }
            Ok(Err(Refusal::Os(error))) => SpawnError::Os(error),
            Ok(Err(Refusal::Stopped)) => SpawnError::Stopped(handle.record().node.stopped()),
            Err(_) => {
                let why = "the thread that was to fork ended before: its scope lists why";
                SpawnError::Os(io::Error::other(why))
            }
        };
        // Not a join, which would be for ever if it were not ending: nothing is left of it when this returns.
        let _disconnected = handle.done().recv();
        Err(refused)
    }
}

/// A child process that was started. Dropping it changes nothing: its scope looks after the child.
///
/// Its waits end on the stop of the calling thread's own context ([`current`](crate::current)).
pub struct Process<'scope> {
    handle: Handle<'scope, ()>,
    shared: Arc<Shared>,
    pipes: Mutex<Pipes>,
    stdout: Receiver<Line>,
    stderr: Receiver<Line>,
}

impl Process<'_> {
    /// The pid; once the child has ended, it may be another's. [`signal`](Self::signal) takes care of that.
    pub fn pid(&self) -> u32 {
        self.handle.record().process.get().map_or(0, |facts| facts.pid)
    }

    /// Asks it to end: SIGTERM to its group, SIGKILL after the grace. Does not wait.
    #[track_caller]
    pub fn stop(&self) {
        self.handle.stop();
    }

    /// Blocks until it has ended and was reaped, and says how it ended. What others do that it has started is not waited for.
    ///
    /// # Errors
    /// [`WaitError::Stopped`] if the calling thread is asked to stop first; the child is then stopped by its scope, after the
    /// workers. [`WaitError::Disconnected`] if something else in this program has reaped it: that is a failure of the scope too.
    #[track_caller]
    pub fn wait(&self) -> Result<ExitStatus, WaitError> {
        self.wait_until(None, Location::caller())
    }

    /// As [`wait`](Self::wait), for at most `timeout`.
    ///
    /// # Errors
    /// As there, and [`WaitError::TimedOut`].
    #[track_caller]
    pub fn wait_timeout(&self, timeout: Duration) -> Result<ExitStatus, WaitError> {
        self.wait_until(Some(far(Instant::now(), timeout)), Location::caller())
    }

    fn wait_until(
        &self,
        end: Option<Instant>,
        caller: &'static Location<'static>,
    ) -> Result<ExitStatus, WaitError> {
        let done = self.handle.done();
        let context = current();
        context.iter().for_each(|context| context.point("process", caller));
        if !self.handle.is_finished() {
            let _mark = Mark::new("process", caller);
            let waited = match &context {
                Some(cx) => {
                    let (node, done) = (cx.node(), self.handle.done());
                    until_stopped(node, end, |select| select.recv(done), |chosen| chosen.recv(done))
                        .map(|_| ())
                }
                None => match end.map_or_else(|| Ok(done.recv()), |end| done.recv_deadline(end).map(Ok)) {
                    Err(RecvTimeoutError::Timeout) => Err(WaitError::TimedOut),
                    Err(RecvTimeoutError::Disconnected) | Ok(_) => Ok(()),
                },
            };
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
    /// # Errors
    /// `NotFound` if it has ended: nobody else ever gets the signal. `InvalidInput` for a number that is no signal. What
    /// the kernel refuses, for instance to a child that runs as another user.
    pub fn signal(&self, number: i32) -> io::Result<()> {
        self.shared.signal(number)
    }

    /// The lines of its output, in order, if [`ProcessBuilder::lines`] asked for them; disconnected when there will be no
    /// more. `cx.iter(process.stdout_lines())` reads them until the stop.
    pub fn stdout_lines(&self) -> &Receiver<Line> {
        &self.stdout
    }

    /// The lines of its errors; as [`stdout_lines`](Self::stdout_lines).
    pub fn stderr_lines(&self) -> &Receiver<Line> {
        &self.stderr
    }

    /// How many lines of both were lost so far, since nobody read them. [`Line::number`] tells where.
    pub fn lost_lines(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Our end of its input, if the command said `stdin(Stdio::piped())`; for the first who asks.
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

/// Program and arguments in one line; the environment may hold secrets, and is not shown.
fn describe(command: &Command) -> String {
    let mut text = String::new();
    for word in std::iter::once(command.get_program()).chain(command.get_args()) {
        let word = word.to_string_lossy();
        let plain = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_./:=+,@%".contains(c));
        text.push_str(if text.is_empty() { "" } else { " " });
        text.push_str(&if plain { word } else { Cow::Owned(format!("{word:?}")) });
    }
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}..", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
