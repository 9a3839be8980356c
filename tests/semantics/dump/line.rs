//! Owns the line on a terminal that says which threads a stop waits for: TX5.
#![cfg(target_os = "linux")]
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::fs::File;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use homebound::SecondSignal;
use homebound::registry::Registry;

use crate::common::pty::pty;
use crate::common::{
    CHILD, LIMIT, Pieces, child, eventually, in_child, linger, pass, test_name, until_stopped,
};

/// Stops itself; of 6 threads 4 are deaf, for 4 seconds if they are not to be home at once.
fn stops(how: &str) -> i32 {
    let second = if how == "quiet" { SecondSignal::Quiet } else { SecondSignal::Dump };
    let exit = Registry::new("shop").grace(Duration::from_secs(60)).second_signal(second).run(|s| {
        let (open, gate) = crate::common::gate();
        for name in ["a", "b", "c", "d"] {
            let gate = gate.clone();
            s.spawn(name, "is deaf", move |_| Ok(pass(&gate)))?;
        }
        s.service("clerk", "is told last", until_stopped)?;
        s.spawn("quick", "is home at once", until_stopped)?;
        let pid = rustix::process::getpid();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it is there");
        s.context().wait_for_stop();
        if how != "quick" {
            linger(4_000);
        }
        Ok(drop(open))
    });
    i32::from(exit.code())
}

/// Runs this test again with its stderr on a terminal, and returns what it writes there.
fn on_a_terminal(how: &str) -> String {
    let (mut process, master) = start_on_a_terminal(how, stops);
    let text = read_all(master);
    assert!(process.wait().expect("it ends").success());
    text.recv_timeout(LIMIT).expect("the terminal hangs up")
}

/// Starts this test again, in which it runs this scenario with its stderr on a terminal.
fn start_on_a_terminal(how: &str, scenario: fn(&str) -> i32) -> (Child, File) {
    if let Ok(how) = std::env::var(CHILD) {
        std::process::exit(scenario(&how));
    }
    let (master, line) = pty();
    let mut process = Command::new(std::env::current_exe().expect("a path"));
    process
        .args([&*test_name(), "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, how)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(line);
    (process.spawn().expect("the child starts"), master)
}

fn read_all(mut master: File) -> Receiver<String> {
    let (done, is_done) = channel();
    std::thread::spawn(move || {
        let (mut text, mut pieces, mut buffer) = (String::new(), Pieces::default(), [0; 4096]);
        // A terminal whose line is closed is an error.
        while let Ok(count @ 1..) = master.read(&mut buffer) {
            pieces.append(&buffer[..count], &mut text);
        }
        let _ = done.send(text);
    });
    is_done
}

#[test]
fn tx5_a_terminal_is_told_whom_a_stop_waits_for_with_growing_pauses() {
    // catches: a person at a terminal for whom nothing happens; a line each second for ever. A busy
    // machine may be too slow for a line, or for a thread that comes home at once, but not each
    // time.
    eventually("two lines in four seconds", || {
        let begin = Instant::now();
        let text = on_a_terminal("slow");
        println!("{text:?}");
        let line = "stopping: waits for 5 of 6: a, b, c, .. (Ctrl-C again: dump and end)";
        let count = text.matches(&format!("\n{line}")).count();
        // After 1 s and 3 s; the next would come after 7 s.
        count == 2 || (count == 3 && begin.elapsed() > Duration::from_secs(7))
    });
}

#[test]
fn tx5_the_line_says_what_ctrl_c_does() {
    // catches: the promise of a dump that does not come
    eventually("a line in four seconds", || {
        let text = on_a_terminal("quiet");
        assert!(!text.contains("dump"), "{text:?}");
        text.contains("(Ctrl-C again: end)")
    });
}

#[test]
fn tx5_no_line_if_all_were_home_or_without_a_terminal() {
    // catches: noise. A stop may take longer on a busy machine, but not each time.
    eventually("a stop without a line", || !on_a_terminal("quick").contains("stopping"));
    let done = in_child("slow", stops);
    assert!(done.code == Some(0) && !done.err.contains("stopping"), "{done:#?}");
}

/// Draws a line without its end, as a progress bar is, and asks for a dump.
fn draws(_: &str) -> i32 {
    let exit = Registry::new("shop").run(|s| {
        eprint!("\r[####    ] 50 %");
        let pid = rustix::process::getpid();
        rustix::process::kill_process(pid, rustix::process::Signal::QUIT).expect("it is there");
        Ok(drop(s.context().wait_for_stop()))
    });
    i32::from(exit.code())
}

#[test]
fn tx1_on_a_terminal_a_dump_begins_on_a_line_of_its_own() {
    // catches: a dump whose first line begins behind a progress bar
    let (mut process, mut master) = start_on_a_terminal("", draws);
    let (mut text, mut pieces, mut buffer) = (String::new(), Pieces::default(), [0; 4096]);
    while !text.contains("homebound-stopper  (internal") {
        let count = master.read(&mut buffer).expect("a terminal");
        pieces.append(&buffer[..count], &mut text);
    }
    process.kill().and_then(|()| process.wait()).expect("it was there");
    assert!(text.starts_with("\r[####    ] 50 %\r\nhomebound: SIGQUIT; "), "{text:?}");
    // A pipe has whole lines.
    let mut child = child("", draws);
    child.until_stderr("homebound-stopper  (internal");
    let text = child.stderr();
    child.signal(libc::SIGKILL);
    child.finish();
    assert!(text.starts_with("\r[####    ] 50 %homebound: SIGQUIT; "), "{text:?}");
}
