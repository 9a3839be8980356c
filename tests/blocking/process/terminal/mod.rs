//! Owns children with sessions and terminals: which process has the foreground, and which has it
//! afterwards. With real pseudo-terminals.
#![cfg(target_os = "linux")]
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

mod foreground;
mod session;

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::common::{Pieces, linger};
use homebound::{OnExit, Process, Scope, SpawnError};

/// What stands last on a screen.
const DARK: &str = "<no program is left>";

/// What stands on the screen, and the keyboard.
struct Screen {
    keys: File,
    text: Arc<Mutex<String>>,
}

impl Screen {
    fn new(master: File) -> Screen {
        let (keys, text) = (master.try_clone().expect("a copy"), Arc::new(Mutex::new(String::new())));
        let (mut master, into) = (master, Arc::clone(&text));
        std::thread::spawn(move || {
            let (mut bytes, mut pieces) = ([0; 4096], Pieces::default());
            // An error: the last of the programs has gone.
            while let Ok(count @ 1..) = master.read(&mut bytes) {
                pieces.append(&bytes[..count], &mut into.lock().unwrap());
            }
            into.lock().unwrap().push_str(DARK);
        });
        Screen { keys, text }
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    #[track_caller]
    fn until(&self, word: &str) {
        let start = std::time::Instant::now();
        loop {
            // One text for both looks, because the word may come right before the end.
            let text = self.text();
            if text.contains(word) {
                return;
            }
            let ends = text.contains(DARK) || start.elapsed() > crate::common::LIMIT;
            assert!(!ends, "no {word:?}: {text}");
            linger(1);
        }
    }

    fn press(&self, keys: &str) {
        (&self.keys).write_all(keys.as_bytes()).expect("somebody has the terminal");
    }
}

/// What the kernel says of a process: group, session, terminal, the terminal's foreground group.
fn stat(pid: &str) -> [i32; 4] {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it is there");
    let fields: Vec<i32> = stat[stat.rfind(')').unwrap() + 1..]
        .split_whitespace()
        .skip(2)
        .take(4)
        .map(|field| field.parse().expect("a number"))
        .collect();
    fields.try_into().expect("four")
}

fn waits_for_input() -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "echo child-$$-ready; read word; echo child got $word"]);
    command
}

fn sleeper() -> Command {
    let mut command = Command::new("sleep");
    command.arg("1000").stdin(Stdio::null());
    command
}

fn editor<'s>(scope: &Scope<'s, '_>, command: Command) -> Result<Process<'s>, SpawnError> {
    scope.process("editor", "reads keys", command).on_exit(OnExit::Ignore).foreground().spawn()
}
