//! Owns the question whether the web server is well: asks it by HTTP, as a browser would.
//! Refuses to act on the answer: its failure ends the server, and the policy of the monitor
//! decides.

use std::io::{Read, Write};
use std::mem;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use homebound::{Context, Result};

use crate::studio::Studio;
use crate::visitor::HEALTH;

const PERIOD: Duration = Duration::from_secs(1);
/// The time that an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Failed questions in succession that make the server unwell.
const FAILURES: usize = 3;

/// The server that is asked.
#[derive(Clone, Copy)]
pub struct Server {
    pub pid: u32,
    pub address: SocketAddr,
    /// True if a server has died before this one.
    pub again: bool,
}

/// The health thread. It reports the first good answer to people, because the address may be
/// useless until then.
pub fn watch(cx: &Context, studio: &Studio, server: Server) -> Result {
    let Server { pid, address, again } = server;
    let (mut failures, mut told) = (0, false);
    loop {
        match ask(cx, server) {
            Ok(()) => {
                failures = 0;
                if !mem::replace(&mut told, true) {
                    let again = if again { "again " } else { "" };
                    let news = format_args!("webui: the contact sheet is {again}at http://{address}/");
                    studio.console.say(news);
                }
            }
            Err(error) if cx.is_stopping() => return Err(error),
            Err(_) if failures + 1 < FAILURES => failures += 1,
            Err(error) => return Err(format!("the web server (pid {pid}) does not answer: {error}").into()),
        }
        cx.sleep(PERIOD)?;
    }
}

fn ask(cx: &Context, server: Server) -> Result {
    let end = Instant::now() + PATIENCE;
    let answer = cx.with_deadline(end, |cx| -> Result<String> {
        let stream = cx.connect(server.address, None)?;
        let request =
            format!("GET {HEALTH} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", server.address);
        cx.io(&stream).write_all(request.as_bytes())?;
        let mut answer = String::new();
        cx.io(&stream).take(4096).read_to_string(&mut answer)?;
        Ok(answer)
    });
    match answer {
        // Only an answer of this server counts, not of another one at that address.
        Ok(answer)
            if answer.starts_with("HTTP/1.1 200")
                && answer.ends_with(&format!("\r\n\r\n{}\n", server.pid)) =>
        {
            Ok(())
        }
        Ok(answer) => Err(format!("it says {:?}", answer.lines().next().unwrap_or_default()).into()),
        Err(_) if !cx.is_stopping() && Instant::now() >= end => {
            Err(format!("nothing within {PATIENCE:?}").into())
        }
        Err(error) => Err(error),
    }
}
