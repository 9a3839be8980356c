//! Owns the terminal: lines for people, and the one progress line that they must not tear.
//! Refuses to know what a picture or a thread is.
//!
//! A terminal that has gone away is no reason to stop the work, so write errors are ignored here.
//! Every text is also in the log.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use parking_lot::Mutex;

/// The number of lines that the log keeps, the newest ones. Dropped lines are counted.
const LOG_LINES: usize = 20_000;

pub struct Console {
    started: Instant,
    /// Whether stdout is a terminal on which a line can be redrawn.
    redraws: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The progress line is on the screen, and the cursor behind it.
    drawn: bool,
    log: std::collections::VecDeque<String>,
    forgotten: usize,
}

impl Console {
    pub fn new() -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Console {
            started: Instant::now(),
            redraws: io::stdout().is_terminal() && !dumb,
            state: Mutex::default(),
        }
    }

    pub fn redraws(&self) -> bool {
        self.redraws
    }

    /// The width of the terminal, in columns.
    pub fn width(&self) -> usize {
        match rustix::termios::tcgetwinsize(io::stdout()) {
            Ok(size) if size.ws_col > 0 => size.ws_col.into(),
            _ => 80,
        }
    }

    /// News, on stdout.
    pub fn say(&self, text: impl Display) {
        let mut state = self.state.lock();
        state.note(self.started, &text);
        state.erase();
        // The error means that the reader has gone: see the head of this file.
        let _ = writeln!(io::stdout(), "{text}");
    }

    /// A problem, on stderr.
    pub fn complain(&self, text: impl Display) {
        let mut state = self.state.lock();
        state.note(self.started, &text);
        state.erase();
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// A line for the log alone.
    pub fn note(&self, text: impl Display) {
        self.state.lock().note(self.started, &text);
    }

    /// Draws the progress line anew; it must fit the width.
    pub fn redraw(&self, line: &str) {
        let mut state = self.state.lock();
        state.erase();
        state.drawn = true;
        let mut out = io::stdout();
        let _ = write!(out, "{line}").and_then(|()| out.flush());
    }

    pub fn erase(&self) {
        self.state.lock().erase();
    }

    /// Every line so far, each with its time since the start.
    pub fn log(&self) -> String {
        let state = self.state.lock();
        let mut text = String::new();
        if state.forgotten > 0 {
            text = format!("({} earlier lines were dropped)\n", state.forgotten);
        }
        for line in &state.log {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

impl State {
    fn note(&mut self, started: Instant, text: &dyn Display) {
        if self.log.len() == LOG_LINES {
            self.log.pop_front();
            self.forgotten += 1;
        }
        let at = started.elapsed().as_secs_f64();
        self.log.push_back(format!("{at:10.3}  {text}"));
    }

    fn erase(&mut self) {
        if self.drawn {
            self.drawn = false;
            let mut out = io::stdout();
            let _ = write!(out, "\r\x1b[K").and_then(|()| out.flush());
        }
    }
}
