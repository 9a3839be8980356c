//! Owns the progress display: a bar on a terminal, a plain line now and then elsewhere; with
//! `--web`, the page too.
//! Refuses to have a thread of its own: it runs on the thread that waits for the workers anyway.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use homebound::{Context, Handle, WaitError};

use crate::page::publish;
use crate::studio::Studio;
use crate::tally::Counts;
use crate::text::tail;

const REDRAW: Duration = Duration::from_millis(100);
const PLAIN: Duration = Duration::from_secs(2);

/// The span of time over which the rate is computed.
const WINDOW: Duration = Duration::from_secs(5);

const BAR: usize = 24;

/// Shows the progress until the intake is home, with all pictures settled; the error is a stop
/// before that.
pub fn show(cx: &Context, studio: &Studio, intake: &Handle<'_, ()>) -> Result<(), WaitError> {
    let mut progress = Progress::new(studio);
    loop {
        progress.publish();
        match cx.recv_timeout(intake.done(), REDRAW) {
            Ok(never) => match never {},
            Err(WaitError::TimedOut) => progress.update(),
            Err(WaitError::Disconnected) => return Ok(()),
            Err(stopped) => return Err(stopped),
        }
    }
}

struct Progress<'a> {
    studio: &'a Studio,
    /// Times and numbers of settled pictures, oldest first.
    history: VecDeque<(Instant, usize)>,
    /// The last plain line: its time and its contents.
    plain: (Instant, Counts),
    /// The contents of the page, and when it may be written again.
    page: (Option<(Counts, usize)>, Instant),
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.studio.console.erase();
    }
}

impl<'a> Progress<'a> {
    fn new(studio: &'a Studio) -> Self {
        let (now, counts) = (Instant::now(), studio.tally.counts());
        Progress { studio, history: VecDeque::new(), plain: (now, counts), page: (None, now) }
    }

    /// Writes the page that the web server shows, at the cost of a tenth of this thread's time at
    /// most. Its errors are reported when it is written for the last time.
    fn publish(&mut self) {
        let (now, begun) = ((self.studio.tally.counts(), self.studio.sheet.changes()), Instant::now());
        let (shown, due) = &mut self.page;
        if self.studio.options.web && *shown != Some(now) && begun >= *due {
            if let Err((name, error)) = publish(self.studio) {
                self.studio.console.note(format_args!("progress: {name}: {error}"));
            }
            *shown = Some(now);
            *due = begun + (begun.elapsed() * 10).max(REDRAW);
        }
    }

    fn update(&mut self) {
        let counts = self.studio.tally.counts();
        let rate = self.rate(counts.settled());
        let Studio { console, .. } = self.studio;
        if console.redraws() {
            console.redraw(&bar(&counts, rate, self.current(), console.width()));
        } else if self.plain.0.elapsed() >= PLAIN && self.plain.1 != counts {
            console.say(plain(&counts, rate, self.current()));
            self.plain = (Instant::now(), counts);
        }
    }

    /// Pictures per second.
    fn rate(&mut self, settled: usize) -> f64 {
        let now = Instant::now();
        self.history.push_back((now, settled));
        while self.history.len() > 2 && now - self.history[1].0 >= WINDOW {
            self.history.pop_front();
        }
        let (since, before) = self.history[0];
        let seconds = (now - since).as_secs_f64();
        match seconds > 0.0 {
            // A failed picture that is tried once more is not settled any more.
            true => settled.saturating_sub(before) as f64 / seconds,
            false => 0.0,
        }
    }

    fn current(&self) -> Option<String> {
        self.studio.stages.what()
    }
}

/// `[########........]  52/104  31/s  2 s left  holidays/beach.jpg`, never wider than `width`.
fn bar(counts: &Counts, rate: f64, current: Option<String>, width: usize) -> String {
    let Counts { found, .. } = *counts;
    let settled = counts.settled();
    let full = (settled * BAR).checked_div(found).unwrap_or(0).min(BAR);
    let bar = format!("[{}{}]", "#".repeat(full), ".".repeat(BAR - full));
    let left = left(counts, rate).map_or(String::new(), |left| format!("  {left} left"));
    let line = format!("{bar}  {settled}/{found}  {rate:.0}/s{left}  ");
    // The last column stays empty: some terminals wrap as soon as it is written.
    let room = width.saturating_sub(1);
    let current = tail(&current.unwrap_or_default(), room.saturating_sub(line.len()));
    line.chars().chain(current.chars()).take(room).collect()
}

fn plain(counts: &Counts, rate: f64, current: Option<String>) -> String {
    let Counts { found, .. } = *counts;
    let settled = counts.settled();
    let percent = (settled * 100).checked_div(found).unwrap_or(0);
    let left = left(counts, rate).map_or(String::new(), |left| format!(", {left} left"));
    let current = current.map_or(String::new(), |current| format!(", at {current}"));
    format!("{settled} of {found} ({percent} %), {rate:.0} per second{left}{current}")
}

fn left(counts: &Counts, rate: f64) -> Option<String> {
    let open = counts.found.saturating_sub(counts.settled());
    if open == 0 || rate < 0.01 {
        return None;
    }
    Some(match (open as f64 / rate).ceil() as u64 {
        seconds @ 0..=99 => format!("{seconds} s"),
        seconds @ 100..=5999 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h", seconds.div_ceil(3600)),
    })
}
