//! Owns the picture of a shutdown as SVG.
//! Refuses to place things in time: `layout` does. Here are only pixels.
//!
//! Numbers are tenths of a pixel, written without floating point, whose text takes 15 KiB of code.

use std::fmt::{self, Write};

use crate::outcome::report::shutdown::Ending;
use crate::outcome::waterfall::bar::Bar;
use crate::outcome::waterfall::layout::{Layout, Tick, short, ticks};
use crate::outcome::waterfall::text::{beginning, chain_lines, label, took, without};
use crate::outcome::waterfall::xml::Xml;
use crate::outcome::words::{Span, Thousands};

/// Where the picture will stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a file of its own.
    File,
    /// Inside of a page, which knows what SVG is.
    Page,
}

const WIDTH: u64 = 12_000;
/// The chart, from left to right. The names stand before it, the times after it.
const LEFT: u64 = 2_900;
const RIGHT: u64 = 9_600;
/// The first bar.
const TOP: u64 = 1_060;
/// The height of a row, and the height in a crowded picture.
const ROW: u64 = 220;
const LOW_ROW: u64 = 160;
/// Number of bars that have rows of full height.
const ROOMY: usize = 40;
/// The height of a line of the chain below the chart.
const LINE: u64 = 200;
/// Number of links that are written out.
const LINKS: usize = 16;
/// Characters of a text at the mouse.
const HINT: usize = 160;

const STYLE: &str = "\
svg{background:#fff;font:12px system-ui,sans-serif}text{fill:#1f2430}\
.h{font-size:17px;font-weight:600}.m{fill:#667085}.k{font-weight:600}.e{text-anchor:end}.t{text-anchor:middle}\
.g{stroke:#e3e6ec}.z{fill:#f6f7f9}.w{stroke:#98a2b3;stroke-width:2;stroke-dasharray:2 4}\
.b{fill:#6b9bd1}.q{fill:#a9c7e8}.o{fill:#d92d20}.x{fill:#e67700}.s{stroke:#e67700;stroke-width:2;fill:none}\
.d{stroke:#d92d20;stroke-dasharray:6 4}\
@media(prefers-color-scheme:dark){svg{background:#15181d}text{fill:#e4e7ec}.m{fill:#98a2b3}.g{stroke:#2b3038}\
.z{fill:#1b1f25}.b{fill:#4f86c6}.q{fill:#2f5584}}";

/// Tenths of a pixel, as pixels.
struct Px(u64);

impl fmt::Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % 10 {
            0 => write!(f, "{}", self.0 / 10),
            tenth => write!(f, "{}.{tenth}", self.0 / 10),
        }
    }
}

/// The picture, as the text of an element.
pub(crate) fn draw(layout: &Layout<'_>, place: Place) -> String {
    let mut out = String::new();
    let written = Picture::of(layout).write(&mut out, place);
    debug_assert!(written.is_ok(), "a string takes all that is written");
    out
}

struct Picture<'a> {
    layout: &'a Layout<'a>,
    row: u64,
    /// The first line below the chart.
    bottom: u64,
}

impl<'a> Picture<'a> {
    fn of(layout: &'a Layout<'a>) -> Picture<'a> {
        let row = if layout.bars.len() <= ROOMY { ROW } else { LOW_ROW };
        Picture { layout, row, bottom: TOP + row * layout.bars.len() as u64 }
    }

    fn write(&self, out: &mut String, place: Place) -> fmt::Result {
        let lines = self.layout.chain.len().min(LINKS) as u64 + u64::from(self.layout.chain.len() > LINKS);
        let height = self.bottom + 900 + LINE * lines;
        let (width, height) = (Px(WIDTH), Px(height));
        match place {
            Place::File => write!(
                out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\""
            )?,
            Place::Page => out.write_str("<svg")?,
        }
        write!(out, " viewBox=\"0 0 {width} {height}\" role=\"img\">")?;
        // The page runs and shows only what carries its mark.
        let mark = if place == Place::Page { " nonce=\"page\"" } else { "" };
        write!(out, "<title>{}</title><style{mark}>{STYLE}</style>", Xml(self.headline()))?;
        self.head(out)?;
        self.grid(out)?;
        for (place, bar) in self.layout.bars.iter().enumerate() {
            self.bar(out, bar, TOP + self.row * place as u64)?;
        }
        // After the bars, because SVG paints later elements over earlier ones.
        self.path(out)?;
        self.chain(out)?;
        out.write_str("</svg>\n")
    }

    /// The horizontal place of a moment.
    fn x(&self, at: u64) -> u64 {
        let part = u128::from(at.min(self.layout.end)) * u128::from(RIGHT - LEFT);
        LEFT + u64::try_from(part / u128::from(self.layout.end)).unwrap_or(0)
    }

    fn headline(&self) -> String {
        let report = self.layout.report;
        format!("shutdown of {} in {}", short(self.layout.title, 60), Span(report.duration))
    }

    fn head(&self, out: &mut String) -> fmt::Result {
        let report = self.layout.report;
        write!(out, "<text x=\"14\" y=\"30\" class=\"h\">{}</text>", Xml(self.headline()))?;
        let plural = if report.total == 1 { "" } else { "s" };
        let mut facts = format!("{} thread{plural}", Thousands(report.total as u64));
        if self.layout.without > 0 {
            write!(facts, " ({})", without(self.layout.without))?;
        }
        if let Some(reason) = &report.reason {
            write!(facts, " · {}", short(&reason.to_string(), 100))?;
        }
        if let Some(grace) = report.grace {
            write!(facts, " · grace {}", Span(grace))?;
        }
        if report.timeout > report.away {
            write!(facts, " · {} overdue", report.timeout - report.away)?;
        }
        write!(out, "<text x=\"14\" y=\"52\" class=\"m\">{}</text>", Xml(facts))?;
        let legend = [
            ("waits for its turn", "<path class=\"w\" d=\"M0 0h26\"/>"),
            ("told, not home", "<path class=\"b\" d=\"M0-6h26v12h-26z\"/>"),
            ("overdue", "<path class=\"o\" d=\"M0-6h26v12h-26z\"/>"),
            ("critical chain", "<path class=\"x\" d=\"M0-2h26v4h-26z\"/>"),
        ];
        for (place, (text, mark)) in legend.iter().enumerate() {
            let x = 290 + 150 * place;
            write!(
                out,
                "<g transform=\"translate({x} 74)\">{mark}<text x=\"32\" y=\"4\" class=\"m\">{text}</text></g>"
            )?;
        }
        Ok(())
    }

    fn grid(&self, out: &mut String) -> fmt::Result {
        // Every second row is shaded, to lead the eye from the name to the times.
        for place in (0..self.layout.bars.len() as u64).skip(1).step_by(2) {
            let y = Px(TOP + self.row * place);
            write!(out, "<path class=\"z\" d=\"M0 {y}h{}v{}H0z\"/>", Px(WIDTH), Px(self.row))?;
        }
        for Tick { at, label } in ticks(self.layout.end, 8) {
            let x = Px(self.x(at));
            write!(out, "<path class=\"g\" d=\"M{x} {}V{}\"/>", Px(TOP), Px(self.bottom))?;
            write!(out, "<text x=\"{x}\" y=\"{}\" class=\"m t\">{label}</text>", Px(TOP - 60))?;
        }
        let grace = self.layout.report.grace.and_then(|grace| u64::try_from(grace.as_nanos()).ok());
        // Most shutdowns end long before the grace, which then lies outside of the axis.
        if let Some(grace) = grace.filter(|grace| *grace <= self.layout.end) {
            let x = Px(self.x(grace));
            write!(out, "<path class=\"d\" d=\"M{x} {}V{}\"/>", Px(TOP), Px(self.bottom + 40))?;
            write!(
                out,
                "<text x=\"{x}\" y=\"{}\" class=\"m t\">end of the grace</text>",
                Px(self.bottom + 160)
            )?;
        }
        Ok(())
    }

    fn bar(&self, out: &mut String, bar: &Bar, y: u64) -> fmt::Result {
        let hint = match &bar.crowd {
            Some(crowd) => format!("{} threads", Thousands(crowd.threads as u64)),
            None => format!("{}, {}: {}", bar.label, bar.role, bar.purpose),
        };
        write!(out, "<g><title>{}; {}</title>", Xml(short(&hint, HINT)), Xml(took(bar, self.layout.end)))?;
        let class = if bar.link.is_some() { "k" } else { "n" };
        let text = y + self.row / 2 + 40;
        write!(out, "<text x=\"14\" y=\"{}\" class=\"{class}\">{}</text>", Px(text), Xml(label(bar)))?;
        let (from, until) = (self.x(bar.from), self.x(bar.until(self.layout.end)));
        if let Some(waits) = bar.waits_from {
            let middle = Px(y + self.row / 2);
            write!(out, "<path class=\"w\" d=\"M{} {middle}H{}\"/>", Px(self.x(waits)), Px(from))?;
        }
        // At least two pixels wide, so that it is seen.
        let until = until.max(from + 20);
        let (upper, lower) = (y + self.row / 6, y + self.row - self.row / 6);
        match &bar.crowd {
            // A thread that was not told has the dotted line alone, up to the end of the axis.
            _ if bar.ending == Ending::NotTold => {}
            Some(crowd) => {
                let most = crowd.away.iter().copied().max().unwrap_or(0).max(1) as u64;
                write!(out, "<path class=\"q\" d=\"M{} {}", Px(from), Px(lower))?;
                let step = |place: usize| from + (until - from) * place as u64 / crowd.away.len() as u64;
                for (place, away) in crowd.away.iter().enumerate() {
                    let y = lower - (lower - upper) * *away as u64 / most;
                    write!(out, "L{} {}H{}", Px(step(place)), Px(y), Px(step(place + 1)))?;
                }
                write!(out, "V{}z\"/>", Px(lower))?;
            }
            None => boxed(out, "b", from, until, upper, lower)?,
        }
        if let Some(overdue) = bar.overdue.filter(|_| bar.ending != Ending::NotTold) {
            boxed(out, "o", self.x(overdue).min(until - 20), until, upper, lower)?;
        }
        if bar.home.is_none() && bar.ending != Ending::NotTold {
            // An open end.
            let middle = Px(y + self.row / 2);
            write!(out, "<path class=\"o\" d=\"M{} {}l8 0 0-5 9 7-9 7 0-5-8 0z\"/>", Px(until), middle)?;
        }
        let times = took(bar, self.layout.end);
        write!(out, "<text x=\"{}\" y=\"{}\">{}</text></g>", Px(RIGHT + 220), Px(text), Xml(times))
    }

    /// The critical chain over the bars: the time that each link has taken, and the moments at
    /// which one let the next go on.
    fn path(&self, out: &mut String) -> fmt::Result {
        let rows: Vec<Option<usize>> = (0..self.layout.chain.len())
            .map(|link| self.layout.bars.iter().position(|bar| bar.link == Some(link)))
            .collect();
        // From the stop to the end: a link starts where the links nearer to the stop have ended.
        let mut at = 0;
        let mut before: Option<u64> = None;
        for (link, row) in self.layout.chain.iter().zip(&rows).rev() {
            let start = at;
            at += u64::try_from(link.took.as_nanos()).unwrap_or(0);
            // A link without a bar (the body of an inner scope) has taken its time all the same.
            let Some(row) = row else { continue };
            let y = TOP + self.row * *row as u64 + self.row - self.row / 6;
            if let Some(before) = before.replace(y) {
                write!(out, "<path class=\"s\" d=\"M{} {}V{}\"/>", Px(self.x(start)), Px(before), Px(y))?;
            }
            boxed(out, "x", self.x(start), self.x(at).max(self.x(start) + 20), y - 30, y + 10)?;
        }
        Ok(())
    }

    fn chain(&self, out: &mut String) -> fmt::Result {
        let mut y = self.bottom + 380;
        let mut line = |out: &mut String, class: &str, text: &str| {
            let written =
                write!(out, "<text x=\"14\" y=\"{}\" class=\"{class}\">{}</text>", Px(y), Xml(text));
            y += LINE;
            written
        };
        let chain = &self.layout.chain;
        if chain.is_empty() {
            return Ok(());
        }
        line(out, "k", "critical chain, from the last one home back to the stop")?;
        for (place, text) in chain_lines(self.layout).take(LINKS).enumerate() {
            line(out, "n", &format!("{}{text}", if place == 0 { "" } else { "← " }))?;
        }
        match chain.len().saturating_sub(LINKS) {
            0 => {}
            more => line(out, "m", &format!("← {more} more"))?,
        }
        line(out, "m", &format!("← {}", short(&beginning(self.layout), 120)))
    }
}

/// A box between two columns and two rows.
fn boxed(out: &mut String, class: &str, from: u64, until: u64, upper: u64, lower: u64) -> fmt::Result {
    let (x, y, width, height) = (Px(from), Px(upper), Px(until - from), Px(lower - upper));
    write!(
        out,
        "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"2\"/>"
    )
}
