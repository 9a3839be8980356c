//! Owns what *watch* does for the service manager: signs of life, more time during the stop, and
//! another try where the manager had no room.
//! Refuses to wait and to allocate. The status needs both, so *stopper* makes it.

use std::time::{Duration, Instant};

use crate::registry::notify::manager::Told;
use crate::registry::shared::{Shared, request};
use crate::rt::pauses::Pauses;
use crate::rt::time::after;

/// The first and the longest pause until *watch* tries again. The system does not tell when a
/// manager has read, so there is nothing to wait for.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The first and the longest pause between two statuses during the stop.
const FIRST_LOOK: Duration = Duration::from_secs(1);
const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// The memory of *watch* about the manager, used by it alone. Moments are of the clock of `awake`.
#[derive(Default)]
pub(crate) struct Messenger {
    /// A step of the end was taken for which the manager was not given more time yet.
    extends: bool,
    /// When to try again, and the pauses after that.
    again: Option<(Instant, Pauses)>,
    /// When to look again which threads are waited for, and the pauses after that.
    look: Option<(Instant, Pauses)>,
    /// When the next sign of life is due. `None` before the first.
    watchdog: Option<Instant>,
}

impl Messenger {
    /// Sends the manager the messages that are due. `stepped`: the end of a scope has come a step
    /// further. `end`: when the process ends by force, if a stop has begun.
    pub(crate) fn tell(&mut self, shared: &Shared, stepped: bool, end: Option<Instant>, now: Instant) {
        // Without an end it was a step of a scope or group whose program goes on. Also without a
        // manager: *stopper* has the probe file to remove.
        if stepped && end.is_some() {
            self.extends = true;
            shared.request(request::TELL);
            self.look = later(now, Pauses::new(FIRST_LOOK, LONGEST_LOOK));
        }
        let Some(manager) = &shared.manager else { return };
        self.look_again(shared, now);
        // *stopper* logs it: the subscriber is the program's.
        if manager.has_refusal() {
            shared.request(request::TELL);
        }
        if manager.watchdog.is_some() && self.watchdog.is_none_or(|at| now >= at) {
            // A stuck thread is what the watchdog is for, so the manager is to miss this sign.
            if !shared.is_any_stuck() {
                manager.is_alive();
            }
            self.watchdog = manager.watchdog.map(|pause| next_sign(self.watchdog, now, pause));
        }
        // The pause holds for words that have come due meanwhile, too.
        if self.again.is_some_and(|(at, _)| now < at) {
            return;
        }
        // First the words, because `STOPPING` begins the time that `extend` prolongs.
        let mut told = manager.send_due();
        if let (Told::All, true, Some(end)) = (told, self.extends, end) {
            told = manager.extend(end.saturating_duration_since(now));
            self.extends = told == Told::Later;
        }
        // Last, because it is the least urgent. *stopper* builds and sends it (`Shared::tell`).
        if manager.is_status_due() {
            shared.request(request::TELL);
            told = Told::Later;
        }
        self.again = match (told, self.again) {
            (Told::Later, None) => later(now, Pauses::new(FIRST_PAUSE, LONGEST_PAUSE)),
            (Told::Later, Some((_, pauses))) => later(now, pauses),
            _ => None,
        };
    }

    /// Asks for a new status now and then, because threads come home between two steps.
    fn look_again(&mut self, shared: &Shared, now: Instant) {
        if let Some((_, pauses)) = self.look.filter(|(at, _)| now >= *at) {
            shared.request(request::TELL);
            self.look = later(now, pauses);
        }
    }

    /// When there is something to tell without a wake-up.
    pub(crate) fn next(&self, shared: &Shared) -> Option<Instant> {
        let again = [self.again, self.look].map(|moment| moment.map(|(at, _)| at));
        shared.manager.as_ref()?;
        self.watchdog.into_iter().chain(again.into_iter().flatten()).min()
    }
}

/// The moment behind the next of these pauses, with the pauses after that.
fn later(now: Instant, mut pauses: Pauses) -> Option<(Instant, Pauses)> {
    Some((after(now, pauses.next()), pauses))
}

/// The signs keep to a grid, so that their mean distance is the pause however late each of them is.
fn next_sign(last: Option<Instant>, now: Instant, pause: Duration) -> Instant {
    let on_the_grid = last.map(|last| after(last, pause)).filter(|at| *at > now);
    on_the_grid.unwrap_or_else(|| after(now, pause))
}
