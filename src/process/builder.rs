//! Owns what is asked of a child process before it is started: the command, its grace, what it leads, how its output
//! comes.
//! Refuses to know what becomes of it then: `supervise` looks after it, and `handle` is what its spawner holds.

use std::borrow::Cow;
use std::io;
use std::panic::Location;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::bounded;

use crate::outcome::error::{NotStarted, SpawnError};
use crate::process::handle::Process;
use crate::process::leader::Shared;
use crate::process::lines::{Lines, Reader};
use crate::process::supervise::{OnExit, Plan, Refusal, Started, supervise};
use crate::scope::face::Scope;
use crate::sys::child::Leads;
use crate::thread::builder::ThreadBuilder;
use crate::thread::context::Context;
use crate::tree::text::IntoText;
use crate::tree::wait_mark::WaitMark;

/// How long a child that is asked to end has, unless [`ProcessBuilder::grace`] says otherwise.
const GRACE: Duration = Duration::from_secs(5);
/// How many characters of a command are shown.
const SHOWN: usize = 200;

impl<'scope> Scope<'scope, '_> {
    /// A child process, as a member of this scope (unix). It is looked after by a service thread of that name and
    /// purpose; so it is stopped when the workers are home, services made later first, and it is home before the scope
    /// returns.
    ///
    /// See [`ProcessBuilder`] for what is done to the command, and what ends when.
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
    /// A child process in the scope that this thread is in (unix). See [`Scope::process`].
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

/// A child process to be.
///
/// The command is executed in a process group of its own. On a stop the group gets SIGTERM, and after the grace
/// SIGKILL. When the child has ended, by itself or not, what is left of its group gets SIGKILL, and it is reaped. On
/// Linux the kernel kills the child if this process dies.
///
/// Streams are as the command says; by default they are inherited, and a child that reads from the terminal is
/// suspended by the kernel, since its group is not in the foreground: give it `Stdio::null()` as its input, or
/// [`foreground`](Self::foreground).
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
    /// And whether they may be lost.
    lines: Option<bool>,
    session: Option<Leads>,
    foreground: bool,
}

impl<'scope> ProcessBuilder<'scope> {
    fn new(thread: ThreadBuilder<'scope>, command: Command) -> Self {
        let (grace, on_exit) = (GRACE, OnExit::default());
        ProcessBuilder { thread, command, grace, on_exit, lines: None, session: None, foreground: false }
    }

    /// How long it has from SIGTERM to SIGKILL; 5 seconds unless said otherwise. Where its share of the scope's grace
    /// is less, it has three quarters of that.
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

    /// What it means that it ends though nobody asked it to.
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

    /// Reads its output and its errors as lines: [`Process::stdout_lines`], [`Process::stderr_lines`].
    ///
    /// At most 1,024 lines of each wait to be read, of at most 4,096 bytes each; a longer one comes in pieces. Then the
    /// child waits, as at any pipe: no line is lost while somebody reads. When it has ended, what is left in its pipes
    /// is put into the queue besides.
    ///
    /// It does not wait for ever for a reader who may not come: of a stream that has been full for a second, with
    /// nobody taking from it, the oldest lines go, and are counted, with a warning to `tracing`,
    ///
    /// - if nobody has ever asked for its receiver;
    /// - while somebody is in [`Process::wait`], and after the child was asked to end.
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

    /// As [`lines`](Self::lines), but the child never waits: of each stream the newest 1,024 lines are kept. For what
    /// is looked at now and then, and for a reader who stops reading when he has found his line.
    pub fn lines_lossy(mut self) -> Self {
        self.lines = Some(true);
        self
    }

    /// It leads a session of its own (`setsid`), so that it has no controlling terminal: what it does to `/dev/tty`,
    /// and asks there, is refused. Its group is that of the session, and all that is said of groups holds.
    pub fn session(mut self) -> Self {
        self.session.get_or_insert(Leads::Session);
        self
    }

    /// It leads a session of its own, whose controlling terminal is its standard input: the slave of a pty that nobody
    /// else has as theirs. For ssh, an editor or a REPL in a terminal that this program makes.
    pub fn controlling_terminal(mut self) -> Self {
        self.session = Some(Leads::Terminal);
        self
    }

    /// It is in the foreground of this process's terminal while it runs, and this process is there again before the
    /// child's end is told: for an editor, a pager, ssh. It reads from the terminal, and Ctrl-C is the child's alone.
    ///
    /// Ctrl-Z suspends the child and then this process, all its threads, as it would if both were one group; both go on
    /// together. After an end by a signal the terminal's modes are what they were. If this process has no terminal, or
    /// is not in its foreground, there is nothing to lend, and the child is as others are.
    ///
    /// One child at a time. This process must not read from the terminal meanwhile: the kernel would suspend it.
    pub fn foreground(mut self) -> Self {
        self.foreground = true;
        self
    }

    /// Starts it. Blocks until the program has been executed, or refused: std's `Command::spawn` does the same.
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
    /// [`SpawnError::Stopped`] when the scope is stopping or its workers are home; [`SpawnError::Os`] when the system
    /// refuses the thread, the fork or the program, with its path and the reason, or when another child is in the
    /// foreground of the terminal; [`SpawnError::InvalidName`]. There is then no child.
    #[track_caller]
    pub fn spawn(self) -> Result<Process<'scope>, SpawnError> {
        let leads = self.leads()?;
        let ProcessBuilder { thread, mut command, grace, on_exit, lines, .. } = self;
        let shared = Arc::new(Shared::default());
        let (lines, readers) = match lines {
            Some(lossy) => {
                command.stdout(Stdio::piped()).stderr(Stdio::piped());
                let ((out, stdout), (err, stderr)) =
                    (Lines::new(lossy, &shared.lost), Lines::new(lossy, &shared.lost));
                (Some([out, err]), [stdout, stderr])
            }
            None => (None, [Reader::of_nothing(), Reader::of_nothing()]),
        };
        let (tell, told) = bounded::<Started>(1);
        let text = describe(&command);
        let plan = Plan { command, text, leads, grace, on_exit, lines, shared: Arc::clone(&shared) };
        // An OS thread of its own: the child inherits its signal mask, which no job before it may have changed.
        let handle = thread.dedicated().service(move |cx| supervise(cx, plan, &tell))?;
        let _mark = WaitMark::new("spawn", Location::caller());
        // The thread tells, or ends: either wakes us.
        let refused = match told.recv() {
            Ok(Ok(pipes)) => {
                return Ok(Process::new(handle, shared, pipes, readers));
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
