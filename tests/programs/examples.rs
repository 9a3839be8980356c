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
