//! Owns where things stand in the picture of a shutdown: the bars and their order, and the ticks of
//! the axis.
//! Refuses to draw, and to decide which threads share a bar (`fold` does).

use crate::outcome::report::offset::StopOffset;
use crate::outcome::report::shutdown::{Ending, ShutdownReport, ThreadReport};
use crate::outcome::status::snapshot::Role;
use crate::outcome::waterfall::bar::Bar;
use crate::outcome::waterfall::chain::{ChainLink, critical_chain};
use crate::outcome::waterfall::fold::fold;
use crate::rt::index::Index;
use crate::rt::order::sort_by_key;
use crate::rt::shown::Shown;

/// The picture of a shutdown before it is drawn. All moments are nanoseconds since the stop.
pub(crate) struct Layout<'a> {
    pub(crate) report: &'a ShutdownReport,
    /// The path of the scope.
    pub(crate) title: &'a str,
    /// In the order in which their threads were told.
    pub(crate) bars: Vec<Bar>,
    /// As in the report.
    pub(crate) chain: Vec<ChainLink>,
    /// Number of threads that have no bar because the report has no row of them: of the
    /// threads that are home it keeps the newest.
    pub(crate) without: usize,
    /// The end of the axis, at least 1.
    pub(crate) end: u64,
}

impl<'a> Layout<'a> {
    /// `most`: the number of bars. More threads share bars.
    pub(crate) fn of(report: &'a ShutdownReport, most: usize) -> Layout<'a> {
        let title = report.scopes.first().map_or("", |top| &*top.path);
        let chain = critical_chain(report);
        let links = chain.iter().enumerate().filter_map(|(place, link)| Some((link.thread?.0, place)));
        let links: Index<usize> = links.collect();
        let end = end_of(report);
        let rows = report.threads.iter();
        let mut bars: Vec<Bar> = rows.map(|row| bar(row, title, links.get(row.id.0).copied(), end)).collect();
        bars.extend(body(report, &chain));
        // Sorted after the folding, which leaves the bars in the order of their rank.
        let mut bars = fold(bars, most, end);
        sort_by_key(&mut bars, |bar| (bar.from, bar.until(end), bar.home.is_none()));
        let without = report.total.saturating_sub(report.orphaned + report.threads.len());
        Layout { report, title, bars, chain, without, end }
    }
}

/// The last moment that the picture shows.
fn end_of(report: &ShutdownReport) -> u64 {
    let rows = report.threads.iter();
    let moments = rows.flat_map(|row| [row.told, row.overdue, row.ended]).flatten();
    moments.chain([StopOffset::of(report.duration)]).map(nanos).max().unwrap_or(0).max(1)
}

/// Nanoseconds since the stop; 0 for a moment before it.
fn nanos(at: StopOffset) -> u64 {
    u64::try_from(at.after().as_nanos()).unwrap_or(u64::MAX)
}

fn bar(row: &ThreadReport, title: &str, link: Option<usize>, end: u64) -> Bar {
    let begin = nanos(row.spawned);
    // Without `told`, the thread ended by itself, or it is a service that was not told yet.
    let from = match (row.told, row.ended) {
        (Some(told), _) => nanos(told).max(begin),
        (None, Some(_)) => begin,
        (None, None) => end,
    };
    Bar {
        label: below(&row.path, title).to_owned(),
        purpose: row.purpose.clone(),
        role: row.role,
        ending: row.ending,
        waits_from: (from > begin).then_some(begin),
        from,
        overdue: row.overdue.map(nanos),
        home: row.ended.map(nanos),
        link,
        crowd: None,
    }
}

/// The body of the scope, if it delayed the end.
fn body(report: &ShutdownReport, chain: &[ChainLink]) -> Option<Bar> {
    let top = report.scopes.first()?;
    let body = top.body.as_ref()?;
    let link = chain.iter().position(|link| link.thread.is_none() && link.path == top.path)?;
    Some(Bar {
        label: "(body)".to_owned(),
        purpose: "the body of the scope".to_owned(),
        role: Role::Body,
        ending: match (body.ended, body.overdue) {
            (_, Some(_)) => Ending::Overdue,
            (None, None) => Ending::NotHome,
            (Some(_), None) => Ending::Finished,
        },
        waits_from: None,
        from: top.told.map_or(0, nanos),
        overdue: body.overdue.map(nanos),
        home: body.ended.map(nanos),
        link: Some(link),
        crowd: None,
    })
}

/// A path, without the path of the scope around it.
pub(crate) fn below<'a>(path: &'a str, title: &str) -> &'a str {
    path.strip_prefix(title).and_then(|rest| rest.strip_prefix('/')).unwrap_or(path)
}

/// A text as it is shown, at most `most` characters long. The middle is left out, because names
/// often differ at the end.
pub(crate) fn short(text: &str, most: usize) -> String {
    // Only the beginning and the end are looked at, because the text may be long.
    let is_long = text.chars().nth(most).is_some();
    let (head, tail) = (most - most / 2 - 1, most / 2);
    let shown = match is_long {
        false => Shown(text).to_string(),
        true => {
            let from = text.char_indices().rev().nth(tail.saturating_sub(1)).map_or(0, |(at, _)| at);
            let until = text.char_indices().nth(head).map_or(text.len(), |(at, _)| at);
            let part = |part: Option<&str>| Shown(part.unwrap_or_default()).to_string();
            format!("{}…{}", part(text.get(..until)), part(text.get(from..)))
        }
    };
    // Escapes have made it longer.
    if shown.chars().nth(most).is_none() {
        return shown;
    }
    let (shown, mut text) = (shown.chars().collect::<Vec<_>>(), String::new());
    text.extend(shown.iter().take(head));
    text.push('…');
    text.extend(shown.iter().skip(shown.len().saturating_sub(tail)));
    text
}

/// A mark of the axis.
pub(crate) struct Tick {
    pub(crate) at: u64,
    pub(crate) label: String,
}

/// The marks of an axis from 0 to `end`, at most `most`, at round numbers of one unit.
pub(crate) fn ticks(end: u64, most: u64) -> Vec<Tick> {
    // The units, and their nanoseconds.
    let (unit, name) = match end {
        1_000_000_000.. => (1_000_000_000, "s"),
        1_000_000.. => (1_000_000, "ms"),
        _ => (1_000, "us"),
    };
    let steps = (0..19).flat_map(|power| [1, 2, 5].map(|factor| factor * 10u64.pow(power)));
    let step = steps.into_iter().find(|step| end / step < most).unwrap_or(end);
    // As many digits behind the point as the step has.
    let digits = (0..9).find(|digits| step % (unit / 10u64.pow(*digits)).max(1) == 0).unwrap_or(0);
    let label = |at: u64| match digits {
        _ if at == 0 => "0".to_owned(),
        0 => format!("{} {name}", at / unit),
        _ => {
            let part = at % unit / (unit / 10u64.pow(digits)).max(1);
            format!("{}.{part:0width$} {name}", at / unit, width = digits as usize)
        }
    };
    (0..=end / step).map(|place| Tick { at: place * step, label: label(place * step) }).collect()
}
