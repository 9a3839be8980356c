//! Owns one connection: its requests, one after another, and the answer to each.
//! Refuses to know how connections come.

use std::io::{self, Write};
use std::net::TcpStream;
use std::time::Duration;

use homebound::{Context, Result};

use crate::is_stop;
use crate::request::{Request, answer, read_head};

/// A silent client is sent away after this time.
const IDLE: Duration = Duration::from_secs(30);
/// The time that a request may take from the stop on, if it has begun. Less than the grace.
const TO_FINISH: Duration = Duration::from_secs(5);

/// A connection that breaks is the client's affair, and no failure of the server.
pub fn serve(cx: &Context, stream: &TcpStream) -> Result {
    match requests(cx, stream) {
        Err(error) if error.downcast_ref().is_some_and(|error: &io::Error| !is_stop(error)) => {
            eprintln!("{}: {error}", cx.name());
            Ok(())
        }
        done => done,
    }
}

fn requests(cx: &Context, stream: &TcpStream) -> Result {
    let mut rest = Vec::new();
    loop {
        // Between two requests the stop closes the connection at once.
        if rest.is_empty() {
            cx.wait_readable(stream, Some(IDLE))?;
        }
        // A request that has begun is finished.
        let open = cx.shield(TO_FINISH, |shielded| -> Result<bool> {
            let Some(request) = read_head(&mut shielded.io(stream).timeout(IDLE), &mut rest)? else {
                return Ok(false);
            };
            // Only the body of a GET is read, so nothing may follow another request.
            let body = body(shielded, &request)?;
            let close = request.close || request.method != "GET" || cx.is_stopping();
            shielded.io(stream).write_all(answer(body, close).as_bytes())?;
            Ok(!close)
        })?;
        if !open {
            return Ok(());
        }
    }
}

/// Status and text.
fn body(cx: &Context, request: &Request) -> Result<(&'static str, String)> {
    Ok(match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/") => ("200 OK", format!("hello from {}\n", cx.name())),
        ("GET", "/slow") => {
            cx.sleep(Duration::from_secs(3))?;
            ("200 OK", "that took a while\n".to_owned())
        }
        ("GET", "/threads") => ("200 OK", homebound::registry::dump_status()),
        ("GET", _) => ("404 Not Found", "there is nothing here\n".to_owned()),
        _ => ("405 Method Not Allowed", "only GET is understood\n".to_owned()),
    })
}
