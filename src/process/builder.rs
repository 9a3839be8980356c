//! Owns the settings of a child process before it is started: its command, its grace, what it
//! leads, how its output is read.
//! Refuses to look after the child: `supervise` does, and `handle` is for the child's spawner.

use std::io;
use std::panic::Location;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::bounded;

use crate::outcome::errors::error::{NotStarted, SpawnError};
use crate::process::handle::Process;
use crate::process::leader::ChildState;
use crate::process::lines::{LineQueue, LineReader};
use crate::process::plan::{OnExit, Plan, Refusal, Started, describe};
use crate::process::supervise::supervise;
use crate::scope::face::Scope;
use crate::sys::child::Leads;
use crate::thread::builder::ThreadBuilder;
use crate::thread::context::Context;
use crate::tree::text::IntoText;
use crate::tree::wait_mark::WaitMark;

/// Time from SIGTERM to SIGKILL, unless [`ProcessBuilder::grace`] sets another.
const GRACE: Duration = Duration::from_secs(5);

/// # Child processes (unix)
impl<'scope> Scope<'scope, '_> {
    /// Describes a child process as a member of this scope (unix). [`ProcessBuilder::spawn`] starts
    /// it.
    ///
    /// A service thread with this name and purpose looks after the child. So the child is told to
    /// stop when the workers of the scope are home, the latest service first, and it is reaped
    /// before the scope returns.
    ///
    /// [`ProcessBuilder`] says what is done to the command, and what ends when.
    ///
    /// ```
    /// use std::process::Command;
    ///
    /// homebound::scope(|scope| {
    ///     let mut command = Command::new("sh");
    ///     command.args(["-c", "exit 0"]);
    ///     let child = scope.process("check", "checks the settings", command).spawn()?;
    ///     assert!(child.wait()?.success());
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn process(
        &self,
        name: impl IntoText,
        purpose: impl IntoText,
        command: Command,
    ) -> ProcessBuilder<'scope> {
        ProcessBuilder::new(self.thread(name, purpose), command)
    }
}

/// # Child processes (unix)
impl Context {
    /// Describes a child process in the scope that this thread is in (unix). See
    /// [`Scope::process`].
    ///
    /// ```
    /// use std::process::Command;
    ///
    /// homebound::scope(|scope| {
    ///     scope.spawn("deploy", "runs a script", |cx| {
    ///         let script = Command::new("true");
    ///         cx.process("script", "copies the files", script).spawn()?.wait()?;
    ///         Ok(())
    ///     })?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn process(
        &self,
        name: impl IntoText,
        purpose: impl IntoText,
        command: Command,
    ) -> ProcessBuilder<'static> {
        ProcessBuilder::new(self.thread(name, purpose), command)
    }
}

/// Configures a child process before it is started: its grace, its output, what its end means.
///
/// The command is executed in a process group of its own. On a stop the group gets SIGTERM, and
/// SIGKILL when the grace is over. When the child has ended, by itself or not, the rest of its
/// group gets SIGKILL, and the child is reaped. On Linux the kernel kills the child if this process
/// dies.
///
/// The streams are as the command says. By default the child inherits them, and the kernel suspends
/// a child that reads from the terminal, because the child's group is not in the foreground. Give
/// such a child `Stdio::null()` as its input, or call [`foreground`](Self::foreground).
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
    /// The service thread that will fork the child and look after it.
    thread: ThreadBuilder<'scope>,
    command: Command,
    /// Time from SIGTERM to SIGKILL.
    grace: Duration,
    on_exit: OnExit,
    /// `None` if the output is not read as lines. Otherwise, true if lines may be lost.
    lines: Option<bool>,
    /// A session that the child is to lead. Excludes `foreground`: see `leads`.
    session: Option<Leads>,
    /// True if the child is to have the terminal of this process while it runs.
    foreground: bool,
}

impl<'scope> ProcessBuilder<'scope> {
    fn new(thread: ThreadBuilder<'scope>, command: Command) -> Self {
        let (grace, on_exit) = (GRACE, OnExit::default());
        ProcessBuilder { thread, command, grace, on_exit, lines: None, session: None, foreground: false }
    }

    /// Sets the time that the child has from SIGTERM to SIGKILL: 5 seconds by default. If three
    /// quarters of the child's share of the scope's grace are less, the child has that time, so
    /// that it is home within its share.
    ///
    /// ```
    /// use std::process::Command;
    /// use std::time::Duration;
    ///
    /// homebound::scope(|scope| {
    ///     let mut command = Command::new("sh");
    ///     command.args(["-c", "exec sleep 60"]);
    ///     let child = scope.process("nap", "sleeps", command).grace(Duration::from_secs(1));
    ///     let child = child.spawn()?;
    ///     child.stop(); // SIGTERM now; SIGKILL if it is there in a second
    ///     child.wait()?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets what it means that the child ends without having been asked to:
    /// [`OnExit::Fail`] by default.
    ///
    /// ```
    /// use homebound::process::OnExit;
    /// use std::process::Command;
    ///
    /// homebound::scope(|scope| {
    ///     let grep = Command::new("false"); // 1 means that nothing was found
    ///     let grep = scope.process("grep", "searches", grep).on_exit(OnExit::Ignore).spawn()?;
    ///     assert_eq!(grep.wait()?.code(), Some(1));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn on_exit(mut self, on_exit: OnExit) -> Self {
        self.on_exit = on_exit;
        self
    }

    /// Reads the child's output and errors as lines: see [`Process::stdout_lines`] and
    /// [`Process::stderr_lines`]. Both streams become pipes, whatever the command says.
    ///
    /// At most 1,024 lines of each stream wait for a reader, of at most 4,096 bytes each; a longer
    /// line comes in pieces. Then the child waits, as at any pipe, so no line is lost while a
    /// reader takes them. When the child has ended, the data that is left in its pipes is put into
    /// the queues as well, beyond this bound.
    ///
    /// A missing reader does not hold up the child for long. A stream that has been full for a
    /// second, with no line taken from it, loses its oldest lines in two cases:
    ///
    /// - no code has ever asked for its receiver;
    /// - a thread is in [`Process::wait`], or the child was asked to end.
    ///
    /// [`Process::lost_lines`] counts the lost lines, and `tracing` gets a warning.
    ///
    /// ```
    /// use std::process::Command;
    ///
    /// homebound::scope(|scope| {
    ///     let mut command = Command::new("sh");
    ///     command.args(["-c", "echo one; echo two"]);
    ///     let child = scope.process("counter", "counts", command).lines().spawn()?;
    ///     let lines: Vec<_> = child.stdout_lines().iter().map(|line| line.text).collect();
    ///     assert_eq!(lines, ["one", "two"]);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn lines(mut self) -> Self {
        self.lines = Some(false);
        self
    }

    /// As [`lines`](Self::lines), but the child never waits: the newest 1,024 lines of each stream
    /// are kept. For output that is looked at now and then, and for a reader that stops when it has
    /// found its line.
    pub fn lines_lossy(mut self) -> Self {
        self.lines = Some(true);
        self
    }

    /// Makes the child the leader of a session (`setsid`). The child has no controlling terminal,
    /// so the system refuses it `/dev/tty`. It leads its process group too, so everything that is
    /// said of the group holds. Not together with [`foreground`](Self::foreground).
    pub fn session(mut self) -> Self {
        self.session.get_or_insert(Leads::Session);
        self
    }

    /// Makes the child the leader of a session whose controlling terminal is the child's standard
    /// input: the slave of a pty that is not yet the terminal of another session. For ssh, an
    /// editor or a REPL in a terminal that this program makes. Not together with
    /// [`foreground`](Self::foreground).
    pub fn controlling_terminal(mut self) -> Self {
        self.session = Some(Leads::Terminal);
        self
    }

    /// Lends the terminal of this process to the child while the child runs: for an editor, a
    /// pager, ssh. The child reads from the terminal, and Ctrl-C goes to the child alone. This
    /// process has the terminal back before any waiter hears of the child's end.
    ///
    /// Ctrl-Z suspends the child and then all threads of this process, as it would if both were one
    /// group, and both continue together. If a signal ends the child, the terminal gets the modes
    /// back that it had. If this process has no terminal, or is not in the foreground, no terminal
    /// is lent, and the child runs like any other.
    ///
    /// One child at a time has the terminal; `spawn` refuses a second. This process must not read
    /// from the terminal meanwhile, because the kernel would suspend it.
    pub fn foreground(mut self) -> Self {
        self.foreground = true;
        self
    }

    /// Starts the child. Blocks until the program has been executed or refused, as std's
    /// `Command::spawn` does.
    ///
    /// ```
    /// use homebound::SpawnError;
    /// use std::process::Command;
    ///
    /// homebound::scope(|scope| {
    ///     let command = Command::new("no-such-program");
    ///     let refused = scope.process("none", "is not there", command).spawn();
    ///     assert!(matches!(refused, Err(SpawnError::Os(_))));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// There is no child after an error.
    ///
    /// - [`SpawnError::Stopped`]: the scope is stopping, or its workers are home.
    /// - [`SpawnError::Os`]: the system refuses the thread, the fork or the program (the error
    ///   names the program and the reason); another child is in the foreground of the terminal; or
    ///   [`foreground`](Self::foreground) was combined with a session.
    /// - [`SpawnError::InvalidName`]: the name is empty or holds a NUL.
    #[track_caller]
    pub fn spawn(self) -> Result<Process<'scope>, SpawnError> {
        let leads = self.leads()?;
        let ProcessBuilder { thread, mut command, grace, on_exit, lines, .. } = self;
        let shared = Arc::new(ChildState::default());
        let (lines, readers) = match lines {
            Some(lossy) => {
                command.stdout(Stdio::piped()).stderr(Stdio::piped());
                let ((out, stdout), (err, stderr)) =
                    (LineQueue::new(lossy, &shared.lost), LineQueue::new(lossy, &shared.lost));
                (Some([out, err]), [stdout, stderr])
            }
            None => (None, [LineReader::of_nothing(), LineReader::of_nothing()]),
        };
        // Room for the one answer, so that the child's thread does not wait for this one.
        let (tell, told) = bounded::<Started>(1);
        leave_out_the_manager(&mut command);
        let text = describe(&command);
        let plan = Plan { command, text, leads, grace, on_exit, lines, shared: Arc::clone(&shared) };
        // Dedicated, because the child inherits the signal mask of the thread, and an earlier
        // thread on the same OS thread could have changed it.
        let handle = thread.dedicated().service(move |cx| supervise(cx, plan, &tell))?;
        let _mark = WaitMark::new("spawn", Location::caller());
        // Pairs with the two sends in `supervise`. A thread that ends without an answer drops
        // `tell`, which ends this wait as well.
        let refused = match told.recv() {
            Ok(Ok(pipes)) => {
                return Ok(Process::new(handle, shared, pipes, readers));
            }
            Ok(Err(Refusal::Os(error))) => SpawnError::Os(error),
            Ok(Err(Refusal::Stopped)) => SpawnError::Stopped(handle.record().node.stopped()),
            Err(_) => {
                let why = "the thread of the child ended before it forked: its scope lists the reason";
                SpawnError::Os(io::Error::other(why))
            }
        };
        // Wait for the end of the thread, so that nothing is left of it when this returns. By
        // `done` and not by `join`, because the search for cycles expects no end of a service that
        // was not told to stop, and would refuse the join.
        let _disconnected = handle.done().recv();
        Err(refused)
    }

    /// What the child is to lead. `Foreground` excludes a session, because the terminal of this
    /// process belongs to this process's session.
    fn leads(&self) -> Result<Leads, SpawnError> {
        match (self.session, self.foreground) {
            (None, false) => Ok(Leads::Group),
            (None, true) => Ok(Leads::Foreground),
            (Some(session), false) => Ok(session),
            (Some(_), true) => {
                let why = "a child with a session of its own is never in the foreground of this process's terminal: \
                           either `session` or `foreground`";
                let refused = io::Error::new(io::ErrorKind::InvalidInput, why);
                Err(SpawnError::Os(NotStarted::wrap(&self.command, refused)))
            }
        }
    }
}

/// What a service manager says to this process alone. A child that inherited it would speak for
/// this process, or would take descriptors for its own.
const OF_THE_MANAGER: [&str; 7] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_PID",
    "LISTEN_PIDFDID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
];

/// Leaves these variables out of the child's environment, unless the command sets them.
fn leave_out_the_manager(command: &mut Command) {
    for name in OF_THE_MANAGER {
        let is_set = command.get_envs().any(|(own, _)| own == name);
        // Only where there is something to leave out, because std copies the environment then.
        if !is_set && std::env::var_os(name).is_some() {
            command.env_remove(name);
        }
    }
}
