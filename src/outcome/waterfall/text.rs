//! Owns the picture of a shutdown as text, for terminals and logs.
//! Refuses to place things: `layout` does.

use std::fmt;
use std::time::Duration;

use crate::outcome::report::shutdown::Ending;
use crate::outcome::waterfall::bar::Bar;
use crate::outcome::waterfall::chain::{ChainLink, Delayed};
use crate::outcome::waterfall::layout::{Layout, below, short, ticks};
use crate::outcome::words::{Span, Thousands};
use crate::rt::shown::Shown;

/// Characters of a bar.
const WIDTH: usize = 48;
/// Characters of the longest label.
const LABEL: usize = 32;
/// Number of links of a chain that are shown.
const LINKS: usize = 12;

pub(crate) fn write(f: &mut fmt::Formatter<'_>, layout: &Layout<'_>) -> fmt::Result {
    let labels: Vec<String> = layout.bars.iter().map(label).collect();
    let width = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
    write!(f, "waterfall of {}, {}", Shown(layout.title), Span(layout.report.duration))?;
    write!(f, "\n{:width$}            {}", "", axis(layout.end))?;
    for (bar, label) in layout.bars.iter().zip(labels) {
        let role = bar.role.to_string();
        write!(f, "\n{label:width$}  {role:8}  |{}|  {}", drawn(bar, layout.end), took(bar, layout.end))?;
    }
    if layout.without > 0 {
        write!(f, "\n{}", without(layout.without))?;
    }
    write_chain(f, layout)
}

/// How many threads have no bar.
pub(crate) fn without(threads: usize) -> String {
    let (plural, have) = if threads == 1 { ("", "has") } else { ("s", "have") };
    format!("{} thread{plural} that came home earlier {have} no row", Thousands(threads as u64))
}

/// The name of a bar.
pub(crate) fn label(bar: &Bar) -> String {
    let label = short(&bar.label, LABEL);
    match &bar.crowd {
        Some(crowd) if label.contains('*') => format!("{label} x{}", Thousands(crowd.threads as u64)),
        _ => label,
    }
}

/// How long it took, and how it ended.
pub(crate) fn took(bar: &Bar, end: u64) -> String {
    let took = Span(Duration::from_nanos(bar.until(end) - bar.from));
    match bar.ending {
        Ending::NotTold => "not told yet".to_owned(),
        Ending::Overdue if bar.home.is_some() => format!("{took}  OVERDUE, home later"),
        ending => format!("{took}  {ending}"),
    }
}

/// The place of a moment in a bar.
fn column(at: u64, end: u64) -> usize {
    usize::try_from(u128::from(at.min(end)) * WIDTH as u128 / u128::from(end)).unwrap_or(WIDTH)
}

/// The labels of the axis, each beginning where its mark is.
fn axis(end: u64) -> String {
    let mut axis = String::new();
    for tick in ticks(end, 6) {
        let place = column(tick.at, end) + 1;
        let room = place.saturating_sub(axis.chars().count());
        // A label that would run into the label before it is left out.
        if place >= axis.chars().count() {
            axis.push_str(&format!("{:room$}{}", "", tick.label));
        }
    }
    axis
}

/// The bar as characters.
fn drawn(bar: &Bar, end: u64) -> String {
    let (from, until) = (column(bar.from, end).min(WIDTH - 1), column(bar.until(end), end));
    // A thread that was home at once has a mark, too.
    let until = if bar.ending == Ending::NotTold { from } else { until.max(from + 1) };
    let waits = bar.waits_from.map_or(from, |waits| column(waits, end));
    // The overdue part has one column at least, so that a reader sees it.
    let late = bar.overdue.map_or(until, |overdue| column(overdue, end).min(until - 1));
    let is_away = bar.home.is_none() && bar.ending != Ending::NotTold;
    // The first arm that fits wins: the open end covers the overdue part, and so on down.
    let place = |place: usize| match place {
        _ if is_away && place + 1 == WIDTH => '>',
        _ if (late..until).contains(&place) => '#',
        _ if (from..until).contains(&place) => '=',
        _ if (waits..from).contains(&place) => ':',
        _ => ' ',
    };
    (0..WIDTH).map(place).collect()
}

fn write_chain(f: &mut fmt::Formatter<'_>, layout: &Layout<'_>) -> fmt::Result {
    let chain = &layout.chain;
    if chain.is_empty() {
        return Ok(());
    }
    f.write_str("\ncritical chain, from the last one home back to the stop:")?;
    for (place, text) in chain_lines(layout).take(LINKS).enumerate() {
        let arrow = if place == 0 { "  " } else { "<-" };
        write!(f, "\n  {arrow} {text}")?;
    }
    if let Some(rest) = chain.get(LINKS..).filter(|rest| !rest.is_empty()) {
        let took = rest.iter().map(|link| link.took).sum();
        write!(f, "\n  <- {} more, {}", rest.len(), Span(took))?;
    }
    write!(f, "\n  <- {}", beginning(layout))
}

/// The cause of the shutdown.
pub(crate) fn beginning(layout: &Layout<'_>) -> String {
    match &layout.report.reason {
        Some(reason) => format!("the stop: {reason}"),
        None => "the end of the last worker".to_owned(),
    }
}

/// The links of the chain in words.
pub(crate) fn chain_lines<'a>(layout: &'a Layout<'a>) -> impl Iterator<Item = String> + 'a {
    // The first link has delayed the end of the shutdown, and no other link.
    let before = std::iter::once(None).chain(layout.chain.iter().map(Some));
    layout.chain.iter().zip(before).map(|(link, before)| described(link, before, layout.title))
}

fn name(link: &ChainLink, title: &str) -> String {
    match link.thread {
        Some(_) => short(below(&link.path, title), LABEL),
        None => format!("the body of {}", short(&link.path, LABEL)),
    }
}

/// A link in words. `before`: the link that it has delayed.
fn described(link: &ChainLink, before: Option<&ChainLink>, title: &str) -> String {
    let home = match (link.ended, link.delayed) {
        (_, Delayed::TurnAfterShare) => "until its share was over".to_owned(),
        (Some(ended), _) => format!("home at {ended}"),
        (None, _) => "not home".to_owned(),
    };
    let before = before.map(|before| name(before, title)).unwrap_or_default();
    let then = match link.delayed {
        Delayed::End => String::new(),
        Delayed::Turn | Delayed::TurnAfterShare => format!("; then {before} was told"),
        Delayed::Wait => format!("; {before} waited for it"),
    };
    let waits =
        link.waits.as_ref().map_or_else(String::new, |waits| format!("; waits: {}", short(waits, 80)));
    format!("{}  {}, {home}{then}{waits}", name(link, title), Span(link.took))
}
