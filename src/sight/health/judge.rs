//! Owns the judgement of one thread, from what it was before to what it is in this look.
//! Refuses to read anything: times and counters are handed in.
//!
//! ```text
//! well --(blocked for `warn_after`)--> warned --(.. for `stuck_after`)--> stuck
//! well --(no progress in time)--> suspected --(the next look agrees)--> stuck
//! suspected, warned, stuck --(it runs, it waits, it makes progress, it ends)--> well
//! ```
//! A line is logged on the way to *warned* and *stuck*, and on the way back from them.

use std::time::{Duration, Instant};

use crate::outcome::status::pulse::{Alarm, AlarmLevel, Pulse};
use crate::rt::time::after;
use crate::sight::health::settings::Health;
use crate::sys::Counters;
use crate::tree::board::Still;

/// A thread got next to no processor if it waited for one this many times as long as it had one.
const NEXT_TO_NONE: u32 = 20;

/// What this look has read about a thread.
pub(super) struct Reading {
    pub(super) counters: Counters,
    /// Where the thread sleeps: asked only if the counters have not moved.
    pub(super) sleep: Option<Sleep>,
}

/// How a thread that has not moved is off the processor.
pub(super) enum Sleep {
    /// It could run.
    Ready,
    /// It sleeps in a `select!` or a poll, and its stop may be among what it waits for.
    Selects,
    /// It sleeps, in this function of the kernel.
    In(Option<String>),
    /// It is suspended or gone, or the kernel does not tell.
    Unknown,
}

/// The memory of a thread from one look to the next.
#[derive(Default)]
pub(super) struct Memory {
    /// The counters of the last look, and the look that found them first.
    counted: Option<(Counters, Instant)>,
    /// When the thread was found to be late with its progress.
    suspected: Option<Instant>,
    pub(super) alarm: Option<Alarm>,
}

/// What a thread has said of itself, as of this look.
pub(super) struct Said {
    pub(super) expected: Option<Expected>,
    /// The end of its patience.
    pub(super) patience: Option<Instant>,
    /// The thread was told to stop.
    pub(super) is_told: bool,
}

/// The sign of progress that a thread has promised.
pub(super) struct Expected {
    /// How often it makes progress.
    pub(super) every: Duration,
    /// Its last sign of progress.
    pub(super) last: Instant,
    /// The last sign, or the end of a suspension after it.
    pub(super) counts_from: Instant,
}

/// A line to be logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    Alarm(Alarm),
    /// The alarm that is over.
    Over(Alarm),
}

impl Memory {
    /// True if the thread has not moved since the look before, so that it is worth asking where it
    /// sleeps.
    pub(super) fn is_still(&self, counters: Counters) -> bool {
        let moved =
            |(before, _): &(Counters, Instant)| (before.cpu, before.turns) != (counters.cpu, counters.turns);
        self.counted.as_ref().is_some_and(|counted| !moved(counted))
    }

    /// The counters, and the look that has found them first.
    pub(super) fn still(&self) -> Option<Still> {
        self.counted
            .as_ref()
            .map(|(Counters { cpu, turns, .. }, since)| Still { ran: (*cpu, *turns), since: *since })
    }

    /// Forgets the counters, because they were not read.
    pub(super) fn forget_counters(&mut self) {
        self.counted = None;
    }

    /// Starts anew, because a look was late.
    pub(super) fn start_anew(&mut self) {
        (self.counted, self.suspected) = (None, None);
    }

    /// Takes in a reading: what the thread did since the look before. `None` in the first look.
    pub(super) fn pulse(&mut self, reading: Reading, now: Instant) -> Option<Pulse> {
        let Reading { counters, sleep } = reading;
        let (before, since) = self.counted.replace((counters, now))?;
        let (cpu, delay) =
            (counters.cpu.saturating_sub(before.cpu), counters.delay.saturating_sub(before.delay));
        match sleep {
            // The counters have moved, so the thread was on a processor since the look before.
            None if delay > cpu * NEXT_TO_NONE => Some(Pulse::Starved),
            None => Some(Pulse::Works { cpu }),
            Some(Sleep::Ready) => Some(Pulse::Starved),
            Some(Sleep::Selects) => Some(Pulse::Waits),
            Some(Sleep::In(kernel)) => {
                // The same counters: the first look that found them is kept.
                self.counted = Some((counters, since));
                Some(Pulse::Blocked { since, kernel })
            }
            Some(Sleep::Unknown) => None,
        }
    }

    /// Judges a thread that has said what to expect of it. Returns the line that is due, and the
    /// moment at which to look again.
    pub(super) fn judge_expectation(
        &mut self,
        Expected { every, last, counts_from }: Expected,
        patience: Option<Instant>,
        starved: bool,
        now: Instant,
        settings: &Health,
    ) -> (Option<Line>, Instant) {
        if let Some(alarm) = &self.alarm {
            // Only a sign ends the alarm: a late look moves `counts_from`, and is none.
            let line = if last > alarm.since { self.over() } else { None };
            return (line, after(now, settings.look_every));
        }
        let due = [after(counts_from, every)].into_iter().chain(patience).max().unwrap_or(now);
        // Suspected -> well: a sign has come, or a patience has begun.
        if now < due {
            self.suspected = None;
            return (None, due);
        }
        // Well -> suspected. Not stuck at once: a thread that was held up together with the
        // process, and too shortly for the looks to notice, gets the time for a sign. A thread that
        // got no processor gets this time as well.
        let suspected = *self.suspected.get_or_insert(now);
        if starved {
            self.suspected = Some(now);
        }
        // Half a period is enough for short expectations, where a look would be far away.
        let sure = after(suspected, (every / 2).min(settings.look_every));
        if starved || now < sure {
            return (None, sure.max(after(now, every / 4)));
        }
        // Suspected -> stuck: no sign by the second look, and not for the lack of a processor.
        let alarm = Alarm { level: AlarmLevel::Stuck, since: counts_from, expected_every: Some(every) };
        self.alarm = Some(alarm.clone());
        (Some(Line::Alarm(alarm)), after(now, settings.look_every))
    }

    /// Judges any other thread.
    pub(super) fn judge_pulse(
        &mut self,
        pulse: Option<&Pulse>,
        said: &Said,
        now: Instant,
        settings: &Health,
    ) -> Option<Line> {
        let since = match pulse {
            Some(Pulse::Blocked { since, .. }) => *since,
            // Warned or stuck -> well: the thread runs, wants to run, or waits.
            Some(_) => return self.over(),
            // Not known in this look, so nothing changes.
            None => return None,
        };
        // The grace judges a thread that was told to stop. An alarm from before stays.
        if said.is_told {
            return None;
        }
        let passed =
            |limit: Duration| now >= after(since, limit) && said.patience.is_none_or(|end| now >= end);
        let level = if passed(settings.stuck_after) {
            AlarmLevel::Stuck
        } else if passed(settings.warn_after) {
            AlarmLevel::Warned
        } else {
            return None;
        };
        let before = self.alarm.as_ref().map(|alarm| alarm.level);
        // Each level is logged once in an episode.
        if before >= Some(level) {
            return None;
        }
        // Well or warned -> warned or stuck.
        let alarm = Alarm { level, since, expected_every: None };
        self.alarm = Some(alarm.clone());
        Some(Line::Alarm(alarm))
    }

    /// Warned or stuck -> well.
    pub(super) fn over(&mut self) -> Option<Line> {
        self.alarm.take().map(Line::Over)
    }
}
