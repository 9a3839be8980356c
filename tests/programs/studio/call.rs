//! Owns the studio as a process: how it is called, what it says, how it ends.
//! Refuses to know folders and pictures.

use std::fs;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::Pieces;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, kill_process};

/// No wait of a test is longer; what takes so long has failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A call of the studio.
pub(super) struct Studio {
    program: Vec<PathBuf>,
    args: Vec<PathBuf>,
    env: Vec<(String, String)>,
}

impl Studio {
    pub(super) fn new() -> Self {
        let program = built();
        Studio { program: vec![program], args: Vec::new(), env: Vec::new() }
    }

    pub(super) fn arg(&mut self, arg: impl AsRef<Path>) -> &mut Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    pub(super) fn env(&mut self, name: &str, value: &str) -> &mut Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Lets another program call it.
    pub(super) fn through(&mut self, program: &str, args: &[&str]) -> &mut Self {
        let front = [program].iter().chain(args).map(PathBuf::from).collect::<Vec<_>>();
        self.program.splice(0..0, front);
        self
    }

    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]).args(&self.args).env_remove("STUDIO_FAULT");
        command.envs(self.env.iter().cloned()).stdin(Stdio::null());
        command
    }

    pub(super) fn start(&mut self) -> Run {
        let mut command = self.command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Run {
            child: command.spawn().expect("the studio starts"),
            stdout: String::new(),
            stderr: String::new(),
            pieces: Default::default(),
        }
    }
}

/// A running studio, and what it has said so far.
pub(super) struct Run {
    child: Child,
    stdout: String,
    stderr: String,
    /// Of each of the two.
    pieces: [Pieces; 2],
}

impl Run {
    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the studio is alive");
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// By SIGKILL; what it has said.
    pub(super) fn kill(mut self) -> End {
        self.signal(Signal::KILL);
        self.gather()
    }

    pub(super) fn until_stdout(&mut self, line: &str) {
        self.until_one_of(&[line]);
    }

    /// Which of them it says, the first if several.
    pub(super) fn until_one_of(&mut self, lines: &[&str]) -> usize {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = lines.iter().position(|line| self.stdout.contains(line)) {
                return at;
            }
            assert!(self.pump(deadline), "{lines:?} in {:?} and {:?}", self.stdout, self.stderr);
        }
    }

    pub(super) fn until_stderr(&mut self, line: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.stderr.contains(line) {
            assert!(self.pump(deadline), "{line:?} in {:?} and {:?}", self.stdout, self.stderr);
        }
    }

    /// Looks again and again, and listens to the studio between two looks: so it never waits for
    /// us.
    #[track_caller]
    pub(super) fn until(&mut self, what: &str, mut holds: impl FnMut(&str, &str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(&self.stdout, &self.stderr) {
            let in_time = Instant::now() < deadline;
            assert!(in_time, "{what}: {:?} and {:?}", self.stdout, self.stderr);
            self.pump_for(Duration::from_millis(10));
        }
    }

    /// Waits for a line with `label`, and returns what follows it on that line; of the last such
    /// line.
    #[track_caller]
    pub(super) fn said(&mut self, label: &str) -> String {
        // A line whose end has not come yet is none.
        let said = |text: &str| {
            let whole = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
            whole.filter_map(|line| Some(line.split_once(label)?.1.to_owned())).next_back()
        };
        self.until(label, |stdout, _| said(stdout).is_some());
        said(&self.stdout).expect("it was there")
    }

    pub(super) fn pump_for(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        while self.pump(deadline) {}
    }

    /// Reads the available output, or waits for it. Returns false when both streams have ended or
    /// the time is over.
    pub(super) fn pump(&mut self, deadline: Instant) -> bool {
        let Some(left) = deadline.checked_duration_since(Instant::now()) else {
            return false;
        };
        let (out, err) = (self.child.stdout.as_ref(), self.child.stderr.as_ref());
        let streams = [out.map(AsFd::as_fd), err.map(AsFd::as_fd)];
        let mut waits: Vec<_> =
            streams.iter().flatten().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
        if waits.is_empty() {
            return false;
        }
        let left = rustix::event::Timespec::try_from(left).unwrap();
        if poll(&mut waits, Some(&left)).unwrap() == 0 {
            return false;
        }
        let ready: Vec<bool> = waits.iter().map(|wait| !wait.revents().is_empty()).collect();
        let mut ready = ready.into_iter();
        if self.child.stdout.is_some() && ready.next() == Some(true) {
            read_some(&mut self.child.stdout, &mut self.pieces[0], &mut self.stdout);
        }
        if self.child.stderr.is_some() && ready.next() == Some(true) {
            read_some(&mut self.child.stderr, &mut self.pieces[1], &mut self.stderr);
        }
        true
    }

    /// What the kernel calls the threads of the studio.
    #[cfg(target_os = "linux")]
    pub(super) fn thread_names(&self) -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let name = |task: PathBuf| fs::read_to_string(task.join("comm")).ok();
        tasks.filter_map(|task| Some(name(task.ok()?.path())?.trim().to_owned())).collect()
    }

    pub(super) fn end(mut self) -> End {
        self.gather()
    }

    fn gather(&mut self) -> End {
        let deadline = Instant::now() + PATIENCE;
        while self.pump(deadline) {}
        if self.child.stdout.is_some() {
            self.child.kill().unwrap();
            panic!("it ends within {PATIENCE:?}: {:?} and {:?}", self.stdout, self.stderr);
        }
        End {
            code: self.child.wait().unwrap().code(),
            stdout: std::mem::take(&mut self.stdout),
            stderr: std::mem::take(&mut self.stderr),
        }
    }
}

/// A test that fails leaves no studio behind.
impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The example, as `cargo test` builds it; `cargo test --test studio` alone does not, and would
/// test an old one.
fn built() -> PathBuf {
    // Tests are in target/<profile>/deps, examples in target/<profile>/examples.
    let here = std::env::current_exe().unwrap();
    let program = here.parent().unwrap().with_file_name("examples").join("studio");
    let changed = |path: &Path| path.metadata().and_then(|meta| meta.modified()).unwrap();
    let hint = "build it first: cargo build --example studio";
    assert!(program.exists(), "{hint}");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/studio");
    for source in fs::read_dir(sources).unwrap().map(|entry| entry.unwrap().path()) {
        let source_file = source.extension().is_some_and(|kind| kind == "rs");
        assert!(!source_file || changed(&source) <= changed(&program), "{hint}");
    }
    program
}

fn read_some(stream: &mut Option<impl Read>, pieces: &mut Pieces, text: &mut String) {
    let mut bytes = [0; 4096];
    match stream.as_mut().map_or(Ok(0), |stream| stream.read(&mut bytes)).unwrap() {
        0 => *stream = None,
        n => pieces.append(&bytes[..n], text),
    }
}

#[derive(Debug)]
pub(super) struct End {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl End {
    pub(super) fn says(&self, text: &str) -> &Self {
        assert!(self.stdout.contains(text), "{text:?} in {self:?}");
        self
    }

    pub(super) fn number(&self, label: &str) -> usize {
        let line = self.stdout.lines().find_map(|line| line.trim_start().strip_prefix(label));
        let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        number.unwrap_or_else(|| panic!("a line {label} in {self:?}"))
    }

    pub(super) fn counts(&self, found: usize, made: usize, failed: usize, dropped: usize) -> &Self {
        let labels = ["found:", "thumbnails:", "failed:", "dropped:"];
        assert_eq!(labels.map(|label| self.number(label)), [found, made, failed, dropped], "{self:?}");
        self
    }
}
