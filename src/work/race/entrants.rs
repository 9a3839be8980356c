//! Owns the entrants of a race before it begins: closures, names, delays.
//! Refuses to start them: `field` does.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::{Context, IntoText, Result};

/// The entrants of a race: closures that try the same in different ways. Given to
/// [`Context::race`] or [`Context::quorum`].
///
/// The closures may borrow from the caller, locals included, because they are home before the race
/// returns.
///
/// ```
/// use homebound::work::Race;
/// use std::time::Duration;
///
/// # fn ask(mirror: &str, path: &str) -> homebound::Result<String> {
/// #     Ok(format!("{mirror}{path}"))
/// # }
/// homebound::scope(|scope| {
///     let path = String::from("/index.html");
///     let patience = Duration::from_millis(200);
///     let race = Race::new()
///         .add("near", "asks the near mirror", |_| ask("near", &path))
///         // Only if the first is slow, or fails.
///         .add_after(patience, "far", "asks the far mirror", |_| ask("far", &path));
///     let page = scope.race("mirrors", race)?;
///     assert!(page.ends_with("/index.html"));
///     Ok(())
/// })?;
/// # Ok::<(), homebound::ScopeError>(())
/// ```
#[must_use = "it starts nothing until it is given to `race` or `quorum`"]
pub struct Race<'a, T> {
    /// In the order in which they were added.
    pub(super) entrants: Vec<Entrant<'a, T>>,
}

pub(super) struct Entrant<'a, T> {
    /// From the beginning of the race.
    pub(super) delay: Duration,
    pub(super) name: Cow<'static, str>,
    pub(super) purpose: Cow<'static, str>,
    /// The line that added it, shown as the line that spawned its thread.
    pub(super) at: &'static Location<'static>,
    pub(super) run: Closure<'a, T>,
}

/// The closure of an entrant, called once.
pub(super) type Closure<'a, T> = Box<dyn FnOnce(&Context) -> Result<T> + Send + 'a>;

impl<'a, T> Race<'a, T> {
    /// Makes a race without entrants.
    ///
    /// ```
    /// use homebound::work::{Race, RaceError};
    ///
    /// homebound::scope(|scope| {
    ///     assert!(matches!(scope.race::<u8>("nobody", Race::new()), Err(RaceError::Empty)));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    pub fn new() -> Self {
        Race { entrants: Vec::new() }
    }

    /// Adds an entrant that is started at once.
    ///
    /// ```
    /// use homebound::work::Race;
    ///
    /// homebound::scope(|scope| {
    ///     let race = Race::new()
    ///         .add("one", "returns 1", |_| Ok(1))
    ///         .add("two", "fails", |_| Err("no")?);
    ///     assert_eq!(scope.race("numbers", race)?, 1);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn add<F>(self, name: impl IntoText, purpose: impl IntoText, f: F) -> Self
    where
        F: FnOnce(&Context) -> Result<T> + Send + 'a,
    {
        self.add_after(Duration::ZERO, name, purpose, f)
    }

    /// Adds an entrant that is started `delay` after the beginning of the race, or earlier: each
    /// entrant that fails starts the next one that waits. If the race is over before that, the
    /// entrant never becomes a thread, and its closure is dropped.
    ///
    /// ```
    /// use homebound::work::Race;
    /// use std::time::Duration;
    ///
    /// homebound::scope(|scope| {
    ///     let hour = Duration::from_secs(3600);
    ///     let race = Race::new()
    ///         .add("first", "fails", |_| Err("refused")?)
    ///         .add_after(hour, "second", "starts when the first has failed", |_| Ok(2));
    ///     assert_eq!(scope.race("numbers", race)?, 2);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[track_caller]
    pub fn add_after<F>(mut self, delay: Duration, name: impl IntoText, purpose: impl IntoText, f: F) -> Self
    where
        F: FnOnce(&Context) -> Result<T> + Send + 'a,
    {
        let (name, purpose, at) = (name.into(), purpose.into(), Location::caller());
        self.entrants.push(Entrant { delay, name, purpose, at, run: Box::new(f) });
        self
    }
}

impl<T> Default for Race<'_, T> {
    fn default() -> Self {
        Race::new()
    }
}

impl<T> fmt::Debug for Race<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.entrants.iter().map(|entrant| &entrant.name).collect();
        f.debug_struct("Race").field("entrants", &names).finish()
    }
}
