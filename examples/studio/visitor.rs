//! Owns one connection to the web server: its requests, one after another, and the answer to each.
//! Refuses a visitor that names another machine, or that takes too long.

#[path = "../http/request.rs"]
mod request;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, TcpStream};
use std::process;
use std::time::{Duration, Instant};

use homebound::{Context, Result};

use self::request::{Request, answer, head, read_head};
use crate::exhibits::{Exhibit, Exhibits};

/// The path of the manager's health question. The answer is our pid.
pub const HEALTH: &str = "/health";

/// A silent client is sent away after this time.
const IDLE: Duration = Duration::from_secs(30);
/// From the first byte of a request to the last of its answer.
const WHOLE: Duration = Duration::from_secs(30);
/// The time that a request may take from the stop on, if it has begun. Less than the grace.
const TO_FINISH: Duration = Duration::from_secs(1);

/// The page needs its own pictures and styles, and nothing from elsewhere.
const RULES: &str = "x-content-type-options: nosniff\r\ncache-control: no-cache\r\n\
     content-security-policy: default-src 'none'; img-src 'self'; style-src 'unsafe-inline'\r\n";

/// How long the rest of a connection is read after its last answer.
const TO_HEAR_OUT: Duration = Duration::from_secs(1);

/// A connection that breaks is the client's affair, and no failure of the server. A visitor too
/// many only gets a word, but the manager gets the answer that we are well.
pub fn serve(cx: &Context, stream: &TcpStream, exhibits: &Exhibits, one_too_many: bool) -> Result {
    let mut rest = Vec::new();
    loop {
        match request(cx, stream, &mut rest, if one_too_many { None } else { Some(exhibits) }) {
            Ok(true) => {}
            Ok(false) => {
                let _nothing_more_to_say = hear_out(cx, stream);
                return Ok(());
            }
            Err(stop) if cx.is_stopping() => return Err(stop),
            Err(_) => return Ok(()),
        }
    }
}

/// If we closed the connection with unread bytes, the system would take the answer back (a reset).
fn hear_out(cx: &Context, stream: &TcpStream) -> Result {
    stream.shutdown(Shutdown::Write)?;
    cx.with_deadline(Instant::now() + TO_HEAR_OUT, |cx| {
        io::copy(&mut cx.io(stream).take(1 << 20), &mut io::sink())
    })?;
    Ok(())
}

/// Returns true if another request may follow.
fn request(
    cx: &Context,
    stream: &TcpStream,
    rest: &mut Vec<u8>,
    exhibits: Option<&Exhibits>,
) -> Result<bool> {
    // Between two requests the stop closes the connection at once.
    if rest.is_empty() {
        cx.wait_readable(stream, Some(if exhibits.is_some() { IDLE } else { TO_HEAR_OUT }))?;
    }
    // A request that has begun is finished, if that does not take too long.
    cx.shield(TO_FINISH, |cx| {
        cx.with_deadline(Instant::now() + WHOLE, |cx| match read_head(&mut cx.io(stream), rest) {
            Ok(Some(asked)) => reply(cx, stream, &asked, exhibits),
            Ok(None) => Ok(false),
            Err(error) if is_nonsense(&error) => {
                say(cx, stream, ("400 Bad Request", "this is no request, or it is too long\n"), true)
            }
            Err(error) => Err(error),
        })
    })
}

fn reply(cx: &Context, stream: &TcpStream, asked: &Request, exhibits: Option<&Exhibits>) -> Result<bool> {
    // A foreign page may have had its own name lead to this address. Then the browser sends that
    // name.
    if !is_this_machine(&asked.host) {
        return say(cx, stream, ("421 Misdirected Request", "ask for localhost\n"), true);
    }
    let close = asked.close || exhibits.is_none();
    match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", HEALTH) => say(cx, stream, ("200 OK", &format!("{}\n", process::id())), close),
        ("GET" | "HEAD", path) => match exhibits.map(|exhibits| exhibits.find(path)) {
            None => say(cx, stream, ("503 Service Unavailable", "too many visitors\n"), true),
            Some(Some(exhibit)) => show(cx, stream, asked, exhibit),
            Some(None) => {
                say(cx, stream, ("404 Not Found", "there is nothing here\n"), close || asked.method == "HEAD")
            }
        },
        _ => say(cx, stream, ("405 Method Not Allowed", "only GET and HEAD are understood\n"), true),
    }
}

fn show(cx: &Context, stream: &TcpStream, asked: &Request, exhibit: Exhibit) -> Result<bool> {
    let Exhibit { file, length, kind } = exhibit;
    let head = head("200 OK", length, asked.close, &format!("content-type: {kind}\r\n{RULES}"));
    cx.io(stream).write_all(head.as_bytes())?;
    if asked.method == "GET" {
        let sent = io::copy(&mut file.take(length), &mut cx.io(stream))?;
        // A file that has shrunk makes the length in the head wrong.
        return Ok(sent == length && !asked.close);
    }
    Ok(!asked.close)
}

fn say(cx: &Context, stream: &TcpStream, (status, text): (&str, &str), close: bool) -> Result<bool> {
    cx.io(stream).write_all(answer((status, text.to_owned()), close).as_bytes())?;
    Ok(!close)
}

fn is_nonsense(error: &homebound::BoxError) -> bool {
    error.downcast_ref().is_some_and(|error: &io::Error| error.kind() == ErrorKind::InvalidData)
}

/// `localhost:8080`, `127.0.0.1`, `[::1]:8080`.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || name.parse() == Ok(Ipv4Addr::LOCALHOST)
        || bare.parse() == Ok(Ipv6Addr::LOCALHOST)
}
