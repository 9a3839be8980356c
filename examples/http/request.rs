//! Owns the text of HTTP: the head of a request, and an answer.
//! Refuses to know the resource, and how long to wait for it.
#![allow(unreachable_pub, reason = "in a program, `pub` tells what a module is for the others")]

use std::error::Error;
use std::io::{self, ErrorKind, Read};

use homebound::Result;

const LONGEST_HEAD: usize = 16 * 1024;

pub struct Request {
    pub method: String,
    pub path: String,
    /// Empty if there is none. The studio reads it.
    #[allow(dead_code, reason = "not here")]
    pub host: String,
    /// True if the client wants no other answer, or sends a body, which this server does not read.
    pub close: bool,
}

/// The head of the next request, or `None` at the end. The bytes behind it stay in `rest`.
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
    let value = |name: &str| {
        let header = parsed.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(header.value).ok()
    };
    let last =
        value("connection").is_some_and(|it| it.eq_ignore_ascii_case("close")) || parsed.version == Some(0);
    let body = value("transfer-encoding").is_some() || value("content-length").is_some_and(|it| it != "0");
    let (method, path) = (parsed.method.unwrap_or_default(), parsed.path.unwrap_or_default());
    let (method, path) = (method.to_owned(), path.to_owned());
    let host = value("host").unwrap_or_default().to_owned();
    Ok(Some((Request { method, path, host, close: last || body }, length)))
}

/// The head of an answer; `more` has further lines.
pub fn head(status: &str, length: u64, close: bool, more: &str) -> String {
    let close = if close { "connection: close\r\n" } else { "" };
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{close}{more}\r\n")
}

pub fn answer((status, body): (&str, String), close: bool) -> String {
    head(status, body.len() as u64, close, "content-type: text/plain; charset=utf-8\r\n") + &body
}
