//! Owns the picture of a shutdown: which thread was told when and came home when, and which chain
//! of threads delayed the end.
//! Refuses to collect: it takes a report, and returns text.
//!
//! Read `chain` first, then `layout`; `text`, `svg` and `html` draw what `layout` has placed.

mod bar;
pub(crate) mod chain;
mod fold;
mod graph;
mod html;
mod layout;
mod svg;
mod text;
mod xml;

use std::fmt;

use crate::outcome::report::shutdown::ShutdownReport;
use crate::outcome::waterfall::chain::{ChainLink, critical_chain};
use crate::outcome::waterfall::layout::Layout;

/// Number of bars of a picture. More threads are folded into bars of several threads.
const BARS: usize = 80;
/// Number of bars in a text.
const LINES: usize = 40;
/// Number of bars in the text below a report.
const FEW_LINES: usize = 12;

/// A shutdown as a picture: a bar for each thread, from the moment at which it was told to stop to
/// the moment at which it was home. See [`ShutdownReport::waterfall`].
///
/// `Display` draws it with characters, for a terminal.
///
/// | in the picture | in the text | the thread |
/// |---|---|---|
/// | dotted | `:` | waits for its turn: a service is told after its users |
/// | blue | `=` | was told to stop, and is not home |
/// | red | `#` | is overdue: its share of the grace is over |
/// | an open end | `>` | was not home when the report was made |
#[derive(Debug, Clone)]
pub struct Waterfall {
    report: ShutdownReport,
}

impl ShutdownReport {
    /// Returns the shutdown as a picture: text by `Display`, or a file by
    /// [`to_svg`](Waterfall::to_svg) and [`to_html`](Waterfall::to_html).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let report = homebound::scope(|scope| {
    ///     scope.service("database", "told last", |cx| Ok(drop(cx.wait_for_stop())))?;
    ///     scope.service("web", "told first", |cx| Ok(drop(cx.wait_for_stop())))?;
    ///     Ok(scope.shutdown(Duration::from_secs(5)))
    /// })?;
    /// println!("{}", report.waterfall()); // a bar for each thread
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[must_use]
    pub fn waterfall(&self) -> Waterfall {
        Waterfall { report: self.clone() }
    }

    /// Returns the chain of threads that delayed the end of the shutdown: the last thread that came
    /// home, then the thread for which that one had to wait, and so on, back to the stop. Empty if
    /// the report has no thread.
    ///
    /// A service waits for its turn: it is told to stop when its users and all younger services are
    /// home, or have used up their shares. A thread that runs a scope, closes a group or joins
    /// another thread waits for these. A body or worker next to the stop that took less than a 20th
    /// of the whole time is left out.
    ///
    /// The chain is made from the rows of [`threads`](Self::threads). So it may be too short if the
    /// report had more threads than it has rows. Two things leave no trace: a wait for a message of
    /// another thread, and what a callback or a deferred function has waited for.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let report = homebound::scope(|scope| {
    ///     scope.service("database", "told last", |cx| Ok(drop(cx.wait_for_stop())))?;
    ///     scope.service("web", "told first", |cx| Ok(drop(cx.wait_for_stop())))?;
    ///     Ok(scope.shutdown(Duration::from_secs(5)))
    /// })?;
    /// let paths: Vec<_> = report.critical_chain().into_iter().map(|link| link.path).collect();
    /// assert!(paths[0].ends_with("database") && paths[1].ends_with("web"));
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[must_use]
    pub fn critical_chain(&self) -> Vec<ChainLink> {
        critical_chain(self)
    }
}

impl Waterfall {
    /// Returns the picture as an SVG file, at most 200 KB. Threads that are alike share a bar if
    /// there are many.
    ///
    /// Names and purposes are escaped, so a name cannot change the picture.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let report = homebound::scope(|scope| {
    ///     scope.service("clock", "waits to be told", |cx| Ok(drop(cx.wait_for_stop())))?;
    ///     Ok(scope.shutdown(Duration::from_secs(5)))
    /// })?;
    /// let svg = report.waterfall().to_svg();
    /// assert!(svg.starts_with("<svg ") && svg.contains("clock"));
    /// // std::fs::write("shutdown.svg", svg)?;
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[must_use]
    pub fn to_svg(&self) -> String {
        svg::draw(&Layout::of(&self.report, BARS), svg::Place::File)
    }

    /// Returns the picture as a page of its own, at most 200 KB, with a table of the threads. The
    /// page loads nothing: it needs no network, and can be sent as one file.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let report = homebound::scope(|scope| {
    ///     scope.service("clock", "waits to be told", |cx| Ok(drop(cx.wait_for_stop())))?;
    ///     Ok(scope.shutdown(Duration::from_secs(5)))
    /// })?;
    /// let page = report.waterfall().to_html();
    /// assert!(page.starts_with("<!DOCTYPE html>") && page.contains("clock"));
    /// # Ok::<(), homebound::ScopeError>(())
    /// ```
    #[must_use]
    pub fn to_html(&self) -> String {
        html::page(&self.report, &Layout::of(&self.report, BARS))
    }
}

impl fmt::Display for Waterfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write(f, &Layout::of(&self.report, LINES))
    }
}

/// Writes the short form below a report.
pub(crate) fn write_below(f: &mut fmt::Formatter<'_>, report: &ShutdownReport) -> fmt::Result {
    text::write(f, &Layout::of(report, FEW_LINES))
}
