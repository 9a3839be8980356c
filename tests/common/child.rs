//! Owns re-executed children: this test program again, with one test and one scenario of it.
//! Refuses to know the semantics under test.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{LIMIT, Pieces, eventually, heed_signals, linger, test_name};
use rustix::process::{Pid, Signal, kill_process};

/// Set in a child: the argument of its scenario.
pub const CHILD: &str = "HOMEBOUND_TEST_CHILD";

/// A child that is this test binary, running one scenario of the same test.
pub struct Child {
    process: std::process::Child,
    out: Arc<Mutex<String>>,
    err: Arc<Mutex<String>>,
    what: String,
    started: Instant,
}

/// How a child ended.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub out: String,
    pub err: String,
    /// From its start, so that it is too long by the child's way to its scenario, and never too
    /// short: fit for the question whether a child has ended too early. Whether it has ended too
    /// late, no test asks: a busy machine delays everything, and a child that hangs is ended at
    /// `LIMIT`.
    pub took: Duration,
}

/// In the test: starts this binary again, with only this test, to run `scenario(arg)` in it.
/// In that child: runs it and exits with its value. Call it before anything else in the test.
pub fn child(arg: &str, scenario: fn(&str) -> i32) -> Child {
    child_with(arg, scenario, |_| {})
}

/// The same. `set` is called in the test alone, with the command of the child.
pub fn child_with(arg: &str, scenario: fn(&str) -> i32, set: impl FnOnce(&mut Command)) -> Child {
    let name = test_name();
    if let Ok(arg) = std::env::var(CHILD) {
        heed_signals();
        let code = scenario(&arg);
        let _ = std::io::stdout().flush();
        std::process::exit(code);
    }
    let exe = std::env::current_exe().expect("the test binary has a path");
    let mut command = Command::new(exe);
    command
        // An ignored test is run on demand: its child must be, too.
        .args([name.as_str(), "--exact", "--include-ignored", "--nocapture", "--test-threads=1"])
        .env(CHILD, arg)
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    set(&mut command);
    let started = Instant::now();
    let mut process = command.spawn().expect("the child starts");
    let out = collect(process.stdout.take().expect("piped"));
    // `set` may have given it another one.
    let err = process.stderr.take().map(collect).unwrap_or_default();
    Child { process, out, err, what: format!("{name}({arg})"), started }
}

/// Runs a scenario in a child and waits for its end.
pub fn in_child(arg: &str, scenario: fn(&str) -> i32) -> Done {
    child(arg, scenario).finish()
}

/// A scenario that must come through and exit with 0.
#[track_caller]
pub fn child_passes(scenario: fn(&str) -> i32) {
    child_passes_with("", scenario);
}

/// The same, with an argument.
#[track_caller]
pub fn child_passes_with(arg: &str, scenario: fn(&str) -> i32) {
    let done = in_child(arg, scenario);
    assert_eq!(done.code, Some(0), "the child failed with {arg:?}: {done:#?}");
}

/// In a child: tells the parent how far it has come.
pub fn say(word: &str) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "\n<{word}>").and_then(|()| out.flush());
}

fn collect(mut from: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let into = text.clone();
    std::thread::spawn(move || {
        let (mut buffer, mut pieces) = ([0; 4096], Pieces::default());
        loop {
            match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => pieces.append(&buffer[..n], &mut into.lock().unwrap()),
                // A test in this process has a signal handler.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("a child's output cannot be read: {error}"),
            }
        }
    });
    text
}

impl Child {
    /// Waits until the child has said `word`.
    #[track_caller]
    pub fn until(&mut self, word: &str) -> &mut Self {
        let marker = format!("<{word}>");
        self.wait_for(&marker, |child| child.out.lock().unwrap().contains(&marker))
    }

    /// Waits until the child's stderr contains `text`.
    #[track_caller]
    pub fn until_stderr(&mut self, text: &str) -> &mut Self {
        self.wait_for(text, |child| child.err.lock().unwrap().contains(text))
    }

    /// Waits until stderr contains `text` at least `n` times.
    #[track_caller]
    pub fn until_nth_stderr(&mut self, text: &str, n: usize) -> &mut Self {
        self.wait_for(text, |child| child.stderr().matches(text).count() >= n)
    }

    pub fn stderr(&self) -> String {
        self.err.lock().unwrap().clone()
    }

    pub fn signal(&mut self, signal: i32) -> &mut Self {
        let pid = Pid::from_child(&self.process);
        let signal = Signal::from_named_raw(signal).expect("a signal");
        kill_process(pid, signal).expect("the child is there");
        self
    }

    /// Writes a line to the child's standard input, which has to be a pipe.
    #[track_caller]
    pub fn write_line(&mut self) -> &mut Self {
        let stdin = self.process.stdin.as_mut().expect("piped");
        stdin.write_all(b"\n").expect("the child is there");
        self
    }

    /// Ends the child's standard input, if that is a pipe.
    pub fn close_stdin(&mut self) {
        drop(self.process.stdin.take());
    }

    pub fn is_running(&mut self) -> bool {
        self.process.try_wait().expect("waitable").is_none()
    }

    #[track_caller]
    fn wait_for(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> &mut Self {
        let start = Instant::now();
        while !holds(self) {
            // In this order. All that a child has written before its end is in the pipes when it
            // has ended, and in `out` and `err` when the readers of the pipes have ended too. A
            // grandchild that keeps a pipe open keeps its reader: `LIMIT` ends that wait.
            let ended = self.process.try_wait().expect("waitable").is_some() && self.is_read();
            if (ended && !holds(self)) || start.elapsed() > LIMIT {
                self.give_up(&format!("no {what:?}"));
            }
            linger(1);
        }
        self
    }

    /// True if the readers of the child's output have come to its end.
    fn is_read(&self) -> bool {
        Arc::strong_count(&self.out) == 1 && Arc::strong_count(&self.err) == 1
    }

    /// Waits for the end.
    #[track_caller]
    pub fn finish(mut self) -> Done {
        let start = Instant::now();
        let status = loop {
            match self.process.try_wait().expect("waitable") {
                Some(status) => break status,
                None if start.elapsed() > LIMIT => self.give_up("it did not end"),
                None => linger(1),
            }
        };
        // The pipes' readers end with the child, unless it has left children of its own.
        eventually("the child's output is read", || self.is_read());
        Done {
            code: status.code(),
            signal: status.signal(),
            out: self.out.lock().unwrap().clone(),
            err: self.err.lock().unwrap().clone(),
            took: self.started.elapsed(),
        }
    }

    #[track_caller]
    fn give_up(&mut self, why: &str) -> ! {
        // Of a child that hangs: where each of its threads does.
        let threads = threads_of(self.process.id());
        let _ = self.process.kill();
        let _ = self.process.wait();
        let (out, err) = (self.out.lock().unwrap(), self.err.lock().unwrap());
        panic!("{}: {why}\n--- stdout\n{out}\n--- stderr\n{err}\n--- threads\n{threads}", self.what);
    }
}

/// A line for each thread of a process: its name, its system call, where in the kernel it sleeps.
fn threads_of(process: u32) -> String {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let of = |task: &std::path::Path| {
        let read = |file: &str| std::fs::read_to_string(task.join(file)).unwrap_or_default();
        ["comm", "syscall", "wchan"].map(|file| read(file).trim().to_owned()).join(" | ")
    };
    tasks.map(|task| of(&task.path()) + "\n").collect()
}
