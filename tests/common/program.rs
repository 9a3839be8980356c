//! Owns examples that run as programs: their lines, the signals that they are sent, their end.
//! Refuses to build them: `cargo test` has.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A running example, and what it has not yet said.
pub struct Program {
    process: Child,
    lines: BufReader<ChildStdout>,
    errors: BufReader<ChildStderr>,
}

impl Program {
    pub fn start(name: &str, args: &[&str]) -> Program {
        Program::start_with(name, args, |_| {})
    }

    /// The same. `set` may add to the command. Examples are in target/<profile>/examples, tests in
    /// target/<profile>/deps.
    pub fn start_with(name: &str, args: &[&str], set: impl FnOnce(&mut Command)) -> Program {
        let here = std::env::current_exe().expect("the test binary has a path");
        let program: PathBuf = here.parent().expect("deps").with_file_name("examples").join(name);
        assert!(program.exists(), "build it first: cargo build --example {name}");
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        set(&mut command);
        let mut process = command.spawn().expect("it starts");
        let lines = BufReader::new(process.stdout.take().expect("piped"));
        let errors = BufReader::new(process.stderr.take().expect("piped"));
        Program { process, lines, errors }
    }

    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("it is text");
        line
    }

    /// The next line of stderr.
    pub fn error_line(&mut self) -> String {
        let mut line = String::new();
        self.errors.read_line(&mut line).expect("it is text");
        line
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).expect("it is alive");
    }

    /// Exit code, and the rest of stdout and stderr.
    pub fn end(mut self) -> (Option<i32>, String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        self.lines.read_to_string(&mut out).expect("it is text");
        self.errors.read_to_string(&mut err).expect("it is text");
        let status = self.process.wait().expect("it ends");
        (status.code(), out, err)
    }
}

/// A test that fails leaves no program behind.
impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
