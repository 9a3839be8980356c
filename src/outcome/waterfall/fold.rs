//! Owns which threads share a bar when there are more threads than a picture has room for.
//! Refuses to draw.
//!
//! Links of the critical chain keep bars of their own. Other threads share a bar if their paths
//! differ in digits only and they ended alike. If that is not enough, the least remarkable bars
//! become one.

use std::cmp::Reverse;

use crate::outcome::report::shutdown::Ending;
use crate::outcome::together::{hash_of, together};
use crate::outcome::waterfall::bar::{Bar, Crowd};
use crate::outcome::words::pattern;
use crate::rt::order::sort_by_key;

/// Number of threads that are alike, from which on they share a bar.
const ALIKE: usize = 3;
/// Number of steps in the curve of a bar that several threads share.
const STEPS: u64 = 60;

/// The bars of a picture with room for `most` bars. `end`: the end of the axis.
pub(crate) fn fold(bars: Vec<Bar>, most: usize, end: u64) -> Vec<Bar> {
    if bars.len() <= most {
        return bars;
    }
    let mut groups = alike(bars);
    // The remarkable ones first.
    sort_by_key(&mut groups, |group| Reverse(rank(group, end)));
    // One place is for the rest, if there is a rest.
    let kept = if groups.len() > most { most.saturating_sub(1) } else { most };
    let (mut folded, mut rest) = (Vec::new(), Vec::new());
    for (place, group) in groups.into_iter().enumerate() {
        if place < kept { folded.extend(shared(group, end)) } else { rest.extend(group) }
    }
    // `None` if there is no rest.
    if let Some(mut bar) = crowd(rest, end) {
        bar.label = format!("{} more", bar.threads());
        bar.purpose = "threads without a bar of their own".to_owned();
        folded.push(bar);
    }
    folded
}

/// Bars that may become one.
fn alike(bars: Vec<Bar>) -> Vec<Vec<Bar>> {
    together(bars, |bar| bar.link.is_none().then(|| hash_of(&(pattern(&bar.label), bar.role, bar.ending))))
}

/// How remarkable a group is: links of the chain, then threads that are late or failed, then the
/// slow ones.
fn rank(group: &[Bar], end: u64) -> (bool, bool, u64) {
    let is_link = group.iter().any(|bar| bar.link.is_some());
    let is_odd = group.iter().any(|bar| !matches!(bar.ending, Ending::Finished | Ending::Stopped));
    let slowest = group.iter().map(|bar| bar.until(end) - bar.from).max();
    (is_link, is_odd, slowest.unwrap_or(0))
}

/// One bar for many, or the bars as they are if they are few.
fn shared(group: Vec<Bar>, end: u64) -> Vec<Bar> {
    if group.len() < ALIKE {
        return group;
    }
    let label = group.first().map(|bar| pattern(&bar.label)).unwrap_or_default();
    crowd(group, end).map(|bar| Bar { label, ..bar }).into_iter().collect()
}

/// One bar for all of these.
fn crowd(bars: Vec<Bar>, end: u64) -> Option<Bar> {
    let from = bars.iter().map(|bar| bar.from).min()?;
    let until = bars.iter().map(|bar| bar.until(end)).max()?;
    let is_away = bars.iter().any(|bar| bar.home.is_none());
    let away = |step: u64| {
        let at = from + (until - from) / STEPS * step;
        bars.iter().filter(|bar| bar.from <= at && (bar.home.is_none() || at < bar.until(end))).count()
    };
    // Each number is counted at the beginning of its step. So the first number has all threads that
    // were told at `from`.
    let away = (0..STEPS).map(away).collect();
    Some(Bar {
        waits_from: bars.iter().filter_map(|bar| bar.waits_from).min(),
        from,
        overdue: bars.iter().filter_map(|bar| bar.overdue).min(),
        home: (!is_away).then_some(until),
        link: None,
        crowd: Some(Crowd { threads: bars.len(), away }),
        // The last one home, whose end the bar shows. Bars of the rest may have ended otherwise.
        ..bars.into_iter().max_by_key(|bar| bar.until(end))?
    })
}
