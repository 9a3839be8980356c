//! Owns the policy of restarts, as the program configures it.
//! Refuses to decide by it: `decision` does.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub(super) type Hopeless = Arc<dyn Fn(&(dyn Error + 'static)) -> bool + Send + Sync>;

/// When something that has ended runs again, after which pause, and when it is given up: for a
/// thread that restarts itself, for the children of a supervisor, and for
/// [`Context::retry`](crate::Context::retry).
///
/// Unless it says otherwise, a policy
/// - restarts at once, then after pauses of 100 ms, doubling up to 10 s, each up to 25 % longer at
///   random ([`backoff`](Self::backoff));
/// - gives up at the 10th failure in a row, which takes about 26 s if each run fails at once
///   ([`give_up_after`](Self::give_up_after)); a run of 10 s ends a row
///   ([`stable_after`](Self::stable_after));
/// - allows any number of restarts within a period ([`intensity`](Self::intensity)).
///
/// ```
/// use homebound::work::Restart;
/// use std::time::Duration;
///
/// let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
/// let patient = Restart::on_failure().backoff(second, minute).for_ever();
/// let as_in_erlang = Restart::always().no_backoff().intensity(1, Duration::from_secs(5));
/// # drop((patient, as_in_erlang));
/// ```
#[derive(Clone)]
#[must_use = "a policy does nothing until a thread, a supervisor or a retry is given it"]
pub struct Restart {
    pub(super) when: When,
    /// The first pause and the longest one, without the random part. `None`: no pauses.
    pub(super) pauses: Option<(Duration, Duration)>,
    pub(super) intensity: Intensity,
    /// Failures in a row; at least 1. `None`: any number.
    pub(super) give_up_after: Option<u32>,
    /// The length of a run that ends a row.
    pub(super) stable_after: Duration,
    /// For an error that one of these knows, no restart is made.
    pub(super) unless: Vec<Hopeless>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    OnFailure,
    Always,
    Never,
}

/// How many restarts a period may have.
#[derive(Debug, Clone, Copy)]
pub(super) enum Intensity {
    /// The program has set no limit. With pauses any number is allowed; without pauses `decision`
    /// has a limit.
    Default,
    /// `for_ever` was said.
    Any,
    /// At most this many restarts within this time.
    Of(u32, Duration),
}

impl Restart {
    fn new(when: When) -> Restart {
        Restart {
            when,
            // With these numbers, a row of ten runs that fail at once takes about 26 s.
            pauses: Some((Duration::from_millis(100), Duration::from_secs(10))),
            intensity: Intensity::Default,
            give_up_after: Some(10),
            stable_after: Duration::from_secs(10),
            unless: Vec::new(),
        }
    }

    /// Again after an `Err` or a panic. A run that returns `Ok` is the last.
    ///
    /// ```
    /// use homebound::work::Restart;
    ///
    /// homebound::scope(|scope| {
    ///     let mut tries = 0;
    ///     let word = scope.context().retry(&Restart::on_failure(), |_| {
    ///         tries += 1;
    ///         if tries < 2 { Err("the line is busy")? } else { Ok("hello") }
    ///     })?;
    ///     assert_eq!((word, tries), ("hello", 2));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn on_failure() -> Restart {
        Restart::new(When::OnFailure)
    }

    /// Again after every end, `Ok` included. For [`Context::retry`](crate::Context::retry) this is
    /// the same as [`on_failure`](Self::on_failure).
    pub fn always() -> Restart {
        Restart::new(When::Always)
    }

    /// One run, however it ends.
    pub fn never() -> Restart {
        Restart::new(When::Never)
    }

    /// Sets the pauses. The first restart of a row is made at once; the second one after `first`,
    /// and each further one after twice the pause before, up to `max`. Up to 25 % is added to each
    /// pause at random, so that threads that failed together do not come back together.
    ///
    /// ```
    /// use homebound::work::Restart;
    /// use std::time::Duration;
    ///
    /// // At once, then after about 1, 2, 4, 5, 5 .. s.
    /// let policy = Restart::on_failure().backoff(Duration::from_secs(1), Duration::from_secs(5));
    /// # drop(policy);
    /// ```
    pub fn backoff(mut self, first: Duration, max: Duration) -> Restart {
        self.pauses = Some((first, max));
        self
    }

    /// Makes every restart at once. Unless another [`intensity`](Self::intensity) is given, before
    /// or after, more than 3 restarts within 5 s give up.
    pub fn no_backoff(mut self) -> Restart {
        self.pauses = None;
        self
    }

    /// Allows so many restarts within any period of this length. The failure that would need one
    /// more gives up, as in OTP. More than 1,024 restarts count as 1,024.
    ///
    /// The pauses count as well. A policy whose pauses alone take longer than the period would
    /// never give up by its intensity, and is refused with
    /// [`SpawnError::InvalidPolicy`](crate::SpawnError::InvalidPolicy) when it is used.
    ///
    /// ```
    /// use homebound::work::{Restart, RetryError};
    /// use std::time::Duration;
    ///
    /// let policy = Restart::on_failure().no_backoff().intensity(2, Duration::from_secs(60));
    /// homebound::scope(|scope| {
    ///     let cx = scope.context();
    ///     let down = cx.retry(&policy, |_| -> homebound::Result { Err("no answer")? });
    ///     assert!(matches!(down, Err(RetryError::GaveUp { tries: 3, .. })));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn intensity(mut self, restarts: u32, within: Duration) -> Restart {
        self.intensity = Intensity::Of(restarts, within);
        self
    }

    /// Gives up at this many failures in a row (0 counts as 1). A stable run ends a row, and the
    /// failure that ends a stable run is not counted.
    ///
    /// ```
    /// use homebound::work::{Restart, RetryError};
    ///
    /// homebound::scope(|scope| {
    ///     let policy = Restart::on_failure().give_up_after(2);
    ///     let cx = scope.context();
    ///     let down = cx.retry(&policy, |_| -> homebound::Result { Err("no answer")? });
    ///     assert!(matches!(down, Err(RetryError::GaveUp { tries: 2, .. })));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn give_up_after(mut self, failures: u32) -> Restart {
        self.give_up_after = Some(failures.max(1));
        self
    }

    /// Never gives up: neither after a number of failures nor by an intensity. The errors that
    /// [`unless`](Self::unless) knows end it all the same.
    pub fn for_ever(mut self) -> Restart {
        self.give_up_after = None;
        // Both limits, because each of them gives up on its own.
        self.intensity = Intensity::Any;
        self
    }

    /// Sets how long a run has to last to be *stable*. A stable run ends the row of failures, so
    /// that the next restart is made at once, and the failures are counted from 0.
    pub fn stable_after(mut self, run: Duration) -> Restart {
        self.stable_after = run;
        self
    }

    /// Makes no restart for an error for which `hopeless` returns true, such as a wrong password:
    /// the failure stands at once, as without a policy. Called on the thread that failed, with the
    /// error that the closure returned, and not for panics. Several calls of `unless` add up. An
    /// error with which `hopeless` panics is hopeless.
    ///
    /// ```
    /// use homebound::work::{Restart, RetryError};
    /// use std::io;
    ///
    /// let policy = Restart::on_failure().unless(|error| {
    ///     let error = error.downcast_ref::<io::Error>();
    ///     error.is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    /// });
    /// homebound::scope(|scope| {
    ///     let read = || Err::<String, _>(io::Error::from(io::ErrorKind::PermissionDenied));
    ///     let refused = scope.context().retry(&policy, |_| Ok(read()?));
    ///     assert!(matches!(refused, Err(RetryError::Hopeless(_))));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn unless(
        mut self,
        hopeless: impl Fn(&(dyn Error + 'static)) -> bool + Send + Sync + 'static,
    ) -> Restart {
        // Several predicates: an error is hopeless if any of them says so.
        self.unless.push(Arc::new(hopeless));
        self
    }
}

impl fmt::Debug for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Restart")
            .field("when", &self.when)
            .field("pauses", &self.pauses)
            .field("intensity", &self.limit())
            .field("give_up_after", &self.give_up_after)
            .field("stable_after", &self.stable_after)
            .field("unless", &self.unless.len())
            .finish()
    }
}
