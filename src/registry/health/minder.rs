//! Owns the look of *watch* at *stopper*: while *stopper* is in the program's code, *stopper* looks
//! at no thread's health, so *watch* looks at *stopper*.
//! Refuses to allocate before it has something to say, and to log: the subscriber may be what
//! *stopper* hangs in.

use std::time::{Duration, Instant};

use crate::registry::shared::{Shared, say};
use crate::rt::awake;
use crate::rt::time::after;
use crate::sight::health::settings::{Health, OnStuck};
use crate::sys::last::End;

/// The longest time for the line.
const LINE: Duration = Duration::from_millis(100);

/// The words of the line, and the cause of an end.
const WHY: &str =
    "homebound-stopper is stuck in the program's code, in a callback or in the subscriber of tracing";

/// The memory of *watch* about *stopper*. All moments are of the clock of the system.
#[derive(Default)]
pub(crate) struct Minder {
    /// When to look next.
    at: Option<Instant>,
    /// The stay of *stopper* in the program's code, by its number, and the first look that found
    /// it there.
    stay: Option<(u32, Instant)>,
    /// True if the line about this stay was written.
    is_told: bool,
}

impl Minder {
    /// When to look next without a wake-up, by the clock of `awake`: for the end that *stopper* has
    /// pronounced, or at *stopper*.
    pub(crate) fn next(&self, shared: &Shared) -> Option<Instant> {
        let own = self.at.filter(|_| shared.clock.deadline().is_none());
        own.into_iter().chain(shared.doom.due()).min().map(awake::of_system)
    }

    /// The words and the way of the end, if the process is to end because a thread is stuck.
    pub(crate) fn doomed<'a>(&mut self, shared: &'a Shared) -> Option<(&'a str, End)> {
        let word = shared.doom.passed().map(|word| (&*word.why, word.end));
        word.or_else(|| Some((WHY, self.attend(shared, Instant::now())?)))
    }

    /// Looks, if a look is due. Returns how the process is to end, if *stopper* is stuck and the
    /// settings say so.
    fn attend(&mut self, shared: &Shared, now: Instant) -> Option<End> {
        // From the stop on the grace decides: a callback of the stop may take as long.
        let health = shared.settings.health.as_ref().filter(|_| shared.clock.deadline().is_none())?;
        let at = *self.at.get_or_insert_with(|| after(now, health.look_every));
        if now < at {
            return None;
        }
        self.at = Some(after(now, health.look_every));
        let is_late = now > after(at, health.lateness());
        let stay = shared.stay();
        match (stay, self.stay) {
            // The same stay in two looks, and both in time: the clock of this stay runs on.
            (Some(stay), Some((known, since))) if stay == known && !is_late => {
                self.judge(shared, health, now.saturating_duration_since(since))
            }
            // Out of the program's code, or in another call; or *watch* was late, and starts anew.
            _ => {
                // Stuck -> well, because *stopper* has left that stay. If only *watch* was late,
                // the stay is the same, and its line is not written again.
                if stay != self.stay.map(|(known, _)| known) {
                    self.is_told = false;
                    shared.set_stopper_stuck(false);
                }
                self.stay = stay.map(|stay| (stay, now));
                None
            }
        }
    }

    fn judge(&mut self, shared: &Shared, health: &Health, stuck_for: Duration) -> Option<End> {
        if stuck_for < health.stuck_after || std::mem::replace(&mut self.is_told, true) {
            return None;
        }
        // Well -> stuck, once in a stay. The signs of life for the service manager end here.
        shared.set_stopper_stuck(true);
        match health.on_stuck {
            OnStuck::Exit(code) => Some(End::Exit(i32::from(code))),
            OnStuck::Report | OnStuck::StopScope => {
                let line =
                    format!("homebound: {WHY}: no look at the health of other threads until it is back\n");
                say(&line, LINE);
                None
            }
        }
    }
}
