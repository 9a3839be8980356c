//! Owns the decision that a policy makes when a run has ended: over, again after a pause, or given
//! up.
//! Refuses to read a clock, to wait and to start anything. The caller says when a run ended and how
//! long it lasted, and does what was decided.
//!
//! ```text
//!                        Ok of `on_failure`, any end of `never`
//!   a run has ended  -----------------------------------------------> Over
//!        |
//!        | `unless` knows the error ---------------------------------> Hopeless
//!        | the run was stable: the row begins anew, and this end is none of it
//!        | a failure, and the n-th of the row -----------------------> GiveUp
//!        | a window has as many restarts as its intensity allows ----> GiveUp
//!        v
//!      Again: counted in the row and in the windows, after a pause
//! ```
//!
//! The *row* is of one closure: its failures since its last stable run, and its restarts, which
//! choose the pause. A *window* holds the instants of the latest restarts. A supervisor has one
//! more window, for all of its children together.

use std::collections::VecDeque;
use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::iter;
use std::time::{Duration, Instant};

use crate::outcome::errors::gave_up::{Limit, Streak};
use crate::rt::contain::{contain, discard};
use crate::work::restart::policy::{Hopeless, Intensity, Restart, When};
use crate::{Cause, Failure, SpawnError};

/// Number of instants that a window keeps, and so the highest intensity that is counted.
const MOST_INSTANTS: u32 = 1024;

/// The intensity of a policy without pauses that names none: restarts, and the period.
const WITHOUT_PAUSES: (u32, Duration) = (3, Duration::from_secs(5));

/// How a run has ended. A run that was stopped is never asked about, because nothing restarts then.
pub(crate) enum Ended<'a> {
    Ok,
    Error(&'a (dyn Error + 'static)),
    Panic,
}

impl<'a> Ended<'a> {
    pub(crate) fn by(failure: &'a Failure) -> Ended<'a> {
        match failure.cause() {
            Cause::Error(error) => Ended::Error(error),
            Cause::Panic { .. } => Ended::Panic,
        }
    }
}

/// The step that follows a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing. The end of this run is the end of all.
    Over,
    /// No further run, because the policy has no hope for this error. The failure stands as it is.
    Hopeless,
    /// One more run after this pause, which may be zero. It is counted already.
    Again(Duration),
    /// No further run, because there were too many restarts: `restarts` of them in the time
    /// `within`. `limit` was reached.
    GiveUp { restarts: u32, within: Duration, limit: Limit },
}

/// A policy's memory of earlier runs of one closure.
#[derive(Debug, Default)]
pub(crate) struct History {
    row: Row,
    window: Window,
    /// How near the closure is to being given up. Written by each decision, for views.
    pub(crate) streak: Streak,
}

/// The ends since the last stable run.
#[derive(Debug, Default)]
struct Row {
    /// Number of failures. The failure that ended the stable run is not counted.
    failures: u32,
    /// Number of restarts, the one after the stable run included.
    restarts: u32,
    /// The end with which the row began.
    since: Option<Instant>,
}

/// The instants of the latest restarts, at most [`MOST_INSTANTS`], the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Window(VecDeque<Instant>);

impl Window {
    /// The number of restarts in the period that ends now. An instant at the very beginning of the
    /// period is in it, as in OTP.
    fn count(&mut self, now: Instant, period: Duration) -> usize {
        while self.0.front().is_some_and(|at| now.saturating_duration_since(*at) > period) {
            self.0.pop_front();
        }
        self.0.len()
    }

    fn push(&mut self, now: Instant) {
        if self.0.len() >= MOST_INSTANTS as usize {
            self.0.pop_front();
        }
        self.0.push_back(now);
    }
}

impl Restart {
    /// The same policy, for a child that is to run again after every end.
    pub(crate) fn and_always(self) -> Restart {
        Restart { when: When::Always, ..self }
    }

    /// The same policy, for a child that is not to run again.
    pub(crate) fn and_never(self) -> Restart {
        Restart { when: When::Never, ..self }
    }

    /// True if it makes no restart.
    pub(crate) fn is_never(&self) -> bool {
        self.when == When::Never
    }

    /// Decides what follows after a run that ended `now` and `lasted` so long. `others` are the
    /// policy and the window that this closure shares with others, if it does. Calls the predicates
    /// of `unless`, which are the program's, so the caller holds no lock of ours.
    pub(crate) fn decide(
        &self,
        now: Instant,
        lasted: Duration,
        ended: &Ended<'_>,
        history: &mut History,
        others: Option<(&Restart, &mut Window)>,
    ) -> Next {
        match (self.when, ended) {
            (When::Never, _) | (When::OnFailure, Ended::Ok) => return Next::Over,
            (_, Ended::Error(error)) if self.is_hopeless(*error) => return Next::Hopeless,
            (When::OnFailure | When::Always, _) => {}
        }
        let row = &mut history.row;
        if lasted >= self.stable_after {
            // A stable run has ended: a new row begins, and this end is none of its failures.
            *row = Row::default();
        } else if !matches!(ended, Ended::Ok) {
            row.failures = row.failures.saturating_add(1);
        }
        let within = now.saturating_duration_since(*row.since.get_or_insert(now));
        history.streak = Streak { failures: row.failures, gives_up_at: self.give_up_after, within: None };
        if let Some(most) = self.give_up_after.filter(|most| row.failures >= *most) {
            return Next::GiveUp { restarts: row.restarts, within, limit: Limit::Row(most) };
        }
        // A child without a policy of its own has its supervisor's, whose window is full first.
        let is_shared = others.as_ref().is_some_and(|(policy, _)| policy.limit() == self.limit());
        let own = (self, &mut history.window, if is_shared { Limit::Shared } else { Limit::Own });
        let others = others.map(|(policy, window)| (policy, window, Limit::Shared));
        let mut windows: Vec<_> = iter::once(own)
            .chain(others)
            .filter_map(|(policy, window, limit)| Some((policy.limit()?, window, limit)))
            .collect();
        for ((restarts, within), window, limit) in &mut windows {
            if window.count(now, *within) >= *restarts as usize {
                return Next::GiveUp { restarts: *restarts, within: *within, limit: *limit };
            }
        }
        // Only now, because a restart is counted when it is decided, and only in all windows or in
        // none.
        windows.iter_mut().for_each(|(_, window, _)| window.push(now));
        let counts =
            windows.iter().map(|((most, within), window, _)| (window.0.len() as u32, *most, *within));
        // The window with the fewest restarts left will give up first.
        history.streak.within = counts.min_by_key(|(count, most, _)| most.saturating_sub(*count));
        let pause = self.pause(row.restarts);
        row.restarts = row.restarts.saturating_add(1);
        // To ask for a random number is a system call.
        let more = if pause.is_zero() { pause } else { pause.mul_f64(0.25 * random()) };
        Next::Again(pause.saturating_add(more))
    }

    /// Refuses an intensity that was asked for and that the pauses make unreachable: a closure that
    /// fails at once would never be given up by it.
    pub(crate) fn check(&self) -> Result<(), SpawnError> {
        let (Intensity::Of(..), Some((restarts, within))) = (self.intensity, self.limit()) else {
            return Ok(());
        };
        // If every run is stable, every restart is made at once.
        let counted = if self.stable_after.is_zero() { 0 } else { restarts };
        let needs =
            (0..counted).map(|restart| self.pause(restart)).fold(Duration::ZERO, Duration::saturating_add);
        if needs > within { Err(SpawnError::InvalidPolicy { needs, within }) } else { Ok(()) }
    }

    /// The same, for a thread whose runs lead to a value. `always` is refused, because the value
    /// would never come.
    pub(crate) fn check_for_value(&self) -> Result<(), SpawnError> {
        match self.when {
            When::Always => Err(SpawnError::InvalidPolicy { needs: Duration::MAX, within: Duration::ZERO }),
            When::OnFailure | When::Never => self.check(),
        }
    }

    /// The restarts that a period may have, and its length. `None`: any number.
    pub(super) fn limit(&self) -> Option<(u32, Duration)> {
        match self.intensity {
            Intensity::Of(restarts, within) => Some((restarts.min(MOST_INSTANTS), within)),
            Intensity::Default if self.pauses.is_none() => Some(WITHOUT_PAUSES),
            Intensity::Default | Intensity::Any => None,
        }
    }

    /// The pause before a restart, without its random part, if the row has had so many restarts.
    fn pause(&self, restarts: u32) -> Duration {
        match self.pauses {
            // The first restart of a row is made at once.
            Some((first, max)) if restarts > 0 => {
                // No duration can be doubled 128 times, unless it is zero.
                let doublings = (restarts - 1).min(128);
                (0..doublings).fold(first, |pause, _| pause.saturating_mul(2)).min(max)
            }
            Some(_) | None => Duration::ZERO,
        }
    }

    fn is_hopeless(&self, error: &(dyn Error + 'static)) -> bool {
        let knows = |hopeless: &Hopeless| {
            contain(|| hopeless(error)).unwrap_or_else(|payload| {
                discard(payload);
                true
            })
        };
        self.unless.iter().any(knows)
    }
}

/// A number from 0 up to 1. The standard library seeds its hash maps with numbers of the system's,
/// and gives each map others.
fn random() -> f64 {
    // The upper 53 bits, as many as the fraction of an `f64` has.
    (RandomState::new().hash_one(0) >> 11) as f64 / (1_u64 << 53) as f64
}
