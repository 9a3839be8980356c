//! Owns the test of the example as a program: a client of its own, and the signal that ends it.
//! Refuses to know the runtime: see `runtime`.

#![cfg(unix)]
#![allow(clippy::incompatible_msrv)] // tests are built with a newer Rust than the library asks for
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

#[path = "../../tests/common/mod.rs"]
mod common;

use std::io::{Read, Write};
use std::net::TcpStream;

use common::*;
use rustix::process::Signal;

fn get(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(b"GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").unwrap();
    stream
}

fn answer(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it is text");
    text
}

/// Runs the server for two requests, the second of which may have begun when the stop comes.
/// Returns whether it had, and was answered.
fn stop_in_a_request() -> bool {
    let mut program = Program::start("axum_server", &[]);
    let line = program.line();
    let address = line.trim().strip_prefix("http://").and_then(|line| line.strip_suffix('/'));
    let address = address.expect("it says where").to_owned();
    let first = answer(get(&address));
    assert!(first.starts_with("HTTP/1.1 200") && first.contains("answered on /axum_server/http-"), "{first}");
    let second = get(&address);
    linger(30); // the answer takes 100 ms
    program.signal(Signal::TERM);
    let is_answered = answer(second).contains("answered on ");
    let (code, out, err) = program.end();
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(TcpStream::connect(&address).is_err());
    let count = 1 + usize::from(is_answered);
    assert!(out.contains(&format!("log: {count} requests were answered")), "{out}");
    assert!(out.contains("orphaned: 0") && out.contains("timeout: 0"), "{out}");
    is_answered
}

#[test]
fn a_server_answers_what_it_has_begun_and_leaves_no_thread() {
    // catches: a request that the stop cuts off; a listener that goes on; threads of tokio's that
    // are left; a log that ends before its last line
    within(|| eventually("the stop comes in a request", stop_in_a_request));
}
