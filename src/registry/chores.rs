//! Owns the periodic work of *stopper*: it checks whether the handlers are still ours, and reaps
//! orphans if the program asked for that.
//! Refuses to touch a child that a thread of this process may still wait for, and to call the
//! program's subscriber itself: *stopper* calls it when it is known to be occupied.

use std::time::{Duration, Instant};

use crate::outcome::reason::signal_text;
use crate::registry::settings::Settings;
use crate::rt::contain::log_contained;
use crate::rt::pauses::Pauses;
use crate::stop::calls::Calls;
use crate::sys;

/// The first and the longest pause between two looks at the handlers: short at first, because
/// libraries take signals when they are set up.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The pause between two looks for orphans.
const ROUND: Duration = Duration::from_secs(5);
/// How long a child has been ended before it is taken for an orphan.
const UNCLAIMED: Duration = Duration::from_secs(10);

pub(crate) struct Chores {
    lookout: Lookout,
    /// `None` if the program did not ask for it.
    orphans: Option<Orphans>,
}

impl Chores {
    pub(crate) fn new(settings: &Settings) -> Chores {
        let taken = settings.taken.clone();
        let now = Instant::now();
        let mut pauses = Pauses::new(FIRST_PAUSE, LONGEST_PAUSE);
        let at = now + pauses.next();
        let lookout = Lookout { taken, missed: Vec::new(), logged: Vec::new(), at, pauses };
        let orphans =
            settings.reap_orphans.then(|| Orphans { since: Vec::new(), at: now + ROUND, is_logged: false });
        Chores { lookout, orphans }
    }

    /// Does the work that is due, and returns when the next is. Log calls join `calls`.
    pub(crate) fn attend(&mut self, now: Instant, calls: &mut Calls) -> Option<Instant> {
        let lookout = self.lookout.attend(now, calls);
        let orphans = self.orphans.as_mut().map(|orphans| orphans.attend(now, calls));
        lookout.into_iter().chain(orphans).min()
    }
}

/// Returns the taken signals that have another handler now: they do not reach the registry.
pub(crate) fn taken_over(taken: &[i32]) -> Vec<i32> {
    taken.iter().copied().filter(|signal| !sys::is_ours(*signal)).collect()
}

/// The same, as lines above a dump.
pub(crate) fn taken_over_text(taken: &[i32]) -> String {
    let line = |signal| {
        format!("homebound: {} has another handler, and does not arrive here\n", signal_text(signal))
    };
    taken_over(taken).into_iter().map(line).collect()
}

/// The look at the handlers.
struct Lookout {
    taken: Vec<i32>,
    /// Signals that were not ours at the last look. `system(3)` and readers of lines take signals
    /// for a while, and give them back.
    missed: Vec<i32>,
    /// Signals that a warning was logged for.
    logged: Vec<i32>,
    at: Instant,
    pauses: Pauses,
}

impl Lookout {
    fn attend(&mut self, now: Instant, calls: &mut Calls) -> Option<Instant> {
        // Nothing to look at, so no look may wake *stopper*.
        if self.taken.is_empty() {
            return None;
        }
        if now >= self.at {
            self.look(calls);
            // Longer each time, because most libraries take signals when they are set up.
            self.at = now + self.pauses.next();
        }
        Some(self.at)
    }

    /// Warns once of each signal that is not ours in two looks in a row.
    fn look(&mut self, calls: &mut Calls) {
        let lost = taken_over(&self.taken);
        // Lost in two looks in a row, so not borrowed for a moment.
        let sure: Vec<_> = lost.iter().copied().filter(|signal| self.missed.contains(signal)).collect();
        for signal in sure.iter().copied().filter(|signal| !self.logged.contains(signal)) {
            calls.add(Calls::log(move || {
                log_contained(|| {
                    tracing::warn!(
                        target: "homebound::signal",
                        signal,
                        "another handler was installed for it after the start: it does not arrive here any more"
                    );
                });
            }));
        }
        // A signal that came back is forgotten, and is warned of again if it is lost again.
        (self.logged, self.missed) = (sure, lost);
    }
}

/// The look for orphans.
struct Orphans {
    /// Ended children, and when each was first seen to have ended.
    since: Vec<(u32, Instant)>,
    at: Instant,
    /// True if a warning was logged that orphans cannot be seen.
    is_logged: bool,
}

impl Orphans {
    fn attend(&mut self, now: Instant, calls: &mut Calls) -> Instant {
        if now >= self.at {
            self.round(now, calls);
            self.at = now + ROUND;
        }
        self.at
    }

    fn round(&mut self, now: Instant, calls: &mut Calls) {
        let ended = match sys::ended_children() {
            Ok(ended) => ended,
            Err(error) => return self.log_once(error, calls),
        };
        // The list is made anew in each round, so a child that was waited for meanwhile leaves it.
        let before = std::mem::take(&mut self.since);
        for pid in ended {
            let since = before.iter().find(|(seen, _)| *seen == pid).map_or(now, |(_, since)| *since);
            // Not claimed for long enough, so no thread of this process will wait for it.
            if now - since >= UNCLAIMED && sys::reap(pid) {
                calls.add(Calls::log(move || {
                    log_contained(
                        || tracing::debug!(target: "homebound::process", pid, "an orphan was reaped"),
                    );
                }));
            } else {
                self.since.push((pid, since));
            }
        }
    }

    fn log_once(&mut self, error: std::io::Error, calls: &mut Calls) {
        if !std::mem::replace(&mut self.is_logged, true) {
            calls.add(Calls::log(move || {
                log_contained(
                    || tracing::warn!(target: "homebound::process", %error, "orphans cannot be seen, and are not reaped"),
                );
            }));
        }
    }
}
