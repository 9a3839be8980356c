//! Owns the question whether the web server is well: asks it by HTTP, as a browser would.
//! Refuses to act on the answer: it tells the monitor.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use homebound::{Context, Result, WaitError};

use crate::studio::Studio;
use crate::visitor::HEALTH;
use crate::webui::News;

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
}

/// The health thread. It reports the first good answer to people, because the address may be
/// useless until then.
pub fn watch(cx: &Context, studio: &Studio, servers: &Receiver<Server>, news: &Sender<News>) -> Result {
    let mut server = cx.recv(servers)?;
    let (mut failures, mut told, mut again) = (0, false, "");
    loop {
        match ask(cx, server) {
            Ok(()) => {
                failures = 0;
                if !told {
                    let address = server.address;
                    studio
                        .console
                        .say(format_args!("webui: the contact sheet is {again}at http://{address}/"));
                    (told, again) = (true, "again ");
                }
            }
            Err(error) if cx.is_stopping() => return Err(error),
            Err(error) => {
                failures += 1;
                if failures == FAILURES {
                    let why = format!("does not answer: {error}");
                    cx.send(news, News::Unwell(server.pid, why)).map_err(|refused| refused.cause)?;
                }
            }
        }
        match cx.recv_timeout(servers, PERIOD) {
            Ok(next) => (server, failures, told) = (next, 0, false),
            Err(WaitError::TimedOut) => {}
            Err(ended) => return Err(ended.into()),
        }
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
