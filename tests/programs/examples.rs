//! The examples as programs: what their users do with them, by their own protocols and signals.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;

use crate::common::*;
use rustix::process::Signal;

/// The lines that an example prints, by its own header.
fn header(name: &str) -> Vec<String> {
    let source = std::fs::read_to_string(format!("examples/{name}.rs")).expect("its source");
    let header = source.split("```").nth(1).and_then(|text| text.strip_prefix("text\n")).expect("a text");
    let lines = header.trim_end_matches("//! ").lines().filter_map(|line| line.strip_prefix("//! "));
    lines.map(str::to_owned).collect()
}

/// Runs an example that ends by itself. It must print the text in its own header, line by line.
#[track_caller]
fn prints_what_its_header_says(name: &'static str) {
    within(move || {
        let (code, out, err) = Program::start(name, &[]).end();
        assert_eq!(out.lines().collect::<Vec<_>>(), header(name), "{err}");
        assert_eq!((code, err.as_str()), (Some(0), ""));
    });
}

#[test]
fn services_start_one_after_the_other_when_they_are_ready() {
    // catches: a start that returns too early or too late, and an example that says what is not so
    prints_what_its_header_says("ready");
}

#[test]
fn the_first_address_that_answers_wins() {
    // catches: an attempt that holds the race, a failure of a loser that is the program's
    prints_what_its_header_says("race");
}

#[test]
fn each_capability_does_what_the_header_of_its_example_says() {
    // catches: an example that says what is not so
    for name in ["join_set", "map", "pool", "strategies"] {
        prints_what_its_header_says(name);
    }
}

#[test]
fn a_feed_that_stays_dead_is_given_up() {
    // catches: an example that says what is not so
    within(|| {
        let (code, out, err) = Program::start("restart", &[]).end();
        // Three runs of 3, 4 and 5 messages, and then five more failures.
        assert!(out.starts_with("12 messages; shutdown: 1 total, 1 joined, timeout: 0"), "{out}");
        assert!(err.contains("gave up feed after 5 restarts"), "{err}");
        assert_eq!(code, Some(1));
    });
}

#[test]
fn the_supervisor_ends_at_once_on_ctrl_c() {
    // catches: a wait that does not hear the stop, a child that is left
    within(|| {
        let mut program = Program::start("supervisor", &[]);
        while program.line() != "child: working\n" {}
        program.signal(Signal::INT);
        let (code, out, err) = program.end();
        assert_eq!(code, Some(130), "{out}{err}");
        assert!(out.contains("timeout: 0, orphaned: 0"), "{out}");
    });
}

#[test]
fn the_first_example_adds_up_and_every_thread_is_home() {
    // catches: a sum that is lost, a service that outlives its workers
    within(|| {
        let (code, out, err) = Program::start("hello", &[]).end();
        assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
        for line in ["/hello/sum-0 = 500500\n", "/hello/sum-1 = 1500500\n", "/hello/sum-2 = 2500500\n"] {
            assert!(out.contains(line), "{out}");
        }
        assert!(out.contains("service: shows that the program lives"), "the dump has it: {out}");
        assert!(out.contains("shutdown: 1 total, 1 joined, timeout: 0, orphaned: 0"), "{out}");
    });
}

#[test]
fn the_pipeline_loses_no_job() {
    // catches: a job that is in no count; the example itself compares the sums
    within(|| {
        let (code, out, err) = Program::start("pipeline", &[]).end();
        assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
        let numbers: Vec<usize> = out.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [sent, done, queued, threads, joined, ..] = numbers[..] else { panic!("{out}") };
        assert!(sent == done + queued && done > 0, "{out}");
        assert_eq!((threads, joined), (5, 5), "{out}");
    });
}

/// The lines of the daemon that tell the order of its end.
fn ends(out: &str) -> Vec<&str> {
    let before_report = out.split("\n\n").next().unwrap_or_default();
    before_report.lines().filter(|line| !line.starts_with("clock: tick ")).collect()
}

#[test]
fn the_daemon_ends_its_worker_then_its_services_the_latest_first() {
    // catches: an order of the end that is not the one in the header, at the end and at Ctrl-C
    let services = [
        "clock: I was told to stop",
        "log: nobody is left to say anything",
        "deferred: all threads are home",
    ];
    within(move || {
        let (code, out, err) = Program::start("daemon", &[]).end();
        assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
        assert_eq!(ends(&out), [&["worker: done"][..], &services].concat());

        let mut program = Program::start("daemon", &[]);
        assert_eq!(program.line(), "clock: tick 0\n");
        program.signal(Signal::INT);
        let (code, out, err) = program.end();
        assert_eq!((code, err.as_str()), (Some(130), ""), "{out}");
        assert_eq!(ends(&out), [&["worker: interrupted"][..], &services].concat());
    });
}

#[test]
fn each_failure_of_the_example_has_the_fate_that_it_tells() {
    // catches: a failure that stops too much or too little, a type that is lost, a lost branch
    within(|| {
        let (code, out, err) = Program::start("failures", &[]).end();
        assert_eq!(code, Some(0), "{out}{err}");
        assert!(err.contains("seven numbers"), "the panic is told once, by its hook: {err}");
        for part in [
            "1. scope /failures.rs:14 failed: 1 failure\n└─ /failures.rs:14/parser failed: invalid digit",
            "its type is not lost: Some(ParseIntError { kind: InvalidDigit })",
            "2. /failures.rs:25/guess failed: invalid digit found in string; the scope goes on",
            "3. vital thread /failures.rs:34/window ended",
            "/failures.rs:42/import failed: 2 failures, 1 of them during the stop",
            "/failures.rs:42/import/index panicked at examples/failures.rs:46:36: seven numbers",
            "/failures.rs:42/import/cleaner failed: the disk is full",
        ] {
            assert!(out.contains(part), "{part} is missing in {out}");
        }
    });
}

#[test]
fn the_drop_of_a_subsystem_finishes_what_it_was_sent() {
    // catches: a drop that returns before the thread is home, a write that is cut off or lost
    within(|| {
        let (code, out, err) = Program::start("subsystem", &[]).end();
        assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
        let number = |what: &str| -> usize {
            let rest = out.lines().find_map(|line| line.strip_prefix(what));
            rest.and_then(|rest| rest.trim().parse().ok()).unwrap_or_else(|| panic!("{what}: {out}"))
        };
        let (soon, later) = ("written within 30 ms:", "after the drop, the others are written too:");
        assert_eq!(number(soon) + number(later), 3);
        assert_eq!(number("threads of this scope now:"), 0);
        assert!(out.contains("writer: its group was dropped\n"), "{out}");
    });
}

#[test]
fn the_settings_are_read_again_and_the_old_ones_stay_if_the_new_make_no_sense() {
    // catches: a reload that is lost or ends the program, threads of the old settings that go on
    within(|| {
        let file = own_path("reload.conf");
        let path = file.to_str().unwrap().to_owned();
        std::fs::write(&file, "hello\n10\n").unwrap();
        let mut program = Program::start("reload", &[&path]);
        assert_eq!(program.line(), "hello\n");
        std::fs::write(&file, "bye\nsoon\n").unwrap();
        program.signal(Signal::HUP);
        let complaint = program.error_line();
        assert!(complaint.starts_with("reload: the old settings stay: \"soon\" is no number"), "{complaint}");
        assert_eq!(program.line(), "hello\n");
        std::fs::write(&file, "bye\n10\n").unwrap();
        program.signal(Signal::HUP);
        while program.line() != "reload: \"bye\" every 10ms\n" {}
        // The old service may speak until it is joined; after that only the new one does.
        while program.line() != "bye\n" {}
        program.signal(Signal::TERM);
        let (code, out, err) = program.end();
        assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
        assert!(!out.lines().any(|line| line == "hello"), "{out}");
        assert!(out.contains("timeout: 0, orphaned: 0"), "{out}");
        std::fs::remove_file(file).unwrap();

        let (code, _, err) = Program::start("reload", &[&path]).end();
        assert!(code == Some(1) && err.contains(&path), "{code:?} {err}");
    });
}

fn http() -> (Program, String) {
    let mut program = Program::start("http", &["127.0.0.1:0"]);
    let line = program.line();
    let address = line.trim().strip_prefix("listening on http://").expect("it says where").to_owned();
    (program, address)
}

fn get(stream: &mut TcpStream, path: &str) {
    write!(stream, "GET {path} HTTP/1.1\r\nhost: here\r\n\r\n").expect("sent");
}

/// Head and body of the next answer.
fn answer(stream: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).expect("readable") == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.expect("it says how much").parse().expect("a number")];
    stream.read_exact(&mut body).expect("all of it");
    Some((head, String::from_utf8(body).expect("text")))
}

#[test]
fn the_http_server_drains_its_connections_on_sigterm() {
    // catches: an answer that the stop cuts off, a connection that keeps the server, a connection
    // that is taken after the stop
    within(|| {
        let (program, address) = http();
        let mut slow = TcpStream::connect(&address).unwrap();
        let mut idle = BufReader::new(TcpStream::connect(&address).unwrap());
        get(idle.get_mut(), "/");
        let (head, body) = answer(&mut idle).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK") && body.starts_with("hello from guest "), "{head}{body}");
        get(&mut slow, "/slow");
        // It is at work on it, as it says itself.
        eventually("the request has begun", || {
            get(idle.get_mut(), "/threads");
            answer(&mut idle).unwrap().1.contains("waits: sleep")
        });
        program.signal(Signal::TERM);
        assert!(answer(&mut idle).is_none(), "an idle connection is closed");
        let (head, body) = answer(&mut BufReader::new(slow)).unwrap();
        assert!(head.contains("connection: close") && body == "that took a while\n", "{head}{body}");
        let (code, out, err) = program.end();
        assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
        assert!(out.contains("timeout: 0, orphaned: 0"), "{out}");
        assert!(TcpStream::connect(&address).is_err());
    });
}

#[test]
fn the_http_server_survives_its_clients() {
    // catches: a server that a bad request, an early end or a reset brings down
    within(|| {
        let (program, address) = http();
        let say = |bytes: &[u8]| {
            let mut stream = TcpStream::connect(&address).unwrap();
            let _cut_off = stream.write_all(bytes);
            stream
        };
        drop(say(b"GET / HTT"));
        drop(say(b"\0\0\0\0 nonsense\r\n\r\n"));
        drop(say(&[b'a'; 20_000]));
        let mut posted = BufReader::new(say(b"POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello"));
        assert!(answer(&mut posted).unwrap().0.starts_with("HTTP/1.1 405"));
        let mut two =
            BufReader::new(say(b"GET / HTTP/1.1\r\n\r\nGET /none HTTP/1.1\r\nconnection: close\r\n\r\n"));
        assert!(answer(&mut two).unwrap().0.starts_with("HTTP/1.1 200"));
        assert!(answer(&mut two).unwrap().0.starts_with("HTTP/1.1 404"));
        assert!(answer(&mut two).is_none());
        program.signal(Signal::INT);
        let (code, out, _) = program.end();
        assert_eq!(code, Some(130), "{out}");
        assert!(out.contains("timeout: 0, orphaned: 0"), "{out}");
    });
}

/// The next message to a service manager.
fn message(manager: &UnixDatagram) -> String {
    let mut bytes = [0; 4096];
    let count = manager.recv(&mut bytes).expect("a message");
    String::from_utf8(bytes[..count].to_vec()).expect("text")
}

#[test]
fn the_hosted_program_speaks_to_its_manager_and_to_its_probe() {
    // catches: an example that says what is not so; a probe file that stays; a page about a unit
    // whose program does something else
    within(|| {
        let folder = own_path("hosted");
        std::fs::create_dir(&folder).unwrap();
        let (address, probe) = (folder.join("notify"), folder.join("hosted-ready"));
        let manager = UnixDatagram::bind(&address).unwrap();
        let mut program = Program::start_with("hosted", &[], |command| {
            command.env("TMPDIR", &folder).env("NOTIFY_SOCKET", &address);
        });
        let mut printed = vec![program.line()];
        assert_eq!(message(&manager), "READY=1");
        assert!(probe.exists());
        assert_eq!(message(&manager), "STATUS=serves");
        program.signal(Signal::HUP);
        assert!(message(&manager).starts_with("RELOADING=1\nMONOTONIC_USEC="));
        printed.push(program.line());
        assert_eq!(message(&manager), "READY=1");
        program.signal(Signal::TERM);
        printed.push(program.line());
        eventually("the probe says that it is ending", || !probe.exists());
        let mut told = vec![message(&manager)];
        let is_at_the_end = |text: &String| text == "STATUS=stopping: waits for 1: saver; serves";
        while !told.last().is_some_and(is_at_the_end) {
            told.push(message(&manager));
        }
        assert_eq!(told.iter().filter(|text| *text == "STOPPING=1").count(), 1, "{told:?}");
        assert!(told.iter().any(|text| text == "STATUS=draining; serves"), "{told:?}");
        let (code, out, err) = program.end();
        assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
        printed.push(out);
        assert_eq!(printed.concat().lines().collect::<Vec<_>>(), header("hosted"));
        std::fs::remove_dir_all(folder).unwrap();
    });
}
