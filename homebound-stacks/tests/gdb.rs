//! Owns the comparison with gdb, frame by frame.
//! Refuses to compare a thread in `vfork`: gdb waits for it, and the whole program with gdb.
#![cfg(target_os = "linux")]

mod common;

use std::collections::BTreeMap;
use std::process::Command;

use common::{asleep, functions, sleepers, sys};
use homebound_stacks::Stacks;

/// Prints a line for each thread: its number, and the places of its frames from the innermost on.
/// Inlined functions have no frame of their own, and functions that ended by a jump to the next
/// have none either: gdb infers both from debug information.
const PRINT: &str = "
import gdb
for thread in gdb.selected_inferior().threads():
    thread.switch()
    frame, places = gdb.newest_frame(), []
    while frame:
        if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
            places.append('%x' % frame.pc())
        frame = frame.older()
    print('thread', thread.ptid[1], *places)
";

#[test]
fn each_frame_is_that_which_gdb_finds() {
    if Command::new("gdb").arg("--version").output().is_err() {
        println!("skipped: gdb is not installed (apt-get install gdb)");
        return;
    }
    let mut stacks = Stacks::new().unwrap();
    let mut own = BTreeMap::new();
    for sleeper in sleepers(false) {
        let inside = |stacks: &Stacks, stack: &_| {
            functions(stacks, stack).iter().any(|name| name.contains(sleeper.name))
        };
        own.insert(sleeper.tid, (sleeper.name, asleep(&mut stacks, sleeper.tid, inside)));
    }
    sys::allow_every_tracer();
    let process = std::process::id().to_string();
    let script = std::env::temp_dir().join(format!("homebound-stacks-{process}.py"));
    std::fs::write(&script, PRINT).unwrap();
    let mut gdb = Command::new("timeout");
    gdb.args(["60", "gdb", "--nx", "--batch", "-p", &process, "-x"]).arg(&script);
    let output = gdb.env("DEBUGINFOD_URLS", "").output().unwrap();
    std::fs::remove_file(&script).unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    if text.contains("ptrace: Operation not permitted") || !text.contains("\nthread ") {
        println!(
            "skipped: gdb may not attach, or has no Python: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        return;
    }
    let (mut compared, mut different) = (0, Vec::new());
    for line in text.lines().filter_map(|line| line.strip_prefix("thread ")) {
        let (tid, places) = line.split_once(' ').unwrap();
        let Some((name, stack)) = own.get(&tid.parse::<i32>().unwrap()) else { continue };
        let ours: Vec<_> = stack.addresses().iter().map(|address| format!("{address:x}")).collect();
        compared += 1;
        if ours.join(" ") != places {
            different.push(format!("{name}:\n  gdb  {places}\n  ours {}", ours.join(" ")));
        }
    }
    println!("{compared} threads compared");
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert_eq!(compared, own.len());
}
