//! Owns the picture of a shutdown: which thread was told when and came home when, and which chain
//! of threads delayed the end.
//! Refuses to collect: it takes a report, and returns text.
//!
//! Read `chain` first, then `layout`; `text`, `svg` and `html` draw what `layout` has placed.

pub(crate) mod chain;
mod fold;
mod graph;
mod html;
mod layout;
mod svg;
mod text;
mod xml;

use std::fmt;

use crate::outcome::report::ShutdownReport;
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

impl Waterfall {
    pub(crate) fn of(report: &ShutdownReport) -> Waterfall {
        Waterfall { report: report.clone() }
    }

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
