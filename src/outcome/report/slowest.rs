//! Owns which thread of a report came home slowest, and what that left of the grace.
//! Refuses to change a deadline.

use std::fmt;
use std::time::Duration;

use crate::outcome::report::shutdown::ShutdownReport;
use crate::outcome::status::id::ThreadId;
use crate::outcome::words::Span;
use crate::rt::shown::Shown;

/// The thread that needed the longest time from being told to stop until it was home: see
/// [`ShutdownReport::slowest_home`].
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SlowestHome {
    /// The thread.
    pub thread: ThreadId,
    /// The thread's name.
    pub name: String,
    /// The path of the thread.
    pub path: String,
    /// Time from the moment at which the thread was told until it was home.
    pub took: Duration,
    /// The part of the grace that was left when the thread was home; zero if it was over. `None` if
    /// there was no grace. A quarter of the grace is kept for services, so a worker is overdue
    /// before this is zero if the scope has services.
    pub margin: Option<Duration>,
}

impl ShutdownReport {
    /// Returns the thread that needed the longest time to come home after it was told, with what it
    /// left of the grace. `None` if no thread was told and came home. A thread that is not home has
    /// [`ended`](crate::status::ThreadReport::ended) `None` in its row.
    ///
    /// The first line of the report's `Display` names it. A margin that is small in every run says
    /// that the grace is too short.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// homebound::scope(|scope| {
    ///     scope.service("clock", "waits to be told", |cx| Ok(drop(cx.wait_for_stop())))?;
    ///     let slowest = scope.shutdown(Duration::from_secs(5)).slowest_home();
    ///     let slowest = slowest.expect("the clock was told and is home");
    ///     assert_eq!(slowest.name, "clock");
    ///     assert!(slowest.margin > Some(Duration::from_secs(1)));
    ///     Ok(())
    /// })?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[must_use]
    pub fn slowest_home(&self) -> Option<SlowestHome> {
        let home = self.threads.iter().filter_map(|row| Some((row, row.after_stop?, row.ended?)));
        // Of two that took the same time the later one, because it left less of the grace.
        let (row, took, ended) = home.max_by_key(|(_, took, ended)| (*took, *ended))?;
        let margin = self.grace.map(|grace| grace.saturating_sub(ended.after()));
        Some(SlowestHome { thread: row.id, name: row.name.clone(), path: row.path.clone(), took, margin })
    }
}

/// The end of the first line of a report: `; grace 5.00 s, slowest home 9.1 ms (/app/thumbs),
/// margin 4.99 s`. Empty if no thread was told, or if some are not home.
pub(crate) struct Margin<'a>(pub(crate) &'a ShutdownReport);

impl fmt::Display for Margin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A thread that is not home needs more time than any that is.
        let is_over = self.0.threads.iter().all(|row| row.ended.is_some());
        let Some(slowest) = self.0.slowest_home().filter(|_| is_over) else { return Ok(()) };
        f.write_str("; ")?;
        if let Some(grace) = self.0.grace {
            write!(f, "grace {}, ", Span(grace))?;
        }
        write!(f, "slowest home {} ({})", Span(slowest.took), Shown(&slowest.path))?;
        slowest.margin.map_or(Ok(()), |margin| write!(f, ", margin {}", Span(margin)))
    }
}
