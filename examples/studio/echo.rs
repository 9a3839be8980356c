//! Owns the web server's output: the address in it, its last words, and the lines that go into the
//! log.
//! Refuses to let the output fill the log: the first lines of each server are kept and the others
//! counted.

use std::net::SocketAddr;

use crossbeam_channel::Receiver;
use homebound::{Context, Line, Ready, Result};

use crate::serve::LISTENING;
use crate::studio::Studio;
use crate::text::{count, one_line};

/// The lines of each stream of each server that go into the log.
const KEPT: usize = 100;

/// The thread for stdout. It is ready when the server has said where it listens.
pub fn output(
    cx: &Context,
    studio: &Studio,
    pid: u32,
    lines: &Receiver<Line>,
    ready: Ready<SocketAddr>,
) -> Result {
    let (mut kept, mut ready) = (Kept { studio, pid, seen: 0 }, Some(ready));
    for line in cx.iter(lines) {
        if let Some(address) = line.strip_prefix(LISTENING).and_then(|address| address.parse().ok()) {
            ready.take().into_iter().for_each(|ready| ready.set(address));
        }
        kept.line(&line);
    }
    Ok(())
}

/// The thread for stderr. Returns the last line.
pub fn complaints(cx: &Context, studio: &Studio, pid: u32, lines: &Receiver<Line>) -> Option<String> {
    let mut kept = Kept { studio, pid, seen: 0 };
    cx.iter(lines).inspect(|line| kept.line(line)).last().map(|line| one_line(&line))
}

struct Kept<'a> {
    studio: &'a Studio,
    pid: u32,
    seen: usize,
}

impl Kept<'_> {
    fn line(&mut self, line: &str) {
        self.seen += 1;
        if self.seen <= KEPT {
            self.studio.console.note(format_args!("web server {}: {}", self.pid, one_line(line)));
        }
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        if let Some(more @ 1..) = self.seen.checked_sub(KEPT) {
            let more = count(more, "more line");
            self.studio.console.note(format_args!("web server {}: {more}, not kept", self.pid));
        }
    }
}
