//! Owns the line on a terminal that says which threads a stop waits for.
//! Refuses to decide when it is written: *watch* does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::outcome::report::shutdown::{Ending, ThreadReport};
use crate::outcome::words::Thousands;
use crate::registry::settings::Settings;
use crate::registry::shared::{Shared, request, say};
use crate::registry::signal_settings::{Meaning, SecondSignal};
use crate::rt::order::sort_by_key;
use crate::rt::pauses::Pauses;
use crate::rt::shown::Shown;
use crate::rt::time::after;
use crate::shutdown::reporting;
use crate::sys;
use crate::tree::core::ScopeCore;
use crate::tree::state::Phase;

/// From the stop to the first line.
const FIRST: Duration = Duration::from_secs(1);
/// The first and the longest pause between two lines.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The longest wait for the terminal, and for the lock of the root.
const PATIENCE: Duration = Duration::from_millis(100);
/// Number of threads that the line names.
const NAMED: usize = 3;

/// When the next line is due. Used by *watch* alone, by the clock of `awake`.
#[derive(Default)]
pub(crate) struct NextLine(Option<(Instant, Pauses)>);

impl NextLine {
    /// The moment of the next line, of a stop that began then. `None` without a terminal.
    pub(crate) fn at(&self, shared: &Shared, began: Option<Instant>) -> Option<Instant> {
        let began = began.filter(|_| shared.has_terminal)?;
        Some(self.0.map_or(after(began, FIRST), |(at, _)| at))
    }

    /// Asks *stopper* for the line if it is due.
    pub(crate) fn ask(&mut self, shared: &Shared, began: Option<Instant>, now: Instant) {
        if self.at(shared, began).is_some_and(|at| now >= at) {
            let first = || Pauses::new(FIRST_PAUSE, LONGEST_PAUSE);
            let mut pauses = self.0.map_or_else(first, |(_, pauses)| pauses);
            self.0 = Some((after(now, pauses.next()), pauses));
            shared.request(request::LINE);
        }
    }
}

/// Writes the line. Runs no code of the program's, and takes locks of the tree for moments.
pub(crate) fn write(shared: &Shared, core: &Arc<ScopeCore>) {
    if let Some(text) = line(&shared.settings, core) {
        say(&text, PATIENCE);
    }
}

/// `stopping: waits for 3 of 18: a, b, c (Ctrl-C again: dump and end)`. `None` if all are home.
fn line(settings: &Settings, core: &Arc<ScopeCore>) -> Option<String> {
    let (phase, body_home) = core.lock_within(PATIENCE).map(|state| (state.phase, state.body_home))?;
    if phase == Phase::Settled {
        return None;
    }
    // The lock is free again: the report takes it by itself.
    let report = reporting::report_of_root(core)?;
    let mut away: Vec<_> = report.threads.iter().filter(|row| is_away(row)).collect();
    // The services that are not told yet wait for the others.
    sort_by_key(&mut away, |row| row.ending == Ending::NotTold);
    let names: Vec<_> = away.iter().take(NAMED).map(|row| Shown(&row.name).to_string()).collect();
    let more = if away.len() > NAMED { ", .." } else { "" };
    let total = Thousands(report.total as u64);
    let whom = match away.len() {
        // All are home, and the root is about to settle.
        0 if body_home => return None,
        0 => format!("its body, which began at {}", core.at),
        count => format!("{} of {total}: {}{more}", Thousands(count as u64), names.join(", ")),
    };
    Some(format!("{}stopping: waits for {whom}{}\n", sys::fresh_line(), hint(settings)))
}

fn is_away(row: &ThreadReport) -> bool {
    matches!(row.ending, Ending::Overdue | Ending::NotHome | Ending::NotTold)
}

/// What Ctrl-C does now.
fn hint(settings: &Settings) -> &'static str {
    let stops =
        settings.taken.contains(&SIGINT) && matches!(settings.signals.meaning(SIGINT), Some(Meaning::Stop));
    match settings.second_signal {
        SecondSignal::Dump if stops => " (Ctrl-C again: dump and end)",
        SecondSignal::Quiet if stops => " (Ctrl-C again: end)",
        _ => "",
    }
}

const SIGINT: i32 = 2;
