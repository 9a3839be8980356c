//! Owns the web server's output: the address in it, its last words, and the lines that go into the
//! log.
//! Refuses to let the output fill the log: the first lines of each server are kept and the others
//! counted.

use crossbeam_channel::{Receiver, Sender};
use homebound::{Context, Result};

use crate::serve::LISTENING;
use crate::studio::Studio;
use crate::text::{count, one_line};
use crate::webui::{Lines, News};

/// The lines of each stream of each server that go into the log.
const KEPT: usize = 100;

/// The thread for stdout.
pub fn output(cx: &Context, studio: &Studio, servers: &Receiver<Lines>, news: &Sender<News>) -> Result {
    for (pid, lines) in cx.iter(servers) {
        let mut kept = Kept { studio, pid, seen: 0 };
        for line in cx.iter(&lines) {
            if let Some(address) = line.strip_prefix(LISTENING).and_then(|address| address.parse().ok()) {
                cx.send(news, News::Listens(pid, address)).map_err(|refused| refused.cause)?;
            }
            kept.line(&line);
        }
    }
    Ok(())
}

/// The thread for stderr. At the end of each server it reports the last line.
pub fn complaints(
    cx: &Context,
    studio: &Studio,
    servers: &Receiver<Lines>,
    last_words: &Sender<Option<String>>,
) -> Result {
    for (pid, lines) in cx.iter(servers) {
        let mut kept = Kept { studio, pid, seen: 0 };
        let mut last = None;
        for line in cx.iter(&lines) {
            kept.line(&line);
            last = Some(one_line(&line));
        }
        cx.send(last_words, last).map_err(|refused| refused.cause)?;
    }
    Ok(())
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
