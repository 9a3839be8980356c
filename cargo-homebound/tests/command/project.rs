//! A project in a folder of its own, and the guard run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A thread that is raw and detached: two findings.
pub(crate) const RAW: &str = "pub fn start() {\n    std::thread::spawn(|| work());\n}\n";
/// One finding: the handle is returned.
pub(crate) const HELD: &str =
    "pub fn start() -> std::thread::JoinHandle<()> {\n    std::thread::spawn(|| work())\n}\n";
pub(crate) const CLEAN: &str = "pub fn add(a: u32, b: u32) -> u32 {\n    a + b\n}\n";

/// Variables of the test's own environment that would change the guard's output.
const OUTSIDE: [&str; 10] = [
    "NO_COLOR",
    "CLICOLOR_FORCE",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_WORK_TREE",
    "RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_BUILD_BUILD_DIR",
    "SKIP",
];

pub(crate) struct Project {
    pub(crate) root: PathBuf,
}

impl Project {
    /// A project with these files, and nothing of git or cargo around it.
    pub(crate) fn new(files: &[(&str, &str)]) -> Project {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("homebound-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let root = std::env::temp_dir().join(name);
        fs::create_dir_all(&root).unwrap();
        let project = Project { root: root.canonicalize().unwrap() };
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let file = self.root.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap()
    }

    /// Runs the guard with these arguments, in the project's root.
    pub(crate) fn guard(&self, words: &[&str]) -> Said {
        self.guard_in("", words)
    }

    pub(crate) fn guard_in(&self, folder: &str, words: &[&str]) -> Said {
        Said::of(guard(&self.root.join(folder)).args(words))
    }

    /// Runs `check --format json` with these arguments: the exit code, and each finding as
    /// `rule path:line:column`.
    pub(crate) fn found(&self, words: &[&str]) -> (i32, Vec<String>) {
        let said = self.guard(&[&["check", "--format", "json"], words].concat());
        let line = |line: &str| {
            let found: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{said:?}"));
            let text = |key: &str| found[key].as_str().unwrap().to_owned();
            format!("{} {}:{}:{}", text("rule"), text("path"), found["line"], found["column"])
        };
        (said.code, said.out.lines().map(line).collect())
    }

    pub(crate) fn git(&self, words: &[&str]) -> Said {
        let identity =
            ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"];
        Said::of(Command::new("git").current_dir(&self.root).args(identity).args(words))
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _stays_behind = fs::remove_dir_all(&self.root);
    }
}

/// The output of a program, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub(crate) fn of(command: &mut Command) -> Said {
        let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
    }
}

/// The program, without variables in its environment that change its output.
pub(crate) fn guard(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-homebound"));
    command.current_dir(folder);
    for name in OUTSIDE {
        command.env_remove(name);
    }
    command
}
