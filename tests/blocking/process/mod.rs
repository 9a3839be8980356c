//! Child processes: in the tree, stopped with it, always reaped, never in the way. The children are
//! shells and coreutils.
#![cfg(target_os = "linux")]

mod ends;
mod groups;
mod lines;
mod orphans;
mod starts;
mod stop;
mod terminal;
mod uses;

use std::process::{Command, Stdio};

use homebound::{Line, Process};

fn sh(script: &str) -> Command {
    command("/bin/sh", &["-c", script])
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command
}

/// A child that ends only when it is told.
fn sleeper() -> Command {
    command("sleep", &["1000"])
}

/// The kernel's letter for what a process does; `None` once it is gone.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.get(stat.rfind(')')? + 1..)?.trim_start().chars().next()
}

/// No process of it runs any more. The heir of an orphan may leave it a zombie, which is not our
/// concern.
fn is_over(pid: u32) -> bool {
    matches!(state(pid), None | Some('Z' | 'X'))
}

fn pid(line: &Line) -> u32 {
    line.parse().expect("the child prints a pid")
}

/// The child's first line: from then on it has done what its script does before.
#[track_caller]
fn first_line(process: &Process<'_>) -> Line {
    process.stdout_lines().recv_timeout(crate::common::LIMIT).expect("the child prints a line")
}

/// The pids of the children of this process that have ended and were not reaped.
fn zombies() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace();
        fields.next() == Some("Z") && fields.next() == Some(&std::process::id().to_string())
    })
    .collect()
}
