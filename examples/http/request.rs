//! Owns the text of HTTP: the head of a request, and an answer.
//! Refuses to know what is asked for, and how long to wait for it.
#![allow(unreachable_pub, reason = "in a program, `pub` tells what a module is for the others")]

use std::error::Error;
use std::fmt::Write;
use std::io::{self, ErrorKind, Read};

use homebound::Result;

const LONGEST_HEAD: usize = 16 * 1024;

pub struct Request {
    pub method: String,
    pub path: String,
    pub close: bool,
}

/// The head of the next request; what came behind it stays in `rest`. `None` at the end of the connection.
pub fn read_head(stream: &mut impl Read, rest: &mut Vec<u8>) -> Result<Option<Request>> {
    loop {
        if let Some((request, length)) = parse(rest)? {
            rest.drain(..length);
            return Ok(Some(request));
        }
        if rest.len() > LONGEST_HEAD {
            return Err(io::Error::new(ErrorKind::InvalidData, "the head of a request is too long").into());
        }
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(None);
        }
        rest.extend_from_slice(&buffer[..count]);
    }
}

fn parse(bytes: &[u8]) -> Result<Option<(Request, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut headers);
    let invalid = |error: Box<dyn Error + Send + Sync>| io::Error::new(ErrorKind::InvalidData, error);
    let httparse::Status::Complete(length) = parsed.parse(bytes).map_err(|error| invalid(error.into()))?
    else {
        return Ok(None);
    };
    let has = |name: &str, value: &str| {
        let same = |header: &&httparse::Header<'_>| header.name.eq_ignore_ascii_case(name);
        parsed.headers.iter().find(same).is_some_and(|it| it.value.eq_ignore_ascii_case(value.as_bytes()))
    };
    let close = has("connection", "close") || parsed.version == Some(0);
    let (method, path) = (parsed.method.unwrap_or_default(), parsed.path.unwrap_or_default());
    Ok(Some((Request { method: method.to_owned(), path: path.to_owned(), close }, length)))
}

pub fn answer((status, body): (&str, String), close: bool) -> Result<String> {
    let mut answer = String::new();
    write!(answer, "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\n")?;
    write!(answer, "content-length: {}\r\n", body.len())?;
    if close {
        answer.push_str("connection: close\r\n");
    }
    Ok(answer + "\r\n" + &body)
}
