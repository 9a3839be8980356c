//! Owns the calls that hold a race, and the errors of the scope that a race is.
//! Refuses to decide the race: `field` does.

use std::borrow::Cow;
use std::panic::Location;

use super::entrants::Race;
use super::field::Field;
use crate::rt::contain::drop_each;
use crate::tree::panic_hook;
use crate::{Context, Failure, IntoText, RaceError, Result, Scope, ScopeError};

/// # Races
impl Context {
    /// Runs the entrants, each on a thread, and returns the first success. The others are stopped
    /// and home before this returns, so a race takes as long as its slowest loser takes to hear the
    /// stop.
    ///
    /// The failure of an entrant is logged as a warning. The failure stops nothing, and if another
    /// entrant wins, no result has it. A race is a scope of that name: the dump shows its entrants
    /// below it.
    ///
    /// ```
    /// use homebound::work::Race;
    ///
    /// homebound::scope(|scope| {
    ///     scope.spawn("finder", "finds a page", |cx| {
    ///         let race = Race::new()
    ///             .add("cache", "looks into the cache", |_| Err("not there")?)
    ///             .add("disk", "reads the file", |cx| {
    ///                 cx.checkpoint()?; // hears the end of the race
    ///                 Ok("a page")
    ///             });
    ///         Ok(assert_eq!(cx.race("page", race)?, "a page"))
    ///     })?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// [`RaceError`]: all failures if none has won, the stop, a refusal of the system.
    #[track_caller]
    #[must_use = "it holds what the winner returned, or why there is none"]
    pub fn race<'a, T: Send + 'a>(&self, name: impl IntoText, race: Race<'a, T>) -> Result<T, RaceError> {
        // A race is a quorum of one.
        let won = hold(self, name.into(), 1, race)?;
        // One success was wanted, so there is one.
        won.into_iter().next().ok_or(RaceError::Empty)
    }

    /// As [`race`](Self::race), until `wanted` entrants have succeeded. Returns their values in the
    /// order of the successes. Ends with an error as soon as fewer entrants than that can succeed.
    ///
    /// ```
    /// use homebound::work::Race;
    ///
    /// homebound::scope(|scope| {
    ///     let race = Race::new()
    ///         .add("node-1", "votes", |_| Ok(1))
    ///         .add("node-2", "votes", |_| Err("is down")?)
    ///         .add("node-3", "votes", |_| Ok(3));
    ///     let mut voters = scope.quorum("vote", 2, race)?;
    ///     voters.sort();
    ///     assert_eq!(voters, [1, 3]);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`race`](Self::race). If more are wanted than there are entrants, none is started. If 0
    /// are wanted, none is started, and the result is an empty list.
    #[track_caller]
    #[must_use = "it holds what the winners returned, or why there are too few"]
    pub fn quorum<'a, T: Send + 'a>(
        &self,
        name: impl IntoText,
        wanted: usize,
        race: Race<'a, T>,
    ) -> Result<Vec<T>, RaceError> {
        hold(self, name.into(), wanted, race)
    }
}

/// # Races
impl Scope<'_, '_> {
    /// Runs the entrants, each on a thread, and returns the first success: see [`Context::race`].
    ///
    /// ```
    /// use homebound::work::Race;
    ///
    /// homebound::scope(|scope| {
    ///     let numbers = [3, 4]; // a local, which the entrants borrow
    ///     let race = Race::new()
    ///         .add("sum", "adds", |_| Ok(numbers.iter().sum::<i32>()))
    ///         .add("none", "fails", |_| Err("no idea")?);
    ///     assert_eq!(scope.race("seven", race)?, 7);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Context::race`].
    #[track_caller]
    #[must_use = "it holds what the winner returned, or why there is none"]
    pub fn race<'a, T: Send + 'a>(&self, name: impl IntoText, race: Race<'a, T>) -> Result<T, RaceError> {
        self.context().race(name, race)
    }

    /// Runs the entrants until `wanted` of them have succeeded: see [`Context::quorum`].
    ///
    /// ```
    /// use homebound::work::{Race, RaceError};
    ///
    /// homebound::scope(|scope| {
    ///     let race = Race::new().add("one", "votes", |_| Ok(1));
    ///     let error = scope.quorum("vote", 2, race).unwrap_err(); // there is only one voter
    ///     assert!(matches!(error, RaceError::TooFew { wanted: 2, .. }));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Context::quorum`].
    #[track_caller]
    #[must_use = "it holds what the winners returned, or why there are too few"]
    pub fn quorum<'a, T: Send + 'a>(
        &self,
        name: impl IntoText,
        wanted: usize,
        race: Race<'a, T>,
    ) -> Result<Vec<T>, RaceError> {
        self.context().quorum(name, wanted, race)
    }
}

/// Holds the race in a scope of its own.
#[track_caller]
fn hold<'a, T: Send + 'a>(
    cx: &Context,
    name: Cow<'static, str>,
    wanted: usize,
    race: Race<'a, T>,
) -> Result<Vec<T>, RaceError> {
    let Race { entrants } = race;
    let at = Location::caller();
    // Races that are decided without a thread, the caller's own stop among them. No scope is opened
    // for these.
    let decided = match entrants.len() {
        _ if wanted == 0 => Some(Ok(Vec::new())),
        0 => Some(Err(RaceError::Empty)),
        count if count < wanted => Some(Err(RaceError::TooFew { wanted, failures: Vec::new() })),
        _ => {
            cx.point("race", at);
            cx.node().is_stopping().then(|| Err(RaceError::Stopped(cx.stopped())))
        }
    };
    if let Some(decided) = decided {
        // Entrants that never run. A panic is a failure of the calling thread.
        drop_each(entrants, |payload| cx.fail_panic(payload));
        return decided;
    }
    // Not returned through the scope, which would drop all values together if something else fails.
    let mut ended = None;
    let raced = cx.subscope(name, |scope| {
        // `?` is the stop of the scope, which is then the result of the subscope.
        ended = Some(Field::new(scope, entrants, at).run(wanted)?);
        Ok(())
    });
    match (raced, ended) {
        (Ok(()), Some(ended)) => ended,
        // Cannot be: a body that returned `Ok` has set it.
        (Ok(()), None) => Err(RaceError::Empty),
        (Err(error), ended) => Err(of_scope(cx, wanted, &error, ended)),
    }
}

/// The scope of the race has failures of its own, or was stopped. `ended`: how the race itself has
/// ended. Its values are not handed out.
fn of_scope<T>(
    cx: &Context,
    wanted: usize,
    error: &ScopeError,
    ended: Option<Result<Vec<T>, RaceError>>,
) -> RaceError {
    let mut failures = error.failures().to_vec();
    match ended {
        // The failures of entrants first, because they came first.
        Some(Err(RaceError::TooFew { failures: lost, .. })) => drop(failures.splice(..0, lost)),
        Some(Ok(won)) => drop_each(won, |payload| {
            let place = panic_hook::place(&payload);
            failures.push(Failure::panic(cx.record().origin(), payload, place));
        }),
        Some(Err(_)) | None => {}
    }
    match error.stopped() {
        Some(stopped) if failures.is_empty() => RaceError::Stopped(stopped.clone()),
        _ => RaceError::TooFew { wanted, failures },
    }
}
